"""Rewriting expressions from the leaves up."""

from __future__ import annotations

from collections.abc import Callable

from policyc.engine.cel import ir

Visit = Callable[[ir.Node], ir.Node]


def rewrite(node: ir.Node, visit: Visit) -> ir.Node:
    """Return the expression with `visit` applied to every node, inner ones first.

    What stays the same is the same object.
    """
    below = ir.children(node)
    if below:
        made = [rewrite(child, visit) for child in below]
        for new, old in zip(made, below, strict=True):
            if new is not old:
                node = ir.with_children(node, made)
                break
    return visit(node)
