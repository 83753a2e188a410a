"""Question: what does a request pay for the number of rules, where rules are dispatched?

The same kind of rules, few and many, over the same kind of traffic: half of the requests match a rule, drawn
evenly, half match none. The limits of a document do not bind here: rules are made of checked expressions.
`tried` are as many rules without an index, where that can be waited for.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pytest
from benchmarks.conftest import Still
from benchmarks.ratios import measure
from benchmarks.test_expressions import typed
from pytest_benchmark.fixture import BenchmarkFixture

from policyc.engine.generate.phase import RuleCode, compile_phase
from policyc.engine.outcome import Outcome, Respond
from policyc.engine.traffic import Connection, EndpointInfo, Exchange, Headers, Request

FEW, MANY, COMPOUND = 10, 10_000, 1_000
REQUESTS = 400
ANSWER = Respond(403)


class Ask(NamedTuple):
    """What a request differs in."""

    path: str = "/elsewhere/x"
    host: str = "elsewhere.example"
    client: str = "203.0.113.9"
    header: str = "none"
    method: str = "GET"


class Kind(NamedTuple):
    """Rules and requests by number; how many of them `many` is, and how much dearer a request may get."""

    rule: Callable[[int], str]
    ask: Callable[[int], Ask]
    many: int
    at_most: float


def compound(n: int) -> str:
    """Return what rules of tenants look like: few hosts, few prefixes, many pairs of both."""
    return (
        f"req.method in ['GET', 'POST'] && req.host == 'tenant-{n % 25}.example'"
        f" && req.url.path.startsWith('/service-{n // 25}/') && !('x-internal' in req.headers)"
    )


KINDS = {
    "paths": Kind(lambda n: f"req.url.path == '/item/{n}'", lambda n: Ask(path=f"/item/{n}"), MANY, 3),
    "hosts": Kind(
        lambda n: f"req.host == 'shop-{n}.example'", lambda n: Ask(host=f"shop-{n}.example"), MANY, 3
    ),
    "prefixes": Kind(
        lambda n: f"req.url.path.startsWith('/team-{n}/')", lambda n: Ask(path=f"/team-{n}/x"), MANY, 3
    ),
    "suffixes": Kind(
        lambda n: f"req.host.endsWith('.shop-{n}.example')",
        lambda n: Ask(host=f"www.shop-{n}.example"),
        MANY,
        3,
    ),
    "networks": Kind(
        lambda n: f"inCidrRange(conn.client_ip, '10.{n // 250}.{n % 250}.0/24')",
        lambda n: Ask(client=f"10.{n // 250}.{n % 250}.7"),
        MANY,
        3,
    ),
    "headers": Kind(
        lambda n: f"'x-key' in req.headers && req.headers['x-key'][0] == 'k-{n}'",
        lambda n: Ask(header=f"k-{n}"),
        MANY,
        3,
    ),
    "lists": Kind(
        lambda n: f"req.url.path in ['/a/{n}', '/b/{n}', '/c/{n}']", lambda n: Ask(path=f"/b/{n}"), MANY, 3
    ),
    "compound": Kind(
        compound,
        lambda n: Ask(host=f"tenant-{n % 25}.example", path=f"/service-{n // 25}/x"),
        COMPOUND,
        5,
    ),
}


def deny(x: Exchange) -> Outcome:
    return ANSWER


def rules(kind: Kind, count: int) -> list[RuleCode]:
    return [RuleCode(typed(kind.rule(n)), (deny,), (False,), f"rule {n}", ends=True) for n in range(count)]


def traffic(kind: Kind, count: int) -> list[Exchange]:
    """Return requests of which every second one matches a rule, in the order of a fixed draw."""
    draw = random.Random(7)
    found = []
    for at in range(REQUESTS):
        ask = kind.ask(draw.randrange(count)) if at % 2 else Ask()
        lines = [(b"host", ask.host.encode()), (b"x-key", ask.header.encode()), (b"accept", b"*/*")]
        request = Request(ask.method, "https", ask.host, ask.path, Headers(lines))
        endpoint = EndpointInfo("https://shop.example", "https", "shop.example", 443)
        found.append(Exchange(Connection(ask.client, 4000), endpoint, Still(), request))
    return found


def over(run: Callable[[Exchange], Outcome | None], found: Sequence[Exchange]) -> Callable[[], int]:
    """Return what runs a policy over all of the traffic, and how many rules that have acted."""

    def all_of_them() -> int:
        acted = 0
        for x in found:
            run(x)
            acted += len(x.acted)
            x.acted.clear()
        return acted

    return all_of_them


@pytest.mark.parametrize("name", KINDS)
def test_many_rules_cost_a_request_little_more_than_few(name: str, benchmark: BenchmarkFixture) -> None:
    kind = KINDS[name]
    count = 200 if benchmark.disabled else kind.many
    few, many = rules(kind, FEW), rules(kind, count)
    running = {
        "few": over(compile_phase(few), traffic(kind, FEW)),
        "many": over(compile_phase(many), traffic(kind, count)),
    }
    assert {run() for run in running.values()} == {REQUESTS // 2}
    if benchmark.disabled:
        benchmark(lambda: None)
        return
    if count <= COMPOUND:
        running["tried"] = over(compile_phase(many, optimised=False), traffic(kind, count))
    each = {contestant: ns / REQUESTS for contestant, ns in measure(running).items()}
    benchmark.extra_info["ns"] = each
    benchmark.extra_info["rules"] = count
    ratio = each["many"] / each["few"]
    shown = "  ".join(f"{contestant} {ns:8,.0f} ns" for contestant, ns in each.items())
    print(f"{name:<10} {FEW} and {count} rules: {shown}, {ratio:.2f} times")
    benchmark(lambda: None)
    assert ratio <= kind.at_most
