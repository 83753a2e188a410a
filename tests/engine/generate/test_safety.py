"""Which expressions never fail: conditions rest on it."""

from __future__ import annotations

from typing import cast

import pytest
from tests.evaluation import exchange, node_of

from policyc.engine.cel import ir
from policyc.engine.cel.plan import plan
from policyc.engine.cel.scope import Scope
from policyc.engine.generate import safety
from policyc.engine.types import BOOL, DYN, INT, STRING, Type, list_of, map_of
from policyc.engine.values import EvalError

CEL: dict[str, Type] = {
    "number": INT,
    "text": STRING,
    "odd": DYN,
    "flag": BOOL,
    "names": map_of(STRING, INT),
    "odds": map_of(DYN, INT),
    "list": list_of(INT),
}

SAFE = [
    "req.host",
    "conn.tls.sni",
    "conn.geo.city",
    "has(req.headers.a)",
    "req.host == 'a' && !(req.method == 'b')",
    "req.host.startsWith(req.method) || 'a' in req.headers",
    "size(req.headers) > 1",
    "rand.int(1, 5) > 2",
    "rand.int() > 2",
    "req.host.matches('a+')",
    "req.host == 'a' ? 1 : 2",
    "[req.host, req.method]",
    "{'a': req.host}",
    "req.url.query_params.all(k, k != '')",
    "req.headers.map(h, h != 'a', h)",
    "[1, 2].exists(n, n > 1)",
]

UNSAFE = [
    "vars.x",
    "vars.x == 1",
    "req.headers['a']",
    "req.headers['a'][0]",
    "!(req.headers['a'][0] == 'b')",
    "req.host == 'a' && req.headers['a'][0] == 'b'",
    "req.headers['a'].exists(v, v == 'b')",
    "conn.client_port + 1",
    "-conn.client_port",
    "'a' + req.host",
    "rand.int(5, 1)",
    "rand.int(1, conn.client_port)",
    "req.host.matches(req.method)",
    "req.headers['a'][0] == 'b' ? 1 : 2",
    "{'a': 1, 'a': 2}",
    "{req.host: 1}",
    "{1: 2}",
    "[1].map(n, n + 1)",
    "[1].exists(n, 1 / n > 0)",
    "[3, 1].sortBy(n, n)",
]


@pytest.mark.parametrize("text", SAFE)
def test_what_is_safe_gives_a_value_even_of_empty_traffic(text: str) -> None:
    node = node_of(text)
    assert safety.is_safe(node)
    plan(node)(exchange("", ""), {})


@pytest.mark.parametrize("text", UNSAFE)
def test_what_may_fail_is_not_safe(text: str) -> None:
    assert not safety.is_safe(node_of(text))


@pytest.mark.parametrize("text", ["rand.int(5, 1)", "{'a': 1, 'a': 2}", "req.headers['a'][0]"])
def test_what_is_not_safe_does_fail(text: str) -> None:
    with pytest.raises(EvalError):
        plan(node_of(text))(exchange(), {})


def test_a_local_is_safe_where_it_has_a_value() -> None:
    loop = cast("ir.Loop", node_of("[1].exists(n, n > 1)"))
    assert not safety.is_safe(loop.body)
    assert safety.is_safe(loop.body, frozenset({loop.key}))


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("names['a']", True),
        ("names[text]", True),
        ("names[odd]", False),
        ("odds['a']", False),
        ("list[0]", False),
    ],
)
def test_a_key_is_known_where_pythons_look_up_is_cels(text: str, known: bool) -> None:
    assert safety.is_key_known(cast("ir.At", node_of(text, Scope.cel(CEL)))) is known


def test_headers_are_read_by_texts() -> None:
    assert safety.is_key_known(cast("ir.At", node_of("req.headers['a']")))


@pytest.mark.parametrize(("text", "position"), [("0", True), ("7", True), ("number", False), ("'a'", False)])
def test_a_position_is_a_constant_that_counts_from_the_start(text: str, position: bool) -> None:
    assert safety.is_position(node_of(text, Scope.cel(CEL))) is position


def test_a_position_is_no_bool_and_does_not_count_from_the_end() -> None:
    span = node_of("1").span
    assert not safety.is_position(ir.Const(-1, INT, span))
    assert not safety.is_position(ir.Const(True, BOOL, span))


@pytest.mark.parametrize(
    ("text", "plain"),
    [("{'a': 1, 'b': 2}", True), ("{}", True), ("{'a': 1, 'a': 2}", False), ("{text: 1}", False)],
)
def test_plain_keys_are_different_constant_texts(text: str, plain: bool) -> None:
    node = node_of(text, Scope.cel(CEL))
    assert isinstance(node, ir.MakeMap)
    assert safety.has_plain_keys(node) is plain
