"""Tables that traffic is looked up in: each finds what was stored for the values that fit.

What is stored is a bucket: made by the caller (`Make`) of the numbers of all the rules for which one answer
holds, so that a look-up finds one bucket and puts nothing together. Numbers are in order. What fits nothing
finds an empty tuple.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Bucket = Any
Numbers = tuple[int, ...]
Make = Callable[[Numbers], Bucket]


def exact(numbers: Mapping[Any, Iterable[int]], make: Make) -> dict[Any, Bucket]:
    """Return the buckets by value."""
    return {value: make(in_order(stored)) for value, stored in numbers.items()}


def in_order(numbers: Iterable[int]) -> Numbers:
    """Return the numbers in order, each once."""
    return tuple(sorted(set(numbers)))


def named(read: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return what reads the values under a name of a map that `read` gives."""
    return lambda x: read(x).get(name)


class Prefixes:
    """Buckets by prefix: of a text, those of all prefixes that it has.

    The prefixes stand in order. The last one that is not greater than a text is the longest one it may
    have, or one that has all of those it has: then the prefixes of that one are asked, the longest first.
    """

    __slots__ = ("_buckets", "_parents", "_texts")

    def __init__(self, numbers: Mapping[str, Iterable[int]], make: Make) -> None:
        """Store the numbers of each prefix."""
        self._texts = sorted(numbers)
        self._parents: list[int] = []
        self._buckets: list[Bucket] = []
        together: list[Numbers] = []
        open_: list[int] = []  # the prefixes of the one at hand, by place
        for at, text in enumerate(self._texts):
            while open_ and not text.startswith(self._texts[open_[-1]]):
                open_.pop()
            above: Numbers = together[open_[-1]] if open_ else ()
            together.append(in_order((*above, *numbers[text])))
            self._parents.append(open_[-1] if open_ else -1)
            self._buckets.append(make(together[at]))
            open_.append(at)

    def find(self, text: str) -> Bucket:
        """Return the bucket of all prefixes of a text."""
        texts = self._texts
        at = bisect_right(texts, text) - 1
        while at >= 0:
            if text.startswith(texts[at]):
                return self._buckets[at]
            at = self._parents[at]
        return ()


class Suffixes:
    """Buckets by suffix: those of all suffixes of a text."""

    __slots__ = ("_prefixes",)

    def __init__(self, numbers: Mapping[str, Iterable[int]], make: Make) -> None:
        """Store the numbers of each suffix."""
        self._prefixes = Prefixes({suffix[::-1]: stored for suffix, stored in numbers.items()}, make)

    def find(self, text: str) -> Bucket:
        """Return the bucket of all suffixes of a text."""
        return self._prefixes.find(text[::-1])


class Exact:
    """Buckets by value."""

    __slots__ = ("get",)

    def __init__(self, buckets: dict[Any, Bucket]) -> None:
        """Store the buckets."""
        self.get = buckets.get

    def find(self, value: Any) -> Bucket:
        """Return the bucket of a value."""
        return self.get(value, ())


class Ranges:
    """Buckets by ranges of numbers: of a number, those of all ranges that hold it.

    `buckets[i]` is that of all numbers from `starts[i]` to the next start. The first stretch begins below
    everything that is looked up.
    """

    __slots__ = ("buckets", "starts")

    def __init__(self, numbers: Mapping[tuple[int, int], Iterable[int]], make: Make) -> None:
        """Store the numbers of each range, from its first to its last."""
        begin: dict[int, list[int]] = {}
        end: dict[int, list[int]] = {}
        for (first, last), stored in numbers.items():
            begin.setdefault(first, []).extend(stored)
            end.setdefault(last + 1, []).extend(stored)
        self.starts: list[int] = [-2]
        self.buckets: list[Bucket] = [()]
        within: dict[int, int] = {}  # how many ranges of a rule hold the stretch
        for start in sorted({*begin, *end}):
            for number in end.get(start, ()):
                within[number] -= 1
                if not within[number]:
                    del within[number]
            for number in begin.get(start, ()):
                within[number] = within.get(number, 0) + 1
            self.starts.append(start)
            self.buckets.append(make(in_order(within)) if within else ())

    def find(self, number: int) -> Bucket:
        """Return the bucket of all ranges that hold a number."""
        return self.buckets[bisect_right(self.starts, number) - 1]


def first_of(
    buckets: Mapping[str, Bucket], missing: Bucket, empty: Bucket
) -> Callable[[Sequence[str] | None], Bucket]:
    """Return a look-up by the first one of some values.

    `missing` is found where there is nothing, `empty` where there are no values.
    """
    get = buckets.get

    def find(values: Sequence[str] | None) -> Bucket:
        if values:
            return get(values[0], ())
        return missing if values is None else empty

    return find


def any_of(
    numbers: Mapping[str, Iterable[int]], missing: Numbers, make: Make
) -> Callable[[Sequence[str] | None], Bucket]:
    """Return a look-up by each one of some values; `missing` is found where there are none."""
    known = {value: in_order(stored) for value, stored in numbers.items()}
    buckets = {value: make(stored) for value, stored in known.items()}
    nothing = make(missing) if missing else ()

    def find(values: Sequence[str] | None) -> Bucket:
        if values is None:
            return nothing
        if len(values) == 1:
            return buckets.get(values[0], ())
        found = [number for value in values for number in known.get(value, ())]
        return in_order(found) if found else ()

    return find
