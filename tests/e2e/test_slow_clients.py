"""Clients that send or read as slowly as they can: each is cut by a limit of its own, and others are served.

`make soak` has slowhttptest do the same with a thousand connections.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, cast

import pytest
from tests.e2e.world import Client, World, endpoint, ok, run, world

from policyc.runtime.settings import Settings
from policyc.runtime.transport.server import ClientConnection

pytestmark = pytest.mark.e2e

SLOW = 40
BODY = b"x" * 4_000_000
HEAD = b"GET / HTTP/1.1\r\nHost: a.example\r\n"


async def drip(client: Client, octets: bytes, first: bytes) -> None:
    """Send octets now and then, until the gateway has had enough."""
    client.send(first)
    reading = asyncio.ensure_future(client.reader.read())
    at = 0
    while not reading.done():
        await asyncio.wait([reading], timeout=0.05)
        client.send(octets[at % len(octets) :][:1])
        at += 1
    assert b"HTTP/1.1 408 " in reading.result()


async def slow_headers(client: Client) -> None:
    await drip(client, b"X: y\r\n", HEAD)


async def slow_body(client: Client) -> None:
    await drip(client, b"x", HEAD.replace(b"GET", b"POST") + b"Content-Length: 10000\r\n\r\n")


async def slow_chunks(client: Client) -> None:
    await drip(client, b"1\r\nx\r\n", HEAD.replace(b"GET", b"POST") + b"Transfer-Encoding: chunked\r\n\r\n")


async def slow_read(client: Client) -> None:
    cast(asyncio.Transport, client.writer.transport).pause_reading()
    client.send((HEAD + b"\r\n") * 20)
    while not client.writer.transport.is_closing():
        await asyncio.sleep(0.05)
        client.send(HEAD + b"\r\n")


async def many_ranges(client: Client) -> None:
    ranges = b",".join(b"5-%d" % number for number in range(1300))
    client.send(HEAD + b"Range: bytes=" + ranges + b"\r\nConnection: close\r\n\r\n")
    assert (await client.reply()).body == BODY


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (slow_headers, "head_timeout"),
        (slow_body, "body_timeout"),
        (slow_chunks, "body_timeout"),
        (slow_read, "write_timeout"),
        (many_ranges, None),
    ],
)
def test_good_client_is_served_all_the_while(
    behaviour: Callable[[Client], Coroutine[Any, Any, None]], reason: str | None
) -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream(ok(BODY))
            await made.serve(
                endpoint("http://a.example", to=origin.url),
                settings=Settings(head_timeout_s=1.0, body_grace_s=0.5, write_timeout_s=0.5),
            )
            slow = [asyncio.ensure_future(behaviour(await made.client())) for _ in range(SLOW)]
            served, slowest = await serve_until(made, slow)
            assert served >= 3
            assert slowest < 5.0
            for each in slow:
                await each
            if reason is not None:
                reasons = [each["reason"] for each in made.log if "reason" in each]
                assert reasons.count(reason) == SLOW
                assert set(reasons) == {reason}

    run(scenario())


async def serve_until(made: World, slow: Sequence[asyncio.Future[None]]) -> tuple[int, float]:
    """Ask until all of the slow ones are gone; return how often, and how long the slowest answer took."""
    clock = asyncio.get_running_loop().time
    served, slowest = 0, 0.0
    while served < 3 or not all(each.done() for each in slow):
        began = clock()
        reply = await made.get("/", "a.example")
        assert (reply.status, len(reply.body)) == (200, len(BODY))
        served, slowest = served + 1, max(slowest, clock() - began)
    return served, slowest


@pytest.mark.parametrize("last", [b"", HEAD + b"Connection: close\r\n\r\n"], ids=["idle", "close"])
def test_client_that_leaves_less_than_a_buffer_unread_is_dropped_too(last: bytes) -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream(ok(b"x" * 10_000))
            settings = Settings(idle_timeout_s=0.3, write_timeout_s=0.3)
            await made.serve(endpoint("http://a.example", to=origin.url), settings=settings)
            loop = asyncio.get_running_loop()
            with socket.socket() as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                connection.setblocking(False)
                await loop.sock_connect(connection, ("127.0.0.1", made.port))
                asked = unsent = 0
                while not unsent:  # until the system does not take an answer whole
                    await loop.sock_sendall(connection, HEAD + b"\r\n")
                    asked += 1
                    await made.record(asked)
                    await asyncio.sleep(0)
                    (served,) = made.gateway._connections
                    transport = cast(ClientConnection, served)._transport
                    unsent = cast(asyncio.Transport, transport).get_write_buffer_size()
                assert unsent < made.gateway.settings.buffer_bytes
                await loop.sock_sendall(connection, last)
                while made.gateway._connections:
                    await asyncio.sleep(0.02)

    run(scenario())
