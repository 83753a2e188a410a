"""A running gateway against the specification, sentence by sentence: the cases of gateway/."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from importlib.util import find_spec
from typing import NamedTuple

import pytest
import uvloop
from tests.spec.embedded import Embedded, asked, by_gateway, differences, policy_of
from tests.spec.gateway_cases import Case, read_cases
from tests.spec.gateway_world import Talk, Turn, World

from policyc.runtime.roster import GatewayError

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

    try:
        wrong = house.loop.run_until_complete(scenario())
    except GatewayError as error:
        if "needs the extra" in str(error) and find_spec("cryptography") is None:
            pytest.skip(str(error))
        raise
    assert not wrong, f"{case.ref}: {case.holds}\n" + "\n".join(wrong)


@pytest.mark.parametrize("case", [case for case in CASES if case.can_embed], ids=lambda case: case.id)
def test_an_embedded_policy_answers_like_the_gateway(case: Case, house: House) -> None:
    policy = policy_of(case)
    if policy is None:
        pytest.skip("the case has no policy")

    async def scenario() -> list[Turn]:
        talk = Talk(house.world, case, await house.world.gateway(case))
        await talk.go()
        return talk.turns

    turns = house.loop.run_until_complete(scenario())
    embedded = Embedded(case, policy)
    wrong = []
    for turn in turns:
        ask = asked(turn, embedded.url)
        if ask is None:
            continue
        embedded.clock_s = turn.clock_s
        answered = by_gateway(turn)
        if ("ngrok-error-code", "ERR_NGROK_6029") in answered.lines:
            continue  # that there is no upstream is not the policy's
        wrong += differences("decide", answered, embedded.decided(ask, turn.client_ip), ask)
        if embedded.has_middleware:
            wrong += differences("middleware", answered, embedded.served(ask, turn.client_ip), ask)
    assert not wrong, "\n".join(wrong)
