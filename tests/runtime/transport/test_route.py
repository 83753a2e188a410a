"""Where decisions lead, and the hops as they would be had the phases run."""

from __future__ import annotations

import asyncio

from policyc.engine.decision import NOTHING, Decided
from policyc.engine.model import EndpointKey
from policyc.engine.options import Options
from policyc.engine.phases import Binding, Protocol
from policyc.engine.traffic import Connection, Exchange, FieldBlock, Headers, Request
from policyc.grammar.diagnostic import Report
from policyc.grammar.source import Source
from policyc.runtime.endpoints import Endpoint, InternalEndpoint, PublicEndpoint
from policyc.runtime.program import build
from policyc.runtime.services import LocalServices
from policyc.runtime.settings import Settings
from policyc.runtime.state import RateLimiter
from policyc.runtime.transport import route
from policyc.runtime.transport.route import route_from
from policyc.runtime.transport.upstream import Address, HttpOrigin, Upstreams
from policyc.runtime.transport.wheel import Wheel

OUTER = """
on_http_request { add-headers { headers: { "x-outer": "1" } } forward-internal "http://in.internal" }
on_http_response { add-headers { headers: { "x-out": "2" } } }
"""
INNER = """
on_http_request { add-headers { headers: { "x-inner": "3" } } }
on_http_response { add-headers { headers: { "x-in": "4" } } }
"""


def endpoint(text: str, binding: Binding = Binding.PUBLIC) -> Endpoint:
    program = build([Source("p.policy", text)], Options(for_run=True), Report(), cached=False).program
    assert program.policy is not None
    kind = PublicEndpoint if binding is Binding.PUBLIC else InternalEndpoint
    host = "a.example" if binding is Binding.PUBLIC else "in.internal"
    key = EndpointKey("default", binding, Protocol.HTTP, host, 80)
    return kind(key, f"http://{host}", program.policy.phases, None)


def origin() -> HttpOrigin:
    return HttpOrigin(Upstreams(Settings(), Wheel()), Address("default", "http", "127.0.0.1", 9))


def decision_of(made: Endpoint) -> object:
    assert isinstance(made.on_http_request, Decided)
    view = Exchange(Connection("192.0.2.1"), made.info, LocalServices(RateLimiter(lambda: 0.0)), request())
    return made.on_http_request.decide(view)


def request() -> Request:
    return Request("GET", "http", "a.example", "/", Headers.received(FieldBlock(b"host: a.example\r\n")))


def test_hops_add_up_outwards_and_inwards() -> None:
    async def scenario() -> None:
        outer, inner = endpoint(OUTER), endpoint(INNER, Binding.INTERNAL)
        way = (outer, decision_of(outer), inner, decision_of(inner))
        made = route_from(outer, way, origin())
        assert made.asked == b"x-outer: 1\r\nx-inner: 3\r\n"
        assert made.answered == b"x-in: 4\r\nx-out: 2\r\n"
        assert made.passed == ["http://a.example", "http://in.internal"]
        assert made.endpoint is inner
        asked = request()
        hops = made.hops(
            Connection("192.0.2.1"), LocalServices(RateLimiter(lambda: 0.0)), asked, {"a": {"b": 1}}
        )
        assert [hop.forward is not None for hop in hops] == [True, False]
        assert hops[0].view.acted is hops[1].view.acted
        assert tuple(hops[0].view.acted) == made.names[:2]
        assert hops[0].view.results["a"] == {"b": 1}
        assert "a" not in hops[1].view.results
        assert asked.headers.get("x-inner") == ["3"]

    asyncio.run(scenario())


def test_route_is_made_once_and_routes_that_are_kept_are_few() -> None:
    async def scenario() -> None:
        bare = endpoint('on_http_request { rule "r" when req.method == "PUT" { deny } }')
        to = origin()
        assert route_from(bare, NOTHING, to) is route_from(bare, NOTHING, to)
        for number in range(1000):
            route_from(bare, (bare, NOTHING) * (number % 100 + 1), to)
            assert bare.routes is not None
            assert len(bare.routes) <= route.MOST_KEPT

    asyncio.run(scenario())


def test_phase_by_phase_it_is_the_endpoints_that_decide() -> None:
    made = endpoint('on_http_response { add-headers { headers: { "x-b": "${res.status_code}" } } }')
    assert made.decide is None
    assert endpoint('on_http_response { add-headers { headers: { "x-b": "1" } } }').decide is not None
    assert endpoint("on_http_request { deny }").decide is None
