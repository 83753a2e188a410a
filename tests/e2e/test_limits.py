"""Every limit of the gateway: it has a setting, something is done where it is met, and a metric counts that.

A limit that is added without an entry in SCENARIOS or ELSEWHERE fails the first test here.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.e2e.world import Client, Seen, World, endpoint, ok, run, world

from policyc.engine.outcome import Fail, Forward, Outcome, Respond
from policyc.engine.phases import Phase
from policyc.engine.traffic import Exchange
from policyc.runtime.reasons import QUIET_LIMITS, REASONS
from policyc.runtime.settings import SETTINGS, Settings

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
REQUEST = Phase.HTTP_REQUEST
Scenario = Callable[[World], Awaitable[None]]
SCENARIOS: dict[str, Scenario] = {}

# Settings of a number that bound nothing a stranger does, each with what it is.
NO_LIMITS = {
    "half_close_s": "how long an answer is waited for, for a client that has closed its side",
    "continue_timeout_s": "how long the 100 of an upstream is waited for",
    "watch_interval_s": "how often files are looked at",
    "http2_window_bytes": "flow control, of which the protocol itself keeps the bounds",
    "seed": "of chance",
}

# Limits that count under the name of another one, or (buckets) by a metric of their own.
COUNTED_BY = {"body_grace_s": "body_rate_bytes_s", "buckets_limit": "policyc_rate_limit_evictions_total"}

_HTTP2 = "tests/runtime/protocol/test_http2.py::test_streams_that_come_and_go_end_the_connection"
_FRAMES = "tests/runtime/protocol/test_http2_frames.py::test_"

# Limits that are met in other tests.
ELSEWHERE = {
    "websocket_message_limit_bytes": "tests/e2e/test_app_sockets.py::"
    "test_message_beyond_the_limit_closes_with_1009",
    "hello_timeout_s": "tests/e2e/test_streams.py::test_late_hello_is_waited_for_in_all_and_not_per_piece",
    "stream_idle_timeout_s": "tests/e2e/test_streams.py::test_nothing_moves_for_five_minutes_and_the_"
    "connection_is_closed",
    "handshake_timeout_s": "tests/runtime/transport/test_https.py::test_a_handshake_that_stops_is_not_"
    "waited_for",
    "http2_streams_limit": _HTTP2,
    "http2_resets_limit": _HTTP2,
    "http2_control_limit": f"{_FRAMES}flood_ends_the_connection",
    "http2_continuations_limit": f"{_FRAMES}continuations_without_end_are_refused",
    "buckets_limit": "tests/runtime/test_state.py::test_least_recently_used_bucket_goes_and_a_hot_one_stays",
}


def limit(name: str) -> Callable[[Scenario], Scenario]:
    def register(scenario: Scenario) -> Scenario:
        SCENARIOS[name] = scenario
        return scenario

    return register


def test_every_limit_has_a_test_and_a_metric() -> None:
    limits = {each.name for each in SETTINGS if each.unit in ("octets", "seconds", "count")} - set(NO_LIMITS)
    tested = set(SCENARIOS) | set(ELSEWHERE)
    assert limits - tested == set(), "limits without a test"
    assert tested - limits == set(), "tests of what is no limit"
    counted = {each.setting for each in REASONS.values()} | set(QUIET_LIMITS) | set(COUNTED_BY)
    assert limits - counted == set(), "limits without a metric"


@pytest.mark.parametrize("place", ELSEWHERE.values())
def test_tests_that_are_elsewhere_exist(place: str) -> None:
    path, _, name = place.partition("::")
    assert re.search(rf"^def {name}\(", (ROOT / path).read_text(), re.MULTILINE)


def hits(made: World, name: str) -> float:
    return made.gateway.collect()["policyc_limit_hits_total"][COUNTED_BY.get(name, name),]


@pytest.mark.parametrize("name", SCENARIOS)
def test_limit_is_kept_and_counted(name: str) -> None:
    async def scenario() -> None:
        async with world() as made:
            await SCENARIOS[name](made)
            assert hits(made, name) >= 1

    run(scenario())


async def serve(made: World, settings: Settings, answer: Callable[[Seen], bytes] | None = None) -> Client:
    origin = await made.upstream(answer)
    await made.serve(endpoint("http://a.example", to=origin.url), settings=settings)
    return await made.client()


async def refused(made: World, settings: Settings, octets: bytes, status: int) -> None:
    """Whoever sends these octets gets this status, and the connection is closed."""
    client = await serve(made, settings)
    client.send(octets)
    reply = await client.reply()
    assert reply.status == status
    assert await client.is_closed()


HEAD = b"GET / HTTP/1.1\r\nHost: a.example\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n"


@limit("head_limit_bytes")
async def _(made: World) -> None:
    await refused(made, Settings(head_limit_bytes=500), HEAD + b"X: yyyyyyyy\r\n" * 50 + b"\r\n", 431)


@limit("target_limit_bytes")
async def _(made: World) -> None:
    octets = b"GET /%b HTTP/1.1\r\nHost: a.example\r\n\r\n" % (b"x" * 60)
    await refused(made, Settings(target_limit_bytes=50), octets, 414)


@limit("fields_limit")
async def _(made: World) -> None:
    await refused(made, Settings(fields_limit=5), HEAD + b"X: y\r\n" * 5 + b"\r\n", 431)


@limit("line_limit_bytes")
async def _(made: World) -> None:
    await refused(made, Settings(line_limit_bytes=100), HEAD + b"X: %b\r\n\r\n" % (b"y" * 100), 431)


@limit("chunk_extensions_limit_bytes")
async def _(made: World) -> None:
    octets = POST + b"1;abcdefgh\r\nx\r\n" * 10 + b"0\r\n\r\n"
    await refused(made, Settings(chunk_extensions_limit_bytes=50), octets, 400)


@limit("trailers_limit_bytes")
async def _(made: World) -> None:
    octets = POST + b"0\r\n" + b"X: y\r\n" * 20 + b"\r\n"
    await refused(made, Settings(trailers_limit_bytes=50), octets, 400)


@limit("interim_limit")
async def _(made: World) -> None:
    client = await serve(
        made, Settings(interim_limit=2), lambda seen: b"HTTP/1.1 103 X\r\n\r\n" * 3 + ok()(seen)
    )
    replies = [await client.get("/", "a.example"), await client.reply(), await client.reply()]
    assert [each.status for each in replies] == [103, 103, 502]


@limit("head_timeout_s")
async def _(made: World) -> None:
    await refused(made, Settings(head_timeout_s=0.2), HEAD, 408)


@limit("idle_timeout_s")
async def _(made: World) -> None:
    client = await serve(made, Settings(idle_timeout_s=0.2))
    assert await client.is_closed()


@limit("write_timeout_s")
async def _(made: World) -> None:
    client = await serve(made, Settings(write_timeout_s=0.2, buffer_bytes=1024), ok(b"x" * 16_000_000))
    client.send(HEAD + b"\r\n")
    assert (await made.record())["reason"] == "write_timeout"


@limit("buffer_bytes")
async def _(made: World) -> None:
    client = await serve(made, Settings(buffer_bytes=1024), ok(b"x" * 16_000_000))
    assert (await client.get("/", "a.example")).body == b"x" * 16_000_000


@limit("connect_timeout_s")
async def _(made: World) -> None:
    # A queue of length 0 that is full: the system lets further attempts to connect wait.
    listening = socket.create_server(("127.0.0.1", 0), backlog=0)
    made.on_close(listening.close)
    waiting = [socket.socket() for _ in range(3)]
    for each in waiting:
        made.on_close(each.close)
        each.setblocking(False)
        each.connect_ex(listening.getsockname())
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    await made.serve(endpoint("http://a.example", to=url), settings=Settings(connect_timeout_s=0.2))
    assert (await made.get("/", "a.example")).status == 502
    assert (await made.record())["reason"] == "connect_timeout"


SLOW_BODY = b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 100\r\n\r\nx"


@limit("body_rate_bytes_s")
async def _(made: World) -> None:
    await refused(made, Settings(body_grace_s=0.1, body_rate_bytes_s=1000), SLOW_BODY, 408)


@limit("body_grace_s")
async def _(made: World) -> None:
    client = await serve(made, Settings(body_grace_s=0.6, body_rate_bytes_s=100_000))
    client.send(SLOW_BODY)
    began = asyncio.get_running_loop().time()
    assert (await client.reply()).status == 408
    assert asyncio.get_running_loop().time() - began > 0.55


@limit("drain_timeout_s")
async def _(made: World) -> None:
    stuck = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        stuck.set()
        assert await reader.read() == b""
        writer.close()

    url = await made.server(silent)
    await made.serve(endpoint("http://a.example", to=url), settings=Settings(drain_timeout_s=0.1))
    client = await made.client()
    client.send(HEAD + b"\r\n")
    await stuck.wait()
    await made.gateway.close()
    assert await client.is_closed()


@limit("requests_per_connection")
async def _(made: World) -> None:
    client = await serve(made, Settings(requests_per_connection=2))
    replies = [await client.get("/", "a.example") for _ in range(2)]
    assert [each.get("connection") for each in replies] == [[], ["close"]]
    assert await client.is_closed()


@limit("connections_per_address")
async def _(made: World) -> None:
    first = await serve(made, Settings(connections_per_address=1))
    assert (await first.get("/", "a.example")).status == 200
    assert await (await made.client()).is_closed()


@limit("connections_limit")
async def _(made: World) -> None:
    first = await serve(made, Settings(connections_limit=1))
    assert (await first.get("/", "a.example")).status == 200
    assert await (await made.client()).is_closed()


@limit("idle_upstreams")
async def _(made: World) -> None:
    both = asyncio.Barrier(2)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await both.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        assert await reader.read() == b""
        writer.close()

    url = await made.server(answer)
    await made.serve(endpoint("http://a.example", to=url), settings=Settings(idle_upstreams=1))
    await asyncio.gather(made.get("/", "a.example"), made.get("/", "a.example"))
    assert made.gateway.upstreams.idle_count <= 2


@limit("upstream_idle_s")
async def _(made: World) -> None:
    gone = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        assert await reader.read() == b""
        writer.close()
        gone.set()

    url = await made.server(answer)
    await made.serve(endpoint("http://a.example", to=url), settings=Settings(upstream_idle_s=0.2))
    await made.get("/", "a.example")
    await gone.wait()


@limit("drain_limit_bytes")
async def _(made: World) -> None:
    client = await serve(made, Settings(drain_limit_bytes=100))
    client.send(b"POST / HTTP/1.1\r\nHost: none.example\r\nContent-Length: 101\r\n\r\n")
    reply = await client.reply()
    assert (reply.status, reply.get("connection")) == (404, ["close"])


@limit("replay_limit_bytes")
async def _(made: World) -> None:
    def resumed(exchange: Exchange, failure: Fail) -> Outcome | None:
        return Respond(503, [], b"resumed")

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(200)
        writer.close()

    url = await made.server(cut)
    await made.serve(
        endpoint("http://a.example", {REQUEST: lambda exchange: Forward("http://b.internal", resumed)}),
        endpoint("http://b.internal", to=url),
        settings=Settings(replay_limit_bytes=100),
    )
    client = await made.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5000\r\n\r\n")
    client.send(b"x" * 1000)
    while not hits(made, "replay_limit_bytes"):
        client.send(b"x")
        await asyncio.sleep(0)
    assert (await client.reply()).status == 502


@limit("hops_limit")
async def _(made: World) -> None:
    def again(exchange: Exchange) -> Outcome:
        return Forward("http://b.internal")

    await made.serve(
        endpoint("http://a.example", {REQUEST: again}),
        endpoint("http://b.internal", {REQUEST: again}),
        settings=Settings(hops_limit=2),
    )
    assert (await made.get("/", "a.example")).status == 508


@limit("forwards_limit")
async def _(made: World) -> None:
    def again(exchange: Exchange) -> Outcome:
        return Forward("http://none.internal", lambda exchange, failure: again(exchange))

    await made.serve(endpoint("http://a.example", {REQUEST: again}), settings=Settings(forwards_limit=3))
    assert (await made.get("/", "a.example")).status == 508
