"""tls endpoints whose policy ends TLS: the upstream gets what the client says in clear."""

from __future__ import annotations

import asyncio
import os
import ssl
from contextlib import suppress

import pytest
from tests.e2e.authority import Authority
from tests.e2e.stream_world import Peer, free_port
from tests.e2e.test_https import pem
from tests.e2e.tls_world import AUTHORITY, TlsWorld
from tests.e2e.world import Client, World, run, world
from tests.runtime.transport.test_tls_contexts import client_of

from policyc.runtime.settings import Settings

pytestmark = pytest.mark.e2e

OPS, STRANGER = AUTHORITY.sign("ops.example"), Authority().sign("ops.example")


class Upstream:
    """A tcp server that echoes, and says at the end how much there was."""

    def __init__(self, made: World) -> None:
        self._made = made
        self.peers: list[Peer] = []

    async def start(self) -> str:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._made.on_close(server.close)
        return f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._made.on_close(writer.close)
        self.peers.append(Peer(reader, writer))
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.close()


async def exchange(client: Client, octets: bytes) -> bytes:
    client.send(octets)
    return await client.reader.readexactly(len(octets))


def test_the_stream_is_relayed_in_clear_both_ways() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls, to = TlsWorld(made), await Upstream(made).start()
            await tls.run(f'endpoint "tls://a.example" -> "{to}" {{ on_tcp_connect {{ terminate-tls }} }}')
            client = await tls.client()
            assert await exchange(client, b"hello") == b"hello"
            octets = os.urandom(1 << 20)
            received, _ = await asyncio.gather(
                client.reader.readexactly(len(octets)), drained(client, octets)
            )
            assert received == octets
            await client.close()
            await client.writer.wait_closed()
            record = await made.record()
            assert (record["protocol"], record["sni"], record["upstream"]) == ("tls", "a.example", to)
            assert "reason" not in record

    run(scenario())


async def drained(client: Client, octets: bytes) -> None:
    client.send(octets)
    await client.writer.drain()


def test_what_comes_with_the_handshake_is_not_lost() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls, to = TlsWorld(made), await Upstream(made).start()
            await tls.run(f'endpoint "tls://a.example" -> "{to}" {{ on_tcp_connect {{ terminate-tls }} }}')
            for _ in range(5):
                client = await tls.client()
                assert await exchange(client, b"at once") == b"at once"

    run(scenario())


def test_an_upstream_that_is_gone_closes_after_the_handshake() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls = TlsWorld(made)
            await tls.run(
                f'endpoint "tls://a.example" -> "tcp://127.0.0.1:{free_port()}" '
                "{ on_tcp_connect { terminate-tls } }"
            )
            client = await tls.client()
            assert await client.is_closed()
            assert (await made.record())["reason"] == "upstream_unreachable"
            assert made.gateway.connection_count == 0

    run(scenario())


def test_mutual_tls_and_rules_behind_the_handshake() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls, to = TlsWorld(made), await Upstream(made).start()
            await tls.run(
                f'endpoint "tls://a.example" -> "{to}" {{ on_tcp_connect {{ terminate-tls {{ '
                f'mutual_tls_certificate_authorities: ["{pem(AUTHORITY.pem)}"] }} '
                'when conn.tls.client.subject.common_name != "ops.example" { deny } '
                'log { metadata: { who: "${actions.ngrok.terminate_tls.client.subject.common_name}" } } } }'
            )
            client = await tls.client(context=client_of(AUTHORITY, OPS))
            assert await exchange(client, b"hello") == b"hello"
            await client.close()
            assert (await made.record())["logs"] == [{"metadata": {"who": "ops.example"}}]
            other = await tls.client(context=client_of(AUTHORITY, AUTHORITY.sign("dev.example")))
            assert await other.is_closed()
            assert (await made.record(2))["reason"] == "deny"
            with pytest.raises(ssl.SSLError, match="certificate required"):
                await (await tls.client(context=client_of(AUTHORITY, None))).reader.read()
            with pytest.raises(ssl.SSLError, match="unknown ca"):
                await (await tls.client(context=client_of(AUTHORITY, STRANGER))).reader.read()
            assert [record["reason"] for record in made.log[2:]] == ["bad_tls", "bad_tls"]
            assert made.gateway.connection_count == 0

    run(scenario())


def test_no_application_protocol_is_chosen_for_a_stream() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls, to = TlsWorld(made), await Upstream(made).start()
            await tls.run(f'endpoint "tls://a.example" -> "{to}" {{ on_tcp_connect {{ terminate-tls }} }}')
            context = AUTHORITY.trusted()
            context.set_alpn_protocols(["imap"])
            client = await tls.client(context=context)
            assert client.writer.get_extra_info("ssl_object").selected_alpn_protocol() is None
            assert await exchange(client, b"hello") == b"hello"

    run(scenario())


def test_a_tls_endpoint_has_its_handshake_where_it_was_forwarded_to() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls, to = TlsWorld(made), await Upstream(made).start()
            await tls.run(
                'endpoint "tls://a.example" { on_tcp_connect { forward-internal "tls://in.internal" } } '
                f'endpoint "tls://in.internal" -> "{to}" {{ on_tcp_connect {{ terminate-tls }} }}'
            )
            assert await exchange(await tls.client(), b"hello") == b"hello"

    run(scenario())


def test_a_tcp_endpoint_may_forward_to_where_tls_is_ended() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls, to, port = TlsWorld(made), await Upstream(made).start(), free_port()
            await tls.run(
                f'endpoint "tcp://one.example:{port}" {{ on_tcp_connect {{ forward-internal '
                '"tls://in.internal" } } '
                f'endpoint "tls://in.internal" -> "{to}" {{ on_tcp_connect {{ terminate-tls }} }}'
            )
            await made.gateway.start_streams("127.0.0.1", None)
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=AUTHORITY.trusted(), server_hostname="a.example"
            )
            made.on_close(writer.close)
            assert await exchange(Client(reader, writer), b"hello") == b"hello"
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            made.on_close(writer.close)
            writer.write(b"no TLS at all\n")
            assert await reader.read() == b""
            assert made.log[-1]["reason"] == "not_tls"

    run(scenario())


def test_tls_is_ended_once() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls, to = TlsWorld(made), await Upstream(made).start()
            await tls.run(
                'endpoint "tls://a.example" { on_tcp_connect { terminate-tls forward-internal '
                '"tls://in.internal" } } '
                f'endpoint "tls://in.internal" -> "{to}" {{ on_tcp_connect {{ terminate-tls }} }}'
            )
            client = await tls.client()
            assert await client.is_closed()
            assert (await made.record())["reason"] == "internal_error"

    run(scenario())


def test_a_handshake_that_stops_is_not_waited_for() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls, to = TlsWorld(made), await Upstream(made).start()
            await tls.run(
                f'endpoint "tls://a.example" -> "{to}" {{ on_tcp_connect {{ terminate-tls }} }}',
                Settings(handshake_timeout_s=0.05),
            )
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            half = AUTHORITY.trusted().wrap_bio(incoming, outgoing, server_hostname="a.example")
            with pytest.raises(ssl.SSLWantReadError):
                half.do_handshake()
            reader, writer = await asyncio.open_connection("127.0.0.1", tls.port)
            made.on_close(writer.close)
            writer.write(outgoing.read())
            assert (await reader.read())[:1] == b"\x16"
            assert (await made.record())["reason"] == "handshake_timeout"
            assert made.gateway.connection_count == 0

    run(scenario())


def test_a_client_that_goes_in_its_handshake_is_let_go() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls, to = TlsWorld(made), await Upstream(made).start()
            await tls.run(f'endpoint "tls://a.example" -> "{to}" {{ on_tcp_connect {{ terminate-tls }} }}')
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            half = AUTHORITY.trusted().wrap_bio(incoming, outgoing, server_hostname="a.example")
            with pytest.raises(ssl.SSLWantReadError):
                half.do_handshake()
            reader, writer = await asyncio.open_connection("127.0.0.1", tls.port)
            writer.write(outgoing.read())
            await reader.read(1)
            writer.close()
            assert "reason" in await made.record()
            assert made.gateway.connection_count == 0

    run(scenario())


def test_the_end_of_one_direction_leaves_the_other() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls = TlsWorld(made)

            async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                heard = await reader.read()
                writer.write(b"heard " + heard)
                writer.close()

            to = (await made.server(late)).replace("http:", "tcp:")
            await tls.run(f'endpoint "tls://a.example" -> "{to}" {{ on_tcp_connect {{ terminate-tls }} }}')
            reader, writer = await asyncio.open_connection("127.0.0.1", tls.port)
            made.on_close(writer.close)
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            session = AUTHORITY.trusted().wrap_bio(incoming, outgoing, server_hostname="a.example")
            while True:
                try:
                    session.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    writer.write(outgoing.read())
                    incoming.write(await reader.read(1 << 16))
            session.write(b"words")
            with pytest.raises(ssl.SSLWantReadError):
                session.unwrap()  # close_notify goes out; what the other side says is still read
            writer.write(outgoing.read())
            received = b""
            while b"heard words" not in received:
                octets = await reader.read(1 << 16)
                assert octets
                incoming.write(octets)
                with suppress(ssl.SSLWantReadError):
                    received += session.read(1 << 16)

    run(scenario())


def test_settings_of_the_agent_end_tls_too() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls, to, own = TlsWorld(made), await Upstream(made).start(), Authority()
            signed = own.sign("a.example")
            await tls.run(
                f'endpoint "tls://a.example" -> "{to}" {{ agent_tls_termination: {{ '
                f'server_certificate: "{pem(signed.certificate)}", '
                f'server_private_key: "{pem(signed.private_key)}", '
                f'mutual_tls_certificate_authorities: "{pem(AUTHORITY.pem)}" }} }}'
            )
            client = await tls.client(context=client_of(own, OPS))
            assert await exchange(client, b"hello") == b"hello"
            with pytest.raises(ssl.SSLError, match="certificate required"):
                await (await tls.client(context=own.trusted())).reader.read()

    run(scenario())
