"""The pool of upstream connections: last in first out, per account, bounded, and never a dirty one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
import uvloop

from policyc.engine.outcome import Fail
from policyc.engine.traffic import Connection, Headers
from policyc.runtime.origin import Outgoing
from policyc.runtime.protocol.hopbyhop import Line
from policyc.runtime.protocol.http1 import Framing
from policyc.runtime.settings import Settings
from policyc.runtime.transport.splice import Splice
from policyc.runtime.transport.upstream import Address, HttpOrigin, UpstreamConnection, Upstreams
from policyc.runtime.transport.wheel import Wheel

A = Address("default", "http", "127.0.0.1", 1)


class Transport(asyncio.Transport):
    """A transport that goes nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True


class Ear:
    """A listener that writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[object] = []
        self.over = asyncio.Event()

    def on_ready(self) -> None:
        self.heard.append("ready")

    def on_interim(self, status: int, lines: list[Line]) -> None:
        self.heard.append(status)

    def on_response(self, status: int, headers: Headers, framing: Framing, length: int) -> None:
        self.heard.append(status)

    def on_data(self, data: bytes | memoryview) -> None:
        self.heard.append(data)

    def on_splice(self, splice: Splice) -> bool:
        return False

    def on_end(self, trailers: Sequence[Line] = ()) -> None:
        self.heard.append("end")
        self.heard += trailers
        self.over.set()

    def on_upgrade(self, headers: Headers) -> None:
        self.heard.append("upgrade")

    def on_failure(self, failure: Fail) -> None:
        self.heard.append(failure.code)
        self.over.set()

    def on_flush(self) -> None:
        pass

    def pause_body(self) -> None:
        self.heard.append("pause")

    def resume_body(self) -> None:
        self.heard.append("resume")


def request(method: str = "GET", framing: Framing = Framing.NONE, length: int = 0) -> Outgoing:
    headers = Headers([(b"host", b"a")])
    return Outgoing(method, "/", "http", headers, framing, length, Connection("192.0.2.1"), 1)


def idle(upstreams: Upstreams, address: Address = A) -> UpstreamConnection:
    connection = UpstreamConnection(upstreams, address)
    connection.connection_made(Transport())
    upstreams.put(connection)
    return connection


def test_last_connection_put_back_is_the_first_taken() -> None:
    upstreams = Upstreams(Settings(), Wheel())
    one, two = idle(upstreams), idle(upstreams)
    assert upstreams.take(A) is two
    assert upstreams.take(A) is one
    assert upstreams.take(A) is None


def test_accounts_and_schemes_do_not_share() -> None:
    upstreams = Upstreams(Settings(), Wheel())
    idle(upstreams)
    assert upstreams.take(A._replace(account="other")) is None
    assert upstreams.take(A._replace(scheme="https")) is None


def test_connection_that_closed_meanwhile_is_not_taken() -> None:
    upstreams = Upstreams(Settings(), Wheel())
    one, two = idle(upstreams), idle(upstreams)
    two.close()
    assert upstreams.take(A) is one
    one.connection_lost(None)
    two.connection_lost(None)
    assert (upstreams.open_count, upstreams.idle_count) == (0, 0)


def test_oldest_goes_where_too_many_are_idle() -> None:
    upstreams = Upstreams(Settings(idle_upstreams=2), Wheel())
    one, two, three = (idle(upstreams) for _ in range(3))
    assert (one.is_usable, two.is_usable, three.is_usable) == (False, True, True)


def test_idle_connection_that_speaks_or_grows_old_is_dropped() -> None:
    upstreams = Upstreams(Settings(), Wheel())
    one, two = idle(upstreams), idle(upstreams)
    one.data_received(b"HTTP/1.1 408 Too slow\r\n\r\n")
    two.expired()
    assert (one.is_usable, two.is_usable) == (False, False)


@pytest.mark.parametrize(
    "data", [b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", b"HTTP/1.1 204 X\r\n\r\n"]
)
def test_clean_end_puts_the_connection_back(data: bytes) -> None:
    async def scenario() -> None:
        upstreams = Upstreams(Settings(), Wheel())
        connection, ear = idle(upstreams), Ear()
        HttpOrigin(upstreams, A).begin(request(), ear)
        assert upstreams.idle_count == 0
        connection.data_received(data)
        assert ear.heard[-1] == "end"
        assert upstreams.idle_count == 1

    uvloop.run(scenario())


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200",
    ],
)
def test_end_that_is_not_clean_closes_it(data: bytes) -> None:
    async def scenario() -> None:
        upstreams = Upstreams(Settings(), Wheel())
        connection, ear = idle(upstreams), Ear()
        HttpOrigin(upstreams, A).begin(request(), ear)
        connection.data_received(data)
        assert ear.heard == [200, b"ok", "end"]
        assert (upstreams.idle_count, connection.is_usable) == (0, False)

    uvloop.run(scenario())


def test_response_before_the_request_is_complete_closes_it() -> None:
    async def scenario() -> None:
        upstreams = Upstreams(Settings(), Wheel())
        connection, ear = idle(upstreams), Ear()
        call = HttpOrigin(upstreams, A).begin(request("POST", Framing.LENGTH, 5), ear)
        call.write(b"12")
        connection.data_received(b"HTTP/1.1 413 Big\r\ncontent-length: 0\r\n\r\n")
        assert ear.heard == [413, "end"]
        assert not connection.is_usable

    uvloop.run(scenario())


def test_aborted_call_is_heard_of_no_more() -> None:
    async def scenario() -> None:
        upstreams = Upstreams(Settings(), Wheel())
        connection, ear = idle(upstreams), Ear()
        call = HttpOrigin(upstreams, A).begin(request(), ear)
        call.abort()
        connection.data_received(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        connection.connection_lost(None)
        await asyncio.sleep(0)
        assert ear.heard == []

    uvloop.run(scenario())


def test_refused_connection_is_a_failure_with_8012() -> None:
    async def scenario() -> None:
        upstreams = Upstreams(Settings(), Wheel())
        ear = Ear()
        HttpOrigin(upstreams, A).begin(request(), ear)
        await ear.over.wait()
        assert ear.heard == [8012]
        await upstreams.close()

    uvloop.run(scenario())


def test_dial_that_is_given_up_when_it_succeeds_leaves_no_connection() -> None:
    async def scenario() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            assert await reader.read() == b""
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        address = A._replace(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
        for turns in range(12):  # one of them is the moment
            upstreams = Upstreams(Settings(), Wheel())
            call = HttpOrigin(upstreams, address).begin(request(), Ear())
            while not upstreams.open_count:
                await asyncio.sleep(0)
            for _ in range(turns):
                await asyncio.sleep(0)
            call.abort()
            await upstreams.close()
            async with asyncio.timeout(5):
                while upstreams.open_count:
                    await asyncio.sleep(0)
        server.close()

    uvloop.run(scenario())


def test_connection_that_is_lost_before_anybody_has_it_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async def connect(*arguments: object) -> UpstreamConnection:
            return UpstreamConnection(upstreams, A)  # which has no transport

        upstreams = Upstreams(Settings(), Wheel())
        monkeypatch.setattr(upstreams, "connect", connect)
        ear = Ear()
        HttpOrigin(upstreams, A).begin(request(), ear)
        await ear.over.wait()
        assert ear.heard == [3004]

    uvloop.run(scenario())


def test_body_is_held_while_there_is_no_connection_and_the_client_is_paused() -> None:
    async def scenario() -> None:
        upstreams = Upstreams(Settings(buffer_bytes=10), Wheel())
        ear = Ear()
        call = HttpOrigin(upstreams, A).begin(request("POST", Framing.LENGTH, 20), ear)
        call.write(b"x" * 11)
        assert ear.heard == ["pause"]
        await ear.over.wait()
        assert ear.heard == ["pause", 8012]
        await upstreams.close()

    uvloop.run(scenario())


def test_unix_socket_is_an_upstream(tmp_path: object) -> None:
    async def scenario() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"GET / HTTP/1.1\r\nhost: a\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            await reader.read()
            writer.close()

        path = f"{tmp_path}/socket"
        server = await asyncio.start_unix_server(serve, path)
        upstreams = Upstreams(Settings(), Wheel())
        ear = Ear()
        address = Address("default", "http", "", 0, path)
        HttpOrigin(upstreams, address).begin(request(), ear)
        await ear.over.wait()
        assert ear.heard == [200, b"ok", "end"]
        assert address.name == f"unix:{path}"
        await upstreams.close()
        server.close()

    uvloop.run(scenario())
