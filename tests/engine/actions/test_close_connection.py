"""spec/actions.md §3.6."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import checked, config_of, exchange, run

from policyc.engine.action import Ends
from policyc.engine.outcome import Close


@pytest.mark.parametrize("phase", ["on_tcp_connect", "on_http_request"])
def test_the_connection_is_dropped_without_an_answer(phase: str) -> None:
    assert run(f"{phase} {{ close-connection }}", exchange()) == Close("close-connection")


def test_it_always_ends() -> None:
    found = checked("on_http_request { close-connection }")
    assert found.action().ends_with(found.config()) is Ends.ALWAYS


def test_it_has_no_fields() -> None:
    found = config_of("close-connection", "{ reason: x }").only
    assert (found.code.name, found.hint) == ("unknown-field", "the action has no fields")
    assert checked("on_http_request { close-connection 1 }").only.code.name == "unknown-field"
