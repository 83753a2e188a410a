"""What an index asks of traffic (atoms.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from policyc.engine.optimise.same import Key

Kind = Literal["exact", "prefix", "suffix", "network", "first", "any"]


class Probe(NamedTuple):
    """What is looked up: probes with the same key ask the same. `name` is that of `first` and `any`."""

    kind: Kind
    key: Key
    name: str = ""

    @property
    def is_named(self) -> bool:
        """Whether it asks for what is under a name of a map."""
        return self.kind in ("first", "any")
