"""Choosing the overloads of a function that the types of the arguments allow; and why none does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from policyc.engine.cel import ir
from policyc.engine.cel.dispatch import is_certain
from policyc.engine.cel.unify import Unifier, is_open
from policyc.engine.types import BOOL, BYTES, DOUBLE, DYN, HEADERS, INT, STRING, UINT, Type

if TYPE_CHECKING:
    from policyc.engine.function import Function, Overload

# What a hint may propose to convert, where nothing simpler explains the mistake.
_CONVERTIBLE = frozenset(
    {(STRING, BYTES), (INT, STRING), (UINT, STRING), (DOUBLE, STRING), (BOOL, STRING), (STRING, INT)}
    | {(UINT, INT), (INT, DOUBLE), (UINT, DOUBLE)}
)


def resolve(
    types: Unifier, function: Function, args: Sequence[ir.Node], method: bool
) -> tuple[tuple[Overload, ...], Type | None]:
    """Return the overloads that the arguments allow, and the type of the result; None if none fits."""
    have = [arg.type for arg in args]
    chosen: list[Overload] = []
    result: Type | None = None
    for overload in function.overloads:
        if overload.method is not method or len(overload.params) != len(have):
            continue
        *want, gives = types.renamed((*overload.params, overload.result))
        if not types.fit(have, want):
            continue
        gives = types.resolve(gives)
        if any(h == HEADERS and w == HEADERS for h, w in zip(have, want, strict=True)):
            return (overload,), gives
        # No later one can be meant; but headers, which are a map too, wait for their own overload.
        sure = map(is_certain, map(types.resolve, have), overload.params)
        if not chosen and HEADERS not in have and all(sure):
            return (overload,), gives
        chosen.append(overload)
        if result is None:
            result = gives
        elif not is_open(result) and result != gives:
            result = DYN
    return tuple(chosen), result


def slip(types: Unifier, function: Function, args: Sequence[ir.Node], method: bool) -> str | None:
    """Return which slip explains that nothing fits: a list where its item would do, …; None if none."""
    for at, arg in enumerate(args):
        type = types.resolve(arg.type)
        if type.name == "list" and _fits_with(types, function, args, method, at, type.params[0]):
            return f"item {at}"
    for at, arg in enumerate(args):
        if isinstance(arg, ir.Const) and isinstance(arg.value, str):
            for kind in (INT, DOUBLE, BOOL):
                if _reads_as(arg.value, kind) and _fits_with(types, function, args, method, at, kind):
                    return f"unquote {at}"
        if isinstance(arg, ir.Const) and arg.type in (INT, DOUBLE, BOOL, UINT):
            if _fits_with(types, function, args, method, at, STRING):
                return f"quote {at}"
            if arg.type == INT and _fits_with(types, function, args, method, at, DOUBLE):
                return f"double {at}"
    for kind in (BYTES, STRING, INT, DOUBLE):
        for at, arg in enumerate(args):
            pair = (types.resolve(arg.type), kind)
            if pair in _CONVERTIBLE and _fits_with(types, function, args, method, at, kind):
                return f"convert.{kind.name} {at}"
    if resolve(types, function, args, not method)[1] is not None:
        return "as function" if method else "as method"
    return None


def _fits_with(
    types: Unifier, function: Function, args: Sequence[ir.Node], method: bool, at: int, type: Type
) -> bool:
    tried = [*args[:at], ir.Const(None, type, args[at].span), *args[at + 1 :]]
    return resolve(types, function, tried, method)[1] is not None


def _reads_as(text: str, type: Type) -> bool:
    if type == BOOL:
        return text in ("true", "false")
    digits = text.removeprefix("-")
    if type == DOUBLE:
        whole, _, part = digits.partition(".")
        return whole.isdecimal() and part.isdecimal()
    return digits.isascii() and digits.isdecimal()
