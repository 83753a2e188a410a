"""The upstream's side of tcp and tls endpoints: over TLS, over a unix socket, with a PROXY header first."""

from __future__ import annotations

import asyncio
import os
import ssl
import tempfile

import pytest
from tests.e2e.certificate import client_context, server_context
from tests.e2e.stream_world import Peer, StreamWorld, echo, free_port, with_settings
from tests.e2e.world import World, endpoint, run, world

from policyc.runtime.settings import Settings


async def tls_server(made: World) -> str:
    """Start a TLS server that echoes, and return its URL."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.on_close(writer.close)
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=server_context())
    made.on_close(server.close)
    return f"tls://localhost:{server.sockets[0].getsockname()[1]}"


def test_tls_upstream_gets_the_octets_encrypted() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, port = StreamWorld(made), free_port()
            upstream = await tls_server(made)
            await streams.serve(endpoint(f"tcp://db.example.com:{port}", to=upstream))
            client = await streams.connect(port)
            octets = os.urandom(1 << 20)
            received, _ = await asyncio.gather(client.reader.readexactly(len(octets)), client.say(octets))
            assert received == octets
            client.writer.write_eof()
            assert await client.all() == b""
            record = await made.record()
            assert record["upstream"] == upstream
            assert record["bytes_in"] == len(octets)

    run(scenario())


def test_tls_upstream_is_verified_if_the_setting_says_so() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, port = StreamWorld(made), free_port()
            served = endpoint(f"tcp://db.example.com:{port}", to=await tls_server(made))
            await streams.serve(with_settings(served, {"upstream.tls_verify": True}))
            assert await (await streams.connect(port)).gets_nothing()
            record = await made.record()
            assert record["reason"] == "upstream_untrusted"
            assert "certificate" in record["detail"]

    run(scenario())


def test_upstream_that_speaks_no_tls_is_a_failure() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, port = StreamWorld(made), free_port()

            async def garbage(peer: Peer) -> None:
                await peer.say(b"220 hello, this is no TLS\r\n")

            plain = await streams.upstream(garbage)
            await streams.serve(endpoint(f"tcp://db.example.com:{port}", to=plain.replace("tcp:", "tls:")))
            assert await (await streams.connect(port)).gets_nothing()
            assert (await made.record())["reason"] == "upstream_bad_tls"

    run(scenario())


def test_name_that_no_resolver_takes_is_a_failure() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, port = StreamWorld(made), free_port()
            await streams.serve(endpoint(f"tcp://db.example.com:{port}", to=f"tcp://{'a' * 64}.example:1"))
            assert await (await streams.connect(port)).gets_nothing()
            assert (await made.record())["reason"] == "upstream_unreachable"

    run(scenario())


def test_upstream_that_does_not_shake_hands_in_time_is_a_failure() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, port = StreamWorld(made), free_port()
            plain = await streams.upstream()
            await streams.serve(
                endpoint(f"tcp://db.example.com:{port}", to=plain.replace("tcp:", "tls:")),
                settings=Settings(connect_timeout_s=0.05),
            )
            assert await (await streams.connect(port)).gets_nothing()
            assert (await made.record())["detail"].endswith("did not accept in time")
            assert (await (await streams.accepted.get()).answer())[:1] == b"\x16"

    run(scenario())


def test_client_may_speak_tls_through_to_the_upstream() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams = StreamWorld(made)
            upstream = (await tls_server(made)).replace("tls://localhost", "tcp://127.0.0.1")
            await streams.serve(endpoint("tls://one.example.com", to=upstream))
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", streams.tls_port, ssl=client_context(), server_hostname="one.example.com"
            )
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"hello"
            writer.close()
            await writer.wait_closed()
            with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
                await asyncio.open_connection(
                    "127.0.0.1", streams.tls_port, ssl=client_context(), server_hostname="other.example.com"
                )

    run(scenario())


def test_unix_socket_is_an_upstream() -> None:
    async def scenario() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with world() as made:
                streams, port = StreamWorld(made), free_port()

                async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                    made.on_close(writer.close)
                    await echo(Peer(reader, writer))

                server = await asyncio.start_unix_server(accept, f"{folder}/socket")
                made.on_close(server.close)
                await streams.serve(endpoint(f"tcp://db.example.com:{port}", to=f"unix:{folder}/socket"))
                client = await streams.connect(port)
                await client.say(b"hello", end=True)
                assert await client.all() == b"hello"

    run(scenario())


def test_proxy_header_comes_before_everything_else() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, port = StreamWorld(made), free_port()
            plain = await streams.upstream()
            served = endpoint(f"tcp://db.example.com:{port}", to=plain)
            await streams.serve(with_settings(served, {"upstream.proxy_protocol": 1}))
            client = await streams.connect(port)
            here = client.writer.get_extra_info("sockname")[1]
            upstream = await streams.accepted.get()
            line = f"PROXY TCP4 127.0.0.1 127.0.0.1 {here} {port}\r\n".encode()
            assert await upstream.reader.readexactly(len(line)) == line

    run(scenario())
