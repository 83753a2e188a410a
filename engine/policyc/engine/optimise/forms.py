"""What the optimiser writes in place of what the user wrote: calls that no user can write.

They are `ir.Apply` nodes like any other, with overloads of their own, so that both evaluators run them and
none of them needs to know. All are total: they fail for no value of their arguments' types. The constant
sets and tables in them are Python objects that are no CEL values; nothing but these overloads reads them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from policyc.engine.cel import ir
from policyc.engine.function import Overload
from policyc.engine.types import BOOL, DYN, INT, STRING, Type, list_of, param
from policyc.grammar.source import Span

_T = param("T")
_K = param("K")

_STRINGS = list_of(STRING)
_INTS = list_of(INT)


def _is_in(value: Any, values: Any) -> bool:
    return value in values


def _any_in(items: Any, values: Any) -> bool:
    return not values.isdisjoint(items)


def _starts(text: str, prefixes: tuple[str, ...]) -> bool:
    return text.startswith(prefixes)


def _ends(text: str, suffixes: tuple[str, ...]) -> bool:
    return text.endswith(suffixes)


def _in_stretches(inside: Sequence[bool], bisect: Any, starts: Sequence[int], number: int) -> bool:
    return inside[bisect_right(starts, number) - 1]


IN_TEXTS: Final = Overload("in_texts", (STRING, _STRINGS), BOOL, _is_in, inline="({0} in {1})")
IN_INTS: Final = Overload("in_ints", (INT, _INTS), BOOL, _is_in, inline="({0} in {1})")
# A value that may be anything is compared, not hashed: a list has no hash.
IN_TEXTS_DYN: Final = Overload("in_texts_dyn", (DYN, _STRINGS), BOOL, _is_in, inline="({0} in {1})")
IN_ITEMS: Final = Overload("in_items", (_T, list_of(_T)), BOOL, _is_in, inline="({0} in {1})")
IN_KEYS: Final = Overload("in_keys", (STRING, _K), BOOL, _is_in, inline="({0} in {1})")
ANY_IN: Final = Overload("any_in", (_STRINGS, _STRINGS), BOOL, _any_in, inline="(not {1}.isdisjoint({0}))")
STARTS_WITH_ANY: Final = Overload(
    "starts_with_any", (STRING, _STRINGS), BOOL, _starts, True, inline="{0}.startswith({1})"
)
ENDS_WITH_ANY: Final = Overload(
    "ends_with_any", (STRING, _STRINGS), BOOL, _ends, True, inline="{0}.endswith({1})"
)
HAS_ITEMS: Final = Overload("has_items", (_T,), BOOL, bool, inline="(not not {0})")
HAS_NO_ITEMS: Final = Overload("has_no_items", (_T,), BOOL, lambda value: not value, inline="(not {0})")
VALUES_OF: Final = Overload(
    "values_of", (_K, STRING, _STRINGS), _STRINGS, lambda found, key, none: found.get(key, none),
    inline="{0}.get({1}, {2})",
)  # fmt: skip
IN_NETWORKS: Final = Overload(
    "in_networks",
    (list_of(BOOL), DYN, _INTS, INT),
    BOOL,
    _in_stretches,
    inline="{0}[{1}({2}, {3}) - 1]",
)

TOTAL: Final = frozenset(
    {
        "any in",
        "has items",
        "has no items",
        "in networks",
        "matches as text",
        "matches by RE2",
        "number of",
        "values of",
    }
)


def one_of(operand: ir.Node, values: Collection[str] | Collection[int], type: Type, span: Span) -> ir.Apply:
    """Return the test whether a string, an int or a dyn (`type`) is one of these texts or ints."""
    if type == INT:
        overload, items, kind = IN_INTS, frozenset(values), _INTS
    else:
        overload, items, kind = IN_TEXTS, frozenset(values), _STRINGS
    if type == DYN:
        overload, items = IN_TEXTS_DYN, tuple(sorted(values))  # type: ignore[assignment]
    return ir.Apply("_in_", (overload,), (operand, ir.Const(items, kind, span)), BOOL, span)


def any_of(items: ir.Node, values: Collection[str], span: Span) -> ir.Apply:
    """Return the test whether one of a list's strings is one of these texts."""
    return ir.Apply("any in", (ANY_IN,), (items, ir.Const(frozenset(values), _STRINGS, span)), BOOL, span)


def item_of(value: ir.Node, items: ir.Node, span: Span) -> ir.Apply:
    """Return the test whether a list has the item, or a map of strings the key."""
    overload = IN_ITEMS if items.type.name == "list" else IN_KEYS
    return ir.Apply("_in_", (overload,), (value, items), BOOL, span)


def affixed(operand: ir.Node, affixes: Collection[str], function: str, span: Span) -> ir.Apply:
    """Return the test whether a string starts (`startsWith`) or ends (`endsWith`) with one of these."""
    overload = STARTS_WITH_ANY if function == "startsWith" else ENDS_WITH_ANY
    listed = ir.Const(tuple(dict.fromkeys(affixes)), _STRINGS, span)
    return ir.Apply(function, (overload,), (operand, listed), BOOL, span)


def values_of(where: ir.Node, key: str, type: Type, span: Span) -> ir.Apply:
    """Return the values that a map of lists has for a key, an empty list if it has none."""
    args = (where, ir.Const(key, STRING, span), ir.Const([], _STRINGS, span))
    return ir.Apply("values of", (VALUES_OF,), args, type, span)


def has_items(operand: ir.Node, has: bool, span: Span) -> ir.Apply:
    """Return the test whether a text, a list or a map has any items (or, without `has`, none)."""
    function, overload = ("has items", HAS_ITEMS) if has else ("has no items", HAS_NO_ITEMS)
    return ir.Apply(function, (overload,), (operand,), BOOL, span)


def in_networks(number: ir.Node, networks: Stretches, span: Span) -> ir.Apply:
    """Return the test whether an address (as a number) is in the networks."""
    args = (
        ir.Const(networks.inside, list_of(BOOL), span),
        ir.Const(bisect_right, DYN, span),
        Networks(networks, _INTS, span),
        number,
    )
    return ir.Apply("in networks", (IN_NETWORKS,), args, BOOL, span)


class Networks(ir.Const):
    """The starts of the stretches of some networks, as an argument of `in networks`."""

    __slots__ = ("networks",)

    def __init__(self, networks: Stretches, type: Type, span: Span) -> None:
        """Hold the networks; the value is where their stretches start."""
        super().__init__(networks.starts, type, span)
        self.networks = networks

    @property
    def shown(self) -> tuple[str, ...]:
        """The networks as they were written."""
        return self.networks.texts


class Stretches:
    """Networks as stretches of numbers: `inside[i]` says of all from `starts[i]` to the next start.

    `texts` are the networks as they were written.
    """

    __slots__ = ("inside", "ranges", "starts", "texts")

    def __init__(self, ranges: Iterable[tuple[int, int]], texts: Iterable[str]) -> None:
        """Take (first, last) of each network."""
        self.texts = tuple(texts)
        self.starts: list[int] = [-2]  # below every number, that of no address (-1) included
        self.inside: list[bool] = [False]
        self.ranges = merged(ranges)
        for first, last in self.ranges:
            self.starts += (first, last + 1)
            self.inside += (True, False)


def merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the ranges in order, those that overlap or touch made one."""
    made: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if made and first <= made[-1][1] + 1:
            made[-1] = (made[-1][0], max(made[-1][1], last))
        else:
            made.append((first, last))
    return made
