"""spec/endpoints.md §8.4: what is offered over TLS, and who speaks it."""

from __future__ import annotations

import pytest
from tests.runtime.transport.test_server import House, Transport

from policyc.runtime.transport import alpn
from policyc.runtime.transport.accepted import Ends
from policyc.runtime.transport.alpn import SecureConnection, alpn_protocols, speaker
from policyc.runtime.transport.http2 import Http2Connection

ENDS = Ends(("192.0.2.1", 1), ("192.0.2.2", 443), ("192.0.2.2", 443))


def test_http_1_is_always_offered_and_last() -> None:
    assert alpn_protocols()[-1] == "http/1.1"


def test_http_2_is_offered_first_where_the_extra_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert alpn_protocols() == ["h2", "http/1.1"]
    assert type(speaker("h2", House(), ENDS)) is Http2Connection
    monkeypatch.setattr(alpn, "_has_http2", lambda: False)
    assert alpn_protocols() == ["http/1.1"]


def test_a_client_that_negotiates_nothing_speaks_http_1() -> None:
    assert type(speaker(None, House(), ENDS)) is SecureConnection
    assert type(speaker("http/1.1", House(), ENDS)) is SecureConnection


def test_the_speaker_has_a_connection_of_its_own_once_it_has_a_transport() -> None:
    made = speaker(None, House(), ENDS)
    made.connection_made(Transport(("198.51.100.1", 9)))
    assert (made.conn.client_ip, made.conn.server_port) == ("192.0.2.1", 443)
    assert made.admitted.results == {}
