"""What a phase's generated functions call: the answers when one breaks, the rest of a rule."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from policyc.engine.generate.fallback import Slow
from policyc.engine.outcome import Fail, Outcome
from policyc.engine.values import EvalError

if TYPE_CHECKING:
    from policyc.engine.cel import ir
    from policyc.engine.generate.rule import Tail
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


class Resumed:
    """What a step that may be resumed is called with."""

    __slots__ = ("_after", "rest")

    def __init__(self, after: Tail) -> None:
        """`after` is what follows the rule; `rest` is set when its function is there."""
        self._after = after
        self.rest: Callable[[Exchange], Outcome | None] | None = None

    def __call__(self, x: Exchange) -> Outcome | None:
        """Run the rest of the rule, then what follows."""
        outcome = None if self.rest is None else self.rest(x)
        return self._after(x) if outcome is None else outcome


class Failed:
    """Says why a condition failed: it is evaluated once more, for the log."""

    __slots__ = ("_name", "_slow")

    def __init__(self, name: str, condition: ir.Node) -> None:
        """Name the rule, and give its condition."""
        self._name = name
        self._slow = Slow(condition)

    def __call__(self, x: Exchange) -> Outcome:
        """Answer for the condition."""
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
