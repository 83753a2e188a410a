"""Selecting a field or an item from a value, for both evaluators, where the static type does not say how."""

from __future__ import annotations

from typing import Any, Final

from policyc.engine.cel.coerce import has_key, index, no_such_key, type_name
from policyc.engine.values import NONE, BoolKeyMap, Duration, EvalError, Optional

MISSING: Final = object()  # what no CEL value is


def _is_map(value: object) -> bool:
    return type(value) is dict or type(value) is BoolKeyMap


def field(operand: Any, name: str) -> Any:
    """Return `operand.name`; of an optional the optional field. Raises EvalError."""
    if _is_map(operand):
        value = operand.get(name, MISSING)
        if value is MISSING:
            raise no_such_key(name)
        return value
    if type(operand) is Optional:
        return optional_field(operand, name)
    raise EvalError("no_such_overload", f"no such overload: {type_name(operand)} has no fields")


def optional_field(operand: Any, name: str) -> Optional:
    """Return `operand.?name`; the operand may itself be an optional. Raises EvalError if it has no fields."""
    if type(operand) is Optional:
        if not operand.present:
            return NONE
        operand = operand.value
    if not _is_map(operand):
        raise EvalError("no_such_overload", f"no such overload: {type_name(operand)} has no fields")
    value = operand.get(name, MISSING)
    return NONE if value is MISSING else Optional(True, value)


def at(operand: Any, key: Any) -> Any:
    """Return `operand[key]`; of an optional the optional item. Raises EvalError."""
    if type(operand) is Optional:
        return optional_at(operand, key)
    return index(operand, key)


def optional_at(operand: Any, key: Any) -> Optional:
    """Return `operand[?key]`; the operand may itself be an optional. Raises EvalError if it has no items."""
    if type(operand) is Optional:
        if not operand.present:
            return NONE
        operand = operand.value
    try:
        return Optional(True, index(operand, key))
    except EvalError as error:
        if error.kind in ("no_such_key", "index_out_of_bounds"):
            return NONE
        raise


def has_field(operand: Any, name: str) -> bool:
    """Return whether `operand` has the field `name`; raises EvalError if it can have none."""
    if _is_map(operand):
        return has_key(operand, name)
    if type(operand) is Optional:
        return optional_field(operand, name).present
    raise EvalError("no_such_overload", f"no such overload: {type_name(operand)} has no fields")


def has_set_field(operand: Any, name: str) -> bool:
    """Return whether the field is there and not its zero value (`Field.absent_when_zero`)."""
    if not has_field(operand, name):
        return False
    value = field(operand, name)
    if type(value) is Optional:
        value = value.value
    return bool(value.ns) if type(value) is Duration else bool(value)


def text_of(value: object, what: str) -> str:
    """Return the value if it is a string; raises EvalError."""
    if type(value) is str:
        return value
    raise EvalError("no_such_overload", f"no such overload: {what} is {type_name(value)}, not string")
