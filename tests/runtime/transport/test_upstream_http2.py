"""Calls over HTTP/2: many on one connection, and what becomes of them when something goes wrong."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.e2e.certificate import server_context
from tests.e2e.h2_server import Answer, H2Connection, H2Server, ok
from tests.e2e.world import run
from tests.runtime.protocol.h2_peer import Line
from tests.runtime.protocol.test_http2_frames import frame
from tests.runtime.transport.test_upstream import Ear

from policyc.engine.outcome import Fail
from policyc.engine.traffic import Connection, Headers
from policyc.runtime.origin import Call, Outgoing, OutgoingAsking
from policyc.runtime.protocol.http1 import CHUNKED, LENGTH, NONE, Framing
from policyc.runtime.settings import Settings
from policyc.runtime.transport.upstream import Address, Upstreams
from policyc.runtime.transport.upstream_http2 import (
    Http2Call,
    Http2Origin,
    Http2Upstreams,
    TellingHttp2Origin,
)
from policyc.runtime.transport.wheel import Wheel


class Listening(Ear):
    """A listener that keeps why a call failed, and does what the test wants when it hears of a response."""

    def __init__(self) -> None:
        super().__init__()
        self.failure: Fail | None = None
        self.answered = asyncio.Event()
        self.paused = False

    def on_response(self, status: int, headers: Headers, framing: Framing, length: int) -> None:
        super().on_response(status, headers, framing, length)
        self.heard.append((framing.value, length))
        self.answered.set()

    def on_failure(self, failure: Fail) -> None:
        self.failure = failure
        super().on_failure(failure)

    def pause_body(self) -> None:
        self.paused = True

    def resume_body(self) -> None:
        self.paused = False

    @property
    def body(self) -> bytes:
        return b"".join(each for each in self.heard if isinstance(each, bytes | memoryview))


class Place:
    """A server, and a pool of connections to it."""

    def __init__(self, server: H2Server, settings: Settings, version: int = 0) -> None:
        self.server = server
        self.wheel = Wheel()
        self.wheel.start()
        self.upstreams = Upstreams(settings, self.wheel)
        self.pool = Http2Upstreams(self.upstreams)
        self.address = Address("default", server.scheme, "127.0.0.1", server.port)
        self.origin = (
            TellingHttp2Origin(self.pool, self.address, version)
            if version
            else Http2Origin(self.pool, self.address)
        )

    def begin(
        self,
        method: str = "GET",
        *lines: Line,
        framing: Framing = NONE,
        length: int = 0,
        client: str = "192.0.2.1",
    ) -> tuple[Call, Listening]:
        headers = Headers([(b"host", b"a.example"), *lines])
        conn = Connection(client, 5, "192.0.2.2", 80)
        outgoing = Outgoing(method, "/p?q=1", "https", headers, framing, length, conn, 2)
        ear = Listening()
        return self.origin.begin(outgoing, ear), ear

    async def get(self, method: str = "GET") -> Listening:
        """Make a call without body, and wait for its end."""
        _, ear = self.begin(method)
        await ear.over.wait()
        return ear


@asynccontextmanager
async def place(
    answer: Answer | None = None,
    settings: Settings | None = None,
    *,
    waits: bool = True,
    greets: bool = True,
    proxied: int = 0,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Place]:
    server = H2Server(answer, waits=waits, greets=greets, proxied=bool(proxied))
    await server.start(tls)
    made = Place(server, settings or Settings(), proxied)
    try:
        yield made
    finally:
        made.wheel.stop()
        await made.upstreams.close()
        await server.close()


def test_calls_share_a_connection() -> None:
    async def scenario() -> None:
        async with place() as made:
            ears = [made.begin()[1] for _ in range(20)]
            for ear in ears:
                await ear.over.wait()
            assert all(ear.heard == [200, ("chunked", -1), b"ok", "end"] for ear in ears)
            assert len(made.server.connections) == 1
            assert (made.upstreams.open_count, made.pool.idle_count) == (1, 1)
            assert made.server.seen[0] == [
                (b":method", b"GET"),
                (b":scheme", b"http"),
                (b":authority", b"a.example"),
                (b":path", b"/p?q=1"),
            ]

    run(scenario())


def test_accounts_share_no_connection() -> None:
    async def scenario() -> None:
        async with place() as made:
            await made.get()
            other = Http2Origin(made.pool, made.address._replace(account="other"))
            made.origin = other
            await made.get()
            assert len(made.server.connections) == 2

    run(scenario())


def test_body_and_trailers_go_both_ways() -> None:
    async def scenario() -> None:
        async with place(
            ok(b"answer", trailers=[(b"grpc-status", b"0"), (b"x-forwarded-for", b"1")])
        ) as made:
            call, ear = made.begin("POST", (b"Content-Type", b"application/grpc"), framing=CHUNKED)
            call.write(b"one")  # before there is a connection
            while not made.server.connections or not made.server.connections[0].peer.requests:
                await asyncio.sleep(0)
            call.write(b"two")
            call.end([(b"x-sum", b"6")])
            await ear.over.wait()
            assert ear.heard[-5:] == [200, ("chunked", -1), b"answer", "end", (b"grpc-status", b"0")]
            peer = made.server.connections[0].peer
            assert (peer.bodies[1], peer.trailers[1]) == (b"onetwo", [(b"x-sum", b"6")])
            assert peer.get(1, b"content-type") == [b"application/grpc"]

    run(scenario())


@pytest.mark.parametrize("says", [True, False])
def test_expectation_goes_upstream_and_is_met_by_a_100_or_after_a_while(says: bool) -> None:
    def answer(connection: H2Connection, stream: int) -> None:
        if says and not connection.peer.bodies:
            connection.send(stream, [(b":status", b"100")], end=False)

    async def scenario() -> None:
        async with place(answer, Settings(continue_timeout_s=0.1), waits=False) as made:
            conn = Connection("192.0.2.1")
            plain = Outgoing("POST", "/", "https", Headers(), CHUNKED, -1, conn, 2)
            ear = Listening()
            made.origin.begin(OutgoingAsking(plain, "", False, True), ear)
            while not ear.heard:
                await asyncio.sleep(0)
            assert ear.heard == [100 if says else "ready"]
            assert made.server.connections[0].peer.get(1, b"expect") == [b"100-continue"]

    run(scenario())


def test_client_that_takes_trailers_is_told_of() -> None:
    async def scenario() -> None:
        async with place() as made:
            conn = Connection("192.0.2.1")
            plain = Outgoing("GET", "/", "https", Headers([(b"te", b"gzip")]), NONE, 0, conn, 2)
            ear = Listening()
            made.origin.begin(OutgoingAsking(plain, "", True, False), ear)
            await ear.over.wait()
            peer = made.server.connections[0].peer
            assert peer.get(1, b"te") == [b"trailers"]
            assert peer.get(1, b":authority") == [f"127.0.0.1:{made.server.port}".encode()]

    run(scenario())


@pytest.mark.parametrize(("status", "length"), [(b"200", None), (b"204", None), (b"304", b"5")])
def test_head_may_be_all(status: bytes, length: bytes | None) -> None:
    async def scenario() -> None:
        fields = [(b":status", status), *([(b"content-length", length)] if length else [])]
        async with place(lambda connection, stream: connection.send(stream, fields)) as made:
            ear = await made.get()
            assert (ear.heard[0], ear.heard[2:]) == (int(status), ["end"])

    run(scenario())


def test_large_bodies_pass_and_wait_for_each_other() -> None:
    async def scenario() -> None:
        size = 1_000_000
        async with place(ok(b"y" * size)) as made:
            call, ear = made.begin("POST", framing=LENGTH, length=size)
            for _ in range(size // 10_000):
                while ear.paused:
                    await asyncio.sleep(0)
                call.write(b"x" * 10_000)
            call.end()
            await ear.over.wait()
            assert made.server.connections[0].peer.bodies[1] == b"x" * size
            assert ear.body == b"y" * size

    run(scenario())


def test_upload_is_paused_while_windows_are_closed() -> None:
    async def scenario() -> None:
        async with place(waits=False, answer=lambda connection, stream: None) as made:
            call, ear = made.begin("POST", framing=CHUNKED)
            await _connected(made)
            made.server.connections[0].peer.opens = False
            call.write(b"x" * 200_000)
            assert ear.paused
            while len(made.server.connections[0].peer.bodies.get(1, b"")) < 65_535:
                await asyncio.sleep(0)
            peer = made.server.connections[0].peer
            for stream in (None, 1):
                peer.h2.increment_flow_control_window(200_000, stream)
            made.server.connections[0].flush()
            while ear.paused or len(peer.bodies[1]) < 200_000:
                await asyncio.sleep(0)

    run(scenario())


def test_response_that_is_held_back_closes_its_window_and_no_other() -> None:
    async def scenario() -> None:
        async with place(ok(b"x" * 300_000)) as made:
            slow, ear = made.begin()
            await ear.answered.wait()
            slow.pause()
            assert (await made.get()).body == b"x" * 300_000
            assert len(ear.body) < 300_000
            slow.resume()
            await ear.over.wait()
            assert ear.body == b"x" * 300_000

    run(scenario())


def test_answer_that_is_complete_is_delivered_though_the_connection_is_gone() -> None:
    async def scenario() -> None:
        async with place(ok(b"x" * 50_000, trailers=[(b"x", b"1")])) as made:
            call, ear = made.begin()
            while not ear.heard:
                await asyncio.sleep(0)
                call.pause()
            while made.pool.idle_count == 0:
                await asyncio.sleep(0)
            made.server.connections[0].transport.abort()
            while made.upstreams.open_count:
                await asyncio.sleep(0)
            assert len(ear.body) < 50_000
            call.resume()
            assert (ear.body, ear.heard[-2:]) == (b"x" * 50_000, ["end", (b"x", b"1")])

    run(scenario())


def test_what_nobody_reads_any_more_is_given_back() -> None:
    async def scenario() -> None:
        async with place(ok(b"x" * 300_000)) as made:
            for _ in range(30):  # each leaves 64 KiB behind, of a window of 1 MiB
                call, ear = made.begin()
                while not ear.heard:
                    await asyncio.sleep(0)
                    call.pause()
                assert isinstance(call, Http2Call)
                while sum(len(piece.data) for piece in call._inbox) < 60_000:
                    await asyncio.sleep(0)
                call.abort()
            assert (await made.get()).body == b"x" * 300_000

    run(scenario())


def test_answer_before_the_request_is_complete_resets_the_rest() -> None:
    async def scenario() -> None:
        async with place(ok(b"no"), waits=False) as made:
            call, ear = made.begin("POST", framing=CHUNKED)
            call.write(b"x")
            await ear.over.wait()
            assert ear.heard[-2:] == [b"no", "end"]
            peer = made.server.connections[0].peer
            while 1 not in peer.resets:
                await asyncio.sleep(0)
            assert made.pool.idle_count == 1

    run(scenario())


def test_aborted_call_resets_its_stream_and_keeps_the_connection() -> None:
    async def scenario() -> None:
        async with place(lambda connection, stream: None) as made:
            call, ear = made.begin()
            await _connected(made)
            call.abort()
            peer = made.server.connections[0].peer
            while peer.resets != {1: 8}:
                await asyncio.sleep(0)
            made.server.answer = ok()
            await made.get()
            assert len(made.server.connections) == 1
            assert ear.heard == []

    run(scenario())


async def _connected(made: Place) -> None:
    while not made.server.connections or not made.server.connections[0].peer.requests:
        await asyncio.sleep(0)


# --- limits of the upstream, and its end ------------------------------------------------------------------


def test_no_more_streams_are_opened_than_the_upstream_takes() -> None:
    async def scenario() -> None:
        waiting: list[tuple[H2Connection, int]] = []
        async with place(lambda connection, stream: waiting.append((connection, stream))) as made:
            made.server.streams = 2
            ears = [made.begin()[1] for _ in range(5)]
            while len(waiting) < 5:
                await asyncio.sleep(0)
            assert len(made.server.connections) == 3
            for connection, stream in waiting:
                ok()(connection, stream)
            for ear in ears:
                await ear.over.wait()
                assert ear.heard[-1] == "end"

    run(scenario())


def test_goaway_lets_calls_end_and_new_ones_go_elsewhere() -> None:
    async def scenario() -> None:
        waiting: list[tuple[H2Connection, int]] = []
        async with place(lambda connection, stream: waiting.append((connection, stream))) as made:
            _, kept = made.begin()
            _, dropped = made.begin("POST")
            while len(waiting) < 2:
                await asyncio.sleep(0)
            made.server.connections[0].raw(frame(7, b"\0\0\0\1" + bytes(4)))
            await dropped.over.wait()
            assert (dropped.failure is not None, dropped.heard) == (True, [3004])
            made.server.answer = ok(b"new")
            assert (await made.get()).body == b"new"
            assert len(made.server.connections) == 2
            ok(b"old")(*waiting[0])
            await kept.over.wait()
            assert kept.body == b"old"
            await made.server.connections[0].lost.wait()

    run(scenario())


@pytest.mark.parametrize(
    ("method", "settings", "heard"),
    [
        ("GET", Settings(), [200, ("chunked", -1), b"ok", "end"]),
        ("GET", Settings(retry_stale=False), [3004]),
        ("POST", Settings(), [3004]),
    ],
)
def test_kept_connection_that_died_is_replaced_once(
    method: str, settings: Settings, heard: list[object]
) -> None:
    async def scenario() -> None:
        async with place(settings=settings) as made:
            await made.get()
            made.server.answer = lambda connection, stream: connection.transport.abort()

            def then(connection: H2Connection, stream: int) -> None:
                made.server.answer = ok()
                connection.transport.abort()

            made.server.answer = then
            ear = await made.get(method)
            assert ear.heard == heard

    run(scenario())


def test_fresh_connection_that_dies_is_not_replaced() -> None:
    async def scenario() -> None:
        async with place(lambda connection, stream: connection.transport.abort()) as made:
            assert (await made.get()).heard == [3004]
            assert len(made.server.connections) == 1

    run(scenario())


def test_reset_of_one_stream_fails_one_call() -> None:
    async def scenario() -> None:
        waiting: list[tuple[H2Connection, int]] = []
        async with place(lambda connection, stream: waiting.append((connection, stream))) as made:
            ears = [made.begin("POST")[1] for _ in range(2)]
            while len(waiting) < 2:
                await asyncio.sleep(0)
            connection, stream = waiting[0]
            connection.peer.h2.reset_stream(stream, 2)
            connection.flush()
            await ears[0].over.wait()
            assert ears[0].failure is not None
            assert ears[0].failure.status == 502
            ok()(*waiting[1])
            await ears[1].over.wait()
            assert ears[1].heard[-1] == "end"

    run(scenario())


def test_what_speaks_no_http_2_fails_by_name_and_nothing_is_sent_to_it() -> None:
    async def scenario() -> None:
        async with place(greets=False) as made:
            _, ear = made.begin("POST")
            while not made.server.connections:
                await asyncio.sleep(0)
            connection = made.server.connections[0]
            connection.transport.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
            await ear.over.wait()
            assert ear.failure is not None
            assert (ear.failure.code, ear.failure.status) == (3004, 502)
            assert "http2_error" in ear.failure.detail
            assert made.upstreams.connect_failures == {made.address.name: 1}
            assert b"POST" not in connection.preamble

    run(scenario())


@pytest.mark.parametrize("cut", [True, False])
def test_what_says_nothing_fails_in_time(cut: bool) -> None:
    async def scenario() -> None:
        async with place(greets=False, settings=Settings(connect_timeout_s=0.2)) as made:
            _, ear = made.begin()
            while not made.server.connections:
                await asyncio.sleep(0)
            if cut:
                made.server.connections[0].transport.close()
            await ear.over.wait()
            assert ear.heard == [3004]
            assert ear.failure is not None
            assert ear.failure.reason == ("" if cut else "connect_timeout")

    run(scenario())


def test_refused_connection_is_a_failure_with_8012() -> None:
    async def scenario() -> None:
        async with place() as made:
            await made.server.close()
            assert (await made.get()).heard == [8012]

    run(scenario())


def test_silent_upstream_fails_in_time_and_gets_no_more_calls() -> None:
    async def scenario() -> None:
        async with place(lambda connection, stream: None, Settings(idle_timeout_s=0.2)) as made:
            ear = await made.get()
            assert (ear.heard, ear.failure is not None and ear.failure.status) == ([3008], 504)
            made.server.answer = ok()
            assert (await made.get()).body == b"ok"
            assert len(made.server.connections) == 2

    run(scenario())


def test_grpc_and_an_answer_that_began_are_waited_for_longer() -> None:
    async def scenario() -> None:
        begun: list[tuple[H2Connection, int]] = []

        def begin(connection: H2Connection, stream: int) -> None:
            connection.send(stream, [(b":status", b"200")], end=False)
            begun.append((connection, stream))

        settings = Settings(idle_timeout_s=0.1, stream_idle_timeout_s=1.0)
        async with place(begin, settings) as made:
            _, one = made.begin()
            while not begun:
                await asyncio.sleep(0)
            made.server.answer = lambda connection, stream: None
            _, two = made.begin("GET", (b"content-type", b"application/grpc"))
            _, three = made.begin()
            await three.over.wait()
            assert three.heard == [3008]
            assert not one.over.is_set()
            assert not two.over.is_set()
            await one.over.wait()
            await two.over.wait()
            assert (one.heard[-1], two.heard[-1]) == (3008, 3008)

    run(scenario())


def test_window_that_does_not_open_fails_in_time() -> None:
    async def scenario() -> None:
        async with place(lambda connection, stream: None, Settings(write_timeout_s=0.2), waits=False) as made:
            call, ear = made.begin("POST", framing=CHUNKED)
            await _connected(made)
            made.server.connections[0].peer.opens = False
            call.write(b"x" * 100_000)
            await ear.over.wait()
            assert ear.heard[-1] == 3008

    run(scenario())


def test_idle_connections_are_few_and_do_not_stay() -> None:
    async def scenario() -> None:
        settings = Settings(idle_upstreams=2, upstream_idle_s=0.2)
        met: list[str] = []
        async with place(settings=settings, proxied=1) as made:
            made.upstreams.met = met.append
            for n in range(4):
                _, ear = made.begin(client=f"192.0.2.{n}")
                await ear.over.wait()
            assert made.pool.idle_count == 2
            assert [each.preamble for each in made.server.connections] == [
                b"PROXY TCP4 192.0.2.%d 192.0.2.2 5 80\r\n" % n for n in range(4)
            ]
            for each in made.server.connections:
                await each.lost.wait()
            assert (made.pool.idle_count, sorted(set(met))) == (0, ["idle_upstreams", "upstream_idle_s"])

    run(scenario())


def test_https_upstream_is_offered_h2() -> None:
    async def scenario() -> None:
        context = server_context()
        context.set_alpn_protocols(["h2", "http/1.1"])
        async with place(tls=context) as made:
            assert (await made.get()).body == b"ok"
            transport = made.server.connections[0].transport
            assert transport.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
            assert (b":scheme", b"https") in made.server.seen[0]

    run(scenario())


def test_https_upstream_that_negotiates_nothing_is_spoken_to_all_the_same() -> None:
    async def scenario() -> None:
        async with place(tls=server_context()) as made:
            assert (await made.get()).body == b"ok"

    run(scenario())


def test_request_that_cannot_be_written_fails_without_a_connection() -> None:
    async def scenario() -> None:
        async with place() as made:
            _, ear = made.begin("GET", (b"x", b"1\r\n2"))
            await ear.over.wait()
            assert ear.heard == [2211]
            assert made.server.connections == []

    run(scenario())
