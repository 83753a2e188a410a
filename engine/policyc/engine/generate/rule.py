"""A rule, ready to be generated."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from policyc.engine.outcome import Outcome

if TYPE_CHECKING:
    from policyc.engine.cel import ir
    from policyc.engine.traffic import Exchange

Tail = Callable[["Exchange"], "Outcome | None"]


class RuleCode(NamedTuple):
    """A rule, ready to be generated.

    `condition` is the conjunction of all its expressions (ONE `ir.And`), None if it has none. `resumes`
    says of each step whether it is called with a tail. `name` is what `Exchange.acted` gets, `rule 1` if it
    is empty. `ends`: the last step always ends the phase. `told` is the condition that says why it failed,
    where the optimiser has made another one of it.
    """

    condition: ir.Node | None
    steps: tuple[Callable[..., Outcome | None], ...]
    resumes: tuple[bool, ...]
    name: str = ""
    ends: bool = False
    told: ir.Node | None = None

    @property
    def needs_tail(self) -> bool:
        """Whether something may have to be resumed behind a step: not behind the last one of all."""
        return any(self.resumes[:-1] if self.ends else self.resumes)
