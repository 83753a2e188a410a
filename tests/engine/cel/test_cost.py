"""The bound of an expression's cost: what bombs cost, and that the bound holds at the limits of a request."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import pytest
from tests.evaluation import exchange, node_of

from policyc.engine.cel import ir
from policyc.engine.cel.cost import TURN, bill
from policyc.engine.cel.extent import listing, text
from policyc.engine.cel.fold import fold
from policyc.engine.cel.limits import ITEMS_LIMIT
from policyc.engine.cel.plan import plan
from policyc.engine.message_limits import DEFAULTS, MessageLimits
from policyc.engine.options import COST_LIMIT
from policyc.engine.values import EvalError


def units(expression: str, **known: Any) -> float:
    return bill(fold(node_of(expression)), **known).units


BOMBS = [
    "req.headers.all(a, req.headers.all(b, req.headers.all(c, a == b || b == c)))",
    "req.headers['x'].all(a, req.headers['y'].all(b, req.headers['z'].all(c, a == b || b == c)))",
    "req.headers.all(a, req.headers.all(b, req.headers.all(c, req.headers.all(d, a + b == c + d))))",
    "lists.range(100000).map(x, x + 1).size() > 1",
    "lists.range(100000).map(x, lists.range(100000)).size() > 1",
    "lists.range(1000).map(x, lists.range(1000)).flatten().sort().size() > 1",
    "lists.range(300).exists(x, lists.range(300).exists(y, x * y == 7000000))",
    "lists.range(1000).map(x, req.url.path + req.url.path).map(y, y + y).map(z, z + z).join().size() > 1",
    "req.url.path.split('').sortBy(x, req.url.path.split('').sortBy(y, y)[0]).size() > 1",
    "req.url.path.split('').map(x, req.url.path.replace(x, 'xx')).size() > 1",
    "req.url.path.replace('', req.headers['x'].join()).lower() == 'a'",
    "req.url.path.split('').all(x, req.url.path.matches('^' + x))",
    "req.headers['a'][0].matches(req.headers['b'][0])",
    "json.decode(req.headers.encodeJson()).all(k, json.decode(req.headers['x'][0]).all(j, j == k))",
    "json.decode(req.url.query).a.all(x, json.decode(x).all(y, y == 1))",
    "req.url.query_params.all(k, req.url.query_params.all(j, j == k))",
    "req.url.query_params.all(k, req.url.query_params.encodeJson() == k)",
    " || ".join(f"req.url.path.lower().matches('x[{n}]y')" for n in range(9)),
    " || ".join(f"req.headers.encodeJson().md5() == '{n}'" for n in range(40)),
    "req.url.path.split('').map(x, x + x).map(x, x + x).map(x, x + x).map(x, x.upper()).distinct() == []",
]


@pytest.mark.parametrize("expression", BOMBS)
def test_bombs_are_too_dear(expression: str) -> None:
    assert units(expression) > COST_LIMIT


HARMLESS = [
    ("req.method == 'GET' && req.url.path.startsWith('/api/')", 30),
    ("'x-api-key' in req.headers && req.headers['x-api-key'][0] == 'k'", 40),
    ("conn.client_ip in ['1.2.3.4', '5.6.7.8']", 20),
    ("size(req.url.path) > 3 + 4 * 2", 20),
    (" || ".join(f"req.host == 'h{n}.example'" for n in range(100)), 1500),
    ("inCidrRanges(conn.client_ip, ['10.0.0.0/8', '192.168.0.0/16'])", 2000),
    ("req.headers['user-agent'].exists(u, u.matches('(?i)curl|bot'))", 50_000),
    ("req.headers.exists(k, k.startsWith('x-internal-'))", 2_000),
    ("req.headers.exists(k, req.headers[k].exists(v, v.contains('<script')))", 50_000),
    ("[1, 2, 3].all(a, [1, 2].all(b, a + b > 1))", 200),
    ("rand.double() < 0.1", 40),
]


@pytest.mark.parametrize(("expression", "most"), HARMLESS)
def test_what_policies_say_is_cheap(expression: str, most: float) -> None:
    assert 0 < units(expression) < most


def test_a_long_chain_adds_up() -> None:
    one = units("req.url.path.contains('a1')")
    many = units(" || ".join(f"req.url.path.contains('a{n}')" for n in range(50)))
    assert many == pytest.approx(50 * one, rel=0.05)


def test_a_choice_costs_its_dearer_branch() -> None:
    cheap, dear = "req.host == 'a'", "req.headers.exists(k, k == 'a')"
    assert units(f"req.method == 'GET' ? {cheap} : {dear}") == pytest.approx(
        units(f"req.method == 'GET' ? {dear} : {cheap}")
    )
    assert units(f"req.method == 'GET' ? {dear} : {dear}") < 1.1 * units(dear) + 10


def test_values_of_all_headers_are_no_longer_than_the_head() -> None:
    one = units("req.headers['x'][0].contains('a')")
    nested = units("req.headers.exists(k, req.headers[k].exists(v, v.contains('a')))")
    assert nested < 10 * one, "four lines of 16 KiB, not a hundred"


def test_other_limits_of_a_message_give_another_cost() -> None:
    expression = "req.headers.all(a, req.headers.all(b, a == b))"
    wide = units(expression, limits=DEFAULTS._replace(fields=1000))
    assert wide > 50 * units(expression)
    assert units(expression, limits=MessageLimits(fields=1)) < 2000


def test_variables_cost_what_is_known_of_them() -> None:
    loop = "vars.x.all(y, y == 1)"
    assert units(loop) > ITEMS_LIMIT
    assert units(loop, variables={"x": listing(3)}) < 100
    assert units(loop, variables={}) < 100, "what nothing has set cannot be read"
    assert units("vars['x'].contains('a')", variables={"x": text(1000)}) < 400


# --- the explanation ----------------------------------------------------------------------------------------


def test_the_dearest_part_is_named_with_the_turns_of_its_loops() -> None:
    dearest = bill(node_of(BOMBS[0])).dearest()
    assert dearest.node.span.text == "a == b || b == c"
    assert dearest.turns == (100, 100, 100)


def test_a_dear_call_is_named_without_turns() -> None:
    dearest = bill(node_of("req.method == 'GET' && req.url.path.md5() == hash.crc64(req.url.path)")).dearest()
    assert dearest.node.span.text == "hash.crc64(req.url.path)"
    assert dearest.turns == ()


def test_where_no_part_stands_out_the_whole_is_named() -> None:
    node = node_of(" || ".join(f"req.host == '{n}'" for n in range(10)))
    assert bill(node).dearest().node is node


# --- the promise --------------------------------------------------------------------------------------------

COMMAS = [("x", "," * 16_000)] * 4
MANY = [(f"x{n}", "v" * 640) for n in range(100)]
SAME = [("x", "a" * 640)] * 100
QUERY = "/?" + "&".join(f"{n:x}" for n in range(4000))
REPEATED = "/?" + "a&" * 8000
COOKIES = [("cookie", ";".join(f"{n:x}={i}" for n in range(2500))) for i in range(4)]
NUMBERS = [("x", "[" + "1," * 8000 + "1]")]
NESTED = [("x", "[" * 99 + "]" * 99)]
MESSAGES = [
    exchange(target=target, headers=headers)
    for target, headers in [
        ("/" + "a" * 16_000, MANY), ("/" + "/" * 16_000, COMMAS), (QUERY, SAME), (REPEATED, COOKIES),
        ("/a", NUMBERS), ("/%20%20", NESTED),
    ]
]  # fmt: skip

LOOPS = [
    "req.headers.all(a, req.headers.all(b, a == b || a != b))",
    "req.headers.all(k, req.headers[k].all(v, v != 'b'))",
    "req.headers['x'].exists(v, v.split(',').exists(p, p == 'a'))",
    "req.headers['x'].map(v, v.split(',')).map(l, l.map(p, p + 'x')).size() > 0",
    "req.url.path.split('/').map(p, p + 'a').filter(p, p != 'b').map(p, p.size()).sort().size() > 1",
    "req.url.query_params.all(k, req.url.query_params[k].all(v, v != 'b'))",
    "req.cookies.all(k, req.cookies[k].all(c, c.value != 'b'))",
    "json.decode(req.headers['x'][0]).all(n, n != 2)",
    "req.headers['x'][0].split('').sortBy(c, c).exists_one(c, c == 'a')",
    "lists.range(200).all(n, lists.range(200).all(m, n + m >= 0))",
    "lists.range(20).map(n, lists.range(n)).flatten().map(n, lists.range(n)).flatten().all(n, n >= 0)",
    "[[1, 2], [3]].all(l, l.all(n, [n, n].all(m, m > 0)))",
    "req.headers.map(k, req.headers[k]).all(l, l.all(v, v.size() >= 0))",
]


def turns_of(node: ir.Node, x: Any) -> int:
    """Return how many turns the loops of an expression take over an exchange."""
    bodies: set[int] = set()

    def collect(inner: ir.Node) -> None:
        if isinstance(inner, ir.Loop):
            bodies.add(id(inner.body))
        for child in ir.children(inner):
            collect(child)

    collect(node)
    count = 0

    def watch(seen: ir.Node, _value: object) -> None:
        nonlocal count
        count += id(seen) in bodies

    with suppress(EvalError):  # a header that this message does not have, or a result that grew too large
        plan(node, watch)(x, {})
    return count


@pytest.mark.parametrize("expression", LOOPS)
def test_loops_take_no_more_turns_than_their_bound_pays_for(expression: str) -> None:
    node = fold(node_of(expression))
    cost = bill(node)
    assert cost.units <= COST_LIMIT
    counted = [turns_of(node, x) for x in MESSAGES]
    assert 0 < max(counted) <= cost.units / TURN


def sizes_within(value: Any) -> Iterable[tuple[int, int]]:
    """Give (characters, values) of everything in a value; a record is one value (cel/extent.py)."""
    if isinstance(value, str | bytes):
        yield len(value), 0
    elif isinstance(value, list | tuple):
        yield 0, len(value)
        for item in value:
            yield from sizes_within(item)
    elif isinstance(value, dict) and {"same_site", "scheme"} & value.keys():
        yield from (size for item in value.values() if isinstance(item, str) for size in sizes_within(item))
    elif isinstance(value, dict):
        yield 0, len(value)
        for key, item in value.items():
            yield from sizes_within(key)
            yield from sizes_within(item)


@pytest.mark.parametrize(
    "expression",
    [
        *LOOPS,
        "req.headers.encodeJson()", "req.url.query_params.encodeJson()", "req.url.path.replace('a', 'bbb')",
        "req.headers['x'].join(', ')", "url.escape(req.url.path)", "req.url.path.encodeBase64()",
        "req.url.path.split('/')", "req.url.query.decodeQueryString()", "url.parse(req.url)",
        "strings.quote(req.headers['x'][0])", "'%s %x'.format([req.url.path, req.url.path])",
        "req.headers.map(k, req.headers[k]).flatten()", "req.headers['x'][0].split(',', 3)",
        "req.headers['x'] + req.headers['x']", "[req.url.path, req.url.query, req.host].join('/')",
        "{'a': req.url.path, 'b': req.headers['x']}", "getReqHeader('x')", "getReqCookie('1').value",
        "json.decode(req.headers['x'][0])", "req.url.path.substring(0, 3)", "req.url.path.indexOf('a')",
        "size(req.headers) * 2 - 1", "req.content_encoding", "req.cookies", "req.headers.map(k, size(k))",
        "req.url.path == '/' ? req.url.query : req.url.path + 'x'", "lists.range(10).map(n, n * 3 - 4)",
        "req.headers['x'].map(v, v.upper())", "req.url.path.split('').distinct().slice(0, 2)",
        "req.headers.filter(k, k != 'a')", "req.url.port % 7", "hash.sha512(req.url.path)",
    ],
)  # fmt: skip
def test_no_value_is_larger_than_its_extent(expression: str) -> None:
    """Every value that any part of the expression has, over messages at the limits."""
    node = fold(node_of(expression))
    extent = bill(node).extent
    for x in MESSAGES:
        try:
            value = plan(node)(x, {})
        except EvalError:
            continue
        sizes = list(sizes_within(value))
        assert sum(characters for characters, _ in sizes) <= extent.characters.most
        assert sum(values for _, values in sizes) <= extent.values.most
        assert max((characters for characters, _ in sizes), default=0) <= extent.widest
        if isinstance(value, str | bytes | list | dict):
            assert len(value) <= extent.length.most
        if type(value) is int:
            assert extent.low <= value <= extent.high
        if isinstance(value, list) and value and type(value[0]) is int:
            assert extent.low <= min(value) <= max(value) <= extent.high
