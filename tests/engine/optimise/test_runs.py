"""Which rules are dispatched."""

from __future__ import annotations

from collections.abc import Sequence

from tests.evaluation import node_of

from policyc.engine.optimise.atoms import Atom, atoms_of
from policyc.engine.optimise.passes import optimise
from policyc.engine.optimise.runs import ASKED, PROBES, TRIED, choose, is_worth, stretches


def atoms(text: str) -> tuple[Atom, ...]:
    return atoms_of(optimise(node_of(text)))


def found(texts: Sequence[str]) -> list[tuple[int, int, bool]]:
    return [(each.first, each.end, each.is_dispatched) for each in stretches([atoms(text) for text in texts])]


PATHS = [f"req.url.path == '/{i}'" for i in range(20)]
HOSTS = [f"req.host == 'h{i}' && req.method == 'GET'" for i in range(20)]
OTHER = "req.url.path.contains('x')"


def test_many_rules_on_one_value_are_dispatched() -> None:
    assert found(PATHS) == [(0, 20, True)]


def test_a_rule_that_no_table_can_tell_cuts_in_two() -> None:
    assert found([*PATHS, OTHER, *PATHS]) == [(0, 20, True), (20, 21, False), (21, 41, True)]


def test_few_rules_are_tried() -> None:
    assert found(PATHS[:2]) == [(0, 2, False)]
    assert found([*PATHS[:2], OTHER, *PATHS[:2]]) == [(0, 5, False)]
    assert found([]) == []


def test_rules_on_different_values_are_dispatched_together() -> None:
    assert found([*PATHS, *HOSTS]) == [(0, 40, True)]


def test_atom_with_the_fewest_rivals_picks_a_rule() -> None:
    chosen = choose(dict(enumerate(map(atoms, HOSTS))))
    assert {probe.key for atom in chosen.values() for probe in atom.probes} == {("var", "req.host")}


def test_single_rules_of_many_kinds_are_tried() -> None:
    texts = [
        "req.url.path == '/a'",
        "req.host == 'a'",
        "req.url.path.startsWith('/a')",
        "req.host.endsWith('.a')",
        "req.headers['a'][0] == 'a'",
        "req.headers['b'][0] == 'a'",
    ]
    assert found(texts) == [(0, 6, False)]


def test_single_rules_among_many_are_tried_in_their_places() -> None:
    texts = [*PATHS[:10], "req.host.endsWith('.a')", *PATHS[10:], "req.headers['a'][0] == 'a'"]
    assert found(texts) == [(0, 10, True), (10, 11, False), (11, 21, True), (21, 22, False)]


def test_stretch_asks_no_more_than_so_many_probes() -> None:
    texts = [f"req.headers['x-{i % (PROBES + 3)}'][0] == '{i}'" for i in range(90)]
    chosen = choose(dict(enumerate(map(atoms, texts))))
    assert len({probe for atom in chosen.values() for probe in atom.probes}) == PROBES
    assert 0 < len(chosen) < 90


def test_every_rule_is_in_one_stretch_and_in_its_place() -> None:
    texts = [*PATHS, OTHER, OTHER, *HOSTS[:1], OTHER, *HOSTS]
    ends = [(first, end) for first, end, _ in found(texts)]
    assert [first for first, _ in ends] == [0, *(end for _, end in ends[:-1])]
    assert ends[-1][1] == len(texts)
    for stretch in stretches([atoms(text) for text in texts]):
        assert len(stretch.atoms) in (0, stretch.end - stretch.first)


def test_dispatching_pays_where_trying_takes_longer() -> None:
    exact = [atoms(text)[0] for text in PATHS]
    enough = ASKED["exact"] // TRIED["exact"] + 1
    assert not is_worth(exact[: enough - 1])
    assert is_worth(exact[:enough])
