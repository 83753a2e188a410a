"""Request phases that decide: which do, what they decide, and that they come back from an image."""

from __future__ import annotations

import pytest

from policyc.engine.decision import MOST_KEPT, NOTHING, Decided, Decisions, ForwardTo, Known
from policyc.engine.image.reading import load
from policyc.engine.image.writing import dump
from policyc.engine.model import Policy
from policyc.engine.options import Options
from policyc.engine.outcome import Forward
from policyc.engine.phases import Phase
from policyc.engine.traffic import Connection, EndpointInfo, Exchange, FieldBlock, Headers, Request
from policyc.grammar.diagnostic import Report
from policyc.grammar.source import Source
from policyc.runtime.program import build
from policyc.runtime.services import LocalServices
from policyc.runtime.state import RateLimiter


def policy(text: str) -> Policy:
    source = Source("p.policy", f"on_http_request {{ {text} }}")
    program = build([source], Options(for_run=True, lenient=True), Report(), cached=False).program
    assert program.policy is not None
    return program.policy


def phase(text: str) -> Decided:
    made = policy(text).phases[Phase.HTTP_REQUEST]
    assert isinstance(made, Decided)
    return made


def view(target: str = "/", fields: bytes = b"accept: a\r\n") -> Exchange:
    info = EndpointInfo("http://a", "http", "a", 80)
    request = Request("GET", "http", "a", target, Headers.received(FieldBlock(fields)))
    return Exchange(Connection("192.0.2.1"), info, LocalServices(RateLimiter(lambda: 0.0)), request)


RULES = """
  rule "no" when req.url.path == "/no" { deny 403 }
  rule "a" when req.url.path.startsWith("/a") { add-headers { headers: { "X-A": "1", "x-b": "2" } } }
  rule "in" when req.url.path.endsWith("/in") { forward-internal "http://in.internal" }
  add-headers { headers: { "x-all": "3" } }
"""


def test_what_a_request_comes_to_is_one_of_a_few_decisions() -> None:
    decide = phase(RULES).decide
    decision = decide(view("/a"))
    assert decision is not None
    assert decision.names == ("a", "on_http_request[3]")
    assert decision.block == b"x-a: 1\r\nx-b: 2\r\nx-all: 3\r\n"
    assert decision.forward is None
    assert decide(view("/a/b")) is decision
    forwarded = decide(view("/a/in"))
    assert forwarded is not None
    assert (forwarded.names, forwarded.forward) == (("a", "in"), "http://in.internal")
    assert decide(view("/no")) is None


def test_nothing_is_a_decision() -> None:
    assert phase('rule "no" when req.method == "PUT" { deny }').decide(view()) is NOTHING


@pytest.mark.parametrize("target", ["/", "/a", "/in", "/a/in"])
def test_phase_does_what_was_decided(target: str) -> None:
    made = phase(RULES)
    ran, decided = view(target), view(target)
    decision = made.decide(decided)
    assert decision is not None
    assert decided.acted == []
    outcome = made(ran)
    assert decision.apply(decided) == outcome
    assert isinstance(outcome, Forward) is ("in" in target)
    assert decided.acted == ran.acted
    assert decided.results == ran.results
    assert decided.req.headers.lines == ran.req.headers.lines
    assert decided.req.headers.lines == [
        (name, value.strip())
        for name, _, value in (line.partition(b":") for line in b"accept: a\r\n".split(b"\r\n")[:-1])
    ] + [(line.partition(b": ")[0], line.partition(b": ")[2]) for line in decision.block.split(b"\r\n")[:-1]]


@pytest.mark.parametrize(
    "text",
    [
        "deny 403",
        'log { metadata: { a: "b" } } add-headers { headers: { "x-a": "1" } }',
        'add-headers { headers: { "x-a": "${req.method}" } }',
        'rule "r" when rand.double() < 0.5 { deny }',
        'rule "r" when time.now > "2026" { deny }',
        'rule "r" when size(actions.ngrok.add_headers.headers_added) > 0 { deny }',
        'set-vars { vars: [{ "v": 1 }] } rule "r" when vars.v == 1 { deny }',
        'rule "r" when timestamp("2026-01-01T00:00:00Z") < req.ts.header_received { deny }',
        'rule "r" when req.method == "GET" { forward-internal "http://a.internal" { on_error: "continue" } }'
        ' rule "s" when req.method == "PUT" { deny }',
    ],
)
def test_phase_that_always_does_more_or_draws_by_chance_decides_nothing(text: str) -> None:
    assert not isinstance(policy(text).phases[Phase.HTTP_REQUEST], Decided)


def test_fields_are_not_looked_at_any_more_once_some_were_added() -> None:
    made = phase(
        'rule "get" when req.url.path == "/a" { add-headers { headers: { "accept": "b" } } }'
        ' rule "two" when size(req.headers["accept"]) == 2 { add-headers { headers: { "x-two": "1" } } }'
    )
    assert made.sees_fields
    assert made.decide(view("/a")) is None
    assert made.decide(view("/b")) is NOTHING


def test_condition_that_fails_is_no_decision() -> None:
    made = phase('rule "e" when req.headers["x-none"][0] == "" { add-headers { headers: { "x-a": "1" } } }')
    assert made.decide(view()) is None
    assert made.decide(view(fields=b"x-none: a\r\n")) is NOTHING


def test_only_a_phase_that_looks_at_fields_says_so() -> None:
    assert not phase(RULES).sees_fields
    assert phase('rule "r" when "a" in req.cookies { deny }').sees_fields
    assert phase('rule "r" when req.user_agent.contains("x") { deny }').sees_fields


def test_what_a_client_says_again_need_not_be_asked_again() -> None:
    made = phase(
        'rule "ip" when conn.client_ip == "192.0.2.9" { deny }'
        ' rule "host" when req.host == "b" { deny }'
        ' rule "field" when "x-no" in req.headers { deny }'
        ' rule "path" when req.url.path == "/a" { add-headers { headers: { "accept": "b" } } }'
        ' rule "many" when conn.bytes_in > 10000 { deny }'
    )
    assert made.clear is not None
    asked = view("/a")
    assert made.clear(asked) is True
    asked.conn.client_ip, asked.req.host = "192.0.2.9", "b"
    asked.req.headers = Headers.received(FieldBlock(b"x-no: 1\r\n"))
    decision = made.rest(asked)  # as none of these is asked
    assert decision is not None
    assert decision.names == ("path",)
    assert made.decide(asked) is None
    assert made.clear(asked) is False
    asked.conn.bytes_in = 10001
    assert made.rest(asked) is None


def test_field_that_may_have_been_added_is_asked_each_time() -> None:
    made = phase(
        'rule "get" when req.url.path == "/a" { add-headers { headers: { "accept": "b" } } }'
        ' rule "two" when size(req.headers["accept"]) == 2 { deny }'
    )
    assert made.clear is None
    assert made.rest is made.decide


def test_condition_that_fails_is_not_clear() -> None:
    made = phase('rule "e" when req.headers["x-none"][0] == "" { deny }')
    assert made.clear is not None
    assert made.clear(view()) is False


def test_dispatched_rules_are_looked_up() -> None:
    rules = "".join(f'rule "r{n}" when req.url.path == "/p{n}" {{ deny 403 }}' for n in range(20))
    made = phase(rules)
    assert made.decide(view("/p7")) is None
    assert made.decide(view("/q")) is NOTHING


def test_decisions_that_are_kept_are_few() -> None:
    decisions = Decisions()
    for number in range(12):
        assert decisions.add(Known(f"r{number}", (), None)) == 1 << number
    for acting in range(1 << 12):
        decisions.of(acting)
    assert len(decisions._kept) == MOST_KEPT
    assert decisions.of(0b101).names == ("r0", "r2")
    assert decisions.of(0b101) is decisions.of(0b101)
    assert decisions.of((1 << 12) - 1).names[-1] == "r11"


def test_phase_that_decides_comes_back_from_an_image() -> None:
    after = load(dump(policy(RULES), []), []).phases[Phase.HTTP_REQUEST]
    assert isinstance(after, Decided)
    decision = after.decide(view("/a/in"))
    assert decision is not None
    assert decision.forward == "http://in.internal"
    assert after(view("/a")) is None
    assert ForwardTo("http://a.internal")(view(), None) == Forward("http://a.internal")
