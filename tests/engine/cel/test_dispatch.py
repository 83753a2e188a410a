from __future__ import annotations

from typing import Any

import pytest

from policyc.engine.cel import ir
from policyc.engine.cel.dispatch import (
    dispatcher,
    fit_test,
    is_certain,
    is_sure,
    known_overload,
    may_be_null,
    plain,
)
from policyc.engine.function import Overload
from policyc.engine.types import (
    BOOL,
    COOKIE,
    DYN,
    HEADERS,
    INT,
    STRING,
    TIMESTAMP,
    UINT,
    Record,
    Type,
    list_of,
    map_of,
    optional_of,
    param,
)
from policyc.engine.values import EvalError, Optional, UInt
from policyc.grammar.source import Source

SPAN = Source("e", "e").whole()


def const(value: object, type: Type) -> ir.Const:
    return ir.Const(value, type, SPAN)


def local(type: Type) -> ir.Local:
    return ir.Local("l", type, SPAN)


@pytest.mark.parametrize(
    ("static", "wanted", "certain"),
    [
        (INT, INT, True),
        (INT, UINT, False),
        (DYN, INT, False),
        (DYN, param("T"), True),
        (list_of(INT), list_of(param("T")), True),
        (list_of(DYN), list_of(STRING), False),
        (list_of(TIMESTAMP), list_of(TIMESTAMP), False),
        (HEADERS, map_of(param("K"), param("V")), True),
        (COOKIE, map_of(param("K"), param("V")), True),
        (COOKIE, map_of(STRING, STRING), False),
        (Record("text", (), {}, is_text=True), STRING, True),
        (Type("type", (INT,)), Type("type", (param("T"),)), True),
    ],
)
def test_static_types_that_need_no_test(static: Type, wanted: Type, certain: bool) -> None:
    assert is_certain(static, wanted) is certain


def test_text_with_fields_is_a_string_at_run_time() -> None:
    assert plain(Record("text", (), {}, is_text=True)) == STRING
    assert plain(INT) == INT


def test_null_may_stand_for_times_and_records_only() -> None:
    assert may_be_null(TIMESTAMP)
    assert may_be_null(COOKIE)
    assert may_be_null(optional_of(INT))
    assert not may_be_null(STRING)


def test_local_may_hold_a_null_and_a_constant_says_whether_it_does() -> None:
    assert not is_sure(local(TIMESTAMP))
    assert is_sure(local(STRING))
    assert not is_sure(const(None, TIMESTAMP))


def test_overload_is_known_where_nothing_can_be_otherwise() -> None:
    on_int = Overload("on_int", (INT,), BOOL, lambda value: True)
    on_text = Overload("on_text", (STRING,), BOOL, lambda value: True)
    assert known_overload([on_int], [local(INT)]) is on_int
    assert known_overload([on_int], [local(DYN)]) is None
    assert known_overload([on_int, on_text], [local(INT)]) is None
    assert known_overload([on_int], [local(INT), local(INT)]) is None


def test_tester_looks_into_lists_maps_and_optionals() -> None:
    assert fit_test(list_of(STRING))(["a"])
    assert not fit_test(list_of(STRING))(["a", 1])
    assert fit_test(list_of(param("T")))(["a", 1])
    assert fit_test(map_of(STRING, INT))({"a": 1})
    assert not fit_test(map_of(STRING, INT))({"a": True})
    assert fit_test(optional_of(INT))(Optional(True, 1))
    assert not fit_test(optional_of(INT))(Optional(True, "a"))


def test_values_choose_the_overload() -> None:
    run = dispatcher(
        "f",
        [
            Overload("f_int", (INT,), STRING, lambda value: "int"),
            Overload("f_uint", (UINT,), STRING, lambda value: "uint"),
            Overload("f_x", (STRING,), STRING, lambda x, value: x, needs_exchange=True),
        ],
    )
    assert run(None, 1) == "int"
    assert run(None, UInt(1)) == "uint"
    assert run("the exchange", "a") == "the exchange"


@pytest.mark.parametrize("value", [True, 1.5, None, [1]])
def test_no_overload_is_an_error_that_names_the_types(value: Any) -> None:
    run = dispatcher("_+_", [Overload("add", (INT,), INT, lambda value: value)])
    with pytest.raises(EvalError, match=r"`\+` applied to \(") as caught:
        run(None, value)
    assert caught.value.kind == "no_such_overload"
