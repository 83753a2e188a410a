"""Places: how an image names what the installed package has anyway.

A place is a module and the steps from there: an attribute (a text), an item (a number), an entry (its key,
in a tuple), code inside a function (its checksum, and where it stands). Whatever stands at the top of the
modules of grammar and engine has one, and so have the variables and the overloads of functions, which stand
in tables, and the code of functions inside others.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

Step = str | int | tuple[str] | tuple[int, tuple[int, ...]]
Place = tuple[Step, ...]

PACKAGES = ("policyc.grammar.", "policyc.engine.")
INSIDE = ".<locals>."
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
        elif isinstance(step, int):
            value = value[step]
        elif len(step) == 1:
            value = value[step[0]]
        else:
            value = _code_inside(value, *step)
    return value


def place_of_code(function: FunctionType) -> Place | None:
    """Return the place of the code of a function that was made inside another one; None if it was not.

    That code is a constant of the code around it, and so on up to a function at the top of a module or in a
    class there.
    """
    outer, inside, _ = function.__qualname__.partition(INSIDE)
    if not inside or not function.__module__.startswith(PACKAGES):
        return None
    place: Place = (function.__module__, *outer.split("."))
    try:
        around = plain_function(found_at(place))
    except (LookupError, AttributeError):
        return None
    way = None if around is None else _way(around.__code__, function.__code__)
    return None if way is None else (*place, (_checksum(function.__code__), way))


def _way(code: CodeType, wanted: CodeType) -> tuple[int, ...] | None:
    for at, constant in enumerate(code.co_consts):
        if constant is wanted:
            return (at,)
        if isinstance(constant, CodeType):
            further = _way(constant, wanted)
            if further is not None:
                return (at, *further)
    return None


def _code_inside(value: object, checksum: int, way: tuple[int, ...]) -> CodeType:
    function = plain_function(value)
    if function is None:
        raise LookupError("there is no function")
    code: Any = function.__code__
    for at in way:
        code = code.co_consts[at]
    if not isinstance(code, CodeType) or _checksum(code) != checksum:
        raise LookupError(f"the code inside {function.__qualname__} is another one")
    return code


def _checksum(code: CodeType) -> int:
    """Tell code from what stands in its place in another version."""
    from zlib import crc32

    return crc32(code.co_code)


def module(name: str) -> ModuleType:
    """Return a module, imported if need be."""
    found = sys.modules.get(name)
    if found is None:
        from importlib import import_module

        found = import_module(name)
    return found


def plain_function(value: object) -> FunctionType | None:
    """Return the function that a decorator such as `cache` has wrapped, None where there is none."""
    while not isinstance(value, FunctionType):
        value = getattr(value, "__wrapped__", None)
        if value is None:
            return None
    return value
