"""A small read, over connections of uvloop and of asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest
import uvloop

from policyc.runtime.transport.small_read import _SIZE, SmallRead

LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [uvloop.new_event_loop, asyncio.new_event_loop]


class Noting(asyncio.Protocol):
    """Notes what it hears; the first small read begins before the first octet."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.heard: list[str] = []
        self.size = 0
        self.is_lost = asyncio.Event()
        self.has_octets = asyncio.Event()
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def read_small(self) -> None:
        self.transport.pause_reading()
        SmallRead(self.transport, self)

    def data_received(self, data: bytes) -> None:
        self.pieces.append(data)
        self.size += len(data)
        self.has_octets.set()

    def eof_received(self) -> bool:
        self.heard.append("eof")
        return True

    def pause_writing(self) -> None:
        self.heard.append("pause")

    def resume_writing(self) -> None:
        self.heard.append("resume")

    def connection_lost(self, exc: Exception | None) -> None:
        self.heard.append("lost" if exc is None else type(exc).__name__)
        self.is_lost.set()


@pytest.fixture(params=LOOPS, ids=["uvloop", "asyncio"])
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, None]], None]:
    def bounded(scenario: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(asyncio.wait_for(scenario, 10))

    return bounded


async def connected() -> tuple[Noting, asyncio.StreamReader, asyncio.StreamWriter, asyncio.Server]:
    """Return a protocol and its peer."""
    peers: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peers.put_nowait((reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    _, protocol = await asyncio.get_running_loop().create_connection(Noting, "127.0.0.1", port)
    return protocol, *await peers.get(), server


Run = Callable[[Coroutine[Any, Any, None]], None]


def test_the_first_read_is_small_and_every_octet_comes_in_order(run: Run) -> None:
    async def scenario() -> None:
        protocol, _, writer, server = await connected()
        sent = bytes(range(256)) * 16384
        for _ in range(3):
            protocol.read_small()
            protocol.pieces.clear()
            protocol.size = 0
            writer.write(sent)
            await asyncio.sleep(0)
            protocol.transport.resume_reading()
            while protocol.size < len(sent):
                protocol.has_octets.clear()
                await protocol.has_octets.wait()
            assert len(protocol.pieces[0]) <= _SIZE
            assert max(map(len, protocol.pieces)) > _SIZE  # the others are as large as they come
            assert b"".join(protocol.pieces) == sent
        protocol.transport.abort()
        writer.close()
        server.close()

    run(scenario())


def test_the_end_is_heard_without_an_octet(run: Run) -> None:
    async def scenario() -> None:
        protocol, _, writer, server = await connected()
        protocol.read_small()
        protocol.transport.resume_reading()
        writer.write_eof()
        while not protocol.heard:
            await asyncio.sleep(0)
        protocol.transport.close()
        await protocol.is_lost.wait()
        assert protocol.heard == ["eof", "lost"]
        assert protocol.pieces == []
        writer.close()
        server.close()

    run(scenario())


def test_writing_is_paused_and_resumed_meanwhile(run: Run) -> None:
    async def scenario() -> None:
        protocol, reader, writer, server = await connected()
        protocol.transport.set_write_buffer_limits(high=1024)
        protocol.read_small()
        protocol.transport.resume_reading()
        protocol.transport.write(bytes(16 << 20))
        await reader.readexactly(16 << 20)
        while protocol.heard != ["pause", "resume"]:
            await asyncio.sleep(0)
        protocol.transport.abort()
        writer.close()
        server.close()

    run(scenario())


def test_who_stops_reading_on_the_piece_gets_no_other(run: Run) -> None:
    async def scenario() -> None:
        protocol, _, writer, server = await connected()
        received = protocol.data_received

        def once(data: bytes) -> None:
            protocol.transport.pause_reading()
            received(data)

        protocol.data_received = once  # type: ignore[method-assign]
        protocol.read_small()
        writer.write(bytes(4 << 20))
        protocol.transport.resume_reading()
        await protocol.has_octets.wait()
        for _ in range(50):  # nothing is to come
            await asyncio.sleep(0)
        assert len(protocol.pieces) == 1
        protocol.transport.abort()
        writer.close()
        server.close()

    run(scenario())
