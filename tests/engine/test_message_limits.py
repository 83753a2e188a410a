from policyc.engine.message_limits import DEFAULTS
from policyc.runtime.settings import Settings


def test_the_defaults_are_those_of_the_gateway() -> None:
    assert Settings().message_limits() == DEFAULTS


def test_a_gateway_with_other_limits_says_so() -> None:
    limits = Settings(head_limit_bytes=1 << 20, fields_limit=500).message_limits()
    assert (limits.head, limits.fields) == (1 << 20, 500)
