"""Frozen records: what `dataclasses` makes with `frozen` and `slots`, in a twentieth of the time.

There are some sixty such classes, all of them made at every start, and importing `dataclasses` alone takes
as long as parsing a page. A record is written as there:

    class Name(Frozen):
        name: str
        span: Span
        rooted: bool = False

1. The annotations of a class and of those above it are its fields, in this order; a value is a default, so it
   must be one that never changes. Names that begin with an underscore are no fields.
2. Two records are equal if they are of one class and their fields are, but for those set `apart`; records
   that are equal have one hash.
3. Nobody sets a field after the record was made. (Who has just made one and knows that nobody else has seen
   it can still use `object.__setattr__`.)
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, ClassVar, TypeVar, dataclass_transform

T = TypeVar("T", bound="Frozen")
_makers: dict[int, Callable[..., Any]] = {}


@dataclass_transform(frozen_default=True)
class FrozenType(type):
    """The type of such classes: it turns annotations into slots and an `__init__`."""

    def __new__(
        cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], apart: tuple[str, ...] = ()
    ) -> FrozenType:
        """Make a class; equality does not look at the fields `apart`."""
        inherited = bases[0] if bases else None
        own = tuple(each for each in namespace.get("__annotations__", ()) if not each.startswith("_"))
        defaults = {each: namespace.pop(each) for each in own if each in namespace}
        fields = (*getattr(inherited, "__match_args__", ()), *own)
        namespace["__slots__"] = own
        namespace["__match_args__"] = fields
        made: Any = super().__new__(cls, name, bases, namespace)
        made._defaults = {**getattr(inherited, "_defaults", {}), **defaults}
        compared = [each for each in fields if each not in apart]
        made._values = attrgetter(*(compared or ["__match_args__"]))
        if fields:
            made.__init__ = _initialiser(made, fields)
        return made  # type: ignore[no-any-return]


class Frozen(metaclass=FrozenType):
    """What all records have."""

    __match_args__: ClassVar[tuple[str, ...]] = ()
    _defaults: ClassVar[dict[str, Any]]
    _values: ClassVar[Callable[[Any], Any]]

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a {type(self).__name__} does not change: {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a {type(self).__name__} does not change: {name}")

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        values: Callable[[object], object] = type(self)._values
        return values(self) == values(other)

    def __hash__(self) -> int:
        values: Callable[[object], object] = type(self)._values
        return hash((type(self), values(self)))

    def __repr__(self) -> str:
        shown = ", ".join(f"{each}={getattr(self, each)!r}" for each in self.__match_args__)
        return f"{type(self).__name__}({shown})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, each) for each in self.__match_args__)


def replace(record: T, **changes: Any) -> T:
    """Return the record with other values in some of its fields."""
    values = {each: getattr(record, each) for each in record.__match_args__}
    return type(record)(**{**values, **changes})


def _initialiser(made: Any, fields: tuple[str, ...]) -> Callable[..., None]:
    """Return `__init__` with the fields as its parameters.

    The code is made once for each number of fields; a class gets it with names of its own.
    """
    count = len(fields)
    maker = _makers.get(count)
    if maker is None:
        puts = ", ".join(f"put{i}" for i in range(count))
        given = ", ".join(f"value{i}" for i in range(count))
        calls = "; ".join(f"put{i}(self, value{i})" for i in range(count))
        namespace: dict[str, Any] = {}
        exec(  # noqa: S102 — nothing of it comes from outside
            f"def maker({puts}):\n def __init__(self, {given}): {calls}\n return __init__", namespace
        )
        maker = _makers[count] = namespace["maker"]
    init = maker(*(getattr(made, each).__set__ for each in fields))
    init.__code__ = init.__code__.replace(co_varnames=("self", *fields))
    optional = [each for each in fields if each in made._defaults]
    if fields[count - len(optional) :] != tuple(optional):
        raise TypeError(f"a field of {made.__name__} without a default follows one with a default")
    init.__defaults__ = tuple(made._defaults[each] for each in optional)
    init.__qualname__ = f"{made.__qualname__}.__init__"
    return init  # type: ignore[no-any-return]
