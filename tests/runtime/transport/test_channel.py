from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop

from policyc.runtime.transport.channel import Channel, Handler, Refusal


def run(scenario: Coroutine[Any, Any, None]) -> None:
    uvloop.run(asyncio.wait_for(scenario, 15))


@asynccontextmanager
async def channels(**handlers: Handler) -> AsyncIterator[tuple[Channel, Channel]]:
    """Give two ends; what is asked at the first is answered by `handlers` at the second."""
    ends = Channel(), Channel(handlers)
    serving = []
    for end, sock in zip(ends, socket.socketpair(), strict=True):
        await end.connect(sock)
        serving.append(asyncio.ensure_future(end.serve()))
    try:
        yield ends
    finally:
        for end in ends:
            end.close()
        await asyncio.gather(*serving)


def test_questions_are_answered_in_any_order() -> None:
    async def scenario() -> None:
        later = asyncio.Event()

        async def waits(word: str) -> str:
            await later.wait()
            return word * 2

        async def frees(octets: bytes) -> tuple[int, dict[str, float]]:
            later.set()
            return len(octets), {"a": 0.5}

        async with channels(waits=waits, frees=frees) as (ours, _):
            first = asyncio.ensure_future(ours.ask("waits", "ab"))
            assert await ours.ask("frees", b"x" * 3_000_000) == (3_000_000, {"a": 0.5})
            assert await first == "abab"

    run(scenario())


def test_a_refusal_and_a_bug_are_answers(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async def refuses() -> None:
            raise Refusal(("no", "never"), 1)

        async def breaks() -> None:
            raise ValueError("oh")

        async with channels(refuses=refuses, breaks=breaks) as (ours, _):
            with pytest.raises(Refusal, match="no; never") as caught:
                await ours.ask("refuses")
            assert (caught.value.lines, caught.value.status) == (("no", "never"), 1)
            for name in ("breaks", "is unknown"):
                with pytest.raises(Refusal, match="internal error: "):
                    await ours.ask(name)

    run(scenario())
    assert "failed to breaks" in caplog.text


def test_who_waits_hears_of_the_end() -> None:
    async def scenario() -> None:
        asked = asyncio.Event()

        async def never() -> None:
            asked.set()
            await asyncio.Event().wait()

        async with channels(never=never) as (ours, its):
            with pytest.raises(TimeoutError):
                await ours.ask("never", within_s=0.01)
            asked.clear()
            waiting = asyncio.ensure_future(ours.ask("never"))
            await asked.wait()
            its.close()
            with pytest.raises(ConnectionError):
                await waiting
            with pytest.raises(ConnectionError):
                await ours.ask("never")

    run(scenario())
