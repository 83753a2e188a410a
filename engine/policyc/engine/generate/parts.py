"""The parts of a phase, in turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from policyc.engine.generate.rule import Tail
    from policyc.engine.outcome import Outcome
    from policyc.engine.traffic import Exchange


class Parts:
    """The functions of a phase, run in turn. They are there when all have been written."""

    __slots__ = ("parts",)

    def __init__(self) -> None:
        """Start empty."""
        self.parts: tuple[Callable[[Exchange], Outcome | None], ...] = ()

    def all(self, x: Exchange) -> Outcome | None:
        """Run all of them."""
        for run in self.parts:
            outcome = run(x)
            if outcome is not None:
                return outcome
        return None

    def since(self, first: int) -> Tail:
        """Return what runs them from number `first` on."""

        def run(x: Exchange) -> Outcome | None:
            for run in self.parts[first:]:
                outcome = run(x)
                if outcome is not None:
                    return outcome
            return None

        return run
