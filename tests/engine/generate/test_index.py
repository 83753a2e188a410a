"""The tables of rules that are dispatched."""

from __future__ import annotations

from tests.evaluation import exchange, node_of

from policyc.engine.cel import ir
from policyc.engine.generate.dispatch import Level
from policyc.engine.generate.index import NESTED, Index
from policyc.engine.optimise.atoms import Atom, atoms_of
from policyc.engine.optimise.runs import choose
from policyc.engine.types import BOOL


def atoms(*conditions: str) -> dict[int, tuple[Atom, ...]]:
    nodes = [ir.And((node,), BOOL, node.span) for node in map(node_of, conditions)]
    return {number: atoms_of(node) for number, node in enumerate(nodes)}


def test_a_look_up_gives_the_candidates_in_order() -> None:
    made = atoms(*(f"req.url.path == '/{number % 3}'" for number in range(9)))
    [(probe, subject, look_up)] = Index(made).look_ups(choose(made))
    assert probe.kind == "exact"
    assert isinstance(subject, ir.Var)
    assert look_up("/1") == (1, 4, 7)
    assert not look_up("/9")


def test_many_candidates_are_looked_up_once_more() -> None:
    count = 4 * NESTED
    made = {
        number: (*first, *second)
        for number, (first, second) in enumerate(
            zip(
                atoms(*["req.method == 'GET'"] * count).values(),
                atoms(*(f"req.url.path == '/{number}'" for number in range(count))).values(),
                strict=True,
            )
        )
    }
    chosen = {number: found[0] for number, found in made.items()}
    [(_, _, look_up)] = Index(made).look_ups(chosen)
    level = look_up("GET")
    assert isinstance(level, Level)
    assert level.find(exchange(target="/5")) == (5,)
