"""Frames are cut and counted before anything is kept of them."""

from __future__ import annotations

import pytest

from policyc.runtime.protocol.http2_frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    FRAME_SIZE_ERROR,
    GOAWAY,
    HEADERS,
    LARGEST,
    PADDED,
    PING,
    PREFACE,
    PRIORITY,
    PROTOCOL_ERROR,
    RST_STREAM,
    SETTINGS,
    SPAN_S,
    WINDOW_UPDATE,
    Broken,
    Budget,
    FrameReader,
    Http2Limits,
)

LIMITS = Http2Limits(head=1000, control=20, continuations=3)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def frame(kind: int, payload: bytes = b"", flags: int = 0, stream: int = 0) -> bytes:
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


def reader(*frames: bytes, clock: Clock | None = None) -> FrameReader:
    made = FrameReader(LIMITS, clock or Clock(), PREFACE)
    made.feed(PREFACE + frame(SETTINGS) + b"".join(frames))
    return made


def broken(given: FrameReader) -> Broken:
    with pytest.raises(Broken) as caught:
        list(iter(given.next, None))
    return caught.value


def test_frames_come_one_by_one_however_they_are_cut() -> None:
    octets = PREFACE + frame(SETTINGS) + frame(HEADERS, b"abc", END_HEADERS, 1) + frame(DATA, b"de", 1, 1)
    made = FrameReader(LIMITS, Clock(), PREFACE)
    kinds = []
    for n in range(len(octets)):
        made.feed(octets[n : n + 1])
        while (found := made.next()) is not None:
            kinds.append((found.kind, found.stream, found.octets[9:]))
    assert kinds == [(SETTINGS, 0, b""), (HEADERS, 1, b"abc"), (DATA, 1, b"de")]
    assert not made.is_within


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\n", b"PRI * HTTP/2.0\r\n\r\nXX", b"\x16\x03\x01"])
def test_what_begins_otherwise_is_no_http_2(first: bytes) -> None:
    made = FrameReader(LIMITS, Clock(), PREFACE)
    made.feed(first)
    assert broken(made).code == PROTOCOL_ERROR


@pytest.mark.parametrize("first", [frame(PING, bytes(8)), frame(SETTINGS, b"", ACK)])
def test_first_frame_is_settings(first: bytes) -> None:
    made = FrameReader(LIMITS, Clock(), PREFACE)
    made.feed(PREFACE + first)
    assert broken(made).reason == "http2_error"


def test_large_frame_is_refused_before_it_is_there() -> None:
    made = reader((LARGEST + 1).to_bytes(3) + bytes([DATA, 0]) + bytes(4))
    assert broken(made).code == FRAME_SIZE_ERROR


@pytest.mark.parametrize(
    ("flood", "reason"),
    [
        (frame(PING, bytes(8)), "ping_flood"),
        (frame(SETTINGS), "settings_flood"),
        (frame(SETTINGS, b"", ACK), "settings_flood"),
        (frame(WINDOW_UPDATE, b"\0\0\0\1"), "window_update_flood"),
        (frame(DATA, b"", 0, 1), "empty_frames_flood"),
        (frame(DATA, b"\2\0\0", PADDED, 1), "empty_frames_flood"),
        (frame(PRIORITY, bytes(5), 0, 1), "frames_flood"),
        (frame(99, b"x"), "frames_flood"),
    ],
)
def test_flood_ends_the_connection(flood: bytes, reason: str) -> None:
    assert broken(reader(flood * 100)).reason == reason
    assert broken(reader(flood * 100)).code == ENHANCE_YOUR_CALM


@pytest.mark.parametrize(
    "kind", [frame(DATA, b"x", 0, 1), frame(DATA, b"", END_STREAM, 1), frame(RST_STREAM, bytes(4), 0, 1)]
)
def test_frames_that_say_something_are_no_flood(kind: bytes) -> None:
    made = reader(kind * 100)
    assert sum(1 for _ in iter(made.next, None)) == 101


def test_content_earns_control() -> None:
    made = reader((frame(DATA, b"x", 0, 1) + frame(WINDOW_UPDATE, b"\0\0\0\1") * 4) * 50)
    assert sum(1 for _ in iter(made.next, None)) == 251


def test_budget_is_for_a_span_of_time() -> None:
    clock = Clock()
    budget = Budget(3, clock)
    for _ in range(3):
        budget.spend("ping_flood")
    clock.now += SPAN_S
    for _ in range(3):
        budget.spend("ping_flood")
    with pytest.raises(Broken, match="ping_flood"):
        budget.spend("ping_flood")


def test_continuations_without_end_are_refused() -> None:
    begun = frame(HEADERS, b"", 0, 1)
    assert broken(reader(begun + frame(CONTINUATION, b"", 0, 1) * 4)).reason == "continuation_flood"
    made = reader(begun + frame(CONTINUATION, b"", 0, 1) * 2 + frame(CONTINUATION, b"", END_HEADERS, 1))
    assert sum(1 for _ in iter(made.next, None)) == 5


def test_block_of_fields_has_a_size() -> None:
    made = reader(frame(HEADERS, b"x" * 1500, 0, 1) + frame(CONTINUATION, b"x" * 600, END_HEADERS, 1))
    assert broken(made).reason == "continuation_flood"


@pytest.mark.parametrize(
    "other", [frame(PING, bytes(8)), frame(99), frame(GOAWAY, bytes(8)), frame(CONTINUATION, b"", 4, 3)]
)
def test_block_of_fields_is_not_interrupted(other: bytes) -> None:
    assert broken(reader(frame(HEADERS, b"", 0, 1) + other)).code == PROTOCOL_ERROR


def test_what_began_is_told_apart_from_a_body_that_comes() -> None:
    assert reader(frame(PING, bytes(8))[:5]).is_within
    made = reader(frame(HEADERS, b"", 0, 1))
    list(iter(made.next, None))
    assert made.is_within
    made = reader(frame(DATA, b"abcdef", 0, 5)[:12])
    list(iter(made.next, None))
    assert not made.is_within
    assert made.partial == (5, 3)
    assert reader().partial == (0, 0)
