"""Chains of equalities become one look-up in a set.

    a == 'x' || a == 'y' || a in ['z']     a in {'x', 'y', 'z'}
    a != 'x' && !(a in ['y', 'z'])         !(a in {'x', 'y', 'z'})

Texts and ints, whose equality is Python's. Of a dyn value only texts are asked, one after the other: it may
have no hash. What stands between the terms of a chain does not matter, because `||` and `&&` absorb errors
in any order.
"""

from __future__ import annotations

from typing import cast

from policyc.engine.cel import ir
from policyc.engine.cel.dispatch import plain
from policyc.engine.optimise import forms
from policyc.engine.optimise.rewrite import rewrite
from policyc.engine.optimise.terms import Term, joined, merge
from policyc.engine.types import BOOL, INT, STRING, Type


def use_sets(node: ir.Node) -> ir.Node:
    """Return the expression with chains of equalities and constant lists as sets."""
    return rewrite(node, _visit)


def _visit(node: ir.Node) -> ir.Node:
    if isinstance(node, ir.Or):
        operands = merge(node.operands, member_of, _write)
        return node if operands is None else joined(node, operands)
    if isinstance(node, ir.And):
        operands = merge(node.operands, _no_member_of, _write_not)
        return node if operands is None else joined(node, operands)
    if isinstance(node, ir.Apply) and node.function == "_in_" and node.overloads[0].id == "in_list":
        term = member_of(node)
        return node if term is None else _write(term, node)
    return node


def member_of(node: ir.Node) -> Term | None:
    """Read `a == 'x'` and `a in ['x', 'y']`: what is tested, and against which values."""
    if not isinstance(node, ir.Apply) or len(node.overloads) != 1 or len(node.args) != 2:
        return None
    if node.function == "_==_":
        return _equality(*node.args)
    if node.function != "_in_" or not isinstance(node.args[1], ir.Const):
        return None
    values = node.args[1].value
    if not isinstance(values, list | tuple | frozenset) or not values:
        return None
    operand = node.args[0]
    return Term(operand, tuple(values)) if _comparable(operand, list(values)) is not None else None


def _equality(left: ir.Node, right: ir.Node) -> Term | None:
    if isinstance(left, ir.Const):
        left, right = right, left
    if not isinstance(right, ir.Const) or isinstance(left, ir.Const):
        return None
    return Term(left, (right.value,)) if _comparable(left, [right.value]) is not None else None


def _comparable(operand: ir.Node, values: list[object]) -> Type | None:
    """Return as what the operand may be asked for the values; None if it may not."""
    static = plain(operand.type)
    if all(type(value) is str for value in values) and (static == STRING or static.name == "dyn"):
        return static
    if static == INT and all(type(value) is int for value in values):
        return static
    return None


def _no_member_of(node: ir.Node) -> Term | None:
    if isinstance(node, ir.Not):
        return member_of(node.operand)
    if isinstance(node, ir.Apply) and node.function == "_!=_" and len(node.overloads) == 1:
        return _equality(*node.args)
    return None


def _write(term: Term, first: ir.Node) -> ir.Node:
    static = plain(term.operand.type)
    return forms.one_of(term.operand, cast("tuple[str, ...]", term.values), static, first.span)


def _write_not(term: Term, first: ir.Node) -> ir.Node:
    return ir.Not(_write(term, first), BOOL, first.span)
