"""Rules that are dispatched: traffic is looked up, and only the rules that it may concern are tried.

A look-up gives a bucket: the numbers of the candidates, in order, or a `Level` of more look-ups where there
are many. Candidates are tried one after the other, each by a function of its own that is generated when it
is first needed; so first match stays first match. A rule that has acted and goes on may have changed what was
looked up: for the rules behind it everything is looked up again.

Invariant: whoever is no candidate has a condition that is surely false. An error is not false: where an atom
may fail, its rules are candidates (optimise/atoms.py).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from policyc.engine.cel import ir
from policyc.engine.cel.depth import room
from policyc.engine.generate import tables
from policyc.engine.generate.expression import compile_value
from policyc.engine.generate.module import Body, Module
from policyc.engine.generate.rule import RuleCode, Tail
from policyc.engine.generate.tables import Bucket, Numbers
from policyc.engine.generate.unit import Unit
from policyc.engine.generate.writer import Writer
from policyc.engine.optimise.atoms import Alternative, Atom, Probe
from policyc.engine.optimise.runs import choose, is_worth

if TYPE_CHECKING:
    from policyc.engine.outcome import Outcome
    from policyc.engine.traffic import Exchange

NESTED = 8  # more candidates than this are looked up once more, by other atoms

ACTED = object()  # what a rule's function answers when it has acted and goes on

_Ask = tuple[Callable[..., Any], Callable[[Any], Bucket]]


class Level:
    """Candidates that are looked up by further atoms; `always` are those that have none."""

    __slots__ = ("always", "asks")

    def __init__(self, asks: Sequence[_Ask], always: Numbers) -> None:
        """`asks` are what to read of an exchange, and where to look it up."""
        self.asks = tuple(asks)
        self.always = always

    def find(self, x: Exchange) -> Numbers:
        """Return the candidates."""
        found = list(self.always)
        for read, look_up in self.asks:
            bucket = look_up(read(x))
            if bucket:
                found += bucket if type(bucket) is tuple else bucket.find(x)
        return tables.in_order(found)


class Index:
    """Makes the tables of some rules, given the atoms that each has."""

    def __init__(self, atoms: Mapping[int, Sequence[Atom]]) -> None:
        """`atoms` by number of the rule."""
        self._atoms = atoms
        self.has_levels = False
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

    def look_ups(
        self, chosen: Mapping[int, Atom], used: frozenset[Probe] = frozenset()
    ) -> list[tuple[Probe, ir.Node, Callable[[Any], Bucket]]]:
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
            self.has_levels = True
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
            known = self._readers[probe[1:]] = _named(read, probe.name) if _is_named(probe) else read
        return known


def _is_named(probe: Probe) -> bool:
    return probe.kind in ("first", "any")


def _named(read: Callable[..., Any], name: str) -> Callable[..., Any]:
    return lambda x: read(x).get(name)


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


class Dispatch:
    """Neighbouring rules of a phase that are dispatched; `after` is what follows their part of the phase."""

    def __init__(
        self,
        names: Mapping[int, str],
        rules: Mapping[int, RuleCode],
        chosen: Mapping[int, Atom],
        atoms: Mapping[int, Sequence[Atom]],
        after: Tail,
    ) -> None:
        """`rules` by number, in order, each with the atom that picks it and all that it has."""
        self._names = names
        self.rules = rules
        self._after = after
        self._functions: dict[int, Callable[[Exchange], Any]] = {}
        self._find: Callable[[Exchange], Bucket] | None = None
        index = Index(atoms)
        self.look_ups = index.look_ups(chosen)
        self._is_plain = len(self.look_ups) == 1 and not index.has_levels

    @property
    def subjects(self) -> list[ir.Node]:
        """What is read of an exchange before anything is tried."""
        return [subject for _, subject, _ in self.look_ups]

    def code(self, writer_value: Callable[[ir.Node], str], module: Module) -> str:
        """Return the code of the look-up."""
        parts = []
        for probe, subject, look_up in self.look_ups:
            code = writer_value(subject)
            if _is_named(probe):
                code = f"{code}.get({probe.name!r})"
            owner = getattr(look_up, "__self__", None)
            if isinstance(owner, tables.Exact):
                parts.append(f"{module.capture(owner.get)}({code}, {module.capture(())})")
            elif isinstance(owner, tables.Ranges):
                place = f"{module.capture(bisect_right)}({module.capture(owner.starts)}, {code}) - 1"
                parts.append(f"{module.capture(owner.buckets)}[{place}]")
            else:
                parts.append(f"{module.capture(look_up)}({code})")
        if len(parts) == 1:
            return parts[0]
        return f"{module.capture(self.gather)}(x, {', '.join(parts)})"

    def gather(self, x: Exchange, *buckets: Bucket) -> Numbers:
        """Return the candidates of several buckets, in order."""
        found: list[int] = []
        for bucket in buckets:
            if bucket:
                found += bucket if type(bucket) is tuple else bucket.find(x)
        return tables.in_order(found) if found else ()

    def run(self, x: Exchange, bucket: Bucket) -> Outcome | None:
        """Try the candidates, and answer as a phase does."""
        numbers = bucket if type(bucket) is tuple else bucket.find(x)
        functions = self._functions
        for number in numbers:
            answer = (functions.get(number) or self._function(number))(x)
            if answer is not None:
                return self.behind(number, x) if answer is ACTED else answer
        return None

    def behind(self, last: int, x: Exchange) -> Outcome | None:
        """Look up again, and try the candidates behind a rule that has acted."""
        while True:
            bucket = (self._find or self._finder())(x)
            numbers = bucket if type(bucket) is tuple else bucket.find(x)
            for number in numbers[bisect_right(numbers, last) :]:
                answer = (self._functions.get(number) or self._function(number))(x)
                if answer is ACTED:
                    last = number
                    break
                if answer is not None:
                    return answer  # type: ignore[no-any-return]
            else:
                return None

    def _finder(self) -> Callable[[Exchange], Bucket]:
        """Generate the look-up as a function."""
        from policyc.engine.generate.expression import Value

        module = Module()
        with room():
            body = Body(module)
            code = self.code(Value(body, frozenset()).of, module)
        module.write("find", ["x"], body, [f"return {code}"])
        find: Callable[[Exchange], Bucket] = module.load("look-up")["find"]
        self._find = find
        return find

    def _function(self, number: int) -> Callable[[Exchange], Any]:
        """Generate the function of a rule."""
        rule = self.rules[number]

        def after(x: Exchange) -> Outcome | None:
            outcome = self.behind(number, x)
            return self._after(x) if outcome is None else outcome

        unit = Unit(self._names)
        with room():
            acted = unit.module.capture(ACTED)
            writer = Writer(unit, "rule", after, (rule.condition,), acted=acted)
            writer.add_rule(number, rule)
            writer.write()
        function: Callable[[Exchange], Any] = unit.load("rule")["rule"]
        self._functions[number] = function
        return function
