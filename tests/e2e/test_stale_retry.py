"""A request is sent a second time in one case only: its kept connection died before an octet of the response.

spec/endpoints.md §5, RFC 9110 §9.2.2.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable

import pytest
from tests.conformance.strict import Cut, Reply, StrictClient
from tests.e2e.world import World, endpoint, read_request, run, world

from policyc.runtime.settings import Settings

pytestmark = pytest.mark.e2e

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
End = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Member:
    """Answers /warm well; `stale` is how a kept connection ends on other requests, `fresh` how a new one."""

    def __init__(self, stale: End, fresh: End) -> None:
        self.seen: list[tuple[str, str, int]] = []
        self._stale, self._fresh = stale, fresh
        self._connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        number, end = self._connections, self._fresh
        try:
            while (seen := await read_request(reader)) is not None:
                self.seen.append((seen.method, seen.target, number))
                if seen.target == "/warm":
                    writer.write(GOOD)
                    end = self._stale
                else:
                    await end(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    @property
    def sent(self) -> list[int]:
        """The connections that a request other than the first came on."""
        return [number for _, target, number in self.seen if target != "/warm"]


async def good(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(GOOD)


async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    raise ConnectionAbortedError


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    raise ConnectionResetError


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


def say(octets: bytes) -> End:
    async def end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(octets)
        raise ConnectionAbortedError

    return end


async def start(made: World, *members: Member, settings: Settings | None = None) -> None:
    urls = [await made.server(member.serve) for member in members]
    await made.serve(
        *[endpoint("http://a.example", to=url, pooled=len(urls) > 1) for url in urls],
        settings=settings or Settings(seed=1),
    )


async def ask(made: World, octets: str, warm: int = 1) -> Reply:
    """Make kept connections with `warm` requests, then send one more and return its answer."""
    client = await made.client()
    strict = StrictClient(client.reader)
    for _ in range(warm):
        client.send(b"GET /warm HTTP/1.1\r\nHost: a.example\r\n\r\n")
        assert (await strict.reply()).status == 200
    client.send(octets.encode())
    return await strict.reply(octets.partition(" ")[0])


def bare(method: str, *lines: str) -> str:
    return "\r\n".join([f"{method} /x HTTP/1.1", "Host: a.example", *lines, "", ""])


@pytest.mark.parametrize("end", [close, reset])
@pytest.mark.parametrize(
    "request_",
    [
        *map(bare, ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE")),
        bare("PUT", "Content-Length: 0"),
        bare("DELETE", "Content-Length: 0"),
        bare("GET", "Connection: close", "Cache-Control: no-cache"),
    ],
)
def test_it_is_sent_again_on_a_fresh_connection(request_: str, end: End) -> None:
    async def scenario() -> None:
        async with world() as made:
            member = Member(stale=end, fresh=good)
            await start(made, member)
            assert (await ask(made, request_)).status == 200
            assert member.sent == [1, 2]

    run(scenario())


@pytest.mark.parametrize(
    "request_",
    [
        bare("POST"),
        bare("PATCH"),
        bare("POST", "Content-Length: 0"),
        bare("QUERY"),
        bare("PUT", "Content-Length: 1") + "x",
        bare("GET", "Content-Length: 1") + "x",
        bare("PUT", "Transfer-Encoding: chunked") + "1\r\nx\r\n0\r\n\r\n",
        bare("GET", "Transfer-Encoding: chunked") + "0\r\n\r\n",
    ],
)
def test_other_methods_and_bodies_are_not_sent_again(request_: str) -> None:
    async def scenario() -> None:
        async with world() as made:
            member = Member(stale=close, fresh=good)
            await start(made, member)
            reply = await ask(made, request_)
            assert (reply.status, len(member.sent)) in ((502, 1), (501, 0))  # 501: llhttp knows no QUERY

    run(scenario())


@pytest.mark.parametrize(
    ("stale", "status"),
    [
        (say(b"H"), 502),
        (say(b"HTTP/1.1 200 OK\r\nConte"), 502),
        (say(b"HTTP/1.1 103 Early Hints\r\n\r\n"), 502),
        (say(b"garbage\r\n\r\n"), 502),
        (silence, 504),
    ],
)
def test_nothing_is_sent_again_once_an_octet_came_or_time_is_over(stale: End, status: int) -> None:
    async def scenario() -> None:
        async with world() as made:
            member = Member(stale=stale, fresh=good)
            await start(made, member, settings=Settings(idle_timeout_s=0.2 if status == 504 else 10.0))
            assert (await ask(made, bare("GET"))).status == status
            assert member.sent == [1]

    run(scenario())


def test_nothing_is_sent_again_within_a_response() -> None:
    async def scenario() -> None:
        async with world() as made:
            member = Member(stale=say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), fresh=good)
            await start(made, member)
            with pytest.raises(Cut):
                await ask(made, bare("GET"))
            assert member.sent == [1]

    run(scenario())


def test_what_dies_on_a_fresh_connection_is_not_sent_again() -> None:
    async def scenario() -> None:
        async with world() as made:
            member = Member(stale=good, fresh=close)
            await start(made, member)
            assert (await ask(made, bare("GET"), warm=0)).status == 502
            assert member.sent == [1]

    run(scenario())


def test_it_is_sent_again_once_and_no_more() -> None:
    async def scenario() -> None:
        async with world() as made:
            member = Member(stale=close, fresh=close)
            await start(made, member)
            assert (await ask(made, bare("GET"))).status == 502
            assert member.sent == [1, 2]

    run(scenario())


def test_switch_turns_it_off() -> None:
    async def scenario() -> None:
        async with world() as made:
            member = Member(stale=close, fresh=good)
            await start(made, member, settings=Settings(retry_stale=False))
            assert (await ask(made, bare("GET"))).status == 502
            assert member.sent == [1]

    run(scenario())


def test_second_attempt_goes_to_the_same_member() -> None:
    async def scenario() -> None:
        async with world() as made:
            members = [Member(stale=close, fresh=close) for _ in range(3)]
            await start(made, *members)
            assert (await ask(made, bare("GET"), warm=30)).status == 502
            assert sorted(len(member.sent) for member in members) == [0, 0, 2]

    run(scenario())


def test_no_other_member_is_asked_where_the_second_attempt_finds_nobody() -> None:
    async def scenario() -> None:
        async with world() as made:
            other = Member(stale=close, fresh=good)
            listening: list[asyncio.Server] = []

            async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                listening[0].close()
                raise ConnectionAbortedError

            leaving = Member(stale=leave, fresh=leave)
            listening.append(await asyncio.start_server(leaving.serve, "127.0.0.1", 0))
            gone = f"http://127.0.0.1:{listening[0].sockets[0].getsockname()[1]}"
            url = await made.server(other.serve)
            await made.serve(
                *[endpoint("http://a.example", to=to, pooled=True) for to in (gone, url)],
                settings=Settings(seed=1),
            )
            statuses = []
            for _ in range(40):
                statuses.append((await ask(made, bare("GET"), warm=0)).status)
                if leaving.sent:
                    break
            for _ in range(2):  # of a fresh connection, and of none
                assert statuses[-1] == 502
                before = len(other.sent)
                while (reply := await ask(made, bare("GET"), warm=0)).status == 200:
                    before += 1
                assert reply.status == 502
                assert len(other.sent) == before

    run(scenario())
