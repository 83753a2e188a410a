"""Writes rules into a function: conditions inlined, steps called, values kept in locals from rule to rule.

What a rule has read stays in locals until a rule acts and goes on: a step may have changed anything, the
records of the exchange included. Then the records are read again and the locals are emptied.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from policyc.engine.cel import ir
from policyc.engine.generate.condition import Condition
from policyc.engine.generate.expression import Value, reads
from policyc.engine.generate.module import Body
from policyc.engine.generate.rule import RuleCode, Tail
from policyc.engine.generate.unit import Unit

# Stands where a rule has acted and goes on. What is to be read again is known at the end of the function.
_AGAIN = "\0"


class Writer:
    """A function with some rules, or with the rest of one; `after` is what follows it in the phase."""

    def __init__(
        self,
        unit: Unit,
        name: str,
        after: Tail,
        conditions: Sequence[ir.Node | None] = (),
        shared: frozenset[int] = frozenset(),
        acted: str | None = None,
    ) -> None:
        """`conditions` are those of all the rules that will be written, `shared` what they have in common.

        With `acted`, a rule that has acted and goes on leaves the function with this.
        """
        self.name = name
        self.unit = unit
        self.module = unit.module
        self._after = after
        self._acted = acted
        self.body = Body(unit.module, shared=shared)
        for condition in conditions:
            if condition is not None:
                self.body.reads.update(reads(condition))
        self._lines: list[str] = []
        self._marks: list[tuple[int, int, bool]] = []

    def value(self, node: ir.Node) -> str:
        """Return the code of an expression that never fails."""
        return Value(self.body, frozenset()).of(node)

    def add_rule(self, number: int, rule: RuleCode) -> None:
        """Write a rule."""
        condition = rule.condition
        if condition is None or (isinstance(condition, ir.Const) and condition.value is True):
            self._act(number, rule, "    ")
            return
        code, may_fail = Condition(self.body).of(condition)
        self._mark(number, True)
        self._lines.append(f"    if {f'(c := {code})' if may_fail else code}:")
        self._act(number, rule, "        ")
        if may_fail:
            self._mark(number, True)
            fail = self.module.capture(self.unit.failed(number, rule))
            self._lines += ["    elif c is None:", f"        return {fail}(x)"]

    def add_stretch(self, number: int, look_up: str, run: Callable[..., object], *, ends: bool) -> None:
        """Write rules that are dispatched, `number` the first one: what is looked up, and what runs it.

        `ends`: each of them ends the phase if it acts.
        """
        self._mark(number, True)
        self._lines.append(f"    if (c := {look_up}):")
        self._call(f"{self.module.capture(run)}(x, c)", "        ")
        if not ends:
            self._again("        ")

    def _act(self, number: int, rule: RuleCode, indent: str) -> None:
        self._mark(number, False)
        self._lines.append(f"{indent}x.acted.append({self.unit.names[number]!r})")
        self.add_steps(number, rule, indent)
        if self._acted is not None:
            self._lines.append(f"{indent}return {self._acted}")
        elif rule.ends:
            # It never comes here. If it did, code that counts on its locals would break, and fail closed.
            self._lines.append(indent + _AGAIN)
        else:
            self._again(indent)

    def _again(self, indent: str) -> None:
        self._lines.append(indent + _AGAIN)
        self.body.held = {}

    def add_steps(self, number: int, rule: RuleCode, indent: str) -> None:
        """Write the calls of a rule's steps."""
        self._mark(number, False)
        for at, (step, resumes) in enumerate(zip(rule.steps, rule.resumes, strict=True)):
            name = self.module.capture(step)
            if not resumes:
                self._call(f"{name}(x)", indent)
                continue
            left = rule._replace(steps=rule.steps[at + 1 :], resumes=rule.resumes[at + 1 :])
            if rule.ends and not left.steps:
                self._call(f"{name}(x, None)", indent)
                return
            rest = self._rest(number, left)
            self._call(f"{name}(x, {self.module.capture(self.unit.tail(rest, self._after))})", indent)
            if rest is not None:
                self._call(f"{rest}(x)", indent)
            return

    def _rest(self, number: int, left: RuleCode) -> str | None:
        """Write the steps that are left as a function; returns its name, None if there are none."""
        if not left.steps:
            return None
        self.unit.rests += 1
        function = Writer(self.unit, f"r{self.unit.rests}", self._after)
        function.add_steps(number, left, "    ")
        function.write()
        return function.name

    def _call(self, call: str, indent: str) -> None:
        self._lines += [f"{indent}if (r := {call}) is not None:", f"{indent}    return r"]

    def _mark(self, number: int, is_condition: bool) -> None:
        self._marks.append((len(self._lines), number, is_condition))

    def write(self) -> None:
        """Put the function into the module."""
        again = "; ".join(f"{record} = x.{record}" for record in self.body.records)
        again = "; ".join(filter(None, (again, self.body.emptied()))) or "pass"
        lines = [line.replace(_AGAIN, again) for line in self._lines]
        broken = self.module.capture(self.unit.origins.broken)
        statements = ["try:", *lines, "except Exception as e:", f"    return {broken}(e)", "return None"]
        first = self.module.write(self.name, ["x"], self.body, statements)
        for at, number, is_condition in self._marks:
            self.unit.origins.mark(first + 1 + at, number, is_condition)
