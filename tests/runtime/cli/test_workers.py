"""`policyc run --workers 2`: three processes, one port."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from tests.e2e.authority import Authority
from tests.e2e.stream_world import client_hello, free_port

if TYPE_CHECKING:
    from tests.runtime.cli.conftest import Running

    Gateway = Callable[..., Running]

pytestmark = pytest.mark.e2e

Command = Callable[..., tuple[int, str, str]]

ANSWERS = 'endpoint "http://a.example.com" {{ on_http_request {{ custom-response 200 {{ body: "{}" }} }} }}\n'
FORWARDS = 'endpoint "http://a.example.com" { on_http_request { forward-internal "http://b.internal" } }\n'
HOST = {"host": "a.example.com"}
TELLS_PID = """
import os
async def app(scope, receive, send):
    assert scope['type'] == 'http'
    await send({'type': 'http.response.start', 'status': 200, 'headers': []})
    await send({'type': 'http.response.body', 'body': str(os.getpid()).encode()})
"""
WAITS = """
import asyncio, os
async def app(scope, receive, send):
    assert scope['type'] == 'http'
    os.write(1, b'asked\\n')  # print may write the end of the line by itself, behind another worker's
    while not os.path.exists(__file__ + scope['path'].replace('/', '.')):
        await asyncio.sleep(0.01)
    await send({'type': 'http.response.start', 'status': 200, 'headers': []})
    await send({'type': 'http.response.body', 'body': b'late'})
"""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "a.policy"
    path.write_text(ANSWERS.format("one"))
    return path


@pytest.fixture
def forwards(tmp_path: Path) -> Path:
    path = tmp_path / "a.policy"
    path.write_text(FORWARDS)
    return path


def workers_of(running: Running) -> list[int]:
    """Return the processes whose parent the gateway is."""
    pid = running.process.pid
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def get(url: str, path: str = "/") -> str:
    """Return the body of an answer on a connection of its own."""
    return httpx.get(f"{url}{path}", headers=HOST, timeout=20).text


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def are_gone(pids: Iterable[int]) -> bool:
    """Whether no process with such a number runs; one that nobody waits for yet runs no more either."""
    for pid in pids:
        with suppress(OSError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                return False
    return True


def sample(metrics: str, name: str) -> float:
    return sum(float(line.rpartition(" ")[2]) for line in metrics.splitlines() if line.startswith(name))


def test_workers_share_a_port_and_count_as_one(gateway: Gateway, forwards: Path, tmp_path: Path) -> None:
    (tmp_path / "told.py").write_text(TELLS_PID)
    log = tmp_path / "access.log"
    app = f"http://b.internal={tmp_path}/told.py:app"
    running = gateway(forwards, "--workers", "2", "--app", app, "--admin", "127.0.0.1:0", "--access-log", log)
    url = running.url
    admin = running.wait_for(r"admin on (http://\S+)")[1]
    assert any("2 workers: each counts rate limits" in line for line in running.out)
    pids = workers_of(running)
    assert len(pids) == 2
    answered: set[int] = set()
    count = 0
    while answered != set(pids):  # the system chooses; that it always takes one is not to be expected
        answered.add(int(get(url)))
        count += 1
        assert count < 1000
    metrics = httpx.get(f"{admin}/metrics").text
    assert sample(metrics, "policyc_requests_total{") == count
    assert sample(metrics, "policyc_workers ") == 2
    assert (httpx.get(f"{admin}/healthz").text, httpx.get(f"{admin}/readyz").text) == ("ok\n", "ready\n")
    log.rename(tmp_path / "access.log.1")
    running.process.send_signal(signal.SIGUSR1)
    until(log.exists)
    get(url)
    assert running.stop() == (0, "")
    assert are_gone(pids)
    before = (tmp_path / "access.log.1").read_text().splitlines()
    records = [json.loads(line) for line in [*before, *log.read_text().splitlines()]]
    assert len(records) == count + 1
    assert running.out[-2:] == ["stopped", "(end)"]


def test_reload_reaches_every_worker_or_none(gateway: Gateway, tmp_path: Path) -> None:
    policy = tmp_path / "a.policy"
    policy.write_text(ANSWERS.format("one"))
    (tmp_path / "told.py").write_text(TELLS_PID)
    app = f"http://b.internal={tmp_path}/told.py:app"
    port = free_port()
    running = gateway(policy, "--workers", "2", "--app", app, "--tls", "127.0.0.1:0")
    url = running.url

    def answers() -> set[str]:
        return {get(url) for _ in range(12)}

    def reload(text: str) -> None:
        policy.write_text(text)
        running.process.send_signal(signal.SIGHUP)

    reload("on_http_request { dney }")
    running.wait_for_error("not reloaded: the policies above are refused")
    both = 'endpoint "http://b.internal" -> "http://127.0.0.1:9"\n'
    reload(ANSWERS.format("no") + both)
    running.wait_for_error("not reloaded: http://b.internal has both an upstream and an application")
    tcp = f'endpoint "tcp://a.example.com:{port}" {{ on_tcp_connect {{ deny }} }}\n'
    with socket.create_server(("127.0.0.1", port)):
        reload(ANSWERS.format("no") + tcp)
        running.wait_for_error(
            f"not reloaded: cannot listen on tcp://127.0.0.1:{port}: address already in use"
        )
    assert answers() == {"one"}
    tls = 'endpoint "tls://a.example.com" { on_tcp_connect { deny } }\n'
    reload(ANSWERS.format("two") + tcp + tls)
    running.wait_for("^reloaded$")
    assert answers() == {"two"}
    at_tls = int(running.wait_for(r"^listening on tls://127.0.0.1:(\d+)$")[1])
    for each in (port, at_tls):
        for _ in range(6):
            with socket.create_connection(("127.0.0.1", each)) as client:
                client.sendall(client_hello("a.example.com"))
                with suppress(ConnectionResetError):
                    assert client.recv(1) == b""
    reload(ANSWERS.format("three"))
    until(lambda: running.out.count("reloaded") == 2)
    with socket.create_server(("127.0.0.1", port)):  # the workers and their supervisor have let go of it
        assert answers() == {"three"}
    status, err = running.stop()
    assert status == 0
    records = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    assert sum(each.get("reason") == "deny" for each in records) == 12


def test_worker_that_died_is_replaced_and_serves_what_the_others_do(gateway: Gateway, policy: Path) -> None:
    running = gateway(policy, "--workers", "2", "--admin", "127.0.0.1:0")
    url = running.url
    admin = running.wait_for(r"admin on (http://\S+)")[1]
    for _ in range(8):
        get(url)
    assert sample(httpx.get(f"{admin}/metrics").text, "policyc_requests_total{") == 8
    policy.write_text("on_http_request { dney }")  # what is served now cannot be made of it any more
    old = workers_of(running)
    os.kill(old[0], signal.SIGKILL)
    running.wait_for_error(r"worker \d was ended by signal 9; another one starts in 0.1 s")
    os.kill(old[1], signal.SIGTERM)  # this one lets its requests finish, and is replaced as well
    running.wait_for_error(r"worker \d ended with status 0; another one starts in 0.1 s")
    until(lambda: sample(httpx.get(f"{admin}/metrics").text, "policyc_workers ") == 2)
    assert {get(url) for _ in range(8)} == {"one"}
    metrics = httpx.get(f"{admin}/metrics").text
    assert sample(metrics, "policyc_requests_total{") == 16
    assert sample(metrics, "policyc_worker_restarts_total ") == 2
    assert running.stop()[0] == 0


def test_requests_in_flight_finish_and_a_second_signal_cuts_them(
    gateway: Gateway, forwards: Path, tmp_path: Path
) -> None:
    (tmp_path / "slow.py").write_text(WAITS)
    app = f"http://b.internal={tmp_path}/slow.py:app"
    running = gateway(forwards, "--workers", "2", "--app", app)
    host, port = running.url.removeprefix("http://").split(":")
    running.wait_for("admin")
    pids = workers_of(running)

    def ask(path: str) -> socket.socket:
        client = socket.create_connection((host, int(port)))
        client.settimeout(20)
        client.sendall(f"GET {path} HTTP/1.1\r\nhost: a.example.com\r\n\r\n".encode())
        return client

    with ask("/short") as short, ask("/long") as long:
        until(lambda: running.out.count("asked") == 2)
        running.process.send_signal(signal.SIGTERM)
        running.wait_for("^stopping; open connections: 2$")
        Path(f"{tmp_path}/slow.py.short").touch()
        answer = short.recv(1000)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close\r\n" in answer
        status, err = running.stop()
        assert long.recv(1000) == b""
    assert status == 128 + signal.SIGTERM
    assert are_gone(pids)
    assert "Traceback" not in err
    reasons = [json.loads(line).get("reason") for line in err.splitlines() if line.startswith("{")]
    assert sorted(reasons, key=str) == [None, "drain_timeout"]


def test_workers_serve_https_and_take_a_new_certificate(
    gateway: Gateway, policy: Path, tmp_path: Path
) -> None:
    policy.write_text(ANSWERS.format("one").replace("http:", "https:"))
    files = tmp_path / "a.crt", tmp_path / "a.key"

    def sign() -> ssl.SSLContext:
        authority = Authority()
        signed = authority.sign("a.example.com")
        signed.write(*files)
        return ssl.create_default_context(cadata=authority.pem)

    old = sign()
    at = ("--https", "127.0.0.1:0", "--cert", files[0], "--key", files[1])
    running = gateway(policy, "--workers", "2", *at, "--watch", "--watch-interval", "20ms")
    port = int(running.wait_for(r"listening on https://127\.0\.0\.1:(\d+)")[1])

    def answer(context: ssl.SSLContext) -> bytes:
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            context.wrap_socket(plain, server_hostname="a.example.com") as client,
        ):
            client.sendall(b"GET / HTTP/1.1\r\nhost: a.example.com\r\nconnection: close\r\n\r\n")
            return b"".join(iter(lambda: client.recv(1000), b"")).rpartition(b"\r\n")[2]

    assert {answer(old) for _ in range(6)} == {b"one"}
    new = sign()
    running.wait_for("^reloaded$")
    assert {answer(new) for _ in range(6)} == {b"one"}
    with pytest.raises(ssl.SSLCertVerificationError):
        answer(old)
    assert running.stop()[0] == 0


def test_a_worker_that_hangs_is_not_waited_for(gateway: Gateway, policy: Path) -> None:
    impatient = "import policyc.runtime.cli.workers as w; w._ASK_S = 0.2; w._CHANGE_S = 0.5; "
    running = gateway(policy, "--workers", "2", "--admin", "127.0.0.1:0", prelude=impatient)
    url = running.url
    admin = running.wait_for(r"admin on (http://\S+)")[1]
    for _ in range(8):
        get(url)
    until(lambda: sample(httpx.get(f"{admin}/metrics").text, "policyc_requests_total{") == 8)
    pids = workers_of(running)
    os.kill(pids[0], signal.SIGSTOP)
    assert sample(httpx.get(f"{admin}/metrics").text, "policyc_requests_total{") == 8
    running.wait_for_error("metrics of a worker are not those of now")
    policy.write_text(ANSWERS.format("two"))
    running.process.send_signal(signal.SIGHUP)
    running.wait_for_error(r"not reloaded: worker \d does not answer; everything goes on as it was")
    running.process.send_signal(signal.SIGTERM)
    running.wait_for("^stopping")
    assert running.stop()[0] == 128 + signal.SIGTERM
    assert are_gone(pids)


def test_workers_end_when_their_supervisor_is_gone(gateway: Gateway, policy: Path) -> None:
    running = gateway(policy, "--workers", "2")
    running.wait_for("admin")
    pids = workers_of(running)
    running.process.kill()
    status, err = running.end()
    until(lambda: are_gone(pids))
    assert status == -signal.SIGKILL
    assert err.count("the supervisor is gone: this worker stops") == 2


def test_what_cannot_start_is_told_as_one_process_does(
    policyc_process: Command, gateway: Gateway, policy: Path, tmp_path: Path
) -> None:
    first = gateway(policy, "--workers", "2")
    where = first.url.removeprefix("http://")
    flags = ("--workers", "2", "--admin", "off")
    status, out, err = policyc_process("run", policy, *flags, "--http", where)  # SO_REUSEPORT would allow it
    assert (status, out, err) == (2, "", f"policyc: cannot listen on {where}: address already in use\n")
    (tmp_path / "broken.py").write_text("raise ValueError('no')")
    app = f"http://b.internal={tmp_path}/broken.py:app"
    status, out, err = policyc_process("run", policy, *flags, "--http", "127.0.0.1:0", "--app", app)
    assert (status, out) == (2, "")
    assert err == f"policyc: --app {app}: loading {tmp_path}/broken.py failed: ValueError: no\n"
    policy.write_text("on_http_request { dney }")
    status, out, err = policyc_process("run", policy, *flags, "--http", "127.0.0.1:0")
    assert (status, out) == (1, "")
    assert err.startswith("error[P0301]")
    assert first.stop()[0] == 0
