from __future__ import annotations

import threading
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import pytest
from tests.engine.exchanges import exchange, response
from tests.engine.policies import program

from policyc.engine.actions import actions
from policyc.engine.cel import select
from policyc.engine.cel.regex import compile_pattern, compiled
from policyc.engine.decision import Decided
from policyc.engine.generate.dispatch import Dispatch
from policyc.engine.image.later import Entries
from policyc.engine.image.reading import load
from policyc.engine.image.writing import Unsaved, dump
from policyc.engine.model import Program
from policyc.engine.outcome import Fail, Forward, Outcome
from policyc.engine.phases import Phase
from policyc.engine.traffic import Exchange
from policyc.engine.types import STRING, list_of
from policyc.engine.values import Timestamp
from policyc.grammar.source import Source

SOURCE = Source("a.policy", "let a = 1")


def again(value: Any) -> Any:
    return load(dump(value, [SOURCE]), [SOURCE])


def reloaded(text: str) -> tuple[Program, Program]:
    """Return the program of a text, and the one from its image."""
    made = program(text)
    source = Source("a.policy", text)
    return made, load(dump(made, [source]), [source])


def exchanges() -> list[Exchange]:
    """Return requests that the policies below tell apart."""
    shop = "https://shop.example.com"
    return [
        exchange(f"{shop}/"),
        exchange(f"{shop}/old/tea?a=1", lines=[("x-a", "1"), ("user-agent", "curl/8")]),
        exchange(f"{shop}/api/7", method="POST", client_ip="10.1.2.3"),
        exchange(f"{shop}/r5", lines=[("authorization", "Basic YTpsb25nIGVub3VnaA==")]),
        exchange(f"{shop}/r70", lines=[("cookie", "a=b")], response=response(503, [("x-b", "2")])),
    ]


def seen(run: Callable[[Exchange], Outcome | None], x: Exchange) -> list[Any]:
    """Return everything that can be seen of a run, with what follows a forward that fails."""
    outcome = run(x)
    told: list[Any] = [outcome]
    if isinstance(outcome, Forward):
        after = None if outcome.resume is None else outcome.resume(x, Fail(3004, "down"))
        told = ["forward", outcome.url, after]
    return [*told, x.acted, x.vars, x.results, x.logs, x.req.headers.lines, x.req.target]


def assert_same(text: str) -> None:
    made, twin = reloaded(text)
    assert made.policy is not None
    assert twin.policy is not None
    assert (twin.policy.reads, twin.policy.key, twin.notices) == (
        made.policy.reads,
        made.policy.key,
        made.notices,
    )
    assert twin.policy.phases.keys() == made.policy.phases.keys()
    for phase, run in made.policy.phases.items():
        for x, y in zip(exchanges(), exchanges(), strict=True):
            if phase is Phase.HTTP_RESPONSE:
                x.res, y.res = response(503), response(503)
            assert seen(twin.policy.phases[phase], y) == seen(run, x)


def many(condition: str, count: int) -> str:
    """Return rules which differ in a number."""
    rules = (f"when {condition.format(n=n)} {{ log {{ metadata: {{ n: {n} }} }} }}" for n in range(count))
    return f"on_http_request {{ {' '.join(rules)} }}"


POLICIES = {
    "conditions": """on_http_request {
        when req.url.path.matches("^/old/[a-z]+$") && "1" in req.headers["x-a"] { deny } }""",
    "failing": """on_http_request { when int(req.headers['x-a'][0]) > 0 { deny 401 } }""",
    "template": """on_http_request {
        custom-response { body: "${req.method} ${size(req.url.path)}: ${vars.x}" } }""",
    "pattern": """on_http_request { redirect { from: "/old/(?P<what>.*)", to: "/new/$what" } }""",
    "pattern from traffic": """on_http_request { url-rewrite { from: "${req.url.path}", to: "/x" } }""",
    "network": """on_http_request {
        when inCidrRange(conn.client_ip, "10.0.0.0/8") { deny } restrict-ips { allow: ["::/0"] } }""",
    "resumed": """on_http_request {
        forward-internal "https://a.internal" { on_error: "continue" }
        log { metadata: { a: actions.ngrok.forward_internal.error.code } }
        when req.method == 'GET' { deny } }""",
    "credentials": """on_http_request {
        basic-auth { credentials: ["a:long enough", "${req.method}:${req.host} long"] } }""",
    "limit": """on_http_request {
        rate-limit "a" { algorithm: "sliding_window", capacity: 1, rate: 60s,
            bucket_key: [conn.client_ip, getReqHeader('x-a')[0]] } }""",
    "variables": """on_http_request {
        set-vars { vars: [{a: {b: [1, req.method]}}, {c: "${vars.a.b[1]}!"}] } }""",
    "macros": """on_http_request {
        when req.headers.exists(k, req.headers[k].all(v, v.size() > 1)) { deny } }""",
    "chance": """on_http_request { when rand.double() < 0.6 { deny } }""",
    "named": """rules r { when req.method == "POST" { deny } } let m = "GET"
        on_http_request { use r when req.method == m { close-connection } }""",
    "response": """on_http_response {
        when res.status_code >= 500 { add-headers { headers: { "x-c": "${res.status_code}" } } } }""",
    "dispatched": many("req.url.path == '/r{n}'", 100),
    "long": many("size(req.url.path) == {n}", 250),
}


@pytest.mark.parametrize("name", POLICIES)
def test_a_program_from_its_image_does_the_same(name: str) -> None:
    assert_same(POLICIES[name])


@pytest.mark.parametrize("name", [name for name, action in actions().items() if action.compile is not None])
def test_every_action_that_runs_has_an_image(name: str) -> None:
    made, _ = reloaded(actions()[name].example)
    assert made.policy is not None


def test_endpoints_are_the_same_with_all_they_have() -> None:
    made, twin = reloaded(
        'endpoint "https://a.internal" -> "http://127.0.0.1:9000" { metadata: "m" on_http_request { deny } }'
    )
    assert repr(twin.endpoints[0].url) == repr(made.endpoints[0].url)
    assert twin.endpoints[0].key == made.endpoints[0].key
    assert twin.endpoints[0].metadata == "m"
    assert isinstance(twin.endpoints[0].settings, MappingProxyType)


def test_rules_that_are_looked_up_stay_octets_until_then() -> None:
    _, twin = reloaded(POLICIES["dispatched"])
    assert twin.policy is not None
    phase = twin.policy.phases[Phase.HTTP_REQUEST]
    assert isinstance(phase, Decided)
    namespace = phase.decide.__globals__
    [dispatch] = [
        owner for value in namespace.values() if isinstance(owner := getattr(value, "__self__", 0), Dispatch)
    ]
    assert isinstance(dispatch.rules, Entries)


def test_what_has_a_place_is_the_same_object() -> None:
    value = (select.MISSING, STRING, Program, SOURCE)
    assert all(twin is one for twin, one in zip(again(value), value, strict=True))


def test_values_are_as_they_were() -> None:
    value = [
        1,
        1.5,
        "a",
        b"b",
        None,
        {"a": (1,)},
        frozenset({1}),
        Timestamp(5),
        list_of(STRING),
        Phase.HTTP_REQUEST,
    ]
    assert again(value) == value
    assert again({"a": 1}.get)("a") == 1


def test_patterns_are_compiled_again() -> None:
    assert again(compile_pattern("^a+$"))("aa")
    assert again(compiled("(a)(b)")).groups == 2
    assert again(compiled("(a)(b)", captures=False)).pattern == "(a)(b)"


@pytest.mark.parametrize(
    "value",
    [threading.Lock(), lambda: 1, assert_same, threading.Thread, iter([1]), Source("b", "")],
    ids=["lock", "lambda", "function", "class", "iterator", "another source"],
)
def test_what_no_rule_knows_is_not_saved(value: object) -> None:
    with pytest.raises(Unsaved):
        dump(value, [SOURCE])
