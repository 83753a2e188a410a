"""A phase's rules as one Python function: conditions inlined, action steps called by captured name.

    def p0(x):
        req = x.req
        try:
            if (c := …condition of rule 1…):
                x.acted.append('block bots')
                if (r := k3(x)) is not None: return r
                …
            elif c is None: return k4(x)
            …
        except Exception as e: return k5(e)

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

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from policyc.engine.cel import ir
from policyc.engine.cel.depth import room
from policyc.engine.generate.condition import Condition
from policyc.engine.generate.expression import Slow, reads
from policyc.engine.generate.module import Body, Module
from policyc.engine.outcome import Fail, Outcome
from policyc.engine.values import EvalError

if TYPE_CHECKING:
    from policyc.engine.traffic import Exchange

PART = 100  # rules in one function

# Stands where a rule has acted and the records of the exchange must be read again: a step may have put
# another one there. Which records the function reads is known at its end.
_AGAIN = "\0"

Tail = Callable[["Exchange"], "Outcome | None"]


class RuleCode(NamedTuple):
    """A rule, ready to be generated.

    `condition` is the conjunction of all its expressions (ONE `ir.And`), None if it has none. `resumes`
    says of each step whether it is called with a tail. `name` is what `Exchange.acted` gets, `rule 1` if it
    is empty.
    """

    condition: ir.Node | None
    steps: tuple[Callable[..., Outcome | None], ...]
    resumes: tuple[bool, ...]
    name: str = ""


def compile_phase(rules: Sequence[RuleCode]) -> Callable[[Exchange], Outcome | None]:
    """Return the function that runs the rules over an exchange: an outcome, or None if nothing ended it."""
    return PhaseCode(rules).load()


class PhaseCode:
    """The source of a phase, and what its functions need while they run."""

    def __init__(self, rules: Sequence[RuleCode]) -> None:
        """Generate the source of `rules`."""
        self.module = Module()
        self._rules = rules
        self._map: list[
            tuple[int, int, bool]
        ] = []  # (first line, rule, whether it is the condition), by line
        self._parts: list[str] = []
        self._functions: Mapping[str, Any] = {}
        self._rests = 0
        with room():
            self._write()

    @property
    def source(self) -> str:
        """The Python source."""
        return self.module.source

    def rule_at(self, line: int) -> tuple[int, bool] | None:
        """Return the rule (from 0) that a line of the source belongs to, and whether it is its condition."""
        at = bisect_right(self._map, line, key=lambda entry: entry[0])
        return self._map[at - 1][1:] if at else None

    def load(self) -> Callable[[Exchange], Outcome | None]:
        """Return the phase's function."""
        self._functions = self.module.load("phase")
        if len(self._parts) == 1:
            return self._functions[self._parts[0]]  # type: ignore[no-any-return]
        return lambda x: self.run(0, x)

    def run(self, first: int, x: Exchange) -> Outcome | None:
        """Run the parts from number `first` on."""
        for name in self._parts[first:]:
            outcome: Outcome | None = self._functions[name](x)
            if outcome is not None:
                return outcome
        return None

    def tail(self, rest: str | None, part: int) -> Tail:
        """Return what runs the rest of a rule (its function) and then the parts from `part` on."""

        def run_tail(x: Exchange) -> Outcome | None:
            outcome = None if rest is None else self._functions[rest](x)
            return self.run(part, x) if outcome is None else outcome

        return run_tail

    def write_rest(self, number: int, rule: RuleCode) -> str | None:
        """Write the rest of a rule's steps as a function; returns its name, None if nothing is left."""
        if not rule.steps:
            return None
        self._rests += 1
        function = _Function(self, f"r{self._rests}", len(self._parts) + 1)
        function.add_steps(number, rule, "    ")
        function.write()
        return function.name

    def mark(self, line: int, rule: int, is_condition: bool) -> None:
        """Note where a piece of a rule's code begins."""
        self._map.append((line, rule, is_condition))

    def rule_name(self, number: int) -> str:
        """Return what a rule is called."""
        return self._rules[number].name or f"rule {number + 1}"

    def failed(self, number: int, condition: ir.Node) -> Tail:
        """Return what answers for a condition that failed."""
        slow = Slow(condition)

        def fail(x: Exchange) -> Outcome:
            try:
                detail = f"no bool: {slow(x, {})!r}"
            except EvalError as error:
                detail = error.message
            return _condition_failed(self.rule_name(number), detail)

        return fail

    def broken(self, error: BaseException) -> Outcome:
        """Answer for an exception that escaped from the generated code or from a step."""
        trace = error.__traceback__
        found = None if trace is None else self.rule_at(trace.tb_lineno)
        name, is_condition = ("?", False) if found is None else (self.rule_name(found[0]), found[1])
        if is_condition and isinstance(error, EvalError):
            return _condition_failed(name, error.message)
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = "" if trace is None else f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        detail = f"{name}: {type(error).__name__}: {error}{place}"
        return Fail(2300, "internal error while processing a policy", detail=detail)

    def _write(self) -> None:
        part = self._part()
        for number, rule in enumerate(self._rules):
            part.add_rule(number, rule)
            if part.rules >= PART or any(rule.resumes):
                self._finish(part)
                part = self._part()
        if part.rules:
            self._finish(part)

    def _part(self) -> _Function:
        return _Function(self, f"p{len(self._parts)}", len(self._parts) + 1)

    def _finish(self, part: _Function) -> None:
        part.write()
        self._parts.append(part.name)


def _condition_failed(name: str, detail: str) -> Fail:
    return Fail(2254, "the expression of a policy rule could not be evaluated", detail=f"{name}: {detail}")


class _Function:
    """A function with some rules, or with the rest of one; `following` is the part after it."""

    def __init__(self, phase: PhaseCode, name: str, following: int) -> None:
        self.name = name
        self.rules = 0
        self._following = following
        self._phase = phase
        self._module = phase.module
        self._body = Body(phase.module)
        self._lines: list[str] = []
        self._marks: list[tuple[int, int, bool]] = []

    def add_rule(self, number: int, rule: RuleCode) -> None:
        """Write a rule."""
        self.rules += 1
        condition = rule.condition
        if condition is None or (isinstance(condition, ir.Const) and condition.value is True):
            self._act(number, rule, "    ")
            return
        self._body.held = {}
        self._body.reads = reads(condition)
        code, may_fail = Condition(self._body).of(condition)
        self._mark(number, True)
        self._lines.append(f"    if {f'(c := {code})' if may_fail else code}:")
        self._act(number, rule, "        ")
        if may_fail:
            self._mark(number, True)
            fail = self._module.capture(self._phase.failed(number, condition))
            self._lines += ["    elif c is None:", f"        return {fail}(x)"]

    def _act(self, number: int, rule: RuleCode, indent: str) -> None:
        self._mark(number, False)
        self._lines.append(f"{indent}x.acted.append({self._phase.rule_name(number)!r})")
        self.add_steps(number, rule, indent)
        self._lines.append(indent + _AGAIN)

    def add_steps(self, number: int, rule: RuleCode, indent: str) -> None:
        """Write the calls of a rule's steps."""
        self._mark(number, False)
        for at, (step, resumes) in enumerate(zip(rule.steps, rule.resumes, strict=True)):
            name = self._module.capture(step)
            if not resumes:
                self._call(f"{name}(x)", indent)
                continue
            left = rule._replace(steps=rule.steps[at + 1 :], resumes=rule.resumes[at + 1 :])
            rest = self._phase.write_rest(number, left)
            tail = self._module.capture(self._phase.tail(rest, self._following))
            self._call(f"{name}(x, {tail})", indent)
            if rest is not None:
                self._call(f"{rest}(x)", indent)
            return

    def _call(self, call: str, indent: str) -> None:
        self._lines += [f"{indent}if (r := {call}) is not None:", f"{indent}    return r"]

    def _mark(self, number: int, is_condition: bool) -> None:
        self._marks.append((len(self._lines), number, is_condition))

    def write(self) -> None:
        """Put the function into the module."""
        again = "; ".join(f"{record} = x.{record}" for record in self._body.records) or "pass"
        lines = [line.replace(_AGAIN, again) for line in self._lines]
        broken = self._module.capture(self._phase.broken)
        statements = ["try:", *lines, "except Exception as e:", f"    return {broken}(e)", "return None"]
        first = self._module.write(self.name, ["x"], self._body, statements)
        for at, number, is_condition in self._marks:
            self._phase.mark(first + 1 + at, number, is_condition)
