"""The parts of a phase, in turn."""

from __future__ import annotations

from tests.evaluation import exchange

from policyc.engine.generate.parts import Parts
from policyc.engine.outcome import Close, Outcome
from policyc.engine.traffic import Exchange


def go_on(x: Exchange) -> Outcome | None:
    return None


def test_parts_run_until_one_ends_the_phase() -> None:
    parts = Parts()
    since = parts.since(1)
    parts.parts = (go_on, lambda x: Close("second"), lambda x: Close("third"))
    assert parts.all(exchange()) == Close("second")
    assert since(exchange()) == Close("second")
    assert parts.since(2)(exchange()) == Close("third")
    assert parts.since(3)(exchange()) is None
