"""What the names of an expression mean: variables of macros, lets, traffic variables, types, free variables.

In policies the roots are lets and the namespaces of the variables, and the path decides. In the
specification's environment names may be dotted, and are looked for in the container.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from policyc.engine.cel import ir, members
from policyc.engine.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    UINT,
    Record,
    Type,
    list_of,
    map_of,
    optional_of,
    type_of,
)
from policyc.engine.values import TypeValue
from policyc.grammar import syntax
from policyc.grammar.source import Span

if TYPE_CHECKING:
    from policyc.engine.cel.check import Checker
    from policyc.engine.variables import Variable

# Types that can be named as values: `type(x) == int`.
TYPE_NAMES: Mapping[str, Type] = {
    "bool": BOOL,
    "bytes": BYTES,
    "double": DOUBLE,
    "google.protobuf.Duration": DURATION,
    "google.protobuf.Timestamp": TIMESTAMP,
    "int": INT,
    "list": list_of(DYN),
    "map": map_of(DYN, DYN),
    "null_type": NULL,
    "string": STRING,
    "type": type_of(DYN),
    "uint": UINT,
}
_CEL_TYPE_NAMES: Mapping[str, Type] = {
    "net.CIDR": Type("net.CIDR"),
    "net.IP": Type("net.IP"),
    "optional_type": optional_of(DYN),
}


def chain_of(expr: syntax.Expr) -> tuple[syntax.Name, *tuple[syntax.Select, ...]] | None:
    """Return `a.b.c` as its name and its selections, None if the expression is no such chain."""
    steps: list[syntax.Select] = []
    while isinstance(expr, syntax.Select) and not expr.optional:
        steps.append(expr)
        expr = expr.operand
    return (expr, *reversed(steps)) if isinstance(expr, syntax.Name) else None


def name(checker: Checker, expr: syntax.Name) -> ir.Node:
    """Return what a name alone means."""
    local = None if expr.rooted else checker.locals.get(expr.name)
    if local is not None:
        return ir.Local(local.name, local.type, expr.span)
    if checker.scope.is_traffic:
        return _path(checker, expr.name, (), expr)
    found = _free(checker, expr.name, expr.rooted, expr.span)
    return found if found is not None else _unknown_free(checker, expr.name, expr.span)


def selection(checker: Checker, expr: syntax.Select) -> ir.Node:
    """Return what `a.b.c` means: a path as far as it is one, then selections from its value."""
    if not checker.scope.is_traffic:
        return _select_free(checker, expr)
    chain = chain_of(expr)
    if chain is not None and not checker.is_local(chain[0]):
        return _path(checker, chain[0].name, chain[1:], expr)
    return members.select(checker, checker.value(expr.operand), expr)


# The cel environment: names may be dotted, and are looked for in the container.


def _select_free(checker: Checker, expr: syntax.Select) -> ir.Node:
    chain = chain_of(expr)
    if chain is not None and not checker.is_local(chain[0]):
        name = ".".join([chain[0].name, *(s.field for s in chain[1:])])
        found = _free(checker, name, chain[0].rooted, expr.span)
        if found is not None:
            return found
    return members.select(checker, checker.value(expr.operand), expr)


def _free(checker: Checker, name: str, rooted: bool, span: Span) -> ir.Node | None:
    for full in [name] if rooted else checker.scope.candidates(name):
        type = checker.scope.free.get(full)
        if type is not None:
            return ir.Local(full, type, span)
        named = TYPE_NAMES.get(full) or _CEL_TYPE_NAMES.get(full)
        if named is not None:
            return ir.Const(TypeValue(full), type_of(named), span)
    return None


def _unknown_free(checker: Checker, name: str, span: Span) -> ir.Node:
    if checker.scope.is_loose:
        return ir.Local(name, DYN, span)
    checker.faults.unknown_variable(name, span, checker.scope)
    return checker.error(span)


# Policies: the roots are lets and the namespaces of the variables.


def _path(checker: Checker, root: str, rest: Sequence[syntax.Select], expr: syntax.Expr) -> ir.Node:
    first = rest[0].operand.span if rest else expr.span
    free = checker.scope.free.get(root)
    if free is not None:
        return _selects(checker, ir.Local(root, free, first), rest)
    let = checker.scope.lets.get(root)
    if let is not None:
        return _let(checker, let, rest, first)
    if root in TYPE_NAMES:
        named: ir.Node = ir.Const(TypeValue(root), type_of(TYPE_NAMES[root]), first)
        return _selects(checker, named, rest)
    if root == "google":
        full = ".".join([root, *(s.field for s in rest)])
        if full in TYPE_NAMES:
            return ir.Const(TypeValue(full), type_of(TYPE_NAMES[full]), expr.span)
    if not checker.scope.is_path(root):
        checker.faults.unknown_variable(".".join([root, *(s.field for s in rest)]), expr.span, checker.scope)
        return checker.error(expr.span)
    path = root
    taken = 0
    for step in rest:
        longer = f"{path}.{step.field}"
        if not checker.scope.is_path(longer):
            break
        path = longer
        taken += 1
    rest = rest[taken:]
    span = rest[0].operand.span if rest else expr.span
    variable = checker.scope.variable(path)
    if rest and has_fixed_fields(checker, path):
        checker.faults.unknown_field(path, rest, checker.scope)
        return checker.error(expr.span)
    if variable is None:
        checker.faults.check_variable(path, _any_below(checker, path), span, checker.scope)
        return _namespace(checker, path, span)
    checker.faults.check_variable(path, variable, span, checker.scope)
    return _selects(checker, ir.Var(variable, variable.type, span), rest)


def has_fixed_fields(checker: Checker, path: str) -> bool:
    """Tell whether a path is a namespace or a text with fields: there is nothing but what is declared."""
    variable = checker.scope.variable(path)
    return variable is None or (bool(checker.scope.below(path)) and not isinstance(variable.type, Record))


def _selects(checker: Checker, node: ir.Node, rest: Iterable[syntax.Select]) -> ir.Node:
    for step in rest:
        node = members.select(checker, node, step)
    return node


def _let(checker: Checker, let: syntax.Let, rest: Sequence[syntax.Select], use: Span) -> ir.Node:
    """Put a let in where it is used; its names are looked up as at the top of the file."""
    if let.name in checker.expanding:
        return checker.too_large(use)  # a circle, which the compiler reports as such
    before, checker.locals = checker.locals, {}
    checker.expanding.append(let.name)
    try:
        with checker.faults.inside(let, use):
            inner = chain_of(let.expr)
            if rest and inner is not None:  # `let ip = conn.client_ip`, then `ip.geo`: still one path
                node = _path(checker, inner[0].name, (*inner[1:], *rest), rest[-1])
                rest = ()
            else:
                node = checker.value(let.expr)
    finally:
        checker.expanding.pop()
        checker.locals = before
    return _selects(checker, node, rest)


def path_of(checker: Checker, chain: Sequence[syntax.Name | syntax.Select]) -> str | None:
    """Return the traffic path that a chain means, through lets that are paths; None if it is none."""
    first, *rest = chain
    assert isinstance(first, syntax.Name)
    path = first.name
    seen: set[str] = set()
    while (let := checker.scope.lets.get(path.partition(".")[0])) is not None and let.name not in seen:
        seen.add(let.name)
        inner = chain_of(let.expr)
        if inner is None:
            return None
        path = ".".join([inner[0].name, *(s.field for s in inner[1:]), *path.split(".")[1:]])
    path = ".".join([path, *(s.field for s in rest if isinstance(s, syntax.Select))])
    return path if checker.scope.is_path(path) else None


def _any_below(checker: Checker, path: str) -> Variable:
    """Return a variable of a namespace: those of one have the same phases."""
    while (variable := checker.scope.variable(path)) is None:
        path = f"{path}.{checker.scope.below(path)[0]}"
    return variable


def _namespace(checker: Checker, path: str, span: Span) -> ir.Node:
    """Return a map of what is below a namespace, as far as it always has a value."""
    entries: list[tuple[ir.Node, ir.Node, bool]] = []
    for name in checker.scope.below(path):
        inner = f"{path}.{name}"
        variable = checker.scope.variable(inner)
        if variable is None:
            value = _namespace(checker, inner, span)
        elif variable.may_fail:
            continue  # who asks for everything does not ask for an error
        else:
            value = ir.Var(variable, variable.type, span)
        entries.append((ir.Const(name, STRING, span), value, False))
    return ir.MakeMap(entries, map_of(STRING, DYN), span)
