"""Fields that fail while traffic flows."""

from __future__ import annotations

from tests.engine.exchanges import exchange

from policyc.engine.outcome import Fail
from policyc.engine.schema import FieldFault, guarded
from policyc.engine.traffic import Exchange

FAULT = FieldFault(3900, "add-headers", "headers.x-a", "no such key: secret-of-the-client")


def test_the_message_names_action_and_field_and_tells_nothing_else() -> None:
    assert FAULT.message == "field `headers.x-a` of action `add-headers` could not be evaluated"
    assert FAULT.error() == {"code": "ERR_NGROK_3900", "message": FAULT.message}
    assert FAULT.outcome() == Fail(3900, FAULT.message, 500, "no such key: secret-of-the-client")


def test_a_bad_pattern_is_called_one() -> None:
    assert "regular expression" in FieldFault(3901, "redirect", "from", "missing )").message


def test_a_guarded_step_answers_the_failure() -> None:
    def step(_x: Exchange) -> None:
        raise FAULT

    assert guarded(step)(exchange()) == FAULT.outcome()
    assert guarded(lambda _x: None)(exchange()) is None
