"""Value expressions as Python. tests/property/test_evaluators_agree.py holds that they equal the plan."""

from __future__ import annotations

import builtins
from typing import Any

import pytest
from tests.evaluation import exchange, node_of

from policyc.engine.cel.scope import Scope
from policyc.engine.function import Dialect, Function, Overload
from policyc.engine.generate.expression import compile_value, reads, value_module
from policyc.engine.traffic import Headers
from policyc.engine.types import DYN, INT, STRING, list_of
from policyc.engine.values import EvalError, Optional

FREE = Scope.cel({"x": DYN, "i": INT, "s": STRING, "l": list_of(INT)})


def source(text: str, scope: Scope | None = None) -> str:
    return value_module(node_of(text, scope)).source


def value(text: str, **env: Any) -> Any:
    return compile_value(node_of(text, FREE))(None, env)


def test_constant_needs_no_code() -> None:
    assert compile_value(node_of("'a'"))(exchange()) == "a"


def test_user_text_never_becomes_code() -> None:
    evil = '\'); __import__("os").system("x") #'
    text = "req.method == '" + evil.replace("'", "\\'") + "'"
    assert repr(evil) in source(text)
    assert compile_value(node_of(text))(exchange(method=evil)) is True


def test_names_of_the_policy_do_not_appear() -> None:
    code = source("req.headers['x-a'].map(secretname, secretname + 'a')")
    assert "secretname" not in code


def test_variable_read_twice_is_kept_from_the_first_read_on() -> None:
    twice = source("req.url.path + req.url.path")
    assert twice.count("req.url_path") == 1
    assert source("req.url.path + req.method").count("req.url_path") == 1


def test_variable_is_not_kept_from_a_read_that_may_not_happen() -> None:
    text = "(req.method == 'GET' ? req.url.path : '') + req.url.path"
    for method in ("GET", "POST"):
        assert compile_value(node_of(text))(exchange(method, "/a")).endswith("/a")


def test_lazy_data_is_made_only_when_it_is_read() -> None:
    x = exchange(headers=[("cookie", "a=b")])
    run = compile_value(node_of("req.method == 'POST' && req.cookies['a'][0].value == 'b'"))
    assert run(x) is False
    assert x.req.headers.map is None
    assert compile_value(node_of("req.cookies['a'][0].value"))(x) == "b"


def test_literal_header_name_is_lower_case_in_the_code() -> None:
    assert "['x-a']" in source("req.headers['X-A']")
    assert "('x-a' in " in source("'X-A' in req.headers")


def test_errors_come_with_their_kind() -> None:
    for text, kind in (
        ("l[0]", "index_out_of_bounds"),
        ("i / 0", "division_by_zero"),
        ("x.a", "no_such_key"),
    ):
        with pytest.raises(EvalError) as caught:
            value(text, l=[], i=1, x={})
        assert caught.value.kind == kind


def test_negative_index_does_not_count_from_the_end() -> None:
    with pytest.raises(EvalError):
        value("l[i]", l=[1, 2], i=-1)


def test_loops_within_loops_see_the_outer_locals() -> None:
    assert value("l.map(a, l.map(b, a * 10 + b + i))", l=[1, 2], i=0) == [[11, 12], [21, 22]]


def test_bound_value_is_seen_in_a_loop() -> None:
    assert value("cel.bind(v, i + 1, l.filter(a, a < v))", l=[1, 2, 3], i=2) == [1, 2]


def test_optional_operand_gives_an_optional() -> None:
    assert value("optional.of(i).optMap(v, v + 1)", i=1) == Optional(True, 2)
    assert value("x.?a.orValue(5)", x={}) == 5


def test_null_where_a_time_is_declared_is_an_error_not_a_crash() -> None:
    with pytest.raises(EvalError) as caught:
        value("[timestamp(0), null][i].getHours() == 1", i=1)
    assert caught.value.kind == "no_such_overload"


def test_deep_expression_is_compiled() -> None:
    assert value(" + ".join(["i"] * 200), i=1) == 200
    assert value("(" * 30 + "i" + " + 1)" * 30, i=0) == 30


def inlined(template: str, *args: str) -> Any:
    """Return what a function of two arguments written as `template` gives for x.a and x.b."""
    overload = Overload("f", (INT, INT), DYN, lambda a, b: ("body", a, b), inline=template)
    scope = Scope.cel({"i": INT, "l": list_of(INT)}, functions=[Function("f", "", (overload,))])
    return compile_value(node_of(f"f({', '.join(args)})", scope))(None, {"i": 5, "l": [1, 2]})


def test_template_may_use_an_argument_twice_or_out_of_order() -> None:
    assert inlined("[{0}, {0}, {1}]", "l[0]", "l[1]") == [1, 1, 2]
    assert inlined("[{1}, {0}]", "l[0]", "i") == [5, 1]


def test_template_that_loops_is_not_used() -> None:
    assert inlined("[{0} for _ in range({1})]", "i", "i") == ("body", 5, 5)


def test_warnings_of_the_compiler_do_not_reach_users(recwarn: pytest.WarningsRecorder) -> None:
    assert inlined("({0} is None or {1} is None)", "1", "2") is False
    assert not recwarn.list


def test_reads_are_counted_outside_of_loops() -> None:
    counted = reads(node_of("req.method == 'a' && req.headers['x'].exists(h, h == req.method)"))
    assert counted["req.method"] == 1
    assert counted["req.headers"] == 1


def test_headers_are_read_as_a_map() -> None:
    assert isinstance(exchange().req.headers, Headers)
    assert compile_value(node_of("size(req.headers)"))(exchange(headers=[("a", "1")])) == 1
    assert builtins.dict is type(compile_value(node_of("req.headers"))(exchange()))


def test_functions_of_the_exchange_get_it() -> None:
    assert "rand.int" in Scope(Dialect.TRAFFIC).functions
    assert compile_value(node_of("rand.int(3, 9)"))(exchange()) == 3
    assert compile_value(node_of("rand.double()"))(exchange()) == 0.5
