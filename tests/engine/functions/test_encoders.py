from typing import Any

import pytest
from tests.engine.functions.evaluation import CEL, TRAFFIC, error_of, evaluate


@pytest.mark.parametrize("text", ["aGVsbG8", "aGVsbG8==", "a", "aGVs bG8=", "aGVsbG8=\\n", "aGVs_G8=", "é"])
def test_base64_in_a_policy_is_strict(text: str) -> None:
    assert error_of(f"base64.decode('{text}')", TRAFFIC) == "invalid_argument"


def test_base64_in_the_specification_needs_no_padding() -> None:
    assert evaluate("base64.decode('aGVsbG8')", CEL) == b"hello"
    assert error_of("base64.decode('aGVsb')", CEL) == "invalid_argument"


def test_base64_of_nothing() -> None:
    assert evaluate("base64.decode('') == b'' && base64.encode(b'') == '' && ''.encodeBase64() == ''") is True


def test_base64_that_is_no_text_is_an_error() -> None:
    assert error_of("'/w=='.decodeBase64()") == "invalid_argument"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("1.0", 1),
        ("1.5", 1.5),
        ("1e3", 1000),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", 9223372036854775808.0),
        ("-0.0", 0),
        ('{"a": [true, null]}', {"a": [True, None]}),
        ('{"a": 1, "a": 2}', {"a": 2}),
        ('"\\\\ud800"', "\ufffd"),
        ('"\\\\ud83d\\\\ude00"', "😀"),
    ],
)
def test_json_values(text: str, value: Any) -> None:
    got = evaluate(f"json.decode('{text}')")
    assert (got, type(got)) == (value, type(value))


@pytest.mark.parametrize("text", ["", "{", "NaN", "[1,]", "1e999", "nul", "{1: 2}", '"a', "[" * 5000])
def test_what_is_no_json_is_an_error(text: str) -> None:
    assert error_of(f"json.decode('{text}')") == "invalid_argument"
    assert evaluate(f"'{text}'.isJson()") is False


def test_json_nested_too_deep_is_an_error() -> None:
    assert error_of(f"json.decode('{'[' * 200}{']' * 200}')") == "too_large"


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("json.encode({'b': 1u, 'a': [1.0, 1.5, null, true]})", '{"a":[1,1.5,null,true],"b":1}'),
        ("json.encode([b'hi', timestamp(0), duration('1s')])", '["aGk=","1970-01-01T00:00:00Z","1s"]'),
        ("{1: 'x', true: 'y'}.encodeJson()", '{"1":"x","true":"y"}'),
        ("['é<'].encodeJson()", '["é<"]'),
    ],
)
def test_json_is_written_compact_with_sorted_keys(expression: str, text: str) -> None:
    assert evaluate(expression) == text


def test_json_has_no_infinity() -> None:
    assert error_of("[1.0/0.0].encodeJson()") == "invalid_argument"


def test_json_survives_the_round_trip() -> None:
    text = '{"a":[1,2.5,"x"],"b":{"c":null}}'
    assert evaluate(f"json.encode(json.decode('{text}'))") == text


def test_basic_auth_of_unicode() -> None:
    assert evaluate("basic_auth.encode('ü', 'p')") == "Basic w7w6cA=="


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[1.5, 2.0, -0.0]", [1.5, 2, 0]),
        ("[1, 9223372036854775808]", [1, 2.0**63]),
        ("[-18446744073709551616, 1]", [-(2.0**64), 1]),
        ("[9223372036854775807, -9223372036854775808]", [2**63 - 1, -(2**63)]),
        ('{"a": [], "b": {}, "c": [null, true]}', {"a": [], "b": {}, "c": [None, True]}),
        (r'["\\ud800x", {"\\udfff": "\\u00e9"}]', ["\ufffdx", {"\ufffd": "\xe9"}]),
        ('[1, "a", [1.0], {"b": 3.0}]', [1, "a", [1], {"b": 3}]),
    ],
)
def test_numbers_and_texts_of_json_are_settled_at_any_depth(text: str, value: Any) -> None:
    got = evaluate(f"json.decode('{text}')")
    assert got == value
    assert repr(got) == repr(value)


@pytest.mark.parametrize("text", ["[1.5, 1e400]", '{"a": [1, -1e400]}', "[" + "9" * 400 + "]", "[1, NaN]"])
def test_numbers_that_are_too_large_are_no_json(text: str) -> None:
    assert error_of(f"json.decode('{text}')") == "invalid_argument"
