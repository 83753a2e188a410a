"""Chains of prefixes and suffixes in one call."""

from __future__ import annotations

import pytest
from tests.evaluation import exchange, node_of

from policyc.engine.cel.plan import plan
from policyc.engine.cel.show import show
from policyc.engine.generate.expression import compile_value
from policyc.engine.optimise.affixes import affixes_of, join_affixes


@pytest.mark.parametrize(
    ("text", "want"),
    [
        (
            "req.url.path.startsWith('/a') || req.url.path.startsWith('/b')",
            "req.url.path.startsWith(('/a', '/b'))",
        ),
        (
            "req.host.endsWith('.a') || req.method == 'x' || req.host.endsWith('.b')",
            "req.host.endsWith(('.a', '.b')) || req.method == 'x'",
        ),
        (
            "!req.url.path.startsWith('/a') && !req.url.path.startsWith('/b')",
            "!req.url.path.startsWith(('/a', '/b'))",
        ),
        (
            "req.host.endsWith('.a') || req.url.path.startsWith('/a') || req.host.endsWith('.b')"
            " || req.url.path.startsWith('/b')",
            "req.host.endsWith(('.a', '.b')) || req.url.path.startsWith(('/a', '/b'))",
        ),
    ],
)
def test_affixes_of_one_text_are_joined(text: str, want: str) -> None:
    assert show(join_affixes(node_of(text))) == want


@pytest.mark.parametrize(
    "text",
    [
        "req.url.path.startsWith('/a')",
        "req.url.path.startsWith('/a') && req.url.path.startsWith('/b')",
        "req.url.path.startsWith('/a') || req.host.startsWith('/b')",
        "req.url.path.startsWith('/a') || req.url.path.endsWith('/b')",
        "req.url.path.startsWith(req.host) || req.url.path.startsWith(req.method)",
    ],
)
def test_others_stay(text: str) -> None:
    node = node_of(text)
    assert join_affixes(node) is node


def test_joined_affixes_give_what_the_chain_gave() -> None:
    node = node_of(
        "req.url.path.startsWith('/a') || req.url.path.startsWith('/b') || req.url.path.startsWith('')"
    )
    narrow = node_of("req.url.path.startsWith('/a') || req.url.path.startsWith('/b')")
    for target in ("/a/x", "/b", "/", "/c"):
        for each in (node, narrow):
            made = join_affixes(each)
            want = plan(each)(exchange(target=target), {})
            assert plan(made)(exchange(target=target), {}) is want
            assert compile_value(made)(exchange(target=target)) is want


def test_affixes_are_read_from_both_forms() -> None:
    single = affixes_of(node_of("req.host.endsWith('.a')"), "endsWith")
    several = affixes_of(
        join_affixes(node_of("req.host.endsWith('.a') || req.host.endsWith('.b')")), "endsWith"
    )
    assert single is not None
    assert several is not None
    assert (single.values, several.values) == ((".a",), (".a", ".b"))
    assert affixes_of(node_of("req.host.endsWith(req.method)"), "endsWith") is None
