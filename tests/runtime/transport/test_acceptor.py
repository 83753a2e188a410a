"""A listener that pauses: what waits is not lost, and nothing spins."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections import Counter
from typing import ClassVar, cast

import pytest
from tests.e2e.world import run

from policyc.runtime.transport import acceptor
from policyc.runtime.transport.acceptor import Acceptor, Descriptors, Gate

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


def gate() -> Gate:
    return Gate(lambda: 0)


async def started(to: Gate | None = None) -> Acceptor:
    listener = Acceptor(Greeter, to or gate())
    await listener.start("127.0.0.1", 0)
    return listener


def port_of(listener: Acceptor) -> int:
    port: int = listener.sockets[0].getsockname()[1]
    return port


def test_connection_that_comes_in_a_pause_is_served_after_it() -> None:
    async def scenario() -> None:
        listener = await started()
        port = port_of(listener)
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


def test_listener_that_is_closed_goes_on_no_more() -> None:
    async def scenario() -> None:
        listener = await started()
        port = port_of(listener)
        listener.pause()
        listener.resume()
        listener.close()
        listener.resume()
        listener.close()
        assert not listener.is_paused
        assert all(each.fileno() < 0 for each in listener.sockets)
        with pytest.raises(ConnectionRefusedError):
            await connect(port)

    run(scenario())


def test_socket_that_cannot_listen_is_closed_with_the_others() -> None:
    async def scenario() -> None:
        watched = gate()
        listener = Acceptor(Greeter, watched)
        one, other = listening(), socket.socket(type=socket.SOCK_DGRAM)
        with pytest.raises(OSError, match="not supported"):
            listener.serve([one, other])
        assert one.fileno() == other.fileno() == -1
        watched.pause()
        watched.look()
        assert not listener.is_paused

    run(scenario())


def test_address_is_known_where_all_connections_come_to_one() -> None:
    async def scenario() -> None:
        listener = await started()
        assert listener.here == ("127.0.0.1", port_of(listener))
        listener.close()
        two, anywhere = Acceptor(Greeter, gate()), Acceptor(Greeter, gate())
        two.serve([listening(), listening()])
        await anywhere.start("0.0.0.0", 0)
        assert (two.here, anywhere.here) == (None, None)
        assert await (await connect(port_of(anywhere))).word() == b"hello"
        assert [await (await connect(each.getsockname()[1])).word() for each in two.sockets] == [b"hello"] * 2
        two.close()
        anywhere.close()

    run(scenario())


def listening() -> socket.socket:
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


def test_listeners_of_a_gate_pause_together_and_go_on_together(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        watched = gate()
        short = False
        monkeypatch.setattr(Descriptors, "are_short", lambda _, newest: short)
        monkeypatch.setattr(Descriptors, "are_free", lambda _: not short)
        one, two, gone = await started(watched), Acceptor(Greeter, watched), Acceptor(Greeter, watched)
        for each in (two, gone):
            each.serve([listening()])
        gone.close()
        ports = [port_of(each) for each in (one, two)]
        short = True
        assert await (await connect(ports[1])).word() == b"hello"  # which is let in, and the last
        assert (one.is_paused, two.is_paused, gone.is_paused, watched.pauses) == (True, True, False, 1)
        waiting = [await connect(port) for port in ports]
        watched.look()
        await asyncio.sleep(0.02)
        assert all(each.has_heard_nothing for each in waiting)
        short = False
        watched.look()
        assert [await each.word() for each in waiting] == [b"hello"] * 2
        assert watched.pauses == 1
        one.close()
        two.close()

    run(scenario())


def test_newest_descriptor_tells_at_nine_tenths_that_they_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceptor, "descriptor_limit", lambda: 1000)
    descriptors = Descriptors()
    assert not descriptors.are_short(899)
    assert descriptors.are_short(900)
    monkeypatch.setattr(acceptor, "descriptor_limit", lambda: 0)
    assert not Descriptors().are_short(1_000_000)


def test_descriptors_are_free_again_at_eight_tenths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceptor, "descriptor_limit", lambda: 1000)
    descriptors = Descriptors()
    monkeypatch.setattr(acceptor, "open_descriptors", lambda: 800)
    assert not descriptors.are_free()
    monkeypatch.setattr(acceptor, "open_descriptors", lambda: 799)
    assert descriptors.are_free()


class Turns:
    """Counts the connections of each turn of the loop, and lets go of them."""

    def __init__(self) -> None:
        self.accepted: list[int] = []
        self.turn = 0

    def factory(self) -> asyncio.Protocol:
        self.accepted.append(self.turn)
        return Greeter()

    async def until(self, count: int) -> Counter[int]:
        """Let the loop turn until so many are accepted; return how many were in each turn."""
        while len(self.accepted) < count:
            await asyncio.sleep(0)
            self.turn += 1
        return Counter(self.accepted)


def test_many_connections_are_accepted_in_one_turn_and_the_rest_in_the_next() -> None:
    async def scenario() -> None:
        turns = Turns()
        listener = Acceptor(turns.factory, gate())
        await listener.start("127.0.0.1", 0)
        clients = [
            socket.create_connection(listener.sockets[0].getsockname())
            for _ in range(acceptor.ACCEPTED_AT_ONCE + 3)
        ]
        counts = await turns.until(len(clients))
        assert list(counts.values()) == [acceptor.ACCEPTED_AT_ONCE, 3]
        for client in clients:
            client.close()
        listener.close()

    run(scenario())


def test_nothing_more_is_accepted_in_the_turn_in_which_descriptors_become_short(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario() -> None:
        turns, watched = Turns(), gate()
        short = True
        monkeypatch.setattr(Descriptors, "are_short", lambda _, newest: short)
        monkeypatch.setattr(Descriptors, "are_free", lambda _: True)
        listener = Acceptor(turns.factory, watched)
        await listener.start("127.0.0.1", 0)
        clients = [socket.create_connection(listener.sockets[0].getsockname()) for _ in range(3)]
        assert list((await turns.until(1)).values()) == [1]
        assert listener.is_paused
        short = False
        watched.look()
        assert list((await turns.until(3)).values()) == [1, 2]
        for client in clients:
            client.close()
        listener.close()

    run(scenario())


class Failing(socket.socket):
    """A socket that listens, and fails to accept as long as there are failures."""

    failures: ClassVar[list[int]] = []

    @classmethod
    def listening(cls, *failures: int) -> Failing:
        cls.failures = list(failures)
        made = cls()
        made.bind(("127.0.0.1", 0))
        return made

    def _accept(self) -> object:
        if self.failures:
            number = self.failures.pop(0)
            raise OSError(number, os.strerror(number))
        return super()._accept()  # type: ignore[misc]


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
def test_descriptors_that_are_exhausted_pause_all_listeners_until_there_are_some(
    number: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        watched = gate()
        free = False
        monkeypatch.setattr(Descriptors, "are_free", lambda _: free)
        one, other = Acceptor(Greeter, watched), await started(watched)
        one.serve([Failing.listening(number)])
        client = await connect(port_of(one))
        while not watched.pauses:
            await asyncio.sleep(0)
        watched.look()
        assert (one.is_paused, other.is_paused) == (True, True)
        assert client.has_heard_nothing
        free = True
        watched.look()
        assert await client.word() == b"hello"
        assert (one.is_paused, other.is_paused, watched.pauses) == (False, False, 1)
        one.close()
        other.close()

    run(scenario())
    assert [each.getMessage().partition(",")[0] for each in caplog.records] == [
        "accepting pauses: file descriptors are short",
        "accepting goes on",
    ]


def test_client_that_is_gone_when_it_is_accepted_costs_the_next_nothing() -> None:
    async def scenario() -> None:
        watched = gate()
        listener = Acceptor(Greeter, watched)
        listener.serve([Failing.listening(errno.ECONNABORTED, errno.EPROTO)])
        assert await (await connect(port_of(listener))).word() == b"hello"
        assert not Failing.failures
        assert watched.pauses == 0
        listener.close()

    run(scenario())


def test_pause_that_goes_on_asks_for_what_is_only_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        asked: list[str] = []
        watched = Gate(lambda: 0, lambda: asked.append("idle"))
        listener = await started(watched)
        watched.look()
        assert not asked
        listener.pause()
        monkeypatch.setattr(Descriptors, "are_free", lambda self: False)
        watched.look()
        assert asked == ["idle"]
        assert listener.is_paused
        monkeypatch.setattr(Descriptors, "are_free", lambda self: True)
        watched.look()
        assert not listener.is_paused
        assert asked == ["idle"]
        listener.close()

    run(scenario())
