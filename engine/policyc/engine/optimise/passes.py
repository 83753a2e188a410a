"""The passes over an expression, in order. Read `PASSES` from top to bottom: that is what they do.

Each has its own module and tests, and its own line in `policyc check --explain-plan`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from policyc.engine.cel import ir
from policyc.engine.cel.depth import room
from policyc.engine.cel.fold import fold
from policyc.engine.optimise.affixes import join_affixes
from policyc.engine.optimise.anchors import ask_prefixes
from policyc.engine.optimise.flatten import flatten
from policyc.engine.optimise.lookups import read_maps
from policyc.engine.optimise.loops import look_in_lists
from policyc.engine.optimise.membership import use_sets
from policyc.engine.optimise.networks import use_stretches
from policyc.engine.optimise.patterns import match_texts
from policyc.engine.optimise.sizes import test_for_items


class Pass(NamedTuple):
    """A pass: its name, what it does in a line, and the function."""

    name: str
    doc: str
    run: Callable[[ir.Node], ir.Node]


PASSES: tuple[Pass, ...] = (
    Pass("constants", "what is known before any traffic is computed", fold),
    Pass("patterns", "constant patterns as string methods, or as one call of RE2", match_texts),
    Pass("anchors", "patterns that begin with plain text asked for the text first", ask_prefixes),
    Pass("chains", "nested && and || joined", flatten),
    Pass("lookups", "look-ups of constant names as look-ups in the maps themselves", read_maps),
    Pass("sets", "equalities with one value after the other as a look-up in a set", use_sets),
    Pass("prefixes", "prefixes and suffixes of one text tried in one call", join_affixes),
    Pass("networks", "constant networks as stretches of numbers", use_stretches),
    Pass("loops", "loops that look for a value as a look-up in the list", look_in_lists),
    Pass("sizes", "sizes compared with nothing as tests for anything", test_for_items),
)


def optimise(node: ir.Node) -> ir.Node:
    """Return what the passes make of an expression."""
    with room():
        for each in PASSES:
            node = each.run(node)
    return node


def changes(node: ir.Node) -> Iterator[tuple[Pass, ir.Node]]:
    """Give each pass that changes the expression, with what it makes of it."""
    with room():
        for each in PASSES:
            made = each.run(node)
            if made is not node:
                yield each, made
            node = made
