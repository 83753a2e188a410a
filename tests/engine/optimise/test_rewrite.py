"""Rewriting from the leaves up."""

from __future__ import annotations

from tests.evaluation import node_of

from policyc.engine.cel import ir
from policyc.engine.cel.show import show
from policyc.engine.optimise.rewrite import rewrite

EVERYTHING = [
    "req.headers['x'][0].contains('a') && !(vars.a.b == 1)",
    "(has(vars.a.b) || has(req.url.query)) ? [req.method] : ['x']",
    "{'k': req.method, 'l': req.host}.k",
    "[1, 2].map(i, i > 1, i + 1).filter(i, i < 3)",
    "['a'].sortBy(s, size(s))",
]


def test_what_nothing_changes_is_the_same_object() -> None:
    for text in EVERYTHING:
        node = node_of(text)
        assert rewrite(node, lambda n: n) is node


def test_inner_nodes_come_first_and_every_one_once() -> None:
    seen: list[ir.Node] = []

    def visit(node: ir.Node) -> ir.Node:
        assert all(child in seen for child in ir.children(node))
        assert node not in seen
        seen.append(node)
        return node

    for text in EVERYTHING:
        rewrite(node_of(text), visit)
    assert len(seen) > 40


def test_change_below_makes_new_nodes_above_and_leaves_the_old_ones() -> None:
    def visit(node: ir.Node) -> ir.Node:
        return (
            ir.Const("POST", node.type, node.span)
            if isinstance(node, ir.Const) and node.value == "a"
            else node
        )

    for text in (*EVERYTHING, "['a'].exists(u, u == 'a')"):
        node = node_of(text)
        before = show(node)
        assert show(rewrite(node, visit)) == before.replace("'a'", "'POST'")
        assert show(node) == before
