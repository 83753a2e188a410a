"""Steps that add field lines, the same ones to every message; and a response phase that does nothing else.

Many do not. Who has the octets of a response may append these and needs no view of it. For all others such a
phase is a function like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from policyc.engine.outcome import Outcome
from policyc.engine.traffic import Exchange, KnownLines

if TYPE_CHECKING:
    from policyc.engine.generate.rule import RuleCode


class AddKnown:
    """A step that adds lines known beforehand; `result` is what later expressions see of it."""

    __slots__ = ("lines", "result")

    def __init__(self, lines: KnownLines, result: dict[str, object]) -> None:
        """Made by `add-headers`."""
        self.lines = lines
        self.result = result


class AddToRequest(AddKnown):
    """One in the request phase."""

    __slots__ = ()

    def __call__(self, x: Exchange) -> None:
        """Add them."""
        x.req.headers.add_known(self.lines)
        x.results["add_headers"] = self.result


class AddToResponse(AddKnown):
    """One in the response phase."""

    __slots__ = ()

    def __call__(self, x: Exchange) -> None:
        """Add them."""
        x.res.headers.add_known(self.lines)
        x.results["add_headers"] = self.result


class Additions:
    """The phase: `block` are its lines as octets with line ends, `names` the rules that act, always."""

    __slots__ = ("_run", "block", "names")

    def __init__(self, run: Callable[[Exchange], Outcome | None], block: bytes, names: Sequence[str]) -> None:
        """`run` does the same to the view of a response."""
        self._run = run
        self.block = block
        self.names = list(names)

    def __call__(self, x: Exchange) -> Outcome | None:
        """Run it."""
        return self._run(x)


def as_additions(
    run: Callable[[Exchange], Outcome | None], rules: Sequence[RuleCode], names: Sequence[str]
) -> Callable[[Exchange], Outcome | None]:
    """Return the phase of `rules` as what it is: Additions if it is such a one, else `run`."""
    block = b""
    for rule in rules:
        for step in rule.steps:
            if not isinstance(step, AddToResponse) or step.lines.block is None:
                return run
            block += step.lines.block
        if rule.condition is not None:
            return run
    return Additions(run, block, names) if block else run
