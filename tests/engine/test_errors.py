from __future__ import annotations

from tests.engine.policies import found

from policyc.engine.errors import PolicycError


def test_the_message_names_the_first_error_and_counts_the_others() -> None:
    diagnostics = tuple(found("on_http_request { when true { nope } bogus }"))
    error = PolicycError("no good", diagnostics)
    assert str(error) == "no good: a.policy:1:31: there is no action `nope` [P0301] (and 1 more)"
    assert error.diagnostics == diagnostics


def test_without_diagnostics_the_message_is_all() -> None:
    assert str(PolicycError("no good")) == "no good"
