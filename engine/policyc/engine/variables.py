"""Every traffic variable, once: its path, type, phases, what it means, and how it is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from policyc.engine.phases import Phase
from policyc.engine.types import Type


@dataclass(frozen=True, slots=True)
class Variable:
    """A declared path.

    Read as `record.slot`, where record is `conn`, `endpoint`, `req`, `res` or `x` (the exchange itself). If the
    slot holds None: with `fill`, `fill(record)` works the value out, stores and returns it; else the value is
    absent, `zero` is what an expression sees, and `has()` is false; with `zero` None too, reading is an error.
    `source` names the data that this installation must provide (`geo`, `categories`, `user_agent`, …).
    """

    path: str
    type: Type
    doc: str
    phases: frozenset[Phase]
    record: Literal["conn", "endpoint", "req", "res", "x"]
    slot: str
    fill: Callable[[Any], object] | None = None
    zero: object = None
    source: str | None = None
