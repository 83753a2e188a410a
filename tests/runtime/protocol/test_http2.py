"""Sessions of HTTP/2: what their octets mean, what is sent when, and what ends them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from h2.settings import SettingCodes
from hpack import Encoder
from tests.runtime.protocol.h2_peer import Peer, request
from tests.runtime.protocol.test_http2_frames import Clock, frame

from policyc.runtime.protocol.http2 import (
    Answered,
    Ended,
    Gone,
    Head,
    Interim,
    Leaving,
    News,
    Piece,
    Session,
    Told,
    Wrong,
)
from policyc.runtime.protocol.http2_frames import (
    CANCEL,
    CONTINUATION,
    DATA,
    END_HEADERS,
    GOAWAY,
    HEADERS,
    NO_ERROR,
    REFUSED_STREAM,
    RST_STREAM,
    WINDOW_UPDATE,
    Broken,
    Http2Limits,
)

LIMITS = Http2Limits(
    head=2000, streams=3, resets=5, control=20, continuations=3, window=200_000, buffer=70_000
)


class Talk:
    """A session of ours at one end, h2 at the other."""

    def __init__(self, *, client: bool = False, limits: Http2Limits = LIMITS) -> None:
        self.ours = Session(limits, Clock(), client=client)
        self.peer = Peer(client=not client)
        self.news: list[News] = []
        self.exchange()

    def exchange(self, room: int = 1 << 20) -> list[News]:
        """Let both say what they have to say; return the news."""
        first = len(self.news)
        while True:
            said = self.peer.take()
            if said:
                self.hear(said)
            self.ours.pump(room)
            answered = self.ours.take()
            if answered:
                self.peer.hear(answered)
            elif not said:
                return self.news[first:]

    def hear(self, octets: bytes) -> None:
        self.news.extend(self.ours.receive(octets))

    def broken(self, octets: bytes) -> Broken:
        with pytest.raises(Broken) as caught:
            self.hear(octets)
        self.peer.hear(self.ours.take())
        return caught.value


def test_request_and_response() -> None:
    talk = Talk()
    stream = talk.peer.ask(request((b"x", b"1"), method=b"POST"), body=b"hello")
    news = talk.exchange()
    assert news == [
        Head(stream, request((b"x", b"1"), method=b"POST"), False),
        Piece(stream, b"hello", 5),
        Ended(stream, []),
    ]
    talk.ours.send_fields(stream, [(b":status", b"200")])
    talk.ours.send_data(stream, b"wor")
    talk.ours.send_data(stream, memoryview(b"ld"))
    talk.ours.send_end(stream)
    talk.exchange()
    assert (talk.peer.status(stream), talk.peer.bodies[stream]) == (200, b"world")
    assert stream in talk.peer.ended
    assert talk.ours.is_sent(stream)


def test_trailers_both_ways() -> None:
    talk = Talk()
    stream = talk.peer.ask(request(), body=b"a", end=False)
    talk.peer.h2.send_headers(stream, [(b"x-sum", b"1")], end_stream=True)
    assert talk.exchange()[-1] == Ended(stream, [(b"x-sum", b"1")])
    talk.ours.send_fields(stream, [(b":status", b"200")])
    talk.ours.send_data(stream, b"b")
    talk.ours.send_end(stream, [(b"grpc-status", b"0")])
    talk.exchange()
    assert talk.peer.trailers[stream] == [(b"grpc-status", b"0")]


def test_client_session_asks_and_hears() -> None:
    talk = Talk(client=True)
    assert talk.news == [Told()]
    stream = talk.ours.open()
    talk.ours.send_fields(stream, request(method=b"PUT"))
    talk.ours.send_data(stream, b"body")
    talk.ours.send_end(stream)
    talk.exchange()
    assert (talk.peer.requests, talk.peer.bodies[stream]) == ([stream], b"body")
    talk.peer.h2.send_headers(stream, [(b":status", b"103")])
    talk.peer.h2.send_headers(stream, [(b":status", b"200")])
    talk.peer.h2.send_data(stream, b"x", end_stream=True)
    assert talk.exchange() == [
        Interim(stream, [(b":status", b"103")]), Head(stream, [(b":status", b"200")], False),
        Piece(stream, b"x", 1), Ended(stream, []),
    ]  # fmt: skip


def test_data_waits_for_windows_and_streams_take_turns() -> None:
    talk = Talk()
    talk.peer.opens = False
    one, two = talk.peer.ask(request()), talk.peer.ask(request())
    talk.exchange()
    for stream in (one, two):
        talk.ours.send_fields(stream, [(b":status", b"200")])
        talk.ours.send_data(stream, b"x" * 60_000)
        talk.ours.send_end(stream)
    talk.exchange()
    # The window of the connection is 65,535: both had a part of it.
    assert len(talk.peer.bodies[one]) + len(talk.peer.bodies[two]) == 65_535
    assert min(len(talk.peer.bodies[one]), len(talk.peer.bodies[two])) > 30_000
    assert talk.ours.waiting(one) + talk.ours.waiting(two) == 120_000 - 65_535
    talk.peer.h2.increment_flow_control_window(100_000)
    talk.exchange()
    assert [len(talk.peer.bodies[each]) for each in (one, two)] == [60_000, 60_000]
    assert talk.peer.ended == {one, two}


def test_window_of_one_stream_holds_up_no_other() -> None:
    talk = Talk()
    talk.peer.opens = False
    talk.peer.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 10})
    one, two = talk.peer.ask(request()), talk.peer.ask(request())
    talk.peer.h2.increment_flow_control_window(1000, two)
    talk.exchange()
    for stream in (one, two):
        talk.ours.send_fields(stream, [(b":status", b"200")])
        talk.ours.send_data(stream, b"x" * 500)
        talk.ours.send_end(stream)
    talk.exchange()
    assert [len(talk.peer.bodies[each]) for each in (one, two)] == [10, 500]
    talk.peer.h2.increment_flow_control_window(490, one)
    talk.exchange()
    assert talk.peer.ended == {one, two}


def test_pump_makes_no_more_than_there_is_room_for() -> None:
    talk = Talk()
    stream = talk.peer.ask(request())
    talk.exchange()
    talk.ours.send_fields(stream, [(b":status", b"200")])
    talk.ours.send_data(stream, b"x" * 60_000)
    assert talk.ours.pump(10_000) == {stream}
    assert talk.ours.waiting(stream) == 60_000 - 16_384


def test_body_that_is_not_consumed_closes_its_window() -> None:
    talk = Talk()
    stream = talk.peer.ask(request(method=b"POST"), end=False)
    talk.exchange()
    for _ in range(4):
        talk.peer.h2.send_data(stream, b"x" * 16_384)
    talk.exchange()
    assert talk.peer.h2.local_flow_control_window(stream) == 70_000 - 4 * 16_384
    for piece in talk.news:
        if isinstance(piece, Piece):
            talk.ours.consumed(stream, piece.cost)
    talk.exchange()
    assert talk.peer.h2.local_flow_control_window(stream) > 50_000


@pytest.mark.parametrize(
    ("length", "pieces", "end"), [(3, [b"abcd"], False), (3, [b"ab"], True), (3, [b"ab", b"cd"], False)]
)
def test_body_of_another_length_than_said_is_wrong_on_its_stream(
    length: int, pieces: list[bytes], end: bool
) -> None:
    talk = Talk()
    stream = talk.peer.ask(request((b"content-length", b"%d" % length), method=b"POST"), end=False)
    other = talk.peer.ask(request(), end=False)
    talk.exchange()
    talk.ours.expect(stream, length)
    for number, piece in enumerate(pieces):
        talk.peer.h2.send_data(stream, piece, end_stream=end and number == len(pieces) - 1)
    talk.peer.h2.send_data(other, b"fine", end_stream=True)
    news = talk.exchange()
    assert Wrong(stream, "bad_content_length") in news
    assert Ended(stream, []) not in news
    assert news[-1] == Ended(other, [])


def test_trailers_before_the_end_of_a_body_are_wrong() -> None:
    talk = Talk()
    stream = talk.peer.ask(request(method=b"POST"), body=b"ab", end=False)
    talk.peer.take, octets = lambda: b"", talk.peer.take()  # type: ignore[method-assign]
    for news in talk.ours.receive(octets):
        if isinstance(news, Head):
            talk.ours.expect(stream, 5)
    talk.peer.h2.send_headers(stream, [(b"x", b"1")], end_stream=True)
    assert list(talk.ours.receive(talk.peer.h2.data_to_send())) == [Wrong(stream, "bad_content_length")]


def test_a_stream_too_many_is_refused_and_nothing_else() -> None:
    talk = Talk()
    streams = [talk.peer.ask(request(), end=False) for _ in range(3)]
    talk.peer.h2.remote_settings[SettingCodes.MAX_CONCURRENT_STREAMS] = 100
    talk.peer.h2.remote_settings.acknowledge()
    surplus = talk.peer.ask(request())
    talk.exchange()
    assert talk.peer.resets == {surplus: REFUSED_STREAM}
    assert [each.stream for each in talk.news if isinstance(each, Head)] == streams
    talk.ours.close(streams[0], CANCEL)
    again = talk.peer.ask(request())
    assert Head(again, request(), True) in talk.exchange()


def test_settings_say_the_limits() -> None:
    settings = Talk().peer.h2.remote_settings
    assert settings.max_concurrent_streams == 3
    assert settings.initial_window_size == 70_000
    assert settings.max_header_list_size == 2000
    assert settings.enable_connect_protocol == 0
    assert Talk(client=True).peer.h2.remote_settings.enable_push == 0


def reset_each(talk: Talk) -> None:
    for _ in range(10):
        stream = talk.peer.ask(request())
        talk.peer.h2.reset_stream(stream, CANCEL)


def open_too_many(talk: Talk) -> None:
    talk.peer.h2.remote_settings[SettingCodes.MAX_CONCURRENT_STREAMS] = 100
    talk.peer.h2.remote_settings.acknowledge()
    for _ in range(10):
        talk.peer.ask(request())


def break_windows(talk: Talk) -> None:
    """Make the server reset its own streams (CVE-2025-8671)."""
    talk.peer.h2.remote_settings[SettingCodes.MAX_CONCURRENT_STREAMS] = 100
    talk.peer.h2.remote_settings.acknowledge()
    for _ in range(10):
        stream = talk.peer.ask(request(), end=False)
        talk.peer.h2._data_to_send += frame(WINDOW_UPDATE, b"\x7f\xff\xff\xff", 0, stream)


@pytest.mark.parametrize(
    ("flood", "reason"),
    [(reset_each, "rapid_reset"), (open_too_many, "too_many_streams"), (break_windows, "rapid_reset")],
)
def test_streams_that_come_and_go_end_the_connection(flood: Callable[[Talk], None], reason: str) -> None:
    talk = Talk()
    flood(talk)
    assert talk.broken(talk.peer.take()).reason == reason
    assert talk.peer.goaways[-1][0] == 11


def test_reset_of_a_stream_is_told_once() -> None:
    talk = Talk()
    stream = talk.peer.ask(request(), end=False)
    talk.exchange()
    talk.peer.h2.reset_stream(stream, CANCEL)
    assert talk.exchange() == [Gone(stream, CANCEL)]
    talk.hear(frame(RST_STREAM, bytes(4), 0, stream))
    assert talk.news[-1] == Gone(stream, CANCEL)


def test_bomb_in_the_compression_ends_the_connection() -> None:
    talk = Talk()
    encoder = Encoder()
    first = encoder.encode([(b"x", b"y" * 1500)])
    bomb = first + encoder.encode([(b"x", b"y" * 1500)]) * 100  # one octet each
    assert len(bomb) < 2000
    assert talk.broken(frame(HEADERS, bomb, END_HEADERS, 1)).reason == "hpack_bomb"
    assert talk.peer.goaways[-1][0] == 11


def test_large_head_is_read_to_be_refused() -> None:
    talk = Talk()
    talk.peer.ask(request((b"x", b"1" * 2500)))
    assert isinstance(talk.exchange()[0], Head)


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (frame(DATA, b"x", 0, 1), 1),  # on a stream that is idle
        (frame(HEADERS, b"\xff\xff\xff", END_HEADERS, 1), 9),
        (frame(HEADERS, b"\x82", END_HEADERS, 2), 1),  # a stream of the server's
        (frame(HEADERS, b"\x82", END_HEADERS, 0), 1),
        (frame(CONTINUATION, b"", 4, 1), 1),
        (frame(WINDOW_UPDATE, bytes(4)), 1),
        (frame(WINDOW_UPDATE, b"\x7f\xff\xff\xff"), 3),
        (frame(4, b"\0\4\xff\xff\xff\xff"), 3),
        (frame(4, b"\0\5\0\0\0\1"), 1),
        (frame(4, bytes(5)), 6),
        (frame(6, bytes(7)), 6),
        (frame(5, bytes(8), 4, 1), 1),
        (frame(GOAWAY, bytes(7)), 6),
        (frame(GOAWAY, bytes(8), 0, 1), 1),
        (frame(HEADERS, b"\5\x82", END_HEADERS | 8, 1), 1),  # more padding than there is room
    ],
)
def test_broken_protocol_ends_the_connection(octets: bytes, code: int) -> None:
    talk = Talk()
    told = talk.broken(octets)
    assert (told.reason, talk.peer.goaways[-1][0]) == ("http2_error", code)


def test_what_came_before_a_broken_frame_was_heard() -> None:
    talk = Talk()
    talk.peer.ask(request())
    octets = talk.peer.take() + frame(DATA, b"x", 0, 9)
    told = talk.broken(octets)
    assert told.reason == "http2_error"
    assert [type(each) for each in talk.news] == [Told, Head]


def test_goaway_ends_no_stream() -> None:
    talk = Talk(client=True)
    stream = talk.ours.open()
    talk.ours.send_fields(stream, request(), end=True)
    talk.exchange()
    talk.hear(frame(GOAWAY, stream.to_bytes(4) + bytes(4) + b"why"))
    assert talk.news[-1] == Leaving(stream, NO_ERROR)
    talk.peer.h2.send_headers(stream, [(b":status", b"200")], end_stream=True)
    assert talk.exchange() == [Head(stream, [(b":status", b"200")], True)]


def test_goodbye_is_said_in_two_steps() -> None:
    talk = Talk()
    stream = talk.peer.ask(request())
    talk.exchange()
    talk.ours.goaway_soon()
    octets = talk.ours.take()
    assert octets[3] == GOAWAY
    assert octets[9:17] == b"\x7f\xff\xff\xff" + bytes(4)
    talk.hear(frame(6, octets[26:34], 1))
    assert talk.news[-1] == Answered()
    talk.ours.goaway()
    assert talk.ours.take()[9:13] == stream.to_bytes(4)


def test_no_stream_is_opened_beyond_what_the_peer_takes() -> None:
    talk = Talk(client=True)
    assert talk.ours.room == 3
    talk.peer.h2.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: 1})
    talk.exchange()
    talk.ours.send_fields(talk.ours.open(), request())
    assert talk.ours.room == 0


def test_unknown_frames_and_unasked_pings_mean_nothing() -> None:
    talk = Talk()
    talk.hear(frame(99, b"x", 255, 7) + frame(6, bytes(8), 1))
    assert talk.news == [Told()]
    assert talk.ours.take() == b""


def test_octets_for_a_stream_that_is_over_are_dropped() -> None:
    talk = Talk()
    stream = talk.peer.ask(request(), end=False)
    talk.exchange()
    talk.ours.send_data(stream, b"x")
    talk.ours.close(stream, CANCEL)
    talk.ours.send_fields(stream, [(b":status", b"200")])
    talk.ours.send_data(stream, b"x")
    talk.ours.send_end(stream)
    talk.exchange()
    assert (talk.peer.resets, talk.peer.fields) == ({stream: CANCEL}, {})
    assert talk.ours.is_sent(stream)


def test_table_of_the_compression_stays_small_whatever_the_peer_offers() -> None:
    talk = Talk()
    talk.peer.h2.update_settings({SettingCodes.HEADER_TABLE_SIZE: 1 << 30})
    stream = talk.peer.ask(request())
    talk.exchange()
    for n in range(50):
        talk.ours.send_fields(stream, [(b":status", b"103"), (b"x-%d" % n, b"y" * 1000)])
    talk.ours.send_fields(stream, [(b":status", b"200")], end=True)
    talk.exchange()
    assert len(talk.peer.interim[stream]) == 50
    assert talk.ours._h2.encoder.header_table_size == 4096


def test_windows_that_open_by_an_octet_are_a_flood() -> None:
    talk = Talk()
    talk.peer.opens = False
    talk.peer.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 1})
    stream = talk.peer.ask(request())
    talk.exchange()
    talk.ours.send_fields(stream, [(b":status", b"200")])
    talk.ours.send_data(stream, b"x" * 1000)

    def dribble() -> None:
        for _ in range(100):
            talk.peer.h2.increment_flow_control_window(1, stream)
            talk.exchange()

    with pytest.raises(Broken, match="window_update_flood"):
        dribble()
    assert len(talk.peer.bodies[stream]) < 30


def test_no_frame_is_so_large_that_others_wait() -> None:
    talk = Talk()
    talk.peer.h2.update_settings(
        {SettingCodes.MAX_FRAME_SIZE: 1 << 20, SettingCodes.INITIAL_WINDOW_SIZE: 1 << 20}
    )
    talk.peer.h2.increment_flow_control_window(1 << 20)
    stream = talk.peer.ask(request())
    talk.exchange()
    talk.ours.send_fields(stream, [(b":status", b"200")])
    talk.ours.send_data(stream, b"x" * 500_000)
    talk.ours.take()
    talk.ours.pump(1)
    assert talk.ours.waiting(stream) == 500_000 - 65_536
