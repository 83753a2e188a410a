"""What reading a value gave: known now, or to be worked out for each exchange.

Every reading has a span and a path, says whether it is constant, lists the expressions in it (`nodes`, for
those who want to know what a policy reads) and makes a reader: a function of the exchange. A constant's
reader costs a call that returns; a step that wants less takes the value itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from policyc.engine.types import DYN, Type
from policyc.grammar.source import Span

if TYPE_CHECKING:
    from policyc.engine.cel.ir import Node
    from policyc.engine.traffic import Exchange

Reader = Callable[["Exchange"], Any]
T = TypeVar("T")


class Reading:
    """What all readings have."""

    __slots__ = ("path", "span")

    def __init__(self, span: Span, path: str) -> None:
        """Remember where it was written."""
        self.span = span
        self.path = path

    @property
    def is_constant(self) -> bool:
        """Whether the value is known without an exchange."""
        raise NotImplementedError

    @property
    def value(self) -> Any:
        """The value of a constant reading."""
        raise NotImplementedError

    def reader(self) -> Reader:
        """Return the function that gives the value for an exchange; it may raise FieldFault."""
        raise NotImplementedError

    def nodes(self) -> Iterator[Node]:
        """Iterate over the expressions that are evaluated for each exchange."""
        return iter(())


class Constant(Reading):
    """A value known at compile time; `type` is its CEL type where somebody asks."""

    __slots__ = ("_value", "type")

    def __init__(self, value: object, span: Span, path: str, type: Type = DYN) -> None:
        """Hold `value`, already validated."""
        super().__init__(span, path)
        self._value = value
        self.type = type

    @property
    def is_constant(self) -> bool:
        """Always."""
        return True

    @property
    def value(self) -> Any:
        """The value."""
        return self._value

    def reader(self) -> Reader:
        """Return a function that returns the value."""
        value = self._value
        return lambda _x: value


class Dynamic(Reading):
    """A value that needs the exchange; `make` builds its reader when somebody is going to run it."""

    __slots__ = ("_make", "_nodes", "prefix", "suffix", "type")

    def __init__(
        self,
        make: Callable[[], Reader],
        nodes: tuple[Node, ...],
        span: Span,
        path: str,
        type: Type = DYN,
        prefix: str = "",
        suffix: str = "",
    ) -> None:
        """Keep the recipe; `check` never pays for generated code.

        `prefix` is the literal text that it begins with, `suffix` that it ends with.
        """
        super().__init__(span, path)
        self.prefix = prefix
        self.suffix = suffix
        self._make = make
        self._nodes = nodes
        self.type = type

    @property
    def is_constant(self) -> bool:
        """Never."""
        return False

    @property
    def value(self) -> Any:
        """A dynamic reading has no value."""
        raise AssertionError(f"{self.path} is not constant")

    def reader(self) -> Reader:
        """Build the reader."""
        return self._make()

    def nodes(self) -> Iterator[Node]:
        """Iterate over the expressions."""
        return iter(self._nodes)


class Items(Reading):
    """A list, item by item."""

    __slots__ = ("items",)

    def __init__(self, items: tuple[Reading, ...], span: Span, path: str) -> None:
        """Hold the readings of the items."""
        super().__init__(span, path)
        self.items = items

    @property
    def is_constant(self) -> bool:
        """Whether every item is."""
        return all(item.is_constant for item in self.items)

    @property
    def value(self) -> list[Any]:
        """The values of the items."""
        return [item.value for item in self.items]

    def reader(self) -> Reader:
        """Return a function that gives the list."""
        if self.is_constant:
            value = self.value
            return lambda _x: value
        readers = [item.reader() for item in self.items]
        return lambda x: [read(x) for read in readers]

    def nodes(self) -> Iterator[Node]:
        """Iterate over the expressions of all items."""
        for item in self.items:
            yield from item.nodes()


class Entries(Reading):
    """A mapping with constant keys, entry by entry, in the order written.

    `spans` are the places of the keys.
    """

    __slots__ = ("entries", "spans")

    def __init__(
        self, entries: Mapping[str, Reading], spans: Mapping[str, Span], span: Span, path: str
    ) -> None:
        """Hold the readings of the values."""
        super().__init__(span, path)
        self.entries = entries
        self.spans = spans

    @property
    def is_constant(self) -> bool:
        """Whether every value is."""
        return all(entry.is_constant for entry in self.entries.values())

    @property
    def value(self) -> dict[str, Any]:
        """The mapping."""
        return {key: entry.value for key, entry in self.entries.items()}

    def reader(self) -> Reader:
        """Return a function that gives the mapping."""
        if self.is_constant:
            value = self.value
            return lambda _x: value
        readers = [(key, entry.reader()) for key, entry in self.entries.items()]
        return lambda x: {key: read(x) for key, read in readers}

    def nodes(self) -> Iterator[Node]:
        """Iterate over the expressions of all values."""
        for entry in self.entries.values():
            yield from entry.nodes()


class Config(Entries):
    """An object with declared fields: what was given, and the defaults of what was not."""

    __slots__ = ("given",)

    def __init__(
        self,
        entries: Mapping[str, Reading],
        spans: Mapping[str, Span],
        given: frozenset[str],
        span: Span,
        path: str,
    ) -> None:
        """`given` are the names that the author wrote."""
        super().__init__(entries, spans, span, path)
        self.given = given

    def __contains__(self, name: str) -> bool:
        """Whether the field was given or has a default."""
        return name in self.entries

    def __getitem__(self, name: str) -> Reading:
        """Return the reading of a field that was given or has a default."""
        return self.entries[name]

    def get(self, name: str) -> Reading | None:
        """Return the reading of a field; None where it was not given and has no default."""
        return self.entries.get(name)

    def constant(self, name: str, kind: type[T]) -> T:
        """Return the value of a field that takes no interpolation and was given or has a default."""
        value = self.entries[name].value
        assert isinstance(value, kind), f"{name} is {value!r}"
        return value

    def span_of(self, name: str) -> Span:
        """Return where a field was written, or the action if it was not."""
        return self.spans.get(name, self.span)

    def object(self, name: str) -> Config:
        """Return a field that is an object with fields of its own."""
        inner = self.entries[name]
        assert isinstance(inner, Config)
        return inner

    def items(self, name: str) -> tuple[Reading, ...]:
        """Return the readings of a list field; empty where it is missing or is one expression as a whole."""
        inner = self.entries.get(name)
        return inner.items if isinstance(inner, Items) else ()
