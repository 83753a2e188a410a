"""Loops that only look for a value become `in`, which looks in C.

    xs.exists(x, x == k)             k in xs
    xs.all(x, x != k)                !(k in xs)
    xs.exists(x, x in {'a', 'b'})    any of xs in {'a', 'b'}

`k` may not hang on `x`, and may not fail: a loop over nothing never looks at it.
"""

from __future__ import annotations

from policyc.engine.cel import ir
from policyc.engine.cel.dispatch import is_sure, plain
from policyc.engine.optimise import forms
from policyc.engine.optimise.rewrite import rewrite
from policyc.engine.types import BOOL, INT, STRING, list_of


def look_in_lists(node: ir.Node) -> ir.Node:
    """Return the expression with such loops replaced."""
    return rewrite(node, _visit)


def _visit(node: ir.Node) -> ir.Node:
    if not isinstance(node, ir.Loop) or node.value is not None or node.guard is not None:
        return node
    if node.kind == "exists":
        return _found(node, node.body, "_==_") or node
    if node.kind == "all":
        body = node.body
        found = _found(node, body.operand, "_==_") if isinstance(body, ir.Not) else _found(node, body, "_!=_")
        return node if found is None else ir.Not(found, BOOL, node.span)
    return node


def _found(loop: ir.Loop, body: ir.Node, function: str) -> ir.Node | None:
    """Return the test that finds what the body asks for of the items, None if it asks for more."""
    if not isinstance(body, ir.Apply) or len(body.args) != 2 or len(body.overloads) != 1:
        return None
    left, right = body.args
    if body.function == function:
        wanted = right if _is_item(left, loop) else left if _is_item(right, loop) else None
        if wanted is None or not _is_fixed(wanted) or not _is_list_of(loop.over, wanted):
            return None
        return forms.item_of(wanted, loop.over, loop.span)
    if body.function == "_in_" and function == "_==_" and _is_item(left, loop):
        if not isinstance(right, ir.Const) or not isinstance(right.value, frozenset):
            return None
        if loop.over.type == list_of(STRING) and all(isinstance(item, str) for item in right.value):
            return forms.any_of(loop.over, right.value, loop.span)
    return None


def _is_item(node: ir.Node, loop: ir.Loop) -> bool:
    return isinstance(node, ir.Local) and node.name == loop.key


def _is_fixed(node: ir.Node) -> bool:
    """Return whether a node cannot fail and knows no locals."""
    if isinstance(node, ir.Var):
        return node.variable.zero is not None or node.variable.fill is not None
    return isinstance(node, ir.Const)


def _is_list_of(over: ir.Node, wanted: ir.Node) -> bool:
    """Return whether Python's `in` over the items (or a map's keys) is CEL's `==` with what is wanted."""
    kind = plain(wanted.type)
    if over.type.name == "list":
        return kind in (STRING, INT) and over.type == list_of(kind) and is_sure(over)
    keyed = over.type.name == "headers" or (over.type.name == "map" and over.type.params[0] == STRING)
    return kind == STRING and keyed and is_sure(over)
