"""`format`: printf's clauses with CEL's rules for each (cel-go strings library, en_US, no grouping)."""

from __future__ import annotations

from typing import Any

from policyc.engine.cel.coerce import to_text, type_name
from policyc.engine.cel.extent import Extent, text
from policyc.engine.cel.limits import DEPTH_LIMIT, TEXT_LIMIT, text_limit_passed
from policyc.engine.cel.numbers import double_to_text
from policyc.engine.cel.prices import price
from policyc.engine.function import Function, Overload
from policyc.engine.types import DYN, STRING, list_of
from policyc.engine.values import BoolKeyMap, EvalError, UInt

PRECISION_LIMIT = 1000


def _refuse(clause: str, value: object) -> EvalError:
    return EvalError("invalid_argument", f"format: `%{clause}` takes no value of type {type_name(value)}")


def _text(value: Any, depth: int = 0) -> str:
    """Return what `%s` shows: items without quotes, maps sorted by the text of their keys."""
    kind = type(value)
    if depth > DEPTH_LIMIT:
        raise EvalError("too_large", f"a value is nested deeper than {DEPTH_LIMIT} levels")
    if value is None:
        return "null"
    if kind is bytes:
        return str(value, "utf-8", "replace")
    if kind is list or kind is tuple:
        return f"[{', '.join(_text(item, depth + 1) for item in value)}]"
    if kind is dict or kind is BoolKeyMap:
        pairs = sorted((_text(key, depth + 1), _text(item, depth + 1)) for key, item in value.items())
        return "{" + ", ".join(f"{key}: {item}" for key, item in pairs) + "}"
    return to_text(value)


def _is_integer(value: object) -> bool:
    return type(value) is int or type(value) is UInt


def _decimal(value: Any) -> str:
    if _is_integer(value):
        return str(int(value))
    if type(value) is float and (value != value or value in (float("inf"), float("-inf"))):
        return double_to_text(value)
    raise _refuse("d", value)


def _floating(clause: str, value: Any, precision: int) -> str:
    if type(value) is not float:
        if not _is_integer(value):
            raise _refuse(clause, value)
        value = float(value)
    if value != value or value in (float("inf"), float("-inf")):
        return double_to_text(value)
    return f"{value:.{precision}{clause}}"


def _binary(value: Any) -> str:
    if type(value) is bool or _is_integer(value):
        return format(int(value), "b")
    raise _refuse("b", value)


def _octal(value: Any) -> str:
    if _is_integer(value):
        return format(int(value), "o")
    raise _refuse("o", value)


def _hexadecimal(clause: str, value: Any) -> str:
    if _is_integer(value):
        return format(int(value), clause)
    if type(value) is str:
        value = value.encode("utf-8", "surrogateescape")
    if type(value) is not bytes:
        raise _refuse(clause, value)
    text = value.hex()
    return text.upper() if clause == "X" else text


def _clause(clause: str, value: Any, precision: int) -> str:
    match clause:
        case "s":
            return _text(value)
        case "d":
            return _decimal(value)
        case "f" | "e":
            return _floating(clause, value, precision)
        case "b":
            return _binary(value)
        case "o":
            return _octal(value)
        case _:
            return _hexadecimal(clause, value)


def _precision(template: str, at: int) -> tuple[int, int]:
    """Return the precision that a clause names from `at` on (6 if none), and where its letter stands."""
    if template[at : at + 1] != ".":
        return 6, at
    end = at + 1
    while template[end : end + 1] in tuple("0123456789"):
        end += 1
    digits = template[at + 1 : end]
    if not digits or len(digits) > 4 or int(digits) > PRECISION_LIMIT:
        raise EvalError("invalid_argument", f"format: a precision is a number up to {PRECISION_LIMIT}")
    return int(digits), end


def _format(template: str, args: Any) -> str:
    parts: list[str] = []
    room = TEXT_LIMIT
    at = used = 0
    while True:
        percent = template.find("%", at)
        part = template[at:] if percent < 0 else template[at:percent]
        parts.append(part)
        room -= len(part)
        if room < 0:
            text_limit_passed()
        if percent < 0:
            return "".join(parts)
        if template[percent + 1 : percent + 2] == "%":
            parts.append("%")
            at = percent + 2
            continue
        precision, at = _precision(template, percent + 1)
        clause = template[at : at + 1]
        if not clause or clause not in "sdfebxXo":
            raise EvalError("invalid_argument", f"format: there is no clause `%{clause}`")
        if used >= len(args):
            raise EvalError("invalid_argument", f"format: there is no argument {used + 1} for `%{clause}`")
        made = _clause(clause, args[used], precision)
        parts.append(made)
        room -= len(made)
        used += 1
        at += 1


def _size(template: Extent, args: Extent) -> Extent:
    """`%.1000f` of a large number is the longest that a clause makes; `%x` doubles a text."""
    return text(template.characters * 200 + args.characters * 2 + args.values * 40)


FUNCTIONS = (
    Function(
        "format",
        "The text with its clauses replaced by the arguments: `%s` any value, `%d` integers, `%f` and `%e` "
        "numbers (`%.2f`), `%b` `%o` `%x` `%X` other bases.",
        (
            Overload(
                "string_format",
                (STRING, list_of(DYN)),
                STRING,
                _format,
                True,
                cost=price(30, 60, 1, values=60),
                size=_size,
            ),
        ),
        (
            ("'%s has %d items'.format(['cart', 3])", "'cart has 3 items'"),
            ("'%.2f%%'.format([12.5])", "'12.50%'"),
        ),
    ),
)
