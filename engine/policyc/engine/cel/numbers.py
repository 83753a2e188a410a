"""CEL's arithmetic on Python numbers: 64 bit integers that overflow into an error, IEEE doubles that do not.

Integer division truncates towards zero and the remainder has the sign of the dividend, unlike Python's.
"""

from __future__ import annotations

import math
from typing import NoReturn

from policyc.engine.values import INT_MAX, INT_MIN, UINT_MAX, EvalError, UInt

_TWO_63 = float(2**63)
_TWO_64 = float(2**64)


def overflow(kind: str) -> NoReturn:
    """Raise what a result that does not fit `kind` (int, uint) is."""
    raise EvalError("overflow", f"{kind} overflow")


def add_int(a: int, b: int) -> int:
    """Return a + b."""
    r = a + b
    if INT_MIN <= r <= INT_MAX:
        return r
    overflow("int")


def subtract_int(a: int, b: int) -> int:
    """Return a - b."""
    r = a - b
    if INT_MIN <= r <= INT_MAX:
        return r
    overflow("int")


def multiply_int(a: int, b: int) -> int:
    """Return a * b."""
    r = a * b
    if INT_MIN <= r <= INT_MAX:
        return r
    overflow("int")


def negate_int(a: int) -> int:
    """Return -a."""
    if a == INT_MIN:
        overflow("int")
    return -a


def divide_int(a: int, b: int) -> int:
    """Return a / b, truncated towards zero."""
    if b == 0:
        raise EvalError("division_by_zero", "division by zero")
    r = a // b if (a < 0) == (b < 0) else -(-a // b)
    if r > INT_MAX:
        overflow("int")
    return r


def modulo_int(a: int, b: int) -> int:
    """Return the remainder of a / b, with the sign of a."""
    if b == 0:
        raise EvalError("modulus_by_zero", "modulus by zero")
    if b == -1 and a == INT_MIN:
        overflow("int")
    r = abs(a) % abs(b)
    return -r if a < 0 else r


def _uint(r: int) -> UInt:
    if 0 <= r <= UINT_MAX:
        return UInt(r)
    overflow("uint")


def add_uint(a: int, b: int) -> UInt:
    """Return a + b."""
    return _uint(int(a) + int(b))


def subtract_uint(a: int, b: int) -> UInt:
    """Return a - b."""
    return _uint(int(a) - int(b))


def multiply_uint(a: int, b: int) -> UInt:
    """Return a * b."""
    return _uint(int(a) * int(b))


def divide_uint(a: int, b: int) -> UInt:
    """Return a / b, truncated."""
    if b == 0:
        raise EvalError("division_by_zero", "division by zero")
    return UInt(int(a) // int(b))


def modulo_uint(a: int, b: int) -> UInt:
    """Return the remainder of a / b."""
    if b == 0:
        raise EvalError("modulus_by_zero", "modulus by zero")
    return UInt(int(a) % int(b))


def divide_double(a: float, b: float) -> float:
    """Return a / b as IEEE 754 has it: an infinity or NaN for a zero divisor."""
    if b != 0.0:
        return a / b
    if a == 0.0 or a != a:
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def double_to_int(value: float) -> int:
    """Return the double truncated towards zero; the ends of the range are errors, being inexact."""
    if -_TWO_63 < value < _TWO_63:
        return int(value)
    raise EvalError("range", f"double {double_to_text(value)} is out of the range of int")


def double_to_uint(value: float) -> UInt:
    """Return the double truncated; negative ones are errors."""
    if 0.0 <= value < _TWO_64:
        return UInt(int(value))
    raise EvalError("range", f"double {double_to_text(value)} is out of the range of uint")


def int_to_uint(value: int) -> UInt:
    """Return the int as a uint; raises for a negative one."""
    if value < 0:
        raise EvalError("range", f"int {value} is out of the range of uint")
    return UInt(value)


def uint_to_int(value: int) -> int:
    """Return the uint as an int; raises beyond the range of int."""
    if value > INT_MAX:
        raise EvalError("range", f"uint {value} is out of the range of int")
    return int(value)


def text_to_int(text: str) -> int:
    """Return the int that decimal `text` says, with an optional sign."""
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 64):
        raise EvalError("invalid_argument", f"cannot read `{text[:64]}` as an int")
    value = int(text)
    if not INT_MIN <= value <= INT_MAX:
        raise EvalError("range", f"`{text}` is out of the range of int")
    return value


def text_to_uint(text: str) -> UInt:
    """Return the uint that decimal `text` says; no sign."""
    if not (text.isascii() and text.isdigit() and len(text) <= 64):
        raise EvalError("invalid_argument", f"cannot read `{text[:64]}` as a uint")
    value = int(text)
    if value > UINT_MAX:
        raise EvalError("range", f"`{text}` is out of the range of uint")
    return UInt(value)


def text_to_double(text: str) -> float:
    """Return the double that `text` says; blanks and underscores, which Python accepts, are errors."""
    if text.isascii() and text and not text[0].isspace() and not text[-1].isspace() and "_" not in text:
        try:
            value = float(text)
        except ValueError:
            pass
        else:
            if math.isinf(value) and text.lstrip("+-")[:1] not in ("i", "I"):
                raise EvalError("range", f"`{text[:64]}` is out of the range of double")
            return value
    raise EvalError("invalid_argument", f"cannot read `{text[:64]}` as a double")


def double_to_text(value: float) -> str:
    """Return the shortest text that reads back as `value`: `1`, `0.1`, `1e+21`, `NaN`, `-Infinity`.

    An exponent stands below 1e-4 and from 1e21 on, where JSON and JavaScript begin one too.
    """
    if value != value:
        return "NaN"
    if value in (math.inf, -math.inf):
        return "Infinity" if value > 0 else "-Infinity"
    text = repr(value)
    sign = ""
    if text[0] == "-":
        sign, text = "-", text[1:]
    mantissa, _, exponent = text.partition("e")
    whole, _, fraction = mantissa.partition(".")
    if fraction == "0":
        fraction = ""
    point = len(whole) + (int(exponent) if exponent else 0)
    digits = (whole + fraction).lstrip("0")
    point -= len(whole + fraction) - len(digits)
    digits = digits.rstrip("0")
    if not digits:
        return sign + "0"
    power = point - 1
    if -4 <= power < 21:
        if point <= 0:
            return f"{sign}0.{'0' * -point}{digits}"
        if len(digits) <= point:
            return sign + digits + "0" * (point - len(digits))
        return f"{sign}{digits[:point]}.{digits[point:]}"
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{tail}e{'-' if power < 0 else '+'}{abs(power):02d}"
