"""Exchanges over HTTP/2 on both sides, ended in every way at random: nothing is left of any, none hangs."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable

import pytest
import uvloop
from h2.exceptions import ProtocolError
from tests.e2e.h2_server import H2Connection, H2Server, ok
from tests.e2e.test_http2 import Client, http2_endpoint, secure
from tests.e2e.tls_world import TlsWorld
from tests.runtime.protocol.h2_peer import request
from tests.runtime.protocol.test_http2_frames import frame

from policyc.runtime.settings import Settings
from policyc.runtime.transport.http2 import Http2Connection
from policyc.runtime.transport.upstream_http2_connection import Http2UpstreamConnection

pytestmark = pytest.mark.e2e

ROUNDS = int(os.environ.get("POLICYC_EXAMPLES", "500")) // 50


def cut_off(connection: H2Connection, stream: int) -> None:
    connection.send(stream, [(b":status", b"200")], b"part", end=False)
    connection.transport.close()


def reset(connection: H2Connection, stream: int) -> None:
    connection.peer.h2.reset_stream(stream, 2)


def reset_within(connection: H2Connection, stream: int) -> None:
    connection.peer.h2.send_headers(stream, [(b":status", b"200")])
    connection.peer.h2.send_data(stream, b"part")
    connection.peer.h2.reset_stream(stream, 2)


def go_away(connection: H2Connection, stream: int) -> None:
    ok()(connection, stream)
    connection.raw(frame(7, stream.to_bytes(4) + bytes(4)))


def wrong(connection: H2Connection, stream: int) -> None:
    connection.send(stream, [(b":status", b"200"), (b"connection", b"x")], b"part")


def silent(connection: H2Connection, stream: int) -> None:
    pass


ANSWERS: tuple[Callable[[H2Connection, int], None], ...] = (
    ok(), ok(b"x" * 200_000), ok(trailers=[(b"x", b"1")]),
    cut_off, reset, reset_within, go_away, wrong, silent,
)  # fmt: skip


async def visit(made: TlsWorld, chance: random.Random) -> None:
    """Connect, ask for this and that, give some of it up, and leave: politely or not."""
    client = Client(made)
    await client.connect()
    asked: list[int] = []
    try:
        for _ in range(chance.randrange(1, 8)):
            kind = chance.random()
            if kind < 0.6:
                asked.append(client.peer.ask(request()))
            elif kind < 0.8:
                asked.append(client.peer.ask(request(method=b"POST"), body=b"x" * chance.randrange(30_000)))
            else:
                asked.append(client.peer.ask(request(method=b"POST"), body=b"begun", end=False))
            if chance.random() < 0.3:
                client.writer.write(client.peer.take())
                await asyncio.sleep(chance.random() * 0.01)
            if chance.random() < 0.2:
                client.peer.h2.reset_stream(asked.pop(chance.randrange(len(asked))), 8)
        client.writer.write(client.peer.take())
        if chance.random() < 0.7:
            async with asyncio.timeout(0.3):
                await client.until(lambda: all(each in client.peer.ended for each in asked))
    except (TimeoutError, ConnectionError, ProtocolError):
        pass
    if chance.random() < 0.5:
        client.writer.close()
    else:
        client.writer.transport.abort()


def test_nothing_is_left(caplog: pytest.LogCaptureFixture) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30 + ROUNDS):
            await scenario()

    async def scenario() -> None:
        chance = random.Random(7)
        async with secure() as made:
            server = H2Server(lambda connection, stream: chance.choice(ANSWERS)(connection, stream))
            await server.start()
            made.world._closers.append(server.close)
            settings = Settings(
                idle_timeout_s=0.5, upstream_idle_s=0.3, body_grace_s=0.5, write_timeout_s=0.5
            )
            await made.serve(http2_endpoint("https://a.example", server.url), settings=settings)
            gateway = made.world.gateway
            for _ in range(ROUNDS):
                await asyncio.gather(*(visit(made, chance) for _ in range(4)))
            server.answer = ok()
            for _ in range(100):
                alive = [each for each in gateway._connections if isinstance(each, Http2Connection)]
                if not alive and not gateway.upstreams.open_count:
                    break
                await asyncio.sleep(0.05)
            assert (alive, gateway.connection_count, gateway.upstreams.open_count) == ([], 0, 0)
            started = [record for record in made.world.log if record.get("method")]
            assert all("status" in record for record in started)
            for kind in (Http2Connection, Http2UpstreamConnection):
                assert _alive(kind) == [], kind

    uvloop.run(bounded())
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def _alive(kind: type) -> list[object]:
    import gc

    gc.collect()
    return [each for each in gc.get_objects() if type(each) is kind]
