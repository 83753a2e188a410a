"""Question: what does one expression cost, against Python written by hand and against other engines?

Six expressions over the same records, what they read worked out before. `generated` is what a policy runs,
`by_hand` the lambda that a person would write for the same expression over the same records, `closures` the
plain evaluator that serves as its oracle, `cel_cpp` Google's implementation with a prepared activation,
`cel_python` the reference implementation's transpiler with the conversion that every request needs.

`test_ratios` measures all of them in turns and holds the ratios that are promised.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from benchmarks import engines
from benchmarks.ratios import geometric_mean, measure, table
from pytest_benchmark.fixture import BenchmarkFixture

from policyc.engine.cel.check import check
from policyc.engine.cel.ir import Node
from policyc.engine.cel.plan import plan
from policyc.engine.cel.scope import Scope
from policyc.engine.generate.expression import compile_value
from policyc.engine.optimise.passes import optimise
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


BOTS = re.compile("(?i)curl|bot")

# The chain of hosts is a chain here too: nobody told the person to make a set of it.
BY_HAND: dict[str, Callable[..., bool]] = {
    "path_and_method": lambda x: x.req.url_path.startswith("/api/") and x.req.method == "GET",
    "header": lambda x: "x-api-key" in x.req.headers.map and x.req.headers.map["x-api-key"][0] == "k",
    "address_in_list": lambda x: x.conn.client_ip in ("1.2.3.4", "5.6.7.8"),
    "header_matches": lambda x: any(BOTS.search(u) for u in x.req.headers.map["user-agent"]),
    "arithmetic": lambda x: len(x.req.url_path) > 3 + 4 * 2,
    "twenty_terms": eval("lambda x: " + " or ".join(f"x.req.host == {host!r}" for host in HOSTS)),
}


def checked(source: str) -> Node:
    """Return an expression, typed and optimised, as a policy's request phase has it."""
    return optimise(typed(source))


def typed(source: str) -> Node:
    """Return an expression, typed, as it was written."""
    document = Source("expression", source)
    report = Report()
    tree = parse_expression(Text(source, document.whole(), 0), report)
    assert tree is not None, list(report)
    scope = Scope.traffic(phase=Phase.HTTP_REQUEST, protocol=Protocol.HTTPS, binding=Binding.PUBLIC)
    node = check(tree, scope, report)
    assert node is not None, list(report)
    return node


@pytest.fixture(params=list(EXPRESSIONS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def x(make_exchange: Callable[[], Exchange]) -> Exchange:
    """Return the measured request with everything worked out that the expressions read."""
    x = make_exchange()
    for source in EXPRESSIONS.values():
        plan(checked(source))(x, {})
    return x


def test_generated(benchmark: BenchmarkFixture, name: str, x: Exchange) -> None:
    benchmark.group = name
    assert benchmark(compile_value(checked(EXPRESSIONS[name])), x) is BY_HAND[name](x)


def test_closures(benchmark: BenchmarkFixture, name: str, x: Exchange) -> None:
    benchmark.group = name
    assert benchmark(plan(checked(EXPRESSIONS[name])), x, {}) is BY_HAND[name](x)


def test_by_hand(benchmark: BenchmarkFixture, name: str, x: Exchange) -> None:
    benchmark.group = name
    assert isinstance(benchmark(BY_HAND[name], x), bool)


def test_cel_python(benchmark: BenchmarkFixture, name: str, x: Exchange) -> None:
    benchmark.group = name
    assert benchmark(engines.cel_python(EXPRESSIONS[name], x)) is BY_HAND[name](x)


def test_cel_cpp(benchmark: BenchmarkFixture, name: str, x: Exchange) -> None:
    benchmark.group = name
    assert benchmark(engines.cel_cpp(EXPRESSIONS[name], x)) is BY_HAND[name](x)


def contestants(source: str, by_hand: Callable[..., bool], x: Exchange) -> dict[str, Callable[[], object]]:
    """Return all that evaluate an expression, called in the same way; a peer that is missing is left out."""
    generated = compile_value(checked(source))
    found: dict[str, Callable[[], object]] = {
        "generated": lambda: generated(x),
        "by_hand": lambda: by_hand(x),
    }
    for make in (engines.cel_cpp, engines.cel_python):
        try:
            found[make.__name__] = make(source, x)
        except pytest.skip.Exception as missing:
            print(f"without {make.__name__}: {missing}")
    return found


def test_ratios(benchmark: BenchmarkFixture, x: Exchange) -> None:
    """Generated code takes at most 1.2 times what lambdas take, peers 10 and 100 times that."""
    is_measured = not benchmark.disabled
    rows = {}
    for name, source in EXPRESSIONS.items():
        running = contestants(source, BY_HAND[name], x)
        assert len({bool(run()) for run in running.values()}) == 1
        if is_measured:
            rows[name] = measure(running)
    if not is_measured:
        benchmark(lambda: None)
        return
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    print("\n" + table(rows, columns))
    ratios = {
        column: geometric_mean([row[column] / row["generated"] for row in rows.values() if column in row])
        for column in columns
    }
    for column, ratio in ratios.items():
        print(f"{column:<12} takes {ratio:8.2f} times what generated code takes")
    benchmark.extra_info["ns"] = rows
    benchmark.extra_info["ratios"] = ratios
    benchmark(lambda: None)
    assert 1 / ratios["by_hand"] <= 1.2
    assert ratios.get("cel_cpp", 10) >= 10
    assert ratios.get("cel_python", 100) >= 100
