"""Chains of equalities as look-ups in sets."""

from __future__ import annotations

import pytest
from tests.evaluation import exchange, node_of

from policyc.engine.cel import ir
from policyc.engine.cel.plan import plan
from policyc.engine.cel.scope import Scope
from policyc.engine.cel.show import show
from policyc.engine.optimise.flatten import flatten
from policyc.engine.optimise.membership import use_sets
from policyc.engine.optimise.passes import optimise
from policyc.engine.types import BOOL, DOUBLE, INT, UINT
from policyc.engine.values import EvalError


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("req.method == 'a' || req.method == 'b'", "req.method in {'a', 'b'}"),
        ("'a' == req.method || req.method == 'a'", "req.method in {'a'}"),
        (
            "req.method == 'a' || req.host == 'h' || req.method in ['b', 'c']",
            "req.method in {'a', 'b', 'c'} || req.host == 'h'",
        ),
        ("req.method in ['a', 'b']", "req.method in {'a', 'b'}"),
        ("req.method != 'a' && !(req.method in ['b'])", "!(req.method in {'a', 'b'})"),
        ("conn.client_port == 80 || conn.client_port == 443", "conn.client_port in {443, 80}"),
        ("vars.a == 'x' || vars.a == 'y'", "vars.a in ('x', 'y')"),
        ("req.url == 'x' || req.url == 'y'", "req.url in {'x', 'y'}"),
    ],
)
def test_equalities_of_one_value_become_a_set(text: str, want: str) -> None:
    assert show(optimise(node_of(text))) == want


@pytest.mark.parametrize(
    "text",
    [
        "req.method == 'a'",
        "req.method == 'a' && req.method == 'b'",
        "req.method != 'a' || req.method != 'b'",
        "req.method == 'a' || req.host == 'a'",
        "rand.int(0, 9) == 1 || rand.int(0, 9) == 2",
        "vars.a == 1 || vars.a == 2",
        "req.method == req.host || req.method == req.version",
    ],
)
def test_other_chains_stay(text: str) -> None:
    node = flatten(node_of(text))
    assert show(use_sets(node)) == show(node)


@pytest.mark.parametrize(
    "text", ["d == 1.0 || d == 2.0", "u == 1u || u == 2u", "i in [1u, 2u].map(x, int(x))"]
)
def test_numbers_of_other_types_are_left_alone(text: str) -> None:
    node = node_of(text, Scope.cel({"d": DOUBLE, "u": UINT, "i": INT}))
    assert show(use_sets(node)) == show(node)


def test_bools_are_no_ints() -> None:
    node = node_of("b in [true]", Scope.cel({"b": BOOL}))
    assert use_sets(node) is node


def test_dyn_without_a_hash_is_compared() -> None:
    node = optimise(node_of("vars.a == 'x' || vars.a == 'y'"))
    run = plan(node)
    assert run(exchange(variables={"a": ["x"]}), {}) is False
    assert run(exchange(variables={"a": "y"}), {}) is True
    with pytest.raises(EvalError):
        run(exchange(), {})


def test_set_of_hundreds_is_one_constant() -> None:
    chain = " || ".join(f"req.host == 'h{i}'" for i in range(500))
    node = optimise(node_of(chain))
    assert isinstance(node, ir.Apply)
    values = node.args[1]
    assert isinstance(values, ir.Const)
    assert isinstance(values.value, frozenset)
    assert len(values.value) == 500
