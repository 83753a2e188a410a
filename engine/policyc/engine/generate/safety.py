"""What static types say of the Python that an expression becomes: which code never fails, and how maps read.

`is_safe` is what conditions rest on: of a safe expression no exception can come, for no traffic. Functions
that never fail on arguments of their declared types stand in `TOTAL`, by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from policyc.engine.cel import ir
from policyc.engine.cel.dispatch import is_sure, known_overload, plain
from policyc.engine.optimise import forms
from policyc.engine.types import BOOL, HEADERS, INT, STRING, UINT, Record, Type
from policyc.engine.values import EvalError

if TYPE_CHECKING:
    from policyc.engine.function import Overload

TOTAL = frozenset(
    {
        "_==_",
        "_!=_",
        "_<_",
        "_<=_",
        "_>_",
        "_>=_",
        "_in_",
        "startsWith",
        "endsWith",
        "contains",
        "size",
        "hasReqHeader",
        "getReqHeader",
        "hasResHeader",
        "getResHeader",
        "hasQueryParam",
        "getQueryParam",
        "hasReqCookie",
        "getReqCookie",
        "hasResCookie",
        "getResCookie",
        "inCidrRange",
        "inCidrRanges",
        "lowerAscii",
        "upperAscii",
        "trim",
        "rand.double",
    }
)

# Types whose variables always have a value if they have a filler: it never gives None for them.
_FILLED = ("string", "int", "bool", "headers", "map", "list")

_KEYS = (STRING, INT, UINT)


def is_safe(node: ir.Node, bound: frozenset[str] = frozenset()) -> bool:
    """Return whether the value code of a node raises nothing; `bound` are the locals that have a value."""
    n = cast("ir.AnyNode", node)
    match n:
        case ir.Const() | ir.HasVar():
            return True
        case ir.Var():
            variable = n.variable
            return variable.zero is not None or (variable.fill is not None and n.type.name in _FILLED)
        case ir.Local():
            return n.name in bound
        case ir.Field():
            record = n.operand.type
            if n.optional:
                return is_sure_map(n.operand) and is_safe(n.operand, bound)
            return (
                isinstance(record, Record)
                and not record.partial
                and not record.is_text
                and n.name in record.fields
                and is_sure(n.operand)
                and is_safe(n.operand, bound)
            )
        case ir.HasField():
            return is_sure_map(n.operand) and is_safe(n.operand, bound)
        case ir.Apply():
            return is_total(n) and all(is_safe(arg, bound) for arg in n.args)
        case ir.Not():
            return _is_safe_bool(n.operand, bound)
        case ir.And() | ir.Or():
            return all(_is_safe_bool(operand, bound) for operand in n.operands)
        case ir.If():
            return _is_safe_bool(n.test, bound) and is_safe(n.yes, bound) and is_safe(n.no, bound)
        case ir.MakeList():
            return not any(n.optional) and all(is_safe(part, bound) for part in n.items)
        case ir.MakeMap():
            return has_plain_keys(n) and all(is_safe(value, bound) for _, value, _ in n.entries)
        case ir.Loop():
            return _is_safe_loop(n, bound)
        case ir.Bind():
            return is_safe(n.value, bound) and is_safe(n.body, bound | {n.name})
        case ir.At() | ir.OptMap():
            return False


def is_total(node: ir.Apply) -> bool:
    """Return whether the call fails for no values of its arguments' types (and its constant pattern)."""
    overload = known_overload(node.overloads, node.args)
    if overload is None:
        return False
    if node.function in TOTAL or node.function in forms.TOTAL:
        return True
    if node.function == "rand.int":
        return _is_range(node.args)
    return node.function == "matches" and _is_pattern(overload, node.args[1])


def _is_range(bounds: tuple[ir.Node, ...]) -> bool:
    """Return whether bounds of a random number are constants that `rand.int` takes."""
    known = [bound.value for bound in bounds if isinstance(bound, ir.Const)]
    return len(known) == len(bounds) and (not known or 0 <= known[0] <= known[1])  # type: ignore[operator]


def _is_pattern(overload: Overload, node: ir.Node) -> bool:
    if not isinstance(node, ir.Const):
        return False
    try:
        overload.body("", node.value)
    except EvalError:
        return False
    return True


def is_sure_map(node: ir.Node) -> bool:
    """Return whether a node's value, if it has one, is certainly a dict."""
    return is_map(node.type) and is_sure(node)


def _is_safe_bool(node: ir.Node, bound: frozenset[str]) -> bool:
    return node.type == BOOL and is_safe(node, bound)


def _is_safe_loop(node: ir.Loop, bound: frozenset[str]) -> bool:
    if node.kind not in ("all", "exists", "exists_one", "filter", "map", "map_filter", "transform_list"):
        return False
    if not (node.over.type.name == "list" or is_sure_map(node.over)) or not is_safe(node.over, bound):
        return False
    within = bound | {node.key} if node.value is None else bound | {node.key, node.value}
    if node.guard is not None and not _is_safe_bool(node.guard, within):
        return False
    if node.kind in ("map", "map_filter", "transform_list"):
        return is_safe(node.body, within)
    return _is_safe_bool(node.body, within)


def is_map(type: Type) -> bool:
    """Return whether a static type is a dict at run time."""
    return type.name in ("map", "headers") or (isinstance(type, Record) and not type.is_text)


def is_key_known(node: ir.At) -> bool:
    """Return whether `operand[key]` of Python is CEL's: a map of strings or integers, and such a key."""
    operand, key = node.operand.type, plain(node.index.type)
    if operand == HEADERS:
        return key == STRING
    return operand.name == "map" and operand.params[0] in _KEYS and key in _KEYS


def is_position(node: ir.Node) -> bool:
    """Return whether a node is a constant index that does not count from the end."""
    return isinstance(node, ir.Const) and type(node.value) is int and node.value >= 0


def has_plain_keys(node: ir.MakeMap) -> bool:
    """Return whether a map has only constant keys that are strings, all different, and none is optional."""
    keys = [key.value for key, _, maybe in node.entries if isinstance(key, ir.Const) and not maybe]
    return (
        len(keys) == len(node.entries)
        and all(type(key) is str for key in keys)
        and len(set(map(str, keys))) == len(keys)
    )
