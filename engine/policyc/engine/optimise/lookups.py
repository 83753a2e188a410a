"""ngrok's look-ups of constant names become look-ups in the maps that they read (functions/lookups.py).

    hasReqHeader('X-A')        'x-a' in req.headers
    getQueryParam('q')         req.url.query_params, the values of 'q' or none

Host is not touched: the message may keep it elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.engine.cel import ir
from policyc.engine.optimise import forms
from policyc.engine.optimise.rewrite import rewrite

if TYPE_CHECKING:
    from policyc.grammar.source import Span

# function → (variable with the map, whether names are in lower case)
_TESTS = {
    "hasReqHeader": ("req.headers", True),
    "hasResHeader": ("res.headers", True),
    "hasQueryParam": ("req.url.query_params", False),
    "hasReqCookie": ("req.cookies", False),
    "hasResCookie": ("res.cookies", False),
}
_VALUES = {
    "getReqHeader": ("req.headers", True),
    "getResHeader": ("res.headers", True),
    "getQueryParam": ("req.url.query_params", False),
}


def read_maps(node: ir.Node) -> ir.Node:
    """Return the expression with such look-ups as look-ups in maps."""
    return rewrite(node, _visit)


def _visit(node: ir.Node) -> ir.Node:
    if not isinstance(node, ir.Apply) or len(node.args) != 1:
        return node
    name = node.args[0]
    known = _TESTS.get(node.function) or _VALUES.get(node.function)
    if known is None or not isinstance(name, ir.Const) or not isinstance(name.value, str):
        return node
    path, folds = known
    key = name.value.lower() if folds else name.value
    if path == "req.headers" and key == "host":
        return node
    where = _variable(path, node.span)
    if node.function in _TESTS:
        return forms.item_of(ir.Const(key, name.type, name.span), where, node.span)
    return forms.values_of(where, key, node.type, node.span)


def _variable(path: str, span: Span) -> ir.Var:
    from policyc.engine.variables import VARIABLES

    variable = VARIABLES[path]
    return ir.Var(variable, variable.type, span)
