"""Expressions that conditions have in common."""

from __future__ import annotations

import pytest
from tests.evaluation import node_of

from policyc.engine.cel.show import show
from policyc.engine.optimise.passes import optimise
from policyc.engine.optimise.shared import WORTH, share, weight


def shared(*texts: str) -> list[str]:
    return [show(node) for node in share([optimise(node_of(text)) for text in texts]).nodes]


def test_what_two_conditions_ask_is_shared_at_its_largest() -> None:
    admin = "req.url.path.startsWith('/admin/')"
    assert shared(f"{admin} && req.method == 'A'", f"req.host == 'b' || {admin}") == [admin]
    both = f"({admin} || req.host.endsWith('.b'))"
    assert shared(f"{both} && req.method == 'A'", f"{both} && req.method == 'B'") == [
        f"{admin} || req.host.endsWith('.b')"
    ]


def test_part_that_another_rule_asks_alone_is_shared_too() -> None:
    one, other = "req.url.path.startsWith('/a')", "req.host.endsWith('.b')"
    both = f"({one} || {other})"
    assert set(shared(f"{both} && req.method == 'A'", both, one)) == {one, f"{one} || {other}"}


@pytest.mark.parametrize(
    "text",
    [
        "req.method == 'a'",
        "req.method in ['a', 'b']",
        "size(req.method) > 0",
        "rand.int(0, 9) + rand.int(0, 9) > 4",
        "vars.a.b.c",
        "true",
    ],
)
def test_what_is_cheap_or_never_the_same_or_may_be_null_is_not_shared(text: str) -> None:
    assert shared(text, text) == []


def test_inside_of_a_loop_nothing_is_shared_but_the_loop_is() -> None:
    loop = "req.headers['x'].exists(u, u.startsWith(req.method) && u.startsWith(req.method))"
    assert shared(loop) == []
    assert shared(loop, loop) == [show(optimise(node_of(loop)))]


def test_what_reads_locals_of_a_loop_stays_in_it() -> None:
    # `map` is written twice: the loop may be kept, but nothing that reads `u`.
    loop = "['a'].map(u, u.lowerAscii().startsWith('a') || u.lowerAscii().startsWith('b'))"
    assert shared(f"{loop}[0]", f"!{loop}[1]") == [show(optimise(node_of(loop)))]


def test_equal_nodes_are_one_and_conditions_keep_their_places() -> None:
    texts = ["req.url.path.endsWith('.php')", "req.url.path.endsWith('.php')"]
    made = share([node_of(texts[0]), None, node_of(texts[1])])
    assert made.conditions[0] is made.conditions[2]
    assert made.conditions[1] is None
    assert made.ids == {id(made.conditions[0])}


def test_what_takes_longer_weighs_more() -> None:
    order = [
        "req.method",
        "req.method == 'a'",
        "req.url.path.startsWith('a')",
        "req.url.path.startsWith('a') && req.method.substring(1) == 'b'",
        "req.headers['x'].exists(u, u.contains('a'))",
    ]
    weights = [weight(node_of(text)) for text in order]
    assert weights == sorted(weights)
    assert weights[1] < WORTH <= weights[2]
