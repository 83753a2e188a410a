"""WebSocket for ASGI applications: behind the 101 this is the upstream's end of the tunnel.

    client ═ tunnel ═ relay ═ Side ─ _AppTransport ─ SocketCall (wsproto) ─ application

The application gets whole messages, as its specification has it; it sees no ping, and no frame. Rules.
1. What waits for the application is bounded: then the client is not read. 2. An application that sends waits
while the client takes nothing. 3. No extension is agreed on: nobody knows the size of a packed message.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import io
import logging
from collections import deque
from typing import TYPE_CHECKING, Any

from wsproto.connection import SERVER, Connection, ConnectionState
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.utilities import generate_accept_token

from policyc.engine.traffic import Headers
from policyc.runtime.asgi import AsgiCall, Message
from policyc.runtime.protocol.hopbyhop import HOP_BY_HOP, Line
from policyc.runtime.protocol.http1 import Framing
from policyc.runtime.transport.relay import Side

if TYPE_CHECKING:
    from policyc.runtime.asgi import AsgiOrigin
    from policyc.runtime.origin import Listener, Outgoing

_log = logging.getLogger(__name__)

# How long the peer of a close frame may take to send its own (RFC 6455 §7.1.1).
_CLOSE_S = 5.0
# What a message costs beside its content.
_EACH = 256
# No status was in the close frame; there was no close frame (RFC 6455 §7.4.1).
_NO_STATUS, _ABNORMAL = 1005, 1006


class SocketCall(AsgiCall):
    """One run of an application on a WebSocket: `origin.Call`."""

    def __init__(self, origin: AsgiOrigin, request: Outgoing, listener: Listener) -> None:
        """Nothing is open before the application accepts."""
        super().__init__(origin, request, listener)
        self._is_told = False
        self._socket = Connection(SERVER)
        self._side: Side | None = None
        self._text: io.StringIO | None = None
        self._bytes: bytearray | None = None
        self._size = 0
        self._messages: deque[tuple[Message, int]] = deque()
        self._waiting = 0
        self._is_ended = False
        self._disconnect: Message | None = None

    # --- origin.Call ----------------------------------------------------------------------------------------

    def abort(self) -> None:
        """The client is gone, or is answered otherwise."""
        super().abort()
        self._gone(_ABNORMAL)

    def tunnel(self) -> Side:
        """Be the upstream's end."""
        side = self._side = Side("upstream")
        side.connection_made(_AppTransport(self, side))
        return side

    # --- the application ------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        refusal = _refusal(self._request.headers)
        if refusal is not None:
            self._answer(*refusal)
            return
        try:
            await self._origin.app(self._socket_scope(), self._receive, self._send)
        except Exception:
            if self._side is None:
                raise
            _log.exception("an application failed: %s", self._origin.name)
            self._close(1011)
        else:
            if self._side is not None:
                self._close(1000)
        finally:
            if self._side is not None and not self._is_ended and self._socket.state is ConnectionState.OPEN:
                self._end()  # cancelled

    def _socket_scope(self) -> dict[str, Any]:
        scope = self._scope()
        del scope["method"]
        offered = ",".join(self._request.headers.get("sec-websocket-protocol"))
        return {
            **scope,
            "type": "websocket",
            "scheme": "wss" if scope["scheme"] == "https" else "ws",
            "subprotocols": [each.strip() for each in offered.split(",") if each.strip()],
            "extensions": {"websocket.http.response": {}},
        }

    async def _receive(self) -> Message:
        if not self._is_told:
            self._is_told = True
            return {"type": "websocket.connect"}
        while not self._messages:
            if self._disconnect is not None:
                return self._disconnect
            self._news.clear()
            await self._news.wait()
        message, size = self._messages.popleft()
        self._waiting -= size
        if self._holding and self._waiting <= self._origin.settings.buffer_bytes // 2:
            self._holding = False
            assert self._side is not None
            self._side.resume_writing()
        return message

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "websocket.send":
            await self._writable.wait()
            self._send_message(message)
        elif kind == "websocket.accept":
            self._accept(message)
        elif kind == "websocket.close":
            if self._side is not None:
                self._close(int(message.get("code") or 1000), message.get("reason") or None)
            else:
                self._answer(403)
        elif kind.startswith("websocket.http.response.") and self._side is None:
            await super()._send({**message, "type": kind.removeprefix("websocket.")})
        else:
            raise RuntimeError(f"a message of type {kind!r} is not expected here")

    def _accept(self, message: Message) -> None:
        if self._side is not None or self._head is not None:
            raise RuntimeError("the connection was accepted or refused before")
        listener = self._listener
        if listener is None:
            return  # the client is gone, which the application hears next
        [key] = self._request.headers.get("sec-websocket-key")
        lines: list[Line] = [(b"sec-websocket-accept", generate_accept_token(key.encode("ascii")))]
        if message.get("subprotocol"):
            lines.append((b"sec-websocket-protocol", str(message["subprotocol"]).encode("latin-1")))
        given = [(bytes(name), bytes(value)) for name, value in message.get("headers", ())]
        lines += [line for line in given if line[0].lower() not in HOP_BY_HOP]
        listener.on_upgrade(Headers(lines))
        self._listener = None
        if self._side is None:
            self._gone(_ABNORMAL)  # a policy refused the 101

    def _answer(self, status: int, lines: tuple[Line, ...] = ()) -> None:
        """Answer the handshake with a response that is not the application's."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.on_response(status, Headers(lines), Framing.LENGTH, 0)
            listener.on_end()
        self._gone(_ABNORMAL)

    def _send_message(self, message: Message) -> None:
        if self._side is None:
            if self._disconnect is None:
                raise RuntimeError("the connection was not accepted")
            raise OSError("the client is gone")
        if self._is_ended or self._socket.state is not ConnectionState.OPEN:
            raise OSError("the connection is closed")
        text = message.get("text")
        self._say(TextMessage(data=text) if text is not None else BytesMessage(data=message["bytes"]))

    # --- the tunnel -----------------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """How many octets wait for the application."""
        return self._waiting

    def hear(self, octets: bytes) -> None:
        """Take what the client sent."""
        if self._is_ended or self._socket.state is ConnectionState.CLOSED:
            return
        self._socket.receive_data(octets)
        for event in self._socket.events():
            if isinstance(event, TextMessage | BytesMessage):
                self._take(event)
            elif isinstance(event, Ping):
                if self._writable.is_set():  # of a client that takes nothing no pongs are kept
                    self._say(event.response())
            elif isinstance(event, CloseConnection):
                self._closed_by(event)
            if self._is_ended:
                return

    def ended(self) -> None:
        """The client sends no more, or is gone."""
        self._gone(_ABNORMAL)
        self._end()

    def _take(self, event: TextMessage | BytesMessage) -> None:
        """Take a piece of a message; hand the message over when it is whole."""
        if isinstance(event, TextMessage):
            self._text = self._text or io.StringIO()
            self._text.write(event.data)
            self._size += len(event.data.encode())
        else:
            self._bytes = self._bytes or bytearray()
            self._bytes += event.data
            self._size += len(event.data)
        settings, side = self._origin.settings, self._side
        assert side is not None
        if self._size > settings.websocket_message_limit_bytes:
            if side.relay is not None:
                side.relay.note("websocket_message_too_long")
            self._closed_by(CloseConnection(code=1009))
            return
        if not event.message_finished:
            return
        message: Message = {"type": "websocket.receive"}
        if isinstance(event, TextMessage):
            message["text"] = "" if self._text is None else self._text.getvalue()
        else:
            message["bytes"] = bytes(self._bytes or b"")
        size = self._size + _EACH
        self._text, self._bytes, self._size = None, None, 0
        self._messages.append((message, size))
        self._waiting += size
        self._news.set()
        if self._waiting > settings.buffer_bytes and not self._holding:
            self._holding = True
            side.pause_writing()

    def _closed_by(self, event: CloseConnection) -> None:
        """The client closed, or broke the protocol so that it has to be."""
        state = self._socket.state
        if state is ConnectionState.REMOTE_CLOSING:
            self._say(event.response())
        elif state is ConnectionState.OPEN:
            self._say(CloseConnection(code=event.code, reason=event.reason))
        self._gone(int(event.code or _NO_STATUS), event.reason or "")
        self._end()

    def _close(self, code: int, reason: str | None = None) -> None:
        """Close for the application; the client has a moment to do the same."""
        if self._is_ended or self._socket.state is not ConnectionState.OPEN:
            return
        self._say(CloseConnection(code=code, reason=reason))
        asyncio.get_running_loop().call_later(_CLOSE_S, self._end)

    def _say(self, event: Event) -> None:
        octets = self._socket.send(event)
        if self._side is not None and not self._is_ended:
            self._side.data_received(octets)

    def _gone(self, code: int, reason: str = "") -> None:
        """Let the application hear that there is nobody any more; if it goes on, it is stopped later."""
        if self._disconnect is not None:
            return
        self._disconnect = {"type": "websocket.disconnect", "code": code, "reason": reason}
        self._news.set()
        self._writable.set()
        if self.task is not None and not self._done:
            asyncio.get_running_loop().call_later(self._origin.settings.write_timeout_s, self.task.cancel)

    def _end(self) -> None:
        """End the tunnel, both ways."""
        side = self._side
        if self._is_ended or side is None:
            return
        self._is_ended = True
        self._writable.set()
        side.other.at_end = True
        side.eof_received()


class _AppTransport(asyncio.Transport):
    """What the relay takes for the connection to an upstream."""

    def __init__(self, call: SocketCall, side: Side) -> None:
        super().__init__()
        self._call = call
        self._side = side
        self._is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._call.hear(bytes(data))

    def write_eof(self) -> None:
        self._call.ended()

    def can_write_eof(self) -> bool:
        return True

    def pause_reading(self) -> None:
        self._call.pause()

    def resume_reading(self) -> None:
        self._call.resume()

    def get_write_buffer_size(self) -> int:
        return self._call.waiting

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def is_closing(self) -> bool:
        return self._is_closed

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._call.ended()
            asyncio.get_running_loop().call_soon(self._side.connection_lost, None)

    abort = close


def _refusal(headers: Headers) -> tuple[int, tuple[Line, ...]] | None:
    """Return the answer to a handshake that is none (RFC 6455 §4.2.1, §4.4)."""
    if headers.get("sec-websocket-version") != ["13"]:
        return 426, ((b"sec-websocket-version", b"13"),)
    keys = headers.get("sec-websocket-key")
    try:
        is_key = len(keys) == 1 and len(base64.b64decode(keys[0], validate=True)) == 16
    except (binascii.Error, ValueError):
        is_key = False
    return None if is_key else (400, ())
