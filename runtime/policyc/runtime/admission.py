"""A connection of an https endpoint through `on_tcp_connect`, before there is HTTP. No socket.

    ClientHello ─▶ endpoint of the SNI ─▶ on_tcp_connect
                        │ Terminate ─▶ handshake on these terms ─▶ on_tcp_connect goes on
                        │ Close, Respond, Fail, Forward ─▶ the connection is closed
                        ▼ fell through ─▶ handshake on the gateway's own terms, if there was none ─▶ HTTP

Source: spec/policy-language.md §2.2, spec/actions.md#terminate-tls.
"""

from __future__ import annotations

from typing import Protocol as Interface

from policyc.engine.outcome import Forward, Terminate, TlsTerms
from policyc.engine.traffic import Connection
from policyc.runtime.endpoints import PublicEndpoint, Snapshot
from policyc.runtime.exchange import Admitted, Surroundings
from policyc.runtime.stream import Hop, StreamClient, StreamExchange


class HttpsClient(StreamClient, Interface):
    """The client's side: `terminate` makes the handshake that HTTP is spoken in."""

    def let_in(self) -> None:
        """Speak HTTP from now on."""


class HttpsAdmission(StreamExchange):
    """Lets a connection in, or not; written to the log where it was refused or a rule acted."""

    __slots__ = ("_door", "_hop", "_terms")

    def __init__(
        self, client: HttpsClient, conn: Connection, snapshot: Snapshot, around: Surroundings
    ) -> None:
        """Take a connection whose ClientHello was read."""
        super().__init__(client, conn, "https", snapshot, around)
        self._door = client
        self._hop: Hop | None = None
        self._terms: TlsTerms | None = None

    def enter(self, admitted: Admitted) -> None:
        """Tell the requests of the connection what was decided, and end."""
        hop = self._hop
        assert hop is not None
        endpoint = hop.endpoint
        assert isinstance(endpoint, PublicEndpoint)
        admitted.terms = self._terms
        admitted.results[endpoint.meaning] = hop.view.results
        admitted.chosen[endpoint.key] = endpoint
        if self._rules or self._logs:
            self.finish()
        else:
            self.drop()

    def _fall_through(self, hop: Hop) -> None:
        self._hop = hop
        self._go_on()

    def _go_on(self) -> None:
        tls = self._conn.tls
        if tls is not None and tls.version:
            self._door.let_in()
        else:
            self._client.terminate(None)

    def _terminate(self, hop: Hop, handshake: Terminate) -> None:
        self._terms = handshake.terms
        super()._terminate(hop, handshake)

    def _forward(self, hop: Hop, forward: Forward) -> None:
        self.refuse("no_forward_on_connect")
        self._client.close()

    def terminated(self) -> None:
        """The handshake is made: go on where it was asked for."""
        if self._shaking is not None:
            super().terminated()
        elif not self._finished:
            self._go_on()
