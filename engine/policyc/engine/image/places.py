"""Places: how an image names what the installed package has anyway.

A place is a module and the steps from there: an attribute (a text), an item (a number), an entry (its key, in
a tuple). Whatever stands at the top of the modules of grammar and engine has one, and so have the variables
and the overloads of functions, which stand in tables.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

Step = str | int | tuple[str]
Place = tuple[Step, ...]

PACKAGES = ("policyc.grammar.", "policyc.engine.")
_VARIABLES = "policyc.engine.variables"
_FUNCTIONS = "policyc.engine.functions."
_PLAIN = (type(None), bool, int, float, str, bytes, ModuleType)  # as good as any other that is equal


def places() -> dict[int, Place]:
    """Return the places of what is loaded now, by the ids of objects, which live as long as modules do."""
    found: dict[int, Place] = {}
    for name, module in sorted(sys.modules.items()):
        if not name.startswith(PACKAGES):
            continue
        for place, value in _inside(name, module):
            is_own = getattr(value, "__module__", None) == name
            if not _is_plain(value) and (is_own or id(value) not in found):
                found[id(value)] = place
    return found


def _is_plain(value: object) -> bool:
    return isinstance(value, _PLAIN) or (isinstance(value, tuple | frozenset) and not value)


def _inside(name: str, module: ModuleType) -> Iterator[tuple[Place, Any]]:
    if name == _VARIABLES:
        for path, variable in module.VARIABLES.items():
            yield (name, "VARIABLES", (path,)), variable
            for attribute in ("fill", "present", "zero"):
                yield (name, "VARIABLES", (path,), attribute), getattr(variable, attribute)
    if name.startswith(_FUNCTIONS):
        for i, function in enumerate(module.FUNCTIONS):
            for j, overload in enumerate(function.overloads):
                place: Place = (name, "FUNCTIONS", i, "overloads", j)
                yield place, overload
                yield (*place, "body"), overload.body
    for attribute, value in list(vars(module).items()):
        if not attribute.startswith("__"):
            yield (name, attribute), value


def found_at(place: Place) -> Any:
    """Return what stands at a place.

    Raises ImportError, LookupError or AttributeError where there is nothing.
    """
    name, *steps = place
    if not isinstance(name, str) or not name.startswith(PACKAGES):
        raise LookupError(f"no module of policyc: {name}")
    value: Any = module(name)
    for step in steps:
        if isinstance(step, str):
            value = getattr(value, step)
        else:
            value = value[step[0] if isinstance(step, tuple) else step]
    return value


def module(name: str) -> ModuleType:
    """Return a module, imported if need be."""
    from importlib import import_module

    return sys.modules.get(name) or import_module(name)


def plain_function(value: object) -> FunctionType | None:
    """Return the function that a decorator such as `cache` has wrapped, None where there is none."""
    while not isinstance(value, FunctionType):
        value = getattr(value, "__wrapped__", None)
        if value is None:
            return None
    return value
