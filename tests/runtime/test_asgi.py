"""The lifespan protocol, by itself; requests are in tests/e2e/test_apps.py."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from policyc.runtime.asgi import AsgiOrigin, Lifespan, Receive, Send
from policyc.runtime.settings import Settings


async def ignorant(scope: Any, receive: Receive, send: Send) -> None:
    raise TypeError(f"cannot serve {scope['type']}")


async def returning(scope: Any, receive: Receive, send: Send) -> None:
    return


async def failing(scope: Any, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no luck"})


@pytest.mark.parametrize("app", [ignorant, returning])
def test_application_without_lifespan_is_ready(app: Any) -> None:
    async def scenario() -> None:
        lifespan = Lifespan(app)
        await lifespan.startup()
        await lifespan.shutdown()

    asyncio.run(scenario())


def test_failure_to_start_is_told() -> None:
    async def scenario() -> None:
        lifespan = Lifespan(failing)
        with pytest.raises(RuntimeError, match="no luck"):
            await lifespan.startup()
        await lifespan.shutdown()

    asyncio.run(scenario())


def test_lifespan_starts_once_however_often_it_is_asked() -> None:
    starts: list[str] = []

    async def counting(scope: Any, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            starts.append(message["type"])
            await send({"type": message["type"] + ".complete"})

    async def scenario() -> None:
        lifespan = Lifespan(counting)
        lifespan.start()
        one, other = (AsgiOrigin(counting, name, Settings(), lifespan) for name in ("one", "other"))
        await asyncio.gather(one.ready(), other.ready(), one.ready())
        await one.stop()
        await lifespan.stop()
        await lifespan.stop()

    asyncio.run(scenario())
    assert starts == ["lifespan.startup", "lifespan.shutdown"]


def test_what_never_started_stops() -> None:
    asyncio.run(AsgiOrigin(ignorant, "app", Settings()).stop())
    asyncio.run(Lifespan(ignorant).stop())
