"""Which rules are dispatched: stretches of neighbouring rules, and the atom of each that picks it.

A stretch is worth dispatching where looking up costs less than trying each of its rules. Of several atoms the
one with the fewest rules for a value is taken, so that a look-up leaves few rules to try. A stretch asks few
probes: rules that would need another one are tried in their places and cut it in two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from policyc.engine.optimise.atoms import Atom
from policyc.engine.optimise.probe import Kind, Probe

PROBES = 6  # what a stretch may ask, at most

# What trying one rule in vain takes and what asking a probe takes, in ns (benchmarks/test_index.py).
TRIED: Mapping[Kind, int] = {"exact": 10, "prefix": 40, "suffix": 40, "network": 70, "first": 40, "any": 45}
ASKED: Mapping[Kind, int] = {
    "exact": 40,
    "prefix": 180,
    "suffix": 230,
    "network": 110,
    "first": 110,
    "any": 190,
}
_TOGETHER = 60  # putting the findings of several probes in order


class Stretch(NamedTuple):
    """Rules from `first` up to, not including, `end`; `atoms` picks each, none if they are just tried."""

    first: int
    end: int
    atoms: tuple[Atom, ...] = ()

    @property
    def is_dispatched(self) -> bool:
        """Whether the rules are dispatched."""
        return bool(self.atoms)


def stretches(rules: Sequence[Sequence[Atom]]) -> list[Stretch]:
    """Return the rules (each the atoms of its condition) in stretches that are dispatched or tried."""
    made: list[Stretch] = []
    first = 0
    while first < len(rules):
        end = first
        while end < len(rules) and bool(rules[end]) is bool(rules[first]):
            end += 1
        made += _cut(rules, first, end) if rules[first] else [Stretch(first, end)]
        first = end
    return _joined(made)


def _cut(rules: Sequence[Sequence[Atom]], first: int, end: int) -> Iterable[Stretch]:
    """Give the stretches of rules that all have atoms.

    A rule whose probe is not worth asking for the rules of the stretch is tried, and what is left on both
    sides of it is looked at anew.
    """
    chosen = choose(dict(enumerate(rules[first:end], first)))
    dear = _dear(chosen.values())
    found = {at for at in chosen if not chosen[at].probes & dear}
    if len(found) == end - first:
        atoms = tuple(chosen[at] for at in range(first, end))
        yield Stretch(first, end, atoms if is_worth(atoms) else ())
        return
    at = first
    while at < end:
        stop = at
        while stop < end and (stop in found) is (at in found):
            stop += 1
        if at in found:
            yield from _cut(rules, at, stop)
        else:
            yield Stretch(at, stop)
        at = stop


def _dear(atoms: Iterable[Atom]) -> frozenset[Probe]:
    """Return the probes that take longer to ask than trying the rules that ask them."""
    tried: Counter[Probe] = Counter()
    for atom in atoms:
        tried.update({probe: TRIED[probe.kind] for probe in atom.probes})
    return frozenset(probe for probe, ns in tried.items() if ns <= ASKED[probe.kind])


def _joined(found: Iterable[Stretch]) -> list[Stretch]:
    """Return the stretches with neighbours that are both tried as one."""
    made: list[Stretch] = []
    for each in found:
        if made and not each.atoms and not made[-1].atoms:
            made[-1] = Stretch(made[-1].first, each.end)
        else:
            made.append(each)
    return made


def choose(rules: Mapping[int, Sequence[Atom]]) -> dict[int, Atom]:
    """Return for each rule the atom that is best to look it up by; without those that none is for."""
    chosen = _choose(rules)
    probes = Counter(probe for atom in chosen.values() for probe in atom.probes)
    if len(probes) <= PROBES:
        return chosen
    kept = frozenset(probe for probe, _ in probes.most_common(PROBES))
    few = {number: [atom for atom in atoms if atom.probes <= kept] for number, atoms in rules.items()}
    return _choose({number: atoms for number, atoms in few.items() if atoms})


def _choose(rules: Mapping[int, Sequence[Atom]]) -> dict[int, Atom]:
    rivals = Counter(
        (alternative.probe, alternative.value)
        for atoms in rules.values()
        for atom in atoms
        for alternative in atom.alternatives
    )
    askers = Counter(probe for atoms in rules.values() for atom in atoms for probe in atom.probes)

    def merit(atom: Atom) -> tuple[int, int, int]:
        """Few rules for its values, then a probe that many ask, then a cheap one."""
        left = sum(rivals[alternative.probe, alternative.value] for alternative in atom.alternatives)
        return (
            left,
            -min(askers[probe] for probe in atom.probes),
            sum(ASKED[probe.kind] for probe in atom.probes),
        )

    return {number: min(atoms, key=merit) for number, atoms in rules.items() if atoms}


def is_worth(atoms: Sequence[Atom]) -> bool:
    """Return whether looking rules up takes less than trying them."""
    tried = sum(TRIED[probe.kind] for atom in atoms for probe in atom.probes)
    probes: set[Probe] = set().union(*(atom.probes for atom in atoms))
    asked = sum(ASKED[probe.kind] for probe in probes)
    return tried > asked + (_TOGETHER if len(probes) > 1 else 0)
