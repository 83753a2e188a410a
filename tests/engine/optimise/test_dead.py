"""Rules that never act."""

from __future__ import annotations

from tests.evaluation import node_of

from policyc.engine.generate.rule import RuleCode
from policyc.engine.optimise.dead import constant, drop_dead
from policyc.engine.outcome import Close


def rule(when: str | None = None, *, ends: bool = False) -> RuleCode:
    return RuleCode(None if when is None else node_of(when), (lambda x: Close(),), (False,), "", ends)


def test_rules_that_are_never_true_are_dropped_and_the_others_keep_their_numbers() -> None:
    kept = drop_dead([rule("false"), rule("req.method == 'a'"), rule("false"), rule()])
    assert [number for number, _ in kept] == [1, 3]


def test_rules_behind_one_that_always_ends_are_dropped() -> None:
    kept = drop_dead([rule("req.method == 'a'", ends=True), rule(), rule("true", ends=True), rule(), rule()])
    assert [number for number, _ in kept] == [0, 1, 2]


def test_rule_that_is_always_true_has_no_condition() -> None:
    assert [each.condition for _, each in drop_dead([rule("true")])] == [None]


def test_failing_constant_is_no_constant() -> None:
    assert constant(node_of("1 / 0 == 1")) is None
    assert constant(node_of("vars.a")) is None
    assert constant(None) is True
