"""A client's HTTP/2 connection against a transport that goes nowhere: what is said, and when it ends."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.runtime.protocol.h2_peer import Peer, request
from tests.runtime.protocol.test_http2_frames import frame
from tests.runtime.transport.test_server import House as Answering
from tests.runtime.transport.test_server import Transport

from policyc.engine.model import EndpointKey
from policyc.engine.outcome import Close, Fail, Outcome, Respond
from policyc.engine.phases import Binding, Phase, Protocol
from policyc.engine.traffic import Exchange, Headers
from policyc.runtime.endpoints import PublicEndpoint, make_snapshot
from policyc.runtime.origin import Listener, Outgoing
from policyc.runtime.protocol.hopbyhop import Line
from policyc.runtime.protocol.http1 import CHUNKED
from policyc.runtime.settings import Settings
from policyc.runtime.transport.accepted import Held
from policyc.runtime.transport.http2 import Http2Connection

NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CANCEL, CALM = 0, 1, 2, 7, 8, 11


class Call:
    """A call that does what the test says."""

    def __init__(self, outgoing: Outgoing, listener: Listener) -> None:
        self.outgoing = outgoing
        self.listener = listener
        self.body = b""
        self.ended = self.aborted = self.paused = False
        self.trailers: Sequence[Line] = ()

    def write(self, data: bytes) -> None:
        self.body += data

    def end(self, trailers: Sequence[Line] = ()) -> None:
        self.ended, self.trailers = True, trailers

    def abort(self) -> None:
        self.aborted = True

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def tunnel(self) -> object:
        raise NotImplementedError

    def answer(self, body: bytes = b"", *, end: bool = True) -> None:
        self.listener.on_response(200, Headers(), CHUNKED, -1)
        if body:
            self.listener.on_data(body)
        if end:
            self.listener.on_end()
        else:
            self.listener.on_flush()


class House(Answering):
    """A gateway of two endpoints: a.example answers by itself, b.example has an upstream."""

    name = "upstream"

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings)
        self.calls: list[Call] = []
        self.outcome: Outcome = Respond(200, body=b"ok")
        self.left: list[str] = []
        served = []
        for host, origin in (("a.example", None), ("b.example", self)):
            key = EndpointKey("default", Binding.PUBLIC, Protocol.HTTPS, host, 443)
            phases = {} if origin else {Phase.HTTP_REQUEST: self.decide}
            served.append(PublicEndpoint(key, f"https://{host}", phases, origin))  # type: ignore[arg-type]
        self.snapshot = make_snapshot(served)

    def decide(self, exchange: Exchange) -> Outcome:
        self.views.append(exchange)
        return self.outcome

    def begin(self, outgoing: Outgoing, listener: Listener) -> Call:
        call = Call(outgoing, listener)
        self.calls.append(call)
        return call

    def leave(self, connection: Held, address: str) -> None:
        self.left.append(address)


class Talk:
    """A connection and the client at its other end."""

    def __init__(self, settings: Settings | None = None, *, opens: bool = True) -> None:
        self.house = House(settings)
        self.connection = Http2Connection(self.house)
        self.transport = Transport(("192.0.2.1", 5))
        self.connection.connection_made(self.transport)
        self.client = Peer(opens=opens)
        self.read = 0
        self.go()

    def go(self) -> None:
        """Let both say what they have to say."""
        while True:
            said = self.client.take()
            if said:
                self.connection.data_received(said)
            answers = self.transport.writes[self.read :]
            self.read += len(answers)
            if answers:
                self.client.hear(b"".join(answers))
            elif not said:
                return

    def ask(
        self, *more: Line, host: bytes = b"a.example", body: bytes | None = None, end: bool = True
    ) -> int:
        """Send a request and let it be answered as far as it goes."""
        method = b"POST" if body is not None or not end else b"GET"
        stream = self.client.ask(request(*more, method=method, host=host), body=body, end=end)
        self.go()
        return stream

    @property
    def reasons(self) -> list[str]:
        return [record["reason"] for record in self.house.records if "reason" in record]


def test_policy_answers_and_the_log_knows_the_version() -> None:
    talk = Talk()
    stream = talk.ask((b"x", b"1"))
    assert (talk.client.status(stream), talk.client.bodies[stream]) == (200, b"ok")
    assert stream in talk.client.ended
    assert talk.client.resets == {}
    view = talk.house.views[0]
    assert (view.req.version, view.req.host, view.req.headers.get("x")) == ("HTTP/2.0", "a.example", ["1"])
    assert (view.conn.client_ip, view.conn.bytes_in > 0, view.conn.bytes_out > 0) == ("192.0.2.1", True, True)
    assert talk.house.records[0]["version"] == "HTTP/2.0"


def test_upstream_gets_the_request_and_answers_in_any_order() -> None:
    talk = Talk()
    one, two = talk.ask(host=b"b.example"), talk.ask((b"te", b"trailers"), host=b"b.example", body=b"hello")
    first, second = talk.house.calls
    assert (first.outgoing.method, second.outgoing.method, second.body, second.ended) == (
        "GET",
        "POST",
        b"hello",
        True,
    )
    assert (first.outgoing.accepts_trailers, second.outgoing.accepts_trailers) == (False, True)
    second.listener.on_response(200, Headers([(b"X-A", b"1")]), CHUNKED, -1)
    second.listener.on_data(b"two")
    second.listener.on_end([(b"grpc-status", b"0")])
    talk.go()
    assert (talk.client.bodies[two], talk.client.trailers[two]) == (b"two", [(b"grpc-status", b"0")])
    assert talk.client.get(two, b"x-a") == [b"1"]
    first.answer(b"one")
    talk.go()
    assert talk.client.bodies[one] == b"one"
    assert talk.client.ended == {one, two}


def test_malformed_request_is_answered_and_others_go_on() -> None:
    talk = Talk()
    other = talk.ask(host=b"b.example")
    stream = talk.ask((b"transfer-encoding", b"chunked"), end=False)
    assert talk.client.status(stream) == 400
    assert talk.client.resets == {stream: PROTOCOL_ERROR}
    assert talk.reasons == ["connection_field"]
    talk.house.calls[0].answer()
    talk.go()
    assert talk.client.status(other) == 200
    assert not talk.transport.closed


def test_upstream_that_breaks_off_resets_its_stream_only() -> None:
    talk = Talk()
    stream, other = talk.ask(host=b"b.example"), talk.ask(host=b"b.example")
    talk.house.calls[0].answer(b"part", end=False)
    talk.house.calls[0].listener.on_failure(Fail(3004, "broken", status=502))
    talk.house.calls[1].answer()
    talk.go()
    assert talk.client.resets == {stream: INTERNAL_ERROR}
    assert other in talk.client.ended


def test_close_connection_ends_every_stream() -> None:
    talk = Talk()
    talk.ask(host=b"b.example")
    talk.house.outcome = Close("close-connection")
    talk.ask()
    assert talk.transport.aborted
    talk.connection.connection_lost(None)
    assert talk.house.calls[0].aborted
    assert talk.reasons == ["close-connection", "client_gone"]
    assert talk.house.left == ["192.0.2.1"]


def test_client_that_gives_a_stream_up_aborts_its_call() -> None:
    talk = Talk()
    stream = talk.ask(host=b"b.example")
    talk.client.h2.reset_stream(stream, CANCEL)
    talk.go()
    assert talk.house.calls[0].aborted
    assert talk.reasons == ["client_gone"]


# --- time -------------------------------------------------------------------------------------------------


def test_idle_connection_is_told_and_closed() -> None:
    talk = Talk()
    talk.ask()
    talk.house.wait(74)
    talk.client.h2.ping(bytes(8))  # asks for nothing
    talk.go()
    assert not talk.transport.closed
    talk.house.wait(2)
    assert talk.transport.closed
    talk.go()
    assert talk.client.goaways == [(NO_ERROR, 1)]


def test_connection_with_a_request_is_not_idle() -> None:
    talk = Talk()
    talk.ask(host=b"b.example")
    talk.house.wait(500)
    assert not talk.transport.closed


@pytest.mark.parametrize("begun", [b"PRI * HTT", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0"])
def test_preface_has_ten_seconds_in_all(begun: bytes) -> None:
    house = House()
    connection, transport = Http2Connection(house), Transport(("192.0.2.1", 5))
    connection.connection_made(transport)
    for octet in begun[:9]:
        connection.data_received(bytes([octet]))
        house.wait(1.2)
    assert transport.ended
    assert [record["reason"] for record in house.records] == ["head_timeout"]


def test_head_that_does_not_end_is_given_up_in_time() -> None:
    talk = Talk()
    talk.connection.data_received(frame(1, b"\x82", 0, 1))
    talk.house.wait(11)
    assert talk.reasons == ["head_timeout"]


def test_reads_that_end_within_frames_are_no_late_head() -> None:
    talk = Talk()
    talk.client.h2.ping(bytes(8))
    octets = b""
    for _ in range(30):
        talk.client.h2.ping(bytes(8))
        octets += talk.client.take()
        talk.connection.data_received(octets[:-3])
        octets = octets[-3:]
        talk.house.wait(1)
    assert not talk.transport.ended


# --- the end ----------------------------------------------------------------------------------------------


def test_stop_takes_what_is_on_its_way_and_finishes_what_is_under_way() -> None:
    talk = Talk()
    under_way = talk.ask(host=b"b.example")
    late = talk.client.ask(request())
    on_its_way = talk.client.take()
    talk.connection.stop()
    talk.connection.data_received(on_its_way)
    talk.go()
    assert talk.client.goaways[0] == (NO_ERROR, 2**31 - 1)
    assert talk.client.goaways[1] == (NO_ERROR, late)
    assert talk.client.status(late) == 200
    assert not talk.transport.closed
    talk.house.calls[0].answer(b"x")
    assert talk.transport.closed
    assert not talk.transport.aborted
    talk.client.hear(b"".join(talk.transport.writes[talk.read :]))
    assert talk.client.bodies[under_way] == b"x"


def test_client_that_does_not_answer_is_told_the_last_stream_all_the_same() -> None:
    talk = Talk()
    talk.ask(host=b"b.example")
    talk.connection.stop()
    talk.house.wait(1.5)
    talk.client.hear(b"".join(talk.transport.writes[talk.read :]))
    assert talk.client.goaways[-1] == (NO_ERROR, 1)
    late = frame(1, b"\x82\x87\x84\x41\x01a", 5, 3)
    talk.connection.data_received(late)
    assert talk.transport.writes[-1].endswith(frame(3, b"\0\0\0\7", 0, 3))
    assert len(talk.house.calls) == 1


def test_idle_connection_stops_at_once() -> None:
    talk = Talk()
    talk.ask()
    talk.connection.stop()
    talk.go()
    assert talk.transport.closed


def test_connection_ends_after_so_many_requests() -> None:
    talk = Talk(Settings(requests_per_connection=3))
    for _ in range(2):
        talk.ask()
    assert talk.client.goaways == []
    assert talk.client.status(talk.ask()) == 200
    assert talk.client.goaways[-1] == (NO_ERROR, 5)
    assert talk.transport.closed


def test_connection_that_is_never_without_a_request_ends_all_the_same() -> None:
    talk = Talk(Settings(requests_per_connection=3, http2_streams_limit=4))
    first = [talk.ask(host=b"b.example") for _ in range(3)]
    for _ in range(4):
        assert talk.client.goaways == []
        talk.ask()
    assert talk.client.goaways[-1] == (NO_ERROR, 13)
    for call in talk.house.calls:
        call.answer()
    talk.client.hear(b"".join(talk.transport.writes[talk.read :]))
    assert set(first) <= talk.client.ended
    assert talk.transport.closed


def test_client_that_takes_nothing_does_not_keep_a_connection_that_ends() -> None:
    talk = Talk()
    talk.ask()
    talk.connection.stop()
    talk.go()
    assert talk.transport.closed
    talk.house.wait(29)
    assert not talk.transport.aborted
    talk.house.wait(2)
    assert talk.transport.aborted


def test_client_that_goes_away_gets_its_answers() -> None:
    talk = Talk()
    stream = talk.ask(host=b"b.example")
    talk.connection.data_received(frame(7, bytes(8)))
    assert not talk.transport.closed
    talk.house.calls[0].answer(b"x")
    talk.client.hear(b"".join(talk.transport.writes[talk.read :]))
    assert talk.client.bodies[stream] == b"x"
    assert talk.transport.closed


def test_flood_is_told_with_goaway_and_in_the_log() -> None:
    talk = Talk(Settings(http2_control_limit=50))
    talk.ask(host=b"b.example")
    for _ in range(60):
        talk.client.h2.ping(bytes(8))
    talk.go()
    assert talk.client.goaways[-1][0] == CALM
    assert talk.reasons == ["ping_flood", "client_gone"]
    assert talk.transport.ended
    assert talk.house.calls[0].aborted
    talk.house.wait(3)
    assert talk.transport.aborted


def test_broken_protocol_is_told_with_its_detail() -> None:
    talk = Talk()
    talk.connection.data_received(b"\xff\xff\xff\0\0\0\0\0\1")
    assert talk.reasons == ["http2_error"]
    assert "too large" in talk.house.records[0]["detail"]


def test_client_that_floods_a_closing_connection_is_cut() -> None:
    talk = Talk(Settings(drain_limit_bytes=10))
    talk.connection.data_received(frame(0, b"x", 0, 9))
    assert not talk.transport.aborted
    talk.connection.data_received(b"x" * 200)
    assert talk.transport.aborted


def test_connection_that_is_not_admitted_is_dropped() -> None:
    transport = Transport(("198.51.100.1", 5))
    connection = Http2Connection(House())
    connection.connection_made(transport)
    connection.data_received(b"PRI")
    connection.connection_lost(None)
    assert transport.aborted
    assert transport.writes == []


def test_lost_connection_loses_every_exchange_once() -> None:
    talk = Talk()
    talk.ask(host=b"b.example")
    talk.ask(host=b"b.example", end=False)
    talk.connection.connection_lost(None)
    assert [call.aborted for call in talk.house.calls] == [True, True]
    assert talk.reasons == ["client_gone", "client_gone"]
    talk.house.calls[0].listener.on_flush()
    talk.house.wait(100)
    assert len(talk.house.records) == 2
