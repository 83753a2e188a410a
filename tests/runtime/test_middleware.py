"""A policy around an ASGI application."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from policyc.engine.model import Policy, Run
from policyc.engine.outcome import Close, Fail, Forward, Outcome, Respond
from policyc.engine.phases import Phase
from policyc.engine.traffic import Exchange
from policyc.runtime.asgi import Message
from policyc.runtime.middleware import PolicyMiddleware, PolicyRefusedError
from policyc.runtime.observe import Record

REQUEST, RESPONSE = Phase.HTTP_REQUEST, Phase.HTTP_RESPONSE


async def hello(scope: Any, receive: Any, send: Any) -> None:
    body = repr((scope["path"], scope["query_string"], dict(scope["headers"]).get(b"x-added"))).encode()
    lines = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body)), (b"x-app", b"1")]
    await send({"type": "http.response.start", "status": 200, "headers": lines})
    await send({"type": "http.response.body", "body": body})


def get(
    phases: dict[Phase, Run],
    path: str = "/",
    *,
    method: str = "GET",
    log: Any = None,
    client: tuple[str, int] = ("127.0.0.1", 123),
) -> httpx.Response:
    async def scenario() -> httpx.Response:
        guarded = PolicyMiddleware(hello, Policy(phases), **({"log": log} if log else {}))
        transport = httpx.ASGITransport(guarded, client=client)
        async with httpx.AsyncClient(transport=transport, base_url="https://a.example:8443") as asking:
            return await asking.request(method, path)

    return asyncio.run(scenario())


def test_policy_with_on_tcp_connect_is_refused() -> None:
    with pytest.raises(PolicyRefusedError, match="ASGI shows no connections"):
        PolicyMiddleware(hello, Policy({Phase.TCP_CONNECT: lambda x: None}))


def test_request_and_response_are_changed() -> None:
    def request(exchange: Exchange) -> Outcome | None:
        exchange.req.headers.add("x-added", "yes")
        exchange.req.target = "/other?b=2"
        return None

    def response(exchange: Exchange) -> Outcome | None:
        exchange.res.headers.remove("x-app")
        exchange.res.headers.add("x-policy", exchange.endpoint.url)
        return None

    reply = get({REQUEST: request, RESPONSE: response}, "/p?a=1")
    assert reply.text == "('/other', b'b=2', b'yes')"
    assert reply.headers["x-policy"] == "https://a.example:8443"
    assert "x-app" not in reply.headers


@pytest.mark.parametrize(
    ("told", "address"),
    [("::ffff:192.0.2.1", "192.0.2.1"), ("fe80::1%eth0", "fe80::1"), ("2001:db8::1", "2001:db8::1")],
)
def test_client_is_who_it_would_be_at_a_gateway(told: str, address: str) -> None:
    reply = get({REQUEST: lambda x: Respond(200, [], x.conn.client_ip.encode())}, client=(told, 123))
    assert reply.text == address


def test_refusal_skips_the_response_phase_and_an_answer_does_not() -> None:
    def mark(exchange: Exchange) -> Outcome | None:
        exchange.res.headers.add("x-marked", "1")
        return None

    refused = get({REQUEST: lambda x: Respond(403, final=True), RESPONSE: mark})
    assert (refused.status_code, refused.headers["content-length"]) == (403, "0")
    assert "x-marked" not in refused.headers
    made = get({REQUEST: lambda x: Respond(200, [("x-a", "1")], b"made"), RESPONSE: mark})
    assert (made.text, made.headers["x-marked"], made.headers["x-a"]) == ("made", "1", "1")


def test_response_can_be_replaced() -> None:
    reply = get({RESPONSE: lambda x: Respond(418, [], b"tea")})
    assert (reply.status_code, reply.text) == (418, "tea")
    assert "x-app" not in reply.headers


def test_failures_are_error_answers() -> None:
    failed = get({REQUEST: lambda x: Fail(2254, "no")})
    assert (failed.status_code, failed.headers["ngrok-error-code"]) == (500, "ERR_NGROK_2254")
    assert get({RESPONSE: lambda x: Fail(2254, "no")}).status_code == 500
    assert get({REQUEST: lambda x: Close()}).status_code == 403


def test_forward_fails_as_offline_and_may_be_resumed() -> None:
    halted = get({REQUEST: lambda x: Forward("https://b.internal")})
    assert (halted.status_code, halted.headers["ngrok-error-code"]) == (404, "ERR_NGROK_3200")
    resumed = get({REQUEST: lambda x: Forward("https://b.internal", lambda exchange, failure: None)})
    assert resumed.status_code == 200


def test_head_has_no_body() -> None:
    reply = get({REQUEST: lambda x: Respond(200, [], b"made")}, method="HEAD")
    assert (reply.headers["content-length"], reply.content) == ("4", b"")


def test_exchange_is_logged() -> None:
    records: list[Record] = []

    def request(exchange: Exchange) -> Outcome | None:
        exchange.logs.append({"metadata": {"a": 1}})
        return None

    get({REQUEST: request}, "/p?q", log=records.append)
    assert records[0]["logs"] == [{"metadata": {"a": 1}}]
    assert (records[0]["path"], records[0]["status"]) == ("/p", 200)


@pytest.mark.parametrize("extension", [True, False])
def test_websocket_handshake_passes_the_request_phase(extension: bool) -> None:
    reached: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["type"])

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    scope = {
        "type": "websocket",
        "scheme": "wss",
        "path": "/",
        "headers": [(b"host", b"a.example")],
        "extensions": {"websocket.http.response": {}} if extension else {},
    }

    def gate(exchange: Exchange) -> Outcome | None:
        assert exchange.req.scheme == "https"
        return Respond(401, final=True)

    asyncio.run(PolicyMiddleware(app, Policy({REQUEST: gate}))(scope, receive, send))
    assert reached == []
    kinds = [message["type"] for message in sent]
    if extension:
        assert kinds == ["websocket.http.response.start", "websocket.http.response.body"]
        assert sent[0]["status"] == 401
    else:
        assert kinds == ["websocket.close"]
    asyncio.run(PolicyMiddleware(app, Policy({}))(scope, receive, send))
    assert reached == ["websocket"]


@pytest.mark.parametrize(("given", "shown"), [("1.0", "HTTP/1.0"), ("1.1", "HTTP/1.1"), ("2", "HTTP/2.0")])
def test_version_is_shown_as_the_gateway_shows_it(given: str, shown: str) -> None:
    versions: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        pass

    async def unused(*message: Any) -> Any:
        raise AssertionError

    def see(exchange: Exchange) -> Outcome | None:
        versions.append(exchange.req.version)
        return None

    scope = {
        "type": "http",
        "http_version": given,
        "method": "GET",
        "path": "/",
        "headers": [(b"host", b"a")],
    }
    asyncio.run(PolicyMiddleware(app, Policy({REQUEST: see}))(scope, unused, unused))
    assert versions == [shown]


def test_lifespan_passes() -> None:
    reached: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["type"])

    asyncio.run(PolicyMiddleware(app, Policy({}))({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert reached == ["lifespan"]


def test_redirect_to_a_rewritten_host_comes_back_to_the_clients() -> None:
    def other_host(exchange: Exchange) -> Outcome | None:
        exchange.req.host = "in.example"
        exchange.req.headers.set("host", "in.example")
        return None

    async def moved(scope: Any, receive: Any, send: Any) -> None:
        host = dict(scope["headers"])[b"host"]
        lines = [(b"location", b"http://" + host + b"/x")]
        await send({"type": "http.response.start", "status": 302, "headers": lines})
        await send({"type": "http.response.body", "body": b""})

    async def scenario(phases: dict[Phase, Run]) -> str:
        transport = httpx.ASGITransport(PolicyMiddleware(moved, Policy(phases)))
        async with httpx.AsyncClient(transport=transport, base_url="https://a.example:8443") as client:
            reply = await client.get("/")
            return str(reply.headers["location"])

    assert asyncio.run(scenario({REQUEST: other_host})) == "https://a.example:8443/x"
    assert asyncio.run(scenario({})) == "http://a.example:8443/x"
