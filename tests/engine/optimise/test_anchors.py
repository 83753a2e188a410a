"""Patterns that begin with plain text."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.evaluation import exchange, node_of

from policyc.engine.cel.plan import plan
from policyc.engine.cel.regex import matches, problem
from policyc.engine.cel.show import show
from policyc.engine.generate.expression import compile_value
from policyc.engine.optimise.anchors import prefix_of
from policyc.engine.optimise.atoms import atoms_of
from policyc.engine.optimise.passes import optimise


@pytest.mark.parametrize(
    ("pattern", "prefix"),
    [
        ("^/users/[0-9]+$", "/users/"),
        (r"^/v1\.0/\d+", "/v1.0/"),
        ("^/a+b", "/a"),
        ("^/ab?c", "/a"),
        ("^/ab*c", "/a"),
        ("^/ab{0,3}c", "/a"),
        ("^/api/(v1|v2)/[a-z]+", "/api/"),
        ("^/api/[|]x", "/api/"),
        ("^/api/[]|]x", "/api/"),
        ("^/api/[^]|]x", "/api/"),
        ("^/api/[[:alpha:]|]x", "/api/"),
        (r"^/api/\|x", "/api/|x"),
        ("^abc(?i)def", ""),
        ("^abc(?:def|ghi)", "abc"),
        ("^a(?i){0,2}", ""),
        ("^/a|^/b", ""),
        ("^/a/[0-9]+|/b", ""),
        ("^/a(x|y)|z", ""),
        ("(?i)^/a", ""),
        ("^(?i)/a", ""),
        ("/a", ""),
        (r"^\Q/a|b\E|c", ""),
        (r"^\d", ""),
        ("^é+", ""),
        ("^", ""),
        ("", ""),
    ],
)
def test_prefix_is_what_everything_begins_with(pattern: str, prefix: str) -> None:
    assert problem(pattern) is None
    assert prefix_of(pattern) == prefix


_PIECES = st.sampled_from(
    [
        *"ab/|?*+.$^()[]{}",
        "{0,2}",
        "(a|b)",
        "[a|]",
        "[]b]",
        "[^]a]",
        r"\.",
        r"\d",
        r"\b",
        "(?P<n>",
        r"\|",
        "(?i)",
        "(?:",
        "é",
        "[[:alpha:]|]",
    ]
)


@given(
    st.lists(_PIECES, max_size=7).map(lambda pieces: "^" + "".join(pieces)),
    st.text("ab/|.1éA]", max_size=6),
)
@example("^ab*", "a")
@example("^a|b", "b")
@example("^a(?i){0,2}", "")
def test_what_is_found_begins_with_the_prefix(pattern: str, text: str) -> None:
    if problem(pattern) is None and matches(text, pattern):
        assert text.startswith(prefix_of(pattern))


def test_prefix_is_asked_first_and_once() -> None:
    node = optimise(node_of("req.url.path.matches('^/old/[0-9]+$')"))
    want = "req.url.path.startsWith('/old/') && req.url.path matches '^/old/[0-9]+$' by RE2"
    assert show(node) == want
    assert show(optimise(node)) == want
    for target, found in (("/old/7", True), ("/old/x", False), ("/new/7", False)):
        assert plan(node)(exchange(target=target), {}) is found
        assert compile_value(node)(exchange(target=target)) is found


def test_rules_can_be_looked_up_by_the_prefix() -> None:
    [atom] = atoms_of(optimise(node_of("req.url.path.matches('^/old/[0-9]+$')")))
    assert [alternative.value for alternative in atom.alternatives] == ["/old/"]


@pytest.mark.parametrize(
    "text",
    [
        "req.url.path.matches('^/[0-9]+$')",
        "req.headers['x'][0].matches('^abc[0-9]+$')",
        "req.url.path.matches('abc[0-9]+$')",
    ],
)
def test_short_prefixes_and_dear_subjects_are_left_to_the_pattern(text: str) -> None:
    assert "startsWith" not in show(optimise(node_of(text)))
