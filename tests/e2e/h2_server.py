"""An upstream that speaks HTTP/2, made of the h2 library: records what it gets, answers as it is told to."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from h2.exceptions import ProtocolError
from tests.runtime.protocol.h2_peer import Line, Peer

Answer = Callable[["H2Connection", int], None]


def ok(body: bytes = b"ok", *lines: Line, trailers: list[Line] | None = None) -> Answer:
    """Return a behaviour: 200 with this body, as soon as the request is complete."""

    def answer(connection: H2Connection, stream: int) -> None:
        connection.send(stream, [(b":status", b"200"), *lines], body, trailers=trailers)

    return answer


class H2Connection(asyncio.Protocol):
    """One connection to the server."""

    def __init__(self, server: H2Server) -> None:
        self.server = server
        self.peer = Peer(client=False, streams=server.streams)
        self.transport: asyncio.Transport
        self._answered: set[int] = set()
        self._queued: dict[int, tuple[bytes, list[Line] | None]] = {}
        self.lost = asyncio.Event()
        self.preamble = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.server.connections.append(self)
        if self.server.greets:
            self.flush()

    def data_received(self, data: bytes) -> None:
        if not self.server.greets:
            self.preamble += data
            return
        if self.server.proxied and not self.preamble:
            end = data.index(b"\r\n") + 2
            self.preamble, data = data[:end], data[end:]
        self.peer.hear(data)
        for stream in self.peer.requests:
            done = stream in self.peer.ended if self.server.waits else True
            if done and stream not in self._answered:
                self._answered.add(stream)
                with suppress(ProtocolError):  # the client gave it up meanwhile
                    self.server.answer(self, stream)
        self._send_queued()
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()

    def send(
        self,
        stream: int,
        fields: list[Line],
        body: bytes = b"",
        *,
        end: bool = True,
        trailers: list[Line] | None = None,
    ) -> None:
        """Send a response as windows open."""
        self.peer.h2.send_headers(stream, fields, end_stream=end and not body and not trailers)
        if body or trailers:
            self._queued[stream] = (body, trailers)
        self._send_queued()
        self.flush()

    def _send_queued(self) -> None:
        for stream, (body, trailers) in list(self._queued.items()):
            if stream in self.peer.resets:
                del self._queued[stream]
                continue
            while body:
                size = min(self.peer.h2.local_flow_control_window(stream), 16_384, len(body))
                if not size:
                    break
                last = size == len(body) and trailers is None
                self.peer.h2.send_data(stream, body[:size], end_stream=last)
                body = body[size:]
            if body:
                self._queued[stream] = (body, trailers)
                continue
            if trailers is not None:
                self.peer.h2.send_headers(stream, trailers, end_stream=True)
            del self._queued[stream]

    def raw(self, octets: bytes) -> None:
        """Send octets as they are, behind what is waiting."""
        self.transport.write(self.peer.take() + octets)

    def flush(self) -> None:
        octets = self.peer.take()
        if octets and not self.transport.is_closing():
            self.transport.write(octets)


class H2Server:
    """Listens on loopback. `waits` for complete requests; a server that does not `greet` says nothing."""

    def __init__(
        self,
        answer: Answer | None = None,
        *,
        waits: bool = True,
        greets: bool = True,
        proxied: bool = False,
        streams: int | None = None,
    ) -> None:
        self.answer = answer or ok()
        self.waits = waits
        self.greets = greets
        self.proxied = proxied
        self.streams = streams
        self.connections: list[H2Connection] = []
        self.scheme = "http"
        self._server: asyncio.Server

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        self.scheme = "https" if tls is not None else "http"
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: H2Connection(self), "127.0.0.1", 0, ssl=tls)

    @property
    def port(self) -> int:
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def seen(self) -> list[list[Line]]:
        """The fields of every request, in the order of their arrival on each connection."""
        return [each.peer.fields[stream] for each in self.connections for stream in each.peer.requests]

    async def close(self) -> None:
        self._server.close()
        for each in self.connections:
            each.transport.abort()
