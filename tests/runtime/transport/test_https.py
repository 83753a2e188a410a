"""A connection of an https listener before HTTP: what is waited for, how long, and who is counted."""

from __future__ import annotations

import asyncio
import gc
import ssl
from contextlib import suppress

import pytest
from tests.e2e.tls_world import AUTHORITY, TlsWorld, session_of
from tests.e2e.world import run, world

from policyc.runtime.endpoints import PublicEndpoint
from policyc.runtime.program import compile_program
from policyc.runtime.settings import Settings
from policyc.runtime.transport.https import HttpsConnection

pytestmark = pytest.mark.e2e

ONE = 'endpoint "https://a.example" { on_http_request { custom-response 200 { body: "1" } } }'


def test_a_hello_that_does_not_come_is_not_waited_for() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls = TlsWorld(made)
            await tls.run(ONE, Settings(hello_timeout_s=0.05))
            reader, writer = await asyncio.open_connection("127.0.0.1", tls.port)
            made.on_close(writer.close)
            writer.write(b"\x16\x03\x01\x02\x00\x01")
            assert await reader.read() == b""
            assert (await made.record())["reason"] == "hello_timeout"

    run(scenario())


def test_a_handshake_that_stops_is_not_waited_for() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls = TlsWorld(made)
            await tls.run(ONE, Settings(handshake_timeout_s=0.05))
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            half = AUTHORITY.trusted().wrap_bio(incoming, outgoing, server_hostname="a.example")
            with pytest.raises(ssl.SSLWantReadError):
                half.do_handshake()
            reader, writer = await asyncio.open_connection("127.0.0.1", tls.port)
            made.on_close(writer.close)
            writer.write(outgoing.read())
            assert (await reader.read())[:1] == b"\x16"
            record = await made.record()
            assert record["reason"] == "handshake_timeout"
            assert made.gateway.connection_count == 0

    run(scenario())


@pytest.mark.parametrize(
    "octets", [b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", b"\x16\x03\x01\x00\x00" * 3]
)
def test_what_is_no_hello_is_refused(octets: bytes) -> None:
    async def scenario() -> None:
        async with world() as made:
            tls = TlsWorld(made)
            await tls.run(ONE)
            reader, writer = await asyncio.open_connection("127.0.0.1", tls.port)
            made.on_close(writer.close)
            writer.write(octets)
            await reader.read()
            assert (await made.record())["reason"] in ("not_tls", "bad_hello")
            assert made.gateway.connection_count == 0

    run(scenario())


def test_a_hello_may_come_octet_by_octet() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls = TlsWorld(made)
            await tls.run(ONE)
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            session = AUTHORITY.trusted().wrap_bio(incoming, outgoing, server_hostname="a.example")
            reader, writer = await asyncio.open_connection("127.0.0.1", tls.port)
            made.on_close(writer.close)
            while True:
                try:
                    session.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    for octet in outgoing.read():
                        writer.write(bytes((octet,)))
                        await writer.drain()
                        await asyncio.sleep(0)
                    incoming.write(await reader.read(1 << 16))
            session.write(b"GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n")
            writer.write(outgoing.read())
            received = b""
            while not received:
                incoming.write(await reader.read(1 << 16))
                received = _read(session)
            assert received.startswith(b"HTTP/1.1 200 ")

    run(scenario())


def _read(session: ssl.SSLObject) -> bytes:
    try:
        return session.read(1 << 16)
    except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
        return b""


def test_connections_are_counted_once_and_let_go() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls = TlsWorld(made)
            await tls.run(ONE, Settings(connections_per_address=1))
            client = await tls.client()
            assert (await client.get("/", "a.example")).status == 200
            assert (made.gateway.connection_count, made.gateway.metrics.connections) == (1, 1)
            with pytest.raises(ConnectionError):
                await tls.client()
            await client.close()
            await client.writer.wait_closed()
            while made.gateway.connection_count:
                await asyncio.sleep(0.01)
            assert (await tls.get()).status == 200

    run(scenario())


def test_tls_endpoints_are_reached_on_the_same_listener() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls = TlsWorld(made)
            seen: list[bytes] = []

            async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                seen.append(await reader.read(1))
                writer.close()

            to = (await made.server(accept)).replace("http:", "tcp:")
            await tls.run(f'{ONE} endpoint "tls://b.example" -> "{to}"')
            assert (await tls.get()).status == 200
            with pytest.raises((ConnectionError, ssl.SSLError)):
                await tls.client("b.example")
            assert seen == [b"\x16"]

    run(scenario())


def test_the_gateway_stops_with_tls_connections_open() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls = TlsWorld(made)
            await tls.run(ONE)
            client = await tls.client()
            assert (await client.get("/", "a.example")).status == 200
            assert session_of(client).version() == "TLSv1.3"
            _, waiting = await asyncio.open_connection("127.0.0.1", tls.port)
            made.on_close(waiting.close)
            while made.gateway.connection_count < 2:
                await asyncio.sleep(0)
            await made.gateway.close(5.0)
            assert made.gateway.connection_count == 0
            assert await client.is_closed()

    run(scenario())


def test_what_made_the_handshake_is_gone_when_http_is_spoken() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls = TlsWorld(made)
            await tls.run(ONE)
            client = await tls.client()
            assert (await client.get("/", "a.example")).status == 200
            await asyncio.sleep(0)
            gc.collect()
            assert [each for each in gc.get_objects() if isinstance(each, HttpsConnection)] == []
            assert made.gateway.connection_count == 1

    run(scenario())


@pytest.mark.parametrize("when", ["in the handshake", "behind it", "in a request"])
@pytest.mark.parametrize(
    "octets", [b"\x17\x03\x03\x00\x20" + b"x" * 32, b"\x15\x03\x03\x00\x02\x02\x28", b"garbage!"]
)
def test_octets_that_break_the_session_end_the_connection_quietly(
    when: str, octets: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with world() as made:
            tls = TlsWorld(made)
            await tls.run(ONE)
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            session = AUTHORITY.trusted().wrap_bio(incoming, outgoing, server_hostname="a.example")
            reader, writer = await asyncio.open_connection("127.0.0.1", tls.port)
            made.on_close(writer.close)
            while True:
                try:
                    session.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    writer.write(outgoing.read())
                    incoming.write(await reader.read(1 << 16))
                    if when == "in the handshake":
                        break
            if when == "in a request":
                session.write(b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nab")
            writer.write(outgoing.read() + octets)
            with suppress(ConnectionError):
                await reader.read()
            while made.gateway.connection_count:
                await asyncio.sleep(0.01)

    run(scenario())
    assert [record.message for record in caplog.records if record.levelname in ("ERROR", "WARNING")] == []


@pytest.mark.parametrize("protocol", ["http/1.1", "h2"])
def test_idle_connections_keep_nothing_of_what_was_served_before(protocol: str) -> None:
    async def scenario() -> None:
        async with world() as made:
            tls, others = TlsWorld(made), _endpoints()
            text = f'{ONE[:-2]} on_tcp_connect {{ when conn.client_ip == "192.0.2.1" {{ deny }} }} }}'
            await tls.run(text)
            context = AUTHORITY.trusted()
            context.set_alpn_protocols([protocol])
            client = await tls.client(context=context)
            assert session_of(client).selected_alpn_protocol() == protocol
            if protocol == "http/1.1":
                assert (await client.get("/", "a.example")).status == 200
            else:
                await client.reader.readexactly(9)  # the head of its SETTINGS
            for _ in range(3):
                made.gateway.reload(compile_program(text))
            gc.collect()
            left = [each for each in _endpoints() if not any(each is other for other in others)]
            assert left == [each for pool in made.gateway.snapshot.secure for each in pool.members]
            if protocol == "http/1.1":
                assert (await client.get("/", "a.example")).status == 200

    run(scenario())


def _endpoints() -> list[PublicEndpoint]:
    return [each for each in gc.get_objects() if isinstance(each, PublicEndpoint)]
