"""A client's connection that speaks HTTP/2: many exchanges at a time, each with its stream, and one socket.

    socket ──octets──▶ Session (protocol/http2.py) ──news──▶ Stream (http2_stream.py) ──▶ HttpExchange
           ◀─frames──         outboxes, windows    ◀──────── head, data, end ────────────┘

Rules. 1. What is wrong with one stream ends that stream; what is wrong with the connection ends it with a
GOAWAY. 2. A request body goes on as fast as its exchange takes it: what is held back is not acknowledged, so
the window of its stream closes, and no other. 3. Octets are made frames only when the socket takes them.
While it does not, nothing is read either: answers to control frames would pile up. 4. A connection that is to
end says so first (GOAWAY), and takes what was on its way until the client has heard of it.
"""

from __future__ import annotations

import asyncio
import logging
import math
import socket
import struct
import time
from typing import cast

from policyc.engine.traffic import Connection
from policyc.engine.values import Timestamp
from policyc.runtime.exchange import Admitted
from policyc.runtime.observe import Record, timestamp
from policyc.runtime.protocol.http1 import LENGTH
from policyc.runtime.protocol.http2 import (
    Answered,
    Ended,
    Gone,
    Head,
    Leaving,
    News,
    Piece,
    Session,
    Wrong,
)
from policyc.runtime.protocol.http2_frames import NO_ERROR, REFUSED_STREAM, Broken
from policyc.runtime.protocol.http2_heads import request_head
from policyc.runtime.protocol.refusal import Refused
from policyc.runtime.transport.accepted import Ends
from policyc.runtime.transport.http2_stream import Stream
from policyc.runtime.transport.server import House
from policyc.runtime.transport.wheel import Timed

_log = logging.getLogger(__name__)

_RESET = struct.pack("ii", 1, 0)
# How long a client may need to hear of a GOAWAY, and to take the last word.
_HEARD_S = 1.0
_LINGER_S = 2.0


class Http2Connection(Timed, asyncio.Protocol):
    """One connection of a client, and its streams."""

    def __init__(self, house: House, ends: Ends | None = None) -> None:
        """Made by the listener; `ends` are what a PROXY header or the listener of TLS told of it."""
        super().__init__()
        self.house = house
        self.settings = settings = house.around.settings
        self._ends = ends
        self._limits = settings.limits()
        self.session = Session(settings.http2_limits(), house.wheel.clock, client=False)
        self._transport: asyncio.Transport | None = None
        self._address = ""
        self.conn = Connection("")
        self.admitted = Admitted(False)
        self._streams: dict[int, Stream] = {}
        self._requests = 0
        self._paused = False
        self._busy = False  # events are dealt with, or frames written: what comes of it is written after that
        self._over = False  # nothing more is read or begun
        self._leaving = False  # a GOAWAY was said or heard
        self._told = False  # and it named the last stream
        self._told_by = 0.0
        self._idle_by = 0.0
        self._dropped = 0

    # --- asyncio.Protocol -----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport, or turn it away where there are too many."""
        self._transport = cast(asyncio.Transport, transport)
        peer, here, _ = self._ends or Ends.of(transport)
        self._address = peer[0]
        if not self.house.admit(self, peer[0]):
            self._address = ""
            self._over = True
            self._transport.abort()
            return
        settings = self.settings
        self.conn = Connection(
            peer[0],
            peer[1],
            here[0],
            here[1],
            started=Timestamp(time.time_ns()),
            server_region=settings.region,
        )
        self.admitted = Admitted(self.house.around.forwarding.trusts(peer[0]))
        self._transport.set_write_buffer_limits(high=settings.buffer_bytes)
        self._idle_by = self.house.wheel.clock() + settings.idle_timeout_s
        self._await()
        self.pump()

    def data_received(self, data: bytes) -> None:
        """Read what the client says."""
        self.conn.bytes_in += len(data)
        if self._over:
            self._dropped += len(data)
            if self._dropped > self.settings.drain_limit_bytes * 16:
                self._abort_transport()
            return
        session = self.session
        was_within, frames = session.is_within, session.frames
        self._busy = True
        try:
            for news in self.session.receive(data):
                self._hear(news)
                if self._over:
                    break
        except Broken as broken:
            self._break(broken)
        finally:
            self._busy = False
        if not self._over:
            self.pump()
            if was_within != session.is_within or (was_within and frames != session.frames):
                self._await()

    def eof_received(self) -> bool:
        """The client says no more. Without it no window opens any more, so it is gone."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self.house.wheel.remove(self)
        self._transport = None
        self._over = True
        if self._address:
            self.house.leave(self, self._address)
        self._drop_streams()

    def pause_writing(self) -> None:
        """The client takes no more for now."""
        self._paused = True
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()
        self.house.wheel.set(self, self.settings.write_timeout_s)

    def resume_writing(self) -> None:
        """It takes more again."""
        self._paused = False
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
        if not self._over:
            self.pump()
            self._await()

    def expired(self) -> None:
        """A time-out: of a stalled write, of something that began, of idleness, or of the last word."""
        if self._paused:
            self._drop_streams("write_timeout")
            self._abort_transport()
        elif self._over:
            self._abort_transport()
        elif self._leaving and not self._told:
            self._say_last()
            self._await()
        elif self.session.is_within:
            self.session.goaway(NO_ERROR)
            self._break(Broken("head_timeout", NO_ERROR))
        elif not self._streams:
            self.house.around.met("idle_timeout_s")
            self._leaving = True
            self._say_last()

    def _await(self) -> None:
        """Await what there is to await: what began has to be completed in time, however it trickles."""
        wheel, settings = self.house.wheel, self.settings
        if self._paused or self._over:
            return
        now = wheel.clock()
        left = math.inf if self._streams else self._idle_by - now
        if self.session.is_within:
            left = min(left, settings.head_timeout_s)
        if self._leaving and not self._told:
            left = min(left, self._told_by - now)
        if left < math.inf:
            wheel.set(self, max(0.0, left))
        else:
            wheel.forget(self)

    # --- what the session tells -----------------------------------------------------------------------------

    def _hear(self, news: News) -> None:
        if isinstance(news, Head):
            self._begin(news)
            return
        if isinstance(news, Leaving):
            self._leaving = self._told = True
            return
        if isinstance(news, Answered):
            self._say_last()
            return
        if not isinstance(news, Piece | Ended | Wrong | Gone):
            return
        stream = self._streams.get(news.stream)
        if stream is None:
            if isinstance(news, Piece):
                self.session.consumed(news.stream, news.cost)
        elif isinstance(news, Piece):
            stream.take(news)
        elif isinstance(news, Ended):
            stream.ended(news.fields)
        elif isinstance(news, Wrong):
            stream.refuse(news.reason)
        else:
            stream.gone()

    def _begin(self, news: Head) -> None:
        if self._told:  # it was sent before the client heard of it, and may be sent again elsewhere
            self.session.close(news.stream, REFUSED_STREAM)
            return
        self._requests += 1
        stream = Stream(self, news.stream, news.ended)
        self._streams[news.stream] = stream
        if len(self._streams) == 1:
            self._await()
        try:
            head = request_head(news.fields, news.ended, self._limits)
        except Refused as refused:
            stream.refuse(refused.reason)
        else:
            if head.framing is LENGTH and not news.ended:
                self.session.expect(news.stream, head.length)
            stream.begin(head)
        surplus = self._requests - self.settings.requests_per_connection
        if (surplus >= self.settings.http2_streams_limit or self.house.is_stopping) and not self._over:
            self._leave()

    def _break(self, broken: Broken) -> None:
        """Say why with a GOAWAY, which the session has ready, and end the connection."""
        record: Record = {
            "ts": timestamp(time.time()), "client": self.conn.client_ip, "reason": broken.reason
        }  # fmt: skip
        if broken.detail:
            record["detail"] = broken.detail
        self.house.around.log(record)
        self._over = True
        self._drop_streams()
        self._linger()

    # --- writing --------------------------------------------------------------------------------------------

    def pump(self) -> None:
        """Write what may be written now."""
        transport = self._transport
        if transport is None or self._busy:
            return
        session, room = self.session, self.settings.buffer_bytes
        self._busy = True
        try:
            while not self._paused and not transport.is_closing():
                moved = session.pump(room)
                octets = session.take()
                if not octets:
                    break
                self.conn.bytes_out += len(octets)
                transport.write(octets)
                for number in moved:
                    stream = self._streams.get(number)
                    if stream is not None:
                        stream.moved()
        finally:
            self._busy = False
        if self._told:
            self._close_if_done()

    def remove(self, number: int) -> None:
        """Forget a stream that is over."""
        self._streams.pop(number, None)
        if self._told:
            self._close_if_done()
        if not self._streams and not self._over:
            if self._requests >= self.settings.requests_per_connection and not self._leaving:
                # Not before: there are clients that give up what is under way when they hear of it.
                self.house.around.met("requests_per_connection")
                self._leave()
            self._idle_by = self.house.wheel.clock() + self.settings.idle_timeout_s
            self._await()

    # --- the end --------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """The gateway stops: say so, and take what is on its way until the client has heard of it."""
        if not self._over:
            self._leave()

    def kill(self) -> None:
        """Close whatever is under way."""
        self._abort_transport()

    def abort(self) -> None:
        """Drop the connection and every stream, with a reset where the system can (spec/actions.md §3.6)."""
        transport = self._transport
        self._over = True
        if transport is None:
            return
        sock = transport.get_extra_info("socket")
        if sock is not None:
            try:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            except OSError:
                _log.debug("the connection of %s cannot be reset", self._address)
        self._abort_transport()

    def _leave(self) -> None:
        """Ask for no more streams (RFC 9113 §6.8); the answer to the PING says that the client knows."""
        if self._leaving:
            return
        self._leaving = True
        self._told_by = self.house.wheel.clock() + _HEARD_S
        self.session.goaway_soon()
        self._await()
        self.pump()

    def _say_last(self) -> None:
        if self._told:
            return
        self._told = True
        self.session.goaway()
        self.pump()

    def _close_if_done(self) -> None:
        if not self._streams and not self._over and not self._busy:
            self._over = True
            self._close_transport()

    def _linger(self) -> None:
        """Read on for a moment: a reset would take the last word away from the client."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        octets = self.session.take()
        if octets:
            self.conn.bytes_out += len(octets)
            transport.write(octets)
        if transport.can_write_eof():
            transport.write_eof()
            self.house.wheel.set(self, _LINGER_S)
        else:
            self._close_transport()

    def _drop_streams(self, reason: str = "client_gone") -> None:
        self._over = True
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            stream.lost(reason)

    def _close_transport(self) -> None:
        # What was written still goes out, but not for ever.
        self.house.wheel.set(self, self.settings.write_timeout_s)
        if self._transport is not None:
            self._transport.close()

    def _abort_transport(self) -> None:
        self._over = True
        self.house.wheel.forget(self)
        if self._transport is not None:
            self._transport.abort()
