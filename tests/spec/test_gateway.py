"""A running gateway against the specification, sentence by sentence: the cases of gateway/."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import NamedTuple

import pytest
import uvloop
from tests.spec.gateway_cases import Case, read_cases
from tests.spec.gateway_world import Talk, World

pytestmark = pytest.mark.e2e

CASES = read_cases()


class House(NamedTuple):
    loop: asyncio.AbstractEventLoop
    world: World


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    loop = uvloop.new_event_loop()
    world = World()
    loop.run_until_complete(world.start())
    yield House(loop, world)
    loop.run_until_complete(world.close())
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_gateway_does_what_the_specification_says(case: Case, house: House) -> None:
    async def scenario() -> list[str]:
        return await Talk(house.world, case, await house.world.gateway(case)).go()

    wrong = house.loop.run_until_complete(scenario())
    assert not wrong, f"{case.ref}: {case.holds}\n" + "\n".join(wrong)
