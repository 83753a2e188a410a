from __future__ import annotations

from policyc.engine.options import DEFAULT_ACCOUNT, Options


def test_without_options_nothing_is_known_and_nothing_tolerated() -> None:
    options = Options()
    assert (options.endpoint, options.type, options.target) == (None, None, None)
    assert not any([options.lenient, options.strict, options.for_run])
    assert options.account == DEFAULT_ACCOUNT
