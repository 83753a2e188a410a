"""`policyc run` as a process of its own, talked to with raw sockets: what only a real start shows."""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.runtime.cli.conftest import Running

pytestmark = pytest.mark.e2e

Start = Callable[..., Running]


class Answer(NamedTuple):
    status: int
    head: str
    body: str


def address(running: Running) -> tuple[str, int]:
    host, _, port = running.url.removeprefix("http://").rpartition(":")
    return host, int(port)


def ask(running: Running, text: str, *, source: str = "127.0.0.1") -> Answer:
    """Send octets, read to the end, take the first answer apart; status 0 if there is none."""
    with socket.create_connection(address(running), 10, source_address=(source, 0)) as connection:
        connection.sendall(text.replace("\n", "\r\n").encode())
        octets = b""
        try:
            while piece := connection.recv(65536):
                octets += piece
        except ConnectionResetError:
            pass
    head, _, body = octets.decode().partition("\r\n\r\n")
    return Answer(int(head.split(" ")[1]) if head else 0, head.lower(), body)


def get(
    running: Running, target: str = "/", host: str = "a.test", *lines: str, source: str = "127.0.0.1"
) -> Answer:
    rows = [f"GET {target} HTTP/1.1", f"Host: {host}", "Connection: close", *lines, "", ""]
    return ask(running, "\n".join(rows), source=source)


def until_refused(where: tuple[str, int]) -> None:
    """Connect until nobody listens any more: the listener closes right after the gateway said so."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            socket.create_connection(where, 1).close()
        except OSError:
            return
    pytest.fail("the gateway still takes connections")


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_policy_in_every_language_with_an_upstream(gateway: Start, tmp_path: Path) -> None:
    inner = gateway(
        written(tmp_path, "in.policy", 'endpoint "http://*.test" { on_http_request { custom-response 200 '
                '{ body: "${req.host} ${req.url.path} ${req.headers[\'x-a\']}" } } }')
    )  # fmt: skip
    yaml = "on_http_request: [{actions: [{type: add-headers, config: {headers: {x-a: '${req.method}'}}}]}]\n"
    json_ = json.dumps(
        {
            "on_http_request": [
                {"actions": [{"type": "add-headers", "config": {"headers": {"x-a": "${req.method}"}}}]}
            ]
        }
    )
    policy = 'on_http_request { add-headers { headers: { "x-a": "${req.method}" } } }'
    for name, text in (("p.yaml", yaml), ("p.yml", yaml), ("p.json", json_), ("p.policy", policy)):
        running = gateway(written(tmp_path, name, text), "--upstream", inner.url)
        answer = get(running, "/p", "any.test")
        assert (answer.status, answer.body) == (200, 'any.test /p ["GET"]'), name
        assert running.stop()[0] == 0
    plain = gateway("--upstream", inner.url)
    assert get(plain, "/q", "b.test", "x-a: 1").body == 'b.test /q ["1"]'


def test_flags_are_settings(gateway: Start, tmp_path: Path) -> None:
    policy = written(
        tmp_path, "a.policy",
        'endpoint "https://a.test" { on_http_request { custom-response 200 '
        '{ body: "${req.headers[\'x-forwarded-for\'][0]} ${conn.client_ip} ${conn.server_region}" } } }',
    )  # fmt: skip
    running = gateway(policy, "--trusted-proxies", "127.0.0.9/32", "--region", "eu", "--target-limit", "64")
    assert get(running, "/", "a.test", "X-Forwarded-For: 1.2.3.4").body == "127.0.0.1 127.0.0.1 eu"
    answer = get(running, "/", "a.test", "X-Forwarded-For: 1.2.3.4", source="127.0.0.9")
    assert answer.body == "1.2.3.4, 127.0.0.9 127.0.0.9 eu"
    assert get(running, "/" + "a" * 100).status == 414


def test_account_of_the_run_is_that_of_its_endpoints(gateway: Start, tmp_path: Path) -> None:
    policy = written(
        tmp_path, "a.policy",
        'endpoint "https://a.test" { on_http_request { forward-internal "https://in.internal" } }\n'
        'endpoint "https://in.internal" { on_http_request { custom-response 200 } }\n'
        'endpoint "https://b.test" { account: "other" '
        'on_http_request { forward-internal "https://in.internal" } }\n',
    )  # fmt: skip
    running = gateway(policy, "--account", "shop")
    assert get(running, host="a.test").status == 200
    assert get(running, host="b.test").status == 404
    assert "account shop" in running.out


def test_internal_endpoints_stay_inside(gateway: Start, tmp_path: Path) -> None:
    policy = written(
        tmp_path, "a.policy",
        'endpoint "https://a.test" { on_http_request { deny } }\n'
        'endpoint "https://in.internal" { on_http_request { custom-response 299 } }\n',
    )  # fmt: skip
    running = gateway(policy)
    for host in ("in.internal", "IN.Internal", "in.internal.", "in.internal:443", "in.internal:8080"):
        assert get(running, "/", host).status == 404, host
    for target in ("https://in.internal/", "http://in.internal:443/", "HTTPS://IN.INTERNAL./"):
        assert get(running, target, "a.test").status == 404, target
    assert ask(running, "GET / HTTP/1.0\nHost: in.internal\n\n").status == 404
    assert ask(running, "CONNECT in.internal:443 HTTP/1.1\nHost: in.internal:443\n\n").status in (
        400,
        405,
        501,
    )


def test_pool_of_applications_serves_from_every_member(gateway: Start, tmp_path: Path) -> None:
    policy = written(
        tmp_path,
        "a.policy",
        'endpoint "https://a.test" { on_http_request { forward-internal "https://api.internal" } }',
    )
    app = written(
        tmp_path, "apps.py",
        "def named(name):\n"
        "    async def app(scope, receive, send):\n"
        "        if scope['type'] != 'http':\n            return\n"
        "        await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "        await send({'type': 'http.response.body', 'body': name})\n"
        "    return app\n"
        "one = named(b'one')\ntwo = named(b'two')\n",
    )  # fmt: skip
    flags = [part for name in ("one", "two") for part in ("--app", f"https://api.internal={app}:{name}")]
    running = gateway(policy, *flags, "--seed", "1")
    assert {ask(running, "GET / HTTP/1.0\nHost: a.test\n\n").body for _ in range(20)} == {"one", "two"}


def test_closed_connections_get_no_octet(gateway: Start, tmp_path: Path) -> None:
    policy = written(
        tmp_path, "a.policy",
        'endpoint "https://a.test" {\n'
        '  on_tcp_connect { when conn.client_ip == "127.0.0.8" { deny } }\n'
        '  on_http_request { when req.url.path == "/c" { close-connection } custom-response 200 }\n}\n',
    )  # fmt: skip
    running = gateway(policy)
    assert get(running).status == 200
    assert get(running, "/c") == Answer(0, "", "")
    assert get(running, source="127.0.0.8") == Answer(0, "", "")


def test_rate_limits_outlive_a_reload_that_changes_nothing(gateway: Start, tmp_path: Path) -> None:
    text = (
        'endpoint "https://a.test" { on_http_request { '
        'rate-limit "r" { algorithm: "sliding_window", capacity: 2, '
        "rate: 60s, bucket_key: [conn.client_ip] } custom-response 200 } }\n"
    )
    policy = written(tmp_path, "a.policy", text)
    running = gateway(policy)
    assert [get(running).status for _ in range(2)] == [200, 200]
    running.process.send_signal(signal.SIGHUP)
    running.wait_for("^reloaded$")
    limited = get(running)
    assert limited.status == 429
    assert "retry-after: " in limited.head


def test_request_in_flight_finishes_while_the_gateway_stops(gateway: Start, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        policy = written(tmp_path, "a.policy", f'endpoint "https://a.test" -> "http://127.0.0.1:{port}"')
        running = gateway(policy)
        with socket.create_connection(address(running), 10) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
            upstream, _ = listener.accept()
            with upstream:
                assert b"GET / HTTP/1.1" in upstream.recv(65536)
                running.process.send_signal(signal.SIGTERM)
                running.wait_for("^stopping")
                until_refused(address(running))
                upstream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")
                octets = b""
                while piece := client.recv(65536):
                    octets += piece
        assert octets.endswith(b"done")
        assert running.end()[0] == 0


def test_configurations_that_would_open_a_door_are_refused(gateway: Start, tmp_path: Path) -> None:
    bare = written(tmp_path, "bare.yaml", "on_http_request: [{actions: [{type: deny}]}]\n")
    ends = written(tmp_path, "ends.policy", 'endpoint "https://a.test" -> "http://127.0.0.1:9"\n')
    status, err = gateway(bare, ends).end()
    assert status == 1
    assert "P0905" in err
    status, err = gateway(ends, "--upstream", "http://127.0.0.1:9").end()
    assert status == 2
    assert "--upstream is for a policy without endpoints" in err
    status, err = gateway(bare).end()
    assert status == 2
    assert "--upstream" in err


def test_access_log_on_standard_error_is_json_lines(gateway: Start, tmp_path: Path) -> None:
    policy = written(
        tmp_path, "a.policy",
        'endpoint "https://a.test" { on_http_request { '
        'log { metadata: { who: "${conn.client_ip}", n: double("NaN") } } deny 404 } }',
    )  # fmt: skip
    running = gateway(policy)
    get(running, "/x?secret=1")
    status, err = running.stop()
    assert status == 0
    (record,) = [json.loads(line, parse_constant=pytest.fail) for line in err.splitlines()]
    assert (record["status"], record["path"], record["reason"]) == (404, "/x", "deny")
    assert record["logs"] == [{"metadata": {"who": "127.0.0.1", "n": "NaN"}}]
