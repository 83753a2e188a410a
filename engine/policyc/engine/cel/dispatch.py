"""Choosing an overload: by the static types where they are known, else by the values.

A static type is *certain* for a parameter if every value of it fits. Where it is not (dyn, or a list of dyn
where a list of strings is wanted), the values are tested, items and all: bodies rely on the declared types.

CEL lets null stand where a time, an optional or a message is wanted (`[timestamp(t), null]` is a list of
timestamps), so of these types only what a variable or a function gives is certain to be no null.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from policyc.engine.cel import ir
from policyc.engine.cel.coerce import fits, type_name
from policyc.engine.function import Overload
from policyc.engine.types import STRING, Record, Type
from policyc.engine.values import EvalError

_OPEN = ("param", "dyn", "error")


def plain(static: Type) -> Type:
    """Return the type that a value has at run time: a text with fields is a string."""
    return STRING if isinstance(static, Record) and static.is_text else static


def is_certain(static: Type, wanted: Type) -> bool:
    """Return whether every value of the static type, if it is no null, fits the wanted one."""
    if wanted.name in _OPEN or (static is wanted and not static.params):
        return True
    static = plain(static)
    wanted = plain(wanted)
    if static.name in _OPEN:
        return False
    if static.name == wanted.name == "type":
        return True
    if wanted.name == "map" and static.name == "headers":
        return True
    if wanted.name == "map" and isinstance(static, Record):
        return all(p.name in _OPEN for p in wanted.params)
    return (
        static.name == wanted.name
        and len(static.params) == len(wanted.params)
        and all(
            is_certain(s, w) and (w.name in _OPEN or not may_be_null(s))
            for s, w in zip(static.params, wanted.params, strict=True)
        )
    )


def may_be_null(static: Type) -> bool:
    """Return whether a value of the type may be a null."""
    return static.name in ("optional_type", "timestamp", "duration") or (
        isinstance(static, Record) and not static.is_text
    )


def is_sure(node: ir.Node) -> bool:
    """Return whether the node's value, if it has one, is certainly of its static type and no null."""
    return not may_be_null(node.type) or _is_given(node)


def _is_given(node: ir.Node) -> bool:
    """Return whether a value comes from a variable's data or a function, whose types always hold."""
    match node:
        case ir.Var():
            return True
        case ir.Const():
            return node.value is not None
        case ir.Apply():
            return all(o.result.name not in _OPEN for o in node.overloads)
        case ir.Field() | ir.At():
            return not node.optional and not isinstance(node.operand, ir.Const) and _is_given(node.operand)
    return False


def known_overload(overloads: Sequence[Overload], args: Sequence[ir.Node]) -> Overload | None:
    """Return the overload that these arguments have whatever their values, None if only the values tell."""
    if len(overloads) != 1 or len(overloads[0].params) != len(args):
        return None
    [overload] = overloads
    for arg, wanted in zip(args, overload.params, strict=True):
        if not is_certain(arg.type, wanted) or not (wanted.name in _OPEN or is_sure(arg)):
            return None
    return overload


def _is_open(wanted: Type) -> bool:
    return all(p.name in _OPEN or (bool(p.params) and _is_open(p)) for p in wanted.params)


def fit_test(wanted: Type) -> Callable[[Any], bool]:
    """Return a test whether a value fits the type, its items and keys included."""
    if wanted.name in _OPEN:
        return lambda value: True
    if _is_open(wanted) or wanted.name == "type":
        return lambda value: fits(value, wanted)
    inner = [fit_test(p) for p in wanted.params]
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
    cases = [(o.body, o.needs_exchange, tuple(fit_test(p) for p in o.params)) for o in overloads]

    def dispatch(x: object, *args: Any) -> Any:
        for body, needs_exchange, tests in cases:
            if len(tests) == len(args) and all(test(arg) for test, arg in zip(tests, args, strict=True)):
                return body(x, *args) if needs_exchange else body(*args)
        shown = ", ".join(map(type_name, args))
        name = function.strip("_") if function.startswith("_") else function
        raise EvalError("no_such_overload", f"no such overload: `{name}` applied to ({shown})")

    return dispatch
