"""Requests that could be read in two ways, sent through the gateway to an upstream that records what arrives.

The vectors and the program that judges them lie beside this checkout; without them there is nothing to test.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path

import pytest
import uvloop
from tests.e2e.stream_world import free_port
from tests.e2e.world import World, endpoint, world

pytestmark = pytest.mark.e2e

PROBE = Path(__file__).parents[2].parent / "shared" / "conformance" / "http1" / "probe.py"
# Of what is judged, this part is to be the preferred outcome, and not only a permitted one.
PREFERRED = 0.95
# The probe mostly waits.
AT_A_TIME = 5


def classes() -> list[str]:
    vectors = json.loads((PROBE.parent / "vectors.json").read_text())["vectors"]
    return sorted({each["class"] for each in vectors})


async def judged(made: World, names: list[str]) -> Counter[str]:
    """Run the probe with the vectors of these classes against a gateway, and return its verdicts."""
    port = free_port()
    to = f"http://127.0.0.1:{port}"
    await made.serve(endpoint("http://conf.test", to=to), endpoint("http://api.internal", to=to))
    flags = [flag for name in names for flag in ("--class", name)]
    probe = await asyncio.create_subprocess_exec(
        sys.executable, str(PROBE), f"127.0.0.1:{made.port}", "--upstream-port", str(port), *flags,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await probe.communicate()
    verdict = json.loads(said.splitlines()[-1])
    assert verdict["failed_ids"] == []
    return Counter({name: verdict[name] for name in ("vectors", "pass", "fail", "unsafe", "skipped")})


@pytest.mark.skipif(not PROBE.exists(), reason="the vectors of HTTP/1.1 are not beside this checkout")
def test_no_vector_fails_and_none_is_unsafe() -> None:
    async def part(names: list[str]) -> Counter[str]:
        async with world() as made:
            return await judged(made, names)

    async def scenario() -> None:
        every = classes()
        async with asyncio.timeout(50):
            total = sum(
                await asyncio.gather(*[part(every[n::AT_A_TIME]) for n in range(AT_A_TIME)]), Counter()
            )
        assert total["vectors"] >= 280
        assert (total["fail"], total["unsafe"], total["skipped"]) == (0, 0, 0)
        assert total["pass"] >= PREFERRED * total["vectors"]

    uvloop.run(scenario())
