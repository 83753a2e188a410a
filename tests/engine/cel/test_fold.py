from typing import Any

import pytest
from tests.engine.cel.asking import cel, node

from policyc.engine.cel import ir
from policyc.engine.cel.fold import constant, fold
from policyc.engine.types import BOOL, DYN
from policyc.engine.values import Duration, UInt


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", 7),
        ("2u + 3u", UInt(5)),
        ("'a' + 'b' == 'ab'", True),
        ("size([1, 2, 3])", 3),
        ("[1, 2 + 3]", [1, 5]),
        ("{'a': 1 + 1}", {"a": 2}),
        ("{'a': [1, 2]}['a'][1]", 2),
        ("{'a': 1}.a", 1),
        ("has({'a': 1}.b)", False),
        ("!false", True),
        ("true ? 1 : 2", 1),
        ("-(1)", -1),
        ("'API'.lower().startsWith('ap')", True),
        ("duration('1m') + duration('1s')", Duration(61_000_000_000)),
        ("'b' in ['a', 'b']", True),
        ("dyn(1) == 1.0", True),
    ],
)
def test_constants_are_computed(expression: str, value: Any) -> None:
    made = constant(node(expression))
    assert made is not None
    assert made.value == value
    assert type(made.value) is type(value)


@pytest.mark.parametrize(
    "expression",
    [
        "1 / 0",
        "9223372036854775807 + 1",
        "[1][2]",
        "{'a': 1}['b']",
        "{'a': 1, 'a': 2}",
        "rand.int(1, 1)",
        "rand.double()",
        "secrets.get('a', 'b')",
        "req.host == 'a'",
        "lists.range(100000)",
        "1 / 0 == 1 || 1 / 0 == 1",
    ],
)
def test_what_fails_is_random_or_reads_traffic_is_left(expression: str) -> None:
    assert constant(node(expression)) is None


def test_an_operand_that_decides_wins_over_any_error() -> None:
    for expression, value in (("1 / 0 == 1 && false", False), ("req.host == 'a' || true", True)):
        made = constant(node(expression))
        assert made is not None
        assert made.value is value


def test_operands_that_do_not_matter_are_dropped() -> None:
    made = fold(node("true && req.host == 'a' && true"))
    assert isinstance(made, ir.Apply)
    made = fold(node("false || req.host == 'a' || req.host == 'b'"))
    assert isinstance(made, ir.Or)
    assert len(made.operands) == 2


def test_an_operand_that_may_be_no_bool_keeps_its_test() -> None:
    made = fold(node("true && x", cel({"x": DYN})))
    assert isinstance(made, ir.And)
    assert isinstance(fold(node("true && x", cel({"x": BOOL}))), ir.Local)


def test_only_the_branch_taken_is_left() -> None:
    made = fold(node("false ? 1 / 0 == 1 : req.host == 'a'"))
    assert isinstance(made, ir.Apply)
    assert made.function == "_==_"


def test_inside_of_loops_constants_are_computed_too() -> None:
    made = fold(node("[1, 2].map(x, x + (1 + 1))"))
    assert isinstance(made, ir.Loop)
    assert isinstance(made.over, ir.Const)
    assert isinstance(made.body, ir.Apply)
    assert isinstance(made.body.args[1], ir.Const)


def test_all_kinds_of_nodes_pass_through() -> None:
    scope = cel({"m": DYN, "s": DYN})
    for expression in (
        "m.a.b",
        "m.?a[?'b']",
        "has(m.a)",
        "[?m.?a]",
        "{'a': m, ?'b': m.?b}",
        "cel.bind(x, m, x + x)",
        "m.?a.optMap(x, x + 1)",
        "m.all(k, v, k != v)",
        "m.map(x, x > 1, x)",
        "!s",
        "s ? m : s",
    ):
        before = node(expression, scope)
        assert type(fold(before)) is type(before)


def test_the_given_nodes_are_not_changed() -> None:
    before = node("[1 + 1, 2]")
    assert isinstance(before, ir.MakeList)
    fold(before)
    assert isinstance(before.items[0], ir.Apply)
