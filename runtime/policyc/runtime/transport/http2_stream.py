"""One exchange on a client's HTTP/2 connection: its request body, its response, its time-outs.

    Http2Connection ──take, ended, refuse, gone──▶ Stream ──▶ HttpExchange
                    ◀──fields, data, end (Session)──     ◀── exchange.Downstream ──┘

Rules. 1. The head of a response waits for what follows: it may be the end as well, in one frame. 2. What is
held back of a body is not acknowledged, so its window closes. 3. A malformed request is answered, then reset.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from policyc.engine.traffic import split_block
from policyc.runtime.errors import error_answer
from policyc.runtime.exchange import HttpExchange
from policyc.runtime.observe import timestamp
from policyc.runtime.protocol.hopbyhop import Line
from policyc.runtime.protocol.http1 import CHUNKED, LENGTH, NONE, Framing, RequestHead
from policyc.runtime.protocol.http2 import Piece
from policyc.runtime.protocol.http2_frames import CANCEL, INTERNAL_ERROR, NO_ERROR, PROTOCOL_ERROR
from policyc.runtime.protocol.http2_heads import (
    is_grpc,
    read_trailers,
    response_fields,
    trailer_fields,
)
from policyc.runtime.protocol.refusal import REASONS, Refused
from policyc.runtime.transport.wheel import Timed

if TYPE_CHECKING:
    from policyc.runtime.transport.http2 import Http2Connection
    from policyc.runtime.transport.relay import Side
    from policyc.runtime.transport.splice import Splice


class Stream(Timed):
    """One exchange on a connection: `exchange.Downstream`."""

    __slots__ = (
        "_began", "_code", "_connection", "_continued", "_exchange", "_fields", "_framing", "_head",
        "_held", "_is_grpc", "_number", "_octets", "_over", "_paused", "_request_ended", "_responded",
        "_stalled", "_throttled", "_trailers", "admitted", "conn",
    )  # fmt: skip

    def __init__(self, connection: Http2Connection, number: int, ended: bool) -> None:
        """Begin with a head that was read; `ended` if there is no body."""
        super().__init__()
        self._connection = connection
        self._number = number
        self.conn = connection.conn
        self.admitted = connection.admitted
        self._exchange: HttpExchange | None = None
        self._head: RequestHead | None = None
        self._request_ended = ended
        self._fields: list[Line] | None = None
        self._framing = NONE
        self._responded = False
        self._code = NO_ERROR
        self._continued = False
        self._is_grpc = False
        self._held: list[Piece] = []
        self._trailers: list[Line] | None = None
        self._paused = False
        self._throttled = False
        self._stalled = False
        self._over = False
        self._began = 0.0
        self._octets = 0

    def begin(self, head: RequestHead) -> None:
        """Set the exchange going."""
        self._head = head
        house = self._connection.house
        if not self._request_ended:
            self._began = house.wheel.clock()
            self._is_grpc = is_grpc(head.lines)
            self._watch()
        exchange = self._exchange = HttpExchange(self, head, house.snapshot, house.around)
        exchange.begin()

    # --- what the connection tells --------------------------------------------------------------------------

    def take(self, piece: Piece) -> None:
        """Take a piece of the request body."""
        self._octets += len(piece.data)
        if self._is_grpc:
            self._watch()
        if self._paused:
            self._held.append(piece)
        else:
            self._pass_on(piece)

    def _pass_on(self, piece: Piece) -> None:
        if self._exchange is not None and piece.data:
            self._exchange.body_received(piece.data)
        self._connection.session.consumed(self._number, piece.cost)

    def ended(self, fields: list[Line]) -> None:
        """The request body is complete."""
        self._request_ended = True
        try:
            self._trailers = read_trailers(fields, self._connection.settings.limits())
        except Refused as refused:
            self.refuse(refused.reason)
            return
        self._watch()
        if not self._paused:
            self._tell_end()

    def _tell_end(self) -> None:
        trailers, self._trailers = self._trailers, None
        if trailers is not None and self._exchange is not None:
            self._exchange.body_ended(trailers)

    def refuse(self, reason: str) -> None:
        """Answer a request that must not be processed, or cut what was answered; the stream is over then.

        A malformed one gets its answer, and then a reset (RFC 9113 §8.1.1).
        """
        status, message = REASONS[reason]
        connection = self._connection
        if self._over:
            return
        if self._exchange is not None:
            self._code = PROTOCOL_ERROR if status == 400 else NO_ERROR
            self._exchange.body_refused(status, reason, message)
            return
        if self._responded:
            self._close(PROTOCOL_ERROR)
            return
        connection.house.around.log(
            {"ts": timestamp(time.time()), "client": self.conn.client_ip, "status": status, "reason": reason}
        )
        answer = error_answer(status, message, None, "")
        fields = response_fields(status, answer.lines, LENGTH, len(answer.body))
        self._responded = True
        self._code = PROTOCOL_ERROR if status == 400 else NO_ERROR
        self._stalled = True
        self._watch()
        connection.session.send_fields(self._number, fields)
        connection.session.send_data(self._number, answer.body)
        if status != 400:
            connection.session.send_end(self._number)
        connection.pump()

    def gone(self) -> None:
        """The client gave the stream up."""
        self._connection.remove(self._number)
        self.lost("client_gone")

    def lost(self, reason: str) -> None:
        """Nothing can be said on the stream any more."""
        self._over = True
        self._connection.house.wheel.remove(self)
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.client_lost(reason)

    def moved(self) -> None:
        """Some of what waited went out."""
        session, number = self._connection.session, self._number
        self._stalled = not session.is_sent(number)
        if not self._stalled and self._responded:
            self._sent_all()
            return
        self._watch()
        if self._throttled and session.waiting(number) <= self._connection.settings.buffer_bytes // 2:
            self._throttled = False
            if self._exchange is not None:
                self._exchange.resume_response()

    def _sent_all(self) -> None:
        """The response went out: a request body that still comes is of no use (RFC 9113 §8.1)."""
        if self._exchange is None and not self._over:
            self._close(self._code)

    def _close(self, code: int) -> None:
        """The stream is over on this side; reset it if the client has not ended its side, or must know."""
        self._over = True
        connection = self._connection
        connection.house.wheel.remove(self)
        connection.session.close(self._number, code)
        connection.remove(self._number)
        connection.pump()

    def _watch(self) -> None:
        """Await what there is to await."""
        wheel, settings = self._connection.house.wheel, self._connection.settings
        if self._stalled:
            wheel.set(self, settings.write_timeout_s)
        elif self._request_ended:
            wheel.forget(self)
        elif self._is_grpc:
            wheel.set(self, settings.stream_idle_timeout_s)
        else:
            wheel.set(self, max(0.0, self._due()))

    def expired(self) -> None:
        """A time-out: of a window that does not open, of the body's rate, of a gRPC call that is idle."""
        if self._over:
            return
        if self._stalled or self._is_grpc:
            self._connection.remove(self._number)
            self._connection.session.close(self._number, CANCEL)
            self.lost("write_timeout" if self._stalled else "idle_timeout")
            self._connection.pump()
        elif not self._request_ended:
            self._check_rate()

    def _check_rate(self) -> None:
        """Hold a request body to its least rate."""
        left = self._due()
        if left > 0:
            self._connection.house.wheel.set(self, left)
        else:
            self.refuse("body_timeout")

    def _due(self) -> float:
        """Return how long the request body has to bring more; that we held it back does not count."""
        settings, now = self._connection.settings, self._connection.house.wheel.clock()
        head = self._head
        if self._paused or (head is not None and head.expects_continue and not self._continued):
            self._began = now - self._octets / settings.body_rate_bytes_s
        octets = self._octets
        number, partial = self._connection.session.partial
        if number == self._number:
            octets += partial
        return settings.body_grace_s + octets / settings.body_rate_bytes_s - (now - self._began)

    # --- exchange.Downstream --------------------------------------------------------------------------------

    def send_head(self, status: int, lines: list[Line], framing: Framing, length: int) -> None:
        """Take a response head; it goes out with what follows, for it may be the end as well."""
        self._fields = response_fields(status, lines, framing, length)
        self._framing = framing

    def send_block(self, status: int, block: bytes, framing: Framing) -> None:
        """Take a response head whose lines are octets."""
        lines = split_block(block)
        lengths = [value for name, value in lines if len(name) == 14 and name.lower() == b"content-length"]
        self.send_head(status, lines, framing, int(lengths[0]) if lengths and framing is not CHUNKED else -1)

    def _send_fields(self, *, end: bool = False) -> None:
        fields, self._fields = self._fields, None
        if fields is not None:
            self._connection.session.send_fields(self._number, fields, end=end)

    def send_data(self, data: bytes | memoryview) -> None:
        """Queue a piece of the body."""
        self._send_fields()
        session = self._connection.session
        session.send_data(self._number, data)
        if not self._stalled:
            self._stalled = True
            self._watch()
        if not self._throttled and session.waiting(self._number) > self._connection.settings.buffer_bytes:
            self._connection.pump()
            waiting = session.waiting(self._number)
            if waiting > self._connection.settings.buffer_bytes and self._exchange is not None:
                self._throttled = True
                self._connection.house.around.met("buffer_bytes")
                self._exchange.pause_response()

    def splice(self, splice: Splice, on_sent: Callable[[int], None]) -> bool:
        """Let no body pass by: its octets go into frames."""
        return False

    def send_end(self, trailers: Sequence[Line] = ()) -> None:
        """Complete the response and write it."""
        self._responded = True
        session = self._connection.session
        if self._code == PROTOCOL_ERROR:
            self._send_fields()  # the end is a reset, as soon as all went out
        elif self._fields is not None and not trailers:
            self._send_fields(end=True)
        else:
            try:
                fields = trailer_fields(trailers)
            except Refused:  # an application may have made them
                self.cut()
                return
            self._send_fields()
            session.send_end(self._number, fields)
            self._stalled = True
            self._watch()
        self._connection.pump()

    def send_interim(self, status: int, lines: list[Line]) -> None:
        """Write an interim response at once."""
        if status == 100:
            self._continued = True
            self._began = self._connection.house.wheel.clock()
        self._connection.session.send_fields(self._number, response_fields(status, lines, NONE, -1))
        self._connection.pump()

    def join(self, lines: list[Line], origin: Side, on_end: Callable[[str, int, int], None]) -> None:
        """Never asked for: HTTP/2 knows no Upgrade, and Extended CONNECT is not offered."""
        raise NotImplementedError

    def flush(self) -> None:
        """Write what was collected."""
        self._send_fields()
        self._connection.pump()

    def cut(self) -> None:
        """Reset the stream: the client must not take what it got for all of it."""
        self._fields = None
        self._close(self._code or INTERNAL_ERROR)

    def abort(self) -> None:
        """Drop the connection at once, with every stream on it."""
        self._over = True
        self._connection.house.wheel.remove(self)
        self._connection.abort()

    def pause_body(self) -> None:
        """Hold the request body back: its window closes."""
        self._paused = True

    def resume_body(self) -> None:
        """Let it come again."""
        self._paused = False
        while self._held and not self._paused:
            self._pass_on(self._held.pop(0))
        if not self._paused:
            self._tell_end()
            self._connection.pump()

    def exchange_finished(self) -> None:
        """The response is complete or was given up; what is left of it still goes out."""
        self._exchange = None
        self._paused = False
        if self._over:
            return
        held, self._held = self._held, []
        for piece in held:
            self._connection.session.consumed(self._number, piece.cost)
        if self._responded and self._connection.session.is_sent(self._number):
            self._sent_all()
