"""Playbooks: what arrived, what was asked for, what was answered, in the order it happened. No socket."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from policyc.engine.model import EndpointKey, Run
from policyc.engine.outcome import Close, Fail, Forward, Outcome, Respond
from policyc.engine.phases import Binding, Phase, Protocol
from policyc.engine.traffic import Connection, Exchange, Headers, split_block
from policyc.engine.values import EvalError
from policyc.runtime.endpoints import Endpoint, InternalEndpoint, PublicEndpoint, make_snapshot
from policyc.runtime.exchange import Admitted, HttpExchange, Surroundings, as_answer
from policyc.runtime.forwarded import Forwarding
from policyc.runtime.observe import Record
from policyc.runtime.origin import Call, Listener, Outgoing
from policyc.runtime.protocol.hopbyhop import Line
from policyc.runtime.protocol.http1 import Framing, RequestHead, RequestReader
from policyc.runtime.services import LocalServices
from policyc.runtime.settings import Settings
from policyc.runtime.state import RateLimiter
from policyc.runtime.transport.splice import Splice

REQUEST, RESPONSE, CONNECT = Phase.HTTP_REQUEST, Phase.HTTP_RESPONSE, Phase.TCP_CONNECT


class Stage:
    """A client and an origin that only write down what they are asked for."""

    def __init__(self, *endpoints: Endpoint, settings: Settings | None = None) -> None:
        self.play: list[str] = []
        self.records: list[Record] = []
        self.listener: Listener
        self.conn = Connection("192.0.2.1", 1)
        self.admitted = Admitted(trusted=False)
        self.snapshot = make_snapshot(endpoints)
        self.around = Surroundings(
            settings or Settings(), LocalServices(RateLimiter(lambda: 0.0)), Forwarding(), self.records.append
        )

    def begin(self, octets: bytes = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n") -> HttpExchange:
        reader = RequestReader()
        reader.feed(octets)
        head = reader.next()
        assert isinstance(head, RequestHead)
        exchange = HttpExchange(self, head, self.snapshot, self.around)
        exchange.begin()
        return exchange

    # exchange.Downstream

    def send_head(self, status: int, lines: list[Line], framing: Framing, length: int) -> None:
        extra = [f"{name.decode()}={value.decode()}" for name, value in lines if name.startswith(b"x-")]
        self.play.append(" ".join([f"<< {status} {framing.value} {length}", *extra]))

    def send_block(self, status: int, block: bytes, framing: Framing) -> None:
        self.send_head(status, split_block(block), framing, -1)

    def send_data(self, data: bytes | memoryview) -> None:
        self.play.append(f"<< {bytes(data).decode()}")

    def splice(self, splice: Splice, on_sent: Callable[[int], None]) -> bool:
        self.play.append("<< splice")
        return False

    def send_end(self, trailers: Sequence[Line] = ()) -> None:
        self.play.append(" ".join(["<< end", *_named(trailers)]))

    def join(self, lines: list[Line], origin: Any, on_end: Callable[[str, int, int], None]) -> None:
        self.play.append(" ".join(["<< 101", *_named(lines), "joined with", origin]))
        self.on_tunnel_end = on_end

    def send_interim(self, status: int, lines: list[Line]) -> None:
        self.play.append(f"<< {status}")

    def flush(self) -> None:
        self.play.append("<< flush")

    def cut(self) -> None:
        self.play.append("<< cut")

    def abort(self) -> None:
        self.play.append("<< abort")

    def exchange_finished(self) -> None:
        self.play.append("done")

    def pause_body(self) -> None:
        self.play.append("pause body")

    def resume_body(self) -> None:
        self.play.append("resume body")

    # origin.Origin

    name = "stage"

    def origin(self, request: Outgoing, listener: Listener) -> Call:
        self.listener = listener
        self.play.append(f">> {request.method} {request.target} {request.framing.value}")
        return _Call(self.play)


def _named(lines: Sequence[Line]) -> list[str]:
    return [f"{name.decode()}={value.decode()}" for name, value in lines]


class _Call:
    def __init__(self, play: list[str]) -> None:
        self._play = play

    def write(self, data: bytes) -> None:
        self._play.append(f">> {data.decode()}")

    def end(self, trailers: Sequence[Line] = ()) -> None:
        self._play.append(" ".join([">> end", *_named(trailers)]))

    def tunnel(self) -> Any:
        return "the origin"

    def abort(self) -> None:
        self._play.append(">> abort")

    def pause(self) -> None:
        self._play.append(">> pause")

    def resume(self) -> None:
        self._play.append(">> resume")


class _Origin:
    name = "stage"

    def __init__(self) -> None:
        self.stage: Stage

    def begin(self, request: Outgoing, listener: Listener) -> Call:
        return self.stage.origin(request, listener)


def endpoint(url: str, phases: dict[Phase, Run] | None = None, origin: _Origin | None = None) -> Any:
    scheme, _, host = url.partition("://")
    binding = Binding.INTERNAL if host.endswith(".internal") else Binding.PUBLIC
    protocol = Protocol(scheme)
    kind = InternalEndpoint if binding is Binding.INTERNAL else PublicEndpoint
    key = EndpointKey("default", binding, protocol, host, protocol.default_port or 0)
    return kind(key, url, phases or {}, origin)


def staged(
    phases: dict[Phase, Run] | None = None, *more: Endpoint, settings: Settings | None = None
) -> Stage:
    """A stage whose endpoint a.example falls through to the origin."""
    origin = _Origin()
    stage = Stage(endpoint("https://a.example", phases, origin), *more, settings=settings)
    origin.stage = stage
    return stage


def test_request_goes_through() -> None:
    stage = staged()
    stage.begin()
    stage.listener.on_response(200, Headers([(b"x-a", b"1")]), Framing.LENGTH, 4)
    stage.listener.on_data(b"body")
    stage.listener.on_flush()
    stage.listener.on_end()
    assert stage.play == [
        ">> GET / none",
        "<< 200 length 4 x-a=1",
        "<< body",
        "<< flush",
        "<< end",
        "done",
    ]
    assert stage.records[0]["bytes"] == 4


def test_body_goes_up_while_the_response_comes_down() -> None:
    stage = staged()
    exchange = stage.begin(b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n")
    exchange.body_received(b"one")
    stage.listener.on_response(200, Headers([]), Framing.CHUNKED, -1)
    exchange.body_received(b"two")
    exchange.body_ended()
    stage.listener.on_end()
    assert stage.play == [
        ">> POST / chunked",
        ">> one",
        "<< 200 chunked -1",
        ">> two",
        ">> end",
        "<< end",
        "done",
    ]


ASKING = b"GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"


def test_granted_upgrade_joins_both_ends_and_is_logged_when_they_are_done() -> None:
    def mark(x: Exchange) -> None:
        assert x.res is not None
        x.res.headers.add("x-seen", str(x.res.status))

    stage = staged({RESPONSE: mark})
    stage.begin(ASKING)
    stage.listener.on_upgrade(Headers([(b"ngrok-error-code", b"x")]))
    assert stage.play == [">> GET / none", "<< 101 x-seen=101 joined with the origin"]
    assert stage.records == []
    stage.on_tunnel_end("idle_timeout", 3, 5)
    assert stage.play[2:] == ["done"]
    [record] = stage.records
    assert (record["status"], record["bytes_in"], record["bytes_out"]) == (101, 3, 5)
    assert record["reason"] == "idle_timeout"


def test_upgrade_that_the_policy_refuses_joins_nothing() -> None:
    stage = staged({RESPONSE: lambda x: Respond(403, final=True)})
    stage.begin(ASKING)
    stage.listener.on_upgrade(Headers([]))
    assert stage.play == [">> GET / none", ">> abort", "<< 403 length 0", "<< end", "done"]
    assert "bytes_in" not in stage.records[0]


def test_answer_of_a_policy_with_status_101_is_no_tunnel() -> None:
    stage = staged({REQUEST: lambda x: Respond(101)})
    stage.begin(ASKING)
    assert not any("joined" in each for each in stage.play)
    assert stage.play[-1] == "done"


@pytest.mark.parametrize(
    ("te", "up", "down"), [(b"TE: trailers\r\n", ">> end x=1", "<< end y=2"), (b"", ">> end", "<< end")]
)
def test_trailers_are_for_clients_that_know_of_them(te: bytes, up: str, down: str) -> None:
    stage = staged()
    exchange = stage.begin(b"POST / HTTP/1.1\r\nHost: a.example\r\n%bTransfer-Encoding: chunked\r\n\r\n" % te)
    exchange.body_ended([(b"x", b"1"), (b"host", b"evil.example")])
    stage.listener.on_response(200, Headers([]), Framing.CHUNKED, -1)
    stage.listener.on_end([(b"y", b"2")])
    assert stage.play == [">> POST / chunked", up, "<< 200 chunked -1", down, "done"]


def test_trailers_that_came_before_the_fallback_go_with_it() -> None:
    def fall_back(x: Exchange, failure: Fail) -> None:
        return None

    inner = _Origin()
    stage = staged(
        {REQUEST: lambda x: Forward("https://b.internal", resume=fall_back)},
        endpoint("https://b.internal", {}, inner),
    )
    inner.stage = stage
    exchange = stage.begin(
        b"POST / HTTP/1.1\r\nHost: a.example\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    exchange.body_received(b"body")
    exchange.body_ended([(b"x", b"1")])
    stage.listener.on_failure(Fail(8012, "no", status=502))
    assert stage.play == [">> POST / chunked", ">> body", ">> end x=1"] * 2


def test_backpressure_goes_to_the_other_side() -> None:
    stage = staged()
    exchange = stage.begin()
    exchange.pause_response()
    exchange.resume_response()
    stage.listener.pause_body()
    stage.listener.resume_body()
    assert stage.play[1:] == [">> pause", ">> resume", "pause body", "resume body"]


def test_continue_is_sent_when_the_origin_is_ready_and_not_after_the_body_began() -> None:
    head = b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
    stage = staged()
    stage.begin(head)
    stage.listener.on_ready()
    assert stage.play == [">> POST / length", "<< 100"]
    stage = staged()
    exchange = stage.begin(head)
    exchange.body_received(b"abc")
    stage.listener.on_ready()
    assert "<< 100" not in stage.play


def test_interim_responses_are_passed_but_for_100_and_not_to_http10() -> None:
    stage = staged()
    stage.begin()
    stage.listener.on_interim(100, [])
    stage.listener.on_interim(103, [])
    assert stage.play[1:] == ["<< 103"]
    stage = staged()
    stage.begin(b"GET / HTTP/1.0\r\nHost: a.example\r\n\r\n")
    stage.listener.on_interim(103, [])
    assert stage.play[1:] == []


def test_failure_before_the_head_is_answered_and_after_it_cuts() -> None:
    stage = staged()
    stage.begin()
    stage.listener.on_failure(Fail(3004, "broken", status=502))
    assert stage.play[1:2] == ["<< 502 length 24"]
    stage = staged()
    stage.begin()
    stage.listener.on_response(200, Headers([]), Framing.LENGTH, 9)
    stage.listener.on_failure(Fail(3004, "broken", status=502))
    assert stage.play[1:] == ["<< 200 length 9", "<< cut", "done"]
    assert stage.records[0]["reason"] == "bad_response"


def test_failed_upstream_skips_the_endpoints_own_response_phase() -> None:
    def mark(exchange: Exchange) -> Outcome | None:
        exchange.res.headers.add("x-marked", "1")
        return None

    stage = staged({RESPONSE: mark})
    stage.begin()
    stage.listener.on_failure(Fail(3004, "broken", status=502))
    assert "x-marked" not in stage.play[1]


def test_client_that_leaves_ends_the_call() -> None:
    stage = staged()
    exchange = stage.begin()
    exchange.client_lost()
    exchange.client_lost()
    assert stage.play == [">> GET / none", ">> abort", "done"]
    assert stage.records[0]["reason"] == "client_gone"


def test_replaced_response_ends_the_call() -> None:
    stage = staged({RESPONSE: lambda x: Respond(418, [("x-b", "2")], b"tea")})
    stage.begin()
    stage.listener.on_response(200, Headers([(b"x-a", b"1")]), Framing.LENGTH, 1000)
    assert stage.play[1:] == [">> abort", "<< 418 length 3 x-b=2", "<< tea", "<< end", "done"]


def test_response_phase_cannot_forward() -> None:
    stage = staged({RESPONSE: lambda x: Forward("https://b.internal")})
    stage.begin()
    stage.listener.on_response(200, Headers([]), Framing.NONE, -1)
    assert stage.records[0]["error"] == "ERR_NGROK_2300"
    assert stage.play[2].startswith("<< 500")


def test_variables_are_emptied_between_phases_and_results_are_kept() -> None:
    seen: list[tuple[dict[str, object], dict[str, object]]] = []

    def request(exchange: Exchange) -> Outcome | None:
        exchange.vars["a"] = 1
        exchange.results["log"] = {"metadata": {}}
        exchange.now = "then"
        return None

    def response(exchange: Exchange) -> Outcome | None:
        seen.append((dict(exchange.vars), dict(exchange.results)))
        assert exchange.now is None
        return None

    stage = staged({REQUEST: request, RESPONSE: response})
    stage.begin()
    stage.listener.on_response(200, Headers([]), Framing.NONE, -1)
    assert seen == [({}, {"log": {"metadata": {}}})]


def test_replayed_body_goes_to_the_second_origin_in_order() -> None:
    def resume(exchange: Exchange, failure: Fail) -> Outcome | None:
        return None

    origin = _Origin()
    stage = Stage(
        endpoint("https://a.example", {REQUEST: lambda x: Forward("https://b.internal", resume)}, origin),
        endpoint("https://b.internal", {}, origin),
    )
    origin.stage = stage
    exchange = stage.begin(b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 6\r\n\r\n")
    exchange.body_received(b"abc")
    stage.listener.on_failure(Fail(8012, "down", status=502))
    exchange.body_received(b"def")
    exchange.body_ended()
    assert stage.play == [
        ">> POST / length",
        ">> abc",
        ">> POST / length",
        ">> abc",
        ">> def",
        ">> end",
    ]


@pytest.mark.parametrize("outcome", [Close(), Respond(403, final=True), Fail(2254, ""), Forward("x")])
def test_connect_phase_that_ends_drops_the_connection(outcome: Outcome) -> None:
    stage = staged({CONNECT: lambda x: outcome})
    stage.begin()
    assert stage.play == ["<< abort", "done"]


def test_connect_phase_of_a_forged_internal_endpoint_does_not_run() -> None:
    def never(exchange: Exchange) -> Outcome | None:
        raise AssertionError("it ran")

    stage = staged(
        {REQUEST: lambda x: Forward("https://b.internal")},
        endpoint("https://b.internal", {CONNECT: never, REQUEST: lambda x: Respond(200)}),
    )
    stage.begin()
    assert stage.play[0] == "<< 200 length 0"


def test_error_of_an_expression_is_2254() -> None:
    def broken(exchange: Exchange) -> Outcome | None:
        raise EvalError("no_such_key", "x")

    stage = staged({REQUEST: broken})
    stage.begin()
    assert stage.records[0]["error"] == "ERR_NGROK_2254"
    assert stage.play[0].startswith("<< 500")


def test_refused_body_is_answered_once_or_cuts() -> None:
    head = b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n"
    stage = staged()
    stage.begin(head).body_refused(400, "bad_chunk", "bad")
    assert stage.play[1:] == [">> abort", "<< 400 length 4", "<< bad\n", "<< end", "done"]
    stage = staged()
    exchange = stage.begin(head)
    stage.listener.on_response(200, Headers([]), Framing.CHUNKED, -1)
    exchange.body_refused(400, "bad_chunk", "bad")
    assert stage.play[2:] == [">> abort", "<< cut", "done"]


def test_answers_of_policies_lose_fields_that_are_the_gateways() -> None:
    fields = [("Content-Length", "9"), ("connection", "x"), ("NGROK-error-code", "y"), ("x", "1")]
    answer = as_answer(Respond(200, fields, code=7), "")
    assert answer.lines == [(b"x", b"1"), (b"ngrok-error-code", b"ERR_NGROK_7")]


def test_refusal_with_a_message_takes_the_form_that_the_client_prefers() -> None:
    refusal = Respond(403, [("x", "1")], b"no (ERR_NGROK_7)\n", code=7, message="no")
    assert as_answer(refusal, "").body == b"no (ERR_NGROK_7)\n"
    answer = as_answer(refusal, "application/json")
    assert answer.lines[0] == (b"content-type", b"application/json")
    assert b'"msg": "no"' in answer.body
