"""Handshakes that an application never hears of; what it does hear is in tests/e2e/test_app_sockets.py."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from policyc.engine.outcome import Fail
from policyc.engine.traffic import Connection, Headers
from policyc.runtime.asgi import AsgiOrigin
from policyc.runtime.origin import Outgoing, OutgoingAsking
from policyc.runtime.protocol.http1 import Framing
from policyc.runtime.settings import Settings

VERSION, KEY = (b"sec-websocket-version", b"13"), (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ==")


class Ear:
    """A listener that writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def on_response(self, status: int, headers: Headers, framing: Framing, length: int) -> None:
        self.heard += [status, *headers.lines]

    def on_end(self, trailers: object = ()) -> None:
        self.heard.append("end")

    def on_failure(self, failure: Fail) -> None:
        self.heard += [failure.status, failure.reason]


def asked(*lines: tuple[bytes, bytes]) -> OutgoingAsking:
    plain = Outgoing("GET", "/", "http", Headers(lines), Framing.NONE, 0, Connection("192.0.2.1", 1), 1)
    return OutgoingAsking(plain, "websocket", False, False)


async def never(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "lifespan"


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([KEY], 426),
        ([(b"sec-websocket-version", b"8"), KEY], 426),
        ([VERSION], 400),
        ([VERSION, KEY, KEY], 400),
        ([VERSION, (b"sec-websocket-key", b"short")], 400),
        ([VERSION, (b"sec-websocket-key", b"a b=")], 400),
    ],
)
def test_handshake_that_is_none_is_answered_without_the_application(
    lines: list[tuple[bytes, bytes]], status: int
) -> None:
    async def scenario() -> None:
        ear = Ear()
        origin = AsgiOrigin(never, "app", Settings())
        call: Any = origin.begin(asked(*lines), ear)  # type: ignore[arg-type]
        await call.task
        told = [(b"sec-websocket-version", b"13")] if status == 426 else []
        assert ear.heard == [status, *told, "end"]
        await origin.stop()

    asyncio.run(scenario())


def test_without_the_extra_the_answer_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    async def scenario() -> None:
        ear = Ear()
        origin = AsgiOrigin(never, "app", Settings())
        call: Any = origin.begin(asked(VERSION, KEY), ear)  # type: ignore[arg-type]
        await call.task
        assert ear.heard == [501, "upgrade_not_served"]
        await origin.stop()

    monkeypatch.setitem(sys.modules, "policyc.runtime.asgi_websocket", None)
    asyncio.run(scenario())
