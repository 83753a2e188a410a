"""Connections to upstream servers: dialling, keeping, reusing, and one call at a time on each.

Rules. 1. A connection goes back to its pool only after request and response both ended cleanly and nothing
followed. 2. It is kept per (account, upstream) and never crosses either. 3. A kept connection that dies
before an octet of the response is replaced once, for an idempotent request without body, by a fresh one to
the same upstream; nothing else is ever sent twice (spec/endpoints.md §5).
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast
from typing import Protocol as Interface
from weakref import WeakValueDictionary

from policyc.engine.outcome import Fail
from policyc.engine.traffic import Connection, FieldBlock, Headers
from policyc.runtime.origin import Call, Listener, Outgoing
from policyc.runtime.protocol.chunked import LAST_CHUNK, chunk, last_chunk
from policyc.runtime.protocol.hopbyhop import Line
from policyc.runtime.protocol.http1 import (
    CHUNKED,
    END,
    LENGTH,
    NONE,
    Limits,
    ResponseHead,
    ResponseReader,
    block_octets,
    plain_request_octets,
    request_octets,
)
from policyc.runtime.protocol.refusal import Refused
from policyc.runtime.settings import Settings
from policyc.runtime.transport.outbox import Outbox
from policyc.runtime.transport.small_read import SmallRead
from policyc.runtime.transport.splice import SPLICED_FROM, Pipes, Splice
from policyc.runtime.transport.unread import unread
from policyc.runtime.transport.wheel import Timed, Wheel

if TYPE_CHECKING:
    from ssl import SSLContext

    from policyc.runtime.transport.plain import PlainAnswer, PlainExchange
    from policyc.runtime.transport.relay import Side
    from policyc.runtime.transport.upstream_tls import UpstreamContexts

_log = logging.getLogger(__name__)

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
_EXPECTS = b"\r\nexpect: 100-continue\r\n"
_SIZED = frozenset({"POST", "PUT", "PATCH"})


class Address(NamedTuple):
    """Where an upstream listens: a host and port, or the path of a unix socket.

    `authorities` (PEM) are those that an upstream that is verified is to be vouched for by, instead of the
    system's. `told` is the PROXY header that a connection begins with: it says who the client is, so a
    connection is that client's and nobody else's.
    """

    account: str
    scheme: str
    host: str
    port: int
    path: str = ""
    verify: bool = False
    told: bytes = b""
    authorities: str = ""

    @property
    def name(self) -> str:
        """The address as logs show it."""
        return f"unix:{self.path}" if self.path else f"{self.scheme}://{self.host}:{self.port}"


class Shelf(list["UpstreamConnection"]):
    """The idle connections to one address, the last one put back at the end."""

    __slots__ = ("__weakref__",)


class Kept(Interface):
    """A connection that is counted, and closed at the end."""

    address: Address

    def close(self) -> None:
        """Close, after what was written has gone."""


Dialled = TypeVar("Dialled", bound=asyncio.Protocol)


class Upstreams:
    """Every connection to every upstream of one gateway."""

    def __init__(
        self, settings: Settings, wheel: Wheel, met: Callable[[str], None] = lambda limit: None
    ) -> None:
        """Connections are made on the running loop; `met` counts limits that refuse nothing."""
        self.settings = settings
        self.met = met
        self.outbox = Outbox()
        self.pipes = Pipes()
        self.wheel = wheel
        self.limits: Limits = settings.limits()
        # A shelf lasts as long as an origin or a connection has it.
        self._idle: WeakValueDictionary[Address, Shelf] = WeakValueDictionary()
        self._told: dict[Address, dict[Address, None]] = {}
        self._open: set[Kept] = set()
        self.connect_failures: dict[str, int] = {}
        self._dials: set[asyncio.Task[None]] = set()
        self._contexts: UpstreamContexts | None = None

    @property
    def idle_count(self) -> int:
        """How many connections wait for a request."""
        return sum(len(each) for each in self._idle.values())

    @property
    def open_count(self) -> int:
        """How many connections there are."""
        return len(self._open)

    def states(self) -> Counter[tuple[str, ...]]:
        """Return how many connections are open, and idle, by upstream."""
        states: Counter[tuple[str, ...]] = Counter((each.address.name, "open") for each in self._open)
        for address, shelf in self._idle.items():
            states[address.name, "idle"] += len(shelf)
        return states

    def take(self, address: Address) -> UpstreamConnection | None:
        """Return the connection that was put back last, None if none is idle."""
        kept = self._idle.get(address)
        while kept:
            connection = kept.pop()
            if connection.is_usable:
                self.wheel.forget(connection)
                return connection
        return None

    def put(self, connection: UpstreamConnection) -> None:
        """Keep a connection for the next request."""
        kept = connection.shelf
        kept.append(connection)
        self.wheel.set(connection, self.settings.upstream_idle_s)
        if len(kept) > self.settings.idle_upstreams:
            self.met("idle_upstreams")
            kept[0].close()
        if connection.address.told:
            self._put_told(connection.address)

    def _put_told(self, address: Address) -> None:
        """A connection of one client is kept. Clients come without end: the one that waits longest goes."""
        waiting = self._told.setdefault(address._replace(told=b""), {})
        waiting.pop(address, None)
        waiting[address] = None  # the newest
        if len(waiting) > self.settings.idle_upstreams:
            self.met("idle_upstreams")
            oldest = next(iter(waiting))
            del waiting[oldest]
            for connection in list(self._idle.get(oldest, ())):
                connection.close()

    def shelf(self, address: Address) -> Shelf:
        """Return the place of an address."""
        known = self._idle.get(address)
        if known is None:
            known = self._idle[address] = Shelf()
        return known

    def close_idle(self) -> None:
        """Close what waits for a request: descriptors are short."""
        for shelf in list(self._idle.values()):
            for connection in list(shelf):
                connection.close()
        self.pipes.close_spare()

    def made(self, connection: Kept) -> None:
        """Count a new connection."""
        self._open.add(connection)

    def gone(self, connection: Kept) -> None:
        """Count a connection no more that was never put here."""
        self._open.discard(connection)

    def lost(self, connection: UpstreamConnection) -> None:
        """Forget a connection that is closed."""
        self._open.discard(connection)
        if connection in connection.shelf:
            connection.shelf.remove(connection)

    def dial(self, call: HttpCall) -> asyncio.Task[None]:
        """Connect for a call, in a task of its own."""
        return self.start(self._dial(call))

    def start(self, dialling: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run an attempt to connect, which ends at `close` at the latest."""
        task = asyncio.get_running_loop().create_task(dialling)
        self._dials.add(task)
        task.add_done_callback(self._dials.discard)
        return task

    async def _dial(self, call: HttpCall) -> None:
        address = call.address
        made = await self.connect(address, lambda: UpstreamConnection(self, address))
        if isinstance(made, Fail):
            call.dial_failed(made)
        elif made.is_usable:
            call.attach(made, reused=False)
        else:  # it was lost before anybody had it
            message = "the upstream closed the connection too early"
            call.dial_failed(Fail(3004, message, status=502, reason="upstream_closed"))

    async def connect(
        self, address: Address, factory: Callable[[], Dialled], alpn: str = "http/1.1"
    ) -> Dialled | Fail:
        """Return a connection, or why there is none."""
        made: list[Dialled] = []

        def make() -> Dialled:
            made.append(factory())
            return made[-1]

        context = None
        if address.scheme == "https":
            context = self.tls(address.verify, address.authorities, alpn)
        try:
            async with asyncio.timeout(self.settings.connect_timeout_s):
                try:
                    return await _connected(address, make, context)
                except asyncio.CancelledError:
                    # It may have been made at this very moment; the loop closes it and tells nobody.
                    for each in made:
                        self.wheel.remove(cast(Timed, each))
                        self.gone(cast(Kept, each))
                    raise
        except TimeoutError:
            message = "the upstream did not accept in time"
            return Fail(8012, message, status=502, reason="connect_timeout")
        except (OSError, UnicodeError) as error:  # a name that IDNA cannot encode is one that is not found
            message = "the upstream cannot be reached"  # where it is, clients need not know: the log does
            reason = ""
            if context is not None:
                from policyc.runtime.transport.upstream_tls import failure_reason

                reason = failure_reason(error)
            return Fail(8012, message, status=502, detail=str(error), reason=reason)

    def tls(self, verify: bool, authorities: str, *protocols: str) -> SSLContext:
        """Return the context for TLS to upstreams that are verified so. Raises CertificateError."""
        from policyc.runtime.transport.upstream_tls import Trust, UpstreamContexts

        if self._contexts is None:
            self._contexts = UpstreamContexts()
        return self._contexts.get(Trust(verify, authorities), *protocols)

    async def close(self) -> None:
        """Close every connection and every attempt to make one."""
        for task in list(self._dials):
            task.cancel()
        for connection in list(self._open):
            connection.close()
        self.pipes.close_spare()
        if self._dials:
            await asyncio.gather(*self._dials, return_exceptions=True)


class _Telling(asyncio.Protocol):
    """Says a PROXY header and hands the connection over at once: an upstream may speak first."""

    def __init__(self, told: bytes, protocol: asyncio.Protocol) -> None:
        self._told = told
        self._protocol = protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        made = cast(asyncio.Transport, transport)
        made.write(self._told)
        made.set_protocol(self._protocol)
        self._protocol.connection_made(made)


async def _connected(address: Address, factory: Callable[[], Dialled], context: SSLContext | None) -> Dialled:
    """Return a connection. Raises OSError."""
    if address.told:
        return await _connected_and_told(address, factory, context)
    loop = asyncio.get_running_loop()
    if address.path:
        _, connection = await loop.create_unix_connection(factory, address.path)
        return connection
    host = address.host.strip("[]")
    _, connection = await loop.create_connection(
        factory, host, address.port, ssl=context, server_hostname=host if context is not None else None
    )
    return connection


async def _connected_and_told(
    address: Address, factory: Callable[[], Dialled], context: SSLContext | None
) -> Dialled:
    """Return a connection that began with its PROXY header, in clear, whatever follows. Raises OSError."""
    loop = asyncio.get_running_loop()
    host = address.host.strip("[]")
    connection = factory()

    def made() -> asyncio.Protocol:
        return _Telling(address.told, connection if context is None else asyncio.Protocol())

    if address.path:
        transport, _ = await loop.create_unix_connection(made, address.path)
    else:
        transport, _ = await loop.create_connection(made, host, address.port)
    if context is None:
        return connection
    encrypted = await loop.start_tls(transport, connection, context, server_hostname=host)
    if encrypted is None:
        raise ConnectionResetError("the connection ended in the TLS handshake")
    connection.connection_made(encrypted)
    return connection


class HttpOrigin:
    """An upstream that speaks HTTP/1.1: `origin.Origin`."""

    def __init__(self, upstreams: Upstreams, address: Address) -> None:
        """Connections come from `upstreams`."""
        self._upstreams = upstreams
        self.address = address
        self.name = address.name
        default = 443 if address.scheme == "https" else 80
        shown = address.host if address.port == default else f"{address.host}:{address.port}"
        self._authority = (shown if not address.path else "localhost").encode("ascii")
        self._kept = upstreams.shelf(address)

    def take(self) -> UpstreamConnection | None:
        """Return the connection that was put back last, None if none is idle."""
        kept = self._kept
        while kept:
            connection = kept.pop()
            transport = connection._transport
            if transport is not None and not transport.is_closing():
                return connection
        return None

    def begin(self, request: Outgoing, listener: Listener) -> Call:
        """Send a request, on a kept connection if there is one."""
        return HttpCall(self._upstreams, self.address, request, listener, self._authority)


class TellingOrigin(HttpOrigin):
    """One whose connections begin with a PROXY header: each is for one connection of a client."""

    def __init__(self, upstreams: Upstreams, address: Address, version: int) -> None:
        """`version` is that of the header, 1 or 2."""
        super().__init__(upstreams, address)
        self._version = version

    def begin(self, request: Outgoing, listener: Listener) -> Call:
        """Send a request, on the connection that is kept for its client if there is one."""
        address = self.address._replace(told=told_header(self._version, request.conn))
        return HttpCall(self._upstreams, address, request, listener, self._authority)


def told_header(version: int, conn: Connection) -> bytes:
    """Return the PROXY header that tells of a client."""
    from policyc.runtime.protocol.proxy_protocol import header

    return header(version, (conn.client_ip, conn.client_port), (conn.server_ip, conn.server_port))


class HttpCall:
    """One request to an upstream server: `origin.Call`."""

    __slots__ = (
        "_body_size", "_connection", "_dialling", "_ended", "_held", "_holding", "_reused", "_upstreams",
        "address", "framing", "head", "listener", "method",
    )  # fmt: skip

    def __init__(
        self, upstreams: Upstreams, address: Address, request: Outgoing, listener: Listener, authority: bytes
    ) -> None:
        """Begin at once; nothing is heard before the next turn of the loop."""
        self._upstreams = upstreams
        self.address = address
        self.listener: Listener | None = listener
        self.method = request.method
        self._ended = request.framing is NONE or (request.framing is LENGTH and not request.length)
        self.framing = NONE if self._ended else request.framing
        self._held: list[bytes] = []
        self._body_size = 0
        self._holding = False
        self._connection: UpstreamConnection | None = None
        self._dialling: asyncio.Task[None] | None = None
        self._reused = False
        length = request.length if request.framing is LENGTH else -1
        if self._ended and length < 0 and self.method in _SIZED:
            length = 0
        try:
            self.head = _head_of(request, length, authority)
        except (Refused, UnicodeEncodeError):
            self.head = b""
            failure = Fail(2211, "a header or the URL of the request is not valid")
            asyncio.get_running_loop().call_soon(self.fail, failure)
            return
        kept = upstreams.take(address)
        if kept is not None:
            self.attach(kept, reused=True)
        else:
            self._dialling = upstreams.dial(self)

    @classmethod
    def under_way(
        cls,
        connection: UpstreamConnection,
        upstreams: Upstreams,
        method: str,
        octets: bytes,
        body_size: int,
        listener: Listener,
    ) -> HttpCall:
        """Return the call that a plain exchange becomes which goes the long way from here (plain.py).

        `octets` are all that was sent, `body_size` is how many of them are the body.
        """
        made = cls.__new__(cls)
        made._upstreams = upstreams
        made.address = connection.address
        made.listener = listener
        made.method = method
        made.framing = LENGTH if body_size else NONE
        made.head = octets
        made._ended = made._reused = True
        made._held, made._body_size, made._holding = [], body_size, False
        made._dialling = None
        made._connection = connection
        connection.take_over(made)
        return made

    def attach(self, connection: UpstreamConnection, *, reused: bool) -> None:
        """Send what there is on `connection`."""
        self._dialling = None
        if self.listener is None:  # aborted meanwhile
            connection.give_back()
            return
        self._connection = connection
        self._reused = reused
        connection.begin(self)
        held, self._held = self._held, []
        connection.send(b"".join([self.head, *held]) if held else self.head)
        if self._ended:
            connection.request_sent()
        else:
            if _EXPECTS in self.head:  # its 100 says so, or its silence after a while (RFC 9110 §10.1.1)
                wait_s = self._upstreams.settings.continue_timeout_s
                asyncio.get_running_loop().call_later(wait_s, self._tell_ready)
            elif not reused:
                self.listener.on_ready()
            else:
                asyncio.get_running_loop().call_soon(self._tell_ready)
            if self._holding:
                self._holding = False
                self.listener.resume_body()

    def _tell_ready(self) -> None:
        if self.listener is not None:
            self.listener.on_ready()

    def dial_failed(self, failure: Fail) -> None:
        """There is no connection."""
        self._dialling = None
        failures, name = self._upstreams.connect_failures, self.address.name
        failures[name] = failures.get(name, 0) + 1
        self.fail(failure)

    def write(self, data: bytes) -> None:
        """Send a piece of the request body, or hold it while there is no connection."""
        if self.framing is CHUNKED:
            data = chunk(data)
        self._body_size += len(data)
        if self._connection is not None:
            self._connection.send(data)
            return
        self._held.append(data)
        if (
            self._body_size > self._upstreams.settings.buffer_bytes
            and not self._holding
            and self.listener is not None
        ):
            self._holding = True
            self.listener.pause_body()

    def end(self, trailers: Sequence[Line] = ()) -> None:
        """The request body is complete."""
        if self._ended:
            return
        self._ended = True
        if self.framing is CHUNKED:
            last = last_chunk(trailers) if trailers else LAST_CHUNK
            if self._connection is not None:
                self._connection.send(last)
            else:
                self._held.append(last)
        if self._connection is not None:
            self._connection.request_sent()

    def tunnel(self) -> Side:
        """Hand the connection over as the upstream's end of a tunnel."""
        connection = self._connection
        assert connection is not None
        return connection.hand_over()  # which is still ours to abort

    def abort(self) -> None:
        """Forget the call; the connection is of no more use."""
        self.listener = None
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.drop()
        if self._dialling is not None:
            self._dialling.cancel()
            self._dialling = None

    def pause(self) -> None:
        """Read no more for now."""
        if self._connection is not None:
            self._connection.pause()

    def resume(self) -> None:
        """Read again."""
        if self._connection is not None:
            self._connection.resume()

    # --- what the connection tells --------------------------------------------------------------------------

    @property
    def is_sent(self) -> bool:
        """Whether the whole request went out."""
        return self._ended

    def take_leave(self) -> Listener | None:
        """The connection is done with the call: return who hears about the end."""
        self._connection = None
        listener, self.listener = self.listener, None
        return listener

    def give_up(self, failure: Fail) -> None:
        """The connection is dropped for what the upstream did."""
        self._connection = None
        self.fail(failure)

    def died(self, failure: Fail, untouched: bool) -> None:
        """The connection is gone; `untouched` if not an octet of a response came."""
        self._connection = None
        if (
            untouched
            and self._reused
            and (self.framing is NONE or not (self._body_size or self._ended))  # nothing of a body was sent
            and self.method in IDEMPOTENT
            and self._upstreams.settings.retry_stale
            and self.listener is not None
        ):
            self._reused = False
            self._dialling = self._upstreams.dial(self)
            return
        self.fail(failure)

    def fail(self, failure: Fail) -> None:
        """Tell the listener."""
        listener, self.listener = self.listener, None
        if listener is not None:
            listener.on_failure(failure)


def _head_of(request: Outgoing, length: int, authority: bytes) -> bytes:
    block = request.headers.block
    if block is not None and length < 0:
        return plain_request_octets(request.method, request.target, block_octets(*block))
    lines = request.headers.lines
    if not any(len(name) == 4 and name.lower() == b"host" for name, _ in lines):
        lines = [(b"host", authority), *lines]
    if request.upgrade or request.accepts_trailers:
        lines = [*lines, *_asked(request.upgrade, request.accepts_trailers)]
    if request.expects_continue:
        lines = [*lines, (b"expect", b"100-continue")]
    return request_octets(request.method, request.target, lines, request.framing, length)


def _asked(upgrade: str, accepts_trailers: bool) -> list[Line]:
    """Return the fields that ask for what the client asks for, on this connection."""
    lines = []
    if upgrade:
        lines.append((b"upgrade", upgrade.encode("ascii")))
    if accepts_trailers:
        lines.append((b"te", b"trailers"))
    return [*lines, (b"connection", b", ".join([name for name, _ in lines]))]


def _cut_off(reason: str, error: Exception | None) -> Fail:
    detail = str(error) if error is not None else "closed by the upstream"
    message = "the upstream closed the connection too early"
    return Fail(3004, message, status=502, detail=detail, reason=reason)


class UpstreamConnection(Timed, asyncio.Protocol):
    """One connection to an upstream server."""

    def __init__(self, upstreams: Upstreams, address: Address) -> None:
        """Made by the dialler."""
        super().__init__()
        self.address = address
        self.shelf = upstreams.shelf(address)
        # The head of the last plain response, see plain.py.
        self.answer: PlainAnswer | None = None
        self._plain: PlainExchange | None = None
        self._upstreams = upstreams
        self._reader = ResponseReader(upstreams.limits)
        self._transport: asyncio.Transport | None = None
        self._call: HttpCall | None = None
        self._head: ResponseHead | None = None
        self._touched = False
        self._sent = False
        self._writing_paused = False
        self._reading_paused = False
        self._splice: Splice | None = None

    # --- for calls and the pool -----------------------------------------------------------------------------

    @property
    def is_usable(self) -> bool:
        """Whether another request may be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def begin(self, call: HttpCall) -> None:
        """Take a call."""
        self._call = call
        self._head = None
        self._touched = self._sent = False
        self._reader.expect(call.method)

    def carry(self, exchange: PlainExchange, octets: bytes, now: float) -> None:
        """Send a whole request; `exchange` hears the answer. `now` is the wheel's time."""
        self._plain = exchange
        self._upstreams.outbox.write(self._transport, octets)  # type: ignore[arg-type]  # see HttpOrigin.take
        deadline = self.deadline = now + self._upstreams.settings.idle_timeout_s
        if deadline <= self.lies_from:
            self._upstreams.wheel.set_at(self, deadline)

    def free(self, now: float) -> None:
        """A plain exchange is over, with nothing left: keep the connection."""
        self._plain = None
        upstreams, shelf = self._upstreams, self.shelf
        shelf.append(self)
        deadline = self.deadline = now + upstreams.settings.upstream_idle_s
        if deadline <= self.lies_from:
            upstreams.wheel.set_at(self, deadline)
        if len(shelf) > upstreams.settings.idle_upstreams:
            upstreams.met("idle_upstreams")
            shelf[0].close()

    def take_over(self, call: HttpCall) -> None:
        """A plain exchange goes the long way: its request was sent."""
        self._plain = None
        self.begin(call)
        self._sent = True

    def send(self, octets: bytes) -> None:
        """Write."""
        if self._transport is not None and not self._transport.is_closing():
            self._upstreams.outbox.flush()
            self._transport.write(octets)

    def request_sent(self) -> None:
        """The request is complete: from now on the upstream is waited for."""
        self._sent = True
        if not self._writing_paused and self._call is not None:
            self._upstreams.wheel.set(self, self._upstreams.settings.idle_timeout_s)

    def give_back(self) -> None:
        """Nothing was sent: keep the connection."""
        self._upstreams.put(self)

    def drop(self) -> None:
        """Close at once, whatever is under way."""
        self._call = None
        self._stop_splice()
        self._upstreams.wheel.forget(self)
        if self._transport is not None:
            self._transport.abort()

    def hand_over(self) -> Side:
        """Give the connection away, as the upstream's end of a tunnel."""
        from policyc.runtime.transport.tunnel import TunnelSide

        assert self._transport is not None
        self._call = None
        self._upstreams.wheel.remove(self)
        on_lost = partial(self._upstreams.lost, self)
        return TunnelSide("upstream", self._transport, self._reader.rest, on_lost)

    def close(self) -> None:
        """Close; what is not written yet is of a request that is over."""
        self._stop_splice()
        self._upstreams.wheel.forget(self)
        if self._transport is not None:
            self._upstreams.outbox.flush()
            if self._transport.get_write_buffer_size():
                self._transport.abort()  # an upstream that takes nothing would keep it open for ever
            else:
                self._transport.close()

    def pause(self) -> None:
        """Read no more."""
        if not self._reading_paused and self._transport is not None:
            self._reading_paused = True
            if self._splice is None:  # which pauses itself
                self._transport.pause_reading()
            self._upstreams.wheel.forget(self)

    def resume(self) -> None:
        """Read again."""
        if self._reading_paused and self._transport is not None:
            self._reading_paused = False
            if self._splice is None:
                self._transport.resume_reading()
            if self._sent:
                self._upstreams.wheel.set(self, self._upstreams.settings.idle_timeout_s)

    # --- asyncio.Protocol -----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=self._upstreams.settings.buffer_bytes)
        self._upstreams.made(self)

    def data_received(self, data: bytes) -> None:
        """Read what the upstream says."""
        plain = self._plain
        if plain is not None:
            plain.answered(data)
            return
        call = self._call
        if call is None:
            self.drop()  # nobody asked
            return
        # What trickles in does not put off the deadline of a head; a head does, interim ones too.
        trickles = self._touched and self._head is None
        self._touched = True
        if self._sent and not self._reading_paused and not trickles:
            self._upstreams.wheel.set(self, self._upstreams.settings.idle_timeout_s)
        listener = call.listener
        try:
            self._reader.feed(data)
            while self._call is call and listener is not None:
                event = self._reader.next()
                if event is None:
                    if self._reader.left < SPLICED_FROM or not self._splice_rest(listener):
                        listener.on_flush()
                    return
                if event is END:
                    self._finish(call)
                    return
                if not isinstance(event, ResponseHead):
                    listener.on_data(event)
                elif event.status < 200:
                    if event.status == 101:
                        if b"\r\nupgrade: %b\r\n" % event.upgrade.encode("latin-1") not in call.head.lower():
                            raise Refused("unexpected_upgrade")  # not what was asked for
                        listener.on_upgrade(Headers(event.lines))
                        return
                    listener.on_interim(event.status, event.lines)
                    if self._sent and not self._reading_paused:
                        self._upstreams.wheel.set(self, self._upstreams.settings.idle_timeout_s)
                else:
                    self._head = event
                    if trickles and self._sent and not self._reading_paused:
                        self._upstreams.wheel.set(self, self._upstreams.settings.idle_timeout_s)
                    block = event.block
                    headers = Headers(event.lines) if block is None else Headers.received(FieldBlock(block))
                    listener.on_response(event.status, headers, event.framing, event.length)
        except Refused as refused:
            message = "the upstream sent no valid response"
            self._fail_call(Fail(3004, message, status=502, reason=refused.reason))
            self.drop()

    def eof_received(self) -> bool:
        """The upstream says no more: that may be the end of a body."""
        self._leave_short_way()
        call = self._call
        if call is not None:
            try:
                self._reader.end_of_stream()
            except Refused:
                pass  # connection_lost tells the call
            else:
                self._finish(call)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the call that is under way, if there is one."""
        self._leave_short_way()
        call = self._call
        passes_by = self._stop_splice()
        is_sending = call is not None and not call.is_sent and not passes_by
        if exc is not None and is_sending and self._transport is not None:
            # A write failed: there may be an answer that says why the rest of the body is not wanted.
            said = unread(self._transport, self._upstreams.settings.buffer_bytes)
            if said:
                self.data_received(said)
        self._upstreams.wheel.remove(self)
        self._upstreams.lost(self)
        self._transport = None
        call, self._call = self._call, None
        if call is not None:
            call.died(_cut_off("cut_off" if self._touched else "upstream_closed", exc), not self._touched)

    def pause_writing(self) -> None:
        """The upstream takes no more for now."""
        self._leave_short_way()
        self._writing_paused = True
        self._upstreams.met("buffer_bytes")
        self._upstreams.wheel.set(self, self._upstreams.settings.write_timeout_s)
        if self._call is not None and self._call.listener is not None:
            self._call.listener.pause_body()

    def resume_writing(self) -> None:
        """It takes more again."""
        self._writing_paused = False
        self._upstreams.wheel.forget(self)
        if self._sent and self._call is not None:
            self._upstreams.wheel.set(self, self._upstreams.settings.idle_timeout_s)
        if self._call is not None and self._call.listener is not None:
            self._call.listener.resume_body()

    # --- a large body (splice.py) ---------------------------------------------------------------------------

    def _splice_rest(self, listener: Listener) -> bool:
        """Let the rest of the body pass by this process; False if it cannot."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return False
        splice = self._splice = Splice(self._upstreams.pipes, self, transport, self._reader.left)
        if listener.on_splice(splice):
            return True
        self._splice = None
        return False

    def _stop_splice(self) -> bool:
        """Stop the splice that is under way; False if there is none."""
        splice, self._splice = self._splice, None
        if splice is None:
            return False
        splice.stop()
        return True

    def spliced(self, is_surplus: bool) -> None:
        """All of the body has passed; `is_surplus` if something followed it already."""
        self._splice = None
        self._reader.passed_by()
        if self._transport is not None:
            SmallRead(self._transport, self)
            if not self._reading_paused:
                self._transport.resume_reading()
        assert self._call is not None
        self._finish(self._call, is_surplus)

    def splice_moved(self) -> None:
        """Octets of the body came."""
        if self._sent and not self._reading_paused:
            self._upstreams.wheel.set(self, self._upstreams.settings.idle_timeout_s)

    def splice_broken(self, error: OSError | None) -> None:
        """The connection ended in the middle of the body."""
        self._fail_call(_cut_off("cut_off", error))
        self.drop()

    # --- the ends -------------------------------------------------------------------------------------------

    def expired(self) -> None:
        """The upstream was silent for too long, or an idle connection grew old."""
        self._leave_short_way()
        if self._call is None:
            self._upstreams.met("upstream_idle_s")
            self.close()
            return
        if self._writing_paused:
            failure = Fail(3008, "the upstream takes no octets", status=504, reason="upstream_stalled")
        else:
            failure = Fail(3008, "the upstream did not answer in time", status=504)
        self._fail_call(failure)
        self.drop()

    def _leave_short_way(self) -> None:
        if self._plain is not None:
            self._plain.leave()

    def _fail_call(self, failure: Fail) -> None:
        call, self._call = self._call, None
        if call is not None:
            call.give_up(failure)

    def _finish(self, call: HttpCall, is_surplus: bool = False) -> None:
        head = self._head
        self._call = None
        self._upstreams.wheel.forget(self)
        listener = call.take_leave()
        if self._reading_paused and self._transport is not None:
            self._reading_paused = False
            self._transport.resume_reading()
        clean = head is not None and head.keep_alive and call.is_sent
        clean = clean and not (is_surplus or self._reader.buffered)
        if clean and not self._writing_paused and self.is_usable:
            self._upstreams.put(self)
        else:
            self.close()
        if listener is not None:
            listener.on_end(self._reader.trailers)
