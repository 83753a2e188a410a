from __future__ import annotations

from typing import Any

import pytest

from policyc.engine.cel import select
from policyc.engine.values import NONE, Duration, EvalError, Optional, make_map


def kind(call: Any) -> str:
    with pytest.raises(EvalError) as caught:
        call()
    return caught.value.kind


def test_field_of_a_map() -> None:
    assert select.field({"a": 1}, "a") == 1
    assert kind(lambda: select.field({}, "a")) == "no_such_key"
    assert kind(lambda: select.field("text", "a")) == "no_such_overload"


def test_field_of_an_optional_is_optional() -> None:
    assert select.field(Optional(True, {"a": 1}), "a") == Optional(True, 1)
    assert select.field(Optional(True, {}), "a") is NONE
    assert select.field(NONE, "a") is NONE


def test_optional_field_is_absent_where_the_key_is() -> None:
    assert select.optional_field({}, "a") is NONE
    assert select.optional_field({"a": None}, "a") == Optional(True, None)
    assert kind(lambda: select.optional_field(1, "a")) == "no_such_overload"


def test_item_counts_from_zero_only() -> None:
    assert select.at([1, 2], 1) == 2
    assert kind(lambda: select.at([1, 2], -1)) == "index_out_of_bounds"
    assert kind(lambda: select.at([1, 2], True)) == "invalid_argument"


def test_bool_key_is_no_number() -> None:
    mixed = make_map([(1, "number"), (True, "bool")])
    assert select.at(mixed, 1) == "number"
    assert select.at(mixed, True) == "bool"
    assert kind(lambda: select.at({1: "number"}, True)) == "no_such_key"


def test_optional_item_is_absent_where_the_item_is() -> None:
    assert select.optional_at([1], 3) is NONE
    assert select.optional_at({"a": 1}, "b") is NONE
    assert select.optional_at(Optional(True, [5]), 0) == Optional(True, 5)
    assert kind(lambda: select.optional_at(5, 0)) == "no_such_overload"


def test_presence() -> None:
    assert select.has_field({"a": None}, "a")
    assert not select.has_field({}, "a")
    assert select.has_field(Optional(True, {"a": 1}), "a")
    assert not select.has_field(NONE, "a")
    assert kind(lambda: select.has_field([1], "a")) == "no_such_overload"


@pytest.mark.parametrize("zero", ["", 0, False, [], {}, Duration(0)])
def test_zero_counts_as_absent_where_declared(zero: object) -> None:
    assert not select.has_set_field({"a": zero}, "a")
    assert not select.has_set_field({}, "a")


def test_other_values_count_as_present() -> None:
    assert select.has_set_field({"a": Duration(1)}, "a")
    assert select.has_set_field({"a": "x"}, "a")


def test_header_names_are_texts() -> None:
    assert select.text_of("a", "a header name") == "a"
    assert kind(lambda: select.text_of(1, "a header name")) == "no_such_overload"
