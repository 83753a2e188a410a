"""Question: what memory does a gateway keep that does nothing, and what does an idle connection add to it?

The gateway is `policyc run` with ten policies, in a process of its own. Then 10,000 clients make one request
each, through an upstream, and keep their connections. Memory is what the system says is resident (RSS).
Without `--benchmark-enable` a fiftieth of the connections will do.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import pytest
from benchmarks.test_gateway import REQUEST, Upstream, close_all, gateway
from pytest_benchmark.fixture import BenchmarkFixture

CONNECTIONS = 10_000
AT_ONCE = 50
POLICY = """\
endpoint "https://shop{n}.example.com" {{
  on_http_request {{
    when conn.client_ip in ["203.0.113.{n}", "198.51.100.{n}"] {{ deny {{ status_code: 403 }} }}
    when req.url.path.startsWith("/internal/") {{ deny {{ status_code: 404 }} }}
    when req.headers["user-agent"].exists(agent, agent.matches("(?i)sqlmap|nikto")) {{ deny }}
    rate-limit {{
      name: "clients {n}", algorithm: "sliding_window", capacity: 1000000, rate: "60s"
      bucket_key: ["conn.client_ip"]
    }}
    add-headers {{ headers: {{ "x-policy": "checked" }} }}
    forward-internal "https://app{n}.internal"
  }}
  on_http_response {{ add-headers {{ headers: {{ "x-served-by": "gateway" }} }} }}
}}
endpoint "https://app{n}.internal" -> "http://127.0.0.1:{upstream}"
"""


def resident_kb(process: int) -> int:
    """Return the memory that a process keeps."""
    for line in Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError("the system does not say what memory a process keeps")


def policies(folder: Path, upstream: int) -> list[str]:
    """Write ten policies, and return their paths."""
    paths = [folder / f"shop{n}.policy" for n in range(10)]
    for n, path in enumerate(paths):
        path.write_text(POLICY.format(n=n, upstream=upstream))
    return [str(path) for path in paths]


async def open_connections(address: tuple[str, int], count: int) -> list[socket.socket]:
    """Return connections that have made one request each."""
    loop = asyncio.get_running_loop()
    request = REQUEST.replace(b"api.example.test", b"shop1.example.com")
    sockets: list[socket.socket] = []

    async def connect() -> None:
        while len(sockets) < count:
            sock = socket.socket()
            sock.setblocking(False)
            sockets.append(sock)
            await loop.sock_connect(sock, address)
            await loop.sock_sendall(sock, request)
            answer = b""
            while not answer.endswith(b"x" * 1024):
                more = await loop.sock_recv(sock, 4096)
                assert more, answer
                answer += more
            assert answer.startswith(b"HTTP/1.1 200")

    await asyncio.gather(*(connect() for _ in range(AT_ONCE)))
    return sockets


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory(benchmark: BenchmarkFixture, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import resource

    benchmark.group = "memory"
    count = CONNECTIONS if benchmark.enabled else CONNECTIONS // 50
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count + 500:
        pytest.skip(f"a process may have {hard} descriptors only")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 500), hard))
    found: dict[str, float] = {}

    async def run() -> None:
        loop = asyncio.get_running_loop()
        behind: set[asyncio.Transport] = set()
        server = await loop.create_server(lambda: Upstream(behind), "127.0.0.1", 0)
        files = policies(tmp_path, server.sockets[0].getsockname()[1])
        flags = ["--admin", "off", "--connections-per-address", str(count + 1)]
        process, address = await loop.run_in_executor(
            None, lambda: started.enter_context(gateway(None, *files, *flags))
        )
        idle = resident_kb(process.pid)
        for sock in await open_connections(address, AT_ONCE):  # what is made once
            sock.close()
        await asyncio.sleep(0.5)
        before = resident_kb(process.pid)
        sockets = await open_connections(address, count)
        await asyncio.sleep(0.5)
        after = resident_kb(process.pid)
        assert len(os.listdir(f"/proc/{process.pid}/fd")) > count  # they are all open still
        found.update(idle_mb=idle / 1024, connection_kb=(after - before) / len(sockets))
        for sock in sockets:
            sock.close()
        server.close()
        await close_all(behind)

    try:
        with ExitStack() as started:
            cast("Any", benchmark).pedantic(lambda: asyncio.run(run()), rounds=1)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    benchmark.extra_info.update({name: round(value, 1) for name, value in found.items()})
    with capsys.disabled():
        print(
            f"\nidle with ten policies: {found['idle_mb']:.1f} MB; "
            f"per idle connection, {count:,} of them: {found['connection_kb']:.1f} KB"
        )
