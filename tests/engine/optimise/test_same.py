"""When two expressions are the same."""

from __future__ import annotations

import pytest
from tests.evaluation import node_of

from policyc.engine.cel import ir
from policyc.engine.optimise.passes import optimise
from policyc.engine.optimise.same import chance, is_repeatable, key_of
from policyc.engine.types import INT


@pytest.mark.parametrize(
    "text",
    [
        "req.method",
        "req.headers['x'][0] == 'a'",
        "has(vars.a.b)",
        "req.headers['x'].exists(u, u.contains('a'))",
        "{'a': [1, 2u, 1.5, b'x', null]}",
        "!(vars.a ? true : false)",
        "req.host.matches('a+')",
        "req.method in ['a', 'b', 'c', 'd', 'e', 'f']",
    ],
)
def test_what_is_written_alike_has_one_key(text: str) -> None:
    for make in (node_of, lambda t: optimise(node_of(t))):
        key = key_of(make(text))
        assert key is not None
        assert key == key_of(make(text))
        assert hash(key) == hash(key_of(make(text)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("req.method", "req.host"),
        ("req.method == 'a'", "req.method == 'b'"),
        ("vars.a == 1", "vars.a == 1.0"),
        ("vars.a == 1", "vars.a == 1u"),
        ("vars.a == 1", "vars.a == true"),
        ("vars.a == '1'", "vars.a == 1"),
        ("has(vars.a)", "vars.a == vars.a"),
        ("['a'].exists(u, u == 'a')", "['a'].all(u, u == 'a')"),
        ("req.headers['x'][0]", "req.headers['x'][1]"),
        ("req.method == 'a' && vars.b == 'b'", "req.method == 'a' || vars.b == 'b'"),
    ],
)
def test_what_is_written_otherwise_has_another_key(one: str, other: str) -> None:
    assert key_of(node_of(one)) != key_of(node_of(other))


def test_negative_zero_is_not_zero() -> None:
    span = node_of("1").span
    zero, negative = (ir.Const(value, INT, span) for value in (0.0, -0.0))
    assert key_of(zero) != key_of(negative)


def test_chance_is_never_the_same() -> None:
    assert key_of(node_of("rand.int(0, 9)")) is None
    assert key_of(node_of("req.method == 'a' && rand.double() < 0.5")) is None
    assert not is_repeatable(node_of("secrets.get('a', 'b') == 'c'"))
    assert is_repeatable(node_of("getReqHeader('x')[0] == 'c'"))
    assert {"rand.int", "rand.double", "secrets.get"} <= chance()
