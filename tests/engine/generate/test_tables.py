"""Tables find exactly what trying every entry would find."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyc.engine.generate import tables
from policyc.engine.generate.tables import Numbers

NUMBERS = st.lists(st.integers(0, 9), min_size=1, max_size=4)
TEXTS = st.text("ab/", max_size=5)
RANGES = st.tuples(st.integers(-1, 20), st.integers(0, 6)).map(lambda pair: (pair[0], sum(pair)))


def kept(numbers: Numbers) -> Numbers:
    """Make a bucket that is just the numbers."""
    return numbers


def test_numbers_stand_in_order_and_once() -> None:
    assert tables.in_order([3, 1, 3, 2]) == (1, 2, 3)


def test_buckets_by_value_are_made_of_the_numbers_in_order() -> None:
    made = tables.exact({"a": [2, 1], "b": [5]}, lambda numbers: ("made", numbers))
    assert made == {"a": ("made", (1, 2)), "b": ("made", (5,))}


def test_values_find_their_buckets_and_others_nothing() -> None:
    table = tables.Exact({"a": (1,)})
    assert (table.find("a"), table.find("A")) == ((1,), ())


def test_a_text_finds_the_rules_of_all_its_prefixes() -> None:
    table = tables.Prefixes({"": [9], "/a": [2], "/a/b": [1], "/b": [3]}, kept)
    assert table.find("/a/bc") == (1, 2, 9)
    assert table.find("/a/c") == (2, 9)
    assert table.find("x") == (9,)


def test_a_text_before_all_prefixes_finds_nothing() -> None:
    assert tables.Prefixes({"b": [1]}, kept).find("a") == ()


def test_a_prefix_between_a_text_and_its_own_prefix_does_not_hide_it() -> None:
    assert tables.Prefixes({"a": [1], "ab": [2], "abc": [3]}, kept).find("ad") == (1,)


@given(st.dictionaries(TEXTS, NUMBERS, max_size=8), TEXTS)
def test_prefixes_find_what_trying_them_all_finds(stored: dict[str, list[int]], text: str) -> None:
    want = {number for prefix, numbers in stored.items() if text.startswith(prefix) for number in numbers}
    assert tables.Prefixes(stored, kept).find(text) == tuple(sorted(want))


@given(st.dictionaries(TEXTS, NUMBERS, max_size=8), TEXTS)
def test_suffixes_find_what_trying_them_all_finds(stored: dict[str, list[int]], text: str) -> None:
    want = {number for suffix, numbers in stored.items() if text.endswith(suffix) for number in numbers}
    assert tables.Suffixes(stored, kept).find(text) == tuple(sorted(want))


@given(st.dictionaries(RANGES, NUMBERS, max_size=8), st.integers(-1, 30))
def test_ranges_find_what_trying_them_all_finds(
    stored: dict[tuple[int, int], list[int]], number: int
) -> None:
    want = {rule for (first, last), rules in stored.items() if first <= number <= last for rule in rules}
    assert tables.Ranges(stored, kept).find(number) == tuple(sorted(want))


def test_a_rule_with_ranges_that_overlap_is_found_until_the_last_ends() -> None:
    table = tables.Ranges({(0, 9): [1], (5, 20): [1]}, kept)
    assert [table.find(number) for number in (-1, 0, 9, 10, 20, 21)] == [(), (1,), (1,), (1,), (1,), ()]


@pytest.mark.parametrize(
    ("values", "found"),
    [(["a"], "A"), (["a", "b"], "A"), (["x", "a"], ()), (None, "missing"), ([], "empty")],
)
def test_the_first_value_is_asked(values: list[str] | None, found: object) -> None:
    assert tables.first_of({"a": "A", "b": "B"}, "missing", "empty")(values) == found


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["a"], (1, 2)),
        (["b", "a"], (1, 2, 3)),
        (["x"], ()),
        (["x", "y"], ()),
        (["x", "b"], (2, 3)),
        ([], ()),
        (None, (7,)),
    ],
)
def test_each_value_is_asked(values: list[str] | None, found: Numbers) -> None:
    assert tables.any_of({"a": [2, 1], "b": [3, 2]}, (7,), kept)(values) == found


def test_nothing_is_found_under_no_name_if_no_rule_fails_there() -> None:
    assert tables.any_of({"a": [1]}, (), kept)(None) == ()
