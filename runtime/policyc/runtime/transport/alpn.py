"""What an https listener offers to speak over TLS, and who speaks it then.

The seam between TLS and the versions of HTTP: `transport/https.py` asks here and knows neither.
"""

from __future__ import annotations

import asyncio
from functools import cache
from importlib.util import find_spec
from typing import Protocol as Interface

from policyc.engine.traffic import Connection
from policyc.runtime.exchange import Admitted
from policyc.runtime.transport.accepted import Ends
from policyc.runtime.transport.server import ClientConnection, House


class Speaker(Interface):
    """The protocol of a connection after its handshake.

    `connection_made` gives it a connection of its own; `conn.tls` and `admitted` are filled right after that,
    before any octet comes.
    """

    conn: Connection

    @property
    def admitted(self) -> Admitted:
        """What the connection remembers of its endpoints."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport of the session."""


def alpn_protocols() -> list[str]:
    """Return what is offered, the best first (spec/endpoints.md §8.4); `h2` with the extra `http2`."""
    return ["h2", "http/1.1"] if _has_http2() else ["http/1.1"]


@cache
def _has_http2() -> bool:
    return find_spec("h2") is not None


def speaker(chosen: str | None, house: House, ends: Ends) -> Speaker:
    """Return the protocol for what was negotiated; a client that offered nothing speaks HTTP/1.1."""
    if chosen == "h2":
        from policyc.runtime.transport.http2 import Http2Connection

        return Http2Connection(house, ends)
    return SecureConnection(house, ends)


class SecureConnection(ClientConnection):
    """HTTP/1.1 over TLS. A session has no half-close: who says no more is gone."""

    def eof_received(self) -> bool:
        """The client ended the session."""
        super().eof_received()
        return False
