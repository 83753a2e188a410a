"""PROXY headers to upstreams of http and https endpoints: a connection is one client's, and stays so."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from tests.e2e.certificate import server_context
from tests.e2e.stream_world import with_settings
from tests.e2e.world import Client, World, endpoint, read_request, run, world

from policyc.engine.model import EndpointDef
from policyc.runtime.protocol.proxy_protocol import header, parse
from policyc.runtime.settings import Settings

pytestmark = pytest.mark.e2e

HOST = "web.example.com"
LISTED = Settings(proxy_protocol_from=("127.0.0.0/8",))
ENDS = (("192.0.2.1", 51234), ("198.51.100.2", 443))


def telling(to: str, version: int = 1, **more: Any) -> EndpointDef:
    return with_settings(endpoint(f"http://{HOST}", to=to, **more), {"upstream.proxy_protocol": version})


class ToldServer:
    """An upstream whose connections begin with a PROXY header."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int] | None] = []
        self.open = 0
        self.closed = asyncio.Event()
        self.wait_for = 0
        self.all_there = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        told = None
        octets = b""
        while told is None:
            octets += await reader.readexactly(1)
            told = parse(octets)
        try:
            while await read_request(reader) is not None:
                self.told.append(told.source)
                if len(self.told) >= self.wait_for:
                    self.all_there.set()
                await self.all_there.wait()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        finally:
            self.open -= 1
            self.closed.set()
            writer.close()


def port_of(client: Client) -> int:
    port: int = client.writer.get_extra_info("sockname")[1]
    return port


@pytest.mark.parametrize("version", [1, 2])
def test_upstream_is_told_who_the_client_is_once_per_connection(version: int) -> None:
    async def scenario() -> None:
        async with world() as made:
            server = ToldServer()
            await made.serve(telling(await made.server(server.serve), version))
            one, two = await made.client(), await made.client()
            for client in (one, two, one, two):
                assert (await client.get("/", HOST)).body == b"ok"
            ends = [("127.0.0.1", port_of(client)) for client in (one, two)]
            assert server.told == ends * 2
            assert server.open == 2

    run(scenario())


def test_upstream_hears_of_the_client_that_a_listed_proxy_told_of() -> None:
    async def scenario() -> None:
        async with world() as made:
            server = ToldServer()
            await made.serve(telling(await made.server(server.serve)), settings=LISTED)
            client = await made.client()
            client.send(header(2, *ENDS))
            assert (await client.get("/", HOST)).status == 200
            assert server.told == [ENDS[0]]

    run(scenario())


def test_connection_is_never_used_for_another_client() -> None:
    async def scenario() -> None:
        async with world() as made:
            server = ToldServer()
            await made.serve(telling(await made.server(server.serve)))
            for _ in range(3):
                assert (await made.get("/", HOST)).status == 200
            assert len(set(server.told)) == len(server.told) == 3

    run(scenario())


def test_connections_that_are_kept_for_clients_are_few() -> None:
    async def scenario() -> None:
        async with world() as made:
            server = ToldServer()
            await made.serve(telling(await made.server(server.serve)), settings=Settings(idle_upstreams=3))
            clients = [await made.client() for _ in range(6)]
            for _ in range(2):
                for client in clients:
                    assert (await client.get("/", HOST)).status == 200
            while server.open > 3:
                server.closed.clear()
                await server.closed.wait()
            assert made.gateway.upstreams.idle_count == 3
            told = len(server.told)
            assert (await clients[-1].get("/", HOST)).status == 200
            assert server.told[told:] == [("127.0.0.1", port_of(clients[-1]))]
            assert server.open == 3

    run(scenario())


def test_clients_at_once_keep_their_connections_as_far_as_these_may_be_kept() -> None:
    async def scenario() -> None:
        async with world() as made:
            server = ToldServer()
            url = await made.server(server.serve)
            await made.serve(telling(url), settings=Settings(idle_upstreams=3))
            clients = [await made.client() for _ in range(6)]
            server.wait_for = len(clients)  # so that all have a connection under way at once
            for client in clients:
                client.send(f"GET / HTTP/1.1\r\nhost: {HOST}\r\n\r\n".encode())
            for client in clients:
                assert (await client.reply()).status == 200
            while server.open > 3:
                server.closed.clear()
                await server.closed.wait()
            assert made.gateway.upstreams.idle_count == 3

    run(scenario())


def serve_encrypted(listener: socket.socket, seen: list[bytes]) -> None:
    """Read a PROXY header in clear, shake hands, and answer one request."""
    connection, _ = listener.accept()
    with connection:
        octets = b""
        while not octets.endswith(b"\r\n"):
            octets += connection.recv(1)
        seen.append(octets)
        with server_context().wrap_socket(connection, server_side=True) as encrypted:
            while not octets.endswith(b"\r\n\r\n"):
                octets += encrypted.recv(1000)
            encrypted.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")


def test_header_goes_before_the_handshake_in_clear() -> None:
    async def scenario() -> None:
        async with world() as made:
            with socket.create_server(("127.0.0.1", 0)) as listener:
                seen: list[bytes] = []
                served = asyncio.get_running_loop().run_in_executor(None, serve_encrypted, listener, seen)
                port = listener.getsockname()[1]
                await made.serve(telling(f"https://127.0.0.1:{port}"))
                client = await made.client()
                assert (await client.get("/", HOST)).body == b"ok"
                await served
            assert seen == [f"PROXY TCP4 127.0.0.1 127.0.0.1 {port_of(client)} {made.port}\r\n".encode()]

    run(scenario())


async def fails_with(made: World, endpoint_def: EndpointDef) -> str:
    await made.serve(endpoint_def)
    assert (await made.get("/", HOST)).status == 502
    return str((await made.record())["error"])


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_upstream_that_refuses_or_hangs_up_is_a_502(scheme: str) -> None:
    async def scenario() -> None:
        async with world() as made:
            with socket.create_server(("127.0.0.1", 0)) as listener:
                port = listener.getsockname()[1]
            assert await fails_with(made, telling(f"{scheme}://127.0.0.1:{port}")) == "ERR_NGROK_8012"
        async with world() as made:

            async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.readexactly(8)
                writer.close()

            url = await made.server(hang_up)
            error = await fails_with(made, telling(url.replace("http", scheme, 1), 2))
            assert error == ("ERR_NGROK_8012" if scheme == "https" else "ERR_NGROK_3004")
            assert made.gateway.upstreams.open_count == 0

    run(scenario())
