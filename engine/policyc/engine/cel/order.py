"""Ordering a list by keys, for `sortBy`: all keys of one comparable type."""

from __future__ import annotations

from typing import Any

from policyc.engine.cel.coerce import type_name
from policyc.engine.values import Duration, EvalError, Timestamp, UInt

_COMPARABLE = frozenset({int, UInt, float, bool, str, bytes, Timestamp, Duration})


def sort_by(items: list[Any], keys: list[Any]) -> list[Any]:
    """Return the items in the order of their keys, equal ones as they stood; raises EvalError."""
    kinds = set(map(type, keys))
    if len(kinds) > 1 or not kinds <= _COMPARABLE:
        names = ", ".join(sorted({type_name(key) for key in keys}))
        raise EvalError("no_such_overload", f"no such overload: `sortBy` with keys of type {names}")
    return [items[i] for i in sorted(range(len(items)), key=keys.__getitem__)]
