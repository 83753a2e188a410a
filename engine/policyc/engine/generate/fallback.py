"""The plain evaluator, as generated code asks it: what it catches, and what answers then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from policyc.engine.cel import ir
from policyc.engine.values import EvalError

if TYPE_CHECKING:
    from policyc.engine.traffic import Exchange

# What the plain code may raise for an error of the expression. Not NameError: that would be a defect of ours.
CATCH = (EvalError, LookupError, AttributeError, ArithmeticError, TypeError, ValueError)

NO_LOCALS: Mapping[str, Any] = {}


class Slow:
    """The plain evaluator of a node, made when it is first needed."""

    __slots__ = ("_node", "_run")

    def __init__(self, node: ir.Node | Callable[[], ir.Node]) -> None:
        """Remember the node, or what gives it."""
        self._node = node
        self._run: Callable[[Exchange | None, Mapping[str, Any]], Any] | None = None

    def __call__(self, x: Exchange | None, env: Mapping[str, Any]) -> Any:
        """Return the node's value; raises EvalError."""
        if self._run is None:
            from policyc.engine.cel.plan import plan

            self._run = plan(self.node)
        return self._run(x, env)

    @property
    def node(self) -> ir.Node:
        """The node."""
        return self._node if isinstance(self._node, ir.Node) else self._node()


def fail_absent(path: str) -> Any:
    """Raise what reading an absent variable is."""
    from policyc.engine.cel.plan import absent

    raise absent(path)
