"""Where values stand."""

from __future__ import annotations

from policyc.engine.action import Site
from policyc.engine.cel.scope import Scope
from policyc.engine.phases import Phase
from policyc.engine.schema import Place, codes
from policyc.grammar.diagnostic import Report
from policyc.grammar.source import Source

SITE = Site(Phase.HTTP_REQUEST, Scope.traffic(Phase.HTTP_REQUEST), Report(), "on_http_request[0].actions[1]")
CONFIG = Place(SITE, "log", f"{SITE.path}.config", "")


def test_paths_are_those_of_the_document() -> None:
    place = CONFIG.entry("vars").item(0).entry("x-y")
    assert place.path == "on_http_request[0].actions[1].config.vars[0].x-y"
    assert place.field == "vars[0].x-y"
    assert place.name == "`vars[0].x-y`"
    assert CONFIG.name == "the config of `log`"


def test_a_finding_carries_path_and_facts() -> None:
    CONFIG.entry("a").report(codes.EMPTY, "`a` must not be empty", Source("t", "a").whole(), ngrok=1)
    (found,) = SITE.report
    assert (found.path, found.ngrok) == ("on_http_request[0].actions[1].config.a", 1)
    assert found.facts == {"action": "log", "field": "a"}
