"""Choosing an overload: by the static types where they are known, else by the values.

A static type is *certain* for a parameter if every value of it fits. Where it is not (dyn, or a list of dyn
where a list of strings is wanted), the values are tested, items and all: bodies rely on the declared types.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from policyc.engine.cel.coerce import fits, type_name
from policyc.engine.function import Overload
from policyc.engine.types import STRING, Record, Type
from policyc.engine.values import EvalError

_OPEN = ("param", "dyn", "error")


def plain(static: Type) -> Type:
    """Return the type that a value has at run time: a text with fields is a string."""
    return STRING if isinstance(static, Record) and static.is_text else static


def is_certain(static: Type, wanted: Type) -> bool:
    """Return whether every value of the static type fits the wanted one."""
    if wanted.name in _OPEN:
        return True
    static = plain(static)
    wanted = plain(wanted)
    if static.name in _OPEN:
        return False
    if static == wanted or static.name == wanted.name == "type":
        return True
    if wanted.name == "map" and (static.name == "headers" or isinstance(static, Record)):
        return all(p.name in _OPEN for p in wanted.params) or static.name == "headers"
    return (
        static.name == wanted.name
        and len(static.params) == len(wanted.params)
        and all(map(is_certain, static.params, wanted.params))
    )


def known_overload(overloads: Sequence[Overload], types: Sequence[Type]) -> Overload | None:
    """Return the overload that arguments of these static types have, None if only the values tell."""
    if len(overloads) != 1 or len(overloads[0].params) != len(types):
        return None
    return overloads[0] if all(map(is_certain, types, overloads[0].params)) else None


def _is_open(wanted: Type) -> bool:
    return all(p.name in _OPEN or (bool(p.params) and _is_open(p)) for p in wanted.params)


def tester(wanted: Type) -> Callable[[Any], bool]:
    """Return a test whether a value fits the type, its items and keys included."""
    if wanted.name in _OPEN:
        return lambda value: True
    if _is_open(wanted) or wanted.name == "type":
        return lambda value: fits(value, wanted)
    inner = [tester(p) for p in wanted.params]
    if wanted.name == "list":
        return lambda value: fits(value, wanted) and all(map(inner[0], value))
    if wanted.name == "map":
        return lambda value: (
            fits(value, wanted) and all(inner[0](k) and inner[1](v) for k, v in value.items())
        )
    if wanted.name == "optional_type":
        return lambda value: fits(value, wanted) and (not value.present or inner[0](value.value))
    return lambda value: fits(value, wanted)


def dispatcher(function: str, overloads: Sequence[Overload]) -> Callable[..., Any]:
    """Return a callable of (exchange, arguments…) that runs the overload which fits, or raises EvalError.

    Where several fit (an empty list), the first one declared is it.
    """
    cases = [(o.body, o.needs_exchange, tuple(tester(p) for p in o.params)) for o in overloads]

    def dispatch(x: object, *args: Any) -> Any:
        for body, needs_exchange, tests in cases:
            if len(tests) == len(args) and all(test(arg) for test, arg in zip(tests, args, strict=True)):
                return body(x, *args) if needs_exchange else body(*args)
        shown = ", ".join(map(type_name, args))
        name = function.strip("_") if function.startswith("_") else function
        raise EvalError("no_such_overload", f"no such overload: `{name}` applied to ({shown})")

    return dispatch
