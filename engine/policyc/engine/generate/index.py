"""The tables of rules that are dispatched (dispatch.py), made of the atoms of their conditions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from policyc.engine.cel import ir
from policyc.engine.generate import tables
from policyc.engine.generate.dispatch import Level, LookUp
from policyc.engine.generate.expression import compile_value
from policyc.engine.generate.tables import Bucket, Numbers
from policyc.engine.optimise.atoms import Alternative, Atom
from policyc.engine.optimise.probe import Probe
from policyc.engine.optimise.runs import choose, is_worth

NESTED = 8  # more candidates than this are looked up once more, by other atoms


class Index:
    """Makes the tables of some rules, given the atoms that each has."""

    def __init__(self, atoms: Mapping[int, Sequence[Atom]]) -> None:
        """`atoms` by number of the rule."""
        self._atoms = atoms
        self._readers: dict[object, Callable[..., Any]] = {}

    def level(self, numbers: Numbers, used: frozenset[Probe]) -> Level | None:
        """Return a level for candidates that `used` has found already, None if it is not worth it."""
        left = {n: [atom for atom in self._atoms[n] if not atom.probes & used] for n in numbers}
        chosen = choose({n: atoms for n, atoms in left.items() if atoms})
        if 2 * len(chosen) < len(numbers) or not is_worth(list(chosen.values())):
            return None
        asks = [
            (self._reader(subject, probe), look_up) for probe, subject, look_up in self.look_ups(chosen, used)
        ]
        return Level(asks, tuple(n for n in numbers if n not in chosen))

    def look_ups(self, chosen: Mapping[int, Atom], used: frozenset[Probe] = frozenset()) -> list[LookUp]:
        """Return for each probe of the chosen atoms what to read, and where to look it up."""
        stored: dict[Probe, dict[Any, list[int]]] = {}
        open_: dict[Probe, list[int]] = {}
        subjects: dict[Probe, ir.Node] = {}
        for number, atom in chosen.items():
            for alternative in atom.alternatives:
                self._store(number, alternative, stored, open_)
                subjects.setdefault(alternative.probe, alternative.subject)
        used = used | stored.keys()

        def make(numbers: Numbers) -> Bucket:
            if len(numbers) <= NESTED:
                return numbers
            level = self.level(numbers, used)
            if level is None:
                return numbers
            return level

        return [
            (probe, subjects[probe], _table(probe, values, tables.in_order(open_.get(probe, ())), make))
            for probe, values in stored.items()
        ]

    @staticmethod
    def _store(
        number: int,
        alternative: Alternative,
        stored: dict[Probe, dict[Any, list[int]]],
        open_: dict[Probe, list[int]],
    ) -> None:
        stored.setdefault(alternative.probe, {}).setdefault(alternative.value, []).append(number)
        if alternative.may_fail:
            open_.setdefault(alternative.probe, []).append(number)

    def _reader(self, subject: ir.Node, probe: Probe) -> Callable[..., Any]:
        """Return what reads a probe's subject; of a map, the values under the probe's name."""
        known = self._readers.get(probe[1:])
        if known is None:
            read = compile_value(subject)
            known = self._readers[probe[1:]] = tables.named(read, probe.name) if probe.is_named else read
        return known


def _table(
    probe: Probe, values: Mapping[Any, list[int]], open_: Numbers, make: tables.Make
) -> Callable[[Any], Bucket]:
    """Return the look-up of a probe."""
    if probe.kind == "prefix":
        return tables.Prefixes(values, make).find
    if probe.kind == "suffix":
        return tables.Suffixes(values, make).find
    if probe.kind == "network":
        return tables.Ranges(values, make).find
    missing = make(open_) if open_ else ()
    if probe.kind == "any":
        return tables.any_of(values, open_, make)
    buckets = tables.exact(values, make)
    if probe.kind == "first":
        everyone = tables.in_order(number for numbers in values.values() for number in numbers)
        return tables.first_of(buckets, missing, everyone)
    return tables.Exact(buckets).find
