"""slowhttptest in its four modes against `policyc run` as it comes: others are served all the while.

What it is: a Debian package that opens connections and sends, or reads, as slowly as it can. Its own probe
says every second whether the service answers; a client of ours says how soon.
"""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.runtime.cli.conftest import Running, gateway

__all__ = ["gateway"]

Start = Callable[..., Running]

CONNECTIONS = 1000
SECONDS = 40  # longer than every time-out that a slow client meets
BODY = b"x" * 200_000
# The flags of each mode, and the limit that ends its connections.
MODES = {
    "slow headers": ("head_timeout_s", ["-H", "-i", "1"]),
    "slow body": ("body_rate_bytes_s", ["-B", "-i", "1", "-s", "8192"]),
    "ranges": (None, ["-R"]),
    # The system's buffers hold these answers: `idle_timeout_s` is what ends the connections, after the test.
    "slow read": (None, ["-X", "-w", "512", "-y", "1024", "-n", "5", "-z", "32", "-k", "3"]),
}


# A server in a process of its own, with one large answer to everything.
UPSTREAM = """
import asyncio, re, uvloop

ANSWER = b"HTTP/1.1 200 OK\\r\\nContent-Length: 200000\\r\\n\\r\\n" + b"x" * 200_000

async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            length = re.search(rb"content-length: ([0-9]+)", head.lower())
            if length:
                await reader.readexactly(int(length[1]))
            writer.write(ANSWER)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

uvloop.run(main())
"""


@pytest.fixture
def upstream() -> Iterator[str]:
    process = subprocess.Popen([sys.executable, "-c", UPSTREAM], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    process.kill()
    process.wait()
    process.stdout.close()


@contextmanager
def good_client(url: str) -> Iterator[list[float]]:
    """Ask ten times a second in a thread of its own; the list is how long each answer took."""
    took: list[float] = []
    over = threading.Event()

    def ask() -> None:
        with httpx.Client(timeout=10) as client:
            while not over.wait(0.1):
                began = time.perf_counter()
                reply = client.get(url)
                assert reply.status_code == 200
                assert reply.content == BODY
                took.append(time.perf_counter() - began)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield took
    finally:
        over.set()
        thread.join()


@pytest.mark.skipif(shutil.which("slowhttptest") is None, reason="slowhttptest is not installed")
@pytest.mark.parametrize("mode", MODES)
def test_service_is_available_throughout(mode: str, gateway: Start, upstream: str, tmp_path: Path) -> None:
    running = gateway("--upstream", upstream, "--admin", "127.0.0.1:0", "--access-log", tmp_path / "log")
    admin = running.wait_for(r"admin on (http://\S+)")[1]
    limit, flags = MODES[mode]
    command = [
        "slowhttptest", *flags, "-c", str(CONNECTIONS), "-r", "200", "-l", str(SECONDS), "-p", "2",
        "-u", f"{running.url}/", "-g", "-o", str(tmp_path / "result"),
    ]  # fmt: skip
    with good_client(running.url) as took:
        subprocess.run(command, check=True, capture_output=True, timeout=SECONDS + 60)
    with open(tmp_path / "result.csv", newline="") as file:
        rows = list(csv.DictReader(file, skipinitialspace=True))
    assert len(rows) > 1
    assert all(int(row["Service Available"]) for row in rows), rows
    took.sort()
    median, late = took[len(took) // 2], took[-1 - len(took) // 100]
    hits = dict(
        re.findall(r'_limit_hits_total{limit="(\w+)"} ([1-9]\d*)', httpx.get(f"{admin}/metrics").text)
    )
    print(
        f"\n{mode}: {len(took)} answers, median {median:.4f} s, 99th {late:.4f} s; limits {hits}; {rows[-1]}"
    )
    assert len(took) > 20
    assert late < 1.0  # 0.02 on a machine that has nothing else to do
    assert limit is None or int(hits[limit]) > CONNECTIONS * 0.9
    assert running.stop()[0] == 0
