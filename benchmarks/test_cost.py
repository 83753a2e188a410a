"""Question: what does a unit of an expression's static cost take?

Each expression runs over a request that is about as dear for it as the limits allow, and the time of an
evaluation is divided by the units that `check` reckons with (engine/cel/cost.py). About 10 ns are meant. The
bound is one for the worst arguments, so that most come out below; none may come out far above.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
from benchmarks.test_expressions import checked
from pytest_benchmark.fixture import BenchmarkFixture

from policyc.engine.cel.cost import bill
from policyc.engine.generate.expression import compile_value
from policyc.engine.traffic import Connection, Exchange, Headers, Request

FAR_ABOVE_NS = 50.0

Line = tuple[bytes, bytes]
MANY: list[Line] = [(b"x%d" % n, b"v" * 640) for n in range(100)]
SAME: list[Line] = [(b"x", b"v" * 640)] * 100
LONG: list[Line] = [(b"x", b"v" * 16_000)] * 4
COMMAS: list[Line] = [(b"x", b"," * 16_000)] * 4
NUMBERS: list[Line] = [(b"x", b"[" + b"1," * 8_000 + b"1]")]
COOKIES: list[Line] = [(b"cookie", b";".join(b"%x=" % n for n in range(3_300)))] * 4
PATH = "/" + "a" * 16_000
QUERY = "/?" + "&".join(f"{n:x}" for n in range(3_500))


class Case(NamedTuple):
    """An expression and the request that makes it dear."""

    expression: str
    lines: list[Line] = MANY
    target: str = "/"


CASES = {
    "two_equalities": Case("req.method == 'POST' || req.host == 'other.example'"),
    "names": Case("req.headers.exists(k, k.startsWith('y-'))"),
    "pairs_of_names": Case("req.headers.exists(a, req.headers.exists(b, a == b && a == 'x'))"),
    "all_values": Case("req.headers.exists(k, req.headers[k].exists(v, v.contains('<script')))"),
    "pattern": Case("req.headers['x'].exists(v, v.matches('c[a-z]rl|b[a-z]t'))", SAME),
    "pattern_of_long_values": Case("req.headers['x'].exists(v, v.matches('c[a-z]rl|b[a-z]t'))", LONG),
    "commas": Case("req.headers['x'].exists(v, v.split(',').exists(p, p.trim() == 'a'))", COMMAS),
    "query": Case(
        "req.url.query_params.exists(k, req.url.query_params[k].exists(v, v == 'c'))", target=QUERY
    ),
    "cookies": Case("req.cookies.exists(k, req.cookies[k].exists(c, c.value == 'a'))", COOKIES),
    "json": Case("json.decode(req.headers['x'][0]).exists(n, n == 2)", NUMBERS),
    "made_of_letters": Case(
        "req.url.path.split('').map(c, c.upperAscii()).join('-').size() == 1", target=PATH
    ),
    "numbers": Case("lists.range(50000).map(n, n + 1).exists(n, n < 0)"),
    "sorted": Case("lists.range(5000).sortBy(n, 0 - n).size() == 1"),
    "digest": Case("hash.sha256(req.url.path) == 'a' || hash.crc64(req.url.path) == 'a'", target=PATH),
    "replaced": Case("req.url.path.replace('a', 'bb').size() == 1", target=PATH),
}


@pytest.mark.parametrize("name", list(CASES))
def test_unit(benchmark: BenchmarkFixture, make_exchange: Callable[[], Exchange], name: str) -> None:
    case = CASES[name]
    node = checked(case.expression)
    units = bill(node).units
    made = make_exchange()
    request = Request("GET", "https", "api.example.test", case.target, Headers(case.lines))
    x = Exchange(Connection("192.0.2.7", 4000), made.endpoint, made.services, request)
    run = compile_value(node)
    benchmark.group = "ns per unit of cost"
    assert benchmark(run, x) is False
    benchmark.extra_info["units"] = units
    if benchmark.stats is not None:
        each = benchmark.stats.stats.median * 1e9 / units
        benchmark.extra_info["ns_per_unit"] = each
        print(f"{name:<24} {units:>10,.0f} units  {each:6.2f} ns per unit")
        assert each < FAR_ABOVE_NS
