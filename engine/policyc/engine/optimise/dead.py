"""Rules that never act are dropped: those whose condition is never true, and those that are never reached."""

from __future__ import annotations

from collections.abc import Sequence

from policyc.engine.cel import ir
from policyc.engine.generate.rule import RuleCode


def drop_dead(rules: Sequence[RuleCode]) -> list[tuple[int, RuleCode]]:
    """Return the rules that may act, each with its number among all, from 0."""
    kept = []
    for number, rule in enumerate(rules):
        known = constant(rule.condition)
        if known is False:
            continue
        kept.append((number, rule._replace(condition=None) if known else rule))
        if known and rule.ends:
            break
    return kept


def constant(condition: ir.Node | None) -> bool | None:
    """Return what an optimised condition always is, None if traffic decides; a rule without one acts."""
    if condition is None:
        return True
    if isinstance(condition, ir.Const) and isinstance(condition.value, bool):
        return condition.value
    return None
