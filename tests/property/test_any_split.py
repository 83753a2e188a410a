"""However octets are cut, on both sides, the exchange is the same; and the short way is as the long one.

A client's and an upstream's connection are fed by hand, without sockets: what each of them is sent is the
exchange. The short way (plain_head.py) keeps the sender's spelling of field names and the order of lines, the
long one does not, so names are compared in lower case and lines in order of name.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Sequence
from typing import NamedTuple

import pytest

from policyc.runtime.gateway import Gateway
from policyc.runtime.protocol.http1 import END, RequestHead, RequestReader, ResponseHead, ResponseReader
from policyc.runtime.protocol.refusal import Refused
from policyc.runtime.transport.server import ClientConnection
from policyc.runtime.transport.tunnel import TunnelSide
from policyc.runtime.transport.upstream import Address, UpstreamConnection

GET = b"GET /a?b=c HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\n\r\n"
ENDING = b"GET /end HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n"
HEAD = b"HEAD /h HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n"
OLD = b"GET /old HTTP/1.0\r\nHost: a.example\r\nConnection: keep-alive\r\n\r\n"
POST = b"POST /p HTTP/1.1\r\nHost: a.example\r\nContent-Length: 11\r\n\r\nhello\r\n\r\nyou"
CHUNKED = (
    b"PUT /c HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\nConnection: x-mine\r\n"
    b"X-Mine: 1\r\n\r\n5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n"
)
BAD_HOST = b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"
BOTH = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"

PLAIN = (
    b"HTTP/1.1 200 OK\r\nServer: s\r\nContent-Length: 13\r\nConnection: keep-alive\r\n\r\nhello\r\n\r\nworl"
)
EMPTY = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
IN_CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x\r\ndefg\r\n0\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + PLAIN
NOT_MODIFIED = b"HTTP/1.1 304 Not Modified\r\nETag: x\r\nKeep-Alive: timeout=5\r\n\r\n"
TO_THE_END = b"HTTP/1.1 200 OK\r\nServer: s\r\n\r\nuntil the end"
LARGE = b"HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n" + b"0123456789" * 4000
GARBAGE = b"HTTP/1.1 200 OK\r\nContent Length: 3\r\n\r\nabc"

TRAILED = (
    b"POST /t HTTP/1.1\r\nHost: a.example\r\nTE: trailers\r\nConnection: TE\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
    b"0\r\nX-Sum: 1\r\nX-Forwarded-For: 6.6.6.6\r\nx-sum: 2\r\n\r\n"
)
BADLY_TRAILED = TRAILED.replace(b"x-sum: 2", b"x sum: 2")
EXPECTING = b"POST /e HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello"
ABSOLUTE = b"GET http://b.example/abs HTTP/1.1\r\nHost: a.example\r\n\r\n"
UPGRADE = (
    b"GET /u HTTP/1.1\r\nHost: a.example\r\nUpgrade: h2c, websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: x\r\n\r\n"
)

ASKED = b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN
MANY = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 11 + PLAIN
SUMMED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n"
    b"0\r\nX-Sum: 1\r\nSet-Cookie: a=b\r\nX-Sum: 2\r\n\r\n"
)
SWITCH = b"HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n"

# Per seed; `make soak` has more.
ROUNDS = int(os.environ.get("POLICYC_EXAMPLES", "500")) // 5

REQUESTS = (
    GET, ENDING, HEAD, OLD, POST, CHUNKED, TRAILED, BADLY_TRAILED, EXPECTING, ABSOLUTE, UPGRADE,
    BAD_HOST, BOTH,
)  # fmt: skip
ANSWERS = (
    PLAIN, EMPTY, IN_CHUNKS, HINTS, NOT_MODIFIED, TO_THE_END, LARGE, GARBAGE, ASKED, MANY, SUMMED,
)  # fmt: skip


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.said = b""
        self.is_closed = self.is_ended = False
        self.protocol: asyncio.BaseProtocol

    def get_extra_info(self, name: str, default: object = None) -> object:
        return {"peername": ("192.0.2.1", 5000), "sockname": ("192.0.2.2", 80)}.get(name, default)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.said += data

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.is_ended = True

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol


class Cuts:
    """Cuts octets at random places; not at all for the seed None."""

    def __init__(self, seed: int | None) -> None:
        self._chance = None if seed is None else random.Random(seed)

    def __call__(self, octets: bytes) -> list[bytes]:
        chance = self._chance
        if chance is None or len(octets) < 2:
            return [octets]
        if chance.random() < 0.2 and len(octets) < 500:
            return [octets[at : at + 1] for at in range(len(octets))]
        places = sorted(chance.sample(range(1, len(octets)), min(len(octets) - 1, chance.randrange(6))))
        return [octets[a:b] for a, b in zip([0, *places], [*places, len(octets)], strict=True)]


class Exchanged(NamedTuple):
    """What the upstream and the client were told, and whether the client's connection was ended."""

    upstream: list[object]
    client: list[object]
    is_ended: bool


async def exchange(
    requests: Sequence[bytes], answers: Sequence[bytes], cuts: Cuts, *, slowly: bool = False
) -> Exchanged:
    gateway = Gateway(None, upstream="http://127.0.0.1:9")
    wire = Wire()
    client = ClientConnection(gateway)
    client.connection_made(wire)
    behind = [(UpstreamConnection(gateway.upstreams, UPSTREAM), Wire()) for _ in requests]
    for connection, its_wire in behind:
        connection.connection_made(its_wire)
        gateway.upstreams.put(connection)
    if slowly:
        gateway.plain.largest = -1
        client._reader._plain_below = -1
        for connection, _ in behind:
            connection._reader._plain_below = -1
    left = list(answers)
    heard: list[object] = []

    async def settle() -> None:
        """Answer requests that came through in full, as long as there are such."""
        again = True
        while again:
            again = False
            await asyncio.sleep(0)
            for connection, its_wire in behind:
                said = told(RequestReader(), its_wire.said)
                if its_wire.is_closed or END not in said:
                    continue
                its_wire.said = b""
                heard.extend(said)
                answer = left.pop(0)
                if said[0][0] == "HEAD":  # type: ignore[index]
                    answer = without_body(answer)
                for piece in cuts(answer):
                    if not its_wire.is_closed:
                        connection.data_received(piece)
                if answer is TO_THE_END and not its_wire.is_closed:
                    connection.eof_received()
                if its_wire.is_closed:
                    connection.connection_lost(None)
                again = True

    for piece in cuts(b"".join(requests)):
        if wire.is_closed:
            break
        client.data_received(piece)
        await settle()
    methods = [request.partition(b" ")[0].decode() for request in requests]
    ended = wire.is_closed or client._lingering
    client.connection_lost(None)
    return Exchanged(heard, answers_told(methods, wire.said), ended)


async def tunnelled(chance: random.Random, cuts: Cuts) -> tuple[bytes, bytes]:
    """Return what the upstream and the client are told where a tunnel is asked for, and made.

    Pieces of both sides come in any order, but for an upstream's, which waits for the request.
    """
    gateway = Gateway(None, upstream="http://127.0.0.1:9")
    wire, its_wire = Wire(), Wire()
    client = ClientConnection(gateway)
    connection = UpstreamConnection(gateway.upstreams, UPSTREAM)
    for made, protocol in ((wire, client), (its_wire, connection)):
        made.set_protocol(protocol)
        protocol.connection_made(made)
    gateway.upstreams.put(connection)
    from_client = cuts(UPGRADE + b"ping" * 40)
    from_upstream = cuts(HINTS[: HINTS.index(PLAIN)] + SWITCH + b"pong" * 30)
    while from_client or from_upstream:
        asked = b"\r\n\r\n" in its_wire.said
        if from_upstream and asked and (not from_client or chance.random() < 0.5):
            if not isinstance(its_wire.protocol, TunnelSide):  # nothing of the tunnel before the 101
                assert its_wire.said.endswith(b"\r\n\r\n")
            its_wire.protocol.data_received(from_upstream.pop(0))  # type: ignore[attr-defined]
        else:
            wire.protocol.data_received(from_client.pop(0))  # type: ignore[attr-defined]
            await asyncio.sleep(0)
    wire.protocol.eof_received()  # type: ignore[attr-defined]
    assert (its_wire.is_ended, wire.is_closed) == (True, False)
    its_wire.protocol.eof_received()  # type: ignore[attr-defined]
    assert (wire.is_ended, wire.is_closed, its_wire.is_closed) == (True, True, True)
    for made in (wire, its_wire):
        made.protocol.connection_lost(None)
    assert gateway.upstreams.open_count == 0
    return its_wire.said, wire.said


UPSTREAM = Address("default", "http", "127.0.0.1", 9)


def without_body(answer: bytes) -> bytes:
    return answer[: answer.index(b"\r\n\r\n", answer.rfind(b"HTTP/1.1 ")) + 4]


def told(reader: RequestReader | ResponseReader, octets: bytes) -> list[object]:
    reader.feed(octets)
    said: list[object] = []
    body = b""
    try:
        while (event := reader.next()) is not None:
            if isinstance(event, RequestHead):
                asked = (event.upgrade, event.accepts_trailers)
                said += [(event.method, event.target, event.framing, *asked), in_order(event)]
            elif isinstance(event, ResponseHead):
                said += [(event.status, event.framing, event.keep_alive), in_order(event)]
            elif event is END:
                said += [body, list(reader.trailers), END]
                return said
            else:
                assert isinstance(event, bytes | memoryview)
                body += event
    except Refused as refused:
        said.append(refused.reason)
    return [*said, body]


def in_order(head: RequestHead | ResponseHead) -> list[tuple[bytes, bytes]]:
    return sorted((name.lower(), value) for name, value in head.lines)


def answers_told(methods: Sequence[str], octets: bytes) -> list[object]:
    said: list[object] = []
    for method in methods:
        reader = ResponseReader()
        reader.expect(method)
        said += told(reader, octets)
        octets = octets[len(octets) - reader.buffered :]
    return said


def a_dialogue(chance: random.Random) -> tuple[list[bytes], list[bytes]]:
    count = chance.choice((1, 1, 2, 3))
    return chance.choices(REQUESTS, k=count), chance.choices(ANSWERS, k=count)


@pytest.mark.parametrize("seed", range(6))
def test_any_split_of_the_octets_gives_the_same_exchange(seed: int) -> None:
    async def scenario() -> None:
        chance = random.Random(seed)
        for number in range(ROUNDS):
            requests, answers = a_dialogue(chance)
            whole = await exchange(requests, answers, Cuts(None))
            parts = await exchange(requests, answers, Cuts(seed * 1000 + number))
            assert parts == whole, (requests, answers)

    asyncio.run(scenario())


@pytest.mark.parametrize("seed", range(3))
def test_any_split_of_a_tunnel_is_the_same_tunnel(seed: int) -> None:
    async def scenario() -> None:
        whole = await tunnelled(random.Random(seed), Cuts(None))
        assert whole[0].endswith(b"upgrade: websocket\r\nconnection: upgrade\r\n\r\n" + b"ping" * 40)
        assert whole[1].startswith(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 101 ")
        assert whole[1].endswith(b"\r\nconnection: upgrade\r\n\r\n" + b"pong" * 30)
        for number in range(ROUNDS):
            chance = random.Random(seed * 1000 + number)
            assert await tunnelled(chance, Cuts(seed * 1000 + number)) == whole

    asyncio.run(scenario())


@pytest.mark.parametrize("seed", range(6))
def test_short_way_and_long_way_give_the_same_exchange(seed: int) -> None:
    async def scenario() -> None:
        chance = random.Random(100 + seed)
        for number in range(ROUNDS):
            requests, answers = a_dialogue(chance)
            short = await exchange(requests, answers, Cuts(number))
            long = await exchange(requests, answers, Cuts(number), slowly=True)
            assert short == long, (requests, answers)

    asyncio.run(scenario())


@pytest.mark.parametrize(("request_octets", "reached"), [(GET, True), (CHUNKED, True), (BAD_HOST, False)])
def test_dialogues_reach_the_upstream_and_come_back(request_octets: bytes, reached: bool) -> None:
    done = asyncio.run(exchange([request_octets], [PLAIN], Cuts(1)))
    assert (END in done.upstream) is reached
    assert END in done.client
    assert done.client[0][0] == (200 if reached else 400)  # type: ignore[index]


def test_trailers_and_expectations_are_among_what_is_compared() -> None:
    trailed = asyncio.run(exchange([TRAILED], [SUMMED], Cuts(1)))
    assert [(b"x-sum", b"1"), (b"x-sum", b"2")] in trailed.upstream
    assert [(b"x-sum", b"1"), (b"x-sum", b"2")] in trailed.client
    expecting = asyncio.run(exchange([EXPECTING], [ASKED], Cuts(1)))
    assert (b"expect", b"100-continue") in expecting.upstream[1]  # type: ignore[operator]
    assert expecting.client[0][0] == 200  # type: ignore[index]
    asked = asyncio.run(exchange([UPGRADE, GET], [PLAIN, PLAIN], Cuts(1)))
    assert asked.upstream[0][3] == "websocket"  # type: ignore[index]
    assert (asked.upstream.count(END), asked.is_ended) == (1, True)
