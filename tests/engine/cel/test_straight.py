"""Patterns that leave no choice: which ones are, and that the answer is RE2's, whatever the text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyc.engine.cel.patterns import finder
from policyc.engine.cel.regex import compile_pattern, problem
from policyc.engine.cel.straight import Straight, straight_form, straight_test


@pytest.mark.parametrize(
    ("pattern", "spelled", "whole", "only_ascii"),
    [
        ("^/api/v[0-9]+/users/[0-9]+$", "/api/v[0-9]++/users/[0-9]++", True, False),
        (r"^/a/\d+", "/a/[0-9]", False, False),
        (r"\A\w+@[a-z]{2,3}\z", "[0-9A-Z_a-z]++@[a-z]{2,3}+", True, False),
        ("^/([a-z]+)/(?:[0-9]{4})$", "/[a-z]++/[0-9]{4}", True, False),
        (r"^v\.[0-9]*/?$", r"v\.[0-9]*+/{0,1}+", True, False),
        ("^[ab-]+$", r"[\-a-b]++", True, False),
    ],
)
def test_straight_patterns(pattern: str, spelled: str, whole: bool, only_ascii: bool) -> None:
    assert straight_form(pattern) == Straight(spelled, whole, only_ascii)


def test_what_a_pattern_does_not_name_is_judged_in_ascii_only() -> None:
    form = straight_form("^/users/[^/]+/orders$")
    assert form is not None
    assert form.only_ascii
    test = straight_test("^/users/[^/]+/orders$", form)
    assert test("/users/a\nb/orders")
    assert test("/users/ä/orders")
    assert not test("/users/\udcff/orders")  # an octet that is no UTF-8


@pytest.mark.parametrize(
    "pattern",
    [
        "[0-9]+",  # anywhere
        "^[a-z]+z$",
        "^a*a",
        "^[0-9]?[0-9]$",
        "^[a-z]+[0-9]*b$",
        "^(a|b)+$",
        "^(ab)*$",
        "^a|b$",
        "^a.*b$",
        "^a+?b$",
        "^(?i)a[0-9]$",
        "(?i)^a[0-9]$",
        "^[[:digit:]]+$",
        "^[]a]+$",
        "^[a-]b]$",
        r"^\bword[0-9]$",
        r"^\pN+$",
        r"^\Q[0-9]\E$",
        "^é[0-9]$",
        "^a[0-9]$b",
        "^a{,3}$",
        "^(",
    ],
)
def test_patterns_that_leave_choices_are_left_to_re2(pattern: str) -> None:
    assert straight_form(pattern) is None


def test_the_fastest_test_of_a_straight_pattern_is_not_re2() -> None:
    assert finder("^/a[0-9]+$") is not compile_pattern("^/a[0-9]+$")
    assert finder("^(a|b)+$") is compile_pattern("^(a|b)+$")


def test_repetitions_do_not_give_back() -> None:
    # Python's `re` would try all ways to share the zeros, if there were more than one.
    assert straight_form("^0+1+0*1*0?$") is None
    form = straight_form("^[ab]+[01]+[ab]+$")
    assert form is not None
    assert form.pattern.count("++") == 3
    assert re.compile(form.pattern).fullmatch("ab01ba")


_PIECES = [
    *("a", "b", "0", "1", "/", r"\.", "-", r"\d", r"\w", r"\s", r"\D", r"\W", r"\S", r"\n", "[ab]", "[^a]"),
    *("[0-9]", "[a-b0]", r"[^/\d]", r"[\w-]", "(a)", "(?:[01])", "(b[01]+)", ".", "[[:alpha:]]", "[]a]", "é"),
]
_TIMES = ("", "", "", "?", "*", "+", "{2}", "{1,2}", "{0}", "{2,}", "{0,1}", "+?", "{,2}")


@given(
    st.sampled_from(["^", r"\A"]),
    st.lists(st.tuples(st.sampled_from(_PIECES), st.sampled_from(_TIMES)), max_size=5),
    st.sampled_from(["", "$", r"\z"]),
    st.lists(st.text("ab01/.- \n\vé\udcff", max_size=8), min_size=1, max_size=8),
)
def test_the_answer_is_that_of_re2(
    start: str, pieces: list[tuple[str, str]], end: str, texts: list[str]
) -> None:
    pattern = start + "".join(piece + times for piece, times in pieces) + end
    form = straight_form(pattern)
    if form is None or problem(pattern) is not None:
        return
    test, by_engine = straight_test(pattern, form), compile_pattern(pattern)
    for text in texts:
        assert test(text) == by_engine(text), (pattern, text)


@given(st.lists(st.sampled_from("^$ab01[](){},-+*?\\dwz.|:"), max_size=10), st.text("ab01-\n", max_size=6))
def test_the_answer_is_that_of_re2_for_any_signs(signs: list[str], text: str) -> None:
    pattern = "^" + "".join(signs)
    form = straight_form(pattern)
    if form is None or problem(pattern) is not None:
        return
    assert straight_test(pattern, form)(text) == compile_pattern(pattern)(text), (pattern, text)
