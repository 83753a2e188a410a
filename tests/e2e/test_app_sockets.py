"""Applications in the gateway's process that speak WebSocket, and clients that do, well and badly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from tests.e2e.world import Client, World, endpoint, run, world
from wsproto.connection import CLIENT, Connection
from wsproto.events import BytesMessage, CloseConnection, Event, Message, Ping, Pong, TextMessage

from policyc.engine.outcome import Forward, Respond
from policyc.engine.phases import Phase
from policyc.engine.traffic import Exchange
from policyc.runtime.asgi import AsgiApp, Receive, Send
from policyc.runtime.settings import Settings

pytestmark = pytest.mark.e2e

ASK = (
    b"GET /chat/%%C3%%A9?q=1 HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%b\r\n"
)


class Socket:
    """A client's end, after the handshake."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.socket = Connection(CLIENT)
        self.events: list[Event] = []

    def say(self, event: Event) -> None:
        self.client.send(self.socket.send(event))

    async def hear(self) -> Event:
        """Return the next event, messages in one piece."""
        parts: list[Any] = []
        while True:
            while self.events:
                event = self.events.pop(0)
                if not isinstance(event, Message):
                    return event
                parts.append(event.data)
                if event.message_finished:
                    whole = parts[0][:0].join(parts)
                    return type(event)(data=whole)
            octets = await self.client.reader.read(1 << 16)
            self.socket.receive_data(octets or None)
            self.events.extend(self.socket.events())


def app_of(serve: Callable[[Any, Receive, Send], Any]) -> AsgiApp:
    async def app(scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        assert scope["type"] == "websocket"
        await serve(scope, receive, send)

    return app


async def serve(made: World, app: AsgiApp, settings: Settings | None = None) -> Client:
    await made.serve(
        endpoint("https://a.example", {Phase.HTTP_REQUEST: lambda x: Forward("https://app.internal")}),
        apps={"https://app.internal": app},
        settings=settings,
    )
    return await made.client()


async def opened(made: World, app: AsgiApp, settings: Settings | None = None) -> Socket:
    client = await serve(made, app, settings)
    client.send(ASK % b"")
    assert (await client.reply()).status == 101
    return Socket(client)


async def echo(scope: Any, receive: Receive, send: Send) -> None:
    assert await receive() == {"type": "websocket.connect"}
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})
    heard.append(message)


heard: list[Any] = []


@pytest.fixture(autouse=True)
def nothing_heard() -> None:
    heard.clear()


def test_handshake_tells_the_application_and_its_answer_the_client() -> None:
    scopes: list[Any] = []

    async def accept(scope: Any, receive: Receive, send: Send) -> None:
        scopes.append(scope)
        await receive()
        lines = [(b"x-app", b"1"), (b"connection", b"x")]
        await send({"type": "websocket.accept", "subprotocol": "v2", "headers": lines})
        await receive()

    async def scenario() -> None:
        async with world() as made:
            client = await serve(made, app_of(accept))
            client.send(ASK % b"Sec-WebSocket-Protocol: v1, v2\r\nSec-WebSocket-Protocol: v3\r\n")
            reply = await client.reply()
            assert (reply.status, reply.get("upgrade"), reply.get("connection")) == (
                101,
                ["websocket"],
                ["upgrade"],
            )
            assert reply.get("sec-websocket-accept") == ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]
            assert (reply.get("sec-websocket-protocol"), reply.get("x-app")) == (["v2"], ["1"])
            [scope] = scopes
            assert (scope["type"], scope["scheme"], scope["path"]) == ("websocket", "wss", "/chat/é")
            assert (scope["query_string"], scope["subprotocols"]) == (b"q=1", ["v1", "v2", "v3"])
            assert "method" not in scope

    run(scenario())


def test_messages_pass_whole_both_ways_and_pings_are_answered() -> None:
    async def scenario() -> None:
        async with world() as made:
            socket = await opened(made, app_of(echo))
            socket.say(TextMessage(data="héllo ", message_finished=False))
            socket.say(Ping(payload=b"?"))
            socket.say(TextMessage(data="world"))
            assert await socket.hear() == Pong(payload=b"?")
            assert await socket.hear() == TextMessage(data="héllo world")
            socket.say(BytesMessage(data=b"\0" * 300_000))
            assert await socket.hear() == BytesMessage(data=b"\0" * 300_000)
            socket.say(TextMessage(data=""))
            assert await socket.hear() == TextMessage(data="")
            socket.say(CloseConnection(code=1001, reason="bye"))
            assert await socket.hear() == CloseConnection(code=1001, reason="bye")
            assert await socket.client.is_closed()
            assert heard == [{"type": "websocket.disconnect", "code": 1001, "reason": "bye"}]
            record = await made.record()
            assert (record["status"], record["upstream"]) == (101, "app:https://app.internal")
            assert record["bytes_in"] > 300_000 < record["bytes_out"]
            assert "reason" not in record

    run(scenario())


def test_application_closes_or_returns_or_fails(caplog: pytest.LogCaptureFixture) -> None:
    async def act(scope: Any, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        what = (await receive())["text"]
        if what == "close":
            await send({"type": "websocket.close", "code": 4000, "reason": "enough"})
            with pytest.raises(OSError, match="closed"):
                await send({"type": "websocket.send", "text": "more"})
            heard.append(await receive())
        elif what == "fail":
            raise ValueError("no")

    async def scenario() -> None:
        async with world() as made:
            for what, told in (
                ("close", CloseConnection(code=4000, reason="enough")),
                ("return", CloseConnection(code=1000)),
                ("fail", CloseConnection(code=1011)),
            ):
                if what == "close":
                    socket = await opened(made, app_of(act))
                else:
                    socket = Socket(await made.client())
                    socket.client.send(ASK % b"")
                    assert (await socket.client.reply()).status == 101
                socket.say(TextMessage(data=what))
                event = await socket.hear()
                assert isinstance(event, CloseConnection)
                assert (event.code, event.reason or None) == (told.code, told.reason)
                socket.say(event.response())
                assert await socket.client.is_closed()
            assert heard[0]["code"] == 4000

    run(scenario())
    assert "an application failed" in caplog.text


def test_application_refuses_the_handshake() -> None:
    async def refuse(scope: Any, receive: Receive, send: Send) -> None:
        await receive()
        if scope["query_string"] == b"q=1":
            await send({"type": "websocket.close"})
            return
        lines = [(b"x-why", b"z")]
        await send({"type": "websocket.http.response.start", "status": 401, "headers": lines})
        await send({"type": "websocket.http.response.body", "body": b"no"})

    async def scenario() -> None:
        async with world() as made:
            client = await serve(made, app_of(refuse))
            client.send(ASK % b"")
            assert (await client.reply()).status == 403
            assert await client.is_closed()
            client = await made.client()
            client.send((ASK % b"").replace(b"q=1", b"q=2"))
            reply = await client.reply()
            assert (reply.status, reply.body, reply.get("x-why")) == (401, b"no", ["z"])

    run(scenario())


def test_policy_that_refuses_the_101_is_a_client_gone_for_the_application() -> None:
    async def scenario() -> None:
        async with world() as made:
            await made.serve(
                endpoint(
                    "https://a.example",
                    {
                        Phase.HTTP_REQUEST: lambda x: Forward("https://app.internal"),
                        Phase.HTTP_RESPONSE: refuse,
                    },
                ),
                apps={"https://app.internal": app_of(echo)},
            )
            client = await made.client()
            client.send(ASK % b"")
            assert (await client.reply()).status == 403
            assert await client.is_closed()
            while not heard:
                await asyncio.sleep(0)
            assert heard[0]["code"] == 1006

    def refuse(x: Exchange) -> Respond:
        assert x.res is not None
        assert x.res.status == 101
        return Respond(403, final=True)

    run(scenario())


def test_client_that_vanishes_is_a_disconnect() -> None:
    async def scenario() -> None:
        async with world() as made:
            socket = await opened(made, app_of(echo))
            await socket.client.close()
            await made.record()
            while not heard:
                await asyncio.sleep(0)
            assert heard == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}]

    run(scenario())


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (b"\x81\x02hi", 1002),  # not masked
        (b"\x83\x80\0\0\0\0", 1002),  # no such opcode
        (b"\xc1\x80\0\0\0\0", 1002),  # a reserved bit
        (b"\x81\x81\0\0\0\0\xff", 1007),  # no UTF-8
        (b"\x89\xfe\x01\0\0\0\0\0", 1002),  # a long ping
    ],
)
def test_client_that_breaks_the_protocol_is_told_and_left(frames: bytes, code: int) -> None:
    async def scenario() -> None:
        async with world() as made:
            socket = await opened(made, app_of(echo))
            socket.client.send(frames)
            event = await socket.hear()
            assert isinstance(event, CloseConnection)
            assert event.code == code
            assert await socket.client.is_closed()
            while not heard:
                await asyncio.sleep(0)
            assert heard[0]["code"] == code

    run(scenario())


@pytest.mark.parametrize("pieces", [1, 64])
def test_message_beyond_the_limit_closes_with_1009(pieces: int) -> None:
    async def scenario() -> None:
        async with world() as made:
            settings = Settings(websocket_message_limit_bytes=6400)
            socket = await opened(made, app_of(echo), settings)
            socket.say(TextMessage(data="x" * 6400))
            assert await socket.hear() == TextMessage(data="x" * 6400)
            for _ in range(pieces):
                socket.say(BytesMessage(data=b"x" * (6400 // pieces), message_finished=False))
            socket.say(BytesMessage(data=b"x"))
            event = await socket.hear()
            assert isinstance(event, CloseConnection)
            assert event.code == 1009
            assert (await made.record())["reason"] == "websocket_message_too_long"
            limits = made.gateway.collect()["policyc_limit_hits_total"]
            assert limits["websocket_message_limit_bytes",] == 1

    run(scenario())


def test_application_that_does_not_receive_holds_the_client_back() -> None:
    async def scenario() -> None:
        go = asyncio.Event()
        counts: list[int] = []

        async def late(scope: Any, receive: Receive, send: Send) -> None:
            await receive()
            await send({"type": "websocket.accept"})
            await go.wait()
            count = 0
            while (message := await receive())["type"] == "websocket.receive":
                count += len(message["bytes"])
            counts.append(count)

        async with world() as made:
            socket = await opened(made, app_of(late))
            one = BytesMessage(data=b"x" * 65536)
            sent = 0
            while not go.is_set():
                socket.say(one)
                sent += 65536
                assert sent < 1 << 26
                try:
                    async with asyncio.timeout(0.3):
                        await socket.client.writer.drain()
                except TimeoutError:
                    go.set()
            await socket.client.writer.drain()
            socket.say(CloseConnection(code=1000))
            assert isinstance(await socket.hear(), CloseConnection)
            while not counts:
                await asyncio.sleep(0)
            assert counts == [sent]

    run(scenario())


def test_application_waits_for_a_client_that_takes_nothing() -> None:
    async def scenario() -> None:
        sent = 0

        async def flood(scope: Any, receive: Receive, send: Send) -> None:
            nonlocal sent
            await receive()
            await send({"type": "websocket.accept"})
            try:
                while sent < 1 << 28:
                    await send({"type": "websocket.send", "bytes": b"x" * 65536})
                    sent += 65536
            except OSError as error:
                heard.append(str(error))

        async with world() as made:
            client = await serve(made, app_of(flood))
            client.writer.transport.set_write_buffer_limits(0)
            client.send(ASK % b"")
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            before = -1
            while sent != before:
                before = sent
                await asyncio.sleep(0.2)
            assert 0 < sent < 1 << 26
            client.writer.transport.abort()
            while not heard:
                await asyncio.sleep(0)
            assert heard == ["the connection is closed"]

    run(scenario())


def test_stop_cuts_what_is_open_at_its_deadline() -> None:
    async def scenario() -> None:
        async with world() as made:
            socket = await opened(made, app_of(echo))
            await made.gateway.close(0.2)
            assert (await made.record())["reason"] == "drain_timeout"
            assert await socket.client.is_closed()
            assert heard[0]["code"] == 1006

    run(scenario())
