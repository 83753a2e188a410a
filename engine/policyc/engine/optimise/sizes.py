"""`size(a) > 0` asks whether there is anything, which Python knows without counting."""

from __future__ import annotations

from policyc.engine.cel import ir
from policyc.engine.cel.dispatch import plain
from policyc.engine.optimise import forms
from policyc.engine.optimise.rewrite import rewrite

# (comparison, number beside `size(a)`) → whether it asks for something or for nothing.
_ASKS = {
    ("_>_", 0): True,
    ("_!=_", 0): True,
    ("_>=_", 1): True,
    ("_==_", 0): False,
    ("_<_", 1): False,
    ("_<=_", 0): False,
}
_TURNED = {"_>_": "_<_", "_<_": "_>_", "_>=_": "_<=_", "_<=_": "_>=_"}
_SIZED = ("string", "bytes", "list", "map", "headers")


def test_for_items(node: ir.Node) -> ir.Node:
    """Return the expression with such comparisons as tests for any items."""
    return rewrite(node, _visit)


def _visit(node: ir.Node) -> ir.Node:
    if not isinstance(node, ir.Apply) or len(node.args) != 2 or len(node.overloads) != 1:
        return node
    left, right = node.args
    function = node.function
    if isinstance(left, ir.Const):
        left, right = right, left
        function = _TURNED.get(function, function)
    if not isinstance(right, ir.Const) or type(right.value) is not int:
        return node
    asks = _ASKS.get((function, right.value))
    if asks is None or not isinstance(left, ir.Apply) or left.function != "size" or len(left.args) != 1:
        return node
    operand = left.args[0]
    if len(left.overloads) != 1 or plain(operand.type).name not in _SIZED:
        return node
    return forms.has_items(operand, asks, node.span)
