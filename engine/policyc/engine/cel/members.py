"""Selecting from a value, `operand.field` and `operand[index]`: records, maps, lists, headers, optionals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.engine.cel import ir
from policyc.engine.cel.unify import is_free, is_open
from policyc.engine.types import DYN, HEADERS, INT, STRING, Record, Type, list_of, optional_of
from policyc.grammar import syntax
from policyc.grammar.source import Span

if TYPE_CHECKING:
    from policyc.engine.cel.check import Checker


def select(checker: Checker, operand: ir.Node, expr: syntax.Select) -> ir.Node:
    """Return `operand.field`."""
    type = checker.types.resolve(operand.type)
    optional = expr.optional or type.name == "optional_type"
    if expr.optional and checker.scope.is_traffic:
        checker.faults.not_in_policies("optional field selection `.?`", expr.field_span)
        return checker.error(expr.span)
    whole = checker.texts.get(id(operand))
    if whole is not None and isinstance(operand, ir.Field):
        # A text with fields inside of a record: its fields lie beside it, under the longer name.
        found = whole[1].fields.get(expr.field)
        if found is None:
            checker.faults.no_such_field(whole[1], expr.field, expr.field_span)
            return checker.error(expr.span)
        return _field_node(
            checker, operand.operand, f"{operand.name}.{expr.field}", False, found.type, expr.span
        )
    inner = type.params[0] if type.name == "optional_type" and type.params else type
    result = field_type(checker, inner, expr.field, expr.field_span)
    if result is None:
        return checker.error(expr.span)
    name = expr.field.lower() if inner == HEADERS else expr.field
    if isinstance(operand, ir.Var):
        checker.faults.check_made_by_policy(operand.variable, name, expr, checker.scope)
        if operand.variable.path == "vars" and checker.scope.vars:
            result = checker.scope.vars.get(name, result)
    return _field_node(
        checker, operand, name, expr.optional, optional_of(result) if optional else result, expr.span
    )


def _field_node(
    checker: Checker, operand: ir.Node, name: str, optional: bool, type: Type, span: Span
) -> ir.Node:
    if isinstance(type, Record) and type.is_text:
        node = ir.Field(operand, name, optional, STRING, span)
        checker.texts[id(node)] = (node, type)
        return node
    return ir.Field(operand, name, optional, type, span)


def field_type(checker: Checker, type: Type, name: str, span: Span) -> Type | None:
    """Return the type of a field of a value, None if it was reported that there is none."""
    if is_open(type) or is_free(type):
        if is_free(type):
            checker.types.fit((DYN,), (type,))
        return DYN
    if type == HEADERS:
        return list_of(STRING)
    if type.name == "map":
        return type.params[1]
    if isinstance(type, Record):
        if name in type.fields:
            return type.fields[name].type
        checker.faults.no_such_field(type, name, span)
        return None
    if checker.scope.is_loose:
        return DYN
    checker.faults.no_fields(checker.shown(type), name, span)
    return None


def index(checker: Checker, expr: syntax.Index) -> ir.Node:
    """Return `operand[index]`."""
    operand, index = checker.value(expr.operand), checker.value(expr.index)
    if expr.optional and checker.scope.is_traffic:
        checker.faults.not_in_policies("optional indexing `[?…]`", expr.span)
        return checker.error(expr.span)
    type = checker.types.resolve(operand.type)
    optional = expr.optional or type.name == "optional_type"
    inner = type.params[0] if type.name == "optional_type" and type.params else type
    result = _item_type(checker, inner, index, expr)
    if result is None:
        return checker.error(expr.span)
    if inner == HEADERS and isinstance(index, ir.Const) and isinstance(index.value, str):
        index = ir.Const(index.value.lower(), index.type, index.span)
    if isinstance(operand, ir.Var) and isinstance(index, ir.Const) and isinstance(index.value, str):
        checker.faults.check_made_by_policy(operand.variable, index.value, expr, checker.scope)
        if operand.variable.path == "vars" and checker.scope.vars:
            result = checker.scope.vars.get(index.value, result)
    if isinstance(result, Record) and result.is_text:
        result = STRING
    node_type = optional_of(result) if optional else result
    return ir.At(operand, index, expr.optional, node_type, expr.span)


def _item_type(checker: Checker, type: Type, index: ir.Node, expr: syntax.Index) -> Type | None:
    if is_open(type) or is_free(type):
        return DYN
    if type.name == "list":
        if checker.types.fit((index.type,), (INT,)) or checker.scope.is_loose:
            return type.params[0]
    elif type.name == "map":
        if checker.types.fit((index.type,), (type.params[0],)) or checker.scope.is_loose:
            return type.params[1]
    elif type == HEADERS:
        if checker.types.fit((index.type,), (STRING,)):
            return list_of(STRING)
    elif isinstance(type, Record):
        if isinstance(index, ir.Const) and isinstance(index.value, str):
            return field_type(checker, type, index.value, index.span)
        if checker.types.fit((index.type,), (STRING,)):
            return DYN
    elif checker.scope.is_loose:
        return DYN
    else:
        checker.faults.no_items(checker.shown(type), expr.span)
        return None
    checker.faults.wrong_index(checker.shown(type), checker.shown(index.type), index.span)
    return None
