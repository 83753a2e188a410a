"""Connections that end with their first answer: nobody can tell them from others, and nothing is left."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple, cast

import pytest
import uvloop
from tests.e2e.world import Client, World, endpoint, ok, read_request, run, world

from policyc.engine.model import EndpointDef
from policyc.runtime.observe import Record
from policyc.runtime.process import open_descriptors
from policyc.runtime.program import compile_program
from policyc.runtime.settings import Settings
from policyc.runtime.transport import brief
from policyc.runtime.transport.brief import BriefProtocol, BriefTransport
from policyc.runtime.transport.server import ClientConnection

pytestmark = pytest.mark.e2e

GET = b"GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n"
LAST = b"GET /a HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\nContent-Length: 2\r\n\r\n"
RESET = struct.pack("ii", 1, 0)
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
ANSWERED = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"


async def until(condition: Callable[[], object]) -> None:
    """Let the loop turn until it is so; `run` ends what never is."""
    while not condition():
        await asyncio.sleep(0)


class Watch:
    """What became of the connections: were they taken for their one request, or given loop transports."""

    is_brief_allowed = True

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.entered = 0
        self.taken: list[bool] = []
        enter, begin = brief.enter, ClientConnection.begin_briefly

        def entering(protocol: asyncio.BaseProtocol, accepted: socket.socket) -> bool:
            self.entered += 1
            return enter(protocol, accepted)

        def beginning(connection: ClientConnection, data: bytes) -> bool:
            taken = self.is_brief_allowed and begin(connection, data)
            self.taken.append(taken)
            return taken

        monkeypatch.setattr(brief, "enter", entering)
        monkeypatch.setattr(ClientConnection, "begin_briefly", beginning)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(monkeypatch)


class Waiting:
    """An upstream that answers the first request at once, and others when it is told to go."""

    def __init__(self) -> None:
        self.arrived, self.go, self.dropped = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.answer = OK

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)
        while await read_request(reader) is not None:
            self.arrived.set()
            end, go = asyncio.ensure_future(reader.read(1)), asyncio.ensure_future(self.go.wait())
            await asyncio.wait([end, go], return_when=asyncio.FIRST_COMPLETED)
            if end.done():
                self.dropped.set()
                break
            end.cancel()
            await asyncio.wait([end])
            writer.write(self.answer)
        writer.close()


async def warm(made: World, watch: Watch, *endpoints: EndpointDef, settings: Settings | None = None) -> None:
    """Serve, let the wheel look at nothing by itself, and have an idle connection to the upstream."""
    await made.serve(*endpoints, settings=settings)
    made.gateway.wheel._on_tick = None
    assert (await made.get("/", "a.example")).status == 200
    await until(lambda: not made.gateway.connection_count)
    made.log.clear()
    watch.taken.clear()
    watch.entered = 0


async def at_work(made: World, watch: Watch, settings: Settings | None = None) -> tuple[Waiting, Client]:
    """Return an upstream that works for a client whose connection has no transport of the loop."""
    upstream = Waiting()
    await warm(
        made, watch, endpoint("http://a.example", to=await made.server(upstream.serve)), settings=settings
    )
    client = await made.client()
    client.send(LAST)
    await upstream.arrived.wait()
    assert (watch.taken, watch.entered) == ([True], 0)
    return upstream, client


async def is_gone(made: World) -> None:
    await until(lambda: not made.gateway.connection_count)


def reset(client: Client) -> None:
    sock = client.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    client.writer.transport.abort()


# --- through a gateway --------------------------------------------------------------------------------------


def test_last_request_is_answered_and_closed_without_a_transport_of_the_loop(watch: Watch) -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()
            await warm(made, watch, endpoint("http://a.example", to=origin.url))
            for n in range(3):
                client = await made.client()
                client.send(LAST.replace(b"/a", b"/%d" % n))
                assert await client.reader.read() == ANSWERED
            await is_gone(made)
            assert (watch.taken, watch.entered) == ([True] * 3, 0)
            assert origin.connections == 1
            assert [each["path"] for each in made.log] == ["/0", "/1", "/2"]
            assert {each["status"] for each in made.log} == {200}

    run(scenario())


class Told(NamedTuple):
    """All that can be seen of a connection from outside."""

    answer: bytes
    seen: object
    records: list[Record]


POLICIES = {
    "bare": "",
    "rules": 'on_http_request { rule "x" when req.method == "GET" {'
    ' add-headers { headers: { "x-a": "1" } } } }'
    ' on_http_response { add-headers { headers: { "x-b": "2" } } }',
    "variables": 'on_http_request { set-vars { vars: [{ "v": "${req.url.path}" }] }'
    ' add-headers { headers: { "x-v": "${vars.v}" } } }',
    "deny": "on_http_request { deny 403 }",
    "silence": "on_http_request { deny }",
    "answer": 'on_http_request { custom-response 200 { body: "own" } }',
    "answer in place of another": 'on_http_response { custom-response 202 { body: "own" } }',
}

PIECES: dict[str, tuple[bytes, ...]] = {
    "last": (LAST,),
    "kept": (GET, LAST),
    "in two pieces": (LAST[:20], LAST[20:]),
    "a body with it": (POST + b"hi",),
    "a body that comes later": (POST, b"hi"),
    "a body in pieces": (POST + b"h", b"i"),
    "a body in chunks": (
        b"POST /a HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"2\r\nhi\r\n0\r\n\r\n",
    ),
    "a body that is asked for": (POST.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"), b"hi"),
    "HTTP/1.0": (GET.replace(b"HTTP/1.1", b"HTTP/1.0"),),
    "HEAD": (LAST.replace(b"GET", b"HEAD"),),
    "two at once": (LAST + LAST,),
    "a line too many": (LAST + b"\r\n",),
    "an upgrade": (GET.replace(b"\r\n\r\n", b"\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"), LAST),
    "garbage": (b"\x16\x03\x01\0\xa5\1\0\0\xa1\x03\x03\r\n\r\n",),
    "no host": (LAST.replace(b"Host: a.example\r\n", b""),),
    "another host": (LAST.replace(b"a.example", b"b.example"),),
}


STATUS = {"garbage": 400, "no host": 400, "another host": 404}
BRIEF = {"last", "a body with it"}


async def told(made: World, pieces: Sequence[bytes], watch: Watch) -> Told:
    """Say pieces, the first of them alone, and return what comes of it until the end."""
    client = await made.client()
    client.send(pieces[0])
    await until(lambda: watch.taken)
    for piece in pieces[1:]:
        client.send(piece)
    try:
        answer = await client.reader.read()
    except ConnectionResetError:
        answer = b"reset"
    client.writer.close()
    await is_gone(made)
    for record in made.log:
        del record["ts"]
        record.pop("duration_ms", None)
    return Told(answer, [], list(made.log))


@pytest.mark.parametrize("said", PIECES)
@pytest.mark.parametrize("policy", POLICIES)
def test_brief_connections_are_told_from_others_by_nobody(policy: str, said: str, watch: Watch) -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream(lambda seen: ok(b"%b %b" % (seen.target.encode(), seen.body))(seen))
            text = f'endpoint "http://a.example" -> "{origin.url}" {{ {POLICIES[policy]} }}'
            if not POLICIES[policy]:
                text = f'endpoint "http://a.example" -> "{origin.url}"'
            endpoints = (*compile_program(text).endpoints, endpoint("http://warm.example", to=origin.url))
            both: list[Told] = []
            for watch.is_brief_allowed in (True, False):
                await made.serve(*endpoints)
                assert (await made.get("/", "warm.example")).status == 200
                await is_gone(made)
                for each in (made.log, origin.seen, watch.taken):
                    each.clear()
                heard = await told(made, PIECES[said], watch)
                both.append(heard._replace(seen=list(origin.seen)))
                assert watch.taken == [watch.is_brief_allowed and said in BRIEF]
                await made.gateway.close()
            assert both[0] == both[1]
            assert both[0].records
            if policy == "bare":
                assert both[0].answer.startswith(b"HTTP/1.1 %d " % STATUS.get(said, 200))

    run(scenario())


def test_protocol_that_a_client_upgrades_to_is_spoken_both_ways(watch: Watch) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n")
        writer.write(b"<" + await reader.readexactly(4) + b">")
        writer.close()

    async def scenario() -> None:
        async with world() as made:
            await made.serve(endpoint("http://a.example", to=await made.server(serve)))
            client = await made.client()
            client.send(PIECES["an upgrade"][0] + b"ping")
            assert (await client.reply()).status == 101
            assert await client.reader.read() == b"<ping>"
            assert watch.taken == [False]

    run(scenario())


class SlowClient:
    """A client with a small buffer, of a gateway whose buffers are small: what is large has to wait."""

    def __init__(self, made: World) -> None:
        (listening,) = made.gateway._servers[-1].sockets
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        self._socket.connect(listening.getsockname())
        self._socket.setblocking(False)
        self._socket.send(LAST)

    async def all(self) -> bytes:
        loop, pieces = asyncio.get_running_loop(), []
        with self._socket, suppress(ConnectionResetError):
            while piece := await loop.sock_recv(self._socket, 1024):
                pieces.append(piece)
        return b"".join(pieces)


@pytest.mark.parametrize("size", [15_000, 100_000, 1_000_000])
def test_answer_that_a_slow_client_does_not_take_at_once_arrives_whole(size: int, watch: Watch) -> None:
    async def scenario() -> None:
        async with world() as made:
            body = bytes(range(250)) * (size // 250)
            origin = await made.upstream()
            await warm(made, watch, endpoint("http://a.example", to=origin.url))
            origin.answer = ok(body)
            client = SlowClient(made)
            await until(lambda: watch.entered)
            head, _, got = (await client.all()).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            assert got == body
            assert (watch.taken, watch.entered) == ([True], 1)
            await is_gone(made)

    run(scenario())


def test_client_that_never_takes_the_rest_of_its_answer_is_not_kept(watch: Watch) -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()
            settings = Settings(seed=1, idle_timeout_s=0.3, write_timeout_s=0.3)
            await warm(made, watch, endpoint("http://a.example", to=origin.url), settings=settings)
            origin.answer = ok(b"x" * 15_000)
            client = SlowClient(made)
            await until(lambda: watch.entered)
            await is_gone(made)
            assert len(await client.all()) < 15_000

    run(scenario())


def test_answer_without_an_announced_length_arrives_whole(watch: Watch) -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()
            await warm(made, watch, endpoint("http://a.example", to=origin.url))
            origin.answer = lambda _: b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + b"x" * 300_000
            client = await made.client()
            client.send(LAST)
            assert (await client.reply()).body == b"x" * 300_000
            assert await client.is_closed()
            assert watch.taken == [True]
            await is_gone(made)

    run(scenario())


@pytest.mark.parametrize("leave", [reset, lambda client: client.writer.close()])
def test_client_that_is_gone_while_the_upstream_works_is_noticed_after_a_look(
    leave: Callable[[Client], None], watch: Watch
) -> None:
    async def scenario() -> None:
        async with world() as made:
            upstream, client = await at_work(made, watch, Settings(seed=1, half_close_s=0.01))
            leave(client)
            made.gateway.gate.look()
            assert watch.entered == 1
            assert (await made.record())["reason"] == "client_gone"
            await upstream.dropped.wait()
            await is_gone(made)

    run(scenario())


def test_client_that_waits_gets_its_answer_after_a_look_too(watch: Watch) -> None:
    async def scenario() -> None:
        async with world() as made:
            upstream, client = await at_work(made, watch)
            made.gateway.gate.look()
            made.gateway.gate.look()
            assert watch.entered == 1
            upstream.go.set()
            assert await client.reader.read() == ANSWERED
            await is_gone(made)

    run(scenario())


def test_client_that_ends_its_side_gets_its_answer(watch: Watch) -> None:
    async def scenario() -> None:
        async with world() as made:
            upstream, client = await at_work(made, watch)
            client.writer.write_eof()
            upstream.go.set()
            assert await client.reader.read() == ANSWERED
            assert watch.entered == 0
            await is_gone(made)

    run(scenario())


@pytest.mark.parametrize("is_looked_at", [False, True])
@pytest.mark.parametrize("more", [b"\r\n", LAST, b"x" * 100_000])
def test_octets_behind_the_last_request_do_not_cost_the_client_its_answer(
    more: bytes, is_looked_at: bool, watch: Watch
) -> None:
    async def scenario() -> None:
        async with world() as made:
            upstream, client = await at_work(made, watch)
            client.send(more)
            if is_looked_at:
                made.gateway.gate.look()
            upstream.go.set()
            assert await client.reader.read() == ANSWERED
            assert watch.entered == 1
            client.writer.close()
            await is_gone(made)
            assert [each["status"] for each in made.log] == [200]

    run(scenario())


def connected(made: World) -> socket.socket:
    """Return a client that the gateway has not accepted yet, for it had no turn."""
    return socket.create_connection(("127.0.0.1", made.port))


def descriptors_of_clients(made: World) -> int:
    """Count what is open, but for connections to the upstream: both of their ends are in this process."""
    return open_descriptors() - 2 * made.gateway.upstreams.open_count


@pytest.mark.parametrize("is_reset", [False, True])
@pytest.mark.parametrize("said", [b"", LAST, GET, LAST[:20]])
def test_client_that_leaves_at_once_leaves_nothing(said: bytes, is_reset: bool, watch: Watch) -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()
            await warm(made, watch, endpoint("http://a.example", to=origin.url))
            before = descriptors_of_clients(made)
            for _ in range(3):
                with connected(made) as client:
                    client.sendall(said)
                    if is_reset:
                        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            assert (await made.get("/", "a.example", "Connection: close")).body == b"ok"
            await until(lambda: descriptors_of_clients(made) == before and not made.gateway.connection_count)
            assert len(watch.taken) == (4 if said else 1)

    run(scenario())


def test_client_that_says_nothing_is_accepted_by_and_by_and_closed_when_it_is_idle(watch: Watch) -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()
            await made.serve(
                endpoint("http://a.example", to=origin.url), settings=Settings(seed=1, idle_timeout_s=0.5)
            )
            silent, late = await made.client(), await made.client()
            await until(lambda: made.gateway.connection_count == 2)
            late.send(LAST)
            assert await late.reader.read() == ANSWERED
            assert await silent.reader.read() == b""
            assert watch.taken == []
            await is_gone(made)

    run(scenario())


@pytest.mark.parametrize(
    ("setting", "reason"),
    [("connections_per_address", "address_connections"), ("connections_limit", "too_many_connections")],
)
def test_connection_too_many_is_closed_and_logged(setting: str, reason: str, watch: Watch) -> None:
    async def scenario() -> None:
        async with world() as made:
            upstream, client = await at_work(made, watch, Settings(seed=1, **{setting: 1}))  # type: ignore[arg-type]
            before = open_descriptors()
            with connected(made) as other:
                other.sendall(LAST)
                other.setblocking(False)
                assert await asyncio.get_running_loop().sock_recv(other, 1) == b""
            assert made.log == [{"ts": made.log[0]["ts"], "client": "127.0.0.1", "reason": reason}]
            await until(lambda: open_descriptors() == before)
            assert watch.taken == [True]
            upstream.go.set()
            assert await client.reader.read() == ANSWERED
            await is_gone(made)
            assert made.gateway._by_address == {}

    run(scenario())


def test_failure_of_one_connection_is_logged_and_costs_the_others_nothing(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    begin = ClientConnection.begin_briefly

    def failing(connection: ClientConnection, data: bytes) -> bool:
        if b"/fails " in data:
            raise ValueError("planned")
        return begin(connection, data)

    monkeypatch.setattr(ClientConnection, "begin_briefly", failing)

    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()
            await warm(made, watch, endpoint("http://a.example", to=origin.url))
            before = descriptors_of_clients(made)
            loop = asyncio.get_running_loop()
            with connected(made) as one, connected(made) as bad, connected(made) as other:
                for client in (one, bad, other):
                    client.sendall(LAST.replace(b"/a", b"/fails") if client is bad else LAST)
                    client.setblocking(False)
                heard = [await loop.sock_recv(client, 1000) for client in (one, bad, other)]
            assert heard[0].startswith(b"HTTP/1.1 200 OK\r\n")
            assert heard[1] == b""
            assert heard[2].startswith(b"HTTP/1.1 200 OK\r\n")
            await is_gone(made)
            await until(lambda: descriptors_of_clients(made) == before)
            assert (await made.get("/", "a.example", "Connection: close")).body == b"ok"

    run(scenario())
    (record,) = caplog.records
    assert record.getMessage() == "a connection failed"
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "planned"


def test_failure_after_the_first_octets_closes_the_connection(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(connection: ClientConnection, data: bytes) -> None:
        raise ValueError("planned")

    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()
            await warm(made, watch, endpoint("http://a.example", to=origin.url))
            with monkeypatch.context() as changed:
                changed.setattr(ClientConnection, "data_received", failing)
                client = await made.client()
                client.send(GET)
                assert await client.is_closed()
                await is_gone(made)

    run(scenario())
    assert "ValueError: planned" in caplog.text


def test_request_body_that_the_upstream_does_not_take_at_once_is_waited_for(watch: Watch) -> None:
    program = compile_program(
        'on_http_request { set-vars { vars: [{ "v": "${req.url.path}" }] }'
        ' add-headers { headers: { "x-v": "${vars.v}" } } }'
    )
    body = b"x" * 9000
    asked = POST.replace(b": 2", b": 9000") + body

    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()
            settings = Settings(seed=1, buffer_bytes=2000)
            await made.serve(program=program, upstream=origin.url, settings=settings)
            client = await made.client()
            client.send(asked)
            assert await client.reader.read() == ANSWERED
            assert [seen.body for seen in origin.seen] == [body]
            await is_gone(made)

    run(scenario())


def test_policy_sees_the_octets_of_the_request(watch: Watch) -> None:
    program = compile_program('on_http_request { add-headers { headers: { "x-in": "${conn.bytes_in}" } } }')

    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()
            await made.serve(program=program, upstream=origin.url)
            for asked in (LAST, LAST, GET):
                client = await made.client()
                client.send(asked)
                await client.reply()
                client.writer.close()
            seen = [each.get("x-in") for each in origin.seen]
            assert seen == [[str(len(asked))] for asked in (LAST, LAST, GET)]
            assert watch.taken == [True, True, False]

    run(scenario())


@pytest.mark.parametrize("is_looked_at", [False, True])
def test_stop_lets_a_request_in_flight_finish(is_looked_at: bool, watch: Watch) -> None:
    async def scenario() -> None:
        async with world() as made:
            upstream, client = await at_work(made, watch)
            if is_looked_at:
                made.gateway.gate.look()
            closing = asyncio.ensure_future(made.gateway.close(5))
            await until(lambda: made.gateway.is_stopping)
            assert made.gateway.connection_count == 1
            upstream.go.set()
            assert await client.reader.read() == ANSWERED
            await closing
            assert made.gateway.connection_count == 0
            assert [each["status"] for each in made.log] == [200]

    run(scenario())


def test_client_that_is_gone_while_the_gateway_stops_is_not_waited_for(watch: Watch) -> None:
    async def scenario() -> None:
        async with world() as made:
            upstream, client = await at_work(made, watch)
            closing = asyncio.ensure_future(made.gateway.close(60))
            await until(lambda: made.gateway.is_stopping)
            reset(client)
            await closing
            assert [each["reason"] for each in made.log] == ["client_gone"]
            await upstream.dropped.wait()

    run(scenario())


@pytest.mark.parametrize("is_looked_at", [False, True])
def test_kill_cuts_a_request_in_flight(is_looked_at: bool, watch: Watch) -> None:
    async def scenario() -> None:
        async with world() as made:
            upstream, client = await at_work(made, watch)
            if is_looked_at:
                made.gateway.gate.look()
            made.gateway.cut()
            assert await client.is_closed()
            await is_gone(made)
            assert [each["reason"] for each in made.log] == ["drain_timeout"]
            await upstream.dropped.wait()

    run(scenario())


def test_reload_lets_a_request_in_flight_finish(watch: Watch) -> None:
    async def scenario() -> None:
        async with world() as made:
            upstream, client = await at_work(made, watch)
            made.gateway.reload(None)
            upstream.go.set()
            assert await client.reader.read() == ANSWERED
            await is_gone(made)

    run(scenario())


# --- the transport alone ------------------------------------------------------------------------------------


class Notes(BriefProtocol):
    """Writes down what it hears. With `takes`, what a client says is its only request."""

    def __init__(self, *, takes: bool = True, turns_away: bool = False) -> None:
        self.takes = takes
        self.turns_away = turns_away
        self.heard: list[object] = []
        self.transport: asyncio.Transport | None = None
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.heard.append("made")
        self.transport = cast(asyncio.Transport, transport)
        if self.turns_away:
            self.transport.abort()

    def begin_briefly(self, data: bytes) -> bool:
        self.heard.append(data)
        return self.takes

    def moved(self, transport: asyncio.Transport) -> None:
        self.heard.append("moved")
        self.transport = transport

    def unread(self) -> None:
        self.heard.append("unread")

    def data_received(self, data: bytes) -> None:
        self.heard.append(("received", data))

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(exc)


class Pair:
    """A brief transport that has begun, and the peer that said something before."""

    def __init__(self, said: bytes = b"?", *, takes: bool = True, turns_away: bool = False) -> None:
        here, self.peer = socket.socketpair()
        here.setblocking(False)
        self.peer.setblocking(False)
        if said:
            self.peer.sendall(said)
        self.notes = Notes(takes=takes, turns_away=turns_away)
        self.under_way: set[BriefTransport] = set()
        self.descriptor = here.detach()
        self.transport = BriefTransport(self.descriptor, socket.AF_UNIX, "peer", self.notes, self.under_way)

    def begin(self) -> Pair:
        self.transport.begin()
        return self

    async def all(self) -> bytes:
        """Return what the peer hears until the end, and close it."""
        loop, pieces = asyncio.get_running_loop(), []
        with self.peer:
            while piece := await loop.sock_recv(self.peer, 1 << 16):
                pieces.append(piece)
        return b"".join(pieces)

    async def moved(self) -> None:
        await until(lambda: "moved" in self.notes.heard)

    @property
    def is_open(self) -> bool:
        try:
            os.fstat(self.descriptor)
        except OSError:
            return False
        return True


def test_what_is_written_goes_out_at_once_and_the_end_is_told_in_the_next_turn() -> None:
    async def scenario() -> None:
        pair = Pair(b"hello").begin()
        assert pair.notes.heard == ["made", b"hello"]
        assert pair.under_way == {pair.transport}
        pair.transport.write(b"one ")
        pair.transport.writelines([b"two ", memoryview(b"three")])
        assert pair.peer.recv(100) == b"one two three"
        assert (pair.transport.is_closing(), pair.transport.get_write_buffer_size()) == (False, 0)
        pair.transport.close()
        assert pair.peer.recv(100) == b""
        assert (pair.transport.is_closing(), pair.is_open, pair.under_way) == (True, False, set())
        assert not pair.notes.lost.done()
        assert await pair.notes.lost is None
        pair.peer.close()

    run(scenario())


def test_what_is_asked_of_a_transport_that_is_closed_comes_to_nothing() -> None:
    async def scenario() -> None:
        pair = Pair().begin()
        pair.transport.close()
        pair.transport.write(b"x")
        pair.transport.write_eof()
        pair.transport.last()
        pair.transport.close()
        pair.transport.abort()
        assert await pair.notes.lost is None
        assert await pair.all() == b""
        assert pair.notes.heard == ["made", b"?"]

    run(scenario())


def test_what_is_written_before_the_transport_of_the_loop_is_there_keeps_its_order() -> None:
    async def scenario() -> None:
        pair = Pair().begin()
        pair.transport.write(b"1")
        pair.transport.last()
        assert pair.under_way == set()
        pair.transport.write(b"2")
        pair.transport.writelines([b"3", b"4"])
        assert pair.peer.recv(100) == b"1"
        await pair.moved()
        pair.transport.write(b"5")
        pair.transport.close()
        assert await pair.all() == b"2345"
        assert await pair.notes.lost is None
        assert pair.notes.transport is not pair.transport
        assert not pair.is_open

    run(scenario())


@pytest.mark.parametrize("is_written", [False, True])
def test_close_before_the_transport_of_the_loop_is_there_comes_after_what_was_written(
    is_written: bool,
) -> None:
    async def scenario() -> None:
        pair = Pair().begin()
        pair.transport.last()
        if is_written:
            pair.transport.write(b"answer")
        pair.transport.close()
        assert pair.transport.is_closing()
        assert pair.is_open
        assert await pair.all() == (b"answer" if is_written else b"")
        assert await pair.notes.lost is None
        assert not pair.is_open

    run(scenario())


def test_abort_before_the_transport_of_the_loop_is_there_closes_it() -> None:
    async def scenario() -> None:
        pair = Pair().begin()
        pair.transport.last()
        pair.transport.abort()
        assert pair.transport.is_closing()
        assert await pair.all() == b""
        assert await pair.notes.lost is None
        assert not pair.is_open

    run(scenario())


def test_abort_closes_at_once_even_where_something_is_unread() -> None:
    async def scenario() -> None:
        pair = Pair().begin()
        pair.peer.send(b"more")
        pair.transport.abort()
        assert not pair.is_open
        assert await pair.notes.lost is None
        assert "unread" not in pair.notes.heard
        pair.peer.close()

    run(scenario())


def test_end_of_what_is_written_is_told_and_the_peer_is_heard_on() -> None:
    async def scenario() -> None:
        pair = Pair().begin()
        assert pair.transport.can_write_eof()
        pair.transport.write(b"answer")
        pair.transport.write_eof()
        loop = asyncio.get_running_loop()
        assert await loop.sock_recv(pair.peer, 100) == b"answer"
        assert await loop.sock_recv(pair.peer, 100) == b""
        pair.peer.sendall(b"more")
        pair.peer.close()
        assert await pair.notes.lost is None
        assert pair.notes.heard == ["made", b"?", "moved", ("received", b"more")]

    run(scenario())


def test_write_that_fails_ends_the_connection_with_its_error() -> None:
    async def scenario() -> None:
        pair = Pair().begin()
        pair.peer.close()
        pair.transport.write(b"answer")
        assert pair.transport.is_closing()
        pair.transport.write(b"more")
        pair.transport.close()
        assert isinstance(await pair.notes.lost, BrokenPipeError)
        assert not pair.is_open
        assert pair.under_way == set()

    run(scenario())


def test_what_the_system_does_not_take_at_once_is_left_to_the_loop() -> None:
    async def scenario() -> None:
        pair = Pair().begin()
        said = bytes(range(256)) * 8192
        pair.transport.write(said)
        pair.transport.write(b"end")
        pair.transport.close()
        assert await pair.all() == said + b"end"
        assert await pair.notes.lost is None

    run(scenario())


def test_close_is_left_to_the_protocol_where_something_is_unread() -> None:
    async def scenario() -> None:
        pair = Pair().begin()
        pair.transport.write(b"answer")
        pair.peer.send(b"more")
        pair.transport.close()
        assert pair.notes.heard == ["made", b"?", "unread"]
        assert not pair.transport.is_closing()
        pair.transport.write_eof()
        assert await pair.all() == b"answer"
        assert await pair.notes.lost is None
        assert pair.notes.heard[3:] == ["moved", ("received", b"more")]

    run(scenario())


def test_what_is_not_taken_is_received_once_the_transport_of_the_loop_is_there() -> None:
    async def scenario() -> None:
        pair = Pair(b"hello", takes=False).begin()
        assert pair.notes.heard == ["made", b"hello"]
        assert pair.under_way == set()
        pair.peer.sendall(b"more")
        await until(lambda: len(pair.notes.heard) == 5)
        assert pair.notes.heard[2:] == ["moved", ("received", b"hello"), ("received", b"more")]
        assert not isinstance(pair.notes.transport, BriefTransport)
        pair.peer.close()
        assert await pair.notes.lost is None

    run(scenario())


def test_what_is_not_taken_is_dropped_where_the_connection_is_closed_meanwhile() -> None:
    async def scenario() -> None:
        pair = Pair(b"hello", takes=False).begin()
        pair.transport.close()
        assert await pair.notes.lost is None
        assert pair.notes.heard == ["made", b"hello", "moved"]
        pair.peer.close()

    run(scenario())


def test_peer_that_says_nothing_gets_a_transport_of_the_loop() -> None:
    async def scenario() -> None:
        pair = Pair(b"").begin()
        assert pair.notes.heard == []
        await until(lambda: pair.notes.heard)
        assert not isinstance(pair.notes.transport, BriefTransport)
        pair.peer.sendall(b"hello")
        await until(lambda: len(pair.notes.heard) == 2)
        assert pair.notes.heard == ["made", ("received", b"hello")]
        pair.peer.close()
        assert await pair.notes.lost is None
        assert not pair.is_open

    run(scenario())


def test_protocol_hears_nothing_of_a_peer_that_is_gone_already() -> None:
    async def scenario() -> None:
        pair = Pair(b"")
        pair.peer.close()
        pair.begin()
        assert not pair.is_open
        assert (pair.notes.heard, pair.under_way) == ([], set())

    run(scenario())


def test_connection_that_is_turned_away_is_asked_for_nothing() -> None:
    async def scenario() -> None:
        pair = Pair(turns_away=True).begin()
        assert (pair.notes.heard, pair.under_way, pair.is_open) == (["made"], set(), False)
        assert await pair.notes.lost is None
        pair.peer.close()

    run(scenario())


def test_socket_and_its_names_can_be_asked_for() -> None:
    async def scenario() -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        peer = socket.create_connection(listening.getsockname())
        peer.sendall(b"?")
        accepted, name = listening.accept()
        accepted.setblocking(False)
        descriptor, notes = accepted.detach(), Notes()
        transport = BriefTransport(descriptor, socket.AF_INET, name, notes, set())
        transport.begin()
        names = {"peername": peer.getsockname(), "sockname": listening.getsockname()}
        for _ in range(2):
            assert {each: transport.get_extra_info(each) for each in names} == names
            assert transport.get_extra_info("socket").fileno() == descriptor
            assert transport.get_extra_info("sslcontext", "none") == "none"
            transport.last()
            await until(lambda: "moved" in notes.heard)
        transport.close()
        assert await notes.lost is None
        for each in (peer, listening):
            each.close()

    run(scenario())


def test_socket_of_a_closed_connection_is_not_to_be_had() -> None:
    async def scenario() -> None:
        pair = Pair().begin()
        pair.transport.close()
        assert [pair.transport.get_extra_info(each) for each in ("socket", "sockname")] == [None, None]
        assert await pair.notes.lost is None
        pair.peer.close()

    run(scenario())


@pytest.mark.parametrize("is_silent", [False, True])
def test_connection_for_which_the_loop_has_no_transport_is_closed(
    is_silent: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse(*_: object) -> None:
        raise OSError("none is left")

    monkeypatch.setattr(uvloop.Loop, "connect_accepted_socket", refuse)

    async def scenario() -> None:
        pair = Pair(b"" if is_silent else b"?").begin()
        if not is_silent:
            pair.transport.write_eof()
            assert await pair.notes.lost is None
            assert pair.transport.is_closing()
        assert not pair.is_open
        assert pair.peer.recv(1) == b""
        pair.peer.close()

    run(scenario())
    assert [each.getMessage() for each in caplog.records] == ["a connection cannot be served: none is left"]
