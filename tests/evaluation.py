"""Expressions from source text, and an exchange to evaluate them over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from policyc.engine.cel import ir
from policyc.engine.cel.check import check
from policyc.engine.cel.scope import Scope
from policyc.engine.phases import Phase
from policyc.engine.traffic import Connection, EndpointInfo, Exchange, Headers, Request, Response
from policyc.engine.values import EvalError
from policyc.grammar.diagnostic import Report
from policyc.grammar.parser import parse_expression
from policyc.grammar.source import Source, Text


def checked(text: str, scope: Scope) -> ir.Node | None:
    """Return the typed expression, None if it is refused."""
    report = Report()
    source = Source("expression", text)
    expr = parse_expression(Text(text, source.whole(), 0), report)
    return None if expr is None else check(expr, scope, report)


def node_of(text: str, scope: Scope | None = None) -> ir.Node:
    """Return the typed expression of a text that must be right; by default that of a request's policy."""
    node = checked(text, traffic() if scope is None else scope)
    assert node is not None, text
    return node


def traffic() -> Scope:
    """Return the scope of a request in which no action has a result."""
    return Scope.traffic(Phase.HTTP_REQUEST, results={})


class Services:
    """Services that always answer the same."""

    def now_ns(self) -> int:
        return 1_700_000_000_000_000_000

    def random_int(self, low: int, high: int) -> int:
        return low

    def random_double(self) -> float:
        return 0.5

    def secret(self, vault: str, name: str) -> str:
        raise EvalError("no_such_secret", "no secrets in tests")

    def take(self, bucket: str, capacity: int, window_s: int) -> int:
        return 0


def exchange(
    method: str = "GET",
    target: str = "/",
    headers: Iterable[tuple[str, str]] = (),
    *,
    content_length: int | None = None,
    variables: Mapping[str, Any] | None = None,
) -> Exchange:
    """Return an exchange whose request is this."""
    lines = Headers([(name.encode(), value.encode()) for name, value in headers])
    request = Request(method, "https", "shop.example", target, lines, content_length=content_length)
    endpoint = EndpointInfo("https://shop.example", "https", "shop.example", 443)
    x = Exchange(Connection("192.0.2.7", 4000), endpoint, Services(), request)
    x.res = Response(200, Headers())
    x.vars = dict(variables or {})
    return x
