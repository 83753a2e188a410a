"""Lists: cel-go's lists library. `sortBy` is a macro; `size`, `join` and `reverse` are in strings.py."""

from __future__ import annotations

from typing import Any

from policyc.engine.cel.coerce import type_name
from policyc.engine.cel.extent import Amount, Extent, listing, smaller
from policyc.engine.cel.limits import DEPTH_LIMIT, ITEMS_LIMIT, items_limit_passed
from policyc.engine.cel.prices import price, same
from policyc.engine.function import Dialect, Function, Overload
from policyc.engine.types import DYN, INT, list_of, optional_of, param
from policyc.engine.values import NONE, BoolKeyMap, Duration, EvalError, Optional, Timestamp, UInt

_T = param("T")
_LIST = list_of(_T)

_LISTS = frozenset({list, tuple})
_SORTABLE = frozenset({int, UInt, float, bool, str, bytes, Timestamp, Duration})


def _slice(items: Any, start: int, end: int) -> list[Any]:
    if start < 0 or end < 0:
        raise EvalError("index_out_of_bounds", f"slice takes no negative position: {min(start, end)}")
    if start > end:
        raise EvalError("invalid_argument", f"slice begins after its end: {start}, {end}")
    if end > len(items):
        raise EvalError("index_out_of_bounds", f"slice ends beyond the list: {end}")
    return list(items[start:end])


def _flatten(items: Any) -> list[Any]:
    return _flatten_by(items, 1)


def _flatten_by(items: Any, depth: int) -> list[Any]:
    if depth < 0:
        raise EvalError("invalid_argument", f"flatten takes no negative depth: {depth}")
    made = list(items)
    while depth > 0 and any(type(item) in _LISTS for item in made):
        total = sum(len(item) if type(item) in _LISTS else 1 for item in made)
        if total > ITEMS_LIMIT:
            items_limit_passed()
        flat: list[Any] = []
        for item in made:
            if type(item) in _LISTS:
                flat.extend(item)
            else:
                flat.append(item)
        made = flat
        depth -= 1
    return made


def _sort(items: Any) -> list[Any]:
    kinds = set(map(type, items))
    if len(kinds) > 1 or not kinds <= _SORTABLE:
        names = ", ".join(sorted({type_name(item) for item in items}))
        raise EvalError("no_such_overload", f"no such overload: sort of a list of {names}")
    return sorted(items)


def _distinct(items: Any) -> list[Any]:
    seen: set[object] = set()
    made = []
    for item in items:
        key = _identity(item)
        if key not in seen:
            seen.add(key)
            made.append(item)
    return made


def _identity(value: Any) -> object:
    """Return something hashable that is equal for two values exactly if CEL says that they are equal."""
    kind = type(value)
    if kind is str:
        return value
    if kind is bool or kind is bytes:
        return (kind, value)
    if kind is float:
        return value if value == value else object()
    if kind is list or kind is tuple:
        return (list, tuple(map(_identity, value)))
    if kind is dict or kind is BoolKeyMap:
        return (dict, frozenset((_identity(key), _identity(item)) for key, item in value.items()))
    if kind is Optional:
        return (Optional, _identity(value.value)) if value.present else (Optional,)
    return value


def _range(count: int) -> list[int]:
    if count > ITEMS_LIMIT:
        items_limit_passed()
    return list(range(count))


def _first(items: Any) -> Optional:
    return Optional(True, items[0]) if items else NONE


def _last(items: Any) -> Optional:
    return Optional(True, items[-1]) if items else NONE


# How large results are, and what calls cost that take more than a price for each item.


def _between(items: Extent, start: Extent, end: Extent) -> Extent:
    return items._replace(length=smaller(items.length, Amount(max(0, end.high - max(0, start.low)))))


def _flat(items: Extent, _depth: Extent | None = None) -> Extent:
    return items._replace(length=items.values.at_most(ITEMS_LIMIT))


def _of_flattening(items: Extent, depth: Extent) -> Amount:
    return Amount(20) + items.values * (10 * max(1, min(depth.high, DEPTH_LIMIT)))


def _of_sorting(items: Extent) -> Amount:
    return (
        Amount(20) + items.length * (4 + 1.5 * int(items.length.most).bit_length()) + items.characters * 0.05
    )


def _of_comparing(items: Extent) -> Amount:
    """Lists and maps are made comparable item by item."""
    each = 12 if items.values.most <= items.length.most else 40
    return Amount(20) + items.values * each + items.characters * 0.1


def _counted(count: Extent) -> Extent:
    most = max(0, min(count.high, ITEMS_LIMIT))
    return listing(most, low=0, high=max(0, most - 1))


def _of_counting(count: Extent) -> Amount:
    return Amount(10) + _counted(count).length * 2


FUNCTIONS = (
    Function(
        "slice",
        "The items from one position up to, not including, another.",
        (
            Overload(
                "list_slice",
                (_LIST, INT, INT),
                _LIST,
                _slice,
                True,
                cost=price(16, values=0.4),
                size=_between,
            ),
        ),
        (("[1, 2, 3, 4].slice(1, 3)", "[2, 3]"),),
    ),
    Function(
        "flatten",
        "The list with the items of its lists in their place, one level deep or as many as told.",
        (
            Overload(
                "list_flatten",
                (list_of(_LIST),),
                _LIST,
                _flatten,
                True,
                cost=price(20, values=10),
                size=_flat,
            ),
            Overload(
                "list_flatten_dyn",
                (list_of(DYN),),
                list_of(DYN),
                _flatten,
                True,
                cost=price(20, values=10),
                size=_flat,
            ),
            Overload(
                "list_flatten_int",
                (list_of(DYN), INT),
                list_of(DYN),
                _flatten_by,
                True,
                cost=_of_flattening,
                size=_flat,
            ),
        ),
        (("[[1], [2, 3]].flatten()", "[1, 2, 3]"), ("[1, [2, [3]]].flatten(2)", "[1, 2, 3]")),
    ),
    Function(
        "sort",
        "The items in order. They must be of one type that has an order.",
        (Overload("list_sort", (_LIST,), _LIST, _sort, True, cost=_of_sorting, size=same()),),
        (("[3, 1, 2].sort()", "[1, 2, 3]"), ("['b', 'a'].sort()", "['a', 'b']")),
    ),
    Function(
        "distinct",
        "The list with only the first of equal items.",
        (Overload("list_distinct", (_LIST,), _LIST, _distinct, True, cost=_of_comparing, size=same()),),
        (("[1, 2, 1, 3, 2].distinct()", "[1, 2, 3]"), ("[1, 1.0, true].distinct()", "[1, true]")),
    ),
    Function(
        "lists.range",
        "The integers from 0 up to, not including, the given one.",
        (Overload("lists_range", (INT,), list_of(INT), _range, cost=_of_counting, size=_counted),),
        (("lists.range(3)", "[0, 1, 2]"), ("lists.range(0)", "[]")),
    ),
    Function(
        "first",
        "The first item, if there is one.",
        (
            Overload(
                "list_first",
                (_LIST,),
                optional_of(_T),
                _first,
                True,
                dialect=Dialect.CEL,
                cost=price(),
                size=same(),
            ),
        ),
        (("[1, 2].first().value()", "1"),),
    ),
    Function(
        "last",
        "The last item, if there is one.",
        (
            Overload(
                "list_last",
                (_LIST,),
                optional_of(_T),
                _last,
                True,
                dialect=Dialect.CEL,
                cost=price(),
                size=same(),
            ),
        ),
        (("[1, 2].last().value()", "2"),),
    ),
)
