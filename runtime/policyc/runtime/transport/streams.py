"""The client's side of tcp and tls endpoints: one connection, from accepting it to the end of its relay.

    TcpConnection   accept ─▶ endpoint of the port ─▶ policy ─▶ dial ─▶ relay
    TlsConnection   accept ─▶ ClientHello (in time) ─▶ endpoint of the SNI ─▶ policy ─▶ dial ─▶ relay
                                                                                │ ▲
                                                       `terminate-tls`:         ▼ │ handshake

Rules. 1. While there is no relay the client is not read, but for its ClientHello and its handshake. 2. A
connection keeps the snapshot that it began with. 3. Whoever is refused is told nothing but, on a tls
listener, the alert that says why there is no handshake (spec/endpoints.md §8.4).
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, cast
from typing import Protocol as Interface

from policyc.engine.outcome import Fail
from policyc.engine.traffic import Connection, Tls
from policyc.engine.values import Timestamp
from policyc.runtime.protocol.client_hello import (
    INTERNAL_ERROR,
    MISSING_EXTENSION,
    UNRECOGNIZED_NAME,
    Hello,
    HelloReader,
    NotTls,
    alert,
)
from policyc.runtime.protocol.proxy_protocol import header, is_header
from policyc.runtime.stream import StreamExchange, StreamUpstream
from policyc.runtime.transport.accepted import Ends, Greeter
from policyc.runtime.transport.relay import Relay, Side, TlsSide
from policyc.runtime.transport.relay import reset as reset_transport
from policyc.runtime.transport.wheel import Timed

if TYPE_CHECKING:
    from ssl import SSLContext

    from policyc.engine.outcome import TlsTerms
    from policyc.runtime.endpoints import Pool, PublicEndpoint, Snapshot
    from policyc.runtime.protocol.tls_layer import TlsLayer
    from policyc.runtime.transport.tls_contexts import Contexts, Ready

LINGER_S = 2.0


class StreamHouse(Greeter, Interface):
    """What a connection needs of the gateway."""

    @property
    def snapshot(self) -> Snapshot:
        """The configuration of the moment."""
        ...

    @property
    def contexts(self) -> Contexts:
        """The contexts of handshakes with clients."""
        ...

    def tls_to_upstreams(self, verify: bool, authorities: str) -> SSLContext:
        """Return the context for TLS to upstreams."""
        ...


class StreamConnection(Timed, asyncio.Protocol):
    """A connection of a client: `stream.StreamClient`."""

    protocol = "tcp"

    def __init__(self, house: StreamHouse, ends: Ends | None = None) -> None:
        """Made by a listener; `ends` are what a PROXY header told of the connection."""
        super().__init__()
        self._house = house
        self._ends = ends
        self._settings = house.around.settings
        self._transport: asyncio.Transport
        self._address = ""
        self._held = b""
        self._at_end = False
        self._is_closed = False
        self._lingering = False
        self._dialling: asyncio.Task[None] | None = None
        self._relay: Relay | None = None
        self._hello: HelloReader | None = None
        self._terms: TlsTerms | None = None
        self._side: TlsSide | None = None
        self._exchange: StreamExchange
        self.conn: Connection

    # --- asyncio.Protocol -----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport, or turn it away where there are too many."""
        self._transport = cast(asyncio.Transport, transport)
        self._ends = ends = self._ends or Ends.of(transport)
        self.conn = Connection(
            *ends.client, *ends.server, started=Timestamp(time.time_ns()), server_region=self._settings.region
        )
        house = self._house
        self._exchange = self._new_exchange()
        if not house.admit(self, ends.client[0]):
            self._exchange.drop()  # the gateway has logged it
            self._is_closed = True
            self._transport.abort()
            return
        self._address = ends.client[0]
        self._begin(ends)

    def _new_exchange(self) -> StreamExchange:
        house = self._house
        return StreamExchange(self, self.conn, self.protocol, house.snapshot, house.around)

    def data_received(self, data: bytes) -> None:
        """Take what came before there is a relay."""
        if self._lingering:
            return
        self.conn.bytes_in += len(data)
        self._held += data
        if self._dialling is not None:
            # uvloop begins to read after connection_made, even if that has paused it.
            self._transport.pause_reading()
        if self._hello is not None and not self._is_closed:
            self._read_hello(data)

    def eof_received(self) -> bool:
        """The client says no more; that is passed on once there is a relay."""
        self._at_end = True
        return self._dialling is not None

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, and there was no relay yet."""
        if self._dialling is not None:
            self._dialling.cancel()
            self._dialling = None
        self._over("client_gone")

    def expired(self) -> None:
        """The ClientHello or the handshake is late, or the client does not go away."""
        if not self._lingering:
            self._exchange.refuse("hello_timeout" if self._hello else "handshake_timeout", 3002)
        self._transport.abort()

    # --- the endpoint ---------------------------------------------------------------------------------------

    def _begin(self, ends: Ends) -> None:
        """Find the endpoint."""
        pool = self._house.snapshot.streams.by_port(ends.here[1], ends.here[0])
        if pool is None:
            self._exchange.refuse("no_endpoint", 3200)
            self.close()
        else:
            self._run(pool)

    def _run(self, pool: Pool[PublicEndpoint]) -> None:
        self._transport.pause_reading()
        self._exchange.begin(pool)

    # --- the ClientHello, and the handshake that a policy asks for ------------------------------------------

    def _await_hello(self) -> None:
        self._hello = HelloReader()
        self._house.wheel.set(self, self._settings.hello_timeout_s)  # in all, not per piece

    def _read_hello(self, data: bytes) -> None:
        assert self._hello is not None
        try:
            hello = self._hello.feed(data)
        except NotTls as error:
            self._exchange.refuse("not_tls" if error.alert is None else "bad_hello", 3002, str(error))
            self._refuse(error.alert)
            return
        if hello is not None:
            self._hello = None
            self._house.wheel.forget(self)
            self.conn.tls = Tls(sni=hello.sni, ja4=hello.ja4)
            self._greeted(hello)

    def _greeted(self, hello: Hello) -> None:
        """The ClientHello has been read, and is held."""
        self._shake_hands()

    def terminate(self, terms: TlsTerms | None) -> None:
        """Make the client's handshake, once its ClientHello is there."""
        self._terms = terms
        if self.conn.tls is not None:
            self._shake_hands()
            return
        self._await_hello()  # a tcp endpoint has forwarded to a tls one
        self._transport.resume_reading()
        if self._held:
            self._read_hello(self._held)

    def _ready(self, *, is_http: bool) -> Ready | None:
        """Return the context of the handshake; None if there is none, and the client was refused."""
        contexts, tls = self._house.contexts, self.conn.tls
        assert tls is not None
        from policyc.runtime.transport.certificates import CertificateError

        try:
            return contexts.get(tls.sni, self._terms, is_http=is_http)
        except CertificateError as error:
            self._exchange.refuse("bad_certificate", 3002, str(error))
            self._refuse(INTERNAL_ERROR)
            return None

    def _shake_hands(self) -> None:
        ready = self._ready(is_http=False)
        if ready is None:
            return
        from policyc.runtime.protocol.tls_layer import TlsLayer

        side = self._side = _TerminatedSide(self, TlsLayer(ready.context, server_side=True))
        held, self._held = self._held, b""
        self._house.wheel.set(self, self._settings.handshake_timeout_s)
        self._transport.set_protocol(side)
        side.connection_made(self._transport)
        side.ready.add_done_callback(lambda done: self._shaken(done, ready))
        self._transport.resume_reading()
        side.data_received(held)
        side.octets = 0  # they are counted

    def _shaken(self, done: asyncio.Future[None], ready: Ready) -> None:
        side, tls = self._side, self.conn.tls
        assert side is not None
        assert tls is not None
        error = done.exception()
        if self._is_closed:
            return
        if error is not None:
            self._exchange.refuse("bad_tls", 3002, str(error))
            self.close()
            return
        from policyc.runtime.transport.session import fill

        self._house.wheel.forget(self)
        fill(tls, side.layer.session, ready.certificate)
        self._exchange.terminated()

    def _refuse(self, description: int | None) -> None:
        """Send an alert, and read on for a moment: a reset would take it away from the client."""
        if description is None:
            self.close()
            return
        self._held = b""
        self._is_closed = self._lingering = True
        self._transport.write(alert(description))
        self._transport.write_eof()
        self._transport.resume_reading()
        self._house.wheel.set(self, LINGER_S)

    # --- stream.StreamClient --------------------------------------------------------------------------------

    def connect(self, upstream: StreamUpstream) -> None:
        """Connect to an upstream, in a task of its own."""
        self._dialling = asyncio.get_running_loop().create_task(self._dial(upstream))

    def close(self, *, reset: bool = False) -> None:
        """Close the client's connection."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._side is not None and not reset:
            self._side.finish()
        if reset:
            reset_transport(self._transport)
        else:
            self._transport.close()

    async def _dial(self, upstream: StreamUpstream) -> None:
        failure: Fail | None = None
        side: Side | None = None
        try:
            async with asyncio.timeout(self._settings.connect_timeout_s):
                side = await self._connected(upstream)
        except TimeoutError:
            failure = Fail(8012, f"the upstream {upstream.name} did not accept in time", status=502)
        except (OSError, UnicodeError) as error:  # a name that IDNA cannot encode is one that is not found
            message = f"the upstream {upstream.name} cannot be reached"
            reason = ""
            if upstream.scheme == "tls":
                from policyc.runtime.transport.upstream_tls import failure_reason

                reason = failure_reason(error)
            failure = Fail(8012, message, status=502, detail=str(error), reason=reason)
        self._dialling = None
        if side is None:
            assert failure is not None
            self._exchange.upstream_failed(failure)
        elif self._is_closed:
            side.transport.abort()
        else:
            self._join(side)

    async def _connected(self, upstream: StreamUpstream) -> Side:
        """Return the side of a new connection, after its PROXY header and its handshake. Raises OSError."""
        loop = asyncio.get_running_loop()
        host = upstream.host.strip("[]").removesuffix(".")
        if upstream.path:
            transport, side = await loop.create_unix_connection(lambda: Side("upstream"), upstream.path)
        else:
            transport, side = await loop.create_connection(lambda: Side("upstream"), host, upstream.port)
        try:
            if upstream.proxy_protocol:
                conn = self.conn
                source, here = (conn.client_ip, conn.client_port), (conn.server_ip, conn.server_port)
                transport.write(header(upstream.proxy_protocol, source, here))
            if upstream.scheme != "tls":
                return side
            context = self._house.tls_to_upstreams(upstream.verify, upstream.authorities)
            return await _encrypted(transport, host, context)
        except BaseException:
            transport.abort()
            raise

    def _join(self, upstream: Side) -> None:
        client = self._client_side()
        client.at_end = client.at_end or self._at_end
        self._transport.set_write_buffer_limits(high=self._settings.buffer_bytes)
        upstream.transport.set_write_buffer_limits(high=self._settings.buffer_bytes)
        self._house.wheel.remove(self)
        idle_s = self._settings.stream_idle_timeout_s
        relay = self._relay = Relay(client, upstream, self._house.wheel, idle_s, self._over)
        relay.begin()

    def _client_side(self) -> Side:
        """Hand the client's connection over to a side of a relay."""
        if self._side is not None:
            return self._side
        side = self._new_side()
        self._transport.set_protocol(side)
        side.transport = self._transport
        side.early, self._held = self._held, b""
        return side

    def _new_side(self) -> Side:
        return Side("client")

    # --- the end --------------------------------------------------------------------------------------------

    def _over(self, reason: str) -> None:
        self._is_closed = True
        relay = self._relay
        if relay is not None:
            self.conn.bytes_in += relay.client.octets
            self.conn.bytes_out += relay.upstream.octets
        self._house.wheel.remove(self)
        self._exchange.finish(reason)
        if self._address:
            self._house.leave(self, self._address)
            self._address = ""

    @property
    def is_busy(self) -> bool:
        """Whether there is an upstream, or there will be one."""
        return self._dialling is not None or self._relay is not None

    def stop(self) -> None:
        """The gateway stops: close now if nothing is under way; else it may end by itself."""
        if not self.is_busy:
            self._exchange.refuse("stopping")
            self.close()

    def kill(self) -> None:
        """Close whatever is under way."""
        if self._relay is not None:
            self._relay.cut("drain_timeout")
        else:
            self._exchange.refuse("drain_timeout")
            self._transport.abort()


class _GuardedSide(Side):
    """The client's side where PROXY headers are read: one from a peer that is not listed is refused.

    It would else reach an upstream that may believe it.
    """

    __slots__ = ("_is_first",)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._is_first = True

    def begin(self) -> None:
        if not self._is_refused(self.early):
            super().begin()

    def data_received(self, data: bytes) -> None:
        if not self._is_refused(data):
            super().data_received(data)

    def _is_refused(self, octets: bytes) -> bool:
        """Look at the first piece, and at no other."""
        is_first, self._is_first = self._is_first, self._is_first and not octets
        if not is_first or not is_header(octets):
            return False
        assert self.relay is not None
        self.relay.cut("proxy_not_trusted")
        return True


class TcpConnection(StreamConnection):
    """A connection to a tcp endpoint, which is known by the port."""

    def _new_side(self) -> Side:
        proxies = self._house.proxies
        peer = Ends.of(self._transport).client[0]
        return _GuardedSide("client") if proxies.are_any and not proxies.has(peer) else Side("client")


class TlsConnection(StreamConnection):
    """A connection to a tls endpoint, which is known by the server name in the ClientHello."""

    protocol = "tls"

    def _begin(self, ends: Ends) -> None:
        self._await_hello()

    def eof_received(self) -> bool:
        """The client says no more: without a ClientHello there is nothing to do."""
        if self.conn.tls is None and not self._lingering:
            self._exchange.refuse("cut_off", 3002)
        return super().eof_received()

    def _greeted(self, hello: Hello) -> None:
        if not hello.sni:
            self._exchange.refuse("no_sni", 3003)
            self._refuse(MISSING_EXTENSION)
        else:
            self._route(hello)

    def _route(self, hello: Hello) -> None:
        """Find the endpoint."""
        pool = self._house.snapshot.streams.by_name(hello.sni)
        if pool is None:
            self._exchange.refuse("no_endpoint", 3200)
            self._refuse(UNRECOGNIZED_NAME)
        else:
            self._run(pool)


class _TerminatedSide(TlsSide):
    """The client's side of a relay whose TLS ends here."""

    __slots__ = ("_owner",)

    def __init__(self, owner: StreamConnection, layer: TlsLayer) -> None:
        super().__init__("client", layer)
        self._owner = owner

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.relay is None:
            self._owner.connection_lost(exc)


async def _encrypted(transport: asyncio.Transport, host: str, context: SSLContext) -> TlsSide:
    """Shake hands with an upstream, and return its side. Raises OSError."""
    from policyc.runtime.protocol.tls_layer import TlsLayer

    side = TlsSide("upstream", TlsLayer(context, server_side=False, server_name=host))
    transport.set_protocol(side)
    side.connection_made(transport)
    transport.resume_reading()
    await side.ready
    return side
