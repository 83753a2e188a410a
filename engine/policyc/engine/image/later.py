"""Parts of an image that are loaded when somebody asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

V = TypeVar("V")


class Later(Generic[V]):
    """A value that is still octets; calling it gives the value."""

    __slots__ = ("_octets", "_read")

    def __init__(self, read: Callable[[bytes], Any], octets: bytes) -> None:
        """`read` makes the value of its octets."""
        self._read = read
        self._octets = octets

    def __call__(self) -> V:
        """Return the value."""
        value: V = self._read(self._octets)
        return value


class Entries(Mapping[int, V]):
    """A mapping of numbers whose values are octets until they are looked up, each time anew."""

    __slots__ = ("_octets", "_read")

    def __init__(self, read: Callable[[bytes], Any], octets: Mapping[int, bytes]) -> None:
        """`read` makes a value of its octets."""
        self._read = read
        self._octets = octets

    def __getitem__(self, number: int) -> V:
        value: V = self._read(self._octets[number])
        return value

    def __iter__(self) -> Iterator[int]:
        return iter(self._octets)

    def __len__(self) -> int:
        return len(self._octets)
