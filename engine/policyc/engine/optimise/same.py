"""When two expressions are the same: what the passes and the index may put together.

A key is equal for expressions that are written alike, wherever they stand. What is random or secret has none:
each occurrence is one of its own, to be evaluated once whenever it is reached (spec/variables.md §9.2).
"""

from __future__ import annotations

from functools import cache
from typing import Any, cast

from policyc.engine.cel import ir

Key = tuple[Any, ...]


@cache
def chance() -> frozenset[str]:
    """Return the names of the functions that may answer differently every time."""
    from policyc.engine.functions import chance

    return frozenset(function.name for function in chance.FUNCTIONS)


def is_repeatable(node: ir.Node) -> bool:
    """Return whether a second evaluation over the same traffic gives what the first one gave."""
    if isinstance(node, ir.Apply) and node.function in chance():
        return False
    return all(map(is_repeatable, ir.children(node)))


def key_of(node: ir.Node) -> Key | None:
    """Return the key of an expression, None if it is not repeatable."""
    if isinstance(node, ir.Apply) and node.function in chance():
        return None
    below = []
    for child in ir.children(node):
        key = key_of(child)
        if key is None:
            return None
        below.append(key)
    return (*own_key(node), *below)


def own_key(node: ir.Node) -> Key:
    """Return what tells a node from others over the same children."""
    n = cast("ir.AnyNode", node)
    match n:
        case ir.Const():
            return "const", n.type, *value_key(n.value)
        case ir.Var():
            return "var", n.variable.path
        case ir.Local():
            return "local", n.name
        case ir.HasVar():
            return "has var", n.variable.path
        case ir.Field():
            return "field", n.name, n.optional
        case ir.HasField():
            return "has field", n.name
        case ir.At():
            return "at", n.optional
        case ir.Apply():
            return "apply", n.function, *(overload.id for overload in n.overloads)
        case ir.MakeList():
            return "list", n.optional
        case ir.MakeMap():
            return "map", *(optional for _, _, optional in n.entries)
        case ir.Loop():
            return "loop", n.kind, n.key, n.value, n.guard is None
        case ir.Bind():
            return "bind", n.name
        case ir.OptMap():
            return "opt map", n.name, n.flat
        case ir.Not() | ir.And() | ir.Or() | ir.If():
            return (type(n).__name__,)


def value_key(value: object) -> Key:
    """Return what tells a constant from others of its static type."""
    if value is None or isinstance(value, bool | int | str | bytes | float):
        return type(value).__name__, repr(value)
    kind = type(value).__name__
    if isinstance(value, frozenset):
        # In the order of the texts: the items of equal sets may stand in any order.
        return kind, *sorted(map(repr, value))
    if isinstance(value, list | tuple):
        return kind, *map(value_key, value)
    if type(value) is dict:
        return kind, *((value_key(key), value_key(item)) for key, item in value.items())
    return "object", id(value)
