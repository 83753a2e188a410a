"""Chains of `startsWith` or `endsWith` of one text become one call, which tries them all in C.

a.startsWith('/x') || a.startsWith('/y')     a.startsWith(('/x', '/y'))
"""

from __future__ import annotations

from typing import cast

from policyc.engine.cel import ir
from policyc.engine.cel.dispatch import plain
from policyc.engine.optimise import forms
from policyc.engine.optimise.rewrite import rewrite
from policyc.engine.optimise.terms import Term, joined, merge
from policyc.engine.types import BOOL, STRING


def join_affixes(node: ir.Node) -> ir.Node:
    """Return the expression with chains of prefixes and of suffixes joined."""
    return rewrite(node, _visit)


def _visit(node: ir.Node) -> ir.Node:
    if not isinstance(node, ir.And | ir.Or):
        return node
    negative = isinstance(node, ir.And)
    for function in ("startsWith", "endsWith"):

        def read(operand: ir.Node, function: str = function) -> Term | None:
            if negative:
                return affixes_of(operand.operand, function) if isinstance(operand, ir.Not) else None
            return affixes_of(operand, function)

        def write(term: Term, first: ir.Node, function: str = function) -> ir.Node:
            made = forms.affixed(term.operand, cast("tuple[str, ...]", term.values), function, first.span)
            return ir.Not(made, BOOL, first.span) if negative else made

        operands = merge(node.operands, read, write)
        if operands is not None:
            made = joined(node, operands)
            if not isinstance(made, ir.And | ir.Or):
                return made
            node = made
    return node


def affixes_of(node: ir.Node, function: str) -> Term | None:
    """Read `a.startsWith('x')` (or the form with several): the text, and what it is asked for."""
    if not isinstance(node, ir.Apply) or node.function != function or len(node.args) != 2:
        return None
    operand, wanted = node.args
    if plain(operand.type) != STRING or not isinstance(wanted, ir.Const):
        return None
    if isinstance(wanted.value, str):
        return Term(operand, (wanted.value,))
    return Term(operand, wanted.value) if isinstance(wanted.value, tuple) else None
