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

A record (a cookie, a URL) is a dict with all its fields. Values are never changed after they were made.
"""

from __future__ import annotations

from typing import Final

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1
UINT_MAX: Final = 2**64 - 1

# 0001-01-01T00:00:00Z … 9999-12-31T23:59:59.999999999Z, and CEL's ±10,000 years of duration, in nanoseconds.
TIMESTAMP_MIN_NS: Final = -62_135_596_800 * 1_000_000_000
TIMESTAMP_MAX_NS: Final = 253_402_300_799 * 1_000_000_000 + 999_999_999
DURATION_MAX_NS: Final = 315_576_000_000 * 1_000_000_000


class EvalError(Exception):
    """An evaluation error of CEL: `kind` is its stable name (`no_such_key`), the message says what happened."""

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

    def __repr__(self) -> str:
        return f"optional.of({self.value!r})" if self.present else "optional.none()"


NONE: Final = Optional(False)
