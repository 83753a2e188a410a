"""The generated functions of a phase, under construction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from policyc.engine.generate.answers import Failed, Origins, Resumed
from policyc.engine.generate.module import Module
from policyc.engine.generate.rule import RuleCode, Tail


class Unit:
    """A module of functions that run rules; `names` are those of all rules of the phase."""

    def __init__(self, names: Mapping[int, str]) -> None:
        """Start empty."""
        self.module = Module()
        self.names = names
        self.origins = Origins(names)
        self.rests = 0
        self._waiting: list[tuple[Resumed, str]] = []

    def tail(self, rest: str | None, after: Tail) -> Tail:
        """Return what runs the rest of a rule (a function of this unit) and then what comes after it."""
        tail = Resumed(after)
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
        return Failed(self.names[number], condition)
