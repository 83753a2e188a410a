"""Values that may be absent (cel-go's optional library); only in the specification's environment.

`optMap` and `optFlatMap` are macros, `.?` and `[?]` are syntax (cel/check.py).
"""

from __future__ import annotations

from typing import Any

from policyc.engine.cel.extent import SCALAR, joined
from policyc.engine.cel.prices import Cost, Size, price, same
from policyc.engine.function import Dialect, Function, Overload
from policyc.engine.types import BOOL, Type, list_of, optional_of, param
from policyc.engine.values import NONE, Duration, EvalError, Optional, Timestamp, TypeValue

_T = param("T")
_OPTIONAL = optional_of(_T)


def _of(value: Any) -> Optional:
    return Optional(True, value)


def _of_non_zero(value: Any) -> Optional:
    return NONE if _is_zero(value) else Optional(True, value)


def _is_zero(value: Any) -> bool:
    kind = type(value)
    if kind is Timestamp or kind is Duration:
        return bool(value.ns == 0)
    if kind is Optional:
        return not value.present
    if kind is TypeValue:
        return False
    try:
        return not value
    except TypeError:
        return False


def _none() -> Optional:
    return NONE


def _has_value(optional: Optional) -> bool:
    return optional.present


def _value(optional: Optional) -> Any:
    if not optional.present:
        raise EvalError("absent", "optional.none() has no value")
    return optional.value


def _or(optional: Optional, other: Optional) -> Optional:
    return optional if optional.present else other


def _or_value(optional: Optional, other: Any) -> Any:
    return optional.value if optional.present else other


def _unwrap(items: Any) -> list[Any]:
    return [item.value for item in items if item.present]


def _overload(
    name: str,
    params: tuple[Type, ...],
    result: Type,
    body: Any,
    method: bool = False,
    inline: str | None = None,
    cost: Cost | None = None,
    size: Size | None = None,
) -> Overload:
    return Overload(name, params, result, body, method, inline, dialect=Dialect.CEL, cost=cost, size=size)


FUNCTIONS = (
    Function(
        "optional.of",
        "The value, as one that is there.",
        (_overload("optional_of", (_T,), _OPTIONAL, _of, cost=price(), size=same()),),
        (("optional.of(1).value()", "1"),),
    ),
    Function(
        "optional.ofNonZeroValue",
        "The value, as one that is there unless it is zero or empty.",
        (_overload("optional_of_non_zero_value", (_T,), _OPTIONAL, _of_non_zero, cost=price(), size=same()),),
        (("optional.ofNonZeroValue('').hasValue()", "false"),),
    ),
    Function(
        "optional.none",
        "No value.",
        (_overload("optional_none", (), _OPTIONAL, _none, size=lambda: SCALAR),),
        (("optional.none().hasValue()", "false"),),
    ),
    Function(
        "hasValue",
        "Whether there is a value.",
        (_overload("optional_has_value", (_OPTIONAL,), BOOL, _has_value, True, "{0}.present", cost=price()),),
        (("optional.of(1).hasValue()", "true"),),
    ),
    Function(
        "value",
        "The value; an error if there is none.",
        (_overload("optional_value", (_OPTIONAL,), _T, _value, True, cost=price(), size=same()),),
        (("optional.of('a').value()", "'a'"),),
    ),
    Function(
        "or",
        "This optional if it has a value, else the other.",
        (
            _overload(
                "optional_or_optional",
                (_OPTIONAL, _OPTIONAL),
                _OPTIONAL,
                _or,
                True,
                cost=price(),
                size=joined,
            ),
        ),
        (("optional.none().or(optional.of(2)).value()", "2"),),
    ),
    Function(
        "orValue",
        "The value if there is one, else the other.",
        (_overload("optional_or_value", (_OPTIONAL, _T), _T, _or_value, True, cost=price(), size=joined),),
        (("optional.none().orValue(3)", "3"),),
    ),
    Function(
        "optional.unwrap",
        "The values of a list of optionals, without those that are absent.",
        (
            _overload(
                "optional_unwrap",
                (list_of(_OPTIONAL),),
                list_of(_T),
                _unwrap,
                cost=price(10, values=6),
                size=same(),
            ),
        ),
        (("optional.unwrap([optional.of(1), optional.none()])", "[1]"),),
    ),
    Function(
        "unwrapOpt",
        "The values of a list of optionals, without those that are absent.",
        (
            _overload(
                "optional_unwrap_opt",
                (list_of(_OPTIONAL),),
                list_of(_T),
                _unwrap,
                True,
                cost=price(10, values=6),
                size=same(),
            ),
        ),
        (("[optional.of(1), optional.none()].unwrapOpt()", "[1]"),),
    ),
)
