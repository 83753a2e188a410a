"""Asking the checker in a test: an expression in, its type, its node or what was found out."""

from __future__ import annotations

from collections.abc import Mapping

from policyc.engine.cel import ir
from policyc.engine.cel.check import check
from policyc.engine.cel.scope import Scope
from policyc.engine.phases import Binding, Phase, Protocol
from policyc.engine.types import Type
from policyc.grammar import syntax
from policyc.grammar.diagnostic import Diagnostic, Report
from policyc.grammar.parser import parse_expression
from policyc.grammar.source import Source, Text


def tree(expression: str, name: str = "test") -> syntax.Expr:
    """Return the syntax tree of an expression without mistakes of syntax."""
    source = Source(name, expression)
    report = Report()
    expr = parse_expression(Text(expression, source.whole(), 0), report)
    assert expr is not None, [d.message for d in report]
    return expr


def let(name: str, expression: str) -> syntax.Let:
    """Return `let NAME = EXPRESSION`, in a source of its own."""
    expr = tree(expression, f"let {name}")
    return syntax.Let(name, expr.span, expr, expr.span)


def lets(**expressions: str) -> dict[str, syntax.Let]:
    """Return lets by name."""
    return {name: let(name, expression) for name, expression in expressions.items()}


def traffic(
    phase: Phase | None = Phase.HTTP_REQUEST,
    protocol: Protocol | None = None,
    binding: Binding | None = None,
    **definitions: str,
) -> Scope:
    """Return the scope of a policy, with lets."""
    return Scope.traffic(phase, protocol, binding, lets(**definitions))


def found(expression: str, scope: Scope | None = None, want: Type | None = None) -> list[Diagnostic]:
    """Return what the checker finds, in the order of the source."""
    report = Report()
    node = check(tree(expression), scope or traffic(), report, want=want)
    assert (node is None) == report.has_errors
    return report.sorted()


def fault(expression: str, scope: Scope | None = None, want: Type | None = None) -> Diagnostic:
    """Return the one thing that the checker finds."""
    (only,) = found(expression, scope, want)
    return only


def node(expression: str, scope: Scope | None = None) -> ir.Node:
    """Return the node of an expression in which nothing is found."""
    report = Report()
    made = check(tree(expression), scope or traffic(), report)
    assert made is not None, [d.message for d in report]
    assert not len(report), [d.message for d in report]
    return made


def type_of(expression: str, scope: Scope | None = None) -> str:
    """Return the type of an expression in which nothing is found, as text."""
    return str(node(expression, scope).type)


def cel(variables: Mapping[str, Type] | None = None, container: str = "", *, is_loose: bool = False) -> Scope:
    """Return the specification's environment."""
    return Scope.cel(variables, container, is_loose=is_loose)
