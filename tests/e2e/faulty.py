"""An upstream that does wrong by chance, and a client that believes nothing: for exchanges with faults.

Every request has a number, every body a checksum in the head. So a body that is not whole, or that belongs to
another request, is seen whoever mixed it up.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import socket
import struct
from collections import Counter
from collections.abc import Awaitable, Callable

from tests.conformance.strict import Cut, Reply, StrictClient
from tests.e2e.world import Seen, read_request

GOOD = (200, 201, 404)
# What the gateway answers for an upstream that failed.
FAILED = (502, 504)

Play = Callable[["_Turn"], Awaitable[None]]


class Hangup(Exception):  # noqa: N818  # an end
    """The upstream hangs up."""


class _Turn:
    """One request at the upstream, and what it may be answered with."""

    def __init__(
        self, seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, chance: random.Random
    ) -> None:
        self.seen, self.reader, self.writer, self.chance = seen, reader, writer, chance
        self.body = chance.randbytes(chance.choice((0, 1, 20, 1000, 1000, 9000, 70_000)))
        if seen.method == "HEAD":
            self.body = b""

    def head(self, *lines: str, status: int = 200) -> bytes:
        rows = [
            f"HTTP/1.1 {status} X",
            f"x-number: {self.seen.get('x-number')[0]}",
            f"x-sum: {checksum(self.body)}",
            f"x-got: {checksum(self.seen.body)}",
            *lines,
        ]
        return "\r\n".join([*rows, "", ""]).encode()

    @property
    def sized(self) -> bytes:
        return self.head(f"content-length: {len(self.body)}")

    def send(self, octets: bytes) -> None:
        if self.writer.transport.is_closing():
            raise Hangup
        self.writer.write(octets)

    async def pieces(self, octets: bytes) -> None:
        """Send in pieces, each in a segment of its own where the system allows it."""
        at = 0
        while at < len(octets):
            size = self.chance.randint(1, max(1, len(octets) // 3))
            self.send(octets[at : at + size])
            at += size
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    def chunks(self) -> bytes:
        octets, at = b"", 0
        while at < len(self.body):
            piece = self.body[at : at + self.chance.randint(1, 5000)]
            at += len(piece)
            octets += b"%x\r\n%b\r\n" % (len(piece), piece)
        return octets

    def reset(self) -> None:
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
        raise Hangup


def checksum(octets: bytes) -> str:
    return hashlib.sha256(octets).hexdigest()


async def good(turn: _Turn) -> None:
    turn.send(turn.sized + turn.body)


async def good_in_pieces(turn: _Turn) -> None:
    await turn.pieces(turn.sized + turn.body)


async def good_in_chunks(turn: _Turn) -> None:
    if turn.seen.method == "HEAD":
        turn.send(turn.head("transfer-encoding: chunked"))
    else:
        await turn.pieces(turn.head("transfer-encoding: chunked") + turn.chunks() + b"0\r\n\r\n")


async def good_until_close(turn: _Turn) -> None:
    turn.send(turn.head("connection: close") + turn.body)
    raise Hangup


async def good_then_gone(turn: _Turn) -> None:
    turn.send(turn.sized + turn.body)
    raise Hangup


async def good_after_hints(turn: _Turn) -> None:
    turn.send(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * turn.chance.randint(1, 3))
    await good(turn)


async def too_much(turn: _Turn) -> None:
    turn.send(turn.sized + turn.body + b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison")


async def late_octets(turn: _Turn) -> None:
    """Octets that may come before or after the next request: a whole response there would be one to it."""
    await good(turn)
    await turn.writer.drain()
    await asyncio.sleep(0.01)
    turn.send(b"poison")


async def nothing(turn: _Turn) -> None:
    raise Hangup


async def reset_at_once(turn: _Turn) -> None:
    turn.reset()


async def half_a_head(turn: _Turn) -> None:
    turn.send(turn.sized[: turn.chance.randint(1, 60)])
    raise Hangup


async def garbage(turn: _Turn) -> None:
    turn.send(turn.chance.randbytes(200))


async def framed_twice(turn: _Turn) -> None:
    turn.send(turn.head("content-length: 5", "transfer-encoding: chunked") + b"0\r\n\r\n")


async def too_little(turn: _Turn) -> None:
    turn.send(turn.head(f"content-length: {len(turn.body) + 10}") + turn.body)
    raise Hangup


async def reset_in_the_body(turn: _Turn) -> None:
    turn.send(turn.head(f"content-length: {len(turn.body) + 10}") + turn.body)
    await turn.writer.drain()
    turn.reset()


async def chunks_that_break_off(turn: _Turn) -> None:
    turn.send(turn.head("transfer-encoding: chunked") + turn.chunks())
    raise Hangup


async def chunks_that_go_wrong(turn: _Turn) -> None:
    turn.send(turn.head("transfer-encoding: chunked") + turn.chunks() + b"zz\r\n")


async def silence(turn: _Turn) -> None:
    turn.send(turn.sized[: turn.chance.choice((0, 0, 30))])
    await turn.reader.read()
    raise Hangup


WELL: tuple[Play, ...] = (good, good, good_in_pieces, good_in_chunks, good_until_close, good_after_hints)
AWRY: tuple[Play, ...] = (
    good_then_gone, too_much, late_octets, nothing, reset_at_once, half_a_head, garbage, framed_twice,
    too_little, reset_in_the_body, chunks_that_break_off, chunks_that_go_wrong,
)  # fmt: skip


class FaultyUpstream:
    """Answers as chance has it: one in three goes wrong, one in five hundred is never answered."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self.played: Counter[str] = Counter()
        self.open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        chance = self._chance
        self.open += 1
        try:
            if chance.random() < 0.01:
                return  # hangs up on whoever connects
            while (seen := await read_request(reader)) is not None:
                play = chance.choice(WELL if chance.random() < 0.67 else AWRY)
                if chance.random() < 0.002:
                    play = silence
                self.played[play.__name__] += 1
                await play(_Turn(seen, reader, writer, chance))
                await writer.drain()
        except (Hangup, ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            writer.close()


class Tally(Counter[str]):
    """What became of the requests."""


class Suspicious:
    """One client: asks on and on, by chance with a body, and by chance goes away in the middle."""

    def __init__(self, port: int, seed: int, tally: Tally) -> None:
        self._port = port
        self._chance = random.Random(seed)
        self._tally = tally
        self._strict: StrictClient | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, number: int) -> None:
        """Make one request and judge what comes of it. Raises AssertionError for a wrong answer."""
        chance = self._chance
        method = chance.choice(("GET", "GET", "GET", "HEAD", "PUT", "POST"))
        body = chance.randbytes(chance.choice((1, 100, 5000, 100_000))) if method in ("PUT", "POST") else b""
        if self._strict is None:
            reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
            self._strict = StrictClient(reader)
        writer = self._writer
        assert writer is not None
        head = f"{method} /{number} HTTP/1.1\r\nhost: a.example\r\nx-number: {number}\r\n"
        if body and chance.random() < 0.5:
            framed = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
            octets = f"{head}transfer-encoding: chunked\r\n\r\n".encode() + framed
        elif body:
            octets = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
        else:
            octets = f"{head}\r\n".encode()
        if chance.random() < 0.02:
            whole = chance.random() < 0.5
            writer.write(octets if whole else octets[: chance.randint(1, len(octets))])
            for _ in range(chance.randint(0, 6)):  # while the upstream is dialled, or has begun to answer
                await asyncio.sleep(0)
            self._tally["left"] += 1
            self.leave(broken=chance.random() < 0.5)
            return
        writer.write(octets)
        try:
            reply = await self._strict.reply(method)
        except Cut:
            self._tally["cut"] += 1
            self.leave()
            return
        self._judge(reply, number, method, body)
        if reply.closes:
            assert await self._strict.is_at_end()
            self.leave()

    def _judge(self, reply: Reply, number: int, method: str, body: bytes) -> None:
        if reply.status in FAILED:
            self._tally["failed"] += 1
            assert reply.get("x-number") == []
            return
        assert reply.status == 200, reply
        assert reply.get("x-number") == [str(number)]
        assert reply.get("x-got") == [checksum(body)]
        if method != "HEAD":
            assert reply.get("x-sum") == [checksum(reply.body)]
        self._tally["good"] += 1

    def leave(self, *, broken: bool = False) -> None:
        """Close the connection."""
        writer, self._writer, self._strict = self._writer, None, None
        if writer is None:
            return
        if broken:
            writer.transport.abort()
        else:
            writer.close()
