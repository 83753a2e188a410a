"""What a call costs, as its declaration says it: units for the call, for each character and for each value.

A unit is meant to be about 10 ns (`make bench` prints what it takes). Prices are those of the dearest
arguments of their size, rounded up. `price` makes the cost of an overload, the others the extent of its
result, both from the extents of the arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from policyc.engine.cel.extent import Amount, Extent, text

Cost = Callable[..., Amount]
Size = Callable[..., Extent]

CALL: Final = 7.0  # of a function of ours
INLINE: Final = 2.5  # of an operator of Python's
TRY: Final = 8.0  # of finding out, at run time, whether an overload takes the values


def price(call: float = CALL, *characters: float, values: float = 0.0) -> Cost:
    """Return a cost: `call` units, so many for each character of the arguments, in order, and each value."""

    def cost(*args: Extent) -> Amount:
        amount = Amount(call)
        for each, arg in zip(characters, args, strict=False):
            amount = amount + arg.characters * each
        if values:
            for arg in args:
                amount = amount + arg.values * values
        return amount

    return cost


def same(of: int = 0) -> Size:
    """Return the size of a result that is no larger than an argument."""
    return lambda *args: args[of]


def characters(most: float, *each: float) -> Size:
    """Return the size of a text of so many characters, and so many for each character of the arguments."""

    def size(*args: Extent) -> Extent:
        amount = Amount(most)
        for factor, arg in zip(each, args, strict=False):
            amount = amount + arg.characters * factor
        return text(amount)

    return size
