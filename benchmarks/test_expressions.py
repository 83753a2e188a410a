"""Question: what does one expression cost, against cel-python and against Python written by hand?

Six expressions over the same records. `generated` is what a policy runs, `closures` the plain evaluator that
serves as its oracle, `by_hand` the function a person would write, `cel_python` the reference implementation,
whose activation is made before the clock starts.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from policyc.engine.cel.check import check
from policyc.engine.cel.fold import fold
from policyc.engine.cel.ir import Node
from policyc.engine.cel.plan import plan
from policyc.engine.cel.scope import Scope
from policyc.engine.generate.expression import compile_value
from policyc.engine.phases import Binding, Phase, Protocol
from policyc.engine.traffic import Exchange
from policyc.grammar.diagnostic import Report
from policyc.grammar.parser import parse_expression
from policyc.grammar.source import Source, Text

HOSTS = [f"h{i}.example.test" for i in range(20)]

EXPRESSIONS = {
    "path_and_method": "req.url.path.startsWith('/api/') && req.method == 'GET'",
    "header": "'x-api-key' in req.headers && req.headers['x-api-key'][0] == 'k'",
    "address_in_list": "conn.client_ip in ['1.2.3.4', '5.6.7.8']",
    "header_matches": "req.headers['user-agent'].exists(u, u.matches('(?i)curl|bot'))",
    "arithmetic": "size(req.url.path) > 3 + 4 * 2",
    "twenty_terms": " || ".join(f"req.host == '{host}'" for host in HOSTS),
}


def _path_and_method(x: Exchange) -> bool:
    return _path(x).startswith("/api/") and x.req.method == "GET"


def _header(x: Exchange) -> bool:
    headers = x.req.headers.as_map()
    return "x-api-key" in headers and headers["x-api-key"][0] == "k"


def _address_in_list(x: Exchange) -> bool:
    return x.conn.client_ip in ("1.2.3.4", "5.6.7.8")


def _header_matches(x: Exchange) -> bool:
    return any("curl" in u.lower() or "bot" in u.lower() for u in x.req.headers.as_map()["user-agent"])


def _arithmetic(x: Exchange) -> bool:
    return len(_path(x)) > 11


def _twenty_terms(x: Exchange) -> bool:
    return x.req.host in _HOSTS


_HOSTS = frozenset(HOSTS)

BY_HAND: dict[str, Callable[[Exchange], bool]] = {
    "path_and_method": _path_and_method,
    "header": _header,
    "address_in_list": _address_in_list,
    "header_matches": _header_matches,
    "arithmetic": _arithmetic,
    "twenty_terms": _twenty_terms,
}


def _path(x: Exchange) -> str:
    path = x.req.url_path
    if path is None:
        path = x.req.url_path = x.req.target.partition("?")[0]
    return path


def checked(source: str) -> Node:
    """Return an expression, typed and folded, as a policy's request phase has it."""
    document = Source("expression", source)
    report = Report()
    tree = parse_expression(Text(source, document.whole(), 0), report)
    assert tree is not None, list(report)
    scope = Scope.traffic(phase=Phase.HTTP_REQUEST, protocol=Protocol.HTTPS, binding=Binding.PUBLIC)
    node = check(tree, scope, report)
    assert node is not None, list(report)
    return fold(node)


@pytest.fixture(params=list(EXPRESSIONS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_generated(benchmark: BenchmarkFixture, name: str, make_exchange: Callable[[], Exchange]) -> None:
    benchmark.group = name
    x = make_exchange()
    assert benchmark(compile_value(checked(EXPRESSIONS[name])), x) is BY_HAND[name](make_exchange())


def test_closures(benchmark: BenchmarkFixture, name: str, make_exchange: Callable[[], Exchange]) -> None:
    benchmark.group = name
    x = make_exchange()
    assert benchmark(plan(checked(EXPRESSIONS[name])), x, {}) is BY_HAND[name](make_exchange())


def test_by_hand(benchmark: BenchmarkFixture, name: str, make_exchange: Callable[[], Exchange]) -> None:
    benchmark.group = name
    assert isinstance(benchmark(BY_HAND[name], make_exchange()), bool)


def test_cel_python(benchmark: BenchmarkFixture, name: str, make_exchange: Callable[[], Exchange]) -> None:
    import celpy
    from celpy.adapter import json_to_cel

    benchmark.group = name
    x = make_exchange()
    environment = celpy.Environment()
    program = environment.program(environment.compile(EXPRESSIONS[name]))
    activation = json_to_cel(
        {
            "req": {
                "method": x.req.method,
                "host": x.req.host,
                "url": {"path": _path(x)},
                "headers": x.req.headers.as_map(),
            },
            "conn": {"client_ip": x.conn.client_ip},
        }
    )
    assert bool(benchmark(program.evaluate, activation)) is BY_HAND[name](make_exchange())
