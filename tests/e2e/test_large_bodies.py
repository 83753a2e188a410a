"""Large answers, whose octets pass by this process where they can: whole, or visibly cut off."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest
from tests.e2e.world import Answer, Client, World, ok, run, world

from policyc.runtime.process import open_descriptors
from policyc.runtime.settings import Settings
from policyc.runtime.transport import splice
from policyc.runtime.transport.splice import Pipes

pytestmark = pytest.mark.e2e

SIZE = 3 << 20
BODY = random.Random(1).randbytes(SIZE)
# More than sockets hold.
ENDLESS = 1 << 30
REQUEST = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
GET = ("/", "a.example")

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def head(length: int) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % length


@pytest.fixture(params=["spliced", "ordinary"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The two ways of a large body, which are to look the same."""
    if request.param == "ordinary":
        monkeypatch.setattr(Pipes, "take", lambda pipes: None)
    elif sys.platform != "linux":
        pytest.skip("only Linux splices")
    name: str = request.param
    return name


def assert_way(made: World, way: str) -> None:
    """See that bodies went the way that is tested."""
    pipes = made.gateway.upstreams.pipes
    assert bool(pipes._possible) == (way == "spliced")
    assert pipes._in_use == 0


async def broken_after(size: int, made: World, *, endless: bool = False) -> str:
    """Start an upstream that sends so much of its answer and then goes, or says no more."""
    gone = asyncio.Event()
    made.on_close(gone.set)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head(SIZE) + BODY[:size])
        await writer.drain()
        if endless:
            await gone.wait()
        writer.close()

    return await made.server(serve)


def sending(told: asyncio.Future[str]) -> Serve:
    """Return an upstream that sends without end, and tells how that ended."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head(ENDLESS))
        try:
            while True:
                writer.write(BODY[: 1 << 16])
                await writer.drain()
        except ConnectionError:
            told.set_result("reset")
        finally:
            writer.close()

    return serve


class Endless(NamedTuple):
    """A gateway whose upstream answers without end, a client that has asked, and how the upstream fared."""

    made: World
    client: Client
    told: asyncio.Future[str]


@asynccontextmanager
async def endless_answer(settings: Settings | None = None) -> AsyncIterator[Endless]:
    """Begin an answer that has no end."""
    async with world() as made:
        told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        await made.serve(upstream=await made.server(sending(told)), settings=settings or Settings(seed=1))
        client = await made.client()
        client.send(REQUEST)
        yield Endless(made, client, told)


async def all_of(client: Client) -> bytes:
    """Read until the gateway closes or resets."""
    octets = bytearray()
    try:
        while piece := await client.reader.read(1 << 16):
            octets += piece
    except ConnectionError:
        pass
    return bytes(octets)


def test_a_large_body_arrives_whole_and_both_connections_are_used_again(way: str) -> None:
    async def scenario() -> None:
        async with world() as made:
            upstream = await made.upstream(ok(BODY))
            await made.serve(upstream=upstream.url)
            client = await made.client()
            for _ in range(3):
                reply = await client.get(*GET)
                assert reply.body == BODY
            assert upstream.connections == 1
            assert (await made.record(3))["bytes"] == SIZE
            assert_way(made, way)

    run(scenario())


def test_bodies_of_all_kinds_follow_each_other_on_one_connection(way: str) -> None:
    async def scenario() -> None:
        def chunked(seen: object) -> bytes:
            coded = b"".join(
                b"%x\r\n%b\r\n" % (SIZE // 4, BODY[at : at + SIZE // 4]) for at in range(0, SIZE, SIZE // 4)
            )
            return b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + coded + b"0\r\n\r\n"

        async with world() as made:
            answers: dict[str, Answer] = {
                "/l": ok(BODY),
                "/s": ok(b"small"),
                "/m": ok(BODY[:200_000]),
                "/c": chunked,
            }
            upstream = await made.upstream(lambda seen: answers[seen.target](seen))
            await made.serve(upstream=upstream.url)
            client = await made.client()
            for kind in "lsllmlclmsclcsl":
                reply = await client.get(f"/{kind}", "a.example")
                assert reply.body == {"l": BODY, "s": b"small", "m": BODY[:200_000], "c": BODY}[kind]
            assert upstream.connections == 1
            assert_way(made, way)

    run(scenario())


def test_pipelined_requests_for_large_bodies_are_answered_in_order(way: str) -> None:
    async def scenario() -> None:
        async with world() as made:
            small = b"small"
            upstream = await made.upstream(lambda seen: ok(small if seen.target == "/s" else BODY)(seen))
            await made.serve(upstream=upstream.url)
            client = await made.client()
            client.send((REQUEST + REQUEST.replace(b"/ ", b"/s ")) * 3)
            for _ in range(3):
                assert (await client.reply()).body == BODY
                assert (await client.reply()).body == small
            assert_way(made, way)

    run(scenario())


def test_a_client_that_reads_late_gets_all_of_it_and_an_answer_to_the_next_request(way: str) -> None:
    async def scenario() -> None:
        async with world() as made:
            body = BODY * 8
            upstream = await made.upstream(ok(body))
            await made.serve(upstream=upstream.url)
            client = await made.client()
            client.send(REQUEST)
            while not made.gateway.metrics._met["buffer_bytes"]:
                await asyncio.sleep(0.01)  # the client has stopped reading by itself
            assert (await client.reply()).body == body
            assert (await client.get(*GET)).body == body
            assert_way(made, way)

    run(scenario())


@pytest.mark.parametrize("size", [0, 1 << 20, SIZE - 1])
def test_an_upstream_that_breaks_off_leaves_no_body_that_looks_whole(way: str, size: int) -> None:
    async def scenario() -> None:
        async with world() as made:
            await made.serve(upstream=await broken_after(size, made))
            client = await made.client()
            client.send(REQUEST)
            octets = await all_of(client)
            assert len(octets) < len(head(SIZE)) + SIZE
            record = await made.record()
            assert (record["status"], record["reason"]) == (200, "cut_off")
            assert made.gateway.upstreams.open_count == 0
            assert made.gateway.upstreams.pipes._in_use == 0

    run(scenario())


def test_an_upstream_that_falls_silent_is_given_up(way: str) -> None:
    async def scenario() -> None:
        async with world() as made:
            where = await broken_after(1 << 20, made, endless=True)
            await made.serve(upstream=where, settings=Settings(seed=1, idle_timeout_s=0.5))
            client = await made.client()
            client.send(REQUEST)
            octets = await all_of(client)
            assert len(octets) < SIZE
            assert (await made.record())["reason"] == "upstream_timeout"
            assert_way(made, way)

    run(scenario())


def test_a_client_that_takes_nothing_is_given_up_and_the_upstream_let_go(way: str) -> None:
    async def scenario() -> None:
        async with endless_answer(Settings(seed=1, write_timeout_s=0.5)) as (made, _, told):
            assert (await made.record())["reason"] == "write_timeout"
            assert await told == "reset"
            assert_way(made, way)

    run(scenario())


def test_a_client_that_goes_in_the_middle_frees_the_upstream(way: str) -> None:
    async def scenario() -> None:
        async with endless_answer() as (made, client, told):
            await client.reader.readexactly(4 << 20)
            client.writer.transport.abort()
            assert await told == "reset"
            assert (await made.record())["reason"] == "client_gone"
            assert_way(made, way)

    run(scenario())


def test_octets_behind_the_body_are_nobody_s_answer(way: str) -> None:
    async def scenario() -> None:
        async with world() as made:
            surplus = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong"
            upstream = await made.upstream(lambda seen: ok(BODY)(seen) + surplus)
            await made.serve(upstream=upstream.url)
            client = await made.client()
            for _ in range(3):
                assert (await client.get(*GET)).body == BODY
            assert upstream.connections == 3
            assert_way(made, way)

    run(scenario())


def test_a_gateway_that_must_stop_ends_a_large_body(way: str) -> None:
    async def scenario() -> None:
        async with endless_answer() as (made, client, told):
            await client.reader.readexactly(4 << 20)
            await made.gateway.close(0)
            assert (await made.record())["reason"] == "drain_timeout"
            assert await told == "reset"
            assert made.gateway.upstreams.pipes._in_use == 0

    run(scenario())


def test_a_gateway_that_drains_lets_a_large_body_end(way: str) -> None:
    async def scenario() -> None:
        async with world() as made:
            await made.serve(upstream=(await made.upstream(ok(BODY * 8))).url)
            client = await made.client()
            client.send(REQUEST)
            await client.reader.readuntil(b"\r\n\r\n")
            closing = asyncio.ensure_future(made.gateway.close(10.0))
            assert await client.reader.readexactly(SIZE * 8) == BODY * 8
            await client.close()
            await closing
            assert "reason" not in await made.record()

    run(scenario())


def test_a_large_answer_may_come_before_the_request_has_ended(way: str) -> None:
    async def scenario() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(head(SIZE) + BODY)
            await writer.drain()
            writer.close()

        async with world() as made:
            await made.serve(upstream=await made.server(serve))
            client = await made.client()
            client.send(b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 9\r\n\r\nhalf")
            assert (await client.reply()).body == BODY

    run(scenario())


def test_descriptors_are_level_after_bodies_of_all_fates(way: str) -> None:
    async def scenario() -> None:
        async with world() as made:
            turns = [SIZE, SIZE // 2, SIZE, 1 << 20] * 8

            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(head(SIZE) + BODY[: turns.pop()])
                await writer.drain()
                writer.close()

            await made.serve(upstream=await made.server(serve))
            before = open_descriptors()
            whole = 0
            for _ in range(32):
                client = await made.client()
                client.send(REQUEST)
                whole += len(await asyncio.wait_for(_at_most(client, len(head(SIZE)) + SIZE), 5)) >= SIZE
                client.writer.transport.abort()
            assert whole == 16
            while made.gateway.connection_count or made.gateway.upstreams.open_count:
                await asyncio.sleep(0.01)
            made.gateway.upstreams.close_idle()
            assert open_descriptors() == before
            assert made.gateway.upstreams.pipes._in_use == 0

    run(scenario())


async def _at_most(client: Client, count: int) -> bytes:
    octets = bytearray()
    try:
        while len(octets) < count and (piece := await client.reader.read(count - len(octets))):
            octets += piece
    except ConnectionError:
        pass
    return bytes(octets)


def test_more_bodies_at_once_than_there_are_pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        monkeypatch.setattr(splice, "PIPES", 2)
        async with world() as made:
            await made.serve(upstream=(await made.upstream(ok(BODY))).url)
            replies = await asyncio.gather(*(made.get(*GET) for _ in range(8)))
            assert all(each.body == BODY for each in replies)
            assert made.gateway.upstreams.pipes._in_use == 0
            assert len(made.gateway.upstreams.pipes._spare) <= 2

    run(scenario())


def test_an_upstream_on_a_unix_socket_is_spliced_from_as_well(way: str, tmp_path: os.PathLike[str]) -> None:
    async def scenario() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(head(SIZE) + BODY)
                await writer.drain()

        path = os.path.join(tmp_path, "s")
        async with world() as made:
            server = await asyncio.start_unix_server(serve, path)
            made.on_close(server.close)
            await made.serve(upstream=f"unix:{path}")
            client = await made.client()
            for _ in range(2):
                assert (await client.get(*GET)).body == BODY
            assert_way(made, way)

    run(scenario())
