"""Thousands of exchanges with an upstream that fails at every point: no wrong body, and nothing leaks.

`make soak` does a hundred thousand.
"""

from __future__ import annotations

import asyncio
import gc
import os
from typing import NamedTuple

import pytest
import uvloop
from tests.e2e.faulty import AWRY, WELL, FaultyUpstream, Suspicious, Tally
from tests.e2e.world import World, endpoint, world

from policyc.engine.model import EndpointDef
from policyc.engine.outcome import Forward, Outcome
from policyc.engine.phases import Phase
from policyc.engine.traffic import Exchange
from policyc.runtime.exchange import HttpExchange
from policyc.runtime.process import open_descriptors, resident_bytes
from policyc.runtime.reasons import REASONS
from policyc.runtime.settings import Settings
from policyc.runtime.transport.upstream import HttpCall

pytestmark = pytest.mark.e2e

EXCHANGES = int(os.environ.get("POLICYC_EXCHANGES", "2000"))
CLIENTS = 16


class Level(NamedTuple):
    """What a gateway in this process holds."""

    connections: int
    upstreams: int
    descriptors: int
    tasks: int
    exchanges: int
    calls: int
    resident: int

    @classmethod
    async def of(cls, made: World) -> Level:
        """Wait until the clients that left are gone, and look."""
        while made.gateway.connection_count:
            await asyncio.sleep(0.01)
        async with asyncio.timeout(5):  # no connection is left that nobody has
            while made.gateway.upstreams.open_count != made.gateway.upstreams.idle_count:
                await asyncio.sleep(0.01)
        for connection in list(made.gateway.upstreams._open):
            connection.close()
        while made.gateway.upstreams.open_count:
            await asyncio.sleep(0.01)
        gc.collect()
        living = [type(each) for each in gc.get_objects()]
        return cls(
            made.gateway.connection_count,
            made.gateway.upstreams.open_count,
            open_descriptors(),
            len(asyncio.all_tasks()),
            living.count(HttpExchange),
            living.count(HttpCall),
            resident_bytes(),
        )


async def ask_on_and_on(made: World, numbers: range, seed: int, tally: Tally) -> None:
    left = iter(numbers)

    async def client(which: int) -> None:
        suspicious = Suspicious(made.port, seed + which, tally)
        for number in left:
            await suspicious.ask(number)
            made.log.clear()
        suspicious.leave()

    async with asyncio.TaskGroup() as group:
        for which in range(CLIENTS):
            group.create_task(client(which))


def forward(exchange: Exchange) -> Outcome:
    return Forward("http://b.internal")


def mark(exchange: Exchange) -> None:
    exchange.res.headers.add("x-passed", "on")


def endpoints(kind: str, url: str) -> list[EndpointDef]:
    if kind == "bare":
        return [endpoint("http://a.example", to=url)]
    return [
        endpoint("http://a.example", {Phase.HTTP_REQUEST: forward, Phase.HTTP_RESPONSE: mark}),
        endpoint("http://b.internal", {Phase.HTTP_RESPONSE: mark}, url),
    ]


@pytest.mark.parametrize("kind", ["bare", "forward"])
def test_faults_give_no_wrong_answer_and_leave_nothing_behind(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with world() as made:
            upstream = FaultyUpstream(seed=EXCHANGES)
            url = await made.server(upstream.serve)
            settings = Settings(idle_timeout_s=1.0, body_grace_s=60.0)
            await made.serve(*endpoints(kind, url), settings=settings)
            tally = Tally()
            warm = EXCHANGES // 5
            await ask_on_and_on(made, range(warm), 1, tally)
            before = await Level.of(made)
            await ask_on_and_on(made, range(warm, EXCHANGES), 1000, tally)
            after = await Level.of(made)

            print(f"\n{kind}, {EXCHANGES} exchanges: {dict(tally)}\nbefore {before}\nafter  {after}")
            assert sum(tally.values()) == EXCHANGES
            assert tally["good"] > EXCHANGES // 2
            assert min(tally[each] for each in ("failed", "cut", "left")) > 0
            assert {play.__name__ for play in (*WELL, *AWRY)} <= set(upstream.played)
            assert after.exchanges == after.calls == 0
            assert after._replace(resident=0, descriptors=0) == before._replace(resident=0, descriptors=0)
            assert after.descriptors <= before.descriptors + 2
            assert after.resident - before.resident < 16 * 1024 * 1024
            counted = made.gateway.collect()["policyc_refusals_total"]
            assert {reason for (reason,) in counted} <= set(REASONS)
            assert [each for each in caplog.records if each.levelname == "ERROR"] == []
            while upstream.open:
                await asyncio.sleep(0.01)

    uvloop.run(scenario())
