"""A gateway on loopback with its upstreams and clients, all in this process and all closed at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeVar

import uvloop

from policyc.engine.endpoint_url import EndpointUrl, Upstream, parse_endpoint_url, parse_upstream
from policyc.engine.model import EndpointDef, Policy, Program, Run
from policyc.engine.phases import Phase
from policyc.runtime.gateway import Apps, Gateway
from policyc.runtime.observe import Record
from policyc.runtime.settings import Settings

T = TypeVar("T")
WITHIN_S = 15.0


def run(scenario: Coroutine[Any, Any, T]) -> T:
    """Run a scenario on uvloop, bounded in time."""

    async def bounded() -> T:
        async with asyncio.timeout(WITHIN_S):
            return await scenario

    return uvloop.run(bounded())


class Seen(NamedTuple):
    """A request as an upstream received it."""

    method: str
    target: str
    lines: list[tuple[str, str]]
    body: bytes
    trailers: Sequence[tuple[str, str]] = ()

    def get(self, name: str) -> list[str]:
        return [value for known, value in self.lines if known == name]


Answer = Callable[[Seen], bytes]


def ok(body: bytes = b"ok", *, lines: str = "") -> Answer:
    """Return an upstream's behaviour: 200 with this body."""
    head = f"HTTP/1.1 200 OK\r\n{lines}content-length: {len(body)}\r\n\r\n".encode()
    return lambda seen: head if seen.method == "HEAD" else head + body


class UpstreamServer:
    """An HTTP/1.1 server by hand: records what it gets, answers what it is told to."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.seen: list[Seen] = []
        self.connections = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while (seen := await read_request(reader)) is not None:
                self.seen.append(seen)
                answer = self.answer(seen)
                writer.write(answer)
                await writer.drain()
                if b"\r\nconnection: close\r\n" in answer or not answer:
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def cut(self) -> None:
        """Close every connection that is open."""
        for writer in list(self._writers):
            writer.close()

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()


async def read_request(reader: asyncio.StreamReader) -> Seen | None:
    """Return the next request, None at the end of the stream."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *rows = head[:-4].decode("latin-1").split("\r\n")
    method, target, version = first.split(" ")
    assert version == "HTTP/1.1"
    lines = []
    for row in rows:
        name, _, value = row.partition(": ")
        lines.append((name.lower(), value))
    known = dict(lines)
    trailers: list[tuple[str, str]] = []
    if known.get("transfer-encoding") == "chunked":
        body, trailers = await read_chunked(reader)
    else:
        body = await reader.readexactly(int(known.get("content-length", "0")))
    return Seen(method, target, lines, body, trailers)


async def read_chunked(reader: asyncio.StreamReader) -> tuple[bytes, list[tuple[str, str]]]:
    """Return a chunked body and its trailers."""
    pieces = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        pieces.append(await reader.readexactly(size))
        assert await reader.readexactly(2) == b"\r\n"
    trailers = []
    while (line := await reader.readuntil(b"\r\n")) != b"\r\n":
        name, _, value = line[:-2].decode("latin-1").partition(": ")
        trailers.append((name, value))
    return b"".join(pieces), trailers


class Reply(NamedTuple):
    """A response as the client received it."""

    status: int
    lines: list[tuple[str, str]]
    body: bytes
    trailers: Sequence[tuple[str, str]] = ()

    def get(self, name: str) -> list[str]:
        return [value for known, value in self.lines if known == name]


class Client:
    """A raw client connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, octets: bytes) -> None:
        self.writer.write(octets)

    async def reply(self, *, head: bool = False) -> Reply:
        """Return the next response."""
        octets = await self.reader.readuntil(b"\r\n\r\n")
        first, *rows = octets[:-4].decode("latin-1").split("\r\n")
        lines = []
        for row in rows:
            name, _, value = row.partition(": ")
            lines.append((name.lower(), value))
        known = dict(lines)
        status = int(first.split(" ")[1])
        trailers: list[tuple[str, str]] = []
        if head or status < 200 or status in (204, 304):
            body = b""
        elif known.get("transfer-encoding") == "chunked":
            body, trailers = await read_chunked(self.reader)
        elif "content-length" in known:
            body = await self.reader.readexactly(int(known["content-length"]))
        else:
            body = await self.reader.read(-1)
        return Reply(status, lines, body, trailers)

    async def get(self, target: str, host: str, *lines: str, method: str = "GET", body: bytes = b"") -> Reply:
        """Send a request and return its response."""
        rows = [f"{method} {target} HTTP/1.1", f"Host: {host}", *lines]
        if body:
            rows.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join([*rows, "", ""]).encode("latin-1") + body)
        return await self.reply(head=method == "HEAD")

    async def is_closed(self) -> bool:
        """Whether the gateway closes (or resets) without another octet."""
        try:
            return await self.reader.read(1) == b""
        except ConnectionError:
            return True

    async def close(self) -> None:
        self.writer.close()


class World:
    """A gateway, its upstreams, its clients and what it logged."""

    def __init__(self) -> None:
        self.gateway: Gateway
        self.log: list[Record] = []
        self.logged = asyncio.Event()
        self._closers: list[Callable[[], Awaitable[None]]] = []

    async def upstream(self, answer: Answer | None = None) -> UpstreamServer:
        """Start an upstream."""
        server = UpstreamServer(answer or ok())
        await server.start()
        self._closers.append(server.close)
        return server

    async def server(
        self, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
    ) -> str:
        """Start an upstream that behaves as `serve` does, and return its URL."""
        server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 16)

        async def close() -> None:
            server.close()

        self._closers.append(close)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def serve(
        self,
        *endpoints: EndpointDef,
        settings: Settings | None = None,
        apps: Apps | None = None,
        program: Program | None = None,
        upstream: str | None = None,
    ) -> None:
        """Start the gateway on a port of the kernel's choice."""
        self.gateway = Gateway(
            program or (Program(endpoints) if endpoints else None),
            settings or Settings(seed=1),
            apps=apps,
            upstream=upstream,
            log=self._take,
        )
        self._closers.append(lambda: self.gateway.close(1.0))
        await self.gateway.start("127.0.0.1", 0)

    def _take(self, record: Record) -> None:
        self.log.append(record)
        self.logged.set()

    async def record(self, count: int = 1) -> Record:
        """Wait for so many records, and return the last."""
        while len(self.log) < count:
            self.logged.clear()
            await self.logged.wait()
        return self.log[count - 1]

    @property
    def port(self) -> int:
        return self.gateway.addresses[0][1]

    async def client(self) -> Client:
        """Connect."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20)
        client = Client(reader, writer)
        self._closers.append(client.close)
        return client

    async def get(self, target: str, host: str, *lines: str, method: str = "GET", body: bytes = b"") -> Reply:
        """Send one request on a connection of its own."""
        client = await self.client()
        try:
            return await client.get(target, host, *lines, method=method, body=body)
        finally:
            await client.close()

    def on_close(self, closer: Callable[[], None]) -> None:
        """Call `closer` at the end."""

        async def close() -> None:
            closer()

        self._closers.append(close)

    async def close(self) -> None:
        for closer in reversed(self._closers):
            await closer()


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    """Give a world, and close everything in it."""
    made = World()
    try:
        yield made
    finally:
        await made.close()


def url(text: str) -> EndpointUrl:
    parsed = parse_endpoint_url(text)
    assert isinstance(parsed, EndpointUrl)
    return parsed


def upstream(text: str) -> Upstream:
    parsed = parse_upstream(text)
    assert isinstance(parsed, Upstream)
    return parsed


def endpoint(
    text: str,
    phases: Mapping[Phase, Run] | None = None,
    to: str | None = None,
    *,
    pooled: bool = False,
    account: str = "default",
    key: str = "",
) -> EndpointDef:
    """Return an endpoint with hand-made phases, and an upstream if there is one."""
    return EndpointDef(
        url(text),
        Policy(phases or {}, key=key),
        upstream(to) if to is not None else None,
        account,
        pooling_enabled=pooled,
    )
