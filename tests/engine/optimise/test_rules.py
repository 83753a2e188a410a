"""What becomes of the rules of a phase; that they do the same is held by tests/property."""

from __future__ import annotations

from tests.evaluation import node_of

from policyc.engine.cel.show import show
from policyc.engine.generate.rule import RuleCode
from policyc.engine.optimise.rules import optimise_rules, plain_rules


def rules(*texts: str) -> list[RuleCode]:
    return [RuleCode(node_of(text), (), (), f"rule {text}") for text in texts]


def test_conditions_are_optimised_and_tell_of_errors_as_they_were_written() -> None:
    made = optimise_rules(rules("req.method == 'a' || req.method == 'b'"))
    [rule] = made.rules
    assert rule.condition is not None
    assert rule.told is not None
    assert show(rule.condition) == "req.method in {'a', 'b'}"
    assert show(rule.told) == "req.method == 'a' || req.method == 'b'"
    assert made.conditions == (rule.condition,)


def test_what_is_known_only_after_the_passes_drops_a_rule() -> None:
    made = optimise_rules(rules("1 > 2 && req.method == 'a'", "req.method == 'a'"))
    assert made.numbers == (1,)


def test_stretches_are_in_places_not_in_numbers() -> None:
    texts = ["false", *(f"req.url.path == '/{i}'" for i in range(9))]
    made = optimise_rules(rules(*texts))
    assert made.numbers == tuple(range(1, 10))
    assert [(each.first, each.end, each.is_dispatched) for each in made.stretches] == [(0, 9, True)]
    assert len(made.atoms) == 9


def test_plain_rules_are_what_was_written() -> None:
    given = rules("false", *(f"req.url.path == '/{i}'" for i in range(9)))
    made = plain_rules(given)
    assert made.rules == tuple(given)
    assert [each.is_dispatched for each in made.stretches] == [False]
    assert plain_rules([]).stretches == ()
