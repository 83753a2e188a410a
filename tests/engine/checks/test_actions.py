from __future__ import annotations

import pytest
from tests.engine.policies import codes, found, only

from policyc.engine.actions import actions
from policyc.engine.phases import Phase


def test_unknown_actions_get_the_near_name() -> None:
    diagnostic = only(found('on_http_request { forward-interal "https://a.internal" }'))
    assert (diagnostic.ngrok, diagnostic.hint) == (2201, "did you mean `forward-internal`?")
    assert diagnostic.path == "on_http_request[0].actions[0]"


def test_a_name_like_nothing_gets_no_hint() -> None:
    assert only(found("on_http_request { zzzzzzzzzz }")).hint is None


def test_an_alias_is_no_unknown_action() -> None:
    assert "unknown-action" not in codes(found("on_http_request { oidc { } }"))


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("name", sorted(actions()))
def test_an_action_is_refused_exactly_in_the_phases_that_it_does_not_declare(name: str, phase: Phase) -> None:
    text = f"{phase.value}:\n  - actions: [{{ type: {name} }}]\n"
    refused = [each for each in found(text, name="a.yaml") if each.code.name == "action-not-in-phase"]
    assert bool(refused) == (phase not in actions()[name].phases)
    for each in refused:
        assert (each.ngrok, each.path) == (2202, f"{phase.value}[0].actions[0]")


def test_an_action_of_another_protocol_is_refused_where_the_protocol_is_known() -> None:
    phase = "on_tcp_connect { terminate-tls }"
    diagnostics = found(f'endpoint "tcp://a.internal:1" -> "tcp://127.0.0.1:1" {{ {phase} }}')
    refused = next(each for each in diagnostics if each.code.name == "action-of-other-protocol")
    assert refused.ngrok == 2205
    assert "action-of-other-protocol" not in codes(found(phase))
    assert "action-of-other-protocol" not in codes(
        found(f'endpoint "tls://a.internal" -> "tcp://127.0.0.1:1" {{ {phase} }}')
    )
