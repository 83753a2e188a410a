"""The passes over an expression."""

from __future__ import annotations

import pytest
from tests.evaluation import node_of

from policyc.engine.cel.show import show
from policyc.engine.optimise.passes import PASSES, changes, optimise


def test_passes_have_names_of_their_own_and_say_what_they_do() -> None:
    assert len({each.name for each in PASSES}) == len(PASSES)
    assert all(each.doc and "\n" not in each.doc for each in PASSES)


# One expression for each pass, that it and no other one changes.
EXAMPLES = {
    "constants": "1 + 1 == 2 && req.method == 'a'",
    "chains": "(req.method == 'a' && req.host == 'b') && req.version == 'c'",
    "lookups": "hasReqHeader('x')",
    "sets": "req.method in ['a', 'b']",
    "prefixes": "req.host.startsWith('a') || req.host.startsWith('b')",
    "networks": "inCidrRange(conn.client_ip, '10.0.0.0/8')",
    "loops": "req.headers['x'].exists(u, u == 'a')",
    "sizes": "size(req.method) > 0",
    "anchors": "req.url.path.matches('^/a/[0-9]+')",
    "patterns": "req.method.matches('^a')",
}


@pytest.mark.parametrize("each", PASSES, ids=lambda each: each.name)
def test_every_pass_does_what_it_says(each: object) -> None:
    name = getattr(each, "name", "")
    node = node_of(EXAMPLES[name])
    before = show(node)
    changed = []
    for made_by, made in changes(node):
        if show(made) != before:
            changed.append(made_by.name)
        before = show(made)
    assert name in changed


def test_what_is_optimised_stays_as_it_is() -> None:
    for text in EXAMPLES.values():
        once = optimise(node_of(text))
        assert show(optimise(once)) == show(once)


def test_passes_build_on_each_other() -> None:
    loop = "req.headers['x'].exists(u, u == 'a' || (u == 'b' || u in ['c']))"
    assert show(optimise(node_of(f"({loop} && size(getReqHeader('X')) > 1 - 1)"))) == (
        "any of req.headers['x'] in {'a', 'b', 'c'} && has items: values of 'x' in req.headers"
    )


def test_deep_expressions_have_room() -> None:
    text = "req.method == 'a'"
    for _ in range(14):
        text = f"!({text} || req.host == 'b')"
    assert show(optimise(node_of(text))).count("!") == 14
