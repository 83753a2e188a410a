from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.engine.functions.evaluation import CEL, TRAFFIC, error_of, evaluate

from policyc.engine.cel.coerce import contains, equal
from policyc.engine.functions import functions
from policyc.engine.traffic import Connection, EndpointInfo, Exchange, Headers, Request
from policyc.engine.types import BOOL, DOUBLE, DYN, INT, NULL, STRING, list_of, map_of
from policyc.engine.values import Optional, Timestamp, UInt, make_map


@pytest.mark.parametrize(
    "expression",
    [
        "dyn(1) == 1u",
        "dyn(1) == 1.0",
        "dyn(1u) != 1.5",
        "[dyn(1), 2] == [dyn(1.0), 2u]",
        "{'a': dyn(1)} == {'a': dyn(1u)}",
        "dyn(9223372036854775807) != 9223372036854775808.0",
        "dyn([]) != dyn({})",
        "null == null",
        "dyn(null) != dyn(false)",
        "dyn('1') != dyn(1)",
        "dyn(b'a') != dyn('a')",
    ],
)
def test_equality_goes_by_value(expression: str) -> None:
    assert evaluate(expression, CEL) is True


@pytest.mark.parametrize(
    "expression",
    [
        "dyn(true) == dyn(1)",
        "dyn(false) == dyn(0.0)",
        "[dyn(true)] == [dyn(1)]",
        "dyn(true) in [dyn(1)]",
        "dyn(1) in {true: 'a'}",
        "dyn(true) in {1: 'a'}",
        "dyn({true: 'a'}) == dyn({1: 'a'})",
    ],
)
def test_a_bool_is_never_a_number(expression: str) -> None:
    assert evaluate(expression, CEL) is False


def test_true_and_one_are_two_keys_of_a_map() -> None:
    assert evaluate("{true: 'a', 1: 'b'}[dyn(true)] + {true: 'a', 1: 'b'}[dyn(1)]", CEL) == "ab"


@pytest.mark.parametrize(
    "expression", ["0.0/0.0 == 0.0/0.0", "[0.0/0.0] == [0.0/0.0]", "cel.bind(n, 0.0/0.0, n in [n])"]
)
def test_nan_equals_nothing(expression: str) -> None:
    assert evaluate(expression, CEL) is False


@pytest.mark.parametrize(
    "expression",
    [
        "dyn(1) < dyn(1.5)",
        "dyn(2u) > dyn(-1)",
        "dyn(9223372036854775807) < dyn(9223372036854775808u)",
        "1 < 1.5",
        "'Z' < 'a'",
        "'\U00010000' > '\uffff'",
        "b'a' < b'ab'",
        "timestamp(0) < timestamp(1)",
        "duration('-1s') < duration('0s')",
        "false < true",
    ],
)
def test_order(expression: str) -> None:
    assert evaluate(expression, CEL) is True


@pytest.mark.parametrize("expression", ["dyn(1) < dyn('a')", "dyn(true) < dyn(1)", "dyn([1]) < dyn([2])"])
def test_values_without_common_order_are_an_error(expression: str) -> None:
    assert error_of(expression, CEL) == "no_such_overload"


def exchange() -> Exchange:
    conn = Connection("192.0.2.1")
    endpoint = EndpointInfo("https://a.example", "https", "a.example", 443)
    req = Request("GET", "https", "a.example", "/", Headers([(b"User-Agent", b"curl")]))
    return Exchange(conn, endpoint, None, req)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["user-agent", "User-Agent"])
def test_header_names_are_found_in_any_case(name: str) -> None:
    assert evaluate(f"'{name}' in req.headers", TRAFFIC, exchange()) is True


def test_header_name_of_unknown_type_is_found_in_any_case() -> None:
    assert evaluate("json.decode('[\"USER-AGENT\"]')[0] in req.headers", TRAFFIC, exchange()) is True


def test_keys_of_a_dyn_map_keep_their_case() -> None:
    assert evaluate('"Key" in json.decode(\'{"Key": 1}\')') is True
    assert evaluate('"KEY" in json.decode(\'{"key": 1}\')') is False


def test_python_form_is_used_only_where_it_means_the_same() -> None:
    equals = functions(TRAFFIC)["_==_"].overloads[0]
    assert equals.python((STRING, STRING)) == "({0} == {1})"
    assert equals.python((DYN, STRING)) == "({0} == {1})"
    assert equals.python((DYN, NULL)) == "({0} == {1})"
    assert equals.python((list_of(STRING), list_of(STRING))) == "({0} == {1})"
    assert equals.python((DYN, INT)) is None
    assert equals.python((DYN, BOOL)) is None
    assert equals.python((list_of(DOUBLE), list_of(DOUBLE))) is None
    assert equals.python((list_of(STRING), list_of(DYN))) == "({0} == {1})"
    assert equals.python((list_of(INT), list_of(DYN))) is None
    item, key, _ = functions(TRAFFIC)["_in_"].overloads
    assert item.python((STRING, list_of(DYN))) == "({0} in {1})"
    assert item.python((DYN, list_of(STRING))) is None
    assert item.python((INT, list_of(DYN))) is None
    assert key.python((STRING, map_of(STRING, list_of(STRING)))) == "({0} in {1})"
    assert key.python((INT, map_of(DYN, DYN))) is None


values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-2, 2),
        st.integers(0, 2).map(UInt),
        st.sampled_from([0.0, -0.0, 1.0, 1.5, float("nan")]),
        st.sampled_from(["", "a", b"a"]),
        st.integers(0, 1).map(Timestamp),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["a", "b"]), inner),
        st.tuples(st.booleans(), inner).map(lambda pair: make_map([pair])),
        inner.map(lambda value: Optional(True, value)),
    ),
    max_leaves=6,
)


@given(values, values)
def test_equality_agrees_with_distinct_and_membership(a: Any, b: Any) -> None:
    same = equal(a, b)
    assert equal(b, a) is same
    assert contains([b], a) is same
    distinct = functions(TRAFFIC)["distinct"].overloads[0].body
    assert len(distinct([a, b])) == (1 if same else 2)
