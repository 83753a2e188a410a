"""Frames lost, doubled, changed and made up, on either side, with time-outs and pauses between them.

Whatever comes, nothing raises, every call is told how it ended, and no timer, stream or connection is left.
"""

from __future__ import annotations

import asyncio
import os
import random

from tests.property.test_any_split import Cuts
from tests.property.test_any_split_http2 import ANSWERS, STEPS, EchoHouse, Hearing
from tests.runtime.protocol.h2_peer import PREFACE, Peer
from tests.runtime.protocol.test_http2_frames import frame
from tests.runtime.transport.test_server import Transport

from policyc.engine.outcome import Fail
from policyc.engine.traffic import Connection, Headers
from policyc.runtime.origin import Call, Outgoing
from policyc.runtime.protocol.http1 import CHUNKED, NONE
from policyc.runtime.settings import Settings
from policyc.runtime.transport.http2 import Http2Connection
from policyc.runtime.transport.upstream import Address, Upstreams
from policyc.runtime.transport.upstream_http2 import Http2Origin, Http2Upstreams
from policyc.runtime.transport.upstream_http2_connection import Http2UpstreamConnection
from policyc.runtime.transport.wheel import Wheel

ROUNDS = int(os.environ.get("POLICYC_EXAMPLES", "500")) // 5
ADDRESS = Address("default", "http", "127.0.0.1", 9)


def frames_of(octets: bytes) -> list[bytearray]:
    found = []
    while octets:
        size = int.from_bytes(octets[:3]) + 9
        found.append(bytearray(octets[:size]))
        octets = octets[size:]
    return found


def damaged(octets: bytes, chance: random.Random) -> bytes:
    """Return frames of which some were lost, doubled, changed, moved to other streams or made up."""
    frames = frames_of(octets)
    for _ in range(chance.randrange(5)):
        at = chance.randrange(len(frames)) if frames else 0
        kind = chance.randrange(6) if frames else 5
        if kind == 0:
            frames.pop(at)
        elif kind == 1:
            frames.insert(at, bytearray(chance.choice(frames)))
        elif kind == 2 and len(frames[at]) > 9:
            frames[at][chance.randrange(9, len(frames[at]))] = chance.randrange(256)
        elif kind == 3:
            frames[at][4] ^= 1 << chance.randrange(8)
        elif kind == 4:
            frames[at][8] = chance.randrange(10)
        else:
            payload = chance.randbytes(chance.choice((0, 4, 5, 6, 8, 12)))
            made = frame(chance.randrange(10), payload, chance.choice((0, 1, 4, 5, 8)), chance.randrange(12))
            frames.insert(at, bytearray(made))
    return b"".join(frames)


class Quiet:
    """A loop on which no callback may raise."""

    def __init__(self) -> None:
        self.raised: list[dict[str, object]] = []

    async def __aenter__(self) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: self.raised.append(context))

    async def __aexit__(self, *error: object) -> None:
        await asyncio.sleep(0)
        assert self.raised == []


async def client_by_chance(seed: int) -> None:
    chance = random.Random(seed)
    peer = Peer()
    for _ in range(chance.randrange(1, 6)):
        chance.choice(STEPS)(peer)
    octets = PREFACE + damaged(peer.take()[len(PREFACE) :], chance)
    house, transport = EchoHouse(), Transport(("192.0.2.1", 5))
    connection = Http2Connection(house)
    connection.connection_made(transport)
    for piece in Cuts(seed)(octets):
        connection.data_received(piece)
        what = chance.randrange(12)
        if what < 3:
            await asyncio.sleep(0)
        elif what == 3:
            house.wait(chance.choice((1, 11, 31, 80)))
        elif what == 4:
            connection.pause_writing()
            await asyncio.sleep(0)
            connection.resume_writing()
        elif what == 5:
            connection.stop()
    await asyncio.sleep(0)
    house.wait(100)
    connection.connection_lost(None)
    await asyncio.sleep(0)
    assert connection._streams == {}
    assert not any(house.wheel._slots.values())


async def upstream_by_chance(seed: int) -> None:
    chance = random.Random(seed)
    now = 100.0
    wheel = Wheel(clock=lambda: now)
    upstreams = Upstreams(Settings(), wheel)

    async def unreachable(*address: object) -> Fail:
        return Fail(8012, "unreachable", status=502)

    upstreams.connect = unreachable  # type: ignore[method-assign, assignment]
    pool = Http2Upstreams(upstreams)
    transport, server = Transport(("192.0.2.3", 80)), Peer(client=False)
    connection = Http2UpstreamConnection(pool, ADDRESS)
    connection.connection_made(transport)
    connection.data_received(server.take())
    origin = Http2Origin(pool, ADDRESS)
    calls: list[Call] = []
    bodies: set[Call] = set()
    for _ in range(chance.randrange(1, 5)):
        framing = chance.choice((NONE, CHUNKED))
        method = chance.choice(("GET", "POST"))
        conn = Connection("192.0.2.1")
        call = origin.begin(Outgoing(method, "/", "https", Headers(), framing, -1, conn, 2), Hearing())
        calls.append(call)
        if framing is CHUNKED:
            bodies.add(call)
    await asyncio.sleep(0)
    server.hear(b"".join(transport.writes))
    for stream in server.requests:
        chance.choice(ANSWERS)(server, stream)
    for piece in Cuts(seed)(damaged(server.take(), chance)):
        if transport.closed:
            break
        connection.data_received(piece)
        call, what = chance.choice(calls), chance.randrange(10)
        if call.listener is None:  # type: ignore[attr-defined]
            pass
        elif what == 0:
            call.abort()
        elif what == 1:
            call.pause()
        elif what == 2:
            call.resume()
        elif what == 3 and call in bodies:
            call.write(b"x" * chance.choice((1, 100_000)))
        elif what == 4:
            bodies.discard(call)
            call.end()
        if what == 5:
            now += chance.choice((1, 31, 80))
            wheel.turn()
        await asyncio.sleep(0)
    connection.connection_lost(None)
    for call in calls:
        if call.listener is not None:  # type: ignore[attr-defined]
            call.resume()
    for _ in range(3):
        await asyncio.sleep(0)
    assert all(call.listener is None for call in calls)  # type: ignore[attr-defined]
    assert (connection.calls, pool._waiting, pool._connections, pool._idle) == ({}, {}, {}, {})
    assert upstreams.open_count == 0
    now += 1000
    wheel.turn()
    assert not any(wheel._slots.values())


def test_clients_by_chance_leave_nothing() -> None:
    async def scenario() -> None:
        for seed in range(ROUNDS):
            async with Quiet():
                await client_by_chance(seed)

    asyncio.run(scenario())


def test_upstreams_by_chance_leave_nothing() -> None:
    async def scenario() -> None:
        for seed in range(ROUNDS):
            async with Quiet():
                await upstream_by_chance(seed)

    asyncio.run(scenario())
