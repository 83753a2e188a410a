"""HTTP/1.1 beyond the plain request: trailers, interim responses, expectations, bodies, ends that cross."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import uvloop
from tests.e2e.world import Client, Reply, Seen, World, endpoint, ok, read_request, run, world

from policyc.engine.model import Run
from policyc.engine.outcome import Forward, Respond
from policyc.engine.phases import Phase
from policyc.engine.traffic import Exchange
from policyc.runtime.settings import Settings

pytestmark = pytest.mark.e2e

REQUEST, RESPONSE = Phase.HTTP_REQUEST, Phase.HTTP_RESPONSE
GET = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
WITH_TRAILERS = (
    b"POST / HTTP/1.1\r\nHost: a.example\r\n%bTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
    b"0\r\nX-Sum: 9\r\nX-Forwarded-For: 6.6.6.6\r\nHost: evil.example\r\n\r\n"
)
TE = b"TE: trailers\r\nConnection: TE\r\n"
TRAILED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"
    b"0\r\nGrpc-Status: 0\r\nSet-Cookie: a=b\r\nConnection: x\r\n\r\n"
)
EXPECTING = b"POST /%b HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def scripted(made: World, serve: Serve, settings: Settings | None = None) -> Client:
    """Serve an upstream that behaves as `serve` does, and connect a client."""
    await made.serve(endpoint("https://a.example", to=await made.server(serve)), settings=settings)
    return await made.client()


# --- trailers -----------------------------------------------------------------------------------------------


def test_trailers_pass_both_ways_for_a_client_that_knows_of_them() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream(lambda seen: TRAILED)
            hop: dict[Phase, Run] = {REQUEST: lambda x: Forward("https://b.internal")}
            await made.serve(
                endpoint("https://a.example", hop), endpoint("https://b.internal", None, origin.url)
            )
            client = await made.client()
            client.send(WITH_TRAILERS % TE)
            reply = await client.reply()
            assert (reply.body, list(reply.trailers)) == (b"ok", [("grpc-status", "0")])
            [seen] = origin.seen
            assert (seen.body, list(seen.trailers)) == (b"abc", [("x-sum", "9")])
            assert (seen.get("te"), seen.get("connection")) == (["trailers"], ["te"])
            assert seen.get("x-sum") == reply.get("grpc-status") == []  # a trailer never becomes a field
            client.send(GET)
            assert (await client.reply()).status == 200

    run(scenario())


def test_trailers_are_dropped_for_a_client_that_did_not_ask() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream(lambda seen: TRAILED)
            await made.serve(endpoint("https://a.example", to=origin.url))
            client = await made.client()
            for _ in range(2):
                client.send(WITH_TRAILERS % b"")
                reply = await client.reply()
                assert (reply.body, list(reply.trailers)) == (b"ok", [])
            for seen in origin.seen:
                assert (seen.body, list(seen.trailers), seen.get("te")) == (b"abc", [], [])

    run(scenario())


def test_http10_client_gets_no_trailers_and_no_interim_response() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream(lambda seen: b"HTTP/1.1 102 Processing\r\n\r\n" + TRAILED)
            await made.serve(endpoint("https://a.example", to=origin.url))
            client = await made.client()
            client.send(b"GET / HTTP/1.0\r\nHost: a.example\r\nTE: trailers\r\nConnection: TE\r\n\r\n")
            octets = await client.reader.read(-1)
            assert octets.startswith(b"HTTP/1.1 200 OK\r\n")
            assert octets.endswith(b"\r\n\r\nok")

    run(scenario())


def test_trailer_does_not_stand_beside_a_field_that_the_policy_set() -> None:
    async def scenario() -> None:
        def vouch(x: object) -> None:
            x.req.headers.add("x-sum", "ours")  # type: ignore[attr-defined]

        async with world() as made:
            origin = await made.upstream()
            await made.serve(endpoint("https://a.example", {REQUEST: vouch}, origin.url))
            client = await made.client()
            client.send(WITH_TRAILERS % TE)
            assert (await client.reply()).status == 200
            assert (origin.seen[0].get("x-sum"), list(origin.seen[0].trailers)) == (["ours"], [])

    run(scenario())


@pytest.mark.parametrize(
    ("trailers", "status"),
    [
        (b"X-A: " + b"x" * 17_000 + b"\r\n", 400),
        (b"X: y\r\n" * 101, 431),
        (b"X A: 1\r\n", 400),
        (b" folded\r\n", 400),
        (b"X: a\0b\r\n", 400),
    ],
)
def test_trailers_of_a_request_have_limits_and_a_grammar(trailers: bytes, status: int) -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()
            await made.serve(endpoint("https://a.example", to=origin.url))
            client = await made.client()
            client.send(
                b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
                + trailers
                + b"\r\n"
            )
            assert (await client.reply()).status == status
            assert await client.is_closed()
            assert origin.seen == []

    run(scenario())


def test_malformed_trailers_of_a_response_do_not_end_it() -> None:
    async def scenario() -> None:
        async with world() as made:
            bad = TRAILED.replace(b"Grpc-Status: 0", b"Grpc Status: 0")
            origin = await made.upstream(lambda seen: bad)
            await made.serve(endpoint("https://a.example", to=origin.url))
            client = await made.client()
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await client.get("/", "a.example")
            assert made.gateway.upstreams.idle_count == 0

    run(scenario())


# --- interim responses and expectations ---------------------------------------------------------------------


def test_interim_responses_pass_in_order_up_to_their_limit() -> None:
    early = b"".join(
        b"HTTP/1.1 %d X\r\nLink: </%d>\r\nConnection: x-own\r\nX-Own: 1\r\n\r\n" % (status, number)
        for number, status in enumerate([102, 103] * 5)
    )

    async def scenario() -> None:
        async with world() as made:
            answers = iter([early, early + b"HTTP/1.1 103 X\r\n\r\n"])
            origin = await made.upstream(lambda seen: next(answers) + ok()(seen))
            await made.serve(endpoint("https://a.example", to=origin.url))
            client = await made.client()
            first = await client.get("/", "a.example")
            replies = [first] + [await client.reply() for _ in range(10)]
            assert [each.status for each in replies] == [102, 103] * 5 + [200]
            assert replies[3].get("link") == ["</3>"]
            assert replies[3].get("x-own") == replies[3].get("connection") == []
            reply = await client.get("/", "a.example")
            while reply.status < 200:
                reply = await client.reply()
            assert reply.status == 502

    run(scenario())


def test_interim_response_without_an_expectation_is_passed_on_but_for_a_100() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream(lambda seen: b"HTTP/1.1 100 Continue\r\n\r\n" + ok()(seen))
            await made.serve(endpoint("https://a.example", to=origin.url))
            assert (await made.get("/", "a.example")).status == 200

    run(scenario())


class Expected:
    """An upstream that says 100 or what it is told to, by the path of the request."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                path = head.split(b" ")[1]
                if path == b"/no":
                    writer.write(b"HTTP/1.1 401 No\r\ncontent-length: 2\r\n\r\nno")
                    self.bodies.append(await reader.read(-1))
                    break
                if path != b"/mute":
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                self.bodies.append(await reader.readexactly(3))
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


def test_expectation_goes_upstream_and_its_100_comes_back_once() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = Expected()
            client = await scripted(made, origin)
            for _ in range(2):  # on a fresh upstream connection, and on a kept one
                client.send(EXPECTING % b"yes")
                assert (await client.reply()).status == 100
                client.send(b"abc")
                assert (await client.reply()).status == 200
            assert origin.bodies == [b"abc", b"abc"]
            assert all(b"\r\nexpect: 100-continue\r\n" in head for head in origin.heads)

    run(scenario())


def test_final_answer_comes_before_the_body_and_instead_of_a_100() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = Expected()
            client = await scripted(made, origin)
            client.send(EXPECTING % b"no")
            reply = await client.reply()
            assert (reply.status, reply.body, reply.get("connection")) == (401, b"no", ["close"])
            assert await client.is_closed()
            assert made.gateway.upstreams.idle_count == 0  # half a request was sent on that connection

    run(scenario())


def test_upstream_that_does_not_know_expectations_is_not_waited_for_long() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = Expected()
            client = await scripted(made, origin, Settings(continue_timeout_s=0.05))
            client.send(EXPECTING % b"mute")
            assert (await client.reply()).status == 100
            client.send(b"abc")
            assert (await client.reply()).status == 200

    run(scenario())


def test_client_that_does_not_wait_loses_nothing() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = Expected()
            client = await scripted(made, origin)
            client.send(EXPECTING % b"mute" + b"abc")
            assert (await client.reply()).status == 200
            assert origin.bodies == [b"abc"]

    run(scenario())


def test_policy_answers_an_expectation_before_the_upstream_hears_of_it() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()
            deny: dict[Phase, Run] = {REQUEST: lambda x: Respond(403, final=True)}
            await made.serve(endpoint("https://a.example", deny, origin.url))
            client = await made.client()
            client.send(EXPECTING % b"")
            reply = await client.reply()
            assert (reply.status, reply.get("connection")) == (403, ["close"])
            assert await client.is_closed()
            assert origin.connections == 0

    run(scenario())


@pytest.mark.parametrize(("method", "status"), [("PUT", 200), ("POST", 502)])
def test_kept_connection_that_died_is_replaced_while_nothing_of_the_body_was_sent(
    method: str, status: int
) -> None:
    async def scenario() -> None:
        heads: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(asyncio.IncompleteReadError):
                head = await reader.readuntil(b"\r\n\r\n")
                heads.append(head)
                if head.startswith(b"GET"):
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                    heads.append(await reader.readuntil(b"\r\n\r\n"))  # and closes
                else:
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                    assert await reader.readexactly(3) == b"abc"
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            writer.close()

        async with world() as made:
            client = await scripted(made, serve)
            assert (await client.get("/", "a.example")).status == 200
            client.send((EXPECTING % b"").replace(b"POST", method.encode()))
            reply = await client.reply()
            if reply.status == 100:
                client.send(b"abc")
                reply = await client.reply()
            assert reply.status == status
            assert len(heads) == (3 if status == 200 else 2)

    run(scenario())


# --- bodies -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_both_bodies_flow_at_once_in_constant_memory(framing: str) -> None:
    total = 96 << 20

    async def scenario() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            if framing == "length":
                assert b"content-length: %d\r\n" % total in head
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % total)
            else:
                assert b"transfer-encoding: chunked\r\n" in head
                writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            while piece := await reader.read(1 << 18):
                writer.write(piece)
                await writer.drain()
                if piece.endswith(b"\r\n0\r\n\r\n"):
                    break
            writer.close()

        async with world() as made:
            client = await scripted(made, serve)
            one = b"x" * (1 << 16)
            if framing == "length":
                client.send(b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: %d\r\n\r\n" % total)
            else:
                client.send(b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n")
                one = b"10000\r\n" + one + b"\r\n"

            async def send() -> None:
                for _ in range(total >> 16):
                    client.send(one)
                    await client.writer.drain()
                if framing == "chunked":
                    client.send(b"0\r\n\r\n")

            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            sending = asyncio.create_task(send())
            head = await client.reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            received = 0
            tail = b""
            while received < total or (framing == "chunked" and not tail.endswith(b"\r\n0\r\n\r\n")):
                piece = await client.reader.read(1 << 18)
                assert piece
                received += len(piece)
                tail = (tail + piece)[-8:]
            await sending
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            assert grown < 24 << 10  # KiB, of the client and the upstream too

    run(scenario())


def test_early_answer_passes_while_the_body_still_comes_and_the_connection_goes_on() -> None:
    async def scenario() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 413 No\r\ncontent-length: 2\r\n\r\nno")
            while await reader.read(1 << 16):
                pass
            writer.close()

        async with world() as made:
            client = await scripted(made, serve)
            client.send(b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1000\r\n\r\nxyz")
            assert (await client.reply()).status == 413
            client.send(b"x" * 997)
            client.send(GET)
            assert (await client.reply()).status == 413
            assert made.gateway.upstreams.idle_count == 1  # that of the second; the first was not sent whole

    run(scenario())


@pytest.mark.parametrize("run_on", [uvloop.run, asyncio.run])
def test_early_answer_of_an_upstream_that_closes_reaches_a_client_that_goes_on_sending(
    run_on: Callable[[Coroutine[Any, Any, None]], None],
) -> None:
    async def scenario() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            await reader.read(1 << 16)
            writer.write(b"HTTP/1.1 413 No\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno")
            writer.close()  # with octets unread: a reset follows the answer

        async with world() as made:
            await made.serve(endpoint("https://a.example", to=await made.server(serve)))
            for _ in range(20):
                client = await made.client()
                client.send(b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 50000000\r\n\r\n")
                sending = asyncio.create_task(_send_on(client))
                reply: Reply = await client.reply()
                assert (reply.status, reply.body) == (413, b"no")
                sending.cancel()
                await client.close()

    run_on(scenario())


async def _send_on(client: Client) -> None:
    try:
        while True:
            client.send(b"x" * 65536)
            await client.writer.drain()
            await asyncio.sleep(0)
    except ConnectionError:
        pass


# --- who goes away ------------------------------------------------------------------------------------------


def test_client_that_closes_takes_its_upstream_call_along() -> None:
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
            client = await scripted(made, serve, Settings(half_close_s=0.1))
            client.send(GET)
            await arrived.wait()
            await client.close()
            await gone.wait()
            record = await made.record()
            assert (record["reason"], record["status"]) == ("client_gone", 0)
            assert made.gateway.upstreams.open_count == 0

    run(scenario())


def test_client_that_says_no_more_is_answered_in_order_if_soon() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream(lambda seen: ok(seen.target.encode())(seen))
            await made.serve(endpoint("https://a.example", to=origin.url), settings=Settings(half_close_s=5))
            client = await made.client()
            client.send(GET.replace(b" / ", b" /1 ") + GET.replace(b" / ", b" /2 "))
            client.writer.write_eof()
            assert [(await client.reply()).body for _ in range(2)] == [b"/1", b"/2"]
            assert await client.is_closed()

    run(scenario())


def test_client_that_says_no_more_is_answered_on_a_warm_connection_too() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()
            await made.serve(endpoint("https://a.example", to=origin.url), settings=Settings(half_close_s=5))
            assert (await made.get("/", "a.example")).status == 200  # leaves an idle upstream connection
            client = await made.client()
            client.send(GET)
            client.writer.write_eof()
            assert (await client.reply()).body == b"ok"
            assert await client.is_closed()
            assert origin.connections == 1

    run(scenario())


def test_client_that_closes_takes_its_call_on_a_warm_connection_along() -> None:
    async def scenario() -> None:
        arrived, gone = asyncio.Event(), asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            await read_request(reader)
            arrived.set()
            with suppress(ConnectionError):
                await reader.read(-1)
            gone.set()
            writer.close()

        async with world() as made:
            client = await scripted(made, serve, Settings(half_close_s=0.1))
            assert (await client.get("/", "a.example")).status == 200
            client.send(GET)
            await arrived.wait()
            await client.close()
            await gone.wait()
            assert (await made.record(2))["reason"] == "client_gone"

    run(scenario())


def test_pipelined_request_behind_which_the_client_left_is_given_up_too() -> None:
    async def scenario() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            await read_request(reader)
            await reader.read(-1)
            writer.close()

        async with world() as made:
            client = await scripted(made, serve, Settings(half_close_s=0.1))
            client.send(GET + GET)
            client.writer.write_eof()
            assert (await client.reply()).status == 200
            assert await client.is_closed()
            assert (await made.record(2))["reason"] == "client_gone"

    run(scenario())


def test_client_gone_in_the_middle_of_its_body_leaves_no_complete_request() -> None:
    async def scenario() -> None:
        got: list[bytes] = []
        began, over = asyncio.Event(), asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await reader.readuntil(b"abc")
                began.set()
                got.append(await reader.read(-1))
            except ConnectionError:
                got.append(b"reset")
            over.set()
            writer.close()

        async with world() as made:
            client = await scripted(made, serve)
            client.send(
                b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
            )
            await began.wait()
            await client.close()
            await over.wait()
            assert not got[0].endswith(b"0\r\n\r\n")
            assert (await made.record())["reason"] == "cut_off"

    run(scenario())


# --- who the client is ----------------------------------------------------------------------------------

V1 = b"PROXY TCP4 203.0.113.9 198.51.100.1 4711 80\r\n"
V2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x09\xc6\x33\x64\x01\x12\x67\0\x50"


@pytest.mark.parametrize("header", [V1, V2])
def test_proxy_header_of_a_listed_peer_says_who_the_client_is(header: bytes) -> None:
    seen: list[str] = []

    def look(x: Exchange) -> None:
        seen.append(x.conn.client_ip)

    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()
            settings = Settings(proxy_protocol_from=("127.0.0.1/32",), trusted_proxies=("127.0.0.1/32",))
            await made.serve(endpoint("https://a.example", {REQUEST: look}, origin.url), settings=settings)
            client = await made.client()
            for number in range(2):  # the header is the connection's, not the request's
                told = b"GET / HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n"
                client.send(told if number else header + told)
                assert (await client.reply()).status == 200
            assert seen == ["203.0.113.9"] * 2
            # The client is a stranger, though the peer that tells of it is not.
            assert [each.get("x-forwarded-for") for each in origin.seen] == [["203.0.113.9"]] * 2
            assert (await made.record())["client"] == "203.0.113.9"

    run(scenario())


@pytest.mark.parametrize("listed", [(), ("192.0.2.0/24",)])
@pytest.mark.parametrize("header", [V1, V2])
def test_proxy_header_of_anybody_else_is_no_message(header: bytes, listed: tuple[str, ...]) -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()
            settings = Settings(proxy_protocol_from=listed)
            await made.serve(endpoint("https://a.example", to=origin.url), settings=settings)
            client = await made.client()
            client.send(header + GET)
            assert (await client.reply()).status == 400
            assert await client.is_closed()
            assert origin.connections == 0
            assert (await made.record())["client"] == "127.0.0.1"

    run(scenario())


# --- other ways to say the same -----------------------------------------------------------------------------


def test_absolute_form_is_origin_form_with_another_host() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()
            await made.serve(endpoint("https://a.example", to=origin.url))
            client = await made.client()
            client.send(b"GET http://a.example:81/p?q HTTP/1.1\r\nHost: other.example\r\n\r\n")
            assert (await client.reply()).status == 200
            client.send(b"OPTIONS http://a.example HTTP/1.1\r\nHost: a.example\r\n\r\n")
            assert (await client.reply()).status == 200
            seen: Seen = origin.seen[0]
            assert (seen.target, seen.get("host"), seen.get("x-forwarded-host")) == (
                "/p?q",
                ["a.example:81"],
                ["a.example:81"],
            )

    run(scenario())


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nconnection: close\r\n\r\nok",
    ],
)
def test_http10_request_with_a_body_is_served_and_its_connection_ended(answer: bytes) -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream(lambda seen: answer)
            await made.serve(endpoint("https://a.example", to=origin.url))
            client = await made.client()
            client.send(
                b"POST / HTTP/1.0\r\nHost: a.example\r\nConnection: keep-alive\r\n"
                b"Content-Length: 3\r\n\r\nabc"
            )
            octets = await client.reader.read(-1)
            head, _, body = octets.partition(b"\r\n\r\n")
            assert (head.split(b" ")[1], body) == (b"200", b"ok")
            assert b"transfer-encoding" not in head.lower()
            assert b"\r\nconnection: close" in head.lower()
            assert (origin.seen[0].body, origin.seen[0].method) == (b"abc", "POST")

    run(scenario())


def test_http10_request_without_host_needs_an_endpoint_for_any() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()
            await made.serve(endpoint("https://a.example", to=origin.url))
            client = await made.client()
            client.send(b"GET / HTTP/1.0\r\n\r\n")
            assert (await client.reply()).status == 404
        async with world() as made:
            origin = await made.upstream()
            await made.serve(upstream=origin.url)
            client = await made.client()
            client.send(b"GET / HTTP/1.0\r\n\r\n")
            assert (await client.reply()).status == 200
            assert origin.seen[0].get("host") == [origin.url.removeprefix("http://")]

    run(scenario())


def test_upstream_on_a_unix_socket(tmp_path: Path) -> None:
    async def scenario() -> None:
        seen: list[Seen] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while (got := await read_request(reader)) is not None:
                seen.append(got)
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(got.body) + got.body)
            writer.close()

        path = str(tmp_path / "app.sock")
        server = await asyncio.start_unix_server(serve, path)
        async with world() as made:
            made.on_close(server.close)
            await made.serve(endpoint("https://a.example", to=f"unix:{path}"))
            client = await made.client()
            for _ in range(2):
                assert (await client.get("/x", "a.example", method="POST", body=b"body")).body == b"body"
            assert (seen[0].get("host"), seen[0].target) == (["a.example"], "/x")
            assert made.gateway.upstreams.open_count == 1
            assert (await made.record())["upstream"] == f"unix:{path}"

    run(scenario())


def test_unix_socket_that_nobody_listens_on_is_502(tmp_path: Path) -> None:
    async def scenario() -> None:
        path = tmp_path / "app.sock"
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(path))
        async with world() as made:
            await made.serve(endpoint("https://a.example", to=f"unix:{path}"))
            reply = await made.get("/", "a.example")
            assert (reply.status, reply.get("ngrok-error-code")) == (502, ["ERR_NGROK_8012"])

    run(scenario())
