"""Every case of upstream_cases.py, through a real gateway, followed by good exchanges."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterator

import pytest
from tests.conformance.strict import Cut, Reply, StrictClient
from tests.conformance.upstream_cases import (
    CASES,
    Broken,
    Case,
    Close,
    Drip,
    Gone,
    Good,
    Idle,
    Refused,
    Reset,
    Silence,
)
from tests.e2e.world import World, endpoint, read_request, run, world

from policyc.runtime.reasons import REASONS
from policyc.runtime.settings import Settings

pytestmark = pytest.mark.e2e

FOLLOW_UP = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfollow-up"


class Hostile:
    """Plays a case to the request for /first, and answers /second well."""

    def __init__(self, case: Case, in_two: bool) -> None:
        self.case = case
        self.in_two = in_two
        self.client_has_answer = asyncio.Event()
        self.played = asyncio.Event()
        self.seen: list[tuple[str, int]] = []  # target, number of the connection
        self._connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        number = self._connections
        try:
            while (request := await read_request(reader)) is not None:
                self.seen.append((request.target, number))
                if request.target != "/first":
                    writer.write(FOLLOW_UP)
                    continue
                try:
                    await self._play(reader, writer)
                finally:
                    self.played.set()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _say(self, octets: bytes, writer: asyncio.StreamWriter) -> None:
        """Send octets in one segment, or in two: what comes up to the end of a head, and the rest."""
        at = (octets.find(b"\r\n\r\n") + 4) % len(octets) if self.in_two else 0
        if at > 3:
            writer.write(octets[:at])
            for _ in range(3):
                await asyncio.sleep(0)
        writer.write(octets[at if at > 3 else 0 :])
        await writer.drain()

    async def _play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for step in self.case.steps:
            if isinstance(step, bytes):
                await self._say(step, writer)
            elif isinstance(step, Idle):
                await self.client_has_answer.wait()
            elif isinstance(step, Gone | Silence):
                if isinstance(step, Silence):
                    self.played.set()
                assert await reader.read() == b""
            elif isinstance(step, Drip):
                self.played.set()
                for octet in _over_and_over(step.octets):
                    writer.write(octet)
                    await writer.drain()
                    await asyncio.sleep(step.seconds)
            elif isinstance(step, Reset):
                await asyncio.sleep(0.02)  # else the reset would take what was sent along
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
                raise ConnectionResetError
            else:
                assert isinstance(step, Close)
                raise ConnectionAbortedError


def _over_and_over(octets: bytes) -> Iterator[bytes]:
    while True:
        for at in range(len(octets)):
            yield octets[at : at + 1]


class Asker:
    """The client: one connection for as long as the gateway keeps it."""

    def __init__(self, made: World) -> None:
        self._made = made
        self._strict: StrictClient | None = None

    async def ask(self, target: str, method: str = "GET", lines: str = "", body: str = "") -> Reply:
        if self._strict is None:
            client = await self._made.client()
            self._strict, self._send = StrictClient(client.reader), client.send
        if body:
            lines += f"Content-Length: {len(body)}\r\n"
        self._send(f"{method} {target} HTTP/1.1\r\nHost: a.example\r\n{lines}\r\n{body}".encode())
        strict = self._strict
        try:
            reply = await strict.reply(method)
        except Cut:
            self._strict = None
            raise
        if reply.closes:
            assert await strict.is_at_end()
            self._strict = None
        return reply


def check(case: Case, reply: Reply, whole: bool) -> None:
    outcome = case.outcome
    if isinstance(outcome, Broken):
        assert not whole
        assert reply.status in (0, 200)  # 0: it was given up before anything of it was written
        assert outcome.body.startswith(reply.body)
        return
    assert whole
    assert reply.status == outcome.status
    if isinstance(outcome, Refused):
        assert reply.get("ngrok-error-code") in (["ERR_NGROK_3004"], ["ERR_NGROK_3008"])
        assert b"hello" not in reply.body
        assert tuple(reply.interim) == outcome.interim
        return
    assert reply.body == outcome.body
    assert tuple(reply.interim) == outcome.interim
    assert tuple(name for name, _ in reply.trailers) == outcome.trailers
    assert reply.get("ngrok-error-code") == []
    assert reply.get("set-cookie") == []


# On a fresh connection; on a kept one; and there to a request with a body, the answer in two segments.
@pytest.mark.parametrize("way", ["fresh", "kept", "two"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.group}: {case.name}")
def test_hostile_upstream(case: Case, way: str) -> None:
    kept, in_two = way != "fresh", way == "two"
    method = "POST" if in_two and case.method == "GET" else case.method
    body = "ping" if method == "POST" else ""

    async def scenario() -> None:
        async with world() as made:
            hostile = Hostile(case, in_two)
            url = await made.server(hostile.serve)
            slow = case.reason == "upstream_timeout"
            await made.serve(
                endpoint("http://a.example", to=url),
                settings=Settings(idle_timeout_s=0.2 if slow else 10.0),
            )
            asker = Asker(made)
            if kept:
                assert (await asker.ask("/warm")).body == b"follow-up"
            whole = True
            try:
                reply = await asker.ask("/first", method, case.asks, body)
            except Cut as cut:
                reply, whole = cut.reply, False
            check(case, reply, whole)
            hostile.client_has_answer.set()
            await hostile.played.wait()
            record = await made.record(2 if kept else 1)
            assert record.get("reason", "") == case.reason
            assert not case.reason or case.reason in REASONS

            for _ in range(2):
                second = await asker.ask("/second")
                assert (second.status, second.body, second.interim) == (200, b"follow-up", [])
            targets = [target for target, _ in hostile.seen]
            numbers = [number for _, number in hostile.seen]
            # Sent a second time, on a fresh connection.
            again = kept and not body and case.reason == "upstream_closed"
            firsts = ["/first", "/first"] if again else ["/first"]
            assert targets == ["/warm"] * kept + firsts + ["/second", "/second"]
            assert numbers[: 1 + kept] == [1] * (1 + kept)
            assert len(set(numbers)) == 1 + again + (not case.reused)
            assert (numbers[-3] == numbers[-2]) == case.reused
            assert numbers[-2] == numbers[-1]

    run(scenario())


def test_set_is_large_and_its_names_are_apart() -> None:
    assert len(CASES) >= 90
    assert len({(case.group, case.name) for case in CASES}) == len(CASES)
    assert not any(isinstance(case.outcome, Good) and case.reason for case in CASES)
    assert all(case.reason for case in CASES if not isinstance(case.outcome, Good))
