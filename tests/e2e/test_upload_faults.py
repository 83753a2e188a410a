"""An upstream that fails while the request's body is on its way: an answer, and nothing is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

import pytest
from tests.conformance.strict import Cut, Reply, StrictClient
from tests.e2e.world import World, endpoint, run, world

from policyc.runtime.settings import Settings

pytestmark = pytest.mark.e2e

SIZE = 3_000_000
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood"


class Failing:
    """Takes so many octets of a request for /upload, then fails in its way; /good it answers well."""

    def __init__(self, taken: int, way: str) -> None:
        self._taken = taken
        self._way = way
        self.over = asyncio.Event()
        self.left = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (octets := await reader.read(65536)).startswith(b"GET /good"):
                writer.write(GOOD)
            count = len(octets)
            while octets and count < self._taken:
                octets = await reader.read(65536)
                count += len(octets)
            if self._way == "stall":
                await self.over.wait()
            if self._way == "answer":
                writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
                await writer.drain()
            if self._way == "garbage":
                writer.write(b"garbage\r\n\r\n")
                await writer.drain()
            if self._way == "reset":
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
        except ConnectionError:
            pass
        finally:
            writer.close()
            self.left.set()


async def upload(made: World, framing: str) -> Reply:
    """Send a large body, all the while reading the answer."""
    client = await made.client()
    head = f"POST /upload HTTP/1.1\r\nHost: a.example\r\n{framing}\r\n\r\n".encode()
    strict = StrictClient(client.reader)

    async def send() -> None:
        with contextlib.suppress(ConnectionError):
            client.send(head)
            for _ in range(SIZE // 50_000):
                piece = b"x" * 50_000
                client.send(b"%x\r\n%b\r\n" % (len(piece), piece) if "chunked" in framing else piece)
                await client.writer.drain()
            if "chunked" in framing:
                client.send(b"0\r\n\r\n")

    sending = asyncio.ensure_future(send())
    try:
        return await strict.reply("POST")
    finally:
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sending


@pytest.mark.parametrize("framing", [f"Content-Length: {SIZE}", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("taken", [1, 200_000, SIZE])
@pytest.mark.parametrize("way", ["close", "reset", "garbage", "stall", "answer"])
def test_upload(way: str, taken: int, framing: str) -> None:
    status, reasons = {
        "close": (502, ["upstream_closed"]),
        "reset": (502, ["upstream_closed"]),
        "garbage": (502, ["bad_status_line"]),
        # It reads no more: either the body is stuck, or all of it is in the system's buffers.
        "stall": (504, ["upstream_stalled", "upstream_timeout"]),
        "answer": (413, [""]),
    }[way]

    async def scenario() -> None:
        async with world() as made:
            failing = Failing(taken, way)
            url = await made.server(failing.serve)
            settings = Settings(idle_timeout_s=0.3, write_timeout_s=0.3) if way == "stall" else Settings()
            await made.serve(endpoint("http://a.example", to=url), settings=settings)
            for count in (1, 2) if way != "stall" else (1,):
                try:
                    reply = await upload(made, framing)
                except Cut:
                    # An answer can be lost in a reset, here as well as at the upstream.
                    assert way in ("close", "reset", "answer")
                else:
                    assert reply.status in ((413, 502) if way == "answer" else (status,))
                record = await made.record(2 * count - 1)
                if way != "answer" or record.get("status") == 413:
                    assert record.get("reason", "") in reasons
                assert (await made.get("/good", "a.example")).body == b"good"
            assert made.gateway.upstreams.open_count == made.gateway.upstreams.idle_count
            failing.over.set()
            await failing.left.wait()

    run(scenario())
