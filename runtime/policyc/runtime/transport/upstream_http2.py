"""Connections to upstreams that speak HTTP/2: many calls at a time on each (`upstream.protocol: "http2"`).

In clear the upstream is known to speak it (RFC 9113 §3.3), over TLS `h2` is offered by ALPN.

    Http2Call ──▶ Http2Upstreams: a connection with room for a stream, else wait for one that is dialled
       │               ▲ ready, lost, room again
       └─ stream ─▶ Http2UpstreamConnection (upstream_http2_connection.py) ── Session (protocol/http2.py)

Rules. 1. No request goes out before the upstream's SETTINGS came: so many streams as they allow, and none is
lost on a server that speaks something else. 2. Connections are kept per (account, upstream) and never cross
either. 3. A call whose stream failed fails by itself; the connection ends where the upstream broke it, said
GOAWAY, or was silent for as long as a call waited. 4. What is sent again is what upstream.py sends again: a
request without body whose method is idempotent, once, on a fresh connection, if nothing of an answer came.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from policyc.engine.outcome import Fail
from policyc.engine.traffic import Headers
from policyc.runtime.origin import Call, Listener, Outgoing
from policyc.runtime.protocol.hopbyhop import Line
from policyc.runtime.protocol.http1 import LENGTH, NONE
from policyc.runtime.protocol.http2 import Head, Interim, Piece
from policyc.runtime.protocol.http2_frames import CANCEL, PROTOCOL_ERROR
from policyc.runtime.protocol.http2_heads import (
    interim_head,
    is_grpc,
    read_trailers,
    request_fields,
    response_head,
    trailer_fields,
)
from policyc.runtime.protocol.refusal import Refused
from policyc.runtime.transport.upstream import IDEMPOTENT, Address, HttpOrigin, Upstreams, told_header
from policyc.runtime.transport.upstream_http2_connection import Http2UpstreamConnection
from policyc.runtime.transport.wheel import Timed

if TYPE_CHECKING:
    from policyc.runtime.transport.relay import Side


class Http2Upstreams:
    """The connections of one gateway to upstreams that speak HTTP/2."""

    def __init__(self, upstreams: Upstreams) -> None:
        """Dial, count and close as `upstreams` does."""
        self.upstreams = upstreams
        self._connections: dict[Address, list[Http2UpstreamConnection]] = {}
        self._waiting: dict[Address, deque[Http2Call]] = {}
        self._dialling: set[Address] = set()
        # Connections without a call, by upstream, the one that waits longest first.
        self._idle: dict[Address, dict[Http2UpstreamConnection, None]] = {}

    @property
    def idle_count(self) -> int:
        """How many connections have no call."""
        return sum(len(shelf) for shelf in self._idle.values())

    def states(self) -> Counter[tuple[str, ...]]:
        """Return how many connections are idle, by upstream; `upstreams` knows those that are open."""
        states: Counter[tuple[str, ...]] = Counter()
        for address, shelf in self._idle.items():
            states[address.name, "idle"] += len(shelf)
        return states

    def rests(self, connection: Http2UpstreamConnection) -> None:
        """A connection has no call; of too many, the one goes that had none for longest."""
        shelf = self._idle.setdefault(connection.address._replace(told=b""), {})
        shelf[connection] = None
        if len(shelf) > self.upstreams.settings.idle_upstreams:
            self.upstreams.met("idle_upstreams")
            next(iter(shelf)).retire()

    def works(self, connection: Http2UpstreamConnection) -> None:
        """A connection has a call, or is gone."""
        upstream = connection.address._replace(told=b"")
        shelf = self._idle.get(upstream)
        if shelf is not None and connection in shelf:
            del shelf[connection]
            if not shelf:
                del self._idle[upstream]

    def begin(self, call: Http2Call) -> None:
        """Give a call a stream, now or when there is one."""
        for connection in self._connections.get(call.address, ()):
            if connection.room > 0:
                call.attach(connection, reused=True)
                return
        self.wait(call)

    def wait(self, call: Http2Call) -> None:
        """Let a call wait for a connection, and dial."""
        self._waiting.setdefault(call.address, deque()).append(call)
        self._dial(call.address)

    def forget(self, call: Http2Call) -> None:
        """A call waits no more."""
        waiting = self._waiting.get(call.address)
        if waiting is not None and call in waiting:
            waiting.remove(call)

    def _dial(self, address: Address) -> None:
        if address not in self._dialling:
            self._dialling.add(address)
            self.upstreams.start(self._connect(address))

    async def _connect(self, address: Address) -> None:
        made = await self.upstreams.connect(address, lambda: Http2UpstreamConnection(self, address), "h2")
        if isinstance(made, Fail):
            self.failed(address, made)
        # Otherwise the connection says when it is ready, or that it will not be.

    def ready(self, connection: Http2UpstreamConnection) -> None:
        """The upstream of a new connection said what it takes."""
        address = connection.address
        self._dialling.discard(address)
        self._connections.setdefault(address, []).append(connection)
        self._serve(connection, fresh=True)
        if self._waiting.get(address):
            self._dial(address)

    def failed(self, address: Address, failure: Fail) -> None:
        """There is no connection: nobody gets one who waits."""
        self._dialling.discard(address)
        failures = self.upstreams.connect_failures
        failures[address.name] = failures.get(address.name, 0) + 1
        for call in self._waiting.pop(address, ()):
            call.fail(failure)

    def has_room(self, connection: Http2UpstreamConnection) -> None:
        """A connection may take a call that waits."""
        self._serve(connection, fresh=False)

    def _serve(self, connection: Http2UpstreamConnection, *, fresh: bool) -> None:
        waiting = self._waiting.get(connection.address)
        passed: list[Http2Call] = []
        while waiting and connection.room > 0:
            call = waiting.popleft()
            if fresh or not call.is_second:
                call.attach(connection, reused=not fresh)
            else:
                passed.append(call)
        if waiting is not None:
            waiting.extendleft(reversed(passed))
            if not waiting:
                del self._waiting[connection.address]

    def retire(self, connection: Http2UpstreamConnection) -> None:
        """Give a connection no more calls."""
        self.works(connection)
        kept = self._connections.get(connection.address)
        if kept is not None and connection in kept:
            kept.remove(connection)
            if not kept:
                del self._connections[connection.address]


class Http2Origin(HttpOrigin):
    """An upstream that speaks HTTP/2: `origin.Origin`."""

    def __init__(self, pool: Http2Upstreams, address: Address) -> None:
        """Connections come from `pool`."""
        super().__init__(pool.upstreams, address)
        self._pool = pool

    def begin(self, request: Outgoing, listener: Listener) -> Call:
        """Send a request on a stream of its own."""
        return Http2Call(self._pool, self.address, request, listener, self._authority)


class TellingHttp2Origin(Http2Origin):
    """One whose connections begin with a PROXY header: each is for one connection of a client."""

    def __init__(self, pool: Http2Upstreams, address: Address, version: int) -> None:
        """`version` is that of the header, 1 or 2."""
        super().__init__(pool, address)
        self._version = version

    def begin(self, request: Outgoing, listener: Listener) -> Call:
        """Send a request on the connection of its client."""
        address = self.address._replace(told=told_header(self._version, request.conn))
        return Http2Call(self._pool, address, request, listener, self._authority)


class Http2Call(Timed):
    """One request to an upstream and its response: `origin.Call`."""

    __slots__ = (
        "_connection", "_ended", "_expects", "_fields", "_head_seen", "_held", "_holding", "_inbox",
        "_interim", "_is_grpc", "_paused", "_pool", "_repeatable", "_reused", "_since", "_size", "_stream",
        "_touched", "_trailers", "_trailing", "_upstreams", "address", "is_second", "listener", "method",
    )  # fmt: skip

    def __init__(
        self,
        pool: Http2Upstreams,
        address: Address,
        request: Outgoing,
        listener: Listener,
        authority: bytes,
    ) -> None:
        """Begin at once; nothing is heard before the next turn of the loop."""
        super().__init__()
        self._pool = pool
        self._upstreams = pool.upstreams
        self.address = address
        self.listener: Listener | None = listener
        self.method = request.method
        self.is_second = False
        self._expects = request.expects_continue
        self._ended = request.framing is NONE or (request.framing is LENGTH and not request.length)
        self._repeatable = (
            request.framing is NONE and request.method in IDEMPOTENT and self._upstreams.settings.retry_stale
        )
        self._connection: Http2UpstreamConnection | None = None
        self._stream = 0
        self._reused = False
        self._touched = False
        self._head_seen = False
        self._is_grpc = is_grpc(request.headers.lines)
        self._interim = 0
        self._since = 0.0
        # What is to be sent, while there is no stream; and what came, while nobody takes it.
        self._held: list[bytes] = []
        self._size = 0
        self._holding = False
        self._trailers: Sequence[Line] = ()
        self._inbox: list[Piece] = []
        self._trailing: Sequence[Line] | None = None
        self._paused = False
        try:
            self._fields = request_fields(
                request.method,
                request.target,
                address.scheme.encode("ascii"),
                request.headers.lines,
                authority,
                request.length if request.framing is LENGTH else -1,
                request.accepts_trailers,
            )
            if self._expects:
                self._fields.append((b"expect", b"100-continue"))
        except (Refused, UnicodeEncodeError):
            self._fields = []
            failure = Fail(2211, "a header or the URL of the request is not valid")
            asyncio.get_running_loop().call_soon(self.fail, failure)
            return
        pool.begin(self)

    def attach(self, connection: Http2UpstreamConnection, *, reused: bool) -> None:
        """Send what there is on a stream of `connection`."""
        self._reused = reused
        self._connection = connection
        self._touched = False
        stream = self._stream = connection.open(self)
        held, self._held = self._held, []
        session = connection.session
        nothing_more = self._ended and not held and not self._trailers
        session.send_fields(stream, self._fields, end=nothing_more)
        for piece in held:
            session.send_data(stream, piece)
        if self._ended and not nothing_more:
            session.send_end(stream, self._trailers)
        connection.pump_soon()
        self._wait()
        if not self._ended:
            # Its 100 says that it takes the body, or its silence after a while (RFC 9110 §10.1.1).
            wait_s = self._upstreams.settings.continue_timeout_s if self._expects else 0
            asyncio.get_running_loop().call_later(wait_s, self._tell_ready)

    def _tell_ready(self) -> None:
        if self.listener is None or self._ended:
            return
        self.listener.on_ready()
        if self._holding and self.listener is not None:
            self._holding = False
            self.listener.resume_body()

    # --- origin.Call ----------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send a piece of the request body, or hold it while there is no stream."""
        connection = self._connection
        limit = self._upstreams.settings.buffer_bytes
        if connection is None:
            self._held.append(data)
            self._size += len(data)
            waiting = self._size
        else:
            connection.session.send_data(self._stream, data)
            connection.pump_soon()
            waiting = connection.session.waiting(self._stream)
        if waiting > limit and not self._holding and self.listener is not None:
            self._holding = True
            self._upstreams.met("buffer_bytes")
            self.listener.pause_body()
            self._wait()

    def end(self, trailers: Sequence[Line] = ()) -> None:
        """The request body is complete."""
        if self._ended:
            return
        self._ended = True
        try:
            self._trailers = trailer_fields(trailers)
        except Refused:
            self._trailers = ()
        if self._connection is not None:
            self._connection.session.send_end(self._stream, self._trailers)
            self._connection.pump_soon()
            self._wait()

    def tunnel(self) -> Side:
        """Never asked for: HTTP/2 answers no 101."""
        raise NotImplementedError

    def abort(self) -> None:
        """Forget the call; its stream is reset, the connection stays."""
        self.listener = None
        self._leave(CANCEL)

    def pause(self) -> None:
        """Deliver no more of the response for now: the window of the stream closes."""
        self._paused = True
        self._upstreams.wheel.forget(self)

    def resume(self) -> None:
        """Deliver again."""
        self._paused = False
        while self._inbox and not self._paused:
            self._pass_on(self._inbox.pop(0))
        listener = self.listener
        if self._paused or listener is None:
            return
        if self._trailing is not None:
            self._finish(self._trailing)
            return
        listener.on_flush()
        if self._connection is not None:
            self._connection.pump_soon()
            self._wait()

    # --- what the connection tells --------------------------------------------------------------------------

    def hear_head(self, head: Head) -> None:
        """Take the head of the response."""
        listener, connection = self.listener, self._connection
        if listener is None or connection is None:
            return
        self._touched = self._head_seen = True
        try:
            read = response_head(head.fields, head.ended, self.method, self._upstreams.limits)
        except Refused as refused:
            self.hear_wrong(refused.reason)
            return
        if not head.ended:
            if read.framing is LENGTH:
                connection.session.expect(self._stream, read.length)
            elif read.framing is NONE:
                connection.session.expect(self._stream, 0)
        listener.on_response(read.status, Headers(read.lines), read.framing, read.length)
        if head.ended:
            self._finish(())

    def hear_interim(self, interim: Interim) -> None:
        """Take an interim response."""
        self._touched = True
        self._interim += 1
        try:
            if self._interim > self._upstreams.settings.interim_limit:
                raise Refused("too_many_interim")
            status, lines = interim_head(interim.fields, self._upstreams.limits)
        except Refused as refused:
            self.hear_wrong(refused.reason)
            return
        if self.listener is not None:
            self.listener.on_interim(status, lines)

    def hear_piece(self, piece: Piece) -> None:
        """Take a piece of the response."""
        if self._paused:
            self._inbox.append(piece)
        else:
            self._pass_on(piece)

    def _pass_on(self, piece: Piece) -> None:
        if piece.data and self.listener is not None:
            self.listener.on_data(piece.data)
        if self._connection is not None:
            self._connection.session.consumed(self._stream, piece.cost)

    def hear_end(self, fields: list[Line]) -> None:
        """The response is complete."""
        try:
            trailers = read_trailers(fields, self._upstreams.limits)
        except Refused as refused:
            self.hear_wrong(refused.reason)
            return
        if self._inbox:  # it is all here, whatever becomes of the connection before somebody takes it
            self._trailing = trailers
            self._leave(CANCEL)
        else:
            self._finish(trailers)

    def _finish(self, trailers: Sequence[Line]) -> None:
        listener, self.listener = self.listener, None
        self._leave(CANCEL)  # which tells an upstream that answered before it heard everything
        if listener is not None:
            listener.on_end(trailers)

    def hear_wrong(self, reason: str) -> None:
        """The upstream sent what is no response."""
        self._leave(PROTOCOL_ERROR)
        self.fail(Fail(3004, "the upstream sent no valid response", status=502, detail=reason))

    def moved(self) -> None:
        """Some of what waited went out."""
        connection = self._connection
        if connection is None:
            return
        if (
            self._holding
            and connection.session.waiting(self._stream) <= self._upstreams.settings.buffer_bytes // 2
        ):
            self._holding = False
            if self.listener is not None:
                self.listener.resume_body()
        self._wait()

    def heard(self) -> None:
        """Something came from the upstream: it is not silent."""
        self._touched = True
        self._wait()

    def died(self, failure: Fail) -> None:
        """The stream is gone, with the connection or by itself; it may be tried again on a fresh one."""
        self._connection = None
        self._upstreams.wheel.remove(self)
        if self._repeatable and self._reused and not self._touched and self.listener is not None:
            self._repeatable = False
            self.is_second = True
            self._pool.wait(self)
        else:
            self.fail(failure)

    def fail(self, failure: Fail) -> None:
        """Tell the listener."""
        listener, self.listener = self.listener, None
        self._upstreams.wheel.remove(self)
        if listener is not None:
            listener.on_failure(failure)

    # --- the ends -------------------------------------------------------------------------------------------

    def _wait(self) -> None:
        """Await the upstream: it has to take what waits, and then to answer."""
        connection, settings = self._connection, self._upstreams.settings
        if connection is None or self._paused:
            return
        if connection.session.waiting(self._stream):
            self._upstreams.wheel.set(self, settings.write_timeout_s)
        elif self._ended:
            patient = self._head_seen or self._is_grpc
            quiet_s = settings.stream_idle_timeout_s if patient else settings.idle_timeout_s
            self._upstreams.wheel.set(self, quiet_s)
        else:
            self._upstreams.wheel.forget(self)
            return
        self._since = self._upstreams.wheel.clock()

    def expired(self) -> None:
        """The upstream took nothing, or said nothing, for too long."""
        connection = self._connection
        self._leave(CANCEL)
        wheel = self._upstreams.wheel
        if connection is not None and connection.heard_at < (self._since + wheel.clock()) / 2:
            connection.retire()  # silent for half of the time: it may be dead, and nobody knows
        self.fail(Fail(3008, "the upstream did not answer in time", status=504))

    def _leave(self, code: int) -> None:
        connection, self._connection = self._connection, None
        self._upstreams.wheel.remove(self)
        if connection is not None:
            connection.leave(self._stream, code)
        else:
            self._pool.forget(self)
