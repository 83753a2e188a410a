"""The client's side: one connection, its requests in order, its responses, its time-outs.

Rules. 1. One exchange at a time; what a client sends ahead waits in the reader. 2. A connection is used
again only when request and response are both complete. 3. A message that is refused is answered once, and
the connection is closed: its octets cannot be trusted any further.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast
from typing import Protocol as Interface

from policyc.engine.traffic import Connection
from policyc.engine.values import Timestamp
from policyc.runtime.endpoints import Snapshot
from policyc.runtime.errors import error_answer
from policyc.runtime.exchange import Admitted, HttpExchange, Surroundings
from policyc.runtime.metrics import Metrics
from policyc.runtime.observe import AccessLog, timestamp
from policyc.runtime.protocol.chunked import LAST_CHUNK, last_chunk
from policyc.runtime.protocol.hopbyhop import Line
from policyc.runtime.protocol.http1 import (
    CHUNKED,
    CLOSE,
    END,
    LENGTH,
    NONE,
    NOTHING_READ,
    Framing,
    RequestHead,
    RequestReader,
    plain_response_octets,
    response_octets,
)
from policyc.runtime.protocol.refusal import REASONS, Refused
from policyc.runtime.transport.accepted import Ends, Held, own_end, socket_end
from policyc.runtime.transport.brief import BriefProtocol, BriefTransport
from policyc.runtime.transport.plain import PlainExchange, PlainReader
from policyc.runtime.transport.upstream import Upstreams
from policyc.runtime.transport.wheel import Timed, Wheel

if TYPE_CHECKING:
    from policyc.runtime.transport.relay import Relay, Side
    from policyc.runtime.transport.splice import Splice

_log = logging.getLogger(__name__)

_LINGER_S = 2.0
_RESET = struct.pack("ii", 1, 0)
_JOIN_BELOW = 16 * 1024

# Why reading is paused.
_PIPELINE, _BODY = 1, 2


class House(Interface):
    """What a client connection needs of the gateway."""

    around: Surroundings
    wheel: Wheel
    metrics: Metrics
    access: AccessLog | None
    upstreams: Upstreams
    plain: PlainReader

    @property
    def snapshot(self) -> Snapshot:
        """The configuration of the moment."""

    @property
    def is_stopping(self) -> bool:
        """Whether connections are to end."""

    def admit(self, connection: Held, address: str) -> bool:
        """Count a connection; False if there are too many."""

    def leave(self, connection: Held, address: str) -> None:
        """The connection is gone."""


class ClientConnection(Timed, BriefProtocol):
    """One connection of a client: `exchange.Downstream`."""

    # What all connections begin with. Most keep most of it, and setting it would take longer for each of them
    # than answering its request (workload W4 of docs/performance.md).
    conn: Connection
    _admitted: Admitted | None = None
    _transport: asyncio.Transport | None = None
    _address = ""
    _reader = NOTHING_READ
    _plain: PlainExchange
    # Whether a request may come, and nothing of it has come yet.
    _is_ready = False
    _exchange: HttpExchange | PlainExchange | None = None
    _head: RequestHead | None = None
    _requests = 0
    _framing = NONE
    _keep_alive = True
    _head_sent = False
    _continued = False
    _advancing = False
    _again = False
    _lingering = False
    _drained = -1
    _paused = 0
    _stalled = False
    _body_began = 0.0
    _body_octets = 0
    _at_end = False
    _tunnel: Relay | None = None
    # Whether the transport is there for one request only.
    _is_brief = False

    def __init__(self, house: House, ends: Ends | None = None, here: tuple[str, int] | None = None) -> None:
        """Made by the listener; `ends` are what a PROXY header told of the connection.

        `here` is where it came to, if all of the listener's do: asking the system costs a call for each.
        """
        super().__init__()
        self._house = house
        self._ends = ends
        self._here = here
        self._settings = house.around.settings
        self._out: list[bytes | memoryview] = []

    # --- asyncio.Protocol -----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport, or turn it away where there are too many."""
        self._transport = cast(asyncio.Transport, transport)
        if self._ends is None:  # as Ends.of, for every connection: without a record that nobody keeps
            peer = socket_end(transport.get_extra_info("peername"))
            here = self._here or own_end(transport.get_extra_info("sockname"))
        else:
            peer, here, _ = self._ends
        self._address = peer[0]
        if not self._house.admit(self, peer[0]):
            self._address = ""
            self._transport.abort()
            return
        settings = self._settings
        self.conn = Connection(
            peer[0],
            peer[1],
            here[0],
            here[1],
            started=Timestamp(time.time_ns()),
            server_region=settings.region,
        )
        self._plain = PlainExchange(self, self._house)
        if type(transport) is BriefTransport:
            self._is_brief = True
            return
        self._transport.set_write_buffer_limits(high=settings.buffer_bytes)
        self._house.wheel.set(self, settings.idle_timeout_s)
        self._is_ready = True

    # --- brief.BriefProtocol --------------------------------------------------------------------------------

    def begin_briefly(self, data: bytes) -> bool:
        """Take a request if the short way can, and if it is the last one."""
        self.conn.bytes_in += len(data)
        if self._plain.begin(data, is_brief=True):
            return True
        self.conn.bytes_in = 0  # they come once more
        return False

    def moved(self, transport: asyncio.Transport) -> None:
        """Go on with a transport of the loop."""
        self._is_brief = False
        self._transport = transport
        transport.set_write_buffer_limits(high=self._settings.buffer_bytes)
        self._is_ready = self._exchange is None and not self._lingering
        if self._exchange is None and self.deadline is None:
            self._house.wheel.set(self, self._settings.idle_timeout_s)
        if self._paused:  # a loop reads in any case when a transport is there
            asyncio.get_running_loop().call_soon(self._stay_paused, transport)

    def _stay_paused(self, transport: asyncio.Transport) -> None:
        if self._paused and not transport.is_closing():
            transport.pause_reading()

    def unread(self) -> None:
        """Close in stages: there is more than was announced."""
        self._lingering = False
        self._linger()

    @property
    def admitted(self) -> Admitted:
        """What the connection remembers of its endpoints."""
        if self._admitted is None:
            self._admitted = Admitted(self._house.around.forwarding.trusts(self._address))
        return self._admitted

    def data_received(self, data: bytes) -> None:
        """Read what the client says."""
        self.conn.bytes_in += len(data)
        if self._is_ready:
            self._is_ready = False
            if self._plain.begin(data):
                return
        if self._lingering:
            self._drained += len(data)
            if self._drained > self._settings.drain_limit_bytes * 16:
                self._house.around.met("drain_limit_bytes")
                self._abort_transport()
            return
        reader = self._reader
        if reader is NOTHING_READ:
            reader = self._reader = RequestReader(self._house.upstreams.limits)
        requests = self._requests if self._exchange is None and reader.is_between else -1
        reader.feed(data)
        self._advance()
        if reader.buffered and not self._lingering:
            if self._requests == requests and self._drained < 0:  # a head began, and there is more to come
                self._house.wheel.set(self, self._settings.head_timeout_s)
            if reader.buffered > self._settings.buffer_bytes:
                self._house.around.met("buffer_bytes")
                self._pause(_PIPELINE)

    def eof_received(self) -> bool:
        """The client says no more. Most that do are gone: an answer is only waited for if it comes soon."""
        self._at_end = True
        self._is_ready = False
        self._house.upstreams.outbox.flush()  # a transport that closes now takes nothing any more
        if self._lingering or (self._exchange is None and not self._reader.buffered):
            return False
        if self._exchange is not None and not self._reader.is_in_body:
            if not (self._head_sent or self._stalled):
                self._house.wheel.set(self, self._settings.half_close_s)
            assert self._transport is not None
            return self._transport.can_write_eof()  # over TLS nobody is left to answer
        if self._exchange is not None:
            self._exchange.client_lost("cut_off")
        self._abort_transport()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._house.wheel.remove(self)
        self._transport = None
        if self._address:
            self._house.leave(self, self._address)
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.client_lost()
        self.__dict__.pop("_plain", None)  # they know each other: only the garbage collector would find them

    def pause_writing(self) -> None:
        """The client takes no more for now."""
        self._stalled = True
        self._is_ready = False
        self._house.around.met("buffer_bytes")
        self._house.wheel.set(self, self._settings.write_timeout_s)
        if self._exchange is not None:
            self._exchange.pause_response()

    def resume_writing(self) -> None:
        """It takes more again."""
        self._stalled = False
        if self._exchange is not None:
            self._house.wheel.forget(self)
            self._exchange.resume_response()
        elif not self._lingering:
            self._house.wheel.set(self, self._settings.idle_timeout_s)
            self._advance()
            self._be_ready()

    def expired(self) -> None:
        """A time-out: of the head, of the body's rate, of a stalled write, of idleness."""
        if self._stalled or self._lingering:
            if self._exchange is not None:
                self._exchange.client_lost("write_timeout")
            self._abort_transport()
        elif self._exchange is not None or self._drained >= 0:
            self._check_rate()
        elif self._reader.buffered:
            self._refuse("head_timeout")
        else:
            self._house.around.met("idle_timeout_s")
            self._close_transport()

    # --- reading --------------------------------------------------------------------------------------------

    def _advance(self) -> None:
        """Read as far as it goes: on to the next request when one is done, and not before."""
        if self._advancing:
            self._again = True
            return
        self._advancing = True
        try:
            while True:
                self._again = False
                self._read()
                if not self._again:
                    break
        except Refused as refused:
            self._refuse(refused.reason)
        finally:
            self._advancing = False
        if self._paused and self._reader.buffered <= self._settings.buffer_bytes:
            self._unpause(_PIPELINE)

    def _read(self) -> None:
        reader = self._reader
        while not self._lingering and self._transport is not None:
            if self._exchange is None and self._drained < 0:
                if self._head_sent or self._stalled or self._transport.is_closing():
                    return
                head = reader.next()
                if head is None:
                    return
                assert isinstance(head, RequestHead)
                self._begin(head)
                continue
            if not reader.is_in_body or self._paused & _BODY:
                return
            event = reader.next()
            if event is None:
                return
            if event is END:
                if self._exchange is not None:
                    if self._at_end:
                        self._house.wheel.set(self, self._settings.half_close_s)
                    else:
                        self._house.wheel.forget(self)
                    self._exchange.body_ended(reader.trailers)
                else:
                    self._drained = -1
                    self._next()
            elif isinstance(event, bytes):
                self._take_body(event)

    def _begin(self, head: RequestHead) -> None:
        self._requests += 1
        self._head = head
        self._continued = False
        self._keep_alive = (
            head.keep_alive
            and self._requests < self._settings.requests_per_connection
            and not self._house.is_stopping
        )
        house = self._house
        if head.framing is CHUNKED or head.length:
            self._body_began = house.wheel.clock()
            self._body_octets = 0
            house.wheel.set(self, self._settings.body_grace_s)
        else:
            house.wheel.forget(self)
        exchange = self._exchange = HttpExchange(self, head, house.snapshot, house.around)
        exchange.begin()

    def _take_body(self, data: bytes) -> None:
        self._body_octets += len(data)
        if self._exchange is not None:
            self._exchange.body_received(data)
            return
        self._drained += len(data)
        if self._drained > self._settings.drain_limit_bytes:
            self._house.around.met("drain_limit_bytes")
            self._linger()

    def _check_rate(self) -> None:
        """Hold a request body to its least rate; time that we held it back ourselves does not count."""
        if not self._reader.is_in_body:
            if self._at_end and self._exchange is not None and not self._head_sent:
                self._exchange.client_lost()
                self._abort_transport()
            return
        settings, wheel = self._settings, self._house.wheel
        if self._paused or (self._head is not None and self._head.expects_continue and not self._continued):
            self._body_began = wheel.clock() - self._body_octets / settings.body_rate_bytes_s
            wheel.set(self, settings.body_grace_s)
            return
        due = settings.body_grace_s + self._body_octets / settings.body_rate_bytes_s
        left = due - (wheel.clock() - self._body_began)
        if left > 0:
            wheel.set(self, left)
        elif self._exchange is not None:
            self._refuse("body_timeout")
        else:
            self._abort_transport()

    def _pause(self, why: int) -> None:
        if not self._paused and self._transport is not None:
            self._transport.pause_reading()
        self._paused |= why

    def _unpause(self, why: int) -> None:
        if not self._paused & why:
            return
        self._paused &= ~why
        if not self._paused and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _refuse(self, reason: str) -> None:
        """Answer a message that must not be processed, and close."""
        status, message = REASONS[reason]
        self._keep_alive = False
        if self._exchange is not None:
            self._exchange.body_refused(status, reason, message)
            if self._transport is not None and not self._lingering:
                self._linger()
            return
        self._house.around.log(
            {
                "ts": timestamp(time.time()),
                "client": self.conn.client_ip,
                "status": status,
                "reason": reason,
            }
        )
        if self._lingering or self._transport is None or self._drained >= 0:
            self._abort_transport()
            return
        answer = error_answer(status, message, None, "")
        octets = response_octets(status, answer.lines, LENGTH, len(answer.body), keep_alive=False)
        self._write(octets + answer.body)
        self._linger()

    # --- exchange.Downstream --------------------------------------------------------------------------------

    def send_head(self, status: int, lines: list[Line], framing: Framing, length: int) -> None:
        """Collect a response head."""
        framing = self._frame(framing)
        self._out.append(response_octets(status, lines, framing, length, self._keep_alive))
        self._framing = framing
        self._head_sent = True

    def send_block(self, status: int, block: bytes, framing: Framing) -> None:
        """Collect a response head whose lines are octets."""
        head = self._head
        assert head is not None
        framing = self._frame(framing)
        self._out.append(plain_response_octets(status, block, framing, self._keep_alive, head.minor))
        self._framing = framing
        self._head_sent = True

    def _frame(self, framing: Framing) -> Framing:
        """Return how the body is framed for this client, and see whether the connection goes on after it."""
        head = self._head
        assert head is not None
        if framing is CHUNKED or framing is CLOSE:
            framing = CHUNKED if head.minor else CLOSE
        if framing is CLOSE or not self._may_go_on(head):
            self._keep_alive = False
        return framing

    def _may_go_on(self, head: RequestHead) -> bool:
        """Whether the connection can be used again, as far as the request's body tells."""
        if not self._reader.is_in_body:
            return True
        if head.expects_continue and not self._continued:
            return False  # whether the body still comes, nobody knows
        if self._exchange is not None and self._exchange.wants_body:
            return True
        if self._reader.left_to_drain(self._settings.drain_limit_bytes):
            return True
        self._house.around.met("drain_limit_bytes")
        return False

    def send_data(self, data: bytes | memoryview) -> None:
        """Collect a piece of the body."""
        if self._framing is CHUNKED:
            self._out.append(b"%x\r\n" % len(data))
            self._out.append(data)
            self._out.append(b"\r\n")
        else:
            self._out.append(data)

    def splice(self, splice: Splice, on_sent: Callable[[int], None]) -> bool:
        """Let the rest of the body pass by, after what was collected."""
        transport = self._transport
        if transport is None or self._stalled or self._is_brief or self._framing is not LENGTH:
            return False
        self._house.upstreams.outbox.flush()
        out, self._out = self._out, []
        conn, early = self.conn, sum(map(len, out))
        conn.bytes_out += early

        def sent(count: int) -> None:
            conn.bytes_out += count
            on_sent(count)

        if splice.begin(self, transport, out, sent):
            return True
        conn.bytes_out -= early
        self._out = out
        return False

    def send_end(self, trailers: Sequence[Line] = ()) -> None:
        """Complete the response and write it; trailers go out behind the last chunk."""
        if self._framing is CHUNKED:
            self._out.append(last_chunk(trailers) if trailers else LAST_CHUNK)
        self.flush()

    def join(self, lines: list[Line], origin: Side, on_end: Callable[[str, int, int], None]) -> None:
        """Send the head of a 101 and hand the connection over, to be relayed until both ends are done."""
        from policyc.runtime.transport.relay import Relay
        from policyc.runtime.transport.tunnel import TunnelSide

        head, transport, wheel = self._head, self._transport, self._house.wheel
        assert head is not None
        assert transport is not None
        asked = [(b"upgrade", head.upgrade.encode("ascii")), (b"connection", b"upgrade")]
        self._write(response_octets(101, [*lines, *asked], NONE, -1, keep_alive=True))
        wheel.remove(self)
        client = TunnelSide("client", transport, self._reader.rest)
        client.at_end = self._at_end

        def over(reason: str) -> None:
            self._tunnel = None
            on_end(reason, client.octets, origin.octets)
            self.connection_lost(None)

        relay = self._tunnel = Relay(client, origin, wheel, self._settings.stream_idle_timeout_s, over)
        relay.begin()
        if self._stalled:
            origin.pause()

    def send_interim(self, status: int, lines: list[Line]) -> None:
        """Write an interim response at once."""
        if status == 100:
            self._continued = True
            self._body_began = self._house.wheel.clock()
        self._write(response_octets(status, lines, NONE, -1, keep_alive=True))

    def flush(self) -> None:
        """Write what was collected, as one message."""
        out = self._out
        if not out:
            return
        self._out = []
        if len(out) == 1:
            self._write(out[0])
        elif sum(map(len, out)) < _JOIN_BELOW:
            self._write(b"".join(out))
        elif self._transport is not None and not self._transport.is_closing():
            self.conn.bytes_out += sum(map(len, out))
            self._house.upstreams.outbox.flush()
            self._transport.writelines(out)

    def cut(self) -> None:
        """Drop the connection, which is all that can tell the client."""
        self.abort()

    def abort(self) -> None:
        """Drop the connection at once, with a reset where the system can."""
        self._out.clear()
        transport = self._transport
        if transport is None:
            return
        sock = transport.get_extra_info("socket")
        if sock is not None:
            try:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            except OSError:
                _log.debug("the connection of %s cannot be reset", self._address)
        self._abort_transport()

    def pause_body(self) -> None:
        """Hold the request body back."""
        self._pause(_BODY)

    def resume_body(self) -> None:
        """Let it come again."""
        if self._paused & _BODY:
            self._unpause(_BODY)
            self._advance()

    def exchange_finished(self) -> None:
        """Go on to the next request, or drain, or close."""
        self._exchange = None
        if self._transport is None or self._transport.is_closing():
            return
        self._unpause(_BODY)
        head, reader = self._head, self._reader
        assert head is not None
        if not self._keep_alive:
            if self._requests >= self._settings.requests_per_connection:
                self._house.around.met("requests_per_connection")
            if not head.keep_alive and not reader.awaits_body and not reader.buffered:
                self._close_transport()  # the client said that nothing comes any more
            else:
                self._linger()
            return
        if reader.is_in_body:
            unasked = head.expects_continue and not self._continued
            if unasked or not self._reader.left_to_drain(self._settings.drain_limit_bytes):
                self._linger()
                return
            self._drained = 0
            self._house.wheel.set(self, self._settings.body_grace_s)
            self._head_sent = False
            self._advance()
            return
        self._next()

    def _next(self) -> None:
        """The connection is free for another request."""
        self._head = None
        self._head_sent = False
        if self._at_end and not self._reader.buffered:
            self._close_transport()
            return
        if self._house.is_stopping or not self._keep_alive:
            self._linger()
            return
        settings = self._settings
        waiting = settings.head_timeout_s if self._reader.buffered else settings.idle_timeout_s
        if not self._stalled:
            self._house.wheel.set(self, waiting)
        self._advance()
        self._be_ready()

    def _be_ready(self) -> None:
        """Let the next request go the short way, if it is the next thing that can come."""
        self._is_ready = (
            self._exchange is None
            and self._reader.is_between
            and self._drained < 0
            and not (self._stalled or self._at_end or self._lingering or self._head_sent)
            and self._tunnel is None
        )

    # --- the short way (plain.py) ---------------------------------------------------------------------------

    def took_short_way(self, exchange: PlainExchange, keep_alive: bool) -> None:
        """A request has come; nothing is awaited from the client any more."""
        self._requests += 1
        self._keep_alive = keep_alive and self._requests < self._settings.requests_per_connection
        self.deadline = None
        self._exchange = exchange

    def leave_short_way(self, exchange: HttpExchange, head: RequestHead) -> None:
        """The request that is under way goes on the long way."""
        self._exchange = exchange
        self._head = head
        self._continued = False

    @property
    def may_go_on(self) -> bool:
        """Whether another request may come on this connection."""
        return self._keep_alive

    def answer_plain(self, head: bytes, data: bytes, start: int, now: float) -> None:
        """Write a whole response: its head, and as its body the octets of `data` from `start` on."""
        transport = self._transport
        self._exchange = None
        if transport is None or transport.is_closing():
            return
        # Whatever else is to be looked at is set before the write, which may call `pause_writing`.
        goes_on = self._keep_alive and not (self._at_end or self._stalled or self._reader.buffered)
        if goes_on:
            self._is_ready = True
            deadline = self.deadline = now + self._settings.idle_timeout_s
            if deadline <= self.lies_from:
                self._house.wheel.set_at(self, deadline)
        outbox = self._house.upstreams.outbox
        size = len(data) - start
        self.conn.bytes_out += len(head) + size
        if size < _JOIN_BELOW:
            outbox.write(transport, head + data[start:])
        else:
            outbox.flush()
            transport.writelines((head, memoryview(data)[start:]))
        if goes_on:
            return
        if self._plain.keeps_alive or self._reader.buffered:
            self._head = self._plain.head()
            self.exchange_finished()
        else:
            self._lingering = True  # the client said that nothing comes any more
            if not self._is_brief:
                self._house.wheel.set_at(self, now + self._settings.idle_timeout_s)
            outbox.close(transport)

    # --- the end --------------------------------------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        """Whether a request is under way."""
        return self._exchange is not None or self._reader.is_in_body

    def forget(self) -> None:
        """Keep nothing of the configuration that was served before, if nothing is under way."""
        self.admitted.chosen.clear()
        if self._exchange is None:
            self._plain = PlainExchange(self, self._house)

    def stop(self) -> None:
        """The gateway stops: close now if nothing is under way, not even a head, else after it."""
        if self.is_busy or self._reader.buffered or self._lingering:
            self._keep_alive = False
        else:
            self._close_transport()

    def kill(self) -> None:
        """Close whatever is under way: a request ends with the reason `drain_timeout`."""
        if self._tunnel is not None:
            self._tunnel.cut("drain_timeout")
            return
        if self._exchange is not None:
            self._exchange.client_lost("drain_timeout")
        self._abort_transport()

    def _write(self, octets: bytes | memoryview) -> None:
        transport = self._transport
        if transport is not None and not transport.is_closing():
            self.conn.bytes_out += len(octets)
            self._house.upstreams.outbox.flush()
            transport.write(octets)

    def _linger(self) -> None:
        """Say no more, and read on for a moment: a reset would take the answer away from the client."""
        if self._lingering or self._transport is None:
            return
        self.flush()
        self._lingering = True
        self._drained = 0
        if self._at_end or not self._transport.can_write_eof():
            self._close_transport()
            return
        if self._transport.is_closing():
            return
        self._house.upstreams.outbox.flush()
        self._transport.write_eof()
        self._paused, paused = 0, self._paused
        if paused:
            self._transport.resume_reading()
        self._house.wheel.set(self, _LINGER_S if not self._stalled else self._settings.write_timeout_s)

    def _close_transport(self) -> None:
        self._is_ready = False
        self._house.wheel.forget(self)
        transport = self._transport
        if transport is None:
            return
        self._house.upstreams.outbox.flush()
        if transport.get_write_buffer_size():  # it still goes out, but not for ever
            self._lingering = True
            self._house.wheel.set(self, self._settings.write_timeout_s)
        transport.close()

    def _abort_transport(self) -> None:
        self._house.wheel.forget(self)
        if self._transport is not None:
            self._transport.abort()
