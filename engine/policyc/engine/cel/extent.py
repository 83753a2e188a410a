"""How large a value can be at most: bounds of numbers, texts, lists and maps that hold for every request.

The cost of an expression is worked out from these (cost.py), and they say where an overflow or an index past
the end cannot be. Rules. 1. A bound is never too small; where nothing is known it is the engine's own limit
(limits.py). 2. Sizes are amounts: a fixed part, and shares of what the variables of the loops around hold.
So what a loop does to the characters of each item adds up to the characters of the whole list, not to so
many times the longest item: the values of all headers together are no longer than the head.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from policyc.engine.cel.limits import ITEMS_LIMIT, TEXT_LIMIT
from policyc.engine.types import Record, Type
from policyc.engine.values import INT_MAX, INT_MIN, UINT_MAX


class Share:
    """What the variable of a loop holds in one turn: characters or values; `most` of them at once."""

    __slots__ = ("most", "name")

    def __init__(self, name: str, most: float) -> None:
        """Name it for whoever prints it."""
        self.name = name
        self.most = most

    def __repr__(self) -> str:
        return self.name


class Amount:
    """A number of units, characters or values: `fixed`, and so much for each of some shares."""

    __slots__ = ("fixed", "shares")

    def __init__(self, fixed: float = 0.0, shares: Mapping[Share, float] | None = None) -> None:
        """Hold both parts."""
        self.fixed = fixed
        self.shares: Mapping[Share, float] = shares or {}

    @property
    def most(self) -> float:
        """The largest number that it can be."""
        if not self.shares:
            return self.fixed
        return self.fixed + sum(factor * share.most for share, factor in self.shares.items())

    def __add__(self, other: Amount | float) -> Amount:
        if not isinstance(other, Amount):
            return Amount(self.fixed + other, self.shares)
        if not other.shares:
            return Amount(self.fixed + other.fixed, self.shares)
        shares = dict(self.shares)
        for share, factor in other.shares.items():
            shares[share] = shares.get(share, 0.0) + factor
        return Amount(self.fixed + other.fixed, shares)

    __radd__ = __add__

    def __mul__(self, other: Amount | float) -> Amount:
        """Multiply; of two amounts with shares, one counts as the most that it can be."""
        if isinstance(other, Amount):
            if self.shares and other.shares:
                return self * other.most
            self, other = (self, other.fixed) if self.shares else (other, self.fixed)
        if not other:
            return NOTHING
        return Amount(self.fixed * other, {share: factor * other for share, factor in self.shares.items()})

    __rmul__ = __mul__

    def __repr__(self) -> str:
        parts = [f"{self.fixed:g}", *(f"{factor:g}*{share}" for share, factor in self.shares.items())]
        return " + ".join(parts)

    def at_most(self, limit: float) -> Amount:
        """Return this amount, or the limit where it may pass it."""
        return self if self.most <= limit else Amount(limit)

    def without(self, *shares: Share) -> Amount:
        """Return an amount that is as much at least, and no share of these: each counts as its most."""
        if not any(share in self.shares for share in shares):
            return self
        rest = {share: factor for share, factor in self.shares.items() if share not in shares}
        return Amount(self.fixed + sum(self.shares.get(s, 0.0) * s.most for s in shares), rest)

    def summed(self, turns: Amount, totals: Mapping[Share, Amount]) -> Amount:
        """Return the sum over the turns of a loop, in which the shares add up to `totals`."""
        rest = {share: factor for share, factor in self.shares.items() if share not in totals}
        made = turns * Amount(self.fixed, rest)
        for share, total in totals.items():
            factor = self.shares.get(share)
            if factor:
                made = made + total * factor
        return made


NOTHING: Final = Amount()


def larger(a: Amount, b: Amount) -> Amount:
    """Return an amount that is at least as much as either."""
    shares = dict(a.shares)
    for share, factor in b.shares.items():
        shares[share] = max(shares.get(share, 0.0), factor)
    return Amount(max(a.fixed, b.fixed), shares)


def smaller(a: Amount, b: Amount) -> Amount:
    """Return the one that can be less."""
    return a if a.most <= b.most else b


class Extent(NamedTuple):
    """The bounds of a value. What it is (a text, a list of texts, …) its static type says.

    `low` and `high` bound a number, or the numbers in it. `length` are the characters of a text (octets of
    bytes), the items of a list, the entries of a map. `characters` and `values` are all that is in it, at any
    depth: the characters of a text, or of all texts in a list; the items and entries of all lists and maps.
    A record counts as one value, and only the texts in it as characters.
    `widest` is the longest text in it, `longest` the largest list or map in it.
    """

    low: int = INT_MIN
    high: int = UINT_MAX
    length: Amount = NOTHING
    characters: Amount = NOTHING
    values: Amount = NOTHING
    widest: float = 0.0
    longest: float = 0.0


SCALAR: Final = Extent()
TRUTH: Final = Extent(0, 1)
ANYTHING: Final = Extent(
    INT_MIN,
    UINT_MAX,
    Amount(TEXT_LIMIT),
    Amount(TEXT_LIMIT),
    Amount(ITEMS_LIMIT),
    TEXT_LIMIT,
    ITEMS_LIMIT,
)


def number(low: int, high: int) -> Extent:
    """Return the extent of an integer between two bounds."""
    return Extent(low, high)


def text(characters: Amount | float) -> Extent:
    """Return the extent of a text, no longer than the engine lets any become."""
    amount = characters if isinstance(characters, Amount) else Amount(characters)
    amount = amount.at_most(TEXT_LIMIT)
    return Extent(INT_MIN, UINT_MAX, amount, amount, NOTHING, amount.most, 0.0)


def listing(
    length: Amount | float,
    characters: Amount | float = NOTHING,
    *,
    widest: float | None = None,
    values: Amount | None = None,
    longest: float = 0.0,
    low: int = INT_MIN,
    high: int = UINT_MAX,
) -> Extent:
    """Return the extent of a list (or map) of so many items, which have so many characters together."""
    length = length if isinstance(length, Amount) else Amount(length)
    characters = characters if isinstance(characters, Amount) else Amount(characters)
    return Extent(
        low,
        high,
        length.at_most(ITEMS_LIMIT),
        characters,
        length.at_most(ITEMS_LIMIT) if values is None else values,
        characters.most if widest is None else min(widest, characters.most),
        longest,
    )


def anything(characters: Amount | float, values: Amount | float) -> Extent:
    """Return the extent of a value of any type, made of so many characters and values at most."""
    characters = (characters if isinstance(characters, Amount) else Amount(characters)).at_most(TEXT_LIMIT)
    values = (values if isinstance(values, Amount) else Amount(values)).at_most(ITEMS_LIMIT)
    most = larger(characters, values)
    return Extent(INT_MIN, UINT_MAX, most, characters, values, characters.most, values.most)


def of_type(type: Type, within: Extent = ANYTHING) -> Extent:
    """Return the extent of a value of a type, which is `within` another one or no larger than it."""
    kind = type.name
    if kind in ("string", "bytes") or (isinstance(type, Record) and type.is_text):
        return text(within.characters if within.characters.most <= within.widest else Amount(within.widest))
    if kind == "bool":
        return TRUTH
    if kind == "int":
        return Extent(max(within.low, INT_MIN), min(within.high, INT_MAX))
    if kind == "uint":
        return Extent(max(within.low, 0), within.high)
    if kind in _SIMPLE:
        return SCALAR
    if kind in ("list", "map", "headers", "optional_type"):
        length = smaller(Amount(within.longest), within.values)
        return within._replace(length=length.at_most(ITEMS_LIMIT))
    return within  # dyn, a record: anything of it


_SIMPLE: Final = frozenset({"null_type", "double", "timestamp", "duration", "type", "net.IP", "net.CIDR"})


def of_constant(value: object) -> Extent:
    """Return the extent of a value that is known."""
    if isinstance(value, int):
        return number(int(value), int(value))
    if isinstance(value, str | bytes):
        return text(len(value))
    if not isinstance(value, list | tuple | dict):
        return SCALAR
    parts = [
        of_constant(part) for part in (value if not isinstance(value, dict) else [*value, *value.values()])
    ]
    made = gathered(parts)
    return made if not isinstance(value, dict) else made._replace(length=Amount(len(value)))


def gathered(parts: list[Extent]) -> Extent:
    """Return the extent of a list of these items (or of a map of these keys and values)."""
    characters = values = NOTHING
    for part in parts:
        characters, values = characters + part.characters, values + part.values
    return Extent(
        min((part.low for part in parts), default=INT_MIN),
        max((part.high for part in parts), default=UINT_MAX),
        Amount(len(parts)),
        characters,
        values + len(parts),
        max((part.widest for part in parts), default=0.0),
        max((max(part.longest, part.length.most) for part in parts if part.values.most), default=0.0),
    )


def joined(a: Extent, b: Extent) -> Extent:
    """Return the extent of a value that is one or the other."""
    return Extent(
        min(a.low, b.low),
        max(a.high, b.high),
        larger(a.length, b.length),
        larger(a.characters, b.characters),
        larger(a.values, b.values),
        max(a.widest, b.widest),
        max(a.longest, b.longest),
    )


class Turn(NamedTuple):
    """The variable of a loop in one of its turns: its extent, and the sum of its shares over all turns."""

    extent: Extent
    totals: Mapping[Share, Amount]


def turn(over: Extent, type: Type, name: str) -> Turn:
    """Return what the variable `name` of a loop over a value of this extent holds in a turn."""
    item = of_type(type, over)
    characters, values = (
        Share(f"characters of {name}", item.characters.most),
        Share(f"values of {name}", item.values.most),
    )
    totals = {characters: over.characters, values: over.values}
    own = Amount(0.0, {characters: 1.0}) if characters.most else NOTHING
    inner = Amount(0.0, {values: 1.0}) if values.most else NOTHING
    # So many items in each turn, or all that there are in all turns, whichever is less.
    length = item.length
    if item.values.most:
        length = inner if over.length.most * item.length.most > over.values.most else item.length
    elif item.characters.most:
        length = own
    return Turn(item._replace(length=length, characters=own, values=inner), totals)


def outside(extent: Extent, turn: Turn) -> Extent:
    """Return the extent of a value as it is known where the loop's variable is not."""
    shares = tuple(turn.totals)
    return extent._replace(
        length=extent.length.without(*shares),
        characters=extent.characters.without(*shares),
        values=extent.values.without(*shares),
    )


# --- arithmetic ---------------------------------------------------------------------------------------------


def added(a: Extent, b: Extent) -> Extent:
    """Return the extent of a sum of integers; one beyond 64 bits is an error, so it is left out."""
    return _within_64_bits(a.low + b.low, a.high + b.high)


def subtracted(a: Extent, b: Extent) -> Extent:
    """Return the extent of a difference."""
    return _within_64_bits(a.low - b.high, a.high - b.low)


def multiplied(a: Extent, b: Extent) -> Extent:
    """Return the extent of a product."""
    corners = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
    return _within_64_bits(min(corners), max(corners))


def left_over(a: Extent, b: Extent) -> Extent:
    """Return the extent of a remainder, which has the sign of the dividend."""
    most = max(abs(b.low), abs(b.high), 1) - 1
    return number(max(-most, min(a.low, 0)), min(most, max(a.high, 0)))


def _within_64_bits(low: int, high: int) -> Extent:
    return number(min(max(low, INT_MIN), UINT_MAX), max(min(high, UINT_MAX), INT_MIN))


def chained(a: Extent, b: Extent) -> Extent:
    """Return the extent of two lists one after the other."""
    both = joined(a, b)
    return both._replace(
        length=(a.length + b.length).at_most(ITEMS_LIMIT),
        characters=a.characters + b.characters,
        values=a.values + b.values,
    )
