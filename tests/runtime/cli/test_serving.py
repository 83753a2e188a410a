"""`policyc run` in a process of its own: start, requests, signals."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from tests.e2e.stream_world import client_hello, free_port

if TYPE_CHECKING:
    from tests.runtime.cli.conftest import Running

    Gateway = Callable[..., Running]

pytestmark = pytest.mark.e2e

Command = Callable[..., tuple[int, str, str]]

ANSWERS = (
    'endpoint "https://a.example.com" {{ on_http_request {{ custom-response 200 {{ body: "{}" }} }} }}\n'
)
HOST = {"host": "a.example.com"}


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "a.policy"
    path.write_text(ANSWERS.format("one"))
    return path


def test_gateway_says_what_it_serves_answers_and_stops(gateway: Gateway, policy: Path) -> None:
    running = gateway(policy)
    answer = httpx.get(running.url, headers=HOST)
    assert (answer.status_code, answer.text) == (200, "one")
    unknown = httpx.get(running.url, headers={"host": "b.example.com"})
    assert (unknown.status_code, unknown.headers["ngrok-error-code"]) == (404, "ERR_NGROK_3200")
    status, err = running.stop()
    assert status == 0
    assert running.out[-2:] == ["stopped", "(end)"]
    assert "  public    https://a.example.com (policy only)" in running.out
    assert any("served in clear" in line for line in running.out)
    assert [json.loads(line)["status"] for line in err.splitlines()] == [200, 404]


def test_access_log_goes_to_its_file(gateway: Gateway, policy: Path, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    running = gateway(policy, "--access-log", log)
    httpx.get(running.url, headers=HOST)
    assert running.stop() == (0, "")
    assert [json.loads(line)["host"] for line in log.read_text().splitlines()] == ["a.example.com"]


def test_access_log_can_be_text(gateway: Gateway, policy: Path, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    running = gateway(policy, "--access-log", log, "--access-log-format", "text")
    httpx.get(f"{running.url}/a?secret", headers=HOST)
    assert running.stop() == (0, "")
    [line] = log.read_text().splitlines()
    assert re.fullmatch(
        r'127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}(:\d\d){3} \+0000\] "GET /a HTTP/1\.1" 200 3 '
        r"host=a\.example\.com ms=[\d.]+ endpoints=https://a\.example\.com rules=on_http_request\[0\] "
        r"reason=custom-response",
        line,
    )


def test_interrupt_stops_as_well(gateway: Gateway, policy: Path) -> None:
    running = gateway(policy)
    running.wait_for("listening")
    assert running.stop(signal.SIGINT) == (0, "")


def test_reload_swaps_the_policy(gateway: Gateway, policy: Path) -> None:
    running = gateway(policy)
    assert httpx.get(running.url, headers=HOST).text == "one"
    policy.write_text(ANSWERS.format("two"))
    running.process.send_signal(signal.SIGHUP)
    running.wait_for("^reloaded$")
    assert httpx.get(running.url, headers=HOST).text == "two"


@pytest.mark.parametrize("bad", ["on_http_request { dney }\n", None, "on_http_request { deny }\n"])
def test_reload_of_a_bad_file_changes_nothing_and_is_reported(
    gateway: Gateway, policy: Path, tmp_path: Path, bad: str | None
) -> None:
    running = gateway(policy)
    assert httpx.get(running.url, headers=HOST).text == "one"
    if bad is None:
        policy.unlink()
    else:
        policy.write_text(bad)
    running.process.send_signal(signal.SIGHUP)
    running.wait_for_error("not reloaded")
    assert httpx.get(running.url, headers=HOST).text == "one"
    policy.write_text(ANSWERS.format("three"))
    running.process.send_signal(signal.SIGHUP)
    running.wait_for("^reloaded$")
    assert httpx.get(running.url, headers=HOST).text == "three"


def test_reload_opens_the_log_anew(gateway: Gateway, policy: Path, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    running = gateway(policy, "--access-log", log)
    httpx.get(running.url, headers=HOST)
    log.rename(tmp_path / "access.log.1")
    running.process.send_signal(signal.SIGHUP)
    running.wait_for("^reloaded$")
    httpx.get(running.url, headers=HOST)
    running.stop()
    assert len((tmp_path / "access.log.1").read_text().splitlines()) == 1
    assert len(log.read_text().splitlines()) == 1


def test_a_signal_of_its_own_opens_the_log_anew(gateway: Gateway, policy: Path, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    running = gateway(policy, "--access-log", log)
    httpx.get(running.url, headers=HOST)
    log.rename(tmp_path / "access.log.1")
    running.process.send_signal(signal.SIGUSR1)
    while not log.exists():
        assert running.process.poll() is None
    httpx.get(running.url, headers=HOST)
    assert running.stop() == (0, "")
    assert "reloaded" not in running.out
    assert len((tmp_path / "access.log.1").read_text().splitlines()) == 1
    assert len(log.read_text().splitlines()) == 1


def test_watched_files_are_reloaded_when_they_change(gateway: Gateway, tmp_path: Path) -> None:
    policy, imported = tmp_path / "a.yaml", tmp_path / "b.yaml"
    answer = "on_http_request: [{{actions: [{{type: custom-response, config: {{body: {}}}}}]}}]"
    imported.write_text(answer.format("one"))
    policy.write_text(
        "version: 3\nendpoints: [{name: a, url: 'http://a.example.com', "
        "upstream: {url: 'http://127.0.0.1:9'}, traffic_policy_file: b.yaml}]\n"
    )
    running = gateway(policy, "--watch", "--watch-interval", "20ms")
    assert httpx.get(running.url, headers=HOST).text == "one"
    imported.write_text("on_http_request: [{actions: [{type: dney}]}]")
    running.wait_for_error("not reloaded: the policies above are refused")
    assert httpx.get(running.url, headers=HOST).text == "one"
    imported.unlink()
    running.wait_for_error(r"error\[P0505\]: cannot read")
    other = tmp_path / "c.yaml"
    other.write_text(answer.format("two"))
    os.replace(other, imported)
    running.wait_for("^reloaded$")
    assert httpx.get(running.url, headers=HOST).text == "two"
    assert running.stop()[0] == 0


HANGS = (
    "import policyc.runtime.cli.compiling as c, os, sys; command = c.child_command; "
    "c.child_command = lambda *argv: [sys.executable, '-c', "
    "'import sys, time; print(\"compiling\", file=sys.stderr); time.sleep(60)'] "
    "if os.path.exists({!r}) else command(*argv); "
)


def test_a_stop_waits_neither_for_a_reload_nor_for_the_start(
    gateway: Gateway, policy: Path, tmp_path: Path
) -> None:
    flag = tmp_path / "hangs"
    running = gateway(policy, prelude=HANGS.format(str(flag)))
    running.wait_for("listening")
    flag.touch()
    running.process.send_signal(signal.SIGHUP)
    running.wait_for_error("^compiling$")
    assert httpx.get(running.url, headers=HOST).text == "one"
    assert running.stop()[0] == 0
    assert running.out[-2] == "stopped"
    policy.write_text(ANSWERS.format("not compiled before"))
    starting = gateway(policy, prelude=HANGS.format(str(flag)))
    starting.wait_for_error("^compiling$")
    assert starting.stop() == (128 + signal.SIGTERM, "compiling\n")


def test_a_bug_in_a_reload_changes_nothing(gateway: Gateway, policy: Path) -> None:
    breaks = "import policyc.runtime.cli.one_process as o; o.OneProcess.change = lambda *_: 1 / 0; "
    running = gateway(policy, prelude=breaks)
    running.wait_for("listening")
    running.process.send_signal(signal.SIGHUP)
    running.wait_for_error("not reloaded: internal error at .*ZeroDivisionError")
    assert httpx.get(running.url, headers=HOST).text == "one"
    assert running.stop()[0] == 0


def test_service_manager_is_told(gateway: Gateway, policy: Path, tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(20)
        running = gateway(policy, NOTIFY_SOCKET=path)
        assert manager.recv(1000).startswith(b"READY=1\nSTATUS=configuration ")
        assert httpx.get(running.url, headers=HOST).text == "one"
        running.process.send_signal(signal.SIGHUP)
        assert manager.recv(1000).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        assert manager.recv(1000).startswith(b"READY=1")
        policy.write_text("dney")
        running.process.send_signal(signal.SIGHUP)
        assert manager.recv(1000).startswith(b"RELOADING=1")
        assert manager.recv(1000).endswith(b"; the last reload failed")
        running.process.send_signal(signal.SIGTERM)
        assert manager.recv(1000) == b"STOPPING=1"
        assert running.end()[0] == 0


def test_service_manager_hears_that_the_gateway_is_alive(
    gateway: Gateway, policy: Path, tmp_path: Path
) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(20)
        running = gateway(policy, NOTIFY_SOCKET=path, WATCHDOG_USEC="50000")
        assert manager.recv(1000).startswith(b"READY=1")
        for _ in range(3):
            assert manager.recv(1000) == b"WATCHDOG=1"
        assert running.stop()[0] == 0


def test_tcp_and_tls_endpoints_have_listeners_and_follow_a_reload(gateway: Gateway, policy: Path) -> None:
    text = 'endpoint "tcp://db.example.com:{}" {{ on_tcp_connect {{ deny }} }}\n'
    one, two = free_port(), free_port()
    tls = 'endpoint "tls://a.example.com" { on_tcp_connect { deny } }\n'
    policy.write_text(text.format(one) + tls)
    running = gateway(policy, "--tcp", "127.0.0.1", "--tls", "127.0.0.1:0")
    running.wait_for(f"^listening on tcp://127.0.0.1:{one}$")
    port = running.wait_for(r"^listening on tls://127.0.0.1:(\d+)$")[1]
    for each in (one, int(port)):
        with socket.create_connection(("127.0.0.1", each)) as client:
            client.sendall(client_hello("a.example.com"))
            with suppress(ConnectionResetError):
                assert client.recv(1) == b""
    policy.write_text(text.format(two))
    running.process.send_signal(signal.SIGHUP)
    running.wait_for(f"^listening on tcp://127.0.0.1:{two}$")
    socket.create_connection(("127.0.0.1", two)).close()
    status, err = running.stop()
    assert status == 0
    records = [json.loads(line) for line in err.splitlines()]
    assert [(each["protocol"], each["reason"]) for each in records[:2]] == [("tcp", "deny"), ("tls", "deny")]


def test_port_of_a_tcp_endpoint_in_use_is_status_2(policyc_process: Command, policy: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        policy.write_text(f'endpoint "tcp://a.example.com:{port}" {{ on_tcp_connect {{ deny }} }}\n')
        status, out, err = policyc_process("run", policy, "--http", "127.0.0.1:0")
    assert (status, out) == (2, "")
    assert err == f"policyc: cannot listen on tcp://127.0.0.1:{port}: address already in use\n"


def test_port_in_use_is_status_2(policyc_process: Command, policy: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, out, err = policyc_process("run", policy, "--http", f"127.0.0.1:{port}")
    assert (status, out) == (2, "")
    assert err == f"policyc: cannot listen on 127.0.0.1:{port}: address already in use\n"


def test_address_that_is_not_ours_is_status_2(policyc_process: Command, policy: Path) -> None:
    status, _, err = policyc_process("run", policy, "--http", "192.0.2.1:0")
    assert status == 2
    assert err.startswith("policyc: cannot listen on 192.0.2.1:0: ")
    assert len(err.splitlines()) == 1


def test_upstream_that_is_down_is_502_with_its_code(gateway: Gateway) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    running = gateway("--upstream", f"http://127.0.0.1:{port}")
    answer = httpx.get(running.url)
    assert (answer.status_code, answer.headers["ngrok-error-code"]) == (502, "ERR_NGROK_8012")
    status, err = running.stop()
    assert status == 0
    assert "Traceback" not in err


def test_policy_without_endpoints_runs_before_its_upstream_for_any_host(
    gateway: Gateway, policy: Path
) -> None:
    behind = gateway(policy)
    front = policy.with_name("front.yaml")
    front.write_text(
        "on_http_request:\n  - actions: [{type: add-headers, config: {headers: {host: a.example.com}}}]\n"
    )
    running = gateway(front, "--upstream", behind.url)
    assert httpx.get(running.url, headers={"host": "whatever.example.org"}).text == "one"


def test_application_of_a_file_is_an_endpoint(gateway: Gateway, policy: Path, tmp_path: Path) -> None:
    policy.write_text(
        'endpoint "http://a.example.com" { on_http_request { forward-internal "http://b.internal" } }'
    )
    (tmp_path / "told.py").write_text(
        "async def app(scope, receive, send):\n"
        "    assert scope['type'] == 'http'\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "    await send({'type': 'http.response.body', 'body': scope['path'].encode()})\n"
    )
    running = gateway(policy, "--app", f"http://b.internal={tmp_path}/told.py:app")
    assert httpx.get(f"{running.url}/x", headers=HOST).text == "/x"
    assert running.stop()[0] == 0


def test_request_in_flight_finishes_and_a_second_signal_cuts_it(
    gateway: Gateway, policy: Path, tmp_path: Path
) -> None:
    policy.write_text(
        'endpoint "http://a.example.com" { on_http_request { forward-internal "http://b.internal" } }'
    )
    (tmp_path / "slow.py").write_text(
        "import asyncio\n"
        "async def app(scope, receive, send):\n"
        "    assert scope['type'] == 'http'\n"
        "    print('asked', flush=True)\n"
        "    await asyncio.Event().wait()\n"
    )
    running = gateway(policy, "--app", f"http://b.internal={tmp_path}/slow.py:app")
    host, port = running.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(b"GET / HTTP/1.1\r\nhost: a.example.com\r\n\r\n")
        running.wait_for("^asked$")
        os.kill(running.process.pid, signal.SIGTERM)
        running.wait_for("^stopping")
        assert running.process.poll() is None
        status, err = running.stop()
        assert client.recv(1000) == b""
    assert status == 128 + signal.SIGTERM
    assert "Traceback" not in err
    assert "at the deadline" not in err
    assert "policyc: a second signal: cutting open connections: 1" in err
    [record] = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    assert record["reason"] == "drain_timeout"


def test_admin_listener_shows_health_and_metrics_until_the_end(gateway: Gateway, policy: Path) -> None:
    running = gateway(policy, "--admin", "127.0.0.1:0")
    assert httpx.get(running.url, headers=HOST).status_code == 200
    admin = running.wait_for(r"admin on (http://\S+)")[1]
    assert httpx.get(f"{admin}/healthz").text == "ok\n"
    assert httpx.get(f"{admin}/readyz").text == "ready\n"
    assert httpx.get(f"{admin}/readyz", headers={"host": "rebound.example.com"}).status_code == 421
    metrics = httpx.get(f"{admin}/metrics").text
    assert 'policyc_requests_total{endpoint="https://a.example.com",status="2xx"} 1' in metrics
    policy.write_text("on_http_request { dney }\n")
    running.process.send_signal(signal.SIGHUP)
    running.wait_for_error("not reloaded")
    assert httpx.get(f"{admin}/readyz").text == "ready\n"
    failed = httpx.get(f"{admin}/metrics").text
    assert 'policyc_reloads_total{result="failed"} 1' in failed
    digest = running.wait_for("^configuration ([0-9a-f]{16})$")[1]
    assert f'policyc_config_info{{digest="{digest}"}} 1' in failed
    policy.write_text(ANSWERS.format("two"))
    running.process.send_signal(signal.SIGHUP)
    running.wait_for("^reloaded$")
    done = httpx.get(f"{admin}/metrics").text
    assert 'policyc_reloads_total{result="ok"} 1' in done
    assert f'digest="{digest}"' not in done
    assert "policyc_config_loaded_timestamp_seconds 1" in done
    assert running.stop()[0] == 0


def test_admin_port_that_is_taken_stops_only_who_asked_for_it(
    gateway: Gateway, policyc_process: Command, policy: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        status, _, err = policyc_process("run", policy, "--http", "127.0.0.1:0", "--admin", where)
        assert (status, err) == (2, f"policyc: cannot listen on {where}: address already in use\n")
    running = gateway(policy, "--admin", "off")
    running.wait_for("listening")
    assert not any("admin" in line for line in running.out)
    others = [gateway(policy), gateway(policy)]  # one of them at most gets the usual port
    for each in others:
        assert httpx.get(each.url, headers=HOST).status_code == 200
    assert sum(any("notice: no admin listener" in line for line in each.out) for each in others) >= 1


def test_descriptors_run_out_and_the_gateway_serves_on(gateway: Gateway, policy: Path) -> None:
    limited = "import resource, runpy; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)); "
    running = gateway(policy, "--admin", "off", prelude=limited)
    host, port = running.url.removeprefix("http://").split(":")
    request = b"GET / HTTP/1.1\r\nhost: a.example.com\r\n\r\n"
    clients = [socket.create_connection((host, int(port))) for _ in range(90)]
    try:
        for client in clients[:-1]:  # whoever says something is accepted in turn
            client.sendall(request)
        running.wait_for_error("accepting pauses")
        assert clients[0].recv(1000).startswith(b"HTTP/1.1 200 ")
        used = cpu_seconds(running.process.pid)
        clients[0].sendall(request)
        assert clients[0].recv(1000).startswith(b"HTTP/1.1 200 ")
        clients[-1].settimeout(0.5)  # time in which a busy loop would show
        clients[-1].sendall(request)
        with pytest.raises(TimeoutError):
            clients[-1].recv(1)
        assert cpu_seconds(running.process.pid) - used < 0.25
        for client in clients[:70]:
            client.close()
        clients[-1].settimeout(15)
        assert clients[-1].recv(1000).startswith(b"HTTP/1.1 200 ")
    finally:
        for client in clients:
            client.close()
    assert running.stop()[0] == 0


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
