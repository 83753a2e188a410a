"""Constant folding: what can be computed before any traffic is computed once.

Folding never changes what an expression gives: an operation that fails is left to fail when it is reached,
and what is random or reads the exchange is left alone.
"""

from __future__ import annotations

from typing import Any, Final, cast

from policyc.engine.cel import ir, select
from policyc.engine.cel.depth import room
from policyc.engine.cel.dispatch import dispatcher, known_overload
from policyc.engine.types import BOOL
from policyc.engine.values import EvalError, make_map

_LARGEST: Final = 10_000  # items or characters of a result that is worth keeping


def fold(node: ir.Node) -> ir.Node:
    """Return the expression with its constant parts computed. The given nodes are not changed."""
    with room():
        return _fold(node)


def constant(node: ir.Node) -> ir.Const | None:
    """Return the value of an expression that is constant, None if it is not (or fails)."""
    folded = fold(node)
    return folded if isinstance(folded, ir.Const) else None


def _fold(node: ir.Node) -> ir.Node:
    known = cast("ir.AnyNode", node)
    match known:
        case ir.Apply():
            return _apply(ir.Apply(known.function, known.overloads, _all(known.args), known.type, known.span))
        case ir.Not():
            operand = _fold(known.operand)
            if isinstance(operand, ir.Const) and isinstance(operand.value, bool):
                return ir.Const(not operand.value, BOOL, known.span)
            return ir.Not(operand, known.type, known.span)
        case ir.And():
            return _logic(known, ir.And, decisive=False)
        case ir.Or():
            return _logic(known, ir.Or, decisive=True)
        case ir.If():
            test = _fold(known.test)
            if isinstance(test, ir.Const) and isinstance(test.value, bool):
                return _fold(known.yes if test.value else known.no)
            return ir.If(test, _fold(known.yes), _fold(known.no), known.type, known.span)
        case ir.MakeList():
            items = _all(known.items)
            if any(known.optional) or not all(isinstance(i, ir.Const) for i in items):
                return ir.MakeList(items, known.optional, known.type, known.span)
            return ir.Const([_value(i) for i in items], known.type, known.span)
        case ir.MakeMap():
            return _make_map(known)
        case ir.Field():
            operand = _fold(known.operand)
            field = ir.Field(operand, known.name, known.optional, known.type, known.span)
            get = select.optional_field if known.optional else select.field
            return _computed(field, get, operand, ir.Const(known.name, known.type, known.span))
        case ir.At():
            operand, index = _fold(known.operand), _fold(known.index)
            at = ir.At(operand, index, known.optional, known.type, known.span)
            return _computed(at, select.optional_at if known.optional else select.at, operand, index)
        case ir.HasField():
            operand = _fold(known.operand)
            has = ir.HasField(operand, known.name, known.type, known.span)
            return _computed(has, select.has_field, operand, ir.Const(known.name, known.type, known.span))
        case ir.Loop():
            guard = None if known.guard is None else _fold(known.guard)
            over, body = _fold(known.over), _fold(known.body)
            return ir.Loop(known.kind, over, known.key, known.value, guard, body, known.type, known.span)
        case ir.Bind():
            return ir.Bind(known.name, _fold(known.value), _fold(known.body), known.type, known.span)
        case ir.OptMap():
            operand, body = _fold(known.operand), _fold(known.body)
            return ir.OptMap(operand, known.name, body, known.flat, known.type, known.span)
        case ir.Const() | ir.Var() | ir.Local() | ir.HasVar():
            return known


def _all(nodes: tuple[ir.Node, ...]) -> tuple[ir.Node, ...]:
    return tuple([_fold(node) for node in nodes])


def _value(node: ir.Node) -> Any:
    assert isinstance(node, ir.Const)
    return node.value


def _computed(node: ir.Node, body: Any, *args: ir.Node) -> ir.Node:
    """Return the constant that `body` makes of constant arguments, else the node."""
    if not all(isinstance(arg, ir.Const) for arg in args):
        return node
    try:
        value = body(*(_value(arg) for arg in args))
    except EvalError:
        return node
    if isinstance(value, str | bytes | list | dict) and len(value) > _LARGEST:
        return node
    return ir.Const(value, node.type, node.span)


def _apply(node: ir.Apply) -> ir.Node:
    if not node.overloads or not all(o.pure and not o.needs_exchange for o in node.overloads):
        return node
    overload = known_overload(node.overloads, node.args)
    if overload is not None:
        return _computed(node, overload.body, *node.args)
    choose = dispatcher(node.function, node.overloads)
    return _computed(node, lambda *args: choose(None, *args), *node.args)


def _logic(node: ir.And | ir.Or, kind: type[ir.And] | type[ir.Or], *, decisive: bool) -> ir.Node:
    """Drop the operands that do not matter; a decisive one decides, whatever the others are or fail with."""
    kept: list[ir.Node] = []
    for operand in _all(node.operands):
        if isinstance(operand, ir.Const) and isinstance(operand.value, bool):
            if operand.value is decisive:
                return ir.Const(decisive, BOOL, node.span)
        else:
            kept.append(operand)
    if not kept:
        return ir.Const(not decisive, BOOL, node.span)
    if len(kept) == 1 and kept[0].type == BOOL:
        return kept[0]
    return kind(tuple(kept), node.type, node.span)


def _make_map(node: ir.MakeMap) -> ir.Node:
    entries = [(_fold(key), _fold(value), optional) for key, value, optional in node.entries]
    made = ir.MakeMap(entries, node.type, node.span)
    if any(optional for _, _, optional in entries):
        return made
    flat = [part for key, value, _ in entries for part in (key, value)]

    def body(*parts: Any) -> Any:
        return make_map(zip(parts[::2], parts[1::2], strict=True))

    return _computed(made, body, *flat)
