"""What every evaluator does to values whose type is only known when they are there.

CEL's equality and look-up on dyn, the name of a value's type, whether a value fits a declared type, and the
texts that interpolation and JSON make of a value. Python's own `==` and `in` are not CEL's: True is 1 to
them.
"""

from __future__ import annotations

from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any

from policyc.engine.cel import addresses, times
from policyc.engine.cel.limits import DEPTH_LIMIT, bounded_text
from policyc.engine.cel.numbers import double_to_text
from policyc.engine.types import Type
from policyc.engine.values import (
    BoolKeyMap,
    Cidr,
    Duration,
    EvalError,
    Ip,
    Optional,
    Timestamp,
    TypeValue,
    UInt,
)

if TYPE_CHECKING:
    import json

_NAMES: dict[type, str] = {
    type(None): "null_type",
    bool: "bool",
    int: "int",
    UInt: "uint",
    float: "double",
    str: "string",
    bytes: "bytes",
    list: "list",
    tuple: "list",
    dict: "map",
    BoolKeyMap: "map",
    Timestamp: "google.protobuf.Timestamp",
    Duration: "google.protobuf.Duration",
    TypeValue: "type",
    Optional: "optional_type",
    Ip: "net.IP",
    Cidr: "net.CIDR",
}

# Python types whose `==` is CEL's among themselves.
_PLAIN = frozenset({str, int, UInt, float, bool, bytes, type(None), Timestamp, Duration, TypeValue, Ip, Cidr})
_NUMBERS = frozenset({int, UInt, float})
_LISTS = frozenset({list, tuple})
_MAPS = frozenset({dict, BoolKeyMap})

_FITS: dict[str, frozenset[type]] = {
    "null_type": frozenset({type(None)}),
    "bool": frozenset({bool}),
    "int": frozenset({int}),
    "uint": frozenset({UInt}),
    "double": frozenset({float}),
    "string": frozenset({str}),
    "bytes": frozenset({bytes}),
    "list": _LISTS,
    "map": _MAPS,
    "headers": _MAPS,
    "timestamp": frozenset({Timestamp}),
    "duration": frozenset({Duration}),
    "type": frozenset({TypeValue}),
    "optional_type": frozenset({Optional}),
    "net.IP": frozenset({Ip}),
    "net.CIDR": frozenset({Cidr}),
}


def type_name(value: object) -> str:
    """Return the CEL name of the value's type, as `type(x)` shows it."""
    name = _NAMES.get(type(value))
    if name is not None:
        return name
    for kind, name in _NAMES.items():  # a subclass, such as a dict of somebody else's
        if kind is not type(None) and kind is not int and isinstance(value, kind):
            return name
    return "dyn"


def fits(value: object, type: Type) -> bool:
    """Return whether the value may be passed where `type` is declared. Only the outer type is looked at."""
    kinds = _FITS.get(type.name)
    if kinds is None:
        # A parameter or dyn takes anything; any other name is a record, which is a map, or a text with
        # fields.
        return type.name in ("param", "dyn", "error") or value.__class__ in (
            (str,) if getattr(type, "is_text", False) else (dict,)
        )
    return value.__class__ in kinds


def equal(a: Any, b: Any) -> bool:
    """Return whether two values of any type are equal in CEL: deep, numbers by value, bool never a number."""
    kind = type(a)
    other = type(b)
    if kind is other and kind in _PLAIN:
        return bool(a == b)
    if kind in _NUMBERS:
        return other in _NUMBERS and bool(a == b)
    if kind in _LISTS:
        return other in _LISTS and len(a) == len(b) and all(map(equal, a, b))
    if kind in _MAPS:
        if other not in _MAPS or len(a) != len(b) or kind is not other:
            return False
        absent = _MAPS  # an object that is no value
        for key, value in a.items():
            found = b.get(key, absent)
            if found is absent or not equal(value, found):
                return False
        return True
    if kind is Optional:
        return other is Optional and a.present is b.present and (not a.present or equal(a.value, b.value))
    if kind is other:
        return bool(a == b)
    return False


def contains(items: Any, value: Any) -> bool:
    """Return whether a list has an item equal to `value`."""
    return value in items if type(value) is str else any(equal(value, item) for item in items)


def has_key(mapping: Any, key: Any) -> bool:
    """Return whether a map has `key`; numbers match by value, a bool matches only a bool."""
    kind = type(key)
    if kind is str:
        return key in mapping
    if kind is bool:
        return type(mapping) is BoolKeyMap and key in mapping
    return kind in _NUMBERS and key in mapping


def lookup(mapping: Any, key: Any) -> Any:
    """Return what a map has under `key`; raises EvalError `no_such_key`."""
    kind = type(key)
    if kind is str or kind in _NUMBERS or (kind is bool and type(mapping) is BoolKeyMap):
        try:
            return mapping[key]
        except KeyError:
            pass
    elif kind is not bool:
        raise EvalError("unsupported_key", f"unsupported key: a map has no keys of type {type_name(key)}")
    raise no_such_key(key)


def item(items: Any, index: Any) -> Any:
    """Return the item of a list at `index` (any number that is integral); raises EvalError."""
    kind = type(index)
    if kind is not int:
        if kind is float and index.is_integer():
            index = int(index)
        elif kind is not UInt:
            raise EvalError("invalid_argument", f"invalid index: {show(index)} is no position in a list")
    if 0 <= index < len(items):
        return items[index]
    raise EvalError("index_out_of_bounds", f"index out of bounds: {index}")


def index(operand: Any, key: Any) -> Any:
    """Return `operand[key]` of a list or a map that is dyn; raises EvalError."""
    kind = type(operand)
    if kind in _MAPS:
        return lookup(operand, key)
    if kind in _LISTS:
        return item(operand, key)
    raise EvalError("no_such_overload", f"no such overload: {type_name(operand)} cannot be indexed")


def no_such_key(key: Any) -> EvalError:
    """Return the error of a key that a map does not have."""
    return EvalError("no_such_key", f"no such key: {show(key)}")


def show(value: Any) -> str:
    """Return the value as a message shows it: short, on one line."""
    if type(value) is bytes:
        return f"bytes of length {len(value)}"
    try:
        text = to_text(value)
    except EvalError:
        text = type_name(value)
    return text if len(text) <= 64 else text[:61] + "..."


def to_text(value: Any) -> str:
    """Return what interpolation makes of a value (spec/policy-language.md §4); raises EvalError."""
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if kind is bool:
        return "true" if value else "false"
    if kind is int or kind is UInt:
        return int.__repr__(value)
    if kind is float:
        return double_to_text(value)
    if value is None:
        return ""
    if kind is bytes:
        return bytes_to_text(value)
    if kind is Timestamp or kind is Duration:
        return times.timestamp_to_text(value) if kind is Timestamp else times.duration_to_text(value)
    if kind in _LISTS or kind in _MAPS:
        return to_json(value)
    if kind is Ip or kind is Cidr:
        return addresses.ip_to_text(value) if kind is Ip else addresses.cidr_to_text(value)
    if kind is TypeValue:
        return value.name  # type: ignore[no-any-return]
    raise EvalError("no_such_overload", f"no such overload: a value of type {type_name(value)} has no text")


def bytes_to_text(value: bytes) -> str:
    """Return the octets read as UTF-8; raises EvalError where they are not."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise EvalError("invalid_argument", "invalid UTF-8 in bytes, which cannot become a string") from None


def to_json(value: Any) -> str:
    """Return compact JSON with sorted keys; raises EvalError for what JSON cannot say.

    bytes become base64, timestamps and durations their text, as protobuf's JSON has them. Keys become text.
    """
    plain = value if _is_texts_by_name(value) else _plain(value, 0)
    try:
        text = _encoder().encode(plain)
    except ValueError:
        raise EvalError("invalid_argument", "JSON has no NaN and no infinity") from None
    return bounded_text(text)  # type: ignore[no-any-return]


@cache
def _encoder() -> json.JSONEncoder:
    from json import JSONEncoder

    return JSONEncoder(separators=(",", ":"), sort_keys=True, ensure_ascii=False, allow_nan=False)


def _is_texts_by_name(value: Any) -> bool:
    """Return whether a value is what headers and query parameters are, which JSON can say as it is."""
    return (
        type(value) is dict
        and set(map(type, value)) == {str}
        and set(map(type, value.values())) == {list}
        and set(map(type, chain.from_iterable(value.values()))) <= {str}
    )


def _plain(value: Any, depth: int) -> Any:
    if depth > DEPTH_LIMIT:
        raise EvalError("too_large", f"a value is nested deeper than {DEPTH_LIMIT} levels")
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if kind is UInt:
        return int(value)
    if kind is float:
        return int(value) if value.is_integer() and abs(value) < 1e21 else value
    if kind in _MAPS:
        return {to_text(key): _plain(item, depth + 1) for key, item in value.items()}
    if kind in _LISTS:
        return [_plain(item, depth + 1) for item in value]
    if kind is bytes:
        import base64

        return base64.b64encode(value).decode("ascii")
    if kind is Optional:
        return _plain(value.value, depth + 1) if value.present else None
    return to_text(value)
