"""ASGI applications behind endpoints: scope, streaming, lifespan, pools and faults."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.e2e.world import World, endpoint, run, world

from policyc.engine.outcome import Forward, Respond
from policyc.engine.phases import Phase
from policyc.runtime.asgi import AsgiApp, Receive, Send
from policyc.runtime.gateway import GatewayError
from policyc.runtime.settings import Settings

pytestmark = pytest.mark.e2e


def app_of(serve: Callable[[Any, Receive, Send], Any]) -> AsgiApp:
    """Return an application that knows no lifespan."""

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await serve(scope, receive, send)

    return app


async def answer(send: Send, body: bytes, *lines: tuple[bytes, bytes], status: int = 200) -> None:
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body})


async def serve(made: World, app: AsgiApp | list[AsgiApp], settings: Settings | None = None) -> None:
    await made.serve(
        endpoint("https://a.example", {Phase.HTTP_REQUEST: lambda x: Forward("https://app.internal")}),
        apps={"https://app.internal": app},
        settings=settings,
    )


def test_scope_tells_the_request() -> None:
    scopes: list[dict[str, Any]] = []

    async def look(scope: Any, receive: Receive, send: Send) -> None:
        scopes.append(scope)
        message = await receive()
        await answer(send, message["body"] + b"!")

    async def scenario() -> None:
        async with world() as made:
            await serve(made, app_of(look))
            reply = await made.get("/p%20q/%C3%A9?x=1", "a.example", "X-A: 1", method="POST", body=b"body")
            assert (reply.body, reply.get("content-length")) == (b"body!", ["5"])
            scope = scopes[0]
            assert scope["method"] == "POST"
            assert scope["path"] == "/p q/é"
            assert scope["raw_path"] == b"/p%20q/%C3%A9"
            assert scope["query_string"] == b"x=1"
            assert scope["scheme"] == "https"
            assert scope["client"][0] == "127.0.0.1"
            headers = dict(scope["headers"])
            assert headers[b"host"] == b"a.example"
            assert headers[b"content-length"] == b"4"
            assert headers[b"x-forwarded-for"] == b"127.0.0.1"
            assert (await made.record())["upstream"] == "app:https://app.internal"

    run(scenario())


@pytest.mark.parametrize(("line", "told"), [("TE: trailers", [("x-sum", "1")]), ("X: y", [])])
def test_trailers_of_an_application_reach_a_client_that_knows_of_them(
    line: str, told: list[tuple[str, str]]
) -> None:
    scopes: list[dict[str, Any]] = []

    async def trail(scope: Any, receive: Receive, send: Send) -> None:
        scopes.append(scope)
        may = "http.response.trailers" in scope.get("extensions", {})
        await send({"type": "http.response.start", "status": 200, "headers": [], "trailers": may})
        await send({"type": "http.response.body", "body": b"body"})
        if may:
            first = {"type": "http.response.trailers", "headers": [(b"X-Sum", b"1")], "more_trailers": True}
            await send(first)
            await send({"type": "http.response.trailers", "headers": [(b"set-cookie", b"a=b")]})

    async def scenario() -> None:
        async with world() as made:
            await serve(made, app_of(trail))
            client = await made.client()
            for _ in range(2):
                reply = await client.get("/", "a.example", line)
                assert (reply.status, reply.body, list(reply.trailers)) == (200, b"body", told)

    run(scenario())


@pytest.mark.parametrize("status", [101, 103, 99, 600])
def test_status_that_is_no_final_one_is_a_failure_of_the_application(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with world() as made:
            await serve(made, app_of(lambda scope, receive, send: answer(send, b"", status=status)))
            assert (await made.get("/", "a.example")).status == 502

    run(scenario())
    assert f"{status} is not the status of a response" in caplog.text


def test_bodies_stream_both_ways() -> None:
    async def echo(scope: Any, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        more = True
        while more:
            message = await receive()
            more = message["more_body"]
            await send({"type": "http.response.body", "body": message["body"], "more_body": more})

    async def scenario() -> None:
        async with world() as made:
            await serve(made, app_of(echo))
            client = await made.client()
            body = bytes(range(256)) * 4000
            reply = await client.get("/", "a.example", method="POST", body=body)
            assert reply.body == body
            assert reply.get("transfer-encoding") == ["chunked"]
            assert (await client.get("/", "a.example")).body == b""

    run(scenario())


def test_head_has_no_body_and_keeps_the_length() -> None:
    async def page(scope: Any, receive: Receive, send: Send) -> None:
        await answer(send, b"hello", (b"content-length", b"5"))

    async def scenario() -> None:
        async with world() as made:
            await serve(made, app_of(page))
            client = await made.client()
            reply = await client.get("/", "a.example", method="HEAD")
            assert reply.get("content-length") == ["5"]
            assert (await client.get("/", "a.example")).body == b"hello"

    run(scenario())


@pytest.mark.parametrize("kind", ["raises", "silent", "bad length", "wrong message"])
def test_application_that_fails_before_its_response_is_502(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(scope: Any, receive: Receive, send: Send) -> None:
        if kind == "raises":
            raise ValueError("broken")
        if kind == "bad length":
            await answer(send, b"abc", (b"content-length", b"three"))
        if kind == "wrong message":
            await send({"type": "http.response.body", "body": b"x"})

    async def scenario() -> None:
        async with world() as made:
            await serve(made, app_of(fail))
            reply = await made.get("/", "a.example")
            assert (reply.status, reply.get("ngrok-error-code")) == (502, ["ERR_NGROK_3004"])
            assert b"broken" not in reply.body

    run(scenario())
    assert ("broken" in caplog.text) == (kind == "raises")


@pytest.mark.parametrize("declared", [True, False])
def test_application_that_breaks_off_cuts_the_connection(declared: bool) -> None:
    async def broken(scope: Any, receive: Receive, send: Send) -> None:
        lines = [(b"content-length", b"10")] if declared else []
        await send({"type": "http.response.start", "status": 200, "headers": lines})
        await send({"type": "http.response.body", "body": b"part", "more_body": True})

    async def scenario() -> None:
        async with world() as made:
            await serve(made, app_of(broken))
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await made.get("/", "a.example")

    run(scenario())


def test_application_hears_that_the_client_left() -> None:
    heard = asyncio.Event()
    arrived = asyncio.Event()

    async def wait(scope: Any, receive: Receive, send: Send) -> None:
        await receive()
        arrived.set()
        message = await receive()
        assert message["type"] == "http.disconnect"
        heard.set()

    async def scenario() -> None:
        async with world() as made:
            await serve(made, app_of(wait))
            client = await made.client()
            client.send(b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nx")
            await arrived.wait()
            client.writer.close()
            await heard.wait()

    run(scenario())


def test_lifespan_is_started_before_requests_and_stopped_at_the_end() -> None:
    events: list[str] = []

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            scope["state"]["made"] = b"state"
            while True:
                message = await receive()
                events.append(message["type"])
                await send({"type": message["type"] + ".complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        events.append("http")
        await answer(send, scope["state"]["made"])

    async def scenario() -> None:
        async with world() as made:
            await serve(made, app)
            assert (await made.get("/", "a.example")).body == b"state"

    run(scenario())
    assert events == ["lifespan.startup", "http", "lifespan.shutdown"]


def test_application_that_fails_to_start_is_502() -> None:
    async def app(scope: Any, receive: Receive, send: Send) -> None:
        assert scope["type"] == "lifespan"
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    async def scenario() -> None:
        async with world() as made:
            await serve(made, app)
            assert (await made.get("/", "a.example")).status == 502
            assert "no database" in (await made.record())["detail"]

    run(scenario())


def test_two_applications_under_one_url_are_a_pool() -> None:
    def named(name: bytes) -> AsgiApp:
        async def tell(scope: Any, receive: Receive, send: Send) -> None:
            await answer(send, name)

        return app_of(tell)

    async def scenario() -> None:
        async with world() as made:
            await serve(made, [named(b"one"), named(b"two")], Settings(seed=3))
            client = await made.client()
            bodies = [(await client.get("/", "a.example")).body for _ in range(40)]
            assert 8 < bodies.count(b"one") < 32
            assert bodies.count(b"one") + bodies.count(b"two") == 40

    run(scenario())


def test_application_can_be_registered_while_the_gateway_runs() -> None:
    async def hello(scope: Any, receive: Receive, send: Send) -> None:
        await answer(send, b"hello")

    async def scenario() -> None:
        async with world() as made:
            await made.serve(
                endpoint(
                    "https://a.example", {Phase.HTTP_REQUEST: lambda x: Forward("https://app.internal")}
                ),
                endpoint("https://up.internal", to="http://127.0.0.1:1"),
            )
            assert (await made.get("/", "a.example")).status == 404
            made.gateway.endpoint("https://app.internal", app=app_of(hello))
            assert (await made.get("/", "a.example")).body == b"hello"
            with pytest.raises(GatewayError, match="both an upstream and an application"):
                made.gateway.endpoint("https://up.internal", app=app_of(hello))
            assert (await made.get("/", "a.example")).body == b"hello"

    run(scenario())


def test_application_takes_an_endpoint_that_the_program_gives_a_policy() -> None:
    async def hello(scope: Any, receive: Receive, send: Send) -> None:
        await answer(send, b"hello")

    async def scenario() -> None:
        async with world() as made:
            gate = {Phase.HTTP_REQUEST: lambda x: Respond(403, final=True) if x.req.target == "/no" else None}
            await made.serve(
                endpoint(
                    "https://a.example", {Phase.HTTP_REQUEST: lambda x: Forward("https://app.internal")}
                ),
                endpoint("https://app.internal", gate),
                apps={"https://app.internal": [app_of(hello), app_of(hello)]},
            )
            assert (await made.get("/", "a.example")).body == b"hello"
            assert (await made.get("/no", "a.example")).status == 403

    run(scenario())


def test_a_real_client_gets_along() -> None:
    async def hello(scope: Any, receive: Receive, send: Send) -> None:
        message = await receive()
        await answer(send, b"hello " + message["body"], (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"))

    async def scenario() -> None:
        async with world() as made:
            await serve(made, app_of(hello))
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{made.port}") as client:
                for _ in range(3):
                    reply = await client.post("/", content=b"you", headers={"host": "a.example"})
                    assert reply.text == "hello you"
                    assert reply.headers.get_list("set-cookie") == ["a=1", "b=2"]

    run(scenario())
