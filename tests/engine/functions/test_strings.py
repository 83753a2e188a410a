from typing import Any

import pytest
from tests.engine.functions.evaluation import CEL, TRAFFIC, error_of, evaluate


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("'hello mellow'.split(' ', 1)", ["hello"]),
        ("'hello,mellow,hi'.split(',', 2)", ["hello", "mellow"]),
        ("'a,b'.split(',', 5)", ["a", "b"]),
        ("'a,b'.split(',', -1)", ["a", "b"]),
        ("'a,b'.split(',', 0)", []),
        ("'a.b.c'.split('.', 1)[0]", "a"),
        ("'  a\\t b\\u00a0c\\n'.split()", ["a", "b", "c"]),
        ("''.split()", []),
        ("'abc'.split('')", ["a", "b", "c"]),
        ("'abc'.split('', 2)", ["a", "b"]),
    ],
)
def test_split_in_a_policy_drops_what_the_limit_leaves(expression: str, value: Any) -> None:
    assert evaluate(expression, TRAFFIC) == value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("'hello mellow hi'.split(' ', 2)", ["hello", "mellow hi"]),
        ("'hello mellow'.split(' ', 1)", ["hello mellow"]),
        ("'abc'.split('', 2)", ["a", "bc"]),
        ("''.split('')", []),
        ("''.split(',')", [""]),
    ],
)
def test_split_in_the_specification_keeps_the_rest(expression: str, value: Any) -> None:
    assert evaluate(expression, CEL) == value


@pytest.mark.parametrize(
    "expression",
    [
        "'abc'.charAt(4)",
        "'abc'.charAt(-1)",
        "'abc'.indexOf('a', 4)",
        "'abc'.indexOf('a', -1)",
        "'abc'.lastIndexOf('a', 4)",
        "'abc'.substring(4)",
        "'abc'.substring(-1, 2)",
        "'abc'.substring(0, 4)",
    ],
)
def test_positions_out_of_range_are_an_error(expression: str) -> None:
    assert error_of(expression) == "index_out_of_bounds"


def test_substring_that_ends_before_it_begins_is_an_error() -> None:
    assert error_of("'abc'.substring(2, 1)") == "invalid_argument"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("'İ'.upper()", "İ"),
        ("'İ'.lower()", "i"),
        ("'ΟΔΟΣ'.lower()", "οδοσ"),
        ("'straße'.upper()", "STRAßE"),
        ("'ᾳ'.upper()", "ᾼ"),
        ("'ÄÖ abc'.lower()", "äö abc"),
    ],
)
def test_case_is_mapped_letter_by_letter(expression: str, value: str) -> None:
    assert evaluate(expression) == value


def test_trim_knows_unicode_white_space_and_no_separators() -> None:
    assert evaluate("'\\u2003a\\u00a0'.trim()") == "a"
    assert evaluate("'\\u001ca\\u200b'.trim()") == "\x1ca\u200b"


def test_indexes_count_code_points() -> None:
    assert evaluate("'a😀b'.indexOf('b') == 2 && size('a😀b') == 3 && 'a😀b'.charAt(1) == '😀'") is True


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("'aaa'.replace('a', 'b', 0)", "aaa"),
        ("'aaa'.replace('a', 'b', 2)", "bba"),
        ("'aaa'.replace('a', 'b', -5)", "bbb"),
        ("'ab'.replace('', '-')", "-a-b-"),
    ],
)
def test_replace_counts(expression: str, value: str) -> None:
    assert evaluate(expression) == value


def test_results_are_bounded() -> None:
    long = "lists.range(100000).map(i, '0123456789').join('')"
    assert evaluate(f"{long}.size()") == 1_000_000
    assert error_of(f"{long}.replace('0', '0123456789')") == "too_large"
    assert error_of(f"{long}.split('')") == "too_large"
    assert error_of(f"[{long}, {long}].join('')") == "too_large"
    assert evaluate(f"{long}.replace('0', 'ab', 1).size()") == 1_000_001


def test_join_of_what_is_no_text_is_an_error() -> None:
    assert error_of("json.decode('[1]').join(',')") == "no_such_overload"


def test_invalid_pattern_is_an_error() -> None:
    assert error_of("'a'.matches('a' + '(')") == "invalid_pattern"


def test_reverse_of_a_list_and_a_text() -> None:
    assert evaluate("['ab', 'c'].reverse()[0] + 'xy'.reverse()") == "cyx"
