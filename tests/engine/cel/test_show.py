"""Typed expressions as text."""

from __future__ import annotations

from typing import cast

import pytest
from tests.engine.cel.asking import cel
from tests.evaluation import node_of

from policyc.engine.cel import ir
from policyc.engine.cel.fold import fold
from policyc.engine.cel.show import quoted, show, value_text
from policyc.engine.optimise.passes import optimise
from policyc.engine.types import BOOL, INT


@pytest.mark.parametrize(
    "text",
    [
        "req.host",
        "req.headers['a'][0]",
        "has(req.headers.a)",
        "req.host == 'a' && (req.method == 'b' || req.method == 'c')",
        "(req.host == 'a' && req.method == 'b') || req.method == 'c'",
        "!(req.host == 'a')",
        "!req.host.startsWith('a')",
        "(req.host == 'a') == true",
        "1 - (conn.client_port - 2)",
        "-conn.client_port",
        "(req.host == 'a') ? 1 : 2",
        "size(req.host) > 1",
        "req.host.size() > 1",
        "[1, conn.client_port]",
        "{'a': conn.client_port}",
        "req.headers.map(h, h != 'a', h)",
        "[3, 1].sortBy(n, -n)",
        "req.host in ['a', 'b']",
        "[1u, 2u].exists(n, n == 1u)",
    ],
)
def test_an_expression_is_shown_as_it_was_written(text: str) -> None:
    assert show(node_of(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "[optional.none()].map(o, o.orValue(1))",
        "optional.of(1).optMap(n, n + 1)",
        "optional.of(1).optFlatMap(n, optional.of(n))",
        "{'a': 1}[?'b']",
        "{'a': 1}.?b",
        "[?optional.of(1), 2]",
        "{?'a': optional.of(1)}",
        "cel.bind(n, 1, n + n)",
        "[1].transformList(i, n, n > 1, n)",
        "{'a': 1}.transformMapEntry(k, n, {n: k})",
    ],
)
def test_forms_of_the_specification_are_shown_as_they_were_written(text: str) -> None:
    assert show(node_of(text, cel())) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("size(req.headers) > 0", "has items: req.headers"),
        ("size(req.headers) == 0", "has no items: req.headers"),
        ("req.host == 'a' || req.host == 'b'", "req.host in {'a', 'b'}"),
        ("!(req.host in ['a'])", "!(req.host in {'a'})"),
        ("req.host.startsWith('a') || req.host.startsWith('b')", "req.host.startsWith(('a', 'b'))"),
        (
            "inCidrRange(conn.client_ip, '192.0.2.0/24')",
            "conn.client_ip (number) in networks ('192.0.2.0/24')",
        ),
        (
            "inCidrRange(req.host, '192.0.2.0/24')",
            "number of req.host in networks ('192.0.2.0/24')",
        ),
        ("req.headers['a'].exists(v, v in ['x'])", "any of req.headers['a'] in {'x'}"),
        ("getReqHeader('A')", "values of 'a' in req.headers"),
        ("getReqHeader('A').size() == 2", "(values of 'a' in req.headers).size() == 2"),
        ("req.host.matches('a+b')", "req.host matches 'a+b' by RE2"),
    ],
)
def test_forms_of_the_optimiser_are_shown_in_words(text: str, shown: str) -> None:
    assert show(optimise(node_of(text))) == shown


def test_a_number_at_the_end_of_a_users_name_stays() -> None:
    assert show(node_of("[1].exists(item_2, item_2 > 1)")) == "[1].exists(item_2, item_2 > 1)"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (7, "7"),
        (1.5, "1.5"),
        ("it's", r"'it\'s'"),
        (b"\x00", r"b'\x00'"),
        ([1, "a"], "[1, 'a']"),
        (("a", "b"), "('a', 'b')"),
        (frozenset({"b", "a"}), "{'a', 'b'}"),
        ({"a": 1}, "{'a': 1}"),
    ],
)
def test_a_constant_is_shown_as_a_literal(value: object, text: str) -> None:
    assert value_text(value) == text


def test_of_many_values_the_first_few_are_shown() -> None:
    assert value_text(list(range(10))) == "[0, 1, 2, 3, 4, 5, 6, 7, … 2 more]"
    assert value_text(dict.fromkeys(range(9), 0)).endswith("7: 0, …}")


def test_text_that_would_break_the_line_is_escaped() -> None:
    assert quoted("a\\b\n\x1b\ud800é") == r"'a\\b\n\x1b\ud800é'"


def test_a_deep_expression_is_shown() -> None:
    deep = node_of("req.host == 'a'")
    for _ in range(1_000):
        deep = ir.Not(deep, BOOL, deep.span)
    assert show(deep).startswith("!!!")


def test_a_folded_constant_is_shown() -> None:
    node = cast("ir.Const", fold(node_of("1 + 2")))
    assert (show(node), node.type) == ("3", INT)
