"""Evaluating a text of CEL in a test: through the checker and both evaluators, which must agree."""

from __future__ import annotations

from typing import Any

from policyc.engine.cel import ir
from policyc.engine.cel.check import check
from policyc.engine.cel.plan import plan
from policyc.engine.cel.scope import Scope
from policyc.engine.function import Dialect
from policyc.engine.generate.expression import compile_value
from policyc.engine.phases import Phase
from policyc.engine.traffic import Exchange
from policyc.engine.values import EvalError
from policyc.grammar.diagnostic import Report
from policyc.grammar.parser import parse_expression
from policyc.grammar.source import Source, Text

TRAFFIC = Dialect.TRAFFIC
CEL = Dialect.CEL


class RefusedError(AssertionError):
    """The checker did not accept the expression."""


def node_of(
    expression: str,
    dialect: Dialect,
    phase: Phase = Phase.HTTP_RESPONSE,
    report: Report | None = None,
) -> ir.Node:
    """Return the checked expression."""
    scope = Scope.cel({}) if dialect is CEL else Scope.traffic(phase)
    report = Report() if report is None else report
    source = Source("expression", expression)
    expr = parse_expression(Text(source.text, source.whole(), 0), report)
    node = None if expr is None else check(expr, scope, report)
    if node is None:
        raise RefusedError(f"{expression}: {[d.message for d in report]}")
    return node


def evaluate(expression: str, dialect: Dialect = TRAFFIC, x: Exchange | None = None) -> Any:
    """Return the value of an expression; raises EvalError."""
    node = node_of(expression, dialect)
    outcomes = [_outcome(lambda: plan(node)(x, {})), _outcome(lambda: compile_value(node)(x))]
    (value, error), (generated, generated_error) = outcomes
    assert repr(value) == repr(generated), f"{expression}: evaluators differ"
    assert (error is None) is (generated_error is None), f"{expression}: {error!r} and {generated_error!r}"
    if error is not None:
        raise error
    return value


def _outcome(run: Any) -> tuple[Any, EvalError | None]:
    try:
        return run(), None
    except EvalError as error:
        return None, error


def error_of(expression: str, dialect: Dialect = TRAFFIC, x: Exchange | None = None) -> str:
    """Return the kind of the evaluation error that the expression ends in."""
    try:
        value = evaluate(expression, dialect, x)
    except EvalError as error:
        return error.kind
    raise AssertionError(f"{expression} is {value!r}, not an error")
