"""What a condition surely needs of traffic."""

from __future__ import annotations

import pytest
from tests.evaluation import node_of

from policyc.engine.cel.show import show
from policyc.engine.optimise.atoms import Atom, atoms_of
from policyc.engine.optimise.passes import optimise


def atoms(text: str) -> tuple[Atom, ...]:
    return atoms_of(optimise(node_of(text)))


def told(text: str) -> list[list[tuple[str, str, object]]]:
    return [
        [(each.probe.kind, show(each.subject) + each.probe.name, each.value) for each in atom.alternatives]
        for atom in atoms(text)
    ]


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("req.url.path == '/a'", [("exact", "req.url.path", "/a")]),
        ("'/a' == req.url.path", [("exact", "req.url.path", "/a")]),
        ("conn.client_port == 80", [("exact", "conn.client_port", 80)]),
        ("req.host.lowerAscii() == 'a'", [("exact", "req.host.lowerAscii()", "a")]),
        ("req.url.path.startsWith('/a')", [("prefix", "req.url.path", "/a")]),
        ("req.host.endsWith('.a')", [("suffix", "req.host", ".a")]),
        ("req.headers['X'][0] == 'a'", [("first", "req.headersx", "a")]),
        ("getReqHeader('X')[0] == 'a'", [("first", "req.headersx", "a")]),
        ("'a' in req.headers['x']", [("any", "req.headersx", "a")]),
        ("getReqHeader('x').exists(v, v == 'a')", [("any", "req.headersx", "a")]),
        ("req.url.query_params['Q'][0] == 'a'", [("first", "req.url.query_paramsQ", "a")]),
        (
            "inCidrRange(conn.client_ip, '10.0.0.0/8')",
            [("network", "conn.client_ip (number)", (0x0A00_0000, 0x0AFF_FFFF))],
        ),
        (
            "req.url.path == '/a' || req.host.startsWith('b')",
            [("exact", "req.url.path", "/a"), ("prefix", "req.host", "b")],
        ),
    ],
)
def test_terms_that_tables_can_tell_are_atoms(text: str, want: list[tuple[str, str, object]]) -> None:
    assert told(text) == [want]
    assert told(f"{text.join('()')} && vars.a == 1") == [want]


def test_sets_have_an_alternative_for_each_value() -> None:
    [atom] = atoms("req.method in ['GET', 'PUT']")
    assert {each.value for each in atom.alternatives} == {"GET", "PUT"}
    assert len(atom.probes) == 1


def test_every_term_of_a_conjunction_that_can_be_told_is_an_atom() -> None:
    assert len(atoms("req.method == 'a' && req.url.path.contains('b') && req.host == 'c'")) == 2


@pytest.mark.parametrize(
    "text",
    [
        "req.method != 'a'",
        "!(req.method == 'a')",
        "req.method == req.host",
        "req.url.path.contains('a')",
        "vars.a == 'a'",
        "req.method == 'a' || vars.a == 'a'",
        "req.method == 'a' ? true : false",
        "req.headers['x'][1] == 'a'",
        "req.headers['x'][0].startsWith('a')",
        "rand.int(0, 1) == 1",
        "conn.client_port > 80",
        "getReqHeader('host')[0] == 'a'",
        "'x' in req.headers",
        "true",
    ],
)
def test_others_are_none(text: str) -> None:
    assert atoms(text) == ()
    assert atoms_of(None) == ()


@pytest.mark.parametrize(
    ("text", "may_fail"),
    [
        ("req.headers['x'][0] == 'a'", True),
        ("getReqHeader('x')[0] == 'a'", True),
        ("'a' in req.headers['x']", True),
        ("'a' in getReqHeader('x')", False),
        ("'x' in req.headers && req.headers['x'][0] == 'a'", False),
        ("req.headers['x'][0] == 'a' && 'X' in req.headers", False),
        ("hasReqHeader('X') && getReqHeader('x')[0] == 'a'", False),
        ("size(getReqHeader('x')) > 0 && req.headers['x'][0] == 'a'", False),
        ("'y' in req.headers && req.headers['x'][0] == 'a'", True),
        ("('x' in req.headers || req.method == 'a') && req.headers['x'][0] == 'a'", True),
        ("!('x' in req.headers) && req.headers['x'][0] == 'a'", True),
        ("'q' in req.url.query_params && req.headers['q'][0] == 'a'", True),
    ],
)
def test_look_up_of_a_name_may_fail_unless_the_condition_asks_for_the_name(text: str, may_fail: bool) -> None:
    [alternative] = [
        each for atom in atoms(text) for each in atom.alternatives if each.probe.kind in ("first", "any")
    ]
    assert alternative.may_fail is may_fail
