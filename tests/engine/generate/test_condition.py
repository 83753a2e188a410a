"""Conditions as Python: three values, no exceptions for what can be foreseen."""

from __future__ import annotations

from typing import Any

import pytest
from tests.evaluation import exchange, node_of

from policyc.engine.cel import ir
from policyc.engine.cel.scope import Scope
from policyc.engine.function import Dialect
from policyc.engine.generate import condition
from policyc.engine.generate.condition import Condition
from policyc.engine.generate.expression import reads
from policyc.engine.generate.module import Body, Module
from policyc.engine.generate.safety import TOTAL, is_safe


def compiled(text: str) -> tuple[Any, str, bool]:
    """Return the condition as a function of the exchange, its source, and whether it may fail."""
    node = node_of(text)
    module = Module()
    body = Body(module, reads(node))
    code, may_fail = Condition(body).of(node)
    module.write("condition", ["x"], body, [f"return {code}"])
    return module.load("test")["condition"], module.source, may_fail


def test_condition_that_cannot_fail_is_plain_python() -> None:
    run, source, may_fail = compiled("req.url.path.startsWith('/a') && req.method == 'GET'")
    assert not may_fail
    assert "try" not in source
    assert run(exchange("GET", "/ab")) is True
    assert run(exchange("POST", "/ab")) is False


def test_missing_header_is_an_error_without_an_exception() -> None:
    run, source, may_fail = compiled("req.headers['x-a'][0] == 'k'")
    assert may_fail
    assert "try" not in source
    assert run(exchange()) is None
    assert run(exchange(headers=[("X-A", "k")])) is True
    assert run(exchange(headers=[("X-A", "l")])) is False


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("req.headers['x-a'][0] == 'k' && req.method == 'POST'", False),
        ("req.method == 'POST' && req.headers['x-a'][0] == 'k'", False),
        ("req.headers['x-a'][0] == 'k' && req.method == 'GET'", None),
        ("req.headers['x-a'][0] == 'k' || req.method == 'GET'", True),
        ("req.headers['x-a'][0] == 'k' || req.method == 'POST'", None),
        ("!(req.headers['x-a'][0] == 'k')", None),
        ("!(req.headers['x-a'][0] == 'k' && req.method == 'POST')", True),
        ("(req.headers['x-a'][0] == 'k' ? true : true)", None),
        ("(req.method == 'GET' ? true : req.headers['x-a'][0] == 'k')", True),
        ("(req.method == 'POST' ? true : req.headers['x-a'][0] == 'k')", None),
        ("int(req.url.path) > 3 || req.method == 'GET'", True),
        ("int(req.url.path) > 3 && req.method == 'POST'", False),
        ("int(req.url.path) > 3", None),
        ("req.headers['x-a'].exists(v, v == 'k') || req.method == 'GET'", True),
        ("['a', '/b'].exists(v, int(v) == 1 || v == '/b')", True),
        ("['a', '/b'].exists(v, int(v) == 1)", None),
        ("['a', '1'].all(v, int(v) == 2)", False),
        ("['a', '2'].all(v, int(v) == 2)", None),
        ("vars.flag", None),
        ("vars.flag || true", True),
        ("vars.n == 1 && has(vars.n)", False),
        ("req.ts.body_received > timestamp(0) || req.method == 'GET'", True),
        ("req.ts.body_received > timestamp(0)", None),
        ("req.headers['x-a'][size(req.headers)] == 'a'", None),
    ],
)
def test_errors_are_absorbed_as_cel_says(text: str, want: bool | None) -> None:
    run, _, _ = compiled(text)
    assert run(exchange("GET", "/b")) is want


def test_value_that_is_no_bool_is_an_error() -> None:
    run, _, _ = compiled("vars.flag")
    assert run(exchange(variables={"flag": True})) is True
    assert run(exchange(variables={"flag": 1})) is None


def test_read_behind_an_operand_that_may_not_run_is_not_counted_on() -> None:
    # The inner `&&` stops at a missing header, before it reads the path; the outer `||` reads it then.
    run, _, _ = compiled(
        "(req.headers['x-a'][0] == 'k' && req.url.path == '/b')"
        " || (req.url.path == '/c' || req.url.path == '/a')"
    )
    assert run(exchange(target="/a", headers=[("x-a", "no")])) is True


def test_guard_reads_before_the_value_does() -> None:
    run, _, _ = compiled("size(req.headers) == 1 && size(req.headers) < size(req.headers['x-a'])")
    assert run(exchange(headers=[("x-a", "1"), ("x-a", "2")])) is True
    assert run(exchange(headers=[("x-b", "1")])) is None


def test_locals_reach_the_slow_path() -> None:
    run, source, _ = compiled("['a', '7'].exists(v, ['1', 'b'].all(w, int(v) / int(w) == 7 || w == 'b'))")
    assert "try" in source
    assert run(exchange()) is True


def test_deep_condition_is_compiled() -> None:
    text = "req.method == 'GET'"
    for _ in range(30):
        text = f"!({text} || req.headers['x'][0] == 'a')"
    run, _, _ = compiled(text)
    assert run(exchange(headers=[("x", "b")])) is True
    assert run(exchange()) is None


def test_total_functions_exist() -> None:
    assert set(Scope(Dialect.TRAFFIC).functions) >= TOTAL


@pytest.mark.parametrize(
    "word", ["int", "double", "timestamp", "substring", "base64.decode", "_/_", "_+_", "matches"]
)
def test_functions_that_can_fail_are_not_total(word: str) -> None:
    assert word not in TOTAL


def test_constant_pattern_makes_matches_safe() -> None:
    assert is_safe(node_of("req.method.matches('^G')"))
    assert not is_safe(node_of("req.method.matches(req.host)"))


def test_verdict_is_none_for_an_error() -> None:
    verdict = condition.Verdict(node_of("req.headers['x'][0] == 'a'"))
    assert verdict(exchange(), {}) is None
    assert verdict(exchange(headers=[("x", "a")]), {}) is True


def test_everything_but_a_bool_is_tried() -> None:
    node = node_of("vars.a")
    assert isinstance(node, ir.Field)
    assert not is_safe(node)
