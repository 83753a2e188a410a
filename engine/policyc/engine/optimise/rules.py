"""What becomes of the rules of a phase: optimised, dead ones dropped, stretches to dispatch found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from policyc.engine.cel import ir
from policyc.engine.generate.rule import RuleCode
from policyc.engine.optimise.atoms import Atom, atoms_of
from policyc.engine.optimise.dead import drop_dead
from policyc.engine.optimise.passes import optimise
from policyc.engine.optimise.runs import Stretch, stretches


class Optimised(NamedTuple):
    """Rules that may act, by place: their numbers among all, their atoms, and what is dispatched."""

    numbers: tuple[int, ...]
    rules: tuple[RuleCode, ...]
    atoms: tuple[tuple[Atom, ...], ...]
    stretches: tuple[Stretch, ...]

    @property
    def conditions(self) -> tuple[ir.Node | None, ...]:
        """The conditions, by place."""
        return tuple(rule.condition for rule in self.rules)


def optimise_rules(rules: Sequence[RuleCode]) -> Optimised:
    """Return the rules optimised; each tells of errors as it was written."""
    kept = drop_dead(list(map(_optimised, rules)))
    atoms = tuple(atoms_of(rule.condition) for _, rule in kept)
    numbers = tuple(number for number, _ in kept)
    return Optimised(numbers, tuple(rule for _, rule in kept), atoms, tuple(stretches(atoms)))


def _optimised(rule: RuleCode) -> RuleCode:
    if rule.condition is None:
        return rule
    return rule._replace(condition=optimise(rule.condition), told=rule.condition)


def plain_rules(rules: Sequence[RuleCode]) -> Optimised:
    """Return the rules as they are, to be tried one after the other."""
    count = len(rules)
    tried = (Stretch(0, count),) if count else ()
    return Optimised(tuple(range(count)), tuple(rules), ((),) * count, tried)
