"""The short way against the long one: the same traffic gives the same messages, records and counts."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest

from policyc.engine.additions import Additions
from policyc.engine.decision import Decided
from policyc.engine.options import Options
from policyc.grammar.diagnostic import Report
from policyc.grammar.source import Source
from policyc.runtime.endpoints import PublicEndpoint
from policyc.runtime.gateway import Gateway
from policyc.runtime.observe import Record
from policyc.runtime.program import build
from policyc.runtime.protocol.http1 import END, RequestHead, RequestReader, ResponseHead, ResponseReader
from policyc.runtime.protocol.refusal import Refused
from policyc.runtime.protocol.whole import WholeMessages
from policyc.runtime.settings import Settings
from policyc.runtime.transport import plain
from policyc.runtime.transport.plain import PlainExchange
from policyc.runtime.transport.server import ClientConnection
from policyc.runtime.transport.upstream import Address, UpstreamConnection

UPSTREAM = "http://127.0.0.1:9"
GET = b"GET /a?b=c HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\nUser-Agent: test\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nServer: s\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello"

Step = tuple[str, bytes]


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self, peer: str = "127.0.0.1") -> None:
        super().__init__()
        self.peer = peer
        self.said = b""
        self.is_closed = self.is_cut = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": (self.peer, 5), "sockname": ("127.0.0.1", 80)}.get(name, default)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.said += data

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = self.is_cut = True

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.said += b"<end>"


class Seen(NamedTuple):
    """All that can be seen of a scene from outside; and how many requests went the short way."""

    upstream: list[object]
    client: list[object]
    records: list[Record]
    counts: object
    ends: tuple[bool, ...]
    short: int


def policy(text: str) -> Any:
    report = Report()
    built = build([Source("p.policy", text)], Options(for_run=True, lenient=True), report, cached=False)
    return built.program


async def scene(
    program: Any, steps: Sequence[Step], *, short: bool, settings: Settings | None = None
) -> Seen:
    """Play steps: what the `client` says, what the `upstream` answers, its `end`, and the like."""
    records: list[Record] = []
    bare = None if program is not None and program.endpoints else UPSTREAM
    gateway = Gateway(
        program, settings or Settings(seed=1), upstream=bare, log=records.append, clock=lambda: 0.0
    )
    if not short:
        gateway.plain.largest = -1
    wire, behind = Wire(), Wire()
    client = ClientConnection(gateway)
    client.connection_made(wire)
    upstream = UpstreamConnection(gateway.upstreams, Address("default", "http", "127.0.0.1", 9))
    upstream.connection_made(behind)
    gateway.upstreams.put(upstream)
    heard: list[object] = []
    taken = 0
    for who, octets in steps:
        if who == "client":
            client.data_received(octets)
        elif who == "upstream":
            heard += told(RequestReader(), behind.said)
            behind.said = b""
            if not behind.is_closed:
                upstream.data_received(octets)
        elif who == "upstream end":
            if not upstream.eof_received():
                upstream.connection_lost(None)
        elif who == "client end":
            client.eof_received()
        elif who == "client gone":
            client.connection_lost(None)
        elif who == "late":
            upstream.expired()
        elif who == "stop":
            client.stop()
        elif who == "kill":
            client.kill()
        taken += type(client._exchange) is PlainExchange
        await asyncio.sleep(0)
    heard += told(RequestReader(), behind.said)
    answers, ends = told(ResponseReader(), wire.said), (wire.is_closed, wire.is_cut, behind.is_closed)
    await gateway.close(0)
    samples = gateway.metrics.collect()
    counts = {name: samples.get(name) for name in ("policyc_requests_total", "policyc_rules_acted_total")}
    for record in records:
        del record["ts"]
        record.pop("duration_ms", None)
    return Seen(heard, answers, records, counts, ends, taken)


def told(reader: RequestReader | ResponseReader, octets: bytes) -> list[object]:
    said: list[object] = []
    if isinstance(reader, ResponseReader):
        reader.expect("GET")
    reader.feed(octets)
    try:
        while (event := reader.next()) is not None:
            if isinstance(event, RequestHead | ResponseHead):
                first = (event.status,) if isinstance(event, ResponseHead) else (event.method, event.target)
                said += [first, sorted((name.lower(), value) for name, value in event.lines), event.framing]
            elif event is END:
                said.append(END)
                if isinstance(reader, ResponseReader):
                    reader.expect("GET")
            else:
                said.append(bytes(event))
    except Refused as refused:
        said.append(refused.reason)
    return said


def both(
    text: str | None, steps: Sequence[Step], *, short: int | None = None, settings: Settings | None = None
) -> Seen:
    """Play a scene both ways, and return what was seen; `short` is how many steps ended on the short way."""

    async def played() -> Seen:
        one = await scene(policy(text) if text else None, steps, short=True, settings=settings)
        other = await scene(policy(text) if text else None, steps, short=False, settings=settings)
        assert other.short == 0
        assert one._replace(short=0) == other
        if short is not None:
            assert one.short == short
        return one

    return asyncio.run(played())


POLICIES = {
    "nothing": None,
    "rules": "on_http_request {"
    ' rule "x" when req.method == "GET" { add-headers { headers: { "x-a": "1" } } } }'
    ' on_http_response { add-headers { headers: { "x-b": "${req.url.path}" } } }',
    "deny": 'on_http_request { rule "no" when req.url.path == "/a" { deny 403 } }',
    "close": "on_http_request { deny }",
    "answer": 'on_http_request { custom-response 200 { body: "own" } }',
    "header removed": 'on_http_request { remove-headers { headers: ["accept"] } }'
    ' on_http_response { remove-headers { headers: ["server"] } }',
    "rewritten": 'on_http_request { url-rewrite { from: "/a", to: "/z" } }',
    "logs": 'on_http_request { log { metadata: { what: "${req.method}" } } }',
    "variables": 'on_http_request { set-vars { vars: [{ "v": "${req.headers[\'accept\'][0]}" }] }'
    ' add-headers { headers: { "x-v": "${vars.v}" } } }',
    "error": 'on_http_request { rule "e" when req.headers["x-none"][0] == "" { deny } }',
    "limit": 'on_http_request { rate-limit { name: "n", algorithm: "sliding_window", capacity: 1,'
    ' rate: "60s", bucket_key: ["req.host"] } }',
    "connect": 'on_tcp_connect { rule "c" when conn.client_ip == "192.0.2.1" { deny } }',
    "read after added": 'on_http_request { add-headers { headers: { "accept": "b" } }'
    ' rule "two" when size(req.headers["accept"]) == 2 { add-headers { headers: { "x-two": "yes" } } } }',
    "hop": 'endpoint "http://a.example" { on_http_request { add-headers { headers: { "x-outer": "1" } }'
    ' forward-internal "http://in.internal" }'
    ' on_http_response { add-headers { headers: { "x-out": "1" } } } }'
    f' endpoint "http://in.internal" -> "{UPSTREAM}" {{ on_http_request {{ add-headers {{ headers: {{'
    ' "x-inner": "${endpoint.host}" } } } on_http_response { add-headers { headers: { "x-in": "1" } } } }',
    "decided": 'on_http_request { rule "no" when req.url.path == "/never" { deny 403 }'
    ' rule "agent" when hasReqHeader("x-none") { deny }'
    ' rule "get" when req.method == "GET" { add-headers { headers: { "x-get": "1", "accept": "b" } } }'
    ' add-headers { headers: { "x-all": "2" } } }'
    ' on_http_response { add-headers { headers: { "x-b": "2" } } }',
    "decided by what a client says again": "on_http_request {"
    ' rule "html" when "text/html" in req.headers["accept"] { add-headers { headers: { "x-html": "1" } } }'
    ' rule "b" when req.host == "b.example" { deny 403 }'
    ' add-headers { headers: { "x-all": "2" } } }',
    "fields looked at after some were added": "on_http_request {"
    ' rule "get" when req.method == "GET" { add-headers { headers: { "accept": "b" } } }'
    ' rule "seen" when getReqHeader("accept").size() > 1 { add-headers { headers: { "x-seen": "1" } } } }',
    "decided, not for all": "on_http_request {"
    ' rule "no" when req.url.path == "/a" { set-vars { vars: [{ "v": 1 }] } }'
    ' add-headers { headers: { "x-all": "2" } } }',
    "decided hops": 'endpoint "http://a.example" { on_http_request {'
    ' rule "none" when req.method == "PATCH" { deny }'
    ' add-headers { headers: { "x-outer": "1" } }'
    ' rule "x" when req.method == "GET" { forward-internal "http://in.internal" }'
    ' forward-internal "http://bare.internal" }'
    ' on_http_response { add-headers { headers: { "x-out": "1" } } } }'
    f' endpoint "http://bare.internal" -> "{UPSTREAM}"'
    f' endpoint "http://in.internal" -> "{UPSTREAM}" {{ on_http_request {{ add-headers {{ headers: {{'
    ' "x-inner": "1" } } } on_http_response { add-headers { headers: { "x-in": "1" } } } }',
    "hop that sees what was added": 'endpoint "http://a.example" { on_http_request {'
    ' add-headers { headers: { "x-outer": "1" } } forward-internal "http://in.internal" } }'
    f' endpoint "http://in.internal" -> "{UPSTREAM}" {{ on_http_request {{'
    ' rule "saw" when hasReqHeader("x-outer") { add-headers { headers: { "x-inner": "1" } } } } }',
    "no target": 'endpoint "http://a.example" {'
    ' on_http_request { forward-internal "http://gone.internal" } }',
    "fallback": 'endpoint "http://a.example" { on_http_request {'
    ' forward-internal "http://gone.internal" { on_error: "continue" }'
    ' forward-internal "http://in.internal" } }'
    f' endpoint "http://in.internal" -> "{UPSTREAM}"',
    "inner denies": 'endpoint "http://a.example" { on_http_request { forward-internal "http://in.internal" }'
    ' on_http_response { add-headers { headers: { "x-out": "1" } } } }'
    f' endpoint "http://in.internal" -> "{UPSTREAM}" {{ on_http_request {{ deny 401 }} }}',
}
TWICE = [("client", GET), ("upstream", OK), ("client", GET), ("upstream", OK)]
SCENES: dict[str, list[Step]] = {
    "twice": TWICE,
    "other fields": [*TWICE, ("client", GET.replace(b"*/*", b"text/html")), ("upstream", OK)],
    "other host": [*TWICE, ("client", GET.replace(b"a.example", b"b.example")), ("upstream", OK)],
    "the client closes": [("client", GET.replace(b"Accept: */*", b"Connection: close")), ("upstream", OK)],
    "the upstream closes": [("client", GET), ("upstream", OK.replace(b"keep-alive", b"close"))],
    "in pieces": [("client", GET[:30]), ("client", GET[30:]), ("upstream", OK[:40]), ("upstream", OK[40:])],
    "the answer in pieces": [("client", GET), ("upstream", OK[:-2]), ("upstream", OK[-2:])],
    "the answer's head alone": [("client", GET), ("upstream", OK[:-5]), ("upstream", OK[-5:])],
    "pipelined": [("client", GET), ("client", GET), ("upstream", OK), ("upstream", OK)],
    "two at once": [("client", GET + GET), ("upstream", OK), ("upstream", OK)],
    "too much": [("client", GET), ("upstream", OK + b"more"), ("client", GET)],
    "an answer nobody asked for": [("client", GET), ("upstream", OK), ("upstream", OK), ("client", GET)],
    "garbage": [("client", GET), ("upstream", b"HTTP/1.1 200 OK\r\nbad header: \x01\r\n\r\n")],
    "redirected": [
        ("client", GET),
        ("upstream", OK.replace(b"200 OK", b"302 Found").replace(b"Server: s", b"Location: http://x/")),
    ],
    "nothing in it": [("client", GET), ("upstream", b"HTTP/1.1 204 No Content\r\n\r\n"), *TWICE],
    "an error": [("client", GET), ("upstream", OK.replace(b"200 OK", b"503 Busy"))],
    "with a code": [("client", GET), ("upstream", OK.replace(b"Server: s", b"ngrok-error-code: X"))],
    "in chunks": [
        ("client", GET),
        ("upstream", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
    ],
    "interim": [("client", GET), ("upstream", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK)],
    "HEAD": [("client", GET.replace(b"GET", b"HEAD")), ("upstream", OK[:-5])],
    "with a body": [
        ("client", b"PUT /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nhi"),
        ("upstream", OK),
    ],
    "the same with another body": [
        ("client", b"POST /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nhi"),
        ("upstream", OK),
        ("client", b"POST /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nho"),
        ("upstream", OK[:-5]),
        ("upstream", OK[-5:]),
    ],
    "a body and more": [
        ("client", b"POST /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nhi" + GET),
        ("upstream", OK),
        ("upstream", OK),
    ],
    "a part of a body": [
        ("client", b"POST /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nh"),
        ("client", b"i"),
        ("upstream", OK),
    ],
    "a body for an upstream that ends": [
        ("client", b"POST /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nhi"),
        ("upstream end", b""),
    ],
    "no body": [
        ("client", b"POST /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n"),
        ("upstream", OK),
    ],
    "a length that nobody told": [("client", GET.replace(b"GET", b"POST")), ("upstream", OK)],
    "a trace": [
        (
            "client",
            GET.replace(b"Accept: */*", b"traceparent: 00-%b-%b-01" % (b"a" * 32, b"b" * 16)),
        ),
        ("upstream", OK[:-3]),
        ("upstream", OK[-3:]),
    ],
    "a trace that is none": [("client", GET.replace(b"Accept: */*", b"traceparent: x")), ("upstream", OK)],
    "HTTP/1.0": [("client", b"GET /a HTTP/1.0\r\nHost: a.example\r\n\r\n"), ("upstream", OK)],
    "forwarded": [("client", GET.replace(b"Accept", b"X-Forwarded-For")), ("upstream", OK)],
    "refused": [("client", GET.replace(b"Host: a.example\r\n", b""))],
    "the client ends": [("client", GET), ("client end", b""), ("upstream", OK)],
    "the client is gone": [("client", GET), ("client gone", b"")],
    "the upstream ends": [("client", GET), ("upstream end", b"")],
    "the upstream ends in its answer": [("client", GET), ("upstream", OK[:-2]), ("upstream end", b"")],
    "the upstream is late": [("client", GET), ("late", b"")],
    "stopped": [("client", GET), ("stop", b""), ("upstream", OK)],
    "killed": [("client", GET), ("kill", b"")],
    "another method": [("client", GET.replace(b"GET", b"DELETE")), ("upstream", OK)],
    "unknown method": [("client", GET.replace(b"GET", b"BREW"))],
}


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("rules", POLICIES)
def test_short_way_and_long_way_are_told_apart_by_nobody(rules: str, name: str) -> None:
    both(POLICIES[rules], SCENES[name])


@pytest.mark.parametrize(
    "rules", ["nothing", "rules", "header removed", "hop", "variables", "decided", "decided hops"]
)
def test_plain_exchange_goes_the_short_way(rules: str) -> None:
    seen = both(POLICIES[rules], TWICE, short=2 if rules != "header removed" else 0)
    assert len(seen.records) == 2


@pytest.mark.parametrize("rules", ["decided", "decided hops"])
def test_no_phase_runs_where_there_is_a_decision(rules: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        seen = await scene(policy(POLICIES[rules] or ""), TWICE, short=True)
        monkeypatch.setattr(Decided, "__call__", None)
        monkeypatch.setattr(Additions, "__call__", None)
        assert await scene(policy(POLICIES[rules] or ""), TWICE, short=True) == seen
        assert seen.short == 2

    asyncio.run(scenario())


def test_hops_that_were_decided_are_counted() -> None:
    seen = both(POLICIES["decided hops"], TWICE, short=0, settings=Settings(hops_limit=0))
    assert [record["status"] for record in seen.records] == [508, 508]


def test_phase_that_mostly_has_to_run_is_not_asked_for_a_decision_for_ever() -> None:
    from policyc.engine.model import EndpointKey
    from policyc.engine.phases import Binding, Phase, Protocol

    phases = policy(POLICIES["decided"] or "").policy.phases
    key = EndpointKey("default", Binding.PUBLIC, Protocol.HTTP, "a.example", 80)
    endpoint = PublicEndpoint(key, "http://a.example", phases, None)
    assert phases[Phase.HTTP_REQUEST].sees_fields
    for _ in range(15):
        endpoint.undecided()
    endpoint.undecided_count = 0  # as a decision sets it
    for _ in range(15):
        endpoint.undecided()
    assert endpoint.decide is not None
    endpoint.undecided()
    assert endpoint.decide is None


def test_answer_that_is_replaced_leaves_its_connection_in_use() -> None:
    rules = (
        'on_http_response { rule "r" when res.status_code == 200 { custom-response 418 { body: "tea" } } }'
    )

    async def scenario() -> None:
        short = await scene(policy(rules), TWICE, short=True)
        long = await scene(policy(rules), TWICE[:2], short=False)
        assert short.client == long.client * 2
        assert short.records == long.records * 2
        assert not short.ends[2]  # all of the answer had come
        assert long.ends[2]

    asyncio.run(scenario())


@pytest.mark.parametrize("trusted", [(), ("127.0.0.0/8",)])
def test_who_the_client_is_comes_from_listed_peers_only(trusted: tuple[str, ...]) -> None:
    told = GET.replace(b"Accept: */*", b"X-Forwarded-For: 192.0.2.9")
    steps = [("client", told), ("upstream", OK), ("client", told), ("upstream", OK)]
    seen = both(None, steps, short=0 if trusted else 2, settings=Settings(trusted_proxies=trusted))
    said = dict(seen.upstream[1])  # type: ignore[call-overload]
    assert said[b"x-forwarded-for"] == (b"192.0.2.9, 127.0.0.1" if trusted else b"127.0.0.1")


@pytest.mark.parametrize("octets", [b"hi", b"", b"x" * 5000])
def test_request_with_a_body_goes_the_short_way(octets: bytes) -> None:
    asked = b"POST /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: %d\r\n\r\n%b" % (len(octets), octets)
    steps = [("client", asked), ("upstream", OK), ("client", asked), ("upstream", OK)]
    seen = both(POLICIES["rules"], steps, short=2)
    assert seen.upstream.count(octets) == (2 if octets else 0)


def test_connection_is_let_in_on_the_long_way_and_goes_the_short_one_from_then_on() -> None:
    seen = both(POLICIES["connect"], [*TWICE, ("client", GET), ("upstream", OK)], short=2)
    assert [record["status"] for record in seen.records] == [200, 200, 200]


def test_last_request_of_a_connection_closes_it_either_way() -> None:
    seen = both(None, TWICE, short=2, settings=Settings(requests_per_connection=2))
    assert seen.client.count(END) == 2
    assert (b"connection", b"close") not in seen.client[1]  # type: ignore[operator]


def test_answer_that_is_larger_than_a_buffer_is_written_in_one_piece() -> None:
    body = b"x" * 100_000
    large = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + body
    seen = both(None, [("client", GET), ("upstream", large), *TWICE], short=3)
    assert seen.client[3] == body


def test_what_one_client_said_is_remembered_as_octets_and_not_as_who_said_it() -> None:
    async def scenario() -> None:
        gateway = Gateway(None, Settings(), upstream=UPSTREAM)
        said = []
        for number in (1, 2):
            wire, behind = Wire(f"192.0.2.{number}"), Wire()
            client = ClientConnection(gateway)
            client.connection_made(wire)
            upstream = UpstreamConnection(gateway.upstreams, Address("default", "http", "127.0.0.1", 9))
            upstream.connection_made(behind)
            gateway.upstreams.put(upstream)
            client.data_received(GET)
            await asyncio.sleep(0)
            said.append(behind.said)
        assert b"x-forwarded-for: 192.0.2.1\r\n" in said[0]
        assert b"x-forwarded-for: 192.0.2.2\r\n" in said[1]
        await gateway.close(0)

    asyncio.run(scenario())


def test_answer_reaches_a_client_that_ends_in_the_same_turn() -> None:
    async def scenario() -> None:
        gateway = Gateway(None, Settings(), upstream=UPSTREAM)
        wire, behind = Wire(), Wire()
        client = ClientConnection(gateway)
        client.connection_made(wire)
        upstream = UpstreamConnection(gateway.upstreams, Address("default", "http", "127.0.0.1", 9))
        upstream.connection_made(behind)
        gateway.upstreams.put(upstream)
        client.data_received(GET)
        upstream.data_received(OK)
        if not client.eof_received():
            wire.close()  # as transports do
        await asyncio.sleep(0)
        assert wire.said.endswith(b"hello")
        await gateway.close(0)

    asyncio.run(scenario())


def test_memory_of_field_lines_is_bounded() -> None:
    async def scenario() -> None:
        gateway = Gateway(None, Settings(), upstream=UPSTREAM)
        for number in range(1000):
            data = GET.replace(b"test", b"%d" % number)
            assert gateway.plain.request(data, data[data.index(b"\r\n") + 2 :]) is not None
        assert len(gateway.plain._remembered) <= 256
        await gateway.close(0)

    asyncio.run(scenario())


def test_llhttp_takes_every_line_that_the_short_way_takes() -> None:
    """Why a request with field lines that llhttp took before need not be heard: its line changes nothing.

    In a target, llhttp knows the path and, after the first `?`, the query; in each it looks at one octet.
    """
    judge = WholeMessages(requests=True)
    rest = b"Host: a.example\r\n\r\n"
    methods = (b"GET", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS")
    taken = 0
    for method, octet in itertools.product(methods, range(256)):
        char = bytes([octet])
        for target in (b"/%b", b"/a%bb", b"/?%b", b"/a?b%bc", b"/a?b?%b%%"):
            octets = b"%b %b HTTP/1.1\r\n" % (method, target.replace(b"%b", char).replace(b"%%", b"%")) + rest
            line = plain._LINE(octets)
            if line is not None and line.end() == len(octets) - len(rest):
                taken += 1
                assert judge.is_one(octets), octets
    assert taken == len(methods) * 5 * (0x7E - 0x21 + 1 - 1)  # all that can be seen but `#`


def test_llhttp_hears_each_head_that_it_can_tell_from_others(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []

    class Hearing(WholeMessages):
        def is_one(self, octets: bytes, last: bool = False) -> bool:
            heard.append(octets)
            return super().is_one(octets, last)

    monkeypatch.setattr(plain, "REQUESTS", Hearing(requests=True))
    monkeypatch.setattr(plain, "RESPONSES", Hearing(requests=False))
    elsewhere, other = GET.replace(b"/a?b=c", b"/z"), GET.replace(b"test", b"tesT")
    changed, longer = OK.replace(b": s", b": t"), OK.replace(b": 5", b": 6") + b"!"
    steps: list[Step] = [
        ("client", GET), ("upstream", OK),
        ("client", GET), ("upstream", OK.replace(b"hello", b"world")),
        ("client", elsewhere), ("upstream", changed),
        ("client", other), ("upstream", longer),
        ("client", GET), ("upstream", OK),
    ]  # fmt: skip
    asyncio.run(scene(None, steps, short=True))
    assert heard == [GET, OK, changed, other, longer, OK]


def test_fields_that_llhttp_refuses_are_refused_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing(WholeMessages):
        def is_one(self, octets: bytes, last: bool = False) -> bool:
            return False

    monkeypatch.setattr(plain, "REQUESTS", Refusing(requests=True))
    seen = asyncio.run(scene(None, [("client", GET), ("upstream", OK)] * 3, short=True))
    assert seen.short == 0
