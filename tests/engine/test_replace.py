"""Replacing with `$1`."""

from __future__ import annotations

import pytest

from policyc.engine.cel.regex import compiled
from policyc.engine.replace import replace_all, split_replacement, whole


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        ("a", ("a",)),
        ("$1", (1,)),
        ("$1$2", (1, 2)),
        ("$name", (2,)),
        ("$1x", ()),
        ("$1-x", (1, "-x")),
        ("$$1", ("$1",)),
        ("$$$1", ("$", 1)),
        ("$9", ()),
        ("a$9b", ("a",)),  # the longest run: `$9b`
        ("a$", ("a$",)),
        ("a$ b", ("a$ b",)),
        ("${1}", ("${1}",)),
        ("$0", (0,)),
        ("$99999999999999999999", ()),
    ],
)
def test_replacements(text: str, parts: tuple[str | int, ...]) -> None:
    assert split_replacement(text, {"name": 2}, 2) == parts


def test_all_matches_are_replaced_and_the_first_one_is_told() -> None:
    pattern = compiled("(a)(x)?")
    replaced = replace_all(pattern, ("<", 1, 2, ">"), "banax")
    assert replaced.text == "b<a>n<ax>"
    assert replaced.matches == ["a", "a", ""]


def test_nothing_matched() -> None:
    replaced = replace_all(compiled("z"), ("y",), "banana")
    assert (replaced.text, replaced.matches) == ("banana", [])


def test_text_beyond_ascii_is_cut_at_characters() -> None:
    assert replace_all(compiled("ü+"), ("-",), "aüüb€c").text == "a-b€c"


def test_without_a_pattern_all_of_it_matches() -> None:
    assert whole(("a", 0), "x").text == "ax"
    assert whole(("a",), "x").matches == ["x"]


def test_octets_that_are_no_utf8_survive() -> None:
    subject = b"/\xff/old/".decode("utf-8", "surrogateescape")
    assert replace_all(compiled("old"), ("new",), subject).text == b"/\xff/new/".decode(
        "utf-8", "surrogateescape"
    )
