"""What an action is."""

from __future__ import annotations

from tests.engine.exchanges import checked

from policyc.engine.action import Ends
from policyc.engine.actions import actions
from policyc.engine.phases import Phase, Protocol


def test_what_an_action_ends_may_depend_on_its_config() -> None:
    fixed = checked("on_http_request { deny }")
    assert fixed.action().ends_with(fixed.config()) is Ends.ALWAYS
    free = checked('on_http_request { forward-internal "https://a.internal" { on_error: "continue" } }')
    assert free.action().ends_with(free.config()) is Ends.MAY


def test_an_action_without_http_protocols_has_only_the_connect_phase() -> None:
    for action in actions().values():
        if not any(protocol.is_http for protocol in action.protocols):
            assert action.phases == {Phase.TCP_CONNECT}
        if action.phases.isdisjoint({Phase.TCP_CONNECT}):
            assert action.protocols <= {Protocol.HTTP, Protocol.HTTPS}
