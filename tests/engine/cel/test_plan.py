"""The plain evaluator. What CEL's own tests hold (tests/conformance) is not said again here."""

from __future__ import annotations

from typing import Any

import pytest
from tests.evaluation import exchange, node_of

from policyc.engine.cel.plan import has_variable, make_list, make_map_of, merge, plan, read_variable
from policyc.engine.cel.scope import Scope
from policyc.engine.types import DYN
from policyc.engine.values import NONE, EvalError, Optional
from policyc.engine.variables import VARIABLES

FREE = Scope.cel({"x": DYN, "y": DYN})


def value(text: str, **env: Any) -> Any:
    return plan(node_of(text, FREE))(None, env)


def kind(text: str, **env: Any) -> str:
    with pytest.raises(EvalError) as caught:
        value(text, **env)
    return caught.value.kind


def test_error_is_raised_at_the_top_and_absorbed_below() -> None:
    assert kind("x / 0", x=1) == "division_by_zero"
    assert value("x / 0 == 1 || true", x=1) is True
    assert value("false && x / 0 == 1", x=1) is False
    assert kind("x / 0 == 1 || false", x=1) == "division_by_zero"


def test_first_error_is_the_one_that_is_told() -> None:
    assert kind("x.a == 1 && x / 0 == 1", x={}) == "no_such_key"
    assert kind("x / 0 + y.a", x=1, y={}) == "division_by_zero"


def test_only_the_branch_taken_is_evaluated() -> None:
    assert value("x ? 1 : y.a", x=True, y={}) == 1
    assert kind("x ? 1 : 2", x=1) == "no_such_overload"


def test_operand_that_is_no_bool_is_an_error_that_can_be_absorbed() -> None:
    assert value("x || true", x=1) is True
    assert kind("x || false", x=1) == "no_such_overload"
    assert kind("!x", x="a") == "no_such_overload"


def test_missing_variable_is_an_error() -> None:
    assert kind("x == 1") == "no_such_variable"
    assert value("x == 1 || true") is True


def test_binding_is_evaluated_once_and_only_when_read() -> None:
    assert value("cel.bind(v, x.a, true || v)", x={}) is True
    assert value("cel.bind(v, x + 1, v + v)", x=1) == 4


def test_exists_one_does_not_absorb_as_exists_does() -> None:
    assert value("x.exists(v, v / 0 == 1 || v == 2)", x=[1, 2]) is True
    assert kind("x.exists_one(v, 1 / v == 1)", x=[0, 1]) == "division_by_zero"


def test_loops_go_over_lists_and_maps_only() -> None:
    assert value("x.map(k, k)", x={"a": 1}) == ["a"]
    assert kind("x.map(k, k)", x="text") == "no_such_overload"
    assert kind("x.filter(k, k)", x=[1]) == "no_such_overload"


def test_callers_environment_is_left_alone() -> None:
    env = {"x": [1]}
    plan(node_of("x.map(v, v)", FREE))(None, env)
    assert env == {"x": [1]}


def test_watch_sees_every_node_and_the_errors() -> None:
    seen: list[tuple[str, object]] = []
    node = node_of("x.a == 1 || y", FREE)
    run = plan(node, lambda node, value: seen.append((type(node).__name__, value)))
    assert run(None, {"x": {}, "y": True}) is True
    assert [name for name, _ in seen] == ["Local", "Field", "Apply", "Local", "Or"]
    assert isinstance(seen[1][1], EvalError)
    assert seen[-1] == ("Or", True)


def test_header_names_ignore_case() -> None:
    x = exchange(headers=[("X-A", "1"), ("x-a", "2")])
    assert plan(node_of("req.headers['X-a']"))(x, {}) == ["1", "2"]
    assert plan(node_of("'x-A' in req.headers"))(x, {}) is True


def test_variable_is_filled_when_read_and_zero_when_absent() -> None:
    x = exchange(target="/a/../b?q=1")
    assert x.req.url_path is None
    assert read_variable(VARIABLES["req.url.path"], x) == x.req.url_path == "/b"
    assert read_variable(VARIABLES["req.content_length"], x) == 0
    assert not has_variable(VARIABLES["req.content_length"], x)
    assert has_variable(VARIABLES["req.method"], x)


def test_absent_variable_without_zero_is_an_error() -> None:
    with pytest.raises(EvalError) as caught:
        read_variable(VARIABLES["req.ts.body_received"], exchange())
    assert caught.value.kind == "absent"


def test_optional_parts_are_left_out() -> None:
    assert make_list([1, NONE, Optional(True, 2)], [False, True, True]) == [1, 2]
    assert make_map_of([("a", 1, False), ("b", NONE, True), ("c", Optional(True, 3), True)]) == {
        "a": 1,
        "c": 3,
    }
    with pytest.raises(EvalError):
        make_list([1], [True])


def test_merged_maps_have_no_key_twice() -> None:
    assert merge([{"a": 1}, {"b": 2}]) == {"a": 1, "b": 2}
    with pytest.raises(EvalError) as caught:
        merge([{"a": 1}, {"a": 2}])
    assert caught.value.kind == "duplicate_key"


def test_deep_expression_is_planned() -> None:
    text = " + ".join(["x"] * 200)
    assert value(text, x=1) == 200
