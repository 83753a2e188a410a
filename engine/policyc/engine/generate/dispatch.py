"""Rules that are dispatched: traffic is looked up, and only the rules that it may concern are tried.

A look-up gives a bucket: the numbers of the candidates, in order, or a `Level` of more look-ups where there
are many. Candidates are tried one after the other, each by a function of its own that is generated when it
is first needed; so first match stays first match. A rule that has acted and goes on may have changed what was
looked up: for the rules behind it everything is looked up again.

Invariant: whoever is no candidate has a condition that is surely false. An error is not false: where an atom
may fail, its rules are candidates (optimise/atoms.py).

A program from the cache is run by what is here; what generates code is imported for the first rule that is
tried.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from policyc.engine.cel.depth import room
from policyc.engine.generate import tables
from policyc.engine.generate.tables import Bucket, Numbers

if TYPE_CHECKING:
    from policyc.engine.cel import ir
    from policyc.engine.generate.module import Module
    from policyc.engine.generate.rule import RuleCode, Tail
    from policyc.engine.optimise.probe import Probe
    from policyc.engine.outcome import Outcome
    from policyc.engine.traffic import Exchange

ACTED = object()  # what a rule's function answers when it has acted and goes on

# What is asked, what to read of an exchange for it, and where to look that up.
LookUp = tuple["Probe", "ir.Node", Callable[[Any], Bucket]]
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


class Dispatch:
    """Neighbouring rules of a phase that are dispatched; `after` is what follows their part of the phase."""

    def __init__(
        self,
        names: Mapping[int, str],
        rules: Mapping[int, RuleCode],
        look_ups: Sequence[LookUp],
        after: Tail,
    ) -> None:
        """`rules` by number, in order, and the look-ups that find them."""
        self._names = names
        self.rules = rules
        self._after = after
        self._functions: dict[int, Callable[[Exchange], Any]] = {}
        self._find: Callable[[Exchange], Bucket] | None = None
        self.look_ups = look_ups

    @property
    def subjects(self) -> list[ir.Node]:
        """What is read of an exchange before anything is tried."""
        return [subject for _, subject, _ in self.look_ups]

    def code(self, writer_value: Callable[[ir.Node], str], module: Module) -> str:
        """Return the code of the look-up."""
        parts = []
        for probe, subject, look_up in self.look_ups:
            code = writer_value(subject)
            if probe.is_named:
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
        from policyc.engine.generate.module import Body, Module

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
        from policyc.engine.generate.unit import Unit
        from policyc.engine.generate.writer import Writer

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
