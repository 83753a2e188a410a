"""Loops that only look for a value."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.evaluation import exchange, node_of

from policyc.engine.cel.plan import plan
from policyc.engine.cel.show import show
from policyc.engine.generate.expression import compile_value
from policyc.engine.optimise.loops import look_in_lists
from policyc.engine.optimise.passes import optimise
from policyc.engine.values import EvalError


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("req.headers['x'].exists(u, u == 'a')", "'a' in req.headers['x']"),
        ("req.headers['x'].exists(u, req.method == u)", "req.method in req.headers['x']"),
        ("req.headers['x'].all(u, u != 'a')", "!('a' in req.headers['x'])"),
        ("req.headers['x'].all(u, !(u == 'a'))", "!('a' in req.headers['x'])"),
        ("req.headers.exists(name, name == 'x')", "'x' in req.headers"),
        ("req.url.query_params.exists(k, k == 'X')", "'X' in req.url.query_params"),
        (
            "req.headers['x'].exists(u, u == 'a' || u in ['b', 'c'])",
            "any of req.headers['x'] in {'a', 'b', 'c'}",
        ),
        ("[1, 2].exists(i, i == conn.client_port)", "conn.client_port in [1, 2]"),
    ],
)
def test_such_loops_become_look_ups(text: str, want: str) -> None:
    assert show(optimise(node_of(text))) == want


@pytest.mark.parametrize(
    "text",
    [
        "req.headers['x'].exists(u, u == u)",
        "req.headers['x'].exists(u, u != 'a')",
        "req.headers['x'].exists(u, u == vars.a)",
        "req.headers['x'].exists(u, u == req.headers['y'][0])",
        "req.headers['x'].exists(u, u.contains('a'))",
        "req.headers['x'].exists_one(u, u == 'a')",
        "vars.l.exists(u, u == 'a')",
        "[1.5].exists(d, d == 1.5)",
        "[dyn(1)].exists(d, d == 1)",
        "req.headers['x'].exists(u, req.headers['y'].exists(v, v == u))",
    ],
)
def test_other_loops_stay(text: str) -> None:
    node = node_of(text)
    assert look_in_lists(node) is node


def told(run: Callable[..., object], *args: object) -> object:
    """Return the value, or the kind of the error."""
    try:
        return run(*args)
    except EvalError as error:
        return error.kind


@pytest.mark.parametrize(
    "text",
    [
        "req.headers['x'].exists(u, u == 'a')",
        "req.headers['x'].all(u, u != 'a')",
        "req.headers['x'].exists(u, u == 'a' || u == 'b')",
        "req.headers.exists(name, name == 'X')",
    ],
)
def test_look_ups_give_what_the_loop_gave(text: str) -> None:
    node = node_of(text)
    made = optimise(node)
    assert made is not node
    for lines in ([], [("x", "a")], [("x", "c"), ("x", "b")], [("X", "")]):
        want = told(plan(node), exchange(headers=lines), {})
        assert told(plan(made), exchange(headers=lines), {}) == want
        assert told(compile_value(made), exchange(headers=lines)) == want
