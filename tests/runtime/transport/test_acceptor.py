"""A listener that pauses: what waits is not lost, and nothing spins."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from typing import cast

import pytest
from tests.e2e.world import run

from policyc.runtime.transport import acceptor
from policyc.runtime.transport.acceptor import Acceptor, Descriptors, Gate, sockets_of

pytestmark = pytest.mark.e2e


class Greeter(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(b"hello")  # uvloop's transports are no asyncio.Transport
        transport.close()


class Client:
    """A connection that says nothing."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def word(self) -> bytes:
        """Return everything that comes until the end, and close."""
        said = await self._reader.read()
        self._writer.close()
        return said

    @property
    def has_heard_nothing(self) -> bool:
        return not self._reader._buffer  # type: ignore[attr-defined]


async def connect(port: int) -> Client:
    return Client(*await asyncio.open_connection("127.0.0.1", port))


def test_connection_that_comes_in_a_pause_is_served_after_it() -> None:
    async def scenario() -> None:
        listener = Acceptor(Greeter)
        await listener.start("127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        assert await (await connect(port)).word() == b"hello"
        listener.pause()
        assert listener.is_paused
        client = await connect(port)
        await asyncio.sleep(0.05)
        assert client.has_heard_nothing
        listener.resume()
        listener.resume()
        assert await client.word() == b"hello"
        assert not listener.is_paused
        assert await (await connect(port)).word() == b"hello"
        listener.pause()
        listener.close()
        assert not listener.is_paused
        with pytest.raises(ConnectionRefusedError):
            await connect(port)

    run(scenario())


def test_close_while_it_goes_on_again_leaves_nothing_open() -> None:
    async def scenario() -> None:
        listener = Acceptor(Greeter)
        await listener.start("127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        listener.pause()
        listener.resume()
        listener.close()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        with pytest.raises(ConnectionRefusedError):
            await connect(port)

    run(scenario())


def listening() -> socket.socket:
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


def test_listeners_of_a_gate_pause_together_and_go_on_together(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        gate = Gate(lambda: 100)
        short = False
        monkeypatch.setattr(Descriptors, "are_short", lambda _: short)
        monkeypatch.setattr(Descriptors, "are_free", lambda _: not short)
        one, two, gone = Acceptor(Greeter, gate), Acceptor(Greeter, gate), Acceptor(Greeter, gate)
        await one.start("127.0.0.1", 0)
        for each in (two, gone):
            await each.serve([listening()])
        gone.close()
        ports = [each.sockets[0].getsockname()[1] for each in (one, two)]
        short = True
        assert await (await connect(ports[1])).word() == b"hello"  # which is let in, and the last
        assert (one.is_paused, two.is_paused, gone.is_paused, gate.pauses) == (True, True, False, 1)
        waiting = [await connect(port) for port in ports]
        gate.look()
        await asyncio.sleep(0.02)
        assert all(each.has_heard_nothing for each in waiting)
        short = False
        gate.look()
        assert [await each.word() for each in waiting] == [b"hello"] * 2
        assert gate.pauses == 1
        one.close()
        two.close()

    monkeypatch.setattr(acceptor, "descriptor_limit", lambda: 400)
    run(scenario())


def test_descriptors_are_not_looked_at_while_connections_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceptor, "descriptor_limit", lambda: 400)
    looks = []
    monkeypatch.setattr(Descriptors, "are_short", lambda _: looks.append(1))
    count = 99
    gate = Gate(lambda: count)
    gate.passed()
    assert looks == []
    count = 100
    gate.passed()
    assert looks == [1]


def test_descriptors_are_short_at_nine_tenths(monkeypatch: pytest.MonkeyPatch) -> None:
    lowest = os.dup(0)
    os.close(lowest)
    monkeypatch.setattr(acceptor, "accepted_at_once", lambda: 0)
    monkeypatch.setattr(acceptor, "descriptor_limit", lambda: (lowest + 1) * 10 // 9 + 2)
    assert not Descriptors().are_short()
    monkeypatch.setattr(acceptor, "descriptor_limit", lambda: lowest)
    assert Descriptors().are_short()
    monkeypatch.setattr(acceptor, "descriptor_limit", lambda: 0)
    assert not Descriptors().are_short()


def test_descriptors_are_free_again_at_eight_tenths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceptor, "descriptor_limit", lambda: 1000)
    descriptors = Descriptors()
    monkeypatch.setattr(acceptor, "open_descriptors", lambda: 800)
    assert not descriptors.are_free()
    monkeypatch.setattr(acceptor, "open_descriptors", lambda: 799)
    assert descriptors.are_free()


def test_of_few_descriptors_those_for_one_turn_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    lowest = os.dup(0)
    os.close(lowest)
    monkeypatch.setattr(acceptor, "accepted_at_once", lambda: 4)
    turn = 12
    monkeypatch.setattr(acceptor, "descriptor_limit", lambda: lowest + turn)
    assert Descriptors().are_short()
    monkeypatch.setattr(acceptor, "descriptor_limit", lambda: lowest + turn + 1)
    assert not Descriptors().are_short()


def test_fewer_are_accepted_at_once_where_descriptors_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit, expected in (
        (0, acceptor.ACCEPTED_AT_ONCE),
        (8, 1),
        (64, 4),
        (1024, acceptor.ACCEPTED_AT_ONCE),
    ):
        monkeypatch.setattr(acceptor, "descriptor_limit", lambda limit=limit: limit)
        assert acceptor.accepted_at_once() == expected


def test_many_connections_are_accepted_in_one_turn() -> None:
    async def scenario() -> None:
        turns: list[int] = []
        turn = 0

        class Counting(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                turns.append(turn)
                transport.close()

        listener = Acceptor(Counting)
        await listener.start("127.0.0.1", 0)
        clients = [
            socket.create_connection(listener.sockets[0].getsockname())
            for _ in range(acceptor.ACCEPTED_AT_ONCE)
        ]
        while len(turns) < len(clients):
            await asyncio.sleep(0)
            turn += 1
        for client in clients:
            client.close()
        listener.close()
        assert len(set(turns)) <= len(clients) // 2

    run(scenario())


def test_pause_that_goes_on_asks_for_what_is_only_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        asked: list[str] = []
        gate = Gate(lambda: 0, lambda: asked.append("idle"))
        listener = Acceptor(Greeter, gate)
        await listener.start("127.0.0.1", 0)
        gate.look()
        assert not asked
        listener.pause()
        monkeypatch.setattr(Descriptors, "are_free", lambda self: False)
        gate.look()
        assert asked == ["idle"]
        assert listener.is_paused
        monkeypatch.setattr(Descriptors, "are_free", lambda self: True)
        gate.look()
        while listener.is_paused:
            await asyncio.sleep(0)
        assert asked == ["idle"]
        listener.close()

    run(scenario())


def test_port_that_another_process_took_in_the_last_moment_is_in_use() -> None:
    class Unheard:
        sockets = (None,)  # what uvloop has then
        is_closed = False

        def close(self) -> None:
            self.is_closed = True

    server = Unheard()
    with pytest.raises(OSError, match=os.strerror(errno.EADDRINUSE)):
        sockets_of(cast(asyncio.Server, server))
    assert server.is_closed
