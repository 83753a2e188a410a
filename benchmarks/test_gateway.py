"""Question: how many requests per second pass the gateway, and what CPU time does each take?

W1 is a plain proxy, W2 the ten rules of w2.policy. The gateway is `policyc run` in a process of its own; a
small load client and the upstream share this one, with nothing to install. CPU time says more than requests
per second, which a slow client hides. Figures of one run compare with each other and with nothing else.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

HEADERS = (
    "host: api.example.test",
    "user-agent: Mozilla/5.0 (X11; Linux)",
    "accept: */*",
    "accept-encoding: gzip, br",
    "accept-language: en",
    "x-api-key: k-123",
    "x-request-id: 9f2c",
    "cookie: session=abc; theme=dark",
    "referer: https://example.test/",
    "cache-control: no-cache",
)
REQUEST = "\r\n".join(("GET /api/v1/users/42?page=2 HTTP/1.1", *HEADERS, "", "")).encode()
POLICY = Path(__file__).with_name("w2.policy")

BODY = b"x" * 1024
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n\r\n" % len(BODY) + BODY


class Measured(NamedTuple):
    """What a run showed; `cpu_us` is the gateway's CPU time per request, None where the system hides it."""

    requests: int
    seconds: float
    cpu_us: float | None

    @property
    def per_second(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


class Upstream(asyncio.Protocol):
    """Answers every request head with the same kilobyte; requests have no bodies."""

    def __init__(self, transports: set[asyncio.Transport]) -> None:
        """`transports` are those that are open, for who closes them in the end."""
        self._transports = transports
        self._waiting = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._transports.add(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the transport."""
        self._transports.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        """Answer each head that is complete."""
        heads = (self._waiting + data).split(b"\r\n\r\n")
        self._waiting = heads.pop()
        if heads:
            self._transport.write(ANSWER * len(heads))


class _Client(asyncio.Protocol):
    """One connection that sends the next request when the answer to the last one is complete."""

    def __init__(self, requests: Iterator[bytes], run: _Run) -> None:
        self._requests = requests
        self._run = run
        self._waiting = b""
        self._length = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._run.transports.add(transport)
        transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        data = self._waiting = self._waiting + data
        if self._length < 0:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                return
            self._length = end + 4 + _content_length(data[:end])
        if len(data) < self._length:
            return
        if not data.startswith(b"HTTP/1.1 200"):
            self._run.fail(f"the gateway answered {data[:80]!r}")
            return
        self._waiting = b""
        self._length = -1
        if self._run.counted():
            self._transport.write(next(self._requests))

    def connection_lost(self, error: Exception | None) -> None:
        self._run.transports.discard(self._transport)
        self._run.lost(self._requests)


class _Run:
    def __init__(self, address: tuple[str, int], requests: int) -> None:
        self._address = address
        self._left = requests
        self.transports: set[asyncio.Transport] = set()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Task[None]] = set()

    def counted(self) -> bool:
        self._left -= 1
        if self._left <= 0 and not self.done.done():
            self.done.set_result(None)
        return self._left > 0

    def fail(self, why: str) -> None:
        if not self.done.done():
            self.done.set_exception(RuntimeError(why))

    def lost(self, requests: Iterator[bytes]) -> None:
        """Open a connection again that the gateway closed (after its limit of requests, say)."""
        if not self.done.done():
            task = asyncio.ensure_future(self.connect(requests))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def connect(self, requests: Iterator[bytes]) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: _Client(requests, self), *self._address)
        except OSError as error:
            self.fail(f"cannot connect: {error}")


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise RuntimeError(f"an answer without content-length: {head!r}")


async def measure(
    address: tuple[str, int],
    one: bytes | Sequence[bytes],
    *,
    requests: int,
    connections: int = 32,
    process: int | None = None,
) -> Measured:
    """Send `requests` requests over `connections` connections and return what it took.

    They are all `one`, or each the next of these in turn.
    """
    each = cycle([one] if isinstance(one, bytes) else one)
    run = _Run(address, requests)
    cpu, start = cpu_seconds(process), time.perf_counter()
    await asyncio.gather(*(run.connect(each) for _ in range(connections)))
    await asyncio.wait_for(run.done, 120)
    seconds, cpu_after = time.perf_counter() - start, cpu_seconds(process)
    await close_all(run.transports)
    used = None if cpu is None or cpu_after is None else (cpu_after - cpu) / requests * 1e6
    return Measured(requests, seconds, used)


async def close_all(transports: set[asyncio.Transport]) -> None:
    """Close connections and wait until they are."""
    for transport in transports:
        transport.abort()
    while transports:
        await asyncio.sleep(0)


def cpu_seconds(process: int | None) -> float | None:
    """Return the CPU time that a process has used, None where the system does not say."""
    try:
        threads = list(Path(f"/proc/{process}/task").iterdir())
        return sum(int((each / "schedstat").read_text(encoding="ascii").split()[0]) for each in threads) / 1e9
    except OSError:
        return None


@contextmanager
def gateway(upstream: int | None, *files: str) -> Iterator[tuple[subprocess.Popen[str], tuple[str, int]]]:
    """Run a gateway, before the upstream at a port if one is given, and stop it in the end."""
    command = [sys.executable, "-m", "policyc", "run", *files, "--http", "127.0.0.1:0"]
    command += ["--access-log", "/dev/null", "--requests-per-connection", "1000000"]
    if upstream is not None:
        command += ["--upstream", f"http://127.0.0.1:{upstream}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process, listening(process)
        finally:
            process.terminate()
            process.communicate(timeout=20)


def listening(process: subprocess.Popen[str]) -> tuple[str, int]:
    """Return the address that a gateway says it listens on."""
    said = ""
    assert process.stdout is not None
    for line in process.stdout:
        said += line
        match = re.search(r"http://([0-9.]+):(\d+)", line) if "listening" in line else None
        if match:
            return match[1], int(match[2])
    raise RuntimeError(f"the gateway did not start: {said}")


@pytest.mark.parametrize(("name", "files"), [("W1", []), ("W2", [str(POLICY)])])
def test_gateway(
    benchmark: BenchmarkFixture, name: str, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    benchmark.group = "gateway"
    requests = 4000 if benchmark.enabled else 200
    results: list[Measured] = []

    async def run_all() -> None:
        loop = asyncio.get_running_loop()
        behind: set[asyncio.Transport] = set()
        server = await loop.create_server(lambda: Upstream(behind), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        process, address = await loop.run_in_executor(
            None, lambda: started.enter_context(gateway(port, *files))
        )
        await measure(address, REQUEST, requests=min(requests, 500))
        for _ in range(5 if benchmark.enabled else 1):
            results.append(await measure(address, REQUEST, requests=requests, process=process.pid))
        server.close()
        await close_all(behind)

    with ExitStack() as started:
        cast("Any", benchmark).pedantic(lambda: asyncio.run(run_all()), rounds=1)
    middle = sorted(results, key=lambda r: r.per_second)[len(results) // 2]
    cpu = "" if middle.cpu_us is None else f", {middle.cpu_us:.0f} µs of CPU each"
    benchmark.extra_info["requests_per_second"] = round(middle.per_second)
    with capsys.disabled():
        print(f"\n{name}: {middle.per_second:,.0f} requests per second{cpu} (median of {len(results)} runs)")
