"""What answers when generated code breaks, and what runs the rest of a rule."""

from __future__ import annotations

import pytest
from tests.evaluation import exchange, node_of

from policyc.engine.generate.module import Body
from policyc.engine.generate.rule import RuleCode
from policyc.engine.generate.unit import Origins, Unit, condition_failed
from policyc.engine.outcome import Close, Fail, Outcome
from policyc.engine.traffic import Exchange
from policyc.engine.values import EvalError


def marked() -> Origins:
    """Return where a condition begins in line 3, a step in line 5, another rule's condition in line 9."""
    origins = Origins({0: "first", 1: "second"})
    for mark in ((3, 0, True), (5, 0, False), (9, 1, True)):
        origins.mark(*mark)
    return origins


@pytest.mark.parametrize(
    ("line", "rule"),
    [(2, None), (3, (0, True)), (4, (0, True)), (5, (0, False)), (8, (0, False)), (9, (1, True))],
)
def test_a_line_belongs_to_the_last_piece_that_begins_before_it(
    line: int, rule: tuple[int, bool] | None
) -> None:
    assert marked().rule_at(line) == rule


def raised(error: BaseException, line: int) -> BaseException:
    """Return the error as line `line` of some generated code raised it."""
    code = "\n" * (line - 1) + "raise error"
    with pytest.raises(type(error)) as caught:
        exec(compile(code, "<generated>", "exec"), {"error": error})
    assert caught.tb.tb_next is not None
    return error.with_traceback(caught.tb.tb_next)


def test_an_evaluation_error_of_a_condition_is_2254() -> None:
    outcome = marked().broken(raised(EvalError("no_such_key", "no such key: 'a'"), 9))
    assert outcome == condition_failed("second", "no such key: 'a'")


def test_an_evaluation_error_of_a_step_is_2300() -> None:
    outcome = marked().broken(raised(EvalError("no_such_key", "no such key: 'a'"), 6))
    assert isinstance(outcome, Fail)
    assert outcome.code == 2300
    assert outcome.detail is not None
    assert outcome.detail.startswith("first: EvalError:")
    assert outcome.detail.endswith(" at <generated>:6")


def test_a_defect_in_a_condition_is_2300_and_tells_nothing_to_the_client() -> None:
    outcome = marked().broken(raised(KeyError("inside"), 3))
    assert isinstance(outcome, Fail)
    assert (outcome.code, outcome.message) == (2300, "internal error while processing a policy")
    assert "inside" in (outcome.detail or "")


def test_an_error_from_nowhere_fails_closed_too() -> None:
    outcome = marked().broken(ValueError("odd"))
    assert isinstance(outcome, Fail)
    assert outcome.detail == "?: ValueError: odd"


def failing(condition: str, told: str | None = None) -> Outcome | None:
    rule = RuleCode(node_of(condition), (), (), told=None if told is None else node_of(told))
    return Unit({0: "the rule"}).failed(0, rule)(exchange())


def test_a_failure_says_why() -> None:
    outcome = failing("req.headers['x'][0] == 'a'")
    assert isinstance(outcome, Fail)
    assert outcome.code == 2254
    assert (outcome.detail or "").startswith("the rule: ")
    assert "x" in (outcome.detail or "")


def test_a_failure_is_told_of_what_the_user_wrote() -> None:
    written = failing("req.headers['y'][0] == 'a'")
    assert failing("req.headers['x'][0] == 'a'", told="req.headers['y'][0] == 'a'") == written


def test_a_failure_that_does_not_come_again_is_one_all_the_same() -> None:
    assert failing("req.host == 'a'") == condition_failed("the rule", "an error that did not come again")


def with_rest(rest: str, after: Outcome | None) -> Outcome | None:
    """Run a tail whose rest of the rule is the statement `rest`."""

    def run_after(x: Exchange) -> Outcome | None:
        x.vars["after"] = True
        return after

    unit = Unit({0: "rule 1"})
    tail = unit.tail("r1", run_after)
    unit.module.write("r1", ["x"], Body(unit.module), [rest])
    unit.load("test")
    return tail(exchange())


def test_a_tail_runs_the_rest_and_then_what_comes_after() -> None:
    assert with_rest("return None", Close("after")) == Close("after")


def test_a_rest_that_ends_the_phase_is_the_end() -> None:
    unit = Unit({0: "rule 1"})
    end = unit.module.capture(Close("rest"))
    tail = unit.tail("r1", lambda x: pytest.fail("what comes after must not run"))
    unit.module.write("r1", ["x"], Body(unit.module), [f"return {end}"])
    unit.load("test")
    assert tail(exchange()) == Close("rest")


def test_a_tail_without_a_rest_runs_what_comes_after() -> None:
    unit = Unit({0: "rule 1"})
    tail = unit.tail(None, lambda x: Close("after"))
    unit.load("test")
    assert tail(exchange()) == Close("after")
