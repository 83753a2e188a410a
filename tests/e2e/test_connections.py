"""Connections on both sides: reuse, pipelining, streaming, backpressure, faults, stop and reload."""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest
from tests.e2e.world import Seen, UpstreamServer, World, endpoint, ok, read_request, run, world

from policyc.engine.model import Program
from policyc.engine.outcome import Respond
from policyc.engine.phases import Phase
from policyc.runtime.gateway import GatewayError
from policyc.runtime.settings import Settings

pytestmark = pytest.mark.e2e

GET = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"


async def simple(made: World, settings: Settings | None = None, answer: object = None) -> UpstreamServer:
    origin = await made.upstream(answer)  # type: ignore[arg-type]
    await made.serve(endpoint("https://a.example", to=origin.url), settings=settings)
    return origin


def test_both_sides_keep_their_connections() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await simple(made)
            client = await made.client()
            for n in range(5):
                assert (await client.get(f"/{n}", "a.example")).body == b"ok"
            assert origin.connections == 1
            assert [seen.target for seen in origin.seen] == ["/0", "/1", "/2", "/3", "/4"]
            await made.get("/5", "a.example")
            assert origin.connections == 1
            assert made.gateway.upstreams.idle_count == 1

    run(scenario())


def test_upstreams_of_two_accounts_share_no_connection() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()
            await made.serve(
                endpoint("https://a.example", to=origin.url),
                endpoint("https://b.example", to=origin.url, account="other"),
            )
            await made.get("/", "a.example")
            await made.get("/", "b.example")
            assert origin.connections == 2

    run(scenario())


def test_pipelined_requests_are_answered_in_order() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await simple(made, answer=lambda seen: ok(seen.target.encode())(seen))
            client = await made.client()
            octets = b"".join(b"GET /%d HTTP/1.1\r\nHost: a.example\r\n\r\n" % n for n in range(20))
            client.send(octets)
            assert [(await client.reply()).body for _ in range(20)] == [b"/%d" % n for n in range(20)]
            assert origin.connections == 1

    run(scenario())


def test_pipelined_request_after_a_body_is_no_part_of_it() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await simple(made)
            client = await made.client()
            client.send(
                b"POST /1 HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nx-trailer: 1\r\n\r\n"
                b"POST /2 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nhi" + GET
            )
            for _ in range(3):
                assert (await client.reply()).status == 200
            assert [seen.body for seen in origin.seen] == [b"abcde", b"hi", b""]
            assert origin.seen[0].get("x-trailer") == []

    run(scenario())


@pytest.mark.parametrize("line", ["Connection: close", "connection: Keep-Alive, CLOSE"])
def test_close_is_honoured(line: str) -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await simple(made)
            client = await made.client()
            client.send(f"GET / HTTP/1.1\r\nHost: a.example\r\n{line}\r\n\r\n".encode() + GET)
            reply = await client.reply()
            assert reply.get("connection") == ["close"]
            assert await client.is_closed()
            assert len(origin.seen) == 1

    run(scenario())


def test_http10_is_answered_and_closed() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await simple(
                made,
                answer=lambda seen: (
                    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
                ),
            )
            client = await made.client()
            client.send(b"GET / HTTP/1.0\r\nHost: a.example\r\nConnection: keep-alive\r\n\r\n")
            reply = await client.reply()
            assert (reply.body, reply.get("transfer-encoding")) == (b"ok", [])
            assert await client.is_closed()
            assert len(origin.seen) == 1

    run(scenario())


def test_half_closed_client_is_still_answered() -> None:
    async def scenario() -> None:
        async with world() as made:
            await simple(made, Settings(half_close_s=5))
            client = await made.client()
            client.send(GET)
            client.writer.write_eof()
            assert (await client.reply()).body == b"ok"
            assert await client.is_closed()

    run(scenario())


def test_head_204_and_304_have_no_body_and_the_connection_goes_on() -> None:
    def answer(seen: Seen) -> bytes:
        status = seen.target[1:]
        if seen.method == "HEAD":
            return b"HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n"
        return b"HTTP/1.1 %b X\r\netag: a\r\n\r\n" % status.encode()

    async def scenario() -> None:
        async with world() as made:
            origin = await simple(made, answer=answer)
            client = await made.client()
            head = await client.get("/", "a.example", method="HEAD")
            assert head.get("content-length") == ["1234"]
            for status in (204, 304):
                reply = await client.get(f"/{status}", "a.example")
                assert (reply.status, reply.get("content-length")) == (status, [])
            assert origin.connections == 1

    run(scenario())


def test_interim_responses_go_before_the_final_one() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"

    async def scenario() -> None:
        async with world() as made:
            await simple(made, answer=lambda seen: early + ok()(seen))
            client = await made.client()
            first = await client.get("/", "a.example")
            assert (first.status, first.get("link")) == (103, ["</a>"])
            assert (await client.reply()).body == b"ok"

    run(scenario())


def test_body_of_a_refused_request_is_dropped_up_to_a_limit() -> None:
    async def scenario() -> None:
        async with world() as made:
            await made.serve(
                endpoint("https://a.example", {Phase.HTTP_REQUEST: lambda x: Respond(403, final=True)})
            )
            client = await made.client()
            assert (await client.get("/", "a.example", method="POST", body=b"x" * 60_000)).status == 403
            assert (await client.get("/", "a.example")).status == 403
            client.send(b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 70000\r\n\r\n")
            reply = await client.reply()
            assert (reply.status, reply.get("connection")) == (403, ["close"])
            assert await client.is_closed()

    run(scenario())


def test_chunked_body_beyond_the_drain_limit_closes() -> None:
    async def scenario() -> None:
        async with world() as made:
            await made.serve(
                endpoint("https://a.example", {Phase.HTTP_REQUEST: lambda x: Respond(403, final=True)})
            )
            client = await made.client()
            client.send(b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n")
            assert (await client.reply()).status == 403
            client.send(b"10000\r\n" + b"x" * 65536 + b"\r\n10\r\n" + b"x" * 16)
            assert await client.is_closed()

    run(scenario())


def test_large_bodies_pass_both_ways() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await simple(made, answer=lambda seen: ok(seen.body)(seen))
            body = bytes(range(256)) * 40_000
            client = await made.client()
            reply = await client.get("/", "a.example", method="POST", body=body)
            assert reply.body == body
            assert origin.seen[0].body == body
            assert (await client.get("/", "a.example")).status == 200

    run(scenario())


def test_slow_client_holds_the_upstream_back() -> None:
    sent = 0

    async def scenario() -> None:
        nonlocal sent
        stuck = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (1 << 28))
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
            await made.serve(endpoint("https://a.example", to=await made.server(serve)))
            sock = socket.socket()
            sock.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(sock, ("127.0.0.1", made.port))
            await loop.sock_sendall(sock, GET)
            await stuck.wait()
            # What is under way is in the kernel's and the gateway's buffers: far from all of it.
            assert sent < 1 << 26
            sock.close()

    run(scenario())


def test_slow_upstream_holds_the_client_back() -> None:
    async def scenario() -> None:
        go = asyncio.Event()
        total = 1 << 26
        received = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal received
            await reader.readuntil(b"\r\n\r\n")
            await go.wait()
            while received < total:
                received += len(await reader.read(1 << 20))
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            writer.close()

        async with world() as made:
            await made.serve(endpoint("https://a.example", to=await made.server(serve)))
            client = await made.client()
            client.send(b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: %d\r\n\r\n" % total)
            sent = 0
            piece = b"x" * (1 << 20)
            stuck = False
            while sent < total:
                client.send(piece)
                sent += len(piece)
                try:
                    async with asyncio.timeout(0.5):
                        await client.writer.drain()
                except TimeoutError:
                    stuck = True
                    go.set()
                    await client.writer.drain()
            assert stuck
            assert (await client.reply()).status == 200
            assert received == total

    run(scenario())


def test_kept_connection_that_died_is_replaced_once_for_a_get() -> None:
    async def scenario() -> None:
        async with world() as made:
            # The upstream closes after each answer without a word: the next request meets a dead connection.
            def answer(seen: Seen) -> bytes:
                asyncio.get_running_loop().call_soon(origin.cut)
                return ok()(seen)

            origin = await simple(made, answer=answer)
            client = await made.client()
            for _ in range(3):
                assert (await client.get("/", "a.example")).status == 200

    run(scenario())


def test_request_is_not_sent_twice_when_it_was_on_a_fresh_connection_or_has_a_body() -> None:
    async def scenario() -> None:
        async with world() as made:
            count = 0

            def answer(seen: Seen) -> bytes:
                nonlocal count
                count += 1
                return ok()(seen) if seen.target == "/warm" else b""

            origin = await simple(made, answer=answer)
            client = await made.client()
            assert (await client.get("/", "a.example")).status == 502
            assert count == 1
            await client.get("/warm", "a.example")
            assert (await client.get("/", "a.example", method="POST", body=b"x")).status == 502
            assert count == 3
            await client.get("/warm", "a.example")
            assert (await client.get("/", "a.example")).status == 502  # retried once, on a fresh connection
            assert count == 6
            assert [seen.target for seen in origin.seen].count("/") == 4

    run(scenario())


HOSTILE = {
    "garbage": b"hello\r\n\r\n",
    "other protocol": b"SSH-2.0-x\r\n\r\n",
    "version 2": b"HTTP/2.0 200 OK\r\n\r\n",
    "no reason, no space": b"HTTP/1.1 20\r\n\r\n",
    "both framings": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "list of lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",
    "signed length": b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
    "gzip, chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "identity": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nhello",
    "chunked in 1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "folded": b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "bare LF": b"HTTP/1.1 200 OK\r\nX: a\nY: b\r\nContent-Length: 0\r\n\r\n",
    "bare CR": b"HTTP/1.1 200 OK\r\nX: a\rY: b\r\nContent-Length: 0\r\n\r\n",
    "NUL": b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
    "space before colon": b"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
    "no colon": b"HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 0\r\n\r\n",
    "unasked upgrade": b"HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    "endless interim": b"HTTP/1.1 103 X\r\n\r\n" * 11 + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "huge head": b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 70_000 + b"\r\n\r\n",
    "cut in the head": b"HTTP/1.1 200 OK\r\nContent-",
    "nothing": b"",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_upstream_that_breaks_the_protocol_is_502(name: str) -> None:
    async def scenario() -> None:
        async with world() as made:

            def answer(seen: Seen) -> bytes:
                if name == "cut in the head":
                    asyncio.get_running_loop().call_later(0.01, origin.cut)
                return HOSTILE[name]

            origin = await simple(made, answer=answer)
            client = await made.client()
            reply = await client.get("/", "a.example")
            while reply.status == 103:
                reply = await client.reply()
            assert (reply.status, reply.get("ngrok-error-code")) == (502, ["ERR_NGROK_3004"])
            assert made.gateway.upstreams.idle_count == 0
            origin.answer = ok()
            assert (await client.get("/", "a.example")).status == 200

    run(scenario())


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX",
    ],
)
def test_response_that_breaks_off_never_looks_complete(answer: bytes) -> None:
    async def scenario() -> None:
        async with world() as made:

            def cut(seen: Seen) -> bytes:
                asyncio.get_running_loop().call_later(0.01, origin.cut)
                return answer

            origin = await simple(made, answer=cut)
            client = await made.client()
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await client.get("/", "a.example")
            assert (await made.record())["reason"] in ("cut_off", "bad_chunk")

    run(scenario())


def test_octets_after_a_response_close_the_upstream_connection() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await simple(made, answer=lambda seen: ok()(seen) + ok(b"unasked")(seen))
            client = await made.client()
            for _ in range(2):
                assert (await client.get("/", "a.example")).body == b"ok"
            assert origin.connections == 2

    run(scenario())


def test_response_until_close_is_passed_on_and_framed() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await simple(
                made, answer=lambda seen: b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nuntil the end"
            )
            client = await made.client()
            for _ in range(2):
                reply = await client.get("/", "a.example")
                assert (reply.body, reply.get("transfer-encoding")) == (b"until the end", ["chunked"])
            assert origin.connections == 2

    run(scenario())


def test_silent_upstream_is_504() -> None:
    async def scenario() -> None:
        async with world() as made:

            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.read(-1)
                writer.close()

            origin = await made.server(serve)
            await made.serve(endpoint("https://a.example", to=origin), settings=Settings(idle_timeout_s=0.1))
            reply = await made.get("/", "a.example")
            assert (reply.status, reply.get("ngrok-error-code")) == (504, ["ERR_NGROK_3008"])

    run(scenario())


def test_slow_head_is_408_and_idle_connection_is_closed() -> None:
    async def scenario() -> None:
        async with world() as made:
            await simple(made, Settings(head_timeout_s=0.1, idle_timeout_s=0.2))
            slow, idle = await made.client(), await made.client()
            slow.send(b"GET / HTTP/1.1\r\nHost:")
            reply = await slow.reply()
            assert (reply.status, reply.get("connection")) == (408, ["close"])
            assert (await made.record())["reason"] == "head_timeout"
            assert await idle.is_closed()

    run(scenario())


def test_slow_body_is_408() -> None:
    async def scenario() -> None:
        async with world() as made:
            await simple(made, Settings(body_grace_s=0.1))
            client = await made.client()
            client.send(b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nx")
            assert (await client.reply()).status == 408
            assert await client.is_closed()
            assert (await made.record())["reason"] == "body_timeout"

    run(scenario())


def test_malformed_chunk_after_the_head_went_on_is_400_and_no_complete_request_upstream() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await simple(made)
            client = await made.client()
            client.send(b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
            assert (await client.reply()).status == 400
            assert await client.is_closed()
            assert origin.seen == []
            assert (await made.record())["reason"] == "bad_chunk"

    run(scenario())


def test_client_that_breaks_off_takes_its_upstream_call_along() -> None:
    async def scenario() -> None:
        async with world() as made:
            gone = asyncio.Event()

            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await read_request(reader)
                arrived.set()
                await reader.read(-1)
                gone.set()
                writer.close()

            arrived = asyncio.Event()
            origin = await made.server(serve)
            await made.serve(endpoint("https://a.example", to=origin))
            client = await made.client()
            client.send(GET)
            await arrived.wait()
            sock = client.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.writer.transport.abort()
            await gone.wait()
            assert (await made.record())["reason"] == "client_gone"

    run(scenario())


def test_connections_and_requests_are_limited() -> None:
    async def scenario() -> None:
        async with world() as made:
            await simple(made, Settings(connections_per_address=1, requests_per_connection=2))
            client = await made.client()
            assert (await client.get("/", "a.example")).get("connection") == []
            second = await made.client()
            assert await second.is_closed()
            assert (await client.get("/", "a.example")).get("connection") == ["close"]
            assert await client.is_closed()

    run(scenario())


def test_stop_lets_requests_in_flight_finish_and_closes_idle_connections() -> None:
    async def scenario() -> None:
        async with world() as made:
            arrived, go = asyncio.Event(), asyncio.Event()

            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                while (seen := await read_request(reader)) is not None:
                    if seen.target == "/late":
                        arrived.set()
                        await go.wait()
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlate")
                writer.close()

            origin = await made.server(serve)
            await made.serve(endpoint("https://a.example", to=origin))
            busy, idle = await made.client(), await made.client()
            assert (await idle.get("/", "a.example")).status == 200
            busy.send(GET.replace(b"/", b"/late", 1))
            await arrived.wait()
            address = ("127.0.0.1", made.port)
            closing = asyncio.ensure_future(made.gateway.close(5))
            assert await idle.is_closed()
            with pytest.raises(ConnectionError):
                await asyncio.open_connection(*address)
            go.set()
            reply = await busy.reply()
            assert (reply.body, reply.get("connection")) == (b"late", ["close"])
            busy.writer.close()
            await closing
            assert made.gateway.connection_count == 0
            assert made.gateway.upstreams.open_count == 0

    run(scenario())


def test_stop_cuts_what_is_left_at_the_deadline(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await simple(made, answer=lambda seen: b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n")
            client = await made.client()
            client.send(GET)
            await client.reader.readuntil(b"\r\n\r\n")
            await made.gateway.close(0.05)
            assert await client.is_closed()
            assert len(origin.seen) == 1
            assert [each.get("reason") for each in made.log] == ["drain_timeout"]
            samples = made.gateway.collect()
            assert samples["policyc_refusals_total"] == {("drain_timeout",): 1}
            assert samples["policyc_limit_hits_total"]["drain_timeout_s",] == 1

    run(scenario())
    assert "cut at the deadline" in caplog.text


def test_request_whose_head_has_begun_is_in_flight_when_the_gateway_stops() -> None:
    async def scenario() -> None:
        async with world() as made:
            await simple(made)
            client = await made.client()
            client.send(GET + GET[:10])
            assert (await client.reply()).get("connection") == []
            closing = asyncio.ensure_future(made.gateway.close(5))
            await asyncio.sleep(0)
            client.send(GET[10:])
            reply = await client.reply()
            assert (reply.status, reply.get("connection")) == (200, ["close"])
            client.writer.close()
            await closing

    run(scenario())


def test_reload_serves_the_new_program_and_keeps_what_outlives_it() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()

            def program(body: bytes) -> Program:
                return Program(
                    (
                        endpoint(
                            "https://a.example", {Phase.HTTP_REQUEST: lambda x: Respond(200, body=body)}
                        ),
                        endpoint("https://b.example", to=origin.url),
                    )
                )

            await made.serve(program=program(b"old"))
            client = await made.client()
            assert (await client.get("/", "a.example")).body == b"old"
            await client.get("/", "b.example")
            made.gateway.reload(program(b"new"))
            assert (await client.get("/", "a.example")).body == b"new"
            await client.get("/", "b.example")
            assert origin.connections == 1
            bad = Program((endpoint("https://a.example"), endpoint("https://a.example")))
            with pytest.raises(GatewayError, match="not all of them pool"):
                made.gateway.reload(bad)
            assert (await client.get("/", "a.example")).body == b"new"

    run(scenario())


def test_request_keeps_the_snapshot_it_began_with() -> None:
    async def scenario() -> None:
        async with world() as made:

            def reloading(seen: Seen) -> bytes:
                made.gateway.reload(Program((endpoint("https://a.example"),)))
                return ok()(seen)

            origin = await made.upstream(reloading)

            def add(exchange: object) -> None:
                exchange.res.headers.add("x-old", "1")  # type: ignore[attr-defined]

            await made.serve(endpoint("https://a.example", {Phase.HTTP_RESPONSE: add}, origin.url))
            client = await made.client()
            reply = await client.get("/", "a.example")
            assert (reply.status, reply.get("x-old")) == (200, ["1"])
            assert (await client.get("/", "a.example")).status == 500

    run(scenario())


def test_bare_policy_serves_any_host_and_plain_proxy_needs_none() -> None:
    async def scenario() -> None:
        from policyc.engine.model import Policy

        async with world() as made:
            origin = await made.upstream()

            def gate(exchange: object) -> Respond | None:
                return Respond(403, final=True) if exchange.req.target == "/no" else None  # type: ignore[attr-defined]

            await made.serve(program=Program(policy=Policy({Phase.HTTP_REQUEST: gate})), upstream=origin.url)
            assert (await made.get("/", "whatever.example")).status == 200
            assert (await made.get("/no", "other.example")).status == 403
            client = await made.client()
            client.send(b"GET / HTTP/1.0\r\n\r\n")
            assert (await client.reply()).status == 200
            made.gateway.reload(None)
            assert (await made.get("/no", "other.example")).status == 200

    run(scenario())


def test_h2c_upgrade_is_not_passed_on() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await simple(made)
            settings = ("Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: x")
            assert (await made.get("/", "a.example", "Upgrade: h2c", *settings)).status == 200
            [seen] = origin.seen
            assert seen.get("upgrade") == seen.get("connection") == seen.get("http2-settings") == []

    run(scenario())


def test_client_that_sends_far_ahead_is_held_back_and_then_read_again() -> None:
    async def scenario() -> None:
        async with world() as made:
            await made.serve(endpoint("https://a.example", {Phase.HTTP_REQUEST: lambda x: Respond(204)}))
            client = await made.client()
            request = b"GET / HTTP/1.1\r\nHost: a.example\r\nX-Filler: " + b"x" * 4000 + b"\r\n\r\n"
            count = 500  # 2 MB at once
            client.send(request * count)
            for _ in range(count):
                assert (await client.reply()).status == 204
            assert (await client.get("/", "a.example")).status == 204

    run(scenario())


def test_client_that_reads_nothing_gets_no_answers_prepared_without_end() -> None:
    async def scenario() -> None:
        async with world() as made:
            count = 0

            def big(exchange: object) -> Respond:
                nonlocal count
                count += 1
                return Respond(200, body=b"x" * 100_000)

            await made.serve(endpoint("https://a.example", {Phase.HTTP_REQUEST: big}))
            client = await made.client()
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            client.send(GET * 900)
            await (await made.client()).get("/", "a.example")
            before = count
            await (await made.client()).get("/", "a.example")
            assert before < 200
            client.writer.transport.resume_reading()  # type: ignore[attr-defined]
            for _ in range(900):
                assert (await client.reply()).status == 200

    run(scenario())


def test_answer_for_an_upstream_that_is_down_does_not_say_where_it_is() -> None:
    async def scenario() -> None:
        async with world() as made:
            await made.serve(endpoint("http://a.example", to="http://127.0.0.1:1"))
            reply = await made.get("/", "a.example")
            assert reply.status == 502
            assert b"127.0.0.1" not in reply.body
            assert (await made.record())["upstream"] == "http://127.0.0.1:1"

    run(scenario())
