"""Equality, order, and membership. Numbers of different types compare by value; a bool is never a number."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from policyc.engine.cel.coerce import contains, equal, has_key
from policyc.engine.cel.extent import Amount, Extent, smaller
from policyc.engine.cel.prices import INLINE, price
from policyc.engine.function import Function, Overload
from policyc.engine.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    HEADERS,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    UINT,
    Type,
    list_of,
    map_of,
    param,
)

_T = param("T")
_K = param("K")
_V = param("V")


def _unequal(a: Any, b: Any) -> bool:
    return not equal(a, b)


def _in_list(value: Any, items: Any) -> bool:
    return contains(items, value)


def _in_map(key: Any, mapping: Any) -> bool:
    return has_key(mapping, key)


def _of_equality(a: Extent, b: Extent) -> Amount:
    """The shorter one decides; items are compared one by one, and those of nested lists cost the most."""
    return Amount(8) + smaller(a.characters, b.characters) * 0.01 + smaller(a.values, b.values) * 40


def _of_texts(a: Extent, b: Extent) -> Amount:
    return Amount(INLINE) + smaller(a.characters, b.characters) * 0.01


def _of_search(value: Extent, items: Extent) -> Amount:
    """A text is looked for in C, anything else is compared with every item."""
    if value.values.most:
        return Amount(6) + items.values * 40 + items.characters * 0.01
    return Amount(4) + items.length * (1.5 if value.characters.most else 12) + items.characters * 0.01


def _in_headers(name: str, headers: dict[str, list[str]]) -> bool:
    return name.lower() in headers


# Where Python's `==` and `in` are CEL's: both sides of one scalar type, or one of a type that no number
# equals, whatever the other is.
_ANY = param("any")
_SAME = (INT, UINT, DOUBLE, BOOL, list_of(INT), list_of(BOOL))
_ONE_SIDED = (
    STRING,
    BYTES,
    TIMESTAMP,
    DURATION,
    NULL,
    list_of(STRING),
    list_of(BYTES),
    map_of(STRING, STRING),
)


def _equality(sign: str) -> tuple[tuple[tuple[Type, ...], str], ...]:
    plain = f"({{0}} {sign} {{1}})"
    return (
        *(((t, _ANY), plain) for t in _ONE_SIDED),
        *(((_ANY, t), plain) for t in _ONE_SIDED),
        *(((t, t), plain) for t in _SAME),
    )


_OF_SCALARS = (
    *(((t, _ANY), _of_texts) for t in (STRING, BYTES)),
    *(((_ANY, t), _of_texts) for t in (STRING, BYTES)),
    *(((t, t), price(INLINE)) for t in (INT, UINT, DOUBLE, BOOL)),
)
_ITEM = (
    ((STRING, list_of(_ANY)), "({0} in {1})"),
    *(((t, list_of(t)), "({0} in {1})") for t in (INT, UINT, BOOL, BYTES, TIMESTAMP, DURATION)),
)
_KEY = (((STRING, map_of(_ANY, _ANY)), "({0} in {1})"),)

_ORDERED = (
    ("bool", BOOL),
    ("int64", INT),
    ("uint64", UINT),
    ("double", DOUBLE),
    ("string", STRING),
    ("bytes", BYTES),
    ("timestamp", TIMESTAMP),
    ("duration", DURATION),
)
_NUMERIC = _ORDERED[1:4]


def _of_doubles(body: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda a, b: body(float(a), float(b))


def _order(
    name: str, word: str, sign: str, body: Callable[[Any, Any], bool], doc: str, *examples: tuple[str, str]
) -> Function:
    same = [
        Overload(f"{word}_{n}", (t, t), BOOL, body, inline=f"({{0}} {sign} {{1}})", cost=price(INLINE, 0.01))
        for n, t in _ORDERED
    ]
    mixed = []
    for n, t in _NUMERIC:
        for m, u in _NUMERIC:
            if n == m:
                continue
            # As the reference implementations do, an integer becomes a double beside a double.
            left = "float({0})" if u == DOUBLE else "{0}"
            right = "float({1})" if t == DOUBLE else "{1}"
            as_doubles = DOUBLE in (t, u)
            mixed.append(
                Overload(
                    f"{word}_{n}_{m}",
                    (t, u),
                    BOOL,
                    _of_doubles(body) if as_doubles else body,
                    inline=f"({left} {sign} {right})",
                )
            )
    return Function(name, doc, (*same, *mixed), examples)


FUNCTIONS = (
    Function(
        "_==_",
        "Whether two values are equal: numbers by value, lists and maps item by item, NaN never.",
        (
            Overload(
                "equals", (_T, _T), BOOL, equal, inlines=_equality("=="), cost=_of_equality, costs=_OF_SCALARS
            ),
        ),
        (
            ("'a' == 'a'", "true"),
            ("[1, 2] == [2, 1]", "false"),
            ("dyn(1) == 1.0", "true"),
            ("dyn(true) == 1", "false"),
        ),
    ),
    Function(
        "_!=_",
        "Whether two values differ.",
        (
            Overload(
                "not_equals",
                (_T, _T),
                BOOL,
                _unequal,
                inlines=_equality("!="),
                cost=_of_equality,
                costs=_OF_SCALARS,
            ),
        ),
        (("'a' != 'b'", "true"), ("0.0 / 0.0 != 0.0 / 0.0", "true")),
    ),
    _order(
        "_<_",
        "less",
        "<",
        operator.lt,
        "Whether the first is less. Texts compare by code point.",
        ("1 < 2", "true"),
        ("dyn(2u) < 1.5", "false"),
    ),
    _order(
        "_<=_",
        "less_equals",
        "<=",
        operator.le,
        "Whether the first is less or equal.",
        ("'a' <= 'a'", "true"),
    ),
    _order("_>_", "greater", ">", operator.gt, "Whether the first is greater.", ("b'b' > b'a'", "true")),
    _order(
        "_>=_",
        "greater_equals",
        ">=",
        operator.ge,
        "Whether the first is greater or equal.",
        ("duration('1s') >= duration('1m')", "false"),
    ),
    Function(
        "_in_",
        "Whether a list has the item, or a map the key. In header maps the case of the name does not matter.",
        (
            Overload("in_list", (_T, list_of(_T)), BOOL, _in_list, inlines=_ITEM, cost=_of_search),
            Overload("in_map", (_K, map_of(_K, _V)), BOOL, _in_map, inlines=_KEY, cost=price(4, 0.1)),
            # Last: what is only known to be some map is not taken for headers.
            Overload(
                "in_headers",
                (STRING, HEADERS),
                BOOL,
                _in_headers,
                inline="({0}.lower() in {1})",
                cost=price(6, 0.2),
            ),
        ),
        (("'a' in ['a', 'b']", "true"), ("'k' in {'k': 1}", "true"), ("dyn(true) in [1]", "false")),
    ),
)
