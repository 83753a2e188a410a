"""Reloads under load, one after the other: no request fails or sees two policies, and nothing grows.

`make soak` makes 1,000 of them, in one process and with workers.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.runtime.cli.conftest import Running, gateway

__all__ = ["gateway"]

pytestmark = pytest.mark.e2e

RELOADS = int(os.environ.get("POLICYC_RELOADS", "6"))
WARM = max(RELOADS // 5, 3)  # reloads after which memory has found its level
GROWTH_BYTES = 4_000_000 if RELOADS >= 500 else 12_000_000

# The policy is in four places that a request comes by, in two endpoints.
POLICY = """
endpoint "http://a.example.com" {{
  on_http_request {{
    add-headers {{ headers: {{ "x-one": "{0}" }} }}
    forward-internal "http://b.internal"
  }}
  on_http_response {{ add-headers {{ headers: {{ "x-four": "{0}" }} }} }}
}}
endpoint "http://b.internal" {{
  on_http_request {{ {1} add-headers {{ headers: {{ "x-two": "{0}" }} }} }}
  on_http_response {{ add-headers {{ headers: {{ "x-three": "{0}" }} }} }}
}}
"""
# Rules, so that there is something to keep by mistake.
RULES = " ".join(
    f'when req.url.path.startsWith("/never/{n}/") && hasReqHeader("x-{n}") {{ deny 403 }}' for n in range(50)
)
APP = """
import asyncio
async def app(scope, receive, send):
    assert scope['type'] == 'http'
    lines = dict(scope['headers'])
    if scope['path'] == '/slow':
        await asyncio.sleep(0.05)
    body = lines[b'x-one'] + b' ' + lines[b'x-two']
    length = [(b'content-length', b'%d' % len(body))]
    await send({'type': 'http.response.start', 'status': 200, 'headers': length})
    await send({'type': 'http.response.body', 'body': body})
"""


class Load:
    """Clients that ask all the while; what is wrong ends them and is kept."""

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self._address = host, int(port)
        self._stopped = threading.Event()
        self.answers = 0
        self.seen: set[str] = set()
        self.wrong: list[str] = []

    def ask(self, path: str, *, keep: bool) -> None:
        connection = http.client.HTTPConnection(*self._address, timeout=20)
        try:
            while not self._stopped.is_set():
                connection.request("GET", path, headers={"host": "a.example.com"})
                answer = connection.getresponse()
                words = [*answer.read().decode().split(), answer.headers["x-three"], answer.headers["x-four"]]
                if answer.status != 200 or len(words) != 4 or len(set(words)) != 1:
                    self.wrong.append(f"{answer.status} {words}")
                self.answers += 1
                self.seen.add(words[0])
                if not keep or answer.will_close:
                    connection.close()
        except (OSError, http.client.HTTPException) as error:
            self.wrong.append(repr(error))
        finally:
            connection.close()

    @contextmanager
    def going_on(self) -> Iterator[None]:
        ways = [("/", True), ("/", True), ("/", False), ("/slow", True)]
        threads = [
            threading.Thread(target=self.ask, args=(path,), kwargs={"keep": keep}) for path, keep in ways
        ]
        for each in threads:
            each.start()
        try:
            yield
        finally:
            self._stopped.set()
            for each in threads:
                each.join()


def processes(pid: int) -> list[int]:
    """Return a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def resident(pids: list[int]) -> int:
    pages = sum(int(Path(f"/proc/{each}/statm").read_text().split()[1]) for each in pids)
    return pages * os.sysconf("SC_PAGE_SIZE")


def descriptors(pids: list[int]) -> int:
    return sum(len(os.listdir(f"/proc/{each}/fd")) for each in pids)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.timeout(60 + 4 * RELOADS)
def test_reloads_under_load(gateway: Callable[..., Running], tmp_path: Path, workers: int) -> None:
    policy, fresh, told = tmp_path / "a.policy", tmp_path / "fresh", tmp_path / "told.py"
    policy.write_text(POLICY.format("word0", RULES))
    told.write_text(APP)
    app = f"http://b.internal={told}:app"
    running = gateway(
        policy, "--app", app, "--workers", str(workers), "--access-log", os.devnull, "--admin", "off"
    )
    load = Load(running.url)
    until(lambda: len(processes(running.process.pid)) == (1 if workers == 1 else 1 + workers))
    pids = processes(running.process.pid)
    before = at_rest = 0
    with load.going_on():
        for n in range(1, RELOADS + 1):
            fresh.write_text(POLICY.format(f"word{n % 2}", RULES))
            os.replace(fresh, policy)
            running.process.send_signal(signal.SIGHUP)
            until(lambda n=n: running.out.count("reloaded") == n)  # type: ignore[misc]
            if n == WARM:
                before = resident(pids)
                at_rest = descriptors(pids)
            assert load.wrong == []
        answers = load.answers
        until(lambda: load.answers > answers + 50)
        after, open_now = resident(pids), descriptors(pids)
    assert load.wrong == []
    assert load.seen == {"word0", "word1"}
    assert abs(open_now - at_rest) <= 8  # a connection that just comes or goes
    assert after - before < GROWTH_BYTES
    assert processes(running.process.pid) == pids
    assert running.stop()[0] == 0
    print(
        f"{RELOADS} reloads, {workers} workers: {load.answers} answers, "
        f"{before / 1e6:.1f} to {after / 1e6:.1f} MB, {at_rest} to {open_now} descriptors"
    )


def test_a_reload_of_many_rules_keeps_nobody_waiting(gateway: Callable[..., Running], tmp_path: Path) -> None:
    rules = " ".join(
        f'when hasReqHeader("x-{n % 97}") && size(req.url.path) > {n} && '
        f'(req.method == "PUT" || req.url.query.contains("q{n}")) '
        f'{{ add-headers {{ headers: {{ "x-a": "{n}", "x-b": "${{req.url.path}}" }} }} }}'
        for n in range(999)
    )
    answer = (
        'endpoint "http://a.example.com" {{ on_http_request {{ {} custom-response 200 {{ body: "{}" }} }} }}'
    )
    policy = tmp_path / "a.policy"
    policy.write_text(answer.format(rules, "before"))
    running = gateway(
        policy, "--access-log", os.devnull, "--admin", "off", "--requests-per-connection", "1000000"
    )
    host, _, port = running.url.removeprefix("http://").partition(":")
    policy.write_text(answer.format(rules, "after"))
    took: list[float] = []
    with socket.create_connection((host, int(port))) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        running.process.send_signal(signal.SIGHUP)
        began = time.monotonic()
        octets = b""
        while not octets.endswith(b"after"):
            sent = time.monotonic()
            client.sendall(b"GET / HTTP/1.1\r\nhost: a.example.com\r\n\r\n")
            octets = client.recv(10_000)
            took.append(time.monotonic() - sent)
            time.sleep(0.005)
        reload_s = time.monotonic() - began
    assert running.stop()[0] == 0
    print(
        f"999 rules: served after {reload_s * 1000:.0f} ms, longest answer until then {max(took) * 1000:.0f} "
        f"ms of {len(took)}, median {sorted(took)[len(took) // 2] * 1000:.2f} ms"
    )
    assert max(took) < 0.3 * reload_s  # compiling alone is most of it


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)
