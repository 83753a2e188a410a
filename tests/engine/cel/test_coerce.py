from typing import Any

import pytest

from policyc.engine.cel import coerce
from policyc.engine.types import COOKIE, DYN, HEADERS, INT, STRING, Record, list_of, map_of, param
from policyc.engine.values import (
    NONE,
    Cidr,
    Duration,
    EvalError,
    Ip,
    Optional,
    Timestamp,
    TypeValue,
    UInt,
    make_map,
)

NAN = float("nan")


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (1, UInt(1), True),
        (1, 1.0, True),
        (UInt(2**63), float(2**63), True),
        (2**63 - 1, float(2**63), False),
        (True, 1, False),
        (0.0, False, False),
        (NAN, NAN, False),
        ([NAN], [NAN], False),
        ([True], [1], False),
        ([[1]], [[1.0]], True),
        ([1], [1, 2], False),
        ({"a": True}, {"a": 1}, False),
        ({"a": [1]}, {"a": [UInt(1)]}, True),
        ({"a": None}, {"b": None}, False),
        (make_map([(True, 1)]), make_map([(True, UInt(1))]), True),
        (make_map([(True, 1)]), make_map([(1, 1)]), False),
        (Optional(True, True), Optional(True, 1), False),
        (Optional(True, 1), Optional(True, 1.0), True),
        (NONE, Optional(True, None), False),
        (Timestamp(1), Duration(1), False),
        (Timestamp(1), Timestamp(1), True),
        (TypeValue("int"), TypeValue("int"), True),
        (Ip(1, 32), Ip(1, 128), False),
        ("a", b"a", False),
        (None, None, True),
        (None, 0, False),
        ("", None, False),
    ],
)
def test_equality_of_any_two_values(a: Any, b: Any, same: bool) -> None:
    assert coerce.equal(a, b) is same
    assert coerce.equal(b, a) is same
    assert coerce.contains([b], a) is same


def test_look_up_of_a_number_finds_any_number_of_its_value() -> None:
    for key in (1, UInt(1), 1.0):
        assert coerce.lookup({1: "x"}, key) == "x"
        assert coerce.has_key({UInt(1): "x"}, key)


@pytest.mark.parametrize("key", [True, 1.5, "1", UInt(2), NAN])
def test_look_up_of_a_missing_key_is_an_error(key: Any) -> None:
    assert coerce.has_key({1: "x"}, key) is False
    with pytest.raises(EvalError, match="no such key"):
        coerce.lookup({1: "x"}, key)


def test_look_up_tells_a_bool_from_a_number() -> None:
    both = make_map([(True, "bool"), (1, "int")])
    assert coerce.lookup(both, True) == "bool"
    assert coerce.lookup(both, 1) == coerce.lookup(both, 1.0) == "int"


@pytest.mark.parametrize("key", [None, b"a", [1], {}, Timestamp(0)])
def test_look_up_of_what_is_no_key_is_an_error(key: Any) -> None:
    assert coerce.has_key({"a": 1}, key) is False
    with pytest.raises(EvalError, match="unsupported key"):
        coerce.lookup({"a": 1}, key)


def test_items_are_found_by_any_integral_number() -> None:
    assert [coerce.item(["a", "b"], at) for at in (1, UInt(1), 1.0)] == ["b", "b", "b"]
    assert coerce.index(["a"], 0) == coerce.index({"k": "a"}, "k") == "a"


@pytest.mark.parametrize(
    ("operand", "key", "kind"),
    [
        (["a"], 1, "index_out_of_bounds"),
        (["a"], -1, "index_out_of_bounds"),
        (["a"], 0.5, "invalid_argument"),
        (["a"], "0", "invalid_argument"),
        (["a"], False, "invalid_argument"),
        (["a"], NAN, "invalid_argument"),
        ("abc", 0, "no_such_overload"),
    ],
)
def test_bad_indexes_are_an_error(operand: Any, key: Any, kind: str) -> None:
    with pytest.raises(EvalError) as caught:
        coerce.index(operand, key)
    assert caught.value.kind == kind


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (True, "true"),
        (False, "false"),
        (-5, "-5"),
        (UInt(5), "5"),
        (0.1, "0.1"),
        (3.0, "3"),
        (None, ""),
        (b"\xc3\xa9", "é"),
        (Timestamp(1_500_000_000), "1970-01-01T00:00:01.5Z"),
        (Duration(-1_500_000_000), "-1.5s"),
        ([1, "a", None], '[1,"a",null]'),
        ({"b": 1, "a": {}}, '{"a":{},"b":1}'),
        (TypeValue("int"), "int"),
        (Ip(0x7F000001, 32), "127.0.0.1"),
        (Cidr(Ip(0x0A000000, 32), 8), "10.0.0.0/8"),
    ],
)
def test_text_of_a_value_for_interpolation(value: Any, text: str) -> None:
    assert coerce.to_text(value) == text


@pytest.mark.parametrize("value", [b"\xff", NONE, [float("inf")]])
def test_values_without_text_are_an_error(value: Any) -> None:
    with pytest.raises(EvalError):
        coerce.to_text(value)


def test_json_is_bounded_in_depth_and_length() -> None:
    deep: Any = 1
    for _ in range(2000):
        deep = [deep]
    with pytest.raises(EvalError, match="nested deeper"):
        coerce.to_json(deep)
    with pytest.raises(EvalError, match="longer than"):
        coerce.to_json(["x" * 2**20])


def test_json_keeps_octets_of_headers() -> None:
    assert coerce.to_json(["\udcff"]).encode("utf-8", "surrogateescape") == b'["\xff"]'


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "null_type"),
        (True, "bool"),
        (1, "int"),
        (UInt(1), "uint"),
        (1.0, "double"),
        (make_map([(True, 1)]), "map"),
        (type("Sub", (dict,), {})(), "map"),
        (Timestamp(0), "google.protobuf.Timestamp"),
        (TypeValue("int"), "type"),
        (NONE, "optional_type"),
        (object(), "dyn"),
    ],
)
def test_name_of_a_values_type(value: Any, name: str) -> None:
    assert coerce.type_name(value) == name


@pytest.mark.parametrize(
    ("value", "type", "fits"),
    [
        (1, INT, True),
        (True, INT, False),
        (UInt(1), INT, False),
        ({}, HEADERS, True),
        ([], list_of(INT), True),
        ({}, map_of(STRING, INT), True),
        ({}, COOKIE, True),
        ("a", COOKIE, False),
        ("a", Record("url", (), {}, is_text=True), True),
        (object(), DYN, True),
        ("a", param("T"), True),
    ],
)
def test_fit_of_a_value_to_a_type(value: Any, type: Any, fits: bool) -> None:
    assert coerce.fits(value, type) is fits


def test_values_in_messages_are_short() -> None:
    assert len(coerce.show("x" * 1000)) == 64
    assert coerce.show(b"\xff\xff") == "bytes of length 2"
    assert coerce.show(NONE) == "optional_type"
