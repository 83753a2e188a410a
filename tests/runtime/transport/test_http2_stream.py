"""One exchange on an HTTP/2 connection: what goes out when, what waits, and what ends it."""

from __future__ import annotations

from h2.settings import SettingCodes
from tests.runtime.protocol.test_http2_frames import frame
from tests.runtime.transport.test_http2 import CANCEL, INTERNAL_ERROR, NO_ERROR, PROTOCOL_ERROR, Talk

from policyc.engine.traffic import Headers
from policyc.runtime.protocol.http1 import CHUNKED, LENGTH


def test_head_without_body_ends_the_stream_by_itself() -> None:
    talk = Talk()
    stream = talk.ask(host=b"b.example")
    talk.house.calls[0].listener.on_response(200, Headers([(b"grpc-status", b"5")]), LENGTH, 0)
    talk.house.calls[0].listener.on_end()
    written = b"".join(talk.transport.writes[talk.read :])
    assert (written[3], written[4], len(written)) == (1, 5, 9 + int.from_bytes(written[:3]))
    talk.go()
    assert talk.client.get(stream, b"grpc-status") == [b"5"]


def test_body_that_is_not_as_long_as_said_is_answered() -> None:
    talk = Talk()
    stream = talk.ask((b"content-length", b"3"), host=b"b.example", end=False)
    talk.client.h2.send_data(stream, b"abcd")
    talk.go()
    assert talk.client.status(stream) == 400
    assert talk.client.resets == {stream: PROTOCOL_ERROR}
    assert talk.house.calls[0].aborted
    assert talk.reasons == ["bad_content_length"]


def test_answer_that_needs_no_body_stops_it() -> None:
    talk = Talk()
    stream = talk.ask(end=False)
    assert (talk.client.status(stream), talk.client.resets) == (200, {stream: NO_ERROR})


def test_interim_responses_pass_and_expectations_are_met() -> None:
    talk = Talk()
    stream = talk.ask((b"expect", b"100-continue"), host=b"b.example", end=False)
    listener = talk.house.calls[0].listener
    listener.on_ready()
    listener.on_interim(103, [(b"link", b"</a>")])
    talk.go()
    statuses = [dict(each)[b":status"] for each in talk.client.interim[stream]]
    assert statuses == [b"100", b"103"]


def test_request_body_that_is_held_back_closes_its_window() -> None:
    talk = Talk()
    stream = talk.ask(host=b"b.example", end=False)
    call = talk.house.calls[0]
    call.listener.pause_body()
    for _ in range(4):
        talk.client.h2.send_data(stream, b"x" * 16_000)
    talk.client.h2.end_stream(stream)
    talk.go()
    assert (call.body, call.ended) == (b"", False)
    assert talk.client.h2.local_flow_control_window(stream) == 65_536 - 64_000
    call.listener.resume_body()
    assert (len(call.body), call.ended) == (64_000, True)


def test_what_nobody_reads_any_more_is_given_back() -> None:
    talk = Talk()
    for _ in range(40):  # 2.5 MB in all, of a window of 1 MiB
        stream = talk.ask(host=b"b.example", end=False)
        talk.house.calls[-1].listener.pause_body()
        for _ in range(4):
            talk.client.h2.send_data(stream, b"x" * 16_000)
        talk.go()
        talk.client.h2.reset_stream(stream, CANCEL)
        talk.go()
    assert talk.client.h2.outbound_flow_control_window > 400_000
    assert talk.connection.session._unread == {}


def test_response_waits_for_the_window_and_the_upstream_with_it() -> None:
    talk = Talk(opens=False)
    stream = talk.ask(host=b"b.example")
    call = talk.house.calls[0]
    call.answer(b"x" * 140_000, end=False)
    talk.go()
    assert len(talk.client.bodies[stream]) == 65_535
    assert call.paused
    talk.client.h2.increment_flow_control_window(200_000)
    talk.client.h2.increment_flow_control_window(200_000, stream)
    talk.go()
    assert not call.paused
    assert len(talk.client.bodies[stream]) == 140_000


def test_upstream_goes_on_when_all_that_waited_went_out_at_once() -> None:
    talk = Talk()
    stream = talk.ask(host=b"b.example")
    call = talk.house.calls[0]
    talk.connection.pause_writing()
    call.answer(b"x" * 66_000, end=False)
    assert call.paused
    talk.client.h2.increment_flow_control_window(100_000)
    talk.client.h2.increment_flow_control_window(100_000, stream)
    talk.connection.data_received(talk.client.take())
    talk.connection.resume_writing()
    assert not call.paused


def test_window_that_does_not_open_ends_its_stream_in_time() -> None:
    talk = Talk()
    talk.client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 10})
    talk.go()
    talk.client.opens = False
    stalled = talk.ask(host=b"b.example")
    talk.house.calls[0].answer(b"x" * 100)
    talk.house.wait(29)
    talk.go()
    assert talk.client.resets == {}
    talk.house.wait(2)
    talk.go()
    assert talk.client.resets == {stalled: CANCEL}
    assert not talk.transport.closed
    talk.client.h2.increment_flow_control_window(100, None)
    assert talk.client.status(talk.ask()) == 200


def test_stalled_stream_whose_upstream_still_sends_is_in_the_log() -> None:
    talk = Talk(opens=False)
    talk.ask(host=b"b.example")
    talk.house.calls[0].answer(b"x" * 70_000, end=False)
    talk.house.wait(31)
    assert talk.reasons == ["write_timeout"]
    assert talk.house.calls[0].aborted


def test_window_that_opens_a_little_gives_time() -> None:
    talk = Talk(opens=False)
    stream = talk.ask(host=b"b.example")
    talk.house.calls[0].answer(b"x" * 66_000)
    for _ in range(3):
        talk.house.wait(20)
        talk.client.h2.increment_flow_control_window(1)
        talk.client.h2.increment_flow_control_window(1, stream)
        talk.go()
    assert talk.client.resets == {}
    assert len(talk.client.bodies[stream]) == 65_538


def test_socket_that_takes_nothing_ends_the_connection() -> None:
    talk = Talk()
    talk.ask(host=b"b.example")
    talk.connection.pause_writing()
    assert not talk.transport.reading
    talk.house.wait(31)
    assert talk.transport.aborted
    assert talk.reasons == ["write_timeout"]


def test_nothing_is_framed_while_the_socket_takes_nothing() -> None:
    talk = Talk()
    stream = talk.ask(host=b"b.example")
    talk.connection.pause_writing()
    talk.house.calls[0].answer(b"x")
    assert talk.transport.writes[talk.read :] == []
    talk.connection.resume_writing()
    talk.go()
    assert talk.transport.reading
    assert talk.client.bodies[stream] == b"x"


def test_slow_body_is_answered_in_time_and_its_octets_count_within_a_frame() -> None:
    talk = Talk()
    stream = talk.ask(host=b"b.example", end=False)
    octets = frame(0, b"x" * 16_384, 0, stream)
    for n in range(14):  # 1,000 octets a second: enough
        talk.connection.data_received(octets[n * 1000 : n * 1000 + 1000])
        talk.house.wait(1)
    assert talk.house.records == []
    talk.house.wait(40)
    talk.go()
    assert talk.reasons == ["body_timeout"]
    assert talk.client.status(stream) == 408
    assert talk.client.resets == {stream: NO_ERROR}


def test_grpc_call_may_be_quiet_but_not_for_ever() -> None:
    talk = Talk()
    stream = talk.ask((b"content-type", b"application/grpc+proto"), host=b"b.example", end=False)
    for _ in range(3):
        talk.house.wait(200)
        talk.client.h2.send_data(stream, b"\0\0\0\0\0")
        talk.go()
    talk.house.wait(200)
    talk.house.calls[0].answer(b"x", end=False)
    talk.go()
    talk.house.wait(299)
    assert talk.reasons == []
    talk.house.wait(2)
    talk.go()
    assert (talk.reasons, talk.client.resets) == (["idle_timeout"], {stream: CANCEL})
    assert talk.house.calls[0].aborted


def test_body_that_is_held_back_is_not_slow() -> None:
    talk = Talk()
    talk.ask(host=b"b.example", end=False)
    talk.house.calls[0].listener.pause_body()
    talk.house.wait(60)
    assert talk.reasons == []
    talk.house.calls[0].listener.resume_body()
    talk.house.wait(25)
    assert talk.reasons == ["body_timeout"]


def test_slow_body_is_seen_while_the_answer_moves() -> None:
    talk = Talk()
    stream = talk.ask(host=b"b.example", end=False)
    talk.house.calls[0].answer(b"x", end=False)
    for _ in range(12):
        talk.house.wait(1)
        talk.house.calls[0].listener.on_data(b"x")
        talk.house.calls[0].listener.on_flush()
        talk.go()
    assert talk.reasons == ["body_timeout"]
    assert talk.client.resets == {stream: INTERNAL_ERROR}


def test_trailers_that_cannot_be_sent_break_the_answer_off() -> None:
    talk = Talk()
    stream = talk.ask((b"te", b"trailers"), host=b"b.example")
    listener = talk.house.calls[0].listener
    listener.on_response(200, Headers(), CHUNKED, -1)
    listener.on_end([(b"x", b"1\r\n2")])
    talk.go()
    assert talk.client.resets == {stream: INTERNAL_ERROR}
