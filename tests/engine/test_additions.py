"""Response phases that only add lines are known as such, and do the same as any other."""

from __future__ import annotations

import pytest

from policyc.engine.additions import Additions
from policyc.engine.image.reading import load
from policyc.engine.image.writing import dump
from policyc.engine.model import Policy
from policyc.engine.options import Options
from policyc.engine.phases import Phase
from policyc.engine.traffic import Connection, EndpointInfo, Exchange, FieldBlock, Headers, Response
from policyc.grammar.diagnostic import Report
from policyc.grammar.source import Source
from policyc.runtime.program import build
from policyc.runtime.services import LocalServices
from policyc.runtime.state import RateLimiter


def policy(text: str) -> Policy:
    source = Source("p.policy", f"on_http_response {{ {text} }}")
    program = build([source], Options(for_run=True), Report(), cached=False).program
    assert program.policy is not None
    return program.policy


ADDING = """
  add-headers { headers: { "X-A": "1", "x-b": "2" } }
  rule "named" { add-headers { headers: { "x-a": "3" } } }
"""


def test_phase_that_only_adds_is_known_by_its_lines_and_rules() -> None:
    phase = policy(ADDING).phases[Phase.HTTP_RESPONSE]
    assert isinstance(phase, Additions)
    assert phase.block == b"x-a: 1\r\nx-b: 2\r\nx-a: 3\r\n"
    assert phase.names == ["on_http_response[0]", "named"]


def test_it_is_a_phase_like_any_other_for_who_runs_it() -> None:
    phase = policy(ADDING).phases[Phase.HTTP_RESPONSE]
    info = EndpointInfo("http://a", "http", "a", 80)
    view = Exchange(Connection("192.0.2.1"), info, LocalServices(RateLimiter(lambda: 0.0)))
    view.res = Response(200, Headers.received(FieldBlock(b"server: s\r\n")))
    assert phase(view) is None
    assert view.acted == ["on_http_response[0]", "named"]
    assert view.res.headers.get("x-a") == ["1", "3"]


@pytest.mark.parametrize(
    "text",
    [
        'rule "r" when res.status_code == 200 { add-headers { headers: { "x-a": "1" } } }',
        'add-headers { headers: { "x-a": "${res.status_code}" } }',
        'add-headers { headers: { "x-a": "1" } } remove-headers { headers: ["server"] }',
    ],
)
def test_phase_that_does_more_is_none(text: str) -> None:
    assert not isinstance(policy(text).phases[Phase.HTTP_RESPONSE], Additions)


def test_it_comes_back_from_an_image() -> None:
    before = policy(ADDING)
    after = load(dump(before, []), [])
    phase = after.phases[Phase.HTTP_RESPONSE]
    assert isinstance(phase, Additions)
    assert phase.block == before.phases[Phase.HTTP_RESPONSE].block  # type: ignore[attr-defined]
