"""The client's side of https endpoints, from accepting a connection to the first request on it.

    accept ─▶ ClientHello (in time) ─▶ endpoint of the SNI ─▶ its on_tcp_connect ─▶ handshake ─▶ HTTP

The hello is read from the transport, so that a policy can know it before the handshake; the handshake and
all that follows is the loop's own TLS (see `tls_contexts.Door`). Rules. 1. Whom no endpoint is for gets an
alert and nothing else: there is no handshake (spec/endpoints.md §8.4). 2. What the policy of the SNI's
endpoint said holds for this endpoint only; other Hosts on the connection: `secure_table.py`. 3. Public tls
endpoints are reached here too, where no https endpoint has the name.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Protocol as Interface
from typing import cast
from weakref import WeakSet

from policyc.engine.outcome import TlsTerms
from policyc.runtime.admission import HttpsAdmission
from policyc.runtime.endpoints import PublicEndpoint, Snapshot
from policyc.runtime.protocol.client_hello import (
    NO_APPLICATION_PROTOCOL,
    UNRECOGNIZED_NAME,
    Hello,
)
from policyc.runtime.secure_table import session_view
from policyc.runtime.stream import StreamExchange
from policyc.runtime.transport.accepted import Ends, Held
from policyc.runtime.transport.alpn import Speaker, alpn_protocols, speaker
from policyc.runtime.transport.server import House
from policyc.runtime.transport.session import fill
from policyc.runtime.transport.streams import LINGER_S, StreamHouse, TlsConnection
from policyc.runtime.transport.tls_contexts import Ready, Session, door_to

_NOBODY = asyncio.Protocol()


class HttpsHouse(StreamHouse, House, Interface):
    """What a connection needs of the gateway."""

    @property
    def views(self) -> WeakSet[View]:
        """The views that connections have, for `View.forget`."""
        ...

    def hand_over(self, old: Held, new: Held) -> None:
        """Count `new` in the place of `old`."""


class HttpsConnection(TlsConnection):
    """A connection until its handshake is over: `admission.HttpsClient`."""

    protocol = "https"
    _house: HttpsHouse

    def __init__(self, house: HttpsHouse, ends: Ends | None = None) -> None:
        """Made by a listener; `ends` are what a PROXY header told of the connection."""
        super().__init__(house, ends)
        self._house = house
        self._failure: ssl.SSLError | None = None
        self._handshake: asyncio.Task[None] | None = None
        self._secured: asyncio.Transport | None = None
        self._is_http = True
        self._is_late = False

    def _new_exchange(self) -> StreamExchange:
        house = self._house
        return HttpsAdmission(self, self.conn, house.snapshot, house.around)

    def _route(self, hello: Hello) -> None:
        snapshot = self._house.snapshot
        pool = snapshot.secure.find(hello.sni)
        if pool is None and snapshot.streams.by_name(hello.sni) is not None:
            self._is_http = False
            self.protocol = TlsConnection.protocol
            self._exchange.drop()
            self._exchange = super()._new_exchange()
            super()._route(hello)
        elif pool is None:
            self._exchange.refuse("no_endpoint", 3200)
            self._refuse(UNRECOGNIZED_NAME)
        elif hello.alpn and not set(hello.alpn).intersection(alpn_protocols()):
            self._exchange.refuse("no_protocol", 3002)  # RFC 7301 §3.2
            self._refuse(NO_APPLICATION_PROTOCOL)
        else:
            self._run(pool)

    # --- the handshake --------------------------------------------------------------------------------------

    def terminate(self, terms: TlsTerms | None) -> None:
        """Make the handshake that HTTP is spoken in."""
        if not self._is_http:
            super().terminate(terms)
            return
        self._terms = terms
        ready = self._ready(is_http=True)
        if ready is not None:
            self._handshake = asyncio.get_running_loop().create_task(self._shake(ready))

    async def _shake(self, ready: Ready) -> None:
        held, self._held = self._held, b""
        loop, timeout_s = asyncio.get_running_loop(), self._settings.handshake_timeout_s
        self._house.wheel.set(self, timeout_s)
        # uvloop's transport keeps the last protocol that took bytes, for as long as it lives.
        self._transport.set_protocol(_NOBODY)
        try:
            transport = await loop.start_tls(
                self._transport,
                self,
                door_to(ready.context, held, self._failed),
                server_side=True,
                ssl_handshake_timeout=timeout_s + 5,  # ours comes before
                ssl_shutdown_timeout=LINGER_S,
            )
        except OSError as error:
            if not self._is_late:
                self._exchange.refuse("cut_off", 3002, str(error))
            self._over("")
            return
        finally:
            self._handshake = None
        if self._failure is not None:
            self._exchange.refuse("bad_tls", 3002, str(self._failure))
            self._over("")
        elif transport is None or transport.is_closing():
            self._over("client_gone")
        else:
            self._secured = transport
            session = cast(Session, transport.get_extra_info("ssl_object"))
            session.on_failure = None
            assert self.conn.tls is not None
            fill(self.conn.tls, session, ready.certificate)
            self._exchange.terminated()

    def expired(self) -> None:
        """The ClientHello or the handshake is late, or the client does not go away."""
        self._is_late = True
        super().expired()

    def _failed(self, error: ssl.SSLError) -> None:
        """The handshake failed; close when its alert is written."""
        self._failure = error
        asyncio.get_running_loop().call_soon(self._transport.close)

    def close(self, *, reset: bool = False) -> None:
        """Close the client's connection."""
        if self._secured is None or self._is_closed or reset:
            super().close(reset=reset)
        else:
            self._is_closed = True
            self._secured.close()

    # --- HTTP -----------------------------------------------------------------------------------------------

    def let_in(self) -> None:
        """Speak HTTP from now on."""
        house, tls, ends, transport = self._house, self.conn.tls, self._ends, self._secured
        assert tls is not None
        assert ends is not None
        assert transport is not None
        view = View(house, self, tls.sni)
        made: Speaker = speaker(tls.alpn or None, view, ends)
        self._address = ""  # the speaker is counted now
        transport.set_protocol(cast(asyncio.Protocol, made))
        made.connection_made(transport)
        made.conn.tls = tls
        made.conn.started = self.conn.started
        exchange = self._exchange
        assert isinstance(exchange, HttpsAdmission)
        exchange.enter(made.admitted)
        view.chosen = made.admitted.chosen
        house.views.add(view)
        house.wheel.remove(self)
        if self._held:  # a loop that hands it over before `start_tls` returns
            cast(asyncio.Protocol, made).data_received(self._held)

    @property
    def is_busy(self) -> bool:
        """Whether its handshake is under way."""
        return self._handshake is not None or super().is_busy


class View:
    """The gateway, as the speaker of one connection sees it: `server.House`."""

    __slots__ = (
        "__weakref__", "_held", "_house", "_name", "_of", "_view", "access", "around", "chosen", "metrics",
        "plain", "upstreams", "wheel",
    )  # fmt: skip

    def __init__(self, house: HttpsHouse, held: Held, name: str) -> None:
        """Look on for the speaker that follows `held`; `name` is the SNI of the connection."""
        self._house = house
        self._held: Held | None = held
        self._name = name
        self._of: Snapshot | None = None
        self._view: Snapshot | None = None
        self.chosen: dict[object, PublicEndpoint] = {}
        self.around = house.around
        self.wheel = house.wheel
        self.metrics = house.metrics
        self.access = house.access
        self.upstreams = house.upstreams
        self.plain = house.plain

    @property
    def snapshot(self) -> Snapshot:
        """The configuration of the moment, as the connection reaches it."""
        snapshot, view = self._house.snapshot, self._view
        if view is None or snapshot is not self._of:
            view = session_view(snapshot, self._name)
            self._of, self._view = snapshot, view
        return view

    @property
    def is_stopping(self) -> bool:
        """Whether connections are to end."""
        return self._house.is_stopping

    def forget(self) -> None:
        """Keep nothing of the configuration that was served before."""
        self._of = self._view = None
        self.chosen.clear()

    def admit(self, connection: Held, address: str) -> bool:
        """Count the speaker in the place of the connection that it follows, which was admitted."""
        held, self._held = self._held, None
        assert held is not None
        self._house.hand_over(held, connection)
        return True

    def leave(self, connection: Held, address: str) -> None:
        """The connection is gone."""
        self._house.leave(connection, address)
