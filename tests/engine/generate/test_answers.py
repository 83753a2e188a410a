"""What answers when generated code breaks."""

from __future__ import annotations

import pytest
from tests.evaluation import exchange, node_of

from policyc.engine.generate.answers import Failed, Origins, Resumed, condition_failed
from policyc.engine.outcome import Close, Fail
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


def test_a_condition_that_failed_is_evaluated_once_more_for_the_log() -> None:
    outcome = Failed("the rule", node_of("req.headers['x'][0] == 'a'"))(exchange())
    assert isinstance(outcome, Fail)
    assert outcome.code == 2254
    assert (outcome.detail or "").startswith("the rule: ")


def test_the_rest_of_a_rule_comes_before_what_follows_it() -> None:
    resumed = Resumed(lambda x: Close("after"))
    assert resumed(exchange()) == Close("after")
    resumed.rest = lambda x: Close("rest")
    assert resumed(exchange()) == Close("rest")
