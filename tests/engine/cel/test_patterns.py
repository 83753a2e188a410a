"""Patterns that are only texts: which ones are, and that the answer is RE2's, whatever the text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyc.engine.cel.patterns import EQUAL, PART, PREFIX, SUFFIX, finder, literal_form
from policyc.engine.cel.regex import compile_pattern, problem
from policyc.engine.values import EvalError


@pytest.mark.parametrize(
    ("pattern", "kind", "words"),
    [
        ("bot", PART, ("bot",)),
        ("curl|bot", PART, ("curl", "bot")),
        ("", PART, ("",)),
        (".*", PART, ("",)),
        (".*admin.*", PART, ("admin",)),
        ("^/api/", PREFIX, ("/api/",)),
        (r"\A/api/", PREFIX, ("/api/",)),
        ("^/api/.*", PREFIX, ("/api/",)),
        ("^/(api|admin)/", PREFIX, ("/api/", "/admin/")),
        (r"\.png$", SUFFIX, (".png",)),
        (r"\.(png|jpe?g)\z", SUFFIX, (".png", ".jpeg", ".jpg")),
        ("^GET$", EQUAL, ("GET",)),
        ("^(?:GET|POST)$", EQUAL, ("GET", "POST")),
        ("^[ab]-[0-2]$", EQUAL, ("a-0", "a-1", "a-2", "b-0", "b-1", "b-2")),
        (r"a\.b\/c\t", PART, ("a.b/c\t",)),
        ("^$", EQUAL, ("",)),
    ],
)
def test_patterns_that_are_texts(pattern: str, kind: str, words: tuple[str, ...]) -> None:
    found = literal_form(pattern)
    assert found is not None
    assert found.is_plain
    assert [(form.kind, form.words) for form in found.forms] == [(kind, words)]


def test_branches_with_different_anchors_are_different_forms() -> None:
    found = literal_form("^/a|/b$|^/c")
    assert found is not None
    assert [(form.kind, form.words) for form in found.forms] == [(PREFIX, ("/a", "/c")), (SUFFIX, ("/b",))]


def test_case_is_ignored_in_lower_case() -> None:
    found = literal_form("(?i)Curl|BOT")
    assert found is not None
    assert (found.ignores_case, found.is_plain) == (True, False)
    assert found.forms[0].words == ("curl", "bot")


@pytest.mark.parametrize("pattern", ["^/api/.*$", "^.*admin", "^.*$", "a.*$|b", "(?i)^/API/.*$"])
def test_anything_up_to_an_end_needs_a_text_of_one_line(pattern: str) -> None:
    found = literal_form(pattern)
    assert found is not None
    assert found.one_line


@pytest.mark.parametrize(
    "pattern",
    [
        "a+", "a*", "a{2}", "a{2", "[^a]", "[a-z]", r"\d", r"\w", r"\bfoo", "x.y", "x.*y", "(a.*b)", "(^a)",
        "a^b", "a$b", "é", "[é]", r"\x41", r"\pL", r"\Qa\E", "(?i:a)", "(?s)a.b", "(?m)^a$", "a.*?", "a??",
        ".+", "(?P<n>a)", "a(?i)b", "^.", "[[:alpha:]]", "|".join(f"word{n}" for n in range(13)),
        "^(" + "|".join(f"w{n}" for n in range(65)) + ")$", "(" * 30 + "a" + ")" * 30,
    ],
)  # fmt: skip
def test_everything_else_is_left_to_re2(pattern: str) -> None:
    assert literal_form(pattern) is None


def test_long_alternatives_of_whole_texts_are_still_texts() -> None:
    found = literal_form("^(" + "|".join(f"w{n}" for n in range(64)) + ")$")
    assert found is not None
    assert len(found.forms[0].words) == 64


def test_a_pattern_that_re2_refuses_is_refused() -> None:
    with pytest.raises(EvalError, match="invalid regular expression"):
        finder("(a")


# Letters with a third form under RE2's case folding, what is no UTF-8, and the ends of lines.
LETTERS = "abkKsS\u212a\u017f\u00e9\u0130\u0131.-/\n\r\0\\ \udc80\udcc3\udca9\U0001f600"
TEXTS = st.text(alphabet=LETTERS, max_size=12)
PIECES = st.sampled_from(
    ["a", "b", "k", "K", "s", "S", r"\.", "-", "/", r"\n", "[ab]", "[k-s]", "[K-S]", "(a|b)", "(?:ks?|)",
     "a?", "(ab)?", "\u00e9", r"\\", " ", "[.]", r"[\-a]"]
)  # fmt: skip
BRANCHES = st.builds(
    lambda begin, any_first, pieces, any_last, end: begin + any_first + "".join(pieces) + any_last + end,
    st.sampled_from(["", "^", r"\A"]), st.sampled_from(["", ".*"]), st.lists(PIECES, max_size=4),
    st.sampled_from(["", ".*"]), st.sampled_from(["", "$", r"\z"]),
)  # fmt: skip
PATTERNS = st.builds(
    lambda flag, branches: flag + "|".join(branches),
    st.sampled_from(["", "(?i)"]), st.lists(BRANCHES, min_size=1, max_size=3),
)  # fmt: skip


@given(PATTERNS, st.lists(TEXTS, min_size=1, max_size=8))
def test_the_answer_is_re2s(pattern: str, texts: list[str]) -> None:
    assert problem(pattern) is None
    found, by_engine = finder(pattern), compile_pattern(pattern)
    form = literal_form(pattern)
    # Texts that are made of the pattern's own words are the ones that are nearly found.
    words = [word for each in (form.forms if form else ()) for word in each.words]
    near = [
        made for word in words[:6] for made in (word, word.upper(), f"{word}\n", f"x{word}", f"\n{word}é")
    ]
    for text in [*texts, *near, "", "\n"]:
        assert found(text) is by_engine(text), (pattern, text)


@given(st.text(alphabet="ab|()?.*+[]^$\\-{}k1,i:sm ", max_size=10), st.lists(TEXTS, min_size=1, max_size=6))
def test_whatever_is_written_the_answer_is_re2s(pattern: str, texts: list[str]) -> None:
    if problem(pattern) is not None:
        return
    found, by_engine = finder(pattern), compile_pattern(pattern)
    for text in [*texts, "", "a", "ab", "a\n", "\na"]:
        assert found(text) is by_engine(text), (pattern, text)


def test_every_character_alone_means_to_both_the_same() -> None:
    for number in range(128):
        for pattern in (chr(number), "\\" + chr(number), f"[{chr(number)}]", f"[\\{chr(number)}]"):
            if problem(pattern) is None and literal_form(pattern) is not None:
                by_engine, found = compile_pattern(pattern), finder(pattern)
                for other in range(128):
                    assert found(chr(other)) is by_engine(chr(other)), (pattern, chr(other))
