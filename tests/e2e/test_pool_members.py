"""Members of a pool that die or freeze under load: what was under way with them fails, and nothing else."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable

import pytest
from tests.conformance.strict import Cut, StrictClient
from tests.e2e.world import World, endpoint, run, world

from policyc.runtime.settings import Settings

pytestmark = pytest.mark.e2e

CLIENTS = 8

# A server in a process of its own. Its answers name the member, and repeat the target as often as it says.
MEMBER = """
import asyncio, sys

async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            target = head.split(b" ")[1]
            body = target * int(target.rpartition(b"x")[2])
            lines = b"HTTP/1.1 200 OK\\r\\nx-member: %b\\r\\ncontent-length: %d\\r\\n\\r\\n"
            writer.write(lines % (sys.argv[1].encode(), len(body)) + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


class Member:
    def __init__(self, name: str) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, "-c", MEMBER, name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


class Load:
    """Clients that ask on and on, and judge every answer; `news` are what came since the last look."""

    def __init__(self, made: World) -> None:
        self._made = made
        self._news: Counter[str] = Counter()
        self._came = asyncio.Condition()
        self._stopped = False

    async def client(self, which: int) -> None:
        strict: StrictClient | None = None
        number = 0
        while not self._stopped:
            if strict is None:
                client = await self._made.client()
                strict = StrictClient(client.reader)
            number += 1
            target = f"/{which}-{number}x{(number * 37) % 4000}"
            client.send(f"GET {target} HTTP/1.1\r\nHost: a.example\r\n\r\n".encode())
            try:
                reply = await strict.reply()
            except Cut:
                what, strict = "cut", None
            else:
                what = str(reply.status)
                if reply.status == 200:
                    what = reply.get("x-member")[0]
                    assert reply.body == target.encode() * ((number * 37) % 4000)
                else:
                    assert reply.status in (502, 504)
                if reply.closes:
                    strict = None
            async with self._came:
                self._news[what] += 1
                self._came.notify_all()

    async def until(self, holds: Callable[[Counter[str]], bool]) -> Counter[str]:
        """Return what came from now on, as soon as that is enough."""
        async with self._came:
            self._news.clear()
            await self._came.wait_for(lambda: holds(self._news))
            return self._news.copy()

    def stop(self) -> None:
        self._stopped = True


def test_members_are_killed_and_paused_under_load() -> None:
    async def scenario() -> None:
        async with world() as made:
            members = [Member(name) for name in "abc"]
            for member in members:
                made.on_close(member.close)
            a, b, _ = members
            await made.serve(
                *[endpoint("http://a.example", to=each.url, pooled=True) for each in members],
                settings=Settings(seed=1, idle_timeout_s=0.5),
            )
            load = Load(made)
            async with asyncio.TaskGroup() as group:
                for which in range(CLIENTS):
                    group.create_task(load.client(which))
                news = await load.until(lambda news: min(news[each.name] for each in members) > 20)
                assert set(news) == {"a", "b", "c"}

                a.send(signal.SIGKILL)
                await load.until(lambda news: news["502"] > 5 and min(news["b"], news["c"]) > 20)
                news = await load.until(lambda news: news["502"] > 20)
                assert set(news) == {"502", "b", "c"}  # what has no connection to break is never cut

                b.send(signal.SIGSTOP)
                await load.until(lambda news: news["504"] >= CLIENTS and news["c"] > 20)
                b.send(signal.SIGCONT)
                await load.until(lambda news: news["b"] > 20 and news["c"] > 20)
                load.stop()
            upstreams = made.gateway.upstreams
            assert upstreams.open_count == upstreams.idle_count
            assert {each.get("reason") for each in made.log} <= {
                None, "upstream_unreachable", "upstream_closed", "cut_off", "upstream_timeout",
            }  # fmt: skip

    run(scenario())
