"""Generated functions of a phase: which line belongs to which rule, what answers when one breaks."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from policyc.engine.cel import ir
from policyc.engine.generate.expression import Slow
from policyc.engine.generate.module import Module
from policyc.engine.generate.rule import RuleCode, Tail
from policyc.engine.outcome import Fail, Outcome
from policyc.engine.values import EvalError

if TYPE_CHECKING:
    from policyc.engine.traffic import Exchange


class Origins:
    """Which line of generated code belongs to which rule; answers when one breaks.

    `names` are those of all rules of the phase.
    """

    __slots__ = ("_lines", "names")

    def __init__(self, names: Mapping[int, str]) -> None:
        """Start empty."""
        self.names = names
        self._lines: list[tuple[int, int, bool]] = []  # (first line, rule, whether it is the condition)

    def mark(self, line: int, rule: int, is_condition: bool) -> None:
        """Note where a piece of a rule's code begins."""
        self._lines.append((line, rule, is_condition))

    def rule_at(self, line: int) -> tuple[int, bool] | None:
        """Return the rule (from 0) that a line of the source belongs to, and whether it is its condition."""
        at = bisect_right(self._lines, line, key=lambda entry: entry[0])
        return self._lines[at - 1][1:] if at else None

    def broken(self, error: BaseException) -> Outcome:
        """Answer for an exception that escaped from the generated code or from a step."""
        trace = error.__traceback__
        found = None if trace is None else self.rule_at(trace.tb_lineno)
        name, is_condition = ("?", False) if found is None else (self.names[found[0]], found[1])
        if is_condition and isinstance(error, EvalError):
            return condition_failed(name, error.message)
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = "" if trace is None else f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        detail = f"{name}: {type(error).__name__}: {error}{place}"
        return Fail(2300, "internal error while processing a policy", detail=detail)


class Unit:
    """A module of functions that run rules; `names` are those of all rules of the phase."""

    def __init__(self, names: Mapping[int, str]) -> None:
        """Start empty."""
        self.module = Module()
        self.names = names
        self.origins = Origins(names)
        self.rests = 0
        self._waiting: list[tuple[_Tail, str]] = []

    def tail(self, rest: str | None, after: Tail) -> Tail:
        """Return what runs the rest of a rule (a function of this unit) and then what comes after it."""
        tail = _Tail(after)
        if rest is not None:
            self._waiting.append((tail, rest))
        return tail

    def load(self, what: str) -> Mapping[str, Any]:
        """Return the functions by name."""
        functions = self.module.load(what)
        for tail, rest in self._waiting:
            tail.rest = functions[rest]
        return functions

    def failed(self, number: int, rule: RuleCode) -> Tail:
        """Return what answers for a condition that failed."""
        condition = rule.told or rule.condition
        assert condition is not None
        return _Failed(self.names[number], condition)


class _Tail:
    """What a step that may be resumed is called with."""

    __slots__ = ("_after", "rest")

    def __init__(self, after: Tail) -> None:
        self._after = after
        self.rest: Callable[[Exchange], Outcome | None] | None = None

    def __call__(self, x: Exchange) -> Outcome | None:
        outcome = None if self.rest is None else self.rest(x)
        return self._after(x) if outcome is None else outcome


class _Failed:
    """Says why a condition failed: it is evaluated once more, for the log."""

    __slots__ = ("_name", "_slow")

    def __init__(self, name: str, condition: ir.Node) -> None:
        self._name = name
        self._slow = Slow(condition)

    def __call__(self, x: Exchange) -> Outcome:
        try:
            value = self._slow(x, {})
        except EvalError as error:
            return condition_failed(self._name, error.message)
        if isinstance(value, bool):  # it hangs on chance
            return condition_failed(self._name, "an error that did not come again")
        return condition_failed(self._name, f"no bool: {value!r}")


def condition_failed(name: str, detail: str) -> Fail:
    """Return the answer for a condition that failed (spec/policy-language.md §3.2: fail closed)."""
    return Fail(2254, "the expression of a policy rule could not be evaluated", detail=f"{name}: {detail}")
