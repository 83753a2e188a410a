"""The function that decides, as it is written."""

from __future__ import annotations

from tests.evaluation import node_of

from policyc.engine.additions import AddToRequest
from policyc.engine.cel import ir
from policyc.engine.decision import Decided, ForwardTo
from policyc.engine.generate.phase import PhaseCode, RuleCode, compile_phase
from policyc.engine.outcome import Close
from policyc.engine.traffic import Exchange, KnownLines

ADD = AddToRequest(KnownLines([("x-a", "1")]), {})
SPLIT = AddToRequest(KnownLines([("x-a", "1\r\nx-b: 2")]), {})


def stop(x: Exchange) -> Close:
    return Close("stop")


def rule(text: str, *steps: object, ends: bool = False) -> RuleCode:
    resumes = tuple(isinstance(step, ForwardTo) for step in steps)
    condition: ir.Node | None = node_of(text) if text else None
    return RuleCode(condition, steps, resumes, text, ends)  # type: ignore[arg-type]


def source(*rules: RuleCode) -> str:
    made = PhaseCode(rules, decides=True).source
    return made[made.index("def d0") :] if "def d0" in made else ""


def test_rules_look_and_nothing_is_done() -> None:
    made = source(
        rule("req.method == 'PUT'", stop, ends=True),
        rule("req.method == 'GET'", ADD),
        rule("", ADD, ADD),
        rule("req.method == 'POST'", ADD, ForwardTo("http://a.internal"), ends=True),
    )
    lines = [line.strip() for line in made.splitlines()]
    assert [line for line in lines if line.startswith("m ")] == ["m = 0", "m += 1", "m += 2", "m += 4"]
    assert lines.count("return None") == 2
    assert "acted" not in made


def test_what_follows_a_forward_for_all_is_not_written() -> None:
    made = source(
        rule("req.method == 'PUT'", stop, ends=True),
        rule("", ForwardTo("http://a.internal"), ends=True),
        rule("req.method == 'GET'", stop, ends=True),
    )
    assert "'PUT'" in made
    assert "'GET'" not in made


def test_lines_that_are_not_well_formed_are_no_known_ones() -> None:
    assert source(rule("", SPLIT)) == ""
    assert source(rule("", ADD)) != ""


def test_reference_and_other_phases_do_not_decide() -> None:
    rules = [rule("req.method == 'PUT'", stop, ends=True)]
    assert isinstance(compile_phase(rules, decides=True), Decided)
    assert not isinstance(compile_phase(rules), Decided)
    assert not isinstance(compile_phase(rules, optimised=False, decides=True), Decided)
