"""A phase's rules as one Python function: conditions inlined, action steps called by captured name.

    def p0(x):
        req = x.req
        try:
            if (c := …condition of rule 1…):
                x.acted.append('block bots')
                if (r := k3(x)) is not None: return r
                …
            elif c is None: return k4(x)
            if (c := k5(…path…, ())):                 # rules 2 to 900, dispatched
                if (r := k6(x, c)) is not None: return r
            …
        except Exception as e: return k7(e)

A step answers an outcome, which ends the phase, or None, which goes on. A condition that fails ends the
phase with `Fail` 2254 (spec/policy-language.md §3.2: fail closed, never "false"). An exception that a step
lets escape is a defect of ours and ends it with `Fail` 2300; the detail is for the log.

**Steps that resume** (`Action.resumes`: forward-internal with `on_error: continue`). Such a step is called
as `step(x, tail)`, where `tail(x)` runs what follows it: the rest of its rule's actions, then the following
rules, and answers as a phase does. The step keeps `tail` for the outcome's `resume`; if it answers None,
the rules go on as after any step. It is cut here: what follows in the rule becomes a function of its own,
and the next rule begins a new part, so that the code grows with the rules and not with the ways through
them.

A phase of more than `PART` rules is cut into parts too, for the compiler's sake. A driver runs the parts in
turn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from policyc.engine.additions import as_additions
from policyc.engine.cel.depth import room
from policyc.engine.decision import Decided
from policyc.engine.generate.decide import Decider, Piece
from policyc.engine.generate.dispatch import Dispatch
from policyc.engine.generate.index import Index
from policyc.engine.generate.parts import Parts
from policyc.engine.generate.rule import RuleCode, Tail
from policyc.engine.generate.unit import Unit
from policyc.engine.generate.writer import Writer
from policyc.engine.optimise.rules import Optimised, optimise_rules, plain_rules
from policyc.engine.optimise.runs import Stretch
from policyc.engine.optimise.shared import Shared, share
from policyc.engine.outcome import Outcome

if TYPE_CHECKING:
    from policyc.engine.traffic import Exchange

__all__ = ["PART", "PhaseCode", "RuleCode", "Tail", "compile_phase"]

PART = 100  # rules in one function


def compile_phase(
    rules: Sequence[RuleCode], *, optimised: bool = True, decides: bool = False
) -> Callable[[Exchange], Outcome | None]:
    """Return the function that runs the rules over an exchange: an outcome, or None if nothing ended it.

    What is not `optimised` does the same, as it is written. With `decides` it is `Decided`, if it can be.
    """
    return PhaseCode(rules, optimised=optimised, decides=decides).load()


class PhaseCode:
    """The source of a phase, and what its functions need while they run."""

    def __init__(self, rules: Sequence[RuleCode], *, optimised: bool = True, decides: bool = False) -> None:
        """Generate the source of `rules`."""
        names = {number: rule.name or f"rule {number + 1}" for number, rule in enumerate(rules)}
        self._given = rules, list(names.values())
        self._unit = Unit(names)
        self.shared: list[tuple[Shared, tuple[int, ...]]] = []  # by part, with the rules' numbers
        self._parts: list[str] = []
        self._run = Parts()
        self._deciding: tuple[str, ...] = ()
        self._sees_fields = False
        with room():
            self.rules = optimise_rules(rules) if optimised else plain_rules(rules)
            parts = _parts(self.rules)
            for part in parts:
                self._write(part, is_shared=optimised, decides=decides and optimised and len(parts) == 1)

    @property
    def source(self) -> str:
        """The Python source, without the functions of rules that are dispatched."""
        return self._unit.module.source

    def rule_at(self, line: int) -> tuple[int, bool] | None:
        """Return the rule (from 0) that a line of the source belongs to, and whether it is its condition."""
        return self._unit.origins.rule_at(line)

    def load(self) -> Callable[[Exchange], Outcome | None]:
        """Return the phase's function."""
        functions = self._unit.load("phase")
        self._run.parts = tuple(functions[name] for name in self._parts)
        run = self._run.parts[0] if len(self._parts) == 1 else self._run.all
        if self._deciding:
            return Decided(run, self._sees_fields, *(functions[name] for name in self._deciding))
        return as_additions(run, *self._given)

    def _write(self, part: Sequence[Stretch], *, is_shared: bool, decides: bool) -> None:
        rules = self.rules
        tried = [at for stretch in part if not stretch.atoms for at in range(stretch.first, stretch.end)]
        conditions = [rules.rules[at].condition for at in tried]
        shared = share(conditions) if is_shared else None
        if shared is not None:
            self.shared.append((shared, tuple(rules.numbers[at] for at in tried)))
        made = dict(zip(tried, shared.conditions if shared else conditions, strict=True))
        name = f"p{len(self._parts)}"
        self._parts.append(name)
        after = self._run.since(len(self._parts))
        dispatches = {stretch.first: self._dispatch(stretch, after) for stretch in part if stretch.atoms}
        read = [*made.values(), *(s for each in dispatches.values() for s in each.subjects)]
        ids = shared.ids if shared else frozenset()
        writer = Writer(self._unit, name, after, read, ids)
        pieces: list[Piece] = []
        for stretch in part:
            dispatch = dispatches.get(stretch.first) if stretch.atoms else None
            if dispatch is not None:
                ends = all(rules.rules[at].ends for at in range(stretch.first, stretch.end))
                code = dispatch.code(writer.value, self._unit.module)
                writer.add_stretch(rules.numbers[stretch.first], code, dispatch.run, ends=ends)
                pieces.append(Piece(rules.numbers[stretch.first], None, dispatch))
                continue
            for at in range(stretch.first, stretch.end):
                rule = rules.rules[at]._replace(condition=made[at])
                writer.add_rule(rules.numbers[at], rule)
                pieces.append(Piece(rules.numbers[at], rule))
        writer.write()
        if decides:
            decider = Decider(self._unit, pieces, read, ids)
            self._deciding = decider.write()
            self._sees_fields = decider.sees_fields

    def _dispatch(self, stretch: Stretch, after: Tail) -> Dispatch:
        rules = self.rules
        places = range(stretch.first, stretch.end)
        chosen = {rules.numbers[at]: atom for at, atom in zip(places, stretch.atoms, strict=True)}
        return Dispatch(
            self._unit.names,
            {rules.numbers[at]: rules.rules[at] for at in places},
            Index({rules.numbers[at]: rules.atoms[at] for at in places}).look_ups(chosen),
            after,
        )


def _parts(rules: Optimised) -> list[list[Stretch]]:
    """Return the stretches, cut into parts: behind a rule that may be resumed, and where one is large."""
    parts: list[list[Stretch]] = [[]]
    size = 0
    for stretch in rules.stretches:
        at = stretch.first
        while at < stretch.end:
            if stretch.atoms:
                end = stretch.end
                cuts = any(rule.needs_tail for rule in rules.rules[at:end])
                parts[-1].append(stretch)
                size += 1
            else:
                end = at
                while end < stretch.end and size < PART:
                    end += 1
                    size += 1
                    if rules.rules[end - 1].needs_tail:
                        break
                cuts = rules.rules[end - 1].needs_tail
                parts[-1].append(Stretch(at, end))
            at = end
            if cuts or size >= PART:
                parts.append([])
                size = 0
    return [part for part in parts if part]
