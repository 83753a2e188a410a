"""Good responses with a few octets wrong: whatever comes of one, it is clear, whole or cut, and stays alone.

`make soak` does twenty thousand.
"""

from __future__ import annotations

import asyncio
import os
import random

import pytest
import uvloop
from tests.conformance.strict import Cut, StrictClient
from tests.e2e.world import endpoint, read_request, world

from policyc.runtime.reasons import REASONS
from policyc.runtime.settings import Settings

pytestmark = pytest.mark.e2e

CASES = int(os.environ.get("POLICYC_MUTATIONS", "600"))
GOOD = b"HTTP/1.1 200 OK\r\nx-good: yes\r\ncontent-length: 4\r\n\r\ngood"
SEEDS = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
    b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 204 No Content\r\nConnection: X\r\nX: y\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: x\r\n\r\n",
)
PIECES = (
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b";", b",", b"0", b"5", b"f", b"-", b"\xff", b"\r\n\r\n",
    b"Content-Length: 0\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n", b"Connection: close\r\n",
    b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
)  # fmt: skip


def mutated(chance: random.Random) -> bytes:
    octets = bytearray(chance.choice(SEEDS))
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        at = chance.randrange(len(octets) + 1)
        match chance.randrange(5):
            case 0:
                octets[at:at] = chance.choice(PIECES)
            case 1:
                octets[at : at + 1] = chance.choice(PIECES)
            case 2:
                del octets[at : at + chance.randint(1, 8)]
            case 3:
                octets[at:at] = octets[at : at + chance.randint(1, 40)]
            case 4:
                octets[at : at + 1] = bytes([chance.randrange(256)])
    return bytes(octets)


class Mutating:
    """Answers /good well, anything else wrong; then it closes, or says nothing more for a moment."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        chance = self._chance
        try:
            while (seen := await read_request(reader)) is not None:
                if seen.target == "/good":
                    writer.write(GOOD)
                    continue
                # In one piece: what comes behind a whole response later on is an answer to whatever was asked
                # by then, and nobody can tell.
                writer.write(mutated(chance))
                if chance.random() < 0.8:
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def test_mutated_responses_are_clear_and_stay_alone() -> None:
    async def scenario() -> None:
        async with world() as made:
            url = await made.server(Mutating(CASES).serve)
            await made.serve(endpoint("http://a.example", to=url), settings=Settings(idle_timeout_s=0.5))
            left = iter(range(CASES))

            async def client(which: int) -> None:
                chance = random.Random(which)
                strict: StrictClient | None = None
                for _ in left:
                    for target in ("/wrong", "/good"):
                        if strict is None:
                            connected = await made.client()
                            strict = StrictClient(connected.reader)
                        method = (
                            chance.choice(("GET", "GET", "HEAD", "POST")) if target == "/wrong" else "GET"
                        )
                        connected.send(f"{method} {target} HTTP/1.1\r\nHost: a.example\r\n\r\n".encode())
                        try:
                            reply = await strict.reply(method)
                        except Cut:
                            assert target == "/wrong"
                            strict = None
                            continue
                        if target == "/good":
                            assert (reply.status, reply.get("x-good"), reply.body) == (200, ["yes"], b"good")
                        if reply.closes:
                            assert await strict.is_at_end()
                            strict = None

            async with asyncio.TaskGroup() as group:
                for which in range(8):
                    group.create_task(client(which))
            reasons = {each["reason"] for each in made.log if "reason" in each}
            assert reasons <= set(REASONS)
            assert len(reasons) > 8
            assert "internal_error" not in reasons

    uvloop.run(scenario())
