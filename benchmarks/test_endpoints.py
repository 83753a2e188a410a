"""Question: what does a request pay where there are 100,000 endpoints, and how long do these take to load?

Two gateways, with ten endpoints and with 100,000, given to `Gateway` by a program (many_endpoints.py); they
take turns under the same load, whose requests go to all of the endpoints alike. Without `--benchmark-enable`
a hundredth of the endpoints will do.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, cast

import pytest
from benchmarks.test_gateway import REQUEST, Upstream, close_all, listening, measure
from pytest_benchmark.fixture import BenchmarkFixture

SCRIPT = Path(__file__).with_name("many_endpoints.py")
FEW, MANY = 10, 100_000
DIFFERENT = 50_000
ROUNDS = 9
LOAD_LIMIT_S = 10


class Running(NamedTuple):
    """A gateway with its endpoints loaded: what that took, its process, its address, what it is asked."""

    load_s: float
    process: int
    address: tuple[str, int]
    requests: list[bytes]


def request(shop: int, number: int) -> bytes:
    """Return a request to one of the public endpoints; no two are alike, as if from different clients."""
    host = b"shop%d.example.com" % shop
    return REQUEST.replace(b"api.example.test", host).replace(b"9f2c", b"%06x" % number)


@contextmanager
def running(count: int, upstream: int) -> Iterator[Running]:
    """Run a gateway with so many endpoints, and stop it in the end."""
    command = [sys.executable, str(SCRIPT), str(count), str(upstream)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            loaded = re.search(r"loaded in ([\d.]+)", said)
            assert loaded, said + process.stdout.read()
            requests = [request(7919 * n % (count // 2), n) for n in range(DIFFERENT)]
            yield Running(float(loaded[1]), process.pid, listening(process), requests)
        finally:
            process.kill()


def test_many_endpoints(benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]) -> None:
    benchmark.group = "endpoints"
    many, requests = (MANY, 8000) if benchmark.enabled else (MANY // 100, 200)
    cpu: dict[int, list[float]] = {FEW: [], many: []}
    load: dict[int, float] = {}

    async def run() -> None:
        loop = asyncio.get_running_loop()
        behind: set[asyncio.Transport] = set()
        server = await loop.create_server(lambda: Upstream(behind), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        gateways = {}
        for count in (FEW, many):
            opening = running(count, port)
            gateways[count] = await loop.run_in_executor(None, started.enter_context, opening)
            load[count] = gateways[count].load_s
        for turn in range(ROUNDS + 1 if benchmark.enabled else 2):
            for count, each in gateways.items():
                found = await measure(each.address, each.requests, requests=requests, process=each.process)
                if turn and found.cpu_us is not None:  # the first one warms up
                    cpu[count].append(found.cpu_us)
        server.close()
        await close_all(behind)

    with ExitStack() as started:
        cast("Any", benchmark).pedantic(lambda: asyncio.run(run()), rounds=1)
    assert load[many] < LOAD_LIMIT_S
    shown = f"{many:,} endpoints loaded in {load[many]:.2f} s of CPU"
    if cpu[many]:
        ratio = median(one / other for one, other in zip(cpu[many], cpu[FEW], strict=True))
        benchmark.extra_info.update(load_s=load[many], ratio=round(ratio, 2))
        shown += f"; {median(cpu[many]):.1f} µs per request, {ratio:.2f} of what it is with {FEW}"
    with capsys.disabled():
        print(f"\n{shown}")
