"""`(a && b) && c` is `a && b && c`: so that the other passes see all terms of a chain beside each other."""

from __future__ import annotations

from policyc.engine.cel import ir
from policyc.engine.optimise.rewrite import rewrite


def flatten(node: ir.Node) -> ir.Node:
    """Return the expression with nested conjunctions joined, and nested disjunctions."""
    return rewrite(node, _flatten)


def _flatten(node: ir.Node) -> ir.Node:
    if not isinstance(node, ir.And | ir.Or):
        return node
    kind = type(node)
    if not any(isinstance(operand, kind) for operand in node.operands):
        return node
    joined: list[ir.Node] = []
    for operand in node.operands:
        joined.extend(operand.operands if isinstance(operand, kind) else (operand,))
    return kind(tuple(joined), node.type, node.span)
