"""forward-internal: targets, hops, pools, failures and what follows them."""

from __future__ import annotations

import socket

import pytest
from tests.e2e.world import Seen, endpoint, ok, run, world

from policyc.engine.model import Run
from policyc.engine.outcome import Close, Fail, Forward, Outcome, Respond
from policyc.engine.phases import Phase
from policyc.engine.traffic import Exchange
from policyc.runtime.settings import Settings

pytestmark = pytest.mark.e2e

REQUEST, RESPONSE = Phase.HTTP_REQUEST, Phase.HTTP_RESPONSE


def forward(target: str, resume: bool = False) -> Run:
    def resumed(exchange: Exchange, failure: Fail) -> Outcome | None:
        exchange.results["forward_internal"] = {"error": {"code": f"ERR_NGROK_{failure.code}"}}
        return Respond(503, [("x-failed", str(failure.code))], failure.message.encode())

    return lambda exchange: Forward(target, resumed if resume else None)


def mark(name: str) -> Run:
    def step(exchange: Exchange) -> None:
        exchange.res.headers.add("x-passed", name)

    return step


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def test_response_passes_inner_response_phase_first() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()
            await made.serve(
                endpoint(
                    "https://a.example", {REQUEST: forward("https://b.internal"), RESPONSE: mark("outer")}
                ),
                endpoint(
                    "https://b.internal", {REQUEST: forward("https://c.internal"), RESPONSE: mark("middle")}
                ),
                endpoint("https://c.internal", {RESPONSE: mark("inner")}, origin.url),
            )
            reply = await made.get("/p?q=1", "a.example")
            assert reply.status == 200
            assert reply.get("x-passed") == ["inner", "middle", "outer"]
            seen = origin.seen[0]
            assert (seen.target, seen.get("host")) == ("/p?q=1", ["a.example"])
            record = await made.record()
            assert record["endpoints"] == ["https://a.example", "https://b.internal", "https://c.internal"]

    run(scenario())


def test_inner_policy_sees_its_endpoint_and_the_clients_connection() -> None:
    views: list[Exchange] = []

    def look(exchange: Exchange) -> Outcome | None:
        views.append(exchange)
        exchange.vars["kept"] = 1
        exchange.results["seen"] = {}
        return None

    def outer(exchange: Exchange) -> Outcome | None:
        look(exchange)
        return Forward("https://b.internal")

    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()
            await made.serve(
                endpoint("https://a.example", {REQUEST: outer}),
                endpoint(
                    "https://b.internal",
                    {REQUEST: views.append},
                    origin.url,
                ),
            )
            await made.get("/", "a.example:8443")
            first, second = views
            assert second.conn is first.conn
            assert second.endpoint.url == "https://b.internal"
            assert second.vars == {}
            assert second.results == {}
            assert second.req is first.req
            assert second.req.host == "a.example:8443"

    run(scenario())


def test_hops_beyond_the_limit_are_508() -> None:
    async def scenario() -> None:
        async with world() as made:
            await made.serve(
                endpoint("https://a.example", {REQUEST: forward("https://n1.internal")}),
                *(
                    endpoint(f"https://n{n}.internal", {REQUEST: forward(f"https://n{n + 1}.internal")})
                    for n in range(1, 6)
                ),
                endpoint("https://n6.internal", {REQUEST: lambda x: Respond(200)}),
            )
            reply = await made.get("/", "a.example")
            assert reply.status == 508
            assert reply.get("ngrok-error-code") == ["ERR_NGROK_3501"]
            assert (await made.record())["endpoints"][-1] == "https://n5.internal"

    run(scenario())


def test_five_hops_are_within_the_limit() -> None:
    async def scenario() -> None:
        async with world() as made:
            await made.serve(
                endpoint("https://a.example", {REQUEST: forward("https://n1.internal")}),
                *(
                    endpoint(f"https://n{n}.internal", {REQUEST: forward(f"https://n{n + 1}.internal")})
                    for n in range(1, 5)
                ),
                endpoint("https://n5.internal", {REQUEST: lambda x: Respond(200, body=b"here")}),
            )
            assert (await made.get("/", "a.example")).body == b"here"

    run(scenario())


@pytest.mark.parametrize("loop", [1, 2])
def test_cycle_ends_at_the_limit(loop: int) -> None:
    async def scenario() -> None:
        async with world() as made:
            await made.serve(
                endpoint("https://a.example", {REQUEST: forward("https://n0.internal")}),
                *(
                    endpoint(
                        f"https://n{n}.internal", {REQUEST: forward(f"https://n{(n + 1) % loop}.internal")}
                    )
                    for n in range(loop)
                ),
            )
            assert (await made.get("/", "a.example")).status == 508

    run(scenario())


@pytest.mark.parametrize(
    ("target", "status", "code"),
    [
        ("https://none.internal", 404, 3200),
        ("http://b.internal", 404, 3200),  # the scheme is part of the key
        ("https://b.internal:444", 404, 3200),
        ("https://other.internal", 404, 3200),  # another account's
        ("https://a.example", 500, 3900),
        ("https://*.internal", 500, 3900),
        ("https://b.internal/path", 500, 3900),
        ("https://b.internal@x.internal", 500, 3900),
        ("tcp://b.internal:9", 404, 3200),
        ("", 500, 3900),
    ],
)
def test_target_that_is_not_there_is_a_failure(target: str, status: int, code: int) -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()
            await made.serve(
                endpoint("https://a.example", {REQUEST: forward(target)}),
                endpoint("https://b.example", {REQUEST: forward(target, resume=True)}),
                endpoint("https://b.internal", {}, origin.url),
                endpoint("https://other.internal", {}, origin.url, account="other"),
            )
            reply = await made.get("/", "a.example")
            assert (reply.status, reply.get("ngrok-error-code")) == (status, [f"ERR_NGROK_{code}"])
            resumed = await made.get("/", "b.example")
            assert (resumed.status, resumed.get("x-failed")) == (503, [str(code)])
            assert origin.seen == []

    run(scenario())


def test_sibling_of_the_other_scheme_is_named() -> None:
    async def scenario() -> None:
        async with world() as made:
            await made.serve(
                endpoint("https://a.example", {REQUEST: forward("http://b.internal")}),
                endpoint("https://b.internal", {REQUEST: lambda x: Respond(200)}),
            )
            assert b"there is https://b.internal" in (await made.get("/", "a.example")).body

    run(scenario())


def test_unreachable_upstream_is_502_and_continue_catches_it_with_the_body_replayed() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()
            dead = f"http://127.0.0.1:{closed_port()}"

            def fall_back(exchange: Exchange, failure: Fail) -> Outcome | None:
                exchange.req.headers.add("x-failure", str(failure.code))
                return None

            await made.serve(
                endpoint(
                    "https://a.example",
                    {REQUEST: lambda x: Forward("https://dead.internal", fall_back)},
                    origin.url,
                ),
                endpoint("https://b.example", {REQUEST: forward("https://dead.internal")}),
                endpoint("https://dead.internal", {}, dead),
            )
            reply = await made.get("/", "a.example", method="POST", body=b"x" * 5000)
            assert reply.status == 200
            assert (origin.seen[0].body, origin.seen[0].get("x-failure")) == (b"x" * 5000, ["8012"])
            halted = await made.get("/", "b.example")
            assert (halted.status, halted.get("ngrok-error-code")) == (502, ["ERR_NGROK_8012"])

    run(scenario())


def test_failure_of_an_inner_forward_is_the_outer_forwards_failure() -> None:
    async def scenario() -> None:
        async with world() as made:
            await made.serve(
                endpoint("https://a.example", {REQUEST: forward("https://b.internal", resume=True)}),
                endpoint(
                    "https://b.internal",
                    {REQUEST: forward("https://none.internal"), RESPONSE: mark("never")},
                ),
            )
            reply = await made.get("/", "a.example")
            assert (reply.status, reply.get("x-failed"), reply.get("x-passed")) == (503, ["3200"], [])

    run(scenario())


@pytest.mark.parametrize(
    "inner",
    [
        lambda x: Respond(403, final=True, reason="deny"),
        lambda x: Fail(2254, "broken"),
        lambda x: None,  # a cloud endpoint whose policy ends nothing
    ],
)
def test_refusal_or_error_inside_is_a_response_outside(inner: Run) -> None:
    async def scenario() -> None:
        async with world() as made:
            await made.serve(
                endpoint(
                    "https://a.example",
                    {REQUEST: forward("https://b.internal", resume=True), RESPONSE: mark("outer")},
                ),
                endpoint("https://b.internal", {REQUEST: inner, RESPONSE: mark("inner")}),
            )
            reply = await made.get("/", "a.example")
            assert reply.status in (403, 500)
            assert reply.get("x-passed") == ["outer"]

    run(scenario())


def test_close_inside_closes_the_clients_connection() -> None:
    async def scenario() -> None:
        async with world() as made:
            await made.serve(
                endpoint("https://a.example", {REQUEST: forward("https://b.internal", resume=True)}),
                endpoint("https://b.internal", {REQUEST: lambda x: Close()}),
            )
            client = await made.client()
            client.send(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
            assert await client.is_closed()

    run(scenario())


def test_error_status_of_an_upstream_is_a_success() -> None:
    def broken(seen: Seen) -> bytes:
        return b"HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy"

    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream(broken)
            await made.serve(
                endpoint("https://a.example", {REQUEST: forward("https://b.internal", resume=True)}),
                endpoint("https://b.internal", {}, origin.url),
            )
            reply = await made.get("/", "a.example")
            assert (reply.status, reply.body, reply.get("x-failed")) == (503, b"busy", [])

    run(scenario())


def test_pool_shares_requests_among_its_members() -> None:
    async def scenario() -> None:
        async with world() as made:
            one, two = await made.upstream(ok(b"one")), await made.upstream(ok(b"two"))
            await made.serve(
                endpoint("https://a.example", {REQUEST: forward("https://b.internal")}),
                endpoint("https://b.internal", {}, one.url, pooled=True),
                endpoint("https://b.internal", {RESPONSE: mark("two")}, two.url, pooled=True),
                settings=Settings(seed=7),
            )
            client = await made.client()
            replies = [await client.get("/", "a.example") for _ in range(40)]
            bodies = [reply.body for reply in replies]
            assert 8 < bodies.count(b"one") < 32
            assert all((reply.get("x-passed") == ["two"]) == (reply.body == b"two") for reply in replies)

    run(scenario())


def test_wildcard_internal_endpoint_is_a_target_and_an_exact_one_wins() -> None:
    async def scenario() -> None:
        async with world() as made:
            await made.serve(
                endpoint(
                    "https://a.example",
                    {REQUEST: lambda x: Forward(f"https://{x.req.headers.get('x-to')[0]}")},
                ),
                endpoint("https://*.t.internal", {REQUEST: lambda x: Respond(200, body=b"wild")}),
                endpoint("https://b.t.internal", {REQUEST: lambda x: Respond(200, body=b"exact")}),
            )
            assert (await made.get("/", "a.example", "x-to: x.y.t.internal")).body == b"wild"
            assert (await made.get("/", "a.example", "x-to: b.t.internal")).body == b"exact"
            assert (await made.get("/", "a.example", "x-to: t.internal")).status == 404

    run(scenario())


def test_body_beyond_the_replay_limit_makes_a_late_failure_final() -> None:
    async def scenario() -> None:
        async with world() as made:
            # The upstream takes the body and then closes without an answer.
            origin = await made.upstream(lambda seen: b"")
            await made.serve(
                endpoint("https://a.example", {REQUEST: forward("https://b.internal", resume=True)}),
                endpoint("https://b.internal", {}, origin.url),
                settings=Settings(replay_limit_bytes=1000),
            )
            small = await made.get("/", "a.example", method="POST", body=b"x" * 900)
            assert (small.status, small.get("x-failed")) == (503, ["3004"])
            large = await made.get("/", "a.example", method="POST", body=b"x" * 1100)
            assert (large.status, large.get("x-failed")) == (502, [])

    run(scenario())
