"""Question: what does a policy of ten rules cost, against cel-python and a function written by hand?

The policy is w2.policy. Every round gets a fresh exchange, because actions change it and because a request's
path, headers and query are worked out once per request by whoever reads them first.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from policyc.engine.outcome import Outcome, Respond
from policyc.engine.phases import Phase
from policyc.engine.traffic import Exchange

POLICY = Path(__file__).with_name("w2.policy")
ROUNDS = 2000

NETWORKS = [
    ipaddress.ip_network(text)
    for text in (
        "10.66.0.0/16",
        "192.0.2.0/24",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "172.20.0.0/16",
        "100.64.0.0/10",
        "2001:db8::/32",
        "fd00:bad::/32",
    )
]
USERS = re.compile(r"/api/v[0-9]+/users/[0-9]+")

# The same conditions for cel-python, which has no `inCidrRanges`: its policy is without the first rule.
CONDITIONS = (
    "req.host == 'admin.example.test'",
    "req.url.path.startsWith('/internal/')",
    "req.url.path == '/healthz'",
    "req.url.path.endsWith('.php')",
    "'user-agent' in req.headers && req.headers['user-agent'][0].contains('sqlmap')",
    "'x-debug' in req.headers",
    "req.host.startsWith('old.')",
    "req.method == 'DELETE'",
    "'debug' in req.url.query_params && 'true' in req.url.query_params['debug']",
    "req.url.path.matches('^/api/v[0-9]+/users/[0-9]+$')",
)


def by_hand(x: Exchange) -> Outcome | None:
    """Do what w2.policy says, as a person would write it."""
    req = x.req
    address = ipaddress.ip_address(x.conn.client_ip)
    if any(address in network for network in NETWORKS):
        return Respond(403)
    path, _, query = req.target.partition("?")
    if req.host == "admin.example.test" or path.startswith("/internal/"):
        return Respond(403)
    if path == "/healthz":
        return Respond(200, body=b"ok")
    if path.endswith(".php"):
        return Respond(404)
    headers = req.headers.as_map()
    if "user-agent" in headers and "sqlmap" in headers["user-agent"][0]:
        return Respond(403)
    if "x-debug" in headers:
        return Respond(403)
    if req.host.startswith("old."):
        return Respond(410)
    if req.method == "DELETE":
        return Respond(405)
    if "debug=true" in query.split("&"):
        return Respond(403)
    if USERS.fullmatch(path):
        req.headers.add("x-route", "users")
    req.headers.add("x-policy", "checked")
    return None


def test_generated(benchmark: BenchmarkFixture, make_exchange: Callable[[], Exchange]) -> None:
    from policyc.engine.embed import compile_policy

    benchmark.group = "ten rules"
    run = compile_policy(POLICY.read_text()).phases[Phase.HTTP_REQUEST]
    seen = measure(benchmark, run, make_exchange)
    assert seen.req.headers.get("x-route") == ["users"]
    assert seen.req.headers.get("x-policy") == ["checked"]


def test_by_hand(benchmark: BenchmarkFixture, make_exchange: Callable[[], Exchange]) -> None:
    benchmark.group = "ten rules"
    seen = measure(benchmark, by_hand, make_exchange)
    assert seen.req.headers.get("x-route") == ["users"]


def test_cel_python(benchmark: BenchmarkFixture, make_exchange: Callable[[], Exchange]) -> None:
    import celpy
    from celpy.adapter import json_to_cel

    benchmark.group = "ten rules"
    environment = celpy.Environment()
    programs = [environment.program(environment.compile(source)) for source in CONDITIONS]

    def run(x: Exchange) -> None:
        path, _, query = x.req.target.partition("?")
        params: dict[str, Any] = {"page": [query.partition("=")[2]]}
        request = {
            "method": x.req.method,
            "host": x.req.host,
            "url": {"path": path, "query_params": params},
            "headers": x.req.headers.as_map(),
        }
        activation = cast("Any", json_to_cel({"req": request}))
        assert [bool(program.evaluate(activation)) for program in programs] == [False] * 9 + [True]

    measure(benchmark, run, make_exchange, rounds=20)


def measure(
    benchmark: BenchmarkFixture,
    run: Callable[[Exchange], object],
    make_exchange: Callable[[], Exchange],
    rounds: int = ROUNDS,
) -> Exchange:
    """Time `run` on a fresh exchange per round, and return the last one."""
    last: list[Exchange] = []

    def fresh() -> tuple[tuple[Exchange], dict[str, Any]]:
        last[:] = [make_exchange()]
        return (last[0],), {}

    cast("Any", benchmark).pedantic(run, setup=fresh, rounds=rounds, warmup_rounds=min(rounds, 100))
    return last[0]


@pytest.mark.parametrize("target", ["/healthz", "/a.php", "/internal/x", "/?debug=true"])
def test_by_hand_agrees_with_the_policy(target: str, make_exchange: Callable[[], Exchange]) -> None:
    from policyc.engine.embed import compile_policy

    run = compile_policy(POLICY.read_text()).phases[Phase.HTTP_REQUEST]
    mine, theirs = make_exchange(), make_exchange()
    mine.req.target = theirs.req.target = target
    wanted, got = by_hand(mine), run(theirs)
    assert isinstance(wanted, Respond)
    assert isinstance(got, Respond)
    assert got.status == wanted.status
