"""Numbers beyond arithmetic: cel-go's math library. From three arguments on `math.greatest` is a macro."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from policyc.engine.cel import numbers
from policyc.engine.cel.coerce import type_name
from policyc.engine.cel.extent import joined
from policyc.engine.cel.prices import price, same
from policyc.engine.function import Function, Overload
from policyc.engine.types import BOOL, DOUBLE, DYN, INT, UINT, Type, list_of
from policyc.engine.values import INT_MAX, UINT_MAX, EvalError, UInt

_NUMBERS = (("int", INT), ("uint", UINT), ("double", DOUBLE))


def _same(value: Any) -> Any:
    return value


def _check(name: str, values: Any) -> None:
    if not values:
        raise EvalError("invalid_argument", f"math.{name} of an empty list")
    for value in values:
        if type(value) not in (int, UInt, float):
            raise EvalError("no_such_overload", f"no such overload: math.{name} of {type_name(value)}")


def _greatest(*values: Any) -> Any:
    return _greatest_of(values)


def _least(*values: Any) -> Any:
    return _least_of(values)


def _greatest_of(values: Any) -> Any:
    _check("greatest", values)
    return max(values)  # the first of equal ones


def _least_of(values: Any) -> Any:
    _check("least", values)
    return min(values)


def _extreme(
    name: str, doc: str, body: Callable[..., Any], of_list: Callable[[Any], Any], *examples: tuple[str, str]
) -> Function:
    word = f"math_{name}"
    one = [Overload(f"{word}_{n}", (t,), t, _same, size=same()) for n, t in _NUMBERS]
    two = [
        Overload(f"{word}_{n}_{m}", (t, u), t if t == u else DYN, body, size=joined)
        for n, t in _NUMBERS
        for m, u in _NUMBERS
    ]
    lists = [
        Overload(f"{word}_list_{n}", (list_of(t),), t, of_list, cost=price(20, values=6), size=same())
        for n, t in (*_NUMBERS, ("dyn", DYN))
    ]
    return Function(f"math.{name}", doc, (*one, *two, *lists), examples)


def _whole(turn: Callable[[float], int]) -> Callable[[float], float]:
    def turned(value: float) -> float:
        # `turn` gives an int, which has no sign at zero and no infinities.
        return math.copysign(float(turn(value)), value) if math.isfinite(value) else value

    return turned


def _nearest(value: float) -> int:
    whole = math.trunc(value)
    return whole + (1 if value > 0 else -1) if abs(value - whole) >= 0.5 else whole


def _abs_int(value: int) -> int:
    return value if value >= 0 else numbers.negate_int(value)


def _sign_int(value: int) -> int:
    return (value > 0) - (value < 0)


def _sign_uint(value: int) -> UInt:
    return UInt(value > 0)


def _sign_double(value: float) -> float:
    return value if value != value or value == 0 else math.copysign(1.0, value)


def _sqrt(value: float) -> float:
    return math.sqrt(value) if value >= 0 else math.nan


def _signed(bits: int) -> int:
    """Return the int of 64 bits in two's complement."""
    bits &= UINT_MAX
    return bits if bits <= INT_MAX else bits - (1 << 64)


def _offset(by: int) -> int:
    if by < 0:
        raise EvalError("invalid_argument", f"a shift by a negative number of bits: {by}")
    return min(by, 64)


def _and_int(a: int, b: int) -> int:
    return a & b


def _or_int(a: int, b: int) -> int:
    return a | b


def _xor_int(a: int, b: int) -> int:
    return a ^ b


def _and_uint(a: int, b: int) -> UInt:
    return UInt(a & b)


def _or_uint(a: int, b: int) -> UInt:
    return UInt(a | b)


def _xor_uint(a: int, b: int) -> UInt:
    return UInt(a ^ b)


def _not_int(a: int) -> int:
    return ~a


def _not_uint(a: int) -> UInt:
    return UInt(~int(a) & UINT_MAX)


def _left_int(a: int, by: int) -> int:
    return _signed(a << _offset(by))


def _left_uint(a: int, by: int) -> UInt:
    return UInt((int(a) << _offset(by)) & UINT_MAX)


def _right_int(a: int, by: int) -> int:
    # The sign is shifted as any other bit, so a negative int becomes a large one.
    return _signed((a & UINT_MAX) >> _offset(by))


def _right_uint(a: int, by: int) -> UInt:
    return UInt(int(a) >> _offset(by))


def _double_only(
    name: str, result: Type, doc: str, body: Callable[[float], Any], *examples: tuple[str, str]
) -> Function:
    return Function(
        f"math.{name}", doc, (Overload(f"math_{name}_double", (DOUBLE,), result, body),), examples
    )


def _bits(
    name: str,
    doc: str,
    of_int: Callable[..., int],
    of_uint: Callable[..., UInt],
    rest: tuple[Type, ...] | None,
    *examples: tuple[str, str],
) -> Function:
    """Declare a bit function; `rest` are the types after the first argument, None for one like the first."""
    return Function(
        f"math.{name}",
        doc,
        (
            Overload(f"math_{name}_int", (INT, *((INT,) if rest is None else rest)), INT, of_int),
            Overload(f"math_{name}_uint", (UINT, *((UINT,) if rest is None else rest)), UINT, of_uint),
        ),
        examples,
    )


FUNCTIONS = (
    _extreme(
        "greatest",
        "The greatest of some numbers, or of a list of them.",
        _greatest,
        _greatest_of,
        ("math.greatest(1, 3, 2)", "3"),
        ("math.greatest([1.5, 2.5])", "2.5"),
    ),
    _extreme(
        "least",
        "The least of some numbers, or of a list of them.",
        _least,
        _least_of,
        ("math.least(1, 3)", "1"),
        ("math.least(-1, 2.5)", "-1"),
    ),
    _double_only(
        "ceil", DOUBLE, "The next whole number upwards.", _whole(math.ceil), ("math.ceil(1.2)", "2.0")
    ),
    _double_only(
        "floor", DOUBLE, "The next whole number downwards.", _whole(math.floor), ("math.floor(-1.2)", "-2.0")
    ),
    _double_only(
        "round",
        DOUBLE,
        "The nearest whole number, halves away from zero.",
        _whole(_nearest),
        ("math.round(1.5)", "2.0"),
        ("math.round(-1.5)", "-2.0"),
    ),
    _double_only(
        "trunc", DOUBLE, "The number without its fraction.", _whole(math.trunc), ("math.trunc(-1.7)", "-1.0")
    ),
    _double_only("isNaN", BOOL, "Whether the number is NaN.", math.isnan, ("math.isNaN(0.0 / 0.0)", "true")),
    _double_only(
        "isInf", BOOL, "Whether the number is infinite.", math.isinf, ("math.isInf(1.0 / 0.0)", "true")
    ),
    _double_only(
        "isFinite",
        BOOL,
        "Whether the number is neither infinite nor NaN.",
        math.isfinite,
        ("math.isFinite(1.2)", "true"),
    ),
    Function(
        "math.abs",
        "The number without its sign.",
        (
            Overload("math_abs_int", (INT,), INT, _abs_int),
            Overload("math_abs_uint", (UINT,), UINT, _same),
            Overload("math_abs_double", (DOUBLE,), DOUBLE, abs),
        ),
        (("math.abs(-2)", "2"), ("math.abs(-1.5)", "1.5")),
    ),
    Function(
        "math.sign",
        "-1, 0 or 1, as the number is negative, zero or positive.",
        (
            Overload("math_sign_int", (INT,), INT, _sign_int),
            Overload("math_sign_uint", (UINT,), UINT, _sign_uint),
            Overload("math_sign_double", (DOUBLE,), DOUBLE, _sign_double),
        ),
        (("math.sign(-42)", "-1"), ("math.sign(0.5)", "1.0")),
    ),
    Function(
        "math.sqrt",
        "The square root; NaN of a negative number.",
        tuple(Overload(f"math_sqrt_{n}", (t,), DOUBLE, _sqrt) for n, t in _NUMBERS),
        (("math.sqrt(49)", "7.0"),),
    ),
    _bits("bitAnd", "The bits that both have.", _and_int, _and_uint, None, ("math.bitAnd(3, 2)", "2")),
    _bits("bitOr", "The bits that one of them has.", _or_int, _or_uint, None, ("math.bitOr(1u, 2u)", "3u")),
    _bits(
        "bitXor", "The bits that only one of them has.", _xor_int, _xor_uint, None, ("math.bitXor(3, 5)", "6")
    ),
    _bits("bitNot", "The bits turned over.", _not_int, _not_uint, (), ("math.bitNot(1)", "-2")),
    _bits(
        "bitShiftLeft",
        "The bits moved to the left.",
        _left_int,
        _left_uint,
        (INT,),
        ("math.bitShiftLeft(1, 2)", "4"),
    ),
    _bits(
        "bitShiftRight",
        "The bits moved to the right, zeros filling in.",
        _right_int,
        _right_uint,
        (INT,),
        ("math.bitShiftRight(1024, 2)", "256"),
    ),
)
