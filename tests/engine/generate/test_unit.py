"""What generated functions of a phase are given: answers for failures, the rest of a rule."""

from __future__ import annotations

import pytest
from tests.evaluation import exchange, node_of

from policyc.engine.generate.answers import condition_failed
from policyc.engine.generate.module import Body
from policyc.engine.generate.rule import RuleCode
from policyc.engine.generate.unit import Unit
from policyc.engine.outcome import Close, Fail, Outcome
from policyc.engine.traffic import Exchange


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
