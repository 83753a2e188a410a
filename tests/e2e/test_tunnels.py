"""WebSocket through the gateway: the handshake is HTTP, and behind the 101 of the upstream are octets."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from tests.e2e.certificate import server_context
from tests.e2e.tls_world import TlsWorld
from tests.e2e.world import Client, Seen, World, endpoint, read_request, run, world

from policyc.engine.model import Run
from policyc.engine.outcome import Forward, Respond
from policyc.engine.phases import Phase
from policyc.engine.traffic import Exchange
from policyc.runtime.gateway import GatewayError
from policyc.runtime.settings import Settings

pytestmark = pytest.mark.e2e

REQUEST, RESPONSE = Phase.HTTP_REQUEST, Phase.HTTP_RESPONSE
ASK = (
    b"GET /chat HTTP/1.1\r\nHost: a.example\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
YES = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Echo:
    """An upstream that says yes, and then says everything back, until it hears nothing more."""

    def __init__(self, greeting: bytes = b"") -> None:
        self.greeting = greeting
        self.seen: list[Seen] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen = await read_request(reader)
        assert seen is not None
        self.seen.append(seen)
        writer.write(YES + self.greeting)
        while piece := await reader.read(1 << 16):
            writer.write(piece)
            await writer.drain()
        writer.write(b"bye")
        writer.close()


async def gateway(
    made: World, serve: Serve, phases: Mapping[Phase, Run] | None = None, settings: Settings | None = None
) -> Client:
    await made.serve(
        endpoint("https://a.example", phases, await made.server(serve)), settings=settings or Settings(seed=1)
    )
    return await made.client()


def reset(writer: asyncio.StreamWriter) -> None:
    """Break a connection, with a reset."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def test_both_sides_talk_after_the_101_and_end_one_after_the_other() -> None:
    async def scenario() -> None:
        async with world() as made:
            echo = Echo(greeting=b"welcome ")
            client = await gateway(made, echo)
            client.send(ASK)
            reply = await client.reply()
            assert (reply.status, reply.get("upgrade"), reply.get("connection")) == (
                101,
                ["websocket"],
                ["upgrade"],
            )
            assert reply.get("sec-websocket-accept") == ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]
            assert (reply.get("content-length"), reply.get("transfer-encoding")) == ([], [])
            [seen] = echo.seen
            assert (seen.get("upgrade"), seen.get("connection")) == (["websocket"], ["upgrade"])
            assert seen.get("sec-websocket-key") == ["dGhlIHNhbXBsZSBub25jZQ=="]
            client.send(b"\x81\x05hello")
            assert await client.reader.readexactly(15) == b"welcome \x81\x05hello"
            client.writer.write_eof()
            assert await client.reader.read(-1) == b"bye"
            record = await made.record()
            assert (record["status"], record["bytes_in"], record["bytes_out"]) == (101, 7, 18)
            assert "reason" not in record
            assert record["upstream"].startswith("http://127.0.0.1:")
            assert made.gateway.upstreams.open_count == 0
            samples = made.gateway.metrics.collect()
            assert samples["policyc_tunnels_total"] == {("https://a.example",): 1}
            assert samples["policyc_tunnel_bytes_total"] == {
                ("https://a.example", "in"): 7,
                ("https://a.example", "out"): 18,
            }
            assert samples["policyc_requests_total"] == {("https://a.example", "1xx"): 1}

    run(scenario())


def test_nothing_of_the_tunnel_is_passed_on_before_the_101() -> None:
    early = b"GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n" + b"x" * 300_000  # more than is kept

    async def scenario() -> None:
        go = asyncio.Event()
        heard: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
            await go.wait()
            try:
                async with asyncio.timeout(0.2):
                    heard.append(await reader.read(1))
            except TimeoutError:
                heard.append(b"nothing")
            writer.write(YES)
            heard.append(await reader.readexactly(len(early)))
            writer.close()

        async with world() as made:
            client = await gateway(made, serve)
            client.send(ASK + early)
            assert (await client.reply()).status == 103
            go.set()
            assert (await client.reply()).status == 101
            assert await client.is_closed()
            assert heard == [b"nothing", early]

    run(scenario())


@pytest.mark.parametrize("status", [200, 426])
def test_without_a_101_there_is_no_tunnel_and_the_connection_ends(status: int) -> None:
    async def scenario() -> None:
        heard: list[bytes] = []
        over = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 %d X\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno" % status)
            heard.append(await reader.read(1))
            over.set()
            writer.close()

        async with world() as made:
            client = await gateway(made, serve)
            client.send(ASK + b"GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n")
            reply = await client.reply()
            assert (reply.status, reply.body, reply.get("connection")) == (status, b"no", ["close"])
            assert await client.is_closed()
            await over.wait()
            assert heard == [b""]
            assert len(made.log) == 1

    run(scenario())


def test_hops_see_the_handshake_and_the_response_phases_the_101() -> None:
    def to(url: str, header: str) -> dict[Phase, Run]:
        def forward(x: Exchange) -> Forward:
            x.req.headers.add(header, "asked")
            return Forward(url)

        def mark(x: Exchange) -> None:
            assert x.res is not None
            x.res.headers.add(header, str(x.res.status))

        return {REQUEST: forward, RESPONSE: mark}

    async def scenario() -> None:
        async with world() as made:
            echo = Echo()
            await made.serve(
                endpoint("https://a.example", to("https://b.internal", "x-a")),
                endpoint("https://b.internal", to("https://c.internal", "x-b")),
                endpoint("https://c.internal", None, await made.server(echo)),
            )
            client = await made.client()
            client.send(ASK)
            reply = await client.reply()
            assert (reply.status, reply.get("x-a"), reply.get("x-b")) == (101, ["101"], ["101"])
            assert echo.seen[0].get("x-a") == echo.seen[0].get("x-b") == ["asked"]
            client.send(b"through")
            assert await client.reader.readexactly(7) == b"through"
            client.writer.write_eof()
            assert await client.reader.read(-1) == b"bye"
            record = await made.record()
            assert record["endpoints"] == ["https://a.example", "https://b.internal", "https://c.internal"]

    run(scenario())


def test_policy_that_refuses_the_101_closes_the_upstream_connection() -> None:
    async def scenario() -> None:
        over = asyncio.Event()
        heard: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(YES)
            try:
                heard.append(await reader.read(1))
            except ConnectionError:
                heard.append(b"")
            over.set()
            writer.close()

        async with world() as made:
            client = await gateway(made, serve, {RESPONSE: lambda x: Respond(403, reason="deny", final=True)})
            client.send(ASK)
            assert (await client.reply()).status == 403
            assert await client.is_closed()
            await over.wait()
            assert heard == [b""]
            assert (await made.record())["reason"] == "deny"

    run(scenario())


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", YES),
        (b"GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\n\r\n", YES),
        (b"GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n", YES),
        (ASK, YES.replace(b"websocket", b"h2c")),
        (ASK, YES.replace(b"websocket", b"websocket, h2c")),
        (ASK, YES.replace(b"Connection: Upgrade\r\n", b"")),
        (ASK, YES.replace(b"Upgrade: websocket\r\n", b"")),
        (ASK, YES.replace(b"HTTP/1.1", b"HTTP/1.0")),
        (ASK, YES.replace(b"Upgrade: w", b"Content-Length: 3\r\nUpgrade: w")),
        (ASK, YES.replace(b"Upgrade: w", b"Transfer-Encoding: chunked\r\nUpgrade: w")),
    ],
)
def test_101_that_nobody_asked_for_is_502(asked: bytes, answer: bytes) -> None:
    async def scenario() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer + b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")
            await reader.read(1)
            writer.close()

        async with world() as made:
            client = await gateway(made, serve)
            client.send(asked)
            assert (await client.reply()).status == 502
            assert (await made.record())["reason"] == "unexpected_upgrade"
            assert made.gateway.upstreams.idle_count == 0

    run(scenario())


@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_other_protocols_pass_where_they_are_listed(method: bytes) -> None:
    asked = (
        b"%b /exec HTTP/1.1\r\nHost: a.example\r\nUpgrade: h2c, spdy/3.1\r\nConnection: Upgrade\r\n"
        b"Content-Length: 0\r\n\r\n" % method
    )

    async def scenario() -> None:
        heads: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(YES.replace(b"websocket", b"SPDY/3.1"))
            writer.write(await reader.readexactly(4))
            writer.close()

        async with world() as made:
            client = await gateway(made, serve, settings=Settings(upgrades=("websocket", "SPDY/3.1")))
            client.send(asked)
            reply = await client.reply()
            assert (reply.status, reply.get("upgrade")) == (101, ["SPDY/3.1"])
            client.send(b"ping")
            assert await client.reader.readexactly(4) == b"ping"
            assert b"\r\nupgrade: SPDY/3.1\r\nconnection: upgrade\r\n" in heads[0]
            assert b"h2c" not in heads[0]

    run(scenario())


def test_upgrades_that_would_go_past_the_policies_are_not_served() -> None:
    async def scenario() -> None:
        async with world() as made:
            with pytest.raises(GatewayError, match="upgrades: `h2c` would carry requests past the policies"):
                await gateway(made, Echo(), settings=Settings(upgrades=("h2c",)))

    run(scenario())


def test_kept_connection_takes_an_upgrade_and_an_earlier_wish_does_not_last() -> None:
    async def scenario() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while (seen := await read_request(reader)) is not None:
                if seen.target == "/101":
                    writer.write(YES)
                    break
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            writer.close()

        async with world() as made:
            client = await gateway(made, serve)
            client.send(ASK)  # answered with 200
            assert (await client.reply()).status == 200
            assert made.gateway.upstreams.idle_count == 1
            assert (await made.get("/101", "a.example")).status == 502
            assert (await made.get("/", "a.example")).status == 200
            asking = await made.client()
            asking.send(ASK.replace(b"/chat", b"/101"))
            assert (await asking.reply()).status == 101
            assert await asking.is_closed()

    run(scenario())


@pytest.mark.parametrize(
    "asked",
    [
        ASK.replace(b"GET", b"POST").replace(b"\r\n\r\n", b"\r\nContent-Length: 2\r\n\r\nhi"),
        ASK.replace(b"\r\n\r\n", b"\r\nContent-Length: 2\r\n\r\nhi"),
        ASK.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ASK.replace(b"GET", b"HEAD"),
        ASK.replace(b"HTTP/1.1", b"HTTP/1.0"),
        ASK.replace(b"Connection: Upgrade\r\n", b""),
    ],
)
def test_upgrade_of_anything_but_a_get_without_body_is_not_passed_on(asked: bytes) -> None:
    async def scenario() -> None:
        seen: list[Seen] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            got = await read_request(reader)
            assert got is not None
            seen.append(got)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            writer.close()

        async with world() as made:
            client = await gateway(made, serve)
            client.send(asked)
            assert (await client.reply(head=True)).status == 200
            assert seen[0].get("upgrade") == seen[0].get("connection") == []

    run(scenario())


def test_side_that_takes_nothing_holds_the_other_back() -> None:
    async def scenario() -> None:
        sent = 0
        stuck = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            await reader.readuntil(b"\r\n\r\n")
            writer.write(YES)
            try:
                while sent < 1 << 28:
                    writer.write(b"x" * 65536)
                    sent += 65536
                    try:
                        async with asyncio.timeout(0.5):
                            await writer.drain()
                    except TimeoutError:
                        stuck.set()
                        await writer.drain()
            except ConnectionError:
                pass
            finally:
                writer.close()

        async with world() as made:
            await gateway(made, serve)
            with socket.socket() as sock:
                sock.setblocking(False)
                loop = asyncio.get_running_loop()
                await loop.sock_connect(sock, ("127.0.0.1", made.port))
                await loop.sock_sendall(sock, ASK)
                await stuck.wait()
                # What is under way is in the kernel's and the gateway's buffers: far from all of it.
                assert sent < 1 << 26
            assert (await made.record())["reason"] == "client_reset"

    run(scenario())


def test_silent_tunnel_is_cut() -> None:
    async def scenario() -> None:
        async with world() as made:
            client = await gateway(made, Echo(), settings=Settings(stream_idle_timeout_s=0.6))
            client.send(ASK)
            assert (await client.reply()).status == 101
            assert await client.is_closed()
            assert (await made.record())["reason"] == "idle_timeout"
            assert made.gateway.upstreams.open_count == 0

    run(scenario())


@pytest.mark.parametrize("side", ["client", "upstream"])
def test_end_that_breaks_breaks_the_other(side: str) -> None:
    async def scenario() -> None:
        go = asyncio.Event()
        over = asyncio.Event()
        heard: list[str] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(YES + b"!")
            await go.wait()
            if side == "upstream":
                reset(writer)
                return
            try:
                await reader.read(-1)
            except ConnectionResetError:
                heard.append("reset")
            over.set()
            writer.close()

        async with world() as made:
            client = await gateway(made, serve)
            client.send(ASK)
            assert (await client.reply()).status == 101
            assert await client.reader.readexactly(1) == b"!"
            if side == "client":
                reset(client.writer)
            go.set()
            record = await made.record()
            assert (record["status"], record["reason"]) == (101, f"{side}_reset")
            if side == "client":
                await over.wait()
                assert heard == ["reset"]
            else:
                assert await client.is_closed()

    run(scenario())


def test_stop_waits_for_a_tunnel_until_its_deadline() -> None:
    async def scenario() -> None:
        async with world() as made:
            client = await gateway(made, Echo())
            client.send(ASK)
            assert (await client.reply()).status == 101
            stopping = asyncio.create_task(made.gateway.close(0.5))
            client.send(b"still here")
            assert await client.reader.readexactly(10) == b"still here"
            assert await client.is_closed()
            await stopping
            assert (await made.record())["reason"] == "drain_timeout"

    run(scenario())


def test_tunnel_to_a_unix_socket(tmp_path: Path) -> None:
    async def scenario() -> None:
        path = str(tmp_path / "app.sock")
        server = await asyncio.start_unix_server(Echo(), path)
        async with world() as made:
            made.on_close(server.close)
            await made.serve(endpoint("https://a.example", to=f"unix:{path}"))
            client = await made.client()
            client.send(ASK)
            assert (await client.reply()).status == 101
            client.send(b"hello")
            assert await client.reader.readexactly(5) == b"hello"
            client.writer.write_eof()
            assert await client.reader.read(-1) == b"bye"

    run(scenario())


@pytest.mark.parametrize("first", ["client", "upstream"])
def test_tunnel_to_an_https_upstream_ends_both_ways_at_once(first: str) -> None:
    async def scenario() -> None:
        over = asyncio.Event()
        heard: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(YES)
            heard.append(await reader.readexactly(5))
            writer.write(b"x" * 500_000)
            if first == "upstream":
                writer.close()
            heard.append(await reader.read(1))
            over.set()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_context())
        async with world() as made:
            made.on_close(server.close)
            port = server.sockets[0].getsockname()[1]
            await made.serve(endpoint("https://a.example", to=f"https://127.0.0.1:{port}"))
            client = await made.client()
            client.send(ASK)
            assert (await client.reply()).status == 101
            client.send(b"hello")
            assert await client.reader.readexactly(500_000) == b"x" * 500_000
            if first == "client":
                client.writer.write_eof()
            assert await client.reader.read(-1) == b""
            await over.wait()
            assert heard == [b"hello", b""]
            assert "reason" not in await made.record()

    run(scenario())


async def over_tls(made: World, serve: Serve) -> Client:
    secure = TlsWorld(made)
    await secure.serve(endpoint("https://a.example", to=await made.server(serve)))
    return await secure.client()


def test_tunnel_of_a_client_over_tls() -> None:
    async def scenario() -> None:
        async with world() as made:
            echo = Echo(greeting=b"welcome ")
            client = await over_tls(made, echo)
            client.send(ASK + b"early")
            assert (await client.reply()).status == 101
            assert await client.reader.readexactly(13) == b"welcome early"
            client.send(b"x" * 1_000_000)
            assert await client.reader.readexactly(1_000_000) == b"x" * 1_000_000
            await client.close()
            record = await made.record()
            assert (record["status"], record["bytes_in"], record["bytes_out"]) == (101, 1_000_005, 1_000_013)
            assert "reason" not in record
            assert made.gateway.upstreams.open_count == 0

    run(scenario())


def test_upstream_that_ends_a_tunnel_ends_it_for_a_client_over_tls() -> None:
    async def scenario() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(YES + b"x" * 1_000_000)
            writer.close()

        async with world() as made:
            client = await over_tls(made, serve)
            client.send(ASK)
            assert (await client.reply()).status == 101
            assert await client.reader.read(-1) == b"x" * 1_000_000
            assert "reason" not in await made.record()

    run(scenario())


def test_client_over_tls_that_closes_takes_its_upstream_call_along(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        arrived, gone = asyncio.Event(), asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            arrived.set()
            with suppress(ConnectionError):
                await reader.read(-1)
            gone.set()
            writer.close()

        async with world() as made:
            client = await over_tls(made, serve)
            client.send(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
            await arrived.wait()
            await client.close()
            await gone.wait()
            assert (await made.record())["reason"] == "client_gone"

    run(scenario())
    assert caplog.text == ""


def test_tunnels_that_end_in_any_way_leave_nothing() -> None:
    """Twenty at a time: ended, half-closed and broken by either side, refused, and never answered."""

    async def scenario() -> None:
        chance = random.Random(1)
        arrived: dict[bytes, asyncio.Event] = {}

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                head = await reader.readuntil(b"\r\n\r\n")
                if b"/refuse" in head:
                    writer.write(b"HTTP/1.1 400 No\r\ncontent-length: 0\r\n\r\n")
                elif b"/silent" in head:
                    arrived[head.split(b" ")[1]].set()
                    await reader.read(1)
                else:
                    writer.write(YES + b"hello")
                    await reader.readexactly(5)
                    if b"/reset" in head:
                        reset(writer)
                        return
                    if b"/close" not in head:
                        await reader.read(-1)
            writer.close()

        async def one(made: World) -> None:
            upstream = chance.choice(["refuse", "silent", "reset", "close", "wait"])
            client = await made.client()
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                path = b"/%b/%d" % (upstream.encode(), len(arrived))
                arrived[path] = asyncio.Event()
                client.send(ASK.replace(b"/chat", path))
                if upstream == "silent":
                    await arrived[path].wait()
                else:
                    reply = await client.reply()
                    if reply.status == 101:
                        client.send(b"world")
                        await client.reader.readexactly(5)
                how = chance.choice(["close", "reset", "half"])
                if how == "reset":
                    reset(client.writer)
                elif how == "half" and client.writer.can_write_eof():
                    client.writer.write_eof()
                    await client.reader.read(-1)
            await client.close()

        async with world() as made:
            await gateway(made, serve, settings=Settings(half_close_s=0.1))
            for _ in range(5):
                await asyncio.gather(*[one(made) for _ in range(20)])
            await made.record(100)
            assert sum(record["status"] == 101 for record in made.log) > 25
            while len(made.gateway._connections) > 1:  # but the one that `gateway` made
                await asyncio.sleep(0.01)
            while made.gateway.upstreams.open_count > made.gateway.upstreams.idle_count:
                await asyncio.sleep(0.01)

    run(scenario())
