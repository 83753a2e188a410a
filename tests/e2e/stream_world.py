"""Clients, upstreams and ports for tcp and tls endpoints, on top of `world`."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from random import SystemRandom
from typing import NamedTuple, cast

from tests.e2e.world import World

from policyc.engine.model import EndpointDef, Run
from policyc.engine.phases import Phase
from policyc.grammar.frozen import replace
from policyc.runtime.program import compile_program
from policyc.runtime.settings import Settings
from policyc.runtime.transport.relay import Relay, reset
from policyc.runtime.transport.streams import StreamConnection
from policyc.runtime.transport.wheel import TICK_S, Wheel

CONNECT = Phase.TCP_CONNECT


def free_port() -> int:
    """Return a port that nothing listens on, and that the system gives to nobody who asks for any."""
    while True:
        port = SystemRandom().randrange(10_240, 32_768)
        with socket.socket() as sock, suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port


def with_settings(definition: EndpointDef, settings: Mapping[str, object]) -> EndpointDef:
    return replace(definition, settings=settings)


def on_connect(run: Run) -> dict[Phase, Run]:
    return {CONNECT: run}


class Peer(NamedTuple):
    """A connection, as client or as upstream."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, octets: bytes, *, end: bool = False) -> None:
        self.writer.write(octets)
        await self.writer.drain()
        if end:
            self.writer.write_eof()

    async def all(self) -> bytes:
        """Return everything until the end of the stream."""
        return await self.reader.read(-1)

    async def is_reset(self) -> bool:
        """Whether the connection breaks rather than to end."""
        try:
            await self.reader.read(-1)
        except ConnectionResetError:
            return True
        return False

    async def answer(self) -> bytes:
        """Return everything until the connection ends, in whichever way."""
        try:
            return await self.reader.read(-1)
        except ConnectionResetError:
            return b""

    async def gets_nothing(self) -> bool:
        """Whether the connection ends without an octet."""
        return await self.answer() == b""

    def stop_reading(self) -> None:
        self._transport.pause_reading()

    def go_on_reading(self) -> None:
        self._transport.resume_reading()

    def reset(self) -> None:
        reset(self._transport)

    @property
    def _transport(self) -> asyncio.Transport:
        return cast(asyncio.Transport, self.writer.transport)

    def close(self) -> None:
        self.writer.close()


class Clock:
    """Time that stands still, but for `forward`."""

    def __init__(self, wheel: Wheel) -> None:
        self._wheel = wheel
        self._now = wheel.clock()
        wheel.clock = lambda: self._now

    def forward(self, seconds: float) -> None:
        self._now += seconds + 2 * TICK_S
        self._wheel.turn()


class StreamWorld:
    """A gateway with tcp and tls endpoints, peers that connect to it, and upstreams that it connects to."""

    def __init__(self, made: World) -> None:
        self.world = made
        self.accepted: asyncio.Queue[Peer] = asyncio.Queue()

    async def upstream(
        self, serve: Callable[[Peer], Awaitable[None]] | None = None, *, limit: int = 1 << 16
    ) -> str:
        """Start an upstream; without `serve` its connections are to be had from `accepted`."""

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            peer = Peer(reader, writer)
            self.world.on_close(peer.close)
            if serve is None:
                self.accepted.put_nowait(peer)
            else:
                await serve(peer)

        server = await asyncio.start_server(accept, "127.0.0.1", 0, limit=limit)
        self.world.on_close(server.close)
        return f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def serve(self, *endpoints: EndpointDef, settings: Settings | None = None) -> None:
        await self.world.serve(*endpoints, settings=settings)
        await self.world.gateway.start_streams("127.0.0.1", ("127.0.0.1", 0))

    async def serve_policy(self, text: str, settings: Settings | None = None) -> None:
        """Serve what a text of the policy language declares."""
        await self.serve(*compile_program(text).endpoints, settings=settings)

    def hold_clock(self) -> Clock:
        """Let time pass only when told, for what begins from now on and for what waits."""
        return Clock(self.world.gateway.wheel)

    def relay(self) -> Relay:
        """Return the one relay that there is."""
        (connection,) = self.world.gateway._connections
        assert isinstance(connection, StreamConnection)
        assert connection._relay is not None
        return connection._relay

    async def settled(self) -> None:
        """Let the loop turn until what was sent has been read."""
        for _ in range(20):
            await asyncio.sleep(0)

    @property
    def tls_port(self) -> int:
        return next(place.port for place in self.world.gateway.stream_places if place.scheme == "tls")

    async def connect(self, port: int) -> Peer:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
        peer = Peer(reader, writer)
        self.world.on_close(peer.close)
        return peer


async def echo(peer: Peer) -> None:
    """Send back what comes, until the end of it, then end."""
    while data := await peer.reader.read(1 << 16):
        await peer.say(data)
    peer.writer.write_eof()


def client_hello(name: str | None) -> bytes:
    """Return the ClientHello of OpenSSL for a server name."""
    context = ssl.create_default_context()
    context.check_hostname = False
    out = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return out.read()
