"""What phases answer, and what the client and the upstream see of it."""

from __future__ import annotations

import json

import pytest
from tests.e2e.world import endpoint, ok, run, world

from policyc.engine.outcome import Close, Fail, Forward, Outcome, Respond
from policyc.engine.phases import Phase
from policyc.engine.traffic import Exchange
from policyc.runtime.settings import Settings

pytestmark = pytest.mark.e2e

CONNECT, REQUEST, RESPONSE = Phase.TCP_CONNECT, Phase.HTTP_REQUEST, Phase.HTTP_RESPONSE


def add_header(exchange: Exchange) -> Outcome | None:
    exchange.res.headers.add("x-response", "phase")
    return None


def test_unknown_host_is_404_with_3200() -> None:
    async def scenario() -> None:
        async with world() as made:
            await made.serve(endpoint("https://a.example", {REQUEST: lambda x: Respond(200)}))
            reply = await made.get("/", "b.example")
            assert (reply.status, reply.get("ngrok-error-code")) == (404, ["ERR_NGROK_3200"])
            assert reply.get("cache-control") == ["no-store"]
            assert reply.body == b"the endpoint b.example is offline (ERR_NGROK_3200)\n"
            assert (await made.record())["reason"] == "no_endpoint"

    run(scenario())


def test_error_answer_follows_accept() -> None:
    async def scenario() -> None:
        async with world() as made:
            await made.serve(endpoint("https://a.example", {REQUEST: lambda x: Respond(200)}))
            page = await made.get("/", "b.example", "Accept: text/html,*/*;q=0.8")
            assert page.get("content-type") == ["text/html; charset=utf-8"]
            assert b"(ERR_NGROK_3200)" in page.body
            data = await made.get("/", "b.example", "Accept: application/json")
            assert data.get("content-type") == ["application/json"]
            assert json.loads(data.body)["error_code"] == "ERR_NGROK_3200"

    run(scenario())


def test_host_finds_its_endpoint_in_any_spelling_and_on_any_port() -> None:
    async def scenario() -> None:
        async with world() as made:
            await made.serve(
                endpoint("https://a.example", {REQUEST: lambda x: Respond(200, body=b"a")}),
                endpoint("https://*.a.example", {REQUEST: lambda x: Respond(200, body=b"wild")}),
                endpoint("https://*.b.a.example", {REQUEST: lambda x: Respond(200, body=b"wilder")}),
            )
            for host in ("a.example", "A.Example", "a.example.", "a.example:1", "a.example:443"):
                assert (await made.get("/", host)).body == b"a"
            assert (await made.get("/", "x.y.a.example")).body == b"wild"
            assert (await made.get("/", "x.b.a.example")).body == b"wilder"

    run(scenario())


def test_https_endpoint_is_served_before_the_http_one_and_a_notice_says_so() -> None:
    async def scenario() -> None:
        async with world() as made:
            schemes: list[str] = []

            def look(exchange: Exchange) -> Outcome | None:
                schemes.append(exchange.req.scheme)
                return Respond(200, body=exchange.endpoint.url.encode())

            await made.serve(
                endpoint("http://a.example", {REQUEST: look}), endpoint("https://a.example", {REQUEST: look})
            )
            assert (await made.get("/", "a.example")).body == b"https://a.example"
            assert schemes == ["https"]
            assert made.gateway.notices == [
                "http://a.example is not served: https://a.example has the same host"
            ]

    run(scenario())


def test_deny_has_no_body_and_keeps_the_connection() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()
            await made.serve(
                endpoint(
                    "https://a.example",
                    {REQUEST: lambda x: Respond(403, final=True, reason="deny"), RESPONSE: add_header},
                    origin.url,
                )
            )
            client = await made.client()
            for _ in range(2):
                reply = await client.get("/", "a.example")
                assert (reply.status, reply.body, reply.get("content-length")) == (403, b"", ["0"])
                assert reply.get("ngrok-error-code") == []
                assert reply.get("x-response") == []
            assert origin.seen == []
            assert (await made.record())["reason"] == "deny"

    run(scenario())


def test_custom_response_passes_the_response_phase() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()
            answer = Respond(201, [("content-type", "text/plain"), ("content-length", "99")], b"made here")
            await made.serve(
                endpoint("https://a.example", {REQUEST: lambda x: answer, RESPONSE: add_header}, origin.url)
            )
            reply = await made.get("/", "a.example")
            assert (reply.status, reply.body, reply.get("x-response")) == (201, b"made here", ["phase"])
            assert reply.get("content-length") == ["9"]
            head = await made.get("/", "a.example", method="HEAD")
            assert (head.status, head.get("content-length")) == (201, ["9"])
            assert origin.connections == 0

    run(scenario())


def test_response_phase_replaces_the_upstreams_response() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream(ok(b"secret" * 20000, lines="etag: x\r\ncontent-encoding: br\r\n"))
            await made.serve(
                endpoint(
                    "https://a.example",
                    {
                        RESPONSE: lambda x: (
                            Respond(418, [("x-own", "1")], b"tea") if x.res.status == 200 else None
                        )
                    },
                    origin.url,
                )
            )
            client = await made.client()
            for _ in range(2):
                reply = await client.get("/", "a.example")
                assert (reply.status, reply.body) == (418, b"tea")
                assert reply.get("etag") == reply.get("content-encoding") == []

    run(scenario())


def test_close_drops_the_connection_without_an_answer() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()
            await made.serve(
                endpoint("https://a.example", {REQUEST: lambda x: Close()}, origin.url),
                endpoint("https://b.example", {RESPONSE: lambda x: Close()}, origin.url),
            )
            for host in ("a.example", "b.example"):
                client = await made.client()
                client.send(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
                assert await client.is_closed()
            assert len(origin.seen) == 1
            assert (await made.record())["reason"] == "close-connection"

    run(scenario())


def test_policy_failure_is_500_and_never_a_way_through() -> None:
    def crash(exchange: Exchange) -> Outcome | None:
        raise RuntimeError("a bug")

    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()
            await made.serve(
                endpoint("https://a.example", {REQUEST: lambda x: Fail(2254, "no")}, origin.url),
                endpoint("https://b.example", {REQUEST: crash}, origin.url),
                endpoint("https://c.example", {RESPONSE: crash}, origin.url),
                endpoint("https://d.example"),
            )
            for host, code in (("a", 2254), ("b", 2300), ("c", 2300), ("d", 6029)):
                reply = await made.get("/", f"{host}.example")
                assert (reply.status, reply.get("ngrok-error-code")) == (500, [f"ERR_NGROK_{code}"])
            assert len(origin.seen) == 1

    run(scenario())


def test_connect_phase_runs_once_per_connection_and_endpoint() -> None:
    runs: list[str] = []

    def connect(exchange: Exchange) -> Outcome | None:
        runs.append(exchange.endpoint.host)
        exchange.results["restrict_ips"] = {"action": "allow"}
        exchange.vars["gone"] = 1
        return None

    def request(exchange: Exchange) -> Outcome | None:
        assert exchange.vars == {}
        return Respond(200, body=str(exchange.results["restrict_ips"]["action"]).encode())

    async def scenario() -> None:
        async with world() as made:
            phases = {CONNECT: connect, REQUEST: request}
            await made.serve(
                endpoint("https://a.example", phases, key="1"), endpoint("https://b.example", phases, key="1")
            )
            client = await made.client()
            for host in ("a.example", "b.example", "a.example"):
                assert (await client.get("/", host)).body == b"allow"
            assert runs == ["a.example", "b.example"]
            await made.get("/", "a.example")
            assert runs == ["a.example", "b.example", "a.example"]

    run(scenario())


@pytest.mark.parametrize(
    "outcome", [Close(), Close("restrict-ips", 3203), Respond(403, final=True), Fail(2254, "no")]
)
def test_connect_phase_that_ends_closes(outcome: Outcome) -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()
            await made.serve(endpoint("https://a.example", {CONNECT: lambda x: outcome}, origin.url))
            client = await made.client()
            client.send(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
            assert await client.is_closed()
            assert origin.connections == 0
            assert (await made.record())["reason"]

    run(scenario())


def test_connect_phase_never_runs_on_an_internal_endpoint_whatever_was_loaded() -> None:
    def never(exchange: Exchange) -> Outcome | None:
        raise AssertionError("on_tcp_connect ran on an internal endpoint")

    async def scenario() -> None:
        from policyc.engine.outcome import Forward

        async with world() as made:
            await made.serve(
                endpoint("https://a.example", {REQUEST: lambda x: Forward("https://b.internal")}),
                endpoint("https://b.internal", {CONNECT: never, REQUEST: lambda x: Respond(200)}),
            )
            assert (await made.get("/", "a.example")).status == 200

    run(scenario())


def test_header_that_would_split_a_message_is_500_on_either_side() -> None:
    def poison(exchange: Exchange) -> Outcome | None:
        exchange.req.headers.lines.append((b"x-a", b"1\r\nx-b: 2"))
        return None

    def poison_answer(exchange: Exchange) -> Outcome | None:
        exchange.res.headers.lines.append((b"x-a", b"1\nx-b: 2"))
        return None

    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()
            await made.serve(
                endpoint("https://a.example", {REQUEST: poison}, origin.url),
                endpoint("https://b.example", {RESPONSE: poison_answer}, origin.url),
            )
            assert (await made.get("/", "a.example")).status == 500
            assert origin.connections == 0
            assert (await made.get("/", "b.example")).status == 500

    run(scenario())


def test_client_cannot_say_who_it_is() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()
            await made.serve(endpoint("https://a.example", to=origin.url))
            await made.get(
                "/",
                "a.example:99",
                "X-Forwarded-For: 203.0.113.9",
                "X_Forwarded_For: 203.0.113.9",
                "X-Forwarded-Prefix: /x",
                "Forwarded: for=203.0.113.9",
                "Connection: x-forwarded-proto, x-hop",
                "X-Hop: 1",
                "TE: trailers",
                "Ngrok-Auth-User-Email: a@b",
            )
            assert origin.seen[0].lines == [
                ("host", "a.example:99"),
                ("x-forwarded-for", "127.0.0.1"),
                ("x-forwarded-proto", "https"),
                ("x-forwarded-host", "a.example:99"),
                ("te", "trailers"),
                ("connection", "te"),
            ]

    run(scenario())


def test_policy_sees_ours_and_may_take_them_away() -> None:
    seen: list[tuple[str, list[str]]] = []

    def take(exchange: Exchange) -> Outcome | None:
        headers = exchange.req.headers
        seen.append((exchange.conn.client_ip, headers.get("x-forwarded-for")))
        headers.remove("x-forwarded-for")
        headers.set("x-forwarded-host", "shown.example")
        return None

    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()
            await made.serve(
                endpoint("https://a.example", {REQUEST: lambda x: Forward("https://b.internal")}),
                endpoint("https://b.internal", {REQUEST: take}, origin.url),
            )
            for line in ("X-Forwarded-For: 203.0.113.9", "Connection: X-Forwarded-For, X-Forwarded-Host"):
                await made.get("/", "a.example", line)
            assert seen == [("127.0.0.1", ["127.0.0.1"])] * 2
            for each in origin.seen:
                assert each.get("x-forwarded-for") == []
                assert (each.get("x-forwarded-host"), each.get("x-forwarded-proto")) == (
                    ["shown.example"],
                    ["https"],
                )

    run(scenario())


def test_listed_peer_is_appended_to() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()
            await made.serve(
                endpoint("https://a.example", to=origin.url),
                settings=Settings(trusted_proxies=("127.0.0.0/8",)),
            )
            await made.get(
                "/", "a.example", "X-Forwarded-For: 203.0.113.9", "X-Forwarded-Host: shown.example"
            )
            seen = origin.seen[0]
            assert seen.get("x-forwarded-for") == ["203.0.113.9, 127.0.0.1"]
            assert seen.get("x-forwarded-host") == ["shown.example"]

    run(scenario())


def test_upstream_cannot_set_the_error_code() -> None:
    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream(ok(lines="Ngrok-Error-Code: ERR_NGROK_1\r\nX-Kept: 1\r\n"))
            await made.serve(endpoint("https://a.example", to=origin.url))
            reply = await made.get("/", "a.example")
            assert (reply.get("ngrok-error-code"), reply.get("x-kept")) == ([], ["1"])

    run(scenario())


def test_redirect_of_an_upstream_that_saw_another_host_comes_back_to_ours() -> None:
    def rewrite(exchange: Exchange) -> Outcome | None:
        exchange.req.headers.set("host", "app.local")
        return None

    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream(
                lambda seen: b"HTTP/1.1 302 X\r\nlocation: http://app.local/in\r\ncontent-length: 0\r\n\r\n"
            )
            await made.serve(
                endpoint("https://a.example", {REQUEST: rewrite}, origin.url),
                endpoint("https://b.example", {}, origin.url),
            )
            reply = await made.get("/", "a.example")
            assert reply.get("location") == ["https://a.example/in"]
            assert origin.seen[0].get("host") == ["app.local"]
            assert (await made.get("/", "b.example")).get("location") == ["http://app.local/in"]

    run(scenario())


@pytest.mark.parametrize("target", ["/a b", "/a\r\nx: y", "/\u00e9", "/\ud800", ""])
def test_rewritten_target_that_is_none_is_500(target: str) -> None:
    def rewrite(exchange: Exchange) -> Outcome | None:
        exchange.req.target = target
        return None

    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()
            await made.serve(endpoint("https://a.example", {REQUEST: rewrite}, origin.url))
            reply = await made.get("/", "a.example")
            assert (reply.status, reply.get("ngrok-error-code")) == (500, ["ERR_NGROK_2211"])
            assert origin.seen == []

    run(scenario())


def test_answer_with_a_lone_surrogate_in_a_header_is_500() -> None:
    async def scenario() -> None:
        async with world() as made:
            await made.serve(
                endpoint("https://a.example", {REQUEST: lambda x: Respond(200, [("x-a", "\ud800")])})
            )
            assert (await made.get("/", "a.example")).status == 500

    run(scenario())
