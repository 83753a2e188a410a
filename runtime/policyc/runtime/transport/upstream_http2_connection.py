"""One connection to an upstream that speaks HTTP/2, and the calls on it, which are upstream_http2.py's.

    socket ──octets──▶ Session (protocol/http2.py) ──news──▶ Http2Call, by its stream
           ◀─frames──                              ◀── fields, data, end ──┘

Rules. 1. It is ready when the upstream's SETTINGS came, and not before. 2. What is wrong with a stream is its
call's to hear; what is wrong with the connection all its calls hear, and it is closed. 3. One that retires
takes no more calls, and closes after the last.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from policyc.engine.outcome import Fail
from policyc.runtime.protocol.http2 import (
    Ended,
    Gone,
    Head,
    Interim,
    Leaving,
    News,
    Piece,
    Session,
    Told,
    Wrong,
)
from policyc.runtime.protocol.http2_frames import CANCEL, Broken
from policyc.runtime.transport.upstream import Address
from policyc.runtime.transport.wheel import Timed

if TYPE_CHECKING:
    from policyc.runtime.transport.upstream_http2 import Http2Call, Http2Upstreams


class Http2UpstreamConnection(Timed, asyncio.Protocol):
    """One connection to an upstream, and the calls on it."""

    def __init__(self, pool: Http2Upstreams, address: Address) -> None:
        """Made by the dialler."""
        super().__init__()
        self.address = address
        self._pool = pool
        self._upstreams = upstreams = pool.upstreams
        self.session = Session(upstreams.settings.http2_limits(), upstreams.wheel.clock, client=True)
        self.calls: dict[int, Http2Call] = {}
        self.heard_at = 0.0
        self._transport: asyncio.Transport | None = None
        self._ready = False
        self._retired = False
        self._paused = False
        self._busy = False
        self._soon = False

    # --- for calls and the pool -----------------------------------------------------------------------------

    @property
    def room(self) -> int:
        """How many calls it still takes."""
        if self._retired or not self._ready or self._transport is None or self._transport.is_closing():
            return 0
        return self.session.room

    def open(self, call: Http2Call) -> int:
        """Return a stream for a call."""
        stream = self.session.open()
        if not self.calls:
            self._pool.works(self)
            self._upstreams.wheel.forget(self)
        self.calls[stream] = call
        return stream

    def leave(self, stream: int, code: int) -> None:
        """A call is done with its stream."""
        if self.calls.pop(stream, None) is None:
            return
        self.session.close(stream, code)
        self.pump_soon()
        self._has_room()

    def _has_room(self) -> None:
        if self.calls:
            self._pool.has_room(self)
        elif self._retired:
            self.close()
        else:
            self._upstreams.wheel.set(self, self._upstreams.settings.upstream_idle_s)
            self._pool.rests(self)
            self._pool.has_room(self)

    def retire(self) -> None:
        """Take no more calls; close after the last."""
        if not self._retired:
            self._retired = True
            self._pool.retire(self)
        if not self.calls:
            self.close()

    def pump_soon(self) -> None:
        """Write when this turn of the loop is over, everything at once."""
        if not self._soon and not self._busy and self._transport is not None:
            self._soon = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        self._soon = False
        transport = self._transport
        if transport is None or self._busy:
            return
        session, room = self.session, self._upstreams.settings.buffer_bytes
        self._busy = True
        try:
            while not self._paused and not transport.is_closing():
                moved = session.pump(room)
                octets = session.take()
                if not octets:
                    break
                transport.write(octets)
                for number in moved:
                    call = self.calls.get(number)
                    if call is not None:
                        call.moved()
        finally:
            self._busy = False

    def close(self) -> None:
        """Say goodbye, and close after what was written has gone."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self.session.goaway()
        transport.write(self.session.take())
        transport.close()
        self._upstreams.wheel.set(self, self._upstreams.settings.write_timeout_s)

    # --- asyncio.Protocol -----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport, and wait for the upstream's SETTINGS."""
        self._transport = cast(asyncio.Transport, transport)
        settings = self._upstreams.settings
        self._transport.set_write_buffer_limits(high=settings.buffer_bytes)
        self._upstreams.made(self)
        self._upstreams.wheel.set(self, settings.connect_timeout_s)
        self._transport.write(self.session.take())

    def data_received(self, data: bytes) -> None:
        """Read what the upstream says."""
        self.heard_at = self._upstreams.wheel.clock()
        touched: dict[int, Http2Call] = {}
        self._busy = True
        try:
            for news in self.session.receive(data):
                self._hear(news, touched)
                if self._transport is None:
                    break
        except Broken as broken:
            self._break(broken)
        finally:
            self._busy = False
        for stream, call in touched.items():
            if self.calls.get(stream) is call:
                call.heard()
                if call.listener is not None:
                    call.listener.on_flush()
        self._pump()

    def _hear(self, news: News, touched: dict[int, Http2Call]) -> None:
        if isinstance(news, Told):
            if not self._ready:
                self._ready = True
                self._pool.ready(self)
                if not self.calls:
                    self._has_room()
            else:
                self._pool.has_room(self)
            return
        if isinstance(news, Leaving):
            self._go(news)
            return
        if not isinstance(news, Head | Interim | Piece | Ended | Wrong | Gone):
            return
        call = self.calls.get(news.stream)
        if call is None:
            if isinstance(news, Piece):
                self.session.consumed(news.stream, news.cost)
            return
        touched[news.stream] = call
        if isinstance(news, Piece):
            call.hear_piece(news)
        elif isinstance(news, Head):
            call.hear_head(news)
        elif isinstance(news, Ended):
            call.hear_end(news.fields)
        elif isinstance(news, Interim):
            call.hear_interim(news)
        elif isinstance(news, Wrong):
            call.hear_wrong(news.reason)
        else:
            del self.calls[news.stream]
            detail = f"the stream was reset, code {news.code}"
            call.died(Fail(3004, "the upstream gave the request up", status=502, detail=detail))
            self._has_room()

    def _go(self, leaving: Leaving) -> None:
        """The upstream takes no more streams; those above the last that it names it never looked at."""
        for stream in [each for each in self.calls if each > leaving.last]:
            call = self.calls.pop(stream)
            self.session.close(stream, CANCEL)
            detail = f"the upstream is going away, code {leaving.code}"
            call.died(Fail(3004, "the upstream gave the request up", status=502, detail=detail))
        self.retire()

    def _break(self, broken: Broken) -> None:
        transport = self._transport
        if transport is not None and not transport.is_closing():
            transport.write(self.session.take())
        self._lost(Fail(3004, "the upstream sent no valid HTTP/2", status=502, detail=str(broken)))
        if transport is not None:
            transport.close()

    def eof_received(self) -> bool:
        """The upstream says no more."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the calls that are under way."""
        detail = str(exc) if exc is not None else "closed by the upstream"
        self._lost(Fail(3004, "the upstream closed the connection too early", status=502, detail=detail))
        self._upstreams.gone(self)
        self._transport = None

    def _lost(self, failure: Fail) -> None:
        self._upstreams.wheel.remove(self)
        if not self._ready:
            self._ready = self._retired = True
            self._pool.failed(self.address, failure)
        elif not self._retired:
            self._retired = True
            self._pool.retire(self)
        calls, self.calls = self.calls, {}
        for call in calls.values():
            call.died(failure)

    def pause_writing(self) -> None:
        """The upstream takes no more for now; what is answered to its frames must not pile up either."""
        self._paused = True
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """It takes more again."""
        self._paused = False
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
        self._pump()

    def expired(self) -> None:
        """The upstream said nothing that is HTTP/2, or the connection was idle for long, or does not end."""
        if self._transport is not None and self._transport.is_closing():
            self._transport.abort()
        elif not self._ready:
            self._lost(
                Fail(3004, "the upstream did not begin HTTP/2 in time", status=502, reason="connect_timeout")
            )
            if self._transport is not None:
                self._transport.abort()
        elif not self.calls:
            self._upstreams.met("upstream_idle_s")
            self.retire()
