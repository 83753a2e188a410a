"""However octets are cut, on both sides, an exchange over HTTP/2 is the same; octets are read or refused.

A client that breaks the protocol may not get the answers that were not there by then.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

import pytest
from tests.property.test_any_split import Cuts, Wire
from tests.runtime.protocol.h2_peer import Line, Peer, request
from tests.runtime.protocol.test_http2_frames import frame
from tests.runtime.transport.test_http2 import Call, House
from tests.runtime.transport.test_upstream import Ear

from policyc.engine.traffic import Connection, Headers
from policyc.runtime.origin import Listener, Outgoing
from policyc.runtime.protocol.http1 import CHUNKED, NONE
from policyc.runtime.protocol.http2 import Session
from policyc.runtime.protocol.http2_frames import Broken, Http2Limits
from policyc.runtime.settings import Settings
from policyc.runtime.transport.http2 import Http2Connection
from policyc.runtime.transport.upstream import Address, Upstreams
from policyc.runtime.transport.upstream_http2 import Http2Origin, Http2Upstreams
from policyc.runtime.transport.upstream_http2_connection import Http2UpstreamConnection
from policyc.runtime.transport.wheel import Wheel

ROUNDS = int(os.environ.get("POLICYC_EXAMPLES", "500")) // 10


class EchoCall(Call):
    """Answers with what it got, when that is complete."""

    def end(self, trailers: Sequence[Line] = ()) -> None:
        super().end(trailers)
        if self.aborted:
            return
        self.listener.on_response(200, Headers(self.outgoing.headers.lines), CHUNKED, -1)
        self.listener.on_data(self.body)
        self.listener.on_end(trailers)


class EchoHouse(House):
    def begin(self, outgoing: Outgoing, listener: Listener) -> Call:
        call = EchoCall(outgoing, listener)
        if outgoing.framing is NONE:
            asyncio.get_running_loop().call_soon(call.end)
        return call


Step = Callable[[Peer], None]


def get(peer: Peer) -> None:
    peer.ask(request((b"accept", b"*/*"), path=b"/a?b=c", host=b"b.example"))


def post(peer: Peer) -> None:
    stream = peer.ask(request((b"content-length", b"11"), method=b"POST", host=b"b.example"), end=False)
    peer.h2.send_data(stream, b"hello")
    peer.h2.send_data(stream, b" world", end_stream=True, pad_length=9)


def stream_it(peer: Peer) -> None:
    stream = peer.ask(
        request(
            (b"te", b"trailers"), (b"cookie", b"a=1"), (b"cookie", b"b=2"), method=b"PUT", host=b"b.example"
        ),
        end=False,
    )
    other = peer.ask(request())
    for n in range(5):
        peer.h2.send_data(stream, b"%d" % n * 700)
    peer.h2.ping(b"12345678")
    peer.h2.send_headers(stream, [(b"x-sum", b"1"), (b"host", b"evil")], end_stream=True)
    assert other


def large_head(peer: Peer) -> None:
    peer.ask(request(*((b"x%d" % n, b"y" * 300) for n in range(9)), host=b"b.example"))


def malformed(peer: Peer) -> None:
    peer.ask(request((b"connection", b"close")))


def other_things(peer: Peer) -> None:
    peer.h2._data_to_send += frame(99, b"what") + frame(2, bytes(5), 0, 77)
    peer.h2.update_settings({4: 70_000})


def broken(peer: Peer) -> None:
    peer.h2._data_to_send += frame(0, b"x", 0, 999)


STEPS: tuple[Step, ...] = (get, post, stream_it, large_head, malformed, other_things)


class Told(NamedTuple):
    """What the client was told, and what the log."""

    fields: dict[int, list[Line]]
    bodies: dict[int, bytes]
    trailers: dict[int, list[Line]]
    ended: set[int]
    resets: dict[int, int]
    goaways: list[tuple[int, int]]
    log: list[str]


async def served(steps: Sequence[Step], cuts: Cuts) -> Told:
    house = EchoHouse()
    wire, client = Wire(), Peer()
    connection = Http2Connection(house)
    connection.connection_made(wire)
    for step in steps:
        step(client)
    for piece in cuts(client.take()):
        connection.data_received(piece)
        await asyncio.sleep(0)
    for _ in range(3):
        said, wire.said = wire.said, b""
        client.hear(said)
        connection.data_received(client.take())
        await asyncio.sleep(0)
    log = [(each.get("path"), each.get("status"), each.get("reason")) for each in house.records]
    connection.connection_lost(None)
    made = Told(
        client.fields,
        client.bodies,
        client.trailers,
        client.ended,
        client.resets,
        client.goaways,
        sorted(map(str, log)),
    )
    if broken in steps:
        last = [each for each in made.log if "http2_error" in each]
        return Told({}, {}, {}, set(), {}, client.goaways, last)
    return made


def test_client_is_told_the_same_however_its_octets_are_cut() -> None:
    async def scenario() -> None:
        for seed in range(ROUNDS):
            chance = random.Random(seed)
            steps = [chance.choice(STEPS) for _ in range(chance.randrange(1, 6))]
            if chance.random() < 0.2:
                steps.append(broken)
            whole = await served(steps, Cuts(None))
            assert await served(steps, Cuts(seed)) == whole, f"seed {seed}"
            assert whole.fields or whole.goaways or steps == [other_things] * len(steps)

    asyncio.run(scenario())


def plain(peer: Peer, stream: int) -> None:
    peer.h2.send_headers(stream, [(b":status", b"200"), (b"content-length", b"5")])
    peer.h2.send_data(stream, b"he")
    peer.h2.send_data(stream, b"llo", end_stream=True)


def with_trailers(peer: Peer, stream: int) -> None:
    peer.h2.send_headers(stream, [(b":status", b"103"), (b"link", b"</a>")])
    peer.h2.send_headers(stream, [(b":status", b"200")])
    peer.h2.send_data(stream, b"x" * 9000, pad_length=200)
    peer.h2.send_headers(stream, [(b"grpc-status", b"0"), (b"content-length", b"1")], end_stream=True)


def head_only(peer: Peer, stream: int) -> None:
    peer.h2.send_headers(
        stream, [(b":status", b"404"), *((b"x%d" % n, b"y" * 300) for n in range(9))], end_stream=True
    )


def too_long(peer: Peer, stream: int) -> None:
    peer.h2.send_headers(stream, [(b":status", b"200"), (b"content-length", b"1")])
    peer.h2.send_data(stream, b"xy", end_stream=True)


def given_up(peer: Peer, stream: int) -> None:
    peer.h2.send_headers(stream, [(b":status", b"200")])
    peer.h2.send_data(stream, b"xy")
    peer.h2.reset_stream(stream, 2)


def bad(peer: Peer, stream: int) -> None:
    peer.h2.send_headers(stream, [(b":status", b"200"), (b"Bad", b"1")], end_stream=True)


ANSWERS = (plain, with_trailers, head_only, too_long, given_up, bad)


class Hearing(Ear):
    def on_data(self, data: bytes | memoryview) -> None:
        if self.heard and isinstance(self.heard[-1], bytes):
            self.heard[-1] += bytes(data)
        else:
            super().on_data(bytes(data))


async def heard(answers: Sequence[Callable[[Peer, int], None]], cuts: Cuts) -> list[list[object]]:
    upstreams = Upstreams(Settings(), Wheel())
    pool = Http2Upstreams(upstreams)
    address = Address("default", "http", "127.0.0.1", 9)
    wire, server = Wire(), Peer(client=False)
    connection = Http2UpstreamConnection(pool, address)
    connection.connection_made(wire)
    for piece in cuts(server.take()):
        connection.data_received(piece)
    ears = [Hearing() for _ in answers]
    origin = Http2Origin(pool, address)
    for ear in ears:
        origin.begin(Outgoing("GET", "/", "https", Headers(), NONE, 0, Connection("192.0.2.1"), 2), ear)
    await asyncio.sleep(0)
    server.hear(wire.said)
    assert len(server.requests) == len(ears)
    for answer, stream in zip(answers, server.requests, strict=True):
        answer(server, stream)
    for piece in cuts(server.take()):
        if not wire.is_closed:
            connection.data_received(piece)
    connection.connection_lost(None)
    return [ear.heard for ear in ears]


def test_upstream_is_heard_the_same_however_its_octets_are_cut() -> None:
    async def scenario() -> None:
        for seed in range(ROUNDS):
            chance = random.Random(seed)
            answers = [chance.choice(ANSWERS) for _ in range(chance.randrange(1, 6))]
            whole = await heard(answers, Cuts(None))
            assert await heard(answers, Cuts(seed)) == whole, f"seed {seed}"
            assert all(
                each[-1] in ("end", 3004) or each[-2:] == ["end", (b"grpc-status", b"0")] for each in whole
            )

    asyncio.run(scenario())


@pytest.mark.parametrize("client", [True, False])
def test_octets_by_chance_are_read_or_refused(client: bool) -> None:
    """Valid frames with some octets changed, and frames of chance."""
    for seed in range(ROUNDS * 3):
        chance = random.Random(seed)
        peer = Peer(client=not client)
        if not client:
            for _ in range(3):
                chance.choice((get, post, stream_it, malformed))(peer)
        octets = bytearray(peer.take())
        for _ in range(chance.randrange(6)):
            octets[chance.randrange(24, len(octets))] = chance.randrange(256)
        for _ in range(chance.randrange(4)):
            octets += frame(
                chance.randrange(12),
                chance.randbytes(chance.randrange(40)),
                chance.randrange(256),
                chance.randrange(5),
            )
        session = Session(Http2Limits(), lambda: 0.0, client=client)
        if client:
            session.send_fields(session.open(), request(), end=True)
        with suppress(Broken):
            for piece in Cuts(seed)(bytes(octets)):
                list(session.receive(piece))
        assert isinstance(session.take(), bytes)
