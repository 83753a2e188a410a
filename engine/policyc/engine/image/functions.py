"""What an image puts together again where `pickle` has no way of its own: functions, generated code."""

from __future__ import annotations

import marshal
from collections.abc import Mapping
from types import CellType, CodeType, FunctionType, MappingProxyType
from typing import Any

from policyc.engine.generate.generated import Generated
from policyc.engine.image.places import module

new_cell = CellType


def inner_function(
    code: CodeType,
    name: str,
    cells: tuple[CellType, ...],
    defaults: tuple[Any, ...] | None,
    named_defaults: dict[str, Any] | None,
) -> FunctionType:
    """Return the function of code that stands in the module `name`, closing over `cells`."""
    made = FunctionType(code, vars(module(name)), code.co_name, defaults, cells)
    made.__kwdefaults__ = named_defaults
    return made


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
