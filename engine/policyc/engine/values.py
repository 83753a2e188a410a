"""CEL values as Python values: each says its own type, so nothing is converted at the border to dyn.

| CEL | Python | | CEL | Python |
| --- | --- | --- | --- | --- |
| null_type | None | | bytes | bytes |
| bool | bool | | list | list |
| int | int | | map | dict |
| uint | UInt | | timestamp | Timestamp |
| double | float | | duration | Duration |
| string | str | | type | TypeValue |
| | | | optional_type | Optional |

net.IP and net.CIDR are Ip and Cidr. A record (a cookie, a URL) is a dict with all its fields. Values are
never changed after they were made.

Invariant: a plain dict has no bool key, because True and 1 are one key to Python and two to CEL. `make_map`
makes a BoolKeyMap where there are bool keys; `coerce.lookup` finds what CEL finds, `m[key]` does too as
long as the key is known to be no bool.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1
UINT_MAX: Final = 2**64 - 1

# 0001-01-01T00:00:00Z … 9999-12-31T23:59:59.999999999Z. A duration is 64 bits of nanoseconds, as in the
# reference implementations: the conformance tests want an error from 9999 minus 0001, which CEL's ±10,000
# years would allow.
TIMESTAMP_MIN_NS: Final = -62_135_596_800 * 1_000_000_000
TIMESTAMP_MAX_NS: Final = 253_402_300_799 * 1_000_000_000 + 999_999_999
DURATION_MIN_NS: Final = INT_MIN
DURATION_MAX_NS: Final = INT_MAX


class EvalError(Exception):
    """An evaluation error of CEL: `kind` is its stable name (`no_such_key`), the message says what it is."""

    def __init__(self, kind: str, message: str) -> None:
        """Make an error of `kind`."""
        super().__init__(message)
        self.kind = kind
        self.message = message


class UInt(int):
    """An unsigned 64-bit integer; equal to the int of the same value, as CEL wants."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{int(self)}u"


class _Nanoseconds:
    __slots__ = ("ns",)

    def __init__(self, ns: int) -> None:
        self.ns = ns

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.ns == self.ns

    def __hash__(self) -> int:
        return hash((type(self), self.ns))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.ns})"


class Timestamp(_Nanoseconds):
    """A point in time: nanoseconds since 1970-01-01T00:00:00Z."""

    __slots__ = ()

    def __lt__(self, other: Timestamp) -> bool:
        return self.ns < other.ns

    def __le__(self, other: Timestamp) -> bool:
        return self.ns <= other.ns


class Duration(_Nanoseconds):
    """A span of time in nanoseconds; may be negative."""

    __slots__ = ()

    def __lt__(self, other: Duration) -> bool:
        return self.ns < other.ns

    def __le__(self, other: Duration) -> bool:
        return self.ns <= other.ns


class TypeValue:
    """The value of `type(x)`: a type by its CEL name."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        """Name the type."""
        self.name = name

    def __eq__(self, other: object) -> bool:
        return type(other) is TypeValue and other.name == self.name

    def __hash__(self) -> int:
        return hash(("type", self.name))

    def __repr__(self) -> str:
        return f"type({self.name})"


class Optional:
    """A value that may be absent: `present` tells."""

    __slots__ = ("present", "value")

    def __init__(self, present: bool, value: object = None) -> None:
        """Wrap a value, or nothing."""
        self.present = present
        self.value = value

    def __eq__(self, other: object) -> bool:
        return (
            type(other) is Optional
            and other.present is self.present
            and (not self.present or other.value == self.value)
        )

    def __hash__(self) -> int:
        return hash(("optional", self.present))

    def __repr__(self) -> str:
        return f"optional.of({self.value!r})" if self.present else "optional.none()"


NONE: Final = Optional(False)


class Ip:
    """An address: `number` in `bits` (32 or 128). An IPv4-mapped IPv6 address is its IPv4 address."""

    __slots__ = ("bits", "number")

    def __init__(self, number: int, bits: int) -> None:
        """Make the address; `number` fits in `bits`."""
        if bits == 128 and number >> 32 == 0xFFFF:
            number &= 0xFFFF_FFFF
            bits = 32
        self.number = number
        self.bits = bits

    def __eq__(self, other: object) -> bool:
        return type(other) is Ip and other.number == self.number and other.bits == self.bits

    def __hash__(self) -> int:
        return hash(("ip", self.number, self.bits))

    def __repr__(self) -> str:
        return f"Ip({self.number:#x}, {self.bits})"


class Cidr:
    """A network as it was written: an address, host bits and all, and the length of its prefix."""

    __slots__ = ("address", "prefix")

    def __init__(self, address: Ip, prefix: int) -> None:
        """Make the network."""
        self.address = address
        self.prefix = prefix

    def __eq__(self, other: object) -> bool:
        return type(other) is Cidr and other.address == self.address and other.prefix == self.prefix

    def __hash__(self) -> int:
        return hash(("cidr", self.address, self.prefix))

    def __repr__(self) -> str:
        return f"Cidr({self.address!r}, {self.prefix})"


class _BoolKey:
    __slots__ = ("value",)

    def __init__(self, value: bool) -> None:
        self.value = value


_TRUE: Final = _BoolKey(True)
_FALSE: Final = _BoolKey(False)


def _stored(key: object) -> object:
    return _TRUE if key is True else _FALSE if key is False else key


def _shown(key: Any) -> Any:
    return key.value if type(key) is _BoolKey else key


class BoolKeyMap(dict[Any, Any]):
    """A map with bool keys, told from the numbers 0 and 1. Read it like a dict; `make_map` makes it."""

    __slots__ = ()

    def __init__(self, pairs: Iterable[tuple[object, object]]) -> None:
        """Take the entries."""
        super().__init__((_stored(key), value) for key, value in pairs)

    def __getitem__(self, key: object) -> Any:
        return super().__getitem__(_stored(key))

    def __contains__(self, key: object) -> bool:
        return super().__contains__(_stored(key))

    def __iter__(self) -> Iterator[Any]:
        return map(_shown, super().__iter__())

    def __eq__(self, other: object) -> bool:
        return type(other) is BoolKeyMap and dict.__eq__(self, other)

    def get(self, key: object, default: Any = None) -> Any:
        """Return the value of `key`, or `default`."""
        return super().get(_stored(key), default)

    def keys(self) -> Any:
        """Return the keys."""
        return list(self)

    def items(self) -> Any:
        """Return the (key, value) pairs."""
        return [(_shown(key), value) for key, value in super().items()]


def make_map(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    """Return a map of CEL values, in order; raises EvalError for a repeated or impossible key."""
    made: dict[Any, Any] = {}
    has_bool = False
    for key, value in pairs:
        kind = type(key)
        if kind is bool:
            has_bool = True
            key = _stored(key)
        elif kind is not str and kind is not int and kind is not UInt:
            raise EvalError("unsupported_key", "unsupported key: a key is a string, a bool or an integer")
        if key in made:
            raise EvalError("duplicate_key", f"a map has the key {_shown(key)!r} twice")
        made[key] = value
    return BoolKeyMap((_shown(key), value) for key, value in made.items()) if has_bool else made
