"""What an image puts together again: functions inside others by the place of their code, generated ones.

And the objects that `pickle` has no way of its own for. The code of an inner function is a constant of the
code around it: an image names the outermost function, which stands at the top of a module or in a class
there, and the way from its code to the inner one.
"""

from __future__ import annotations

import marshal
from collections.abc import Mapping
from types import CellType, CodeType, FunctionType, MappingProxyType
from typing import Any

from policyc.engine.generate.module import Generated
from policyc.engine.image.places import PACKAGES, Place, found_at, plain_function

INSIDE = ".<locals>."
Way = tuple[int, ...]


def outermost(function: FunctionType) -> tuple[Place, Way] | None:
    """Return the place of the function around an inner one and the way to its code, None if there is none."""
    outer, inside, _ = function.__qualname__.partition(INSIDE)
    if not inside or not function.__module__.startswith(PACKAGES):
        return None
    place: Place = (function.__module__, *outer.split("."))
    try:
        around = plain_function(found_at(place))
    except (LookupError, AttributeError):
        return None
    way = None if around is None else _way(around.__code__, function.__code__)
    return None if way is None else (place, way)


def _way(code: CodeType, wanted: CodeType) -> Way | None:
    for at, constant in enumerate(code.co_consts):
        if constant is wanted:
            return (at,)
        if isinstance(constant, CodeType):
            further = _way(constant, wanted)
            if further is not None:
                return (at, *further)
    return None


def inner_function(
    around: Any,
    way: Way,
    cells: tuple[CellType, ...],
    defaults: tuple[Any, ...] | None,
    named_defaults: dict[str, Any] | None,
) -> FunctionType:
    """Return the function that stands inside `around`, closing over `cells`."""
    outer = plain_function(around)
    if outer is None:
        raise LookupError("no function at a place")
    code: Any = outer.__code__
    for at in way:
        code = code.co_consts[at]
    if not isinstance(code, CodeType):
        raise LookupError("no function inside a function")
    made = FunctionType(code, outer.__globals__, code.co_name, defaults, cells)
    made.__kwdefaults__ = named_defaults
    return made


def new_cell() -> CellType:
    """Return a cell that holds nothing yet."""
    return CellType()


def fill_cell(cell: CellType, content: tuple[object]) -> None:
    """Put its value into a cell, which functions may hold by now."""
    [cell.cell_contents] = content


def generated_parts(generated: Generated) -> tuple[bytes, str, dict[str, object], dict[str, object]]:
    """Return what generated code is made of again: its code, name, and captured objects.

    First come those that the definitions themselves need. The others may refer to the functions.
    """
    names = frozenset(generated.code.co_names)
    captured = generated.captured
    early = {name: value for name, value in captured.items() if name in names}
    late = {name: value for name, value in captured.items() if name not in names}
    return marshal.dumps(generated.code), generated.what, early, late


def generated_again(code: bytes, what: str, early: Mapping[str, object]) -> Generated:
    """Return generated code, run: it has its functions, and only `early` of what they refer to."""
    return Generated(marshal.loads(code), what, early)  # noqa: S302 — see the rules of an image


def capture_late(generated: Generated, late: Mapping[str, object]) -> None:
    """Give generated code what its functions refer to."""
    generated.namespace.update(late)


def function_of(generated: Generated, name: str) -> object:
    """Return a generated function."""
    return generated.namespace[name]


def bound(owner: object, name: str) -> object:
    """Return a method of an object."""
    return getattr(owner, name)


def blank(kind: type) -> object:
    """Return an object that has only its class yet."""
    return object.__new__(kind)


def read_only(entries: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    """Return a mapping that cannot be changed."""
    return MappingProxyType(entries)
