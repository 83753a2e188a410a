"""Octets in, events out: what is read, what is refused and by which name, however the octets are split."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policyc.runtime.protocol.http1 import (
    END,
    End,
    Framing,
    Limits,
    RequestHead,
    RequestReader,
    ResponseHead,
    ResponseReader,
    request_octets,
    response_octets,
)
from policyc.runtime.protocol.refusal import Refused

VECTORS = Path(__file__).parents[3].parent / "shared" / "conformance" / "http1" / "vectors.json"

Event = tuple[object, ...] | bytes | End | str


def shown(event: RequestHead | ResponseHead | bytes | End) -> Event:
    if isinstance(event, RequestHead):
        return (event.method, event.target, event.host, event.framing.value, event.length, event.keep_alive)
    if isinstance(event, ResponseHead):
        return (event.status, event.framing.value, event.length, event.keep_alive)
    return event


def requests(*pieces: bytes, limits: Limits | None = None) -> list[Event]:
    """Play pieces into a reader of requests: its events, and the name of the refusal if there was one."""
    reader = RequestReader(limits)
    events: list[Event] = []
    try:
        for piece in pieces:
            reader.feed(piece)
            while (event := reader.next()) is not None:
                events.append(shown(event))
    except Refused as refused:
        events.append(refused.reason)
    return events


def responses(method: str, *pieces: bytes) -> list[Event]:
    reader = ResponseReader()
    reader.expect(method)
    events: list[Event] = []
    try:
        for piece in pieces:
            reader.feed(piece)
            while (event := reader.next()) is not None:
                events.append(shown(bytes(event) if isinstance(event, memoryview) else event))
    except Refused as refused:
        events.append(refused.reason)
    return events


def joined(events: list[Event]) -> list[Event]:
    """The events with adjacent pieces of a body joined."""
    made: list[Event] = []
    for event in events:
        if isinstance(event, bytes) and made and isinstance(made[-1], bytes):
            made[-1] += event
        else:
            made.append(event)
    return made


def head(*lines: str, first: str = "GET / HTTP/1.1", host: bool = True) -> bytes:
    return "\r\n".join([first, *(["Host: a"] if host else []), *lines, "", ""]).encode("latin-1")


def test_request_without_body() -> None:
    assert requests(head()) == [("GET", "/", "a", "none", 0, True), END]


def test_body_by_length_and_the_next_request() -> None:
    octets = head("Content-Length: 5", first="POST / HTTP/1.1") + b"hello" + head()
    assert requests(octets) == [
        ("POST", "/", "a", "length", 5, True),
        b"hello",
        END,
        ("GET", "/", "a", "none", 0, True),
        END,
    ]


def test_chunked_body_loses_its_chunks_extensions_and_trailers() -> None:
    octets = head("Transfer-Encoding: chunked", first="POST / HTTP/1.1")
    body = b'5;a="b c"\r\nhello\r\n06\r\n world\r\n000\r\nx: y\r\n\r\n'
    events = requests(octets + body + head())
    assert joined(events)[1:3] == [b"hello world", END]
    assert events[-1] is END


REFUSED = {
    "bad_request_line": [
        head(first="GET  / HTTP/1.1"),
        head(first="GET /"),
        head(first=" GET / HTTP/1.1"),
        b"\x16\x03",
    ],
    "bad_version": [head(first="GET / HTTP/2.0"), head(first="GET / HTTP/0.9"), head(first="GET / RTSP/1.0")],
    "unknown_method": [head(first="BREW / HTTP/1.1"), head(first="get / HTTP/1.1")],
    "connect_refused": [head(first="CONNECT a:443 HTTP/1.1"), head(first="CONNECT / HTTP/1.1")],
    "bad_target": [
        head(first="GET * HTTP/1.1"),
        head(first="GET a HTTP/1.1"),
        head(first="GET /#x HTTP/1.1"),
        head(first="GET ftp://a/ HTTP/1.1"),
        head(first="GET http:///x HTTP/1.1"),
        head(first="GET http://u@a/ HTTP/1.1"),
        head(first="GET /\xe9 HTTP/1.1"),
    ],
    "no_host": [head(host=False), head(first="GET http://a/ HTTP/1.1", host=False)],
    "two_hosts": [head("Host: a"), head("host: b")],
    "bad_host": [
        head(f"Host: {value}", host=False)
        for value in (
            "",
            "a b",
            "a,b",
            "u@a",
            "a/b",
            "a:x",
            "a:99999",
            "a%2eb",
            "[::1",
            "a..b",
            "\xe9",
            ".a",
            ".",
        )
    ],
    "bad_field": [head("x y: 1"), head("x"), head(": 1"), head("x: a\x01b"), head("x : 1")],
    "obs_fold": [head("x: 1", " y: 2"), head("x: 1", "\ty")],
    "bare_newline": [b"GET / HTTP/1.1\nHost: a\r\n\r\n", head("x: a\nb"), head("x: a\rb")],
    "nul_octet": [head("x: a\0b")],
    "cl_and_te": [head("Content-Length: 0", "Transfer-Encoding: chunked")],
    "two_content_lengths": [head("Content-Length: 1", "Content-Length: 1")],
    "bad_content_length": [
        head(f"Content-Length: {value}") for value in ("", "+1", "-1", "1, 1", "0x1", "1 1", "9" * 19, "\xb2")
    ],
    "two_transfer_encodings": [head("Transfer-Encoding: chunked", "Transfer-Encoding: chunked")],
    "bad_transfer_encoding": [
        head(f"Transfer-Encoding: {value}")
        for value in ("", "gzip", "gzip, chunked", "chunked,", '"chunked"')
    ],
    "te_in_http10": [head("Transfer-Encoding: chunked", first="POST / HTTP/1.0")],
    "trace_with_body": [head("Content-Length: 1", first="TRACE / HTTP/1.1")],
    "bad_expect": [head("Expect: 200-ok"), head("Expect: 100-continue, x"), head("Expect: a", "Expect: b")],
}


@pytest.mark.parametrize(
    ("reason", "octets"), [(reason, each) for reason, cases in REFUSED.items() for each in cases]
)
def test_refusal_has_its_name(reason: str, octets: bytes) -> None:
    assert requests(octets)[-1] == reason


@pytest.mark.parametrize(
    "body",
    [
        b"+5\r\nhello\r\n0\r\n\r\n",
        b"5 \r\nhello\r\n0\r\n\r\n",
        b" 5\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"\r\nhello\r\n0\r\n\r\n",
        b"5\nhello\r\n0\r\n\r\n",
        b"5\r\nhelloXX0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"5;\r\nhello\r\n0\r\n\r\n",
        b'5;a="x\r\nhello\r\n0\r\n\r\n',
        b"5;a=\x01\r\nhello\r\n0\r\n\r\n",
        b"10000000000000005\r\nhello\r\n0\r\n\r\n",
        b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        b"0\r\nx: a\0b\r\n\r\n",
        b"0\r\nx: a\ny: b\r\n\r\n",
    ],
)
def test_malformed_chunks_are_refused(body: bytes) -> None:
    events = requests(head("Transfer-Encoding: chunked", first="POST / HTTP/1.1") + body)
    assert events[-1] == "bad_chunk"
    assert END not in events


@pytest.mark.parametrize(
    ("limits", "octets", "reason"),
    [
        (Limits(head=100), head("x: " + "y" * 100), "head_too_long"),
        (Limits(head=100), b"GET / HTTP/1.1\r\nx: " + b"y" * 100, "head_too_long"),
        (Limits(target=10), head(first=f"GET /{'x' * 10} HTTP/1.1"), "target_too_long"),
        (Limits(target=10), b"GET /" + b"x" * 60, "target_too_long"),
        (Limits(fields=3), head("a: 1", "b: 2", "c: 3"), "too_many_fields"),
        (Limits(fields=3), b"GET / HTTP/1.1\r\n" + b"a: 1\r\n" * 5, "too_many_fields"),
        (Limits(line=10), head("x: " + "y" * 10), "field_too_long"),
        (
            Limits(chunk_extensions=10),
            head("Transfer-Encoding: chunked") + b"1;abcd\r\nx\r\n" * 3,
            "chunk_extensions_too_long",
        ),
        (
            Limits(trailers=10),
            head("Transfer-Encoding: chunked") + b"0\r\na: 1\r\nb: 2\r\n",
            "trailers_too_long",
        ),
        (
            Limits(trailers=10),
            head("Transfer-Encoding: chunked") + b"0\r\na: 1234567890",
            "trailers_too_long",
        ),
    ],
)
def test_limits_hold_before_the_whole_thing_is_there(limits: Limits, octets: bytes, reason: str) -> None:
    assert requests(octets, limits=limits)[-1] == reason


def test_limits_let_the_largest_through() -> None:
    limits = Limits(target=10, fields=3, line=12)
    assert requests(head("a: 1", "b: 34567890", first="GET /234567890 HTTP/1.1"), limits=limits)[-1] is END


def test_hop_by_hop_fields_and_nominated_ones_go() -> None:
    reader = RequestReader()
    reader.feed(
        head(
            "Connection: X-Hop, Host, keep-alive",
            "X-Hop: 1",
            "Keep-Alive: 5",
            "TE: gzip",
            "Upgrade: h2c",
            "X-A: 1",
        )
    )
    event = reader.next()
    assert isinstance(event, RequestHead)
    assert event.lines == [(b"Host", b"a"), (b"X-A", b"1")]


def test_upgrade_does_not_hide_a_body() -> None:
    octets = head("Connection: upgrade", "Upgrade: websocket", "Content-Length: 3", first="POST / HTTP/1.1")
    assert requests(octets + b"abc" + head()) == [
        ("POST", "/", "a", "length", 3, True),
        b"abc",
        END,
        ("GET", "/", "a", "none", 0, True),
        END,
    ]


def test_one_empty_line_before_a_request_is_ignored_and_a_second_is_not() -> None:
    assert requests(b"\r\n" + head())[-1] is END
    assert requests(b"\r\n\r\n" + head())[-1] == "bad_request_line"


def test_absolute_form_wins_over_host() -> None:
    reader = RequestReader()
    reader.feed(head(first="GET HTTP://B.example:80?q HTTP/1.1"))
    event = reader.next()
    assert isinstance(event, RequestHead)
    assert (event.host, event.authority, event.target) == ("b.example", "B.example:80", "/?q")


@pytest.mark.parametrize(
    ("lines", "minor", "keeps"),
    [
        ((), 1, True),
        (("Connection: close",), 1, False),
        (("Connection: x, Close",), 1, False),
        ((), 0, False),
    ],
)
def test_keep_alive(lines: tuple[str, ...], minor: int, keeps: bool) -> None:
    assert requests(head(*lines, first=f"GET / HTTP/1.{minor}"))[0][-1] is keeps  # type: ignore[index]


STREAM = (
    head("Content-Length: 5", first="POST /1 HTTP/1.1")
    + b"hello"
    + b"\r\n"
    + head("Transfer-Encoding: chunked", first="PUT /2 HTTP/1.1")
    + b"3;x\r\nabc\r\nA\r\n0123456789\r\n0\r\nt: 1\r\n\r\n"
    + head(first="OPTIONS * HTTP/1.1")
    + head("Content-Length: x")
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_any_split_of_the_octets_gives_the_same_events(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[a:b] for a, b in pairwise(edges)]
    assert joined(requests(*pieces)) == joined(requests(STREAM))


def test_octet_by_octet_gives_the_same_events() -> None:
    assert joined(requests(*(STREAM[i : i + 1] for i in range(len(STREAM))))) == joined(requests(STREAM))
    assert requests(STREAM)[-1] == "bad_content_length"


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_no_octets_make_the_reader_fail_otherwise(octets: bytes) -> None:
    requests(octets)
    requests(head("Transfer-Encoding: chunked") + octets)
    responses("GET", octets)
    responses("GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + octets)


# --- responses ---------------------------------------------------------------------------------------------


def test_responses_are_framed_by_request_and_status() -> None:
    sized = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
    assert responses("GET", sized + b"hi") == [(200, "length", 2, True), b"hi", END]
    assert responses("HEAD", sized) == [(200, "none", 2, True), END]
    assert responses("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")[-1] is END
    assert responses("HEAD", b"HTTP/1.1 200 OK\r\n\r\n")[-1] is END
    for status in (204, 304):
        octets = b"HTTP/1.1 %d X\r\nContent-Length: 9\r\n\r\n" % status
        assert responses("GET", octets) == [(status, "none", 9, True), END]
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    assert responses("GET", chunked) == [(200, "chunked", -1, True), b"hi", END] or joined(
        responses("GET", chunked)
    ) == [(200, "chunked", -1, True), b"hi", END]


def test_response_until_close_ends_with_the_stream_and_is_not_reusable() -> None:
    reader = ResponseReader()
    reader.expect("GET")
    reader.feed(b"HTTP/1.1 200 OK\r\n\r\nsome")
    first = reader.next()
    assert isinstance(first, ResponseHead)
    assert (first.framing, first.keep_alive) == (Framing.CLOSE, False)
    assert reader.next() == b"some"
    assert reader.next() is None
    assert reader.end_of_stream() is END


@pytest.mark.parametrize(
    "octets",
    [b"", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh", b"HTTP/1.1 103 X\r\n\r\n"],
)
def test_end_of_stream_elsewhere_is_a_cut(octets: bytes) -> None:
    reader = ResponseReader()
    reader.expect("GET")
    reader.feed(octets)
    while reader.next() is not None:
        pass
    with pytest.raises(Refused, match="cut_off"):
        reader.end_of_stream()


def test_octets_after_a_response_are_a_surplus() -> None:
    octets = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    assert responses("GET", octets)[-1] == "surplus_response"


def test_interim_responses_come_before_and_are_counted() -> None:
    final = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    assert responses("GET", b"HTTP/1.1 100 Go\r\n\r\n" * 10 + final)[-1] is END
    assert responses("GET", b"HTTP/1.1 100 Go\r\n\r\n" * 11 + final)[-1] == "too_many_interim"
    assert responses("GET", b"HTTP/1.1 101 Go\r\n\r\n")[-1] == "unexpected_upgrade"


# --- heads that are written --------------------------------------------------------------------------------


def test_heads_are_framed_anew() -> None:
    lines = [(b"host", b"a"), (b"Content-Length", b"99"), (b"transfer-encoding", b"gzip")]
    assert request_octets("PUT", "/x", lines, Framing.LENGTH, 3) == (
        b"PUT /x HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\n"
    )
    assert response_octets(200, lines[1:], Framing.CHUNKED, -1, keep_alive=False) == (
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    assert response_octets(299, [], Framing.NONE, -1, keep_alive=True) == b"HTTP/1.1 299 \r\n\r\n"


@pytest.mark.parametrize("line", [(b"x", b"a\r\nb: c"), (b"x", b"a\nb"), (b"x\r", b"a"), (b"x", b"a\0")])
def test_head_that_would_be_split_is_not_written(line: tuple[bytes, bytes]) -> None:
    with pytest.raises(Refused):
        request_octets("GET", "/", [line], Framing.NONE, -1)
    with pytest.raises(Refused):
        response_octets(200, [line], Framing.NONE, -1, keep_alive=True)


# --- the published vectors ---------------------------------------------------------------------------------


def vector_pieces(raw: Any) -> Iterator[bytes]:
    for part in raw if isinstance(raw, list) else [raw]:
        if isinstance(part, str):
            yield part.encode("latin-1")
        elif "repeat" in part:
            octets = part["repeat"].encode("latin-1") * part["times"]
            yield from (octets[at : at + 65536] for at in range(0, len(octets), 65536))


@pytest.mark.skipif(not VECTORS.exists(), reason="the shared vectors are not here")
def test_every_vector_that_must_be_rejected_is() -> None:
    wrong = []
    for vector in json.loads(VECTORS.read_text())["vectors"]:
        if vector["expectation"] != "reject-400" or vector.get("gateway_only"):
            continue
        events = requests(*vector_pieces(vector["raw"]))
        refused = bool(events) and isinstance(events[-1], str)
        if not refused and "accept-and-normalise" not in vector.get("also_ok", ()) and END in events:
            wrong.append(vector["id"])
    assert wrong == []


def test_response_whose_lines_end_in_lf_is_refused_at_once() -> None:
    reader = ResponseReader()
    reader.expect("GET")
    reader.feed(b"HTTP/1.1 200 OK\r\nA: b\r")
    assert reader.next() is None
    reader.feed(b"\nContent-Length: 4\n\nabcd")
    with pytest.raises(Refused) as refused:
        reader.next()
    assert refused.value.reason == "bare_newline"
