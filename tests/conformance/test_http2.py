"""What RFC 9113 and RFC 7541 demand of a server, frame by frame: each case cites its section.

A case is what a client sends behind its preface, and what the server has to end: the stream (RST_STREAM), the
connection (GOAWAY), or neither, so that a PING is still answered.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hpack import Encoder
from tests.runtime.protocol.h2_peer import Line, request
from tests.runtime.protocol.test_http2_frames import frame
from tests.runtime.transport.test_http2 import House
from tests.runtime.transport.test_server import Transport

from policyc.runtime.protocol.http2_frames import PREFACE
from policyc.runtime.transport.http2 import Http2Connection

NO, PROTOCOL, FLOW, STREAM_CLOSED, SIZE, REFUSED, COMPRESSION, CALM = 0, 1, 3, 5, 6, 7, 9, 11
DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONT = range(10)
ES, EH, PAD, PRI = 1, 4, 8, 32


class Served(NamedTuple):
    """What a client was told: (stream, code) of resets, codes of GOAWAYs, data by stream, PINGs answered."""

    resets: list[tuple[int, int]]
    goaways: list[int]
    data: list[tuple[int, bytes, bool]]
    pings: int
    closed: bool


def serve(*octets: bytes) -> Served:
    """Send frames, answer the requests that wait for an upstream, and ask by PING at the end."""
    house = House()
    connection, transport = Http2Connection(house), Transport(("192.0.2.1", 5))
    connection.connection_made(transport)
    connection.data_received(PREFACE + frame(SETTINGS))
    for each in octets:
        connection.data_received(each)
    connection.data_received(frame(PING, b"any more", 0))
    resets, goaways, data, pings = [], [], [], 0
    said = b"".join(transport.writes)
    while said:
        size, kind, flags = int.from_bytes(said[:3]), said[3], said[4]
        stream, payload = int.from_bytes(said[5:9]), said[9 : 9 + size]
        said = said[9 + size :]
        if kind == RST:
            resets.append((stream, int.from_bytes(payload)))
        elif kind == GOAWAY:
            goaways.append(int.from_bytes(payload[4:8]))
        elif kind == DATA:
            data.append((stream, payload, bool(flags & ES)))
        elif kind == PING and flags & 1:
            pings += payload == b"any more"
    return Served(resets, goaways, data, pings, transport.ended or transport.closed)


B = request(host=b"b.example")


def block(*more: Line, fields: list[Line] | None = None) -> bytes:
    return Encoder().encode([*B, *more] if fields is None else fields)


def ask(stream: int = 1, *more: Line, end: bool = True, fields: list[Line] | None = None) -> bytes:
    """Return the HEADERS of a request that an upstream will be asked, which does not answer here."""
    return frame(HEADERS, block(*more, fields=fields), EH | (ES if end else 0), stream)


def post(stream: int = 1, *more: Line) -> bytes:
    fields = request(*more, method=b"POST", host=b"b.example")
    return frame(HEADERS, Encoder().encode(fields), EH, stream)


def without(name: bytes) -> list[Line]:
    return [each for each in B if each[0] != name]


def setting(code: int, value: int) -> bytes:
    return frame(SETTINGS, code.to_bytes(2) + value.to_bytes(4))


U32 = (1 << 32) - 1
# section and case: what is sent, and the codes that end the connection
CONNECTION: dict[str, tuple[list[bytes], set[int]]] = {
    "4.2 frame above SETTINGS_MAX_FRAME_SIZE": ([post(), frame(DATA, bytes(16_385), 0, 1)], {SIZE}),
    "4.2 HEADERS above SETTINGS_MAX_FRAME_SIZE": ([frame(HEADERS, bytes(16_385), EH, 1)], {SIZE}),
    "4.3 block that cannot be decoded": ([frame(HEADERS, b"\x40\x0f", EH | ES, 1)], {COMPRESSION}),
    "4.3 PRIORITY within a block": (
        [frame(HEADERS, block(), 0, 1), frame(PRIORITY, bytes(5), 0, 1)], {PROTOCOL}
    ),
    "4.3 HEADERS of another stream within a block": ([frame(HEADERS, block(), 0, 1), ask(3)], {PROTOCOL}),
    "5.1 DATA on an idle stream": ([frame(DATA, b"x", ES, 1)], {PROTOCOL}),
    "5.1 RST_STREAM on an idle stream": ([frame(RST, bytes(4), 0, 1)], {PROTOCOL}),
    "5.1 RST_STREAM on an idle stream of the server's": ([frame(RST, bytes(4), 0, 2)], {PROTOCOL}),
    "5.1 WINDOW_UPDATE on an idle stream": ([frame(WINDOW, b"\0\0\0\1", 0, 1)], {PROTOCOL}),
    "5.1 CONTINUATION on an idle stream": ([frame(CONT, b"", EH, 1)], {PROTOCOL}),
    "5.1 HEADERS on a stream that both have ended": (
        [ask(fields=request()), ask()], {STREAM_CLOSED, PROTOCOL}
    ),
    "5.1.1 stream of the server's": ([ask(2)], {PROTOCOL}),
    "5.1.1 lower number than before": ([ask(5), ask(3)], {PROTOCOL}),
    "5.5 unknown frame within a block": ([frame(HEADERS, block(), 0, 1), frame(22, b"x")], {PROTOCOL}),
    "6.1 DATA on stream 0": ([frame(DATA, b"x")], {PROTOCOL}),
    "6.1 more padding than DATA": ([post(), frame(DATA, b"\x08x", PAD, 1)], {PROTOCOL}),
    "6.2 HEADERS on stream 0": ([frame(HEADERS, block(), EH | ES, 0)], {PROTOCOL}),
    "6.2 more padding than HEADERS": ([frame(HEADERS, b"\xff" + block(), EH | ES | PAD, 1)], {PROTOCOL}),
    "6.3 PRIORITY on stream 0": ([frame(PRIORITY, bytes(5))], {PROTOCOL}),
    "6.3 PRIORITY of 4 octets": ([ask(), frame(PRIORITY, bytes(4), 0, 1)], {SIZE}),
    "6.4 RST_STREAM on stream 0": ([frame(RST, bytes(4))], {PROTOCOL}),
    "6.4 RST_STREAM of 3 octets": ([ask(), frame(RST, bytes(3), 0, 1)], {SIZE}),
    "6.5 SETTINGS of 3 octets": ([frame(SETTINGS, bytes(3))], {SIZE}),
    "6.5 SETTINGS on a stream": ([frame(SETTINGS, bytes(6), 0, 1)], {PROTOCOL}),
    "6.5 SETTINGS with ACK and content": ([frame(SETTINGS, bytes(6), 1)], {SIZE, PROTOCOL}),
    "6.5.2 ENABLE_PUSH of 2": ([setting(2, 2)], {PROTOCOL}),
    "6.5.2 INITIAL_WINDOW_SIZE above 2^31-1": ([setting(4, 1 << 31)], {FLOW}),
    "6.5.2 MAX_FRAME_SIZE below 2^14": ([setting(5, 16_383)], {PROTOCOL}),
    "6.5.2 MAX_FRAME_SIZE above 2^24-1": ([setting(5, 1 << 24)], {PROTOCOL}),
    "6.7 PING of 6 octets": ([frame(PING, bytes(6))], {SIZE}),
    "6.7 PING on a stream": ([frame(PING, bytes(8), 0, 1)], {PROTOCOL}),
    "6.8 GOAWAY on a stream": ([frame(GOAWAY, bytes(8), 0, 1)], {PROTOCOL}),
    "6.9 WINDOW_UPDATE of 0": ([frame(WINDOW, bytes(4))], {PROTOCOL}),
    "6.9 WINDOW_UPDATE of 0 on a stream": ([ask(), frame(WINDOW, bytes(4), 0, 1)], {PROTOCOL}),
    "6.9 WINDOW_UPDATE of 3 octets": ([frame(WINDOW, bytes(3))], {SIZE}),
    "6.9.1 window of the connection above 2^31-1": ([frame(WINDOW, b"\x7f\xff\xff\xff")], {FLOW}),
    "6.9.2 windows above 2^31-1 by SETTINGS": (
        [ask(), frame(WINDOW, b"\x7f\xff\0\0", 0, 1), setting(4, (1 << 31) - 1)], {FLOW}
    ),
    "6.10 CONTINUATION on stream 0": ([frame(HEADERS, block(), 0, 1), frame(CONT, b"", EH, 0)], {PROTOCOL}),
    "6.10 CONTINUATION behind a complete block": ([ask(end=False), frame(CONT, b"", EH, 1)], {PROTOCOL}),
    "6.10 CONTINUATION behind DATA": (
        [post(), frame(DATA, b"x", 0, 1), frame(CONT, b"", EH, 1)], {PROTOCOL}
    ),
    "8.1 second HEADERS that end nothing": (
        [post(), frame(HEADERS, block(fields=[(b"x", b"1")]), EH, 1)], {PROTOCOL}
    ),
    "8.4 PUSH_PROMISE of a client": ([ask(), frame(PUSH, b"\0\0\0\2" + block(), EH, 1)], {PROTOCOL}),
    "7541 2.3.3 index without an entry": ([frame(HEADERS, b"\xbe", EH | ES, 1)], {COMPRESSION}),
    "7541 4.2 size update behind a field": ([frame(HEADERS, block() + b"\x20", EH | ES, 1)], {COMPRESSION}),
    "7541 5.2 padding that is not EOS": (
        [frame(HEADERS, block() + b"\0\x85\xf2\xb2\x4a\x87\xff\xff\xff\xfd\x25\x42\x7f", EH | ES, 1)],
        {COMPRESSION},
    ),
    "7541 6.1 index 0": ([frame(HEADERS, block() + b"\x80", EH | ES, 1)], {COMPRESSION}),
    "7541 6.3 table above SETTINGS_HEADER_TABLE_SIZE": (
        [frame(HEADERS, b"\x3f\xe1\xff\x03" + block(), EH | ES, 1)], {COMPRESSION}
    ),
}  # fmt: skip

# and those that end stream 1
STREAM: dict[str, tuple[list[bytes], set[int]]] = {
    "5.1 DATA on a half-closed stream": ([ask(), frame(DATA, b"x", ES, 1)], {STREAM_CLOSED}),
    "5.1 HEADERS on a half-closed stream": ([ask(), ask()], {STREAM_CLOSED}),
    "5.1 DATA behind RST_STREAM": (
        [post(), frame(RST, bytes(4), 0, 1), frame(DATA, b"x", ES, 1)], {STREAM_CLOSED}
    ),
    "5.1 HEADERS behind RST_STREAM": ([post(), frame(RST, bytes(4), 0, 1), ask()], {STREAM_CLOSED}),
    "5.1 DATA on a stream that both have ended": (
        [ask(fields=request()), frame(DATA, b"x", ES, 1)], {STREAM_CLOSED}
    ),
    "6.9.1 window of a stream above 2^31-1": ([ask(), frame(WINDOW, b"\x7f\xff\xff\xff", 0, 1)], {FLOW}),
    "8.2.1 name in upper case": ([ask(1, (b"X-Test", b"ok"))], {PROTOCOL}),
    "8.2.2 field of a connection": ([ask(1, (b"connection", b"keep-alive"))], {PROTOCOL}),
    "8.2.2 TE but trailers": ([ask(1, (b"te", b"trailers, deflate"))], {PROTOCOL}),
    "8.3 unknown pseudo-header field": ([ask(fields=[*B, (b":test", b"ok")])], {PROTOCOL}),
    "8.3 pseudo-header field of responses": ([ask(fields=[*B, (b":status", b"200")])], {PROTOCOL}),
    "8.3 pseudo-header field of interim responses": ([ask(fields=[*B, (b":status", b"103")])], {PROTOCOL}),
    "8.3 pseudo-header field of interim responses as a trailer": (
        [post(), frame(HEADERS, block(fields=[(b":status", b"103"), (b"x", b"1")]), EH | ES, 1)], {PROTOCOL}
    ),
    "8.3 pseudo-header field as a trailer": (
        [post(), frame(HEADERS, block(fields=[(b":method", b"200"), (b"x", b"1")]), EH | ES, 1)], {PROTOCOL}
    ),
    "8.3 pseudo-header field behind a field": ([ask(fields=[(b"x", b"1"), *B])], {PROTOCOL}),
    "8.3.1 empty path": ([ask(fields=request(path=b"", host=b"b.example"))], {PROTOCOL}),
    "8.3.1 no method": ([ask(fields=without(b":method"))], {PROTOCOL}),
    "8.3.1 no scheme": ([ask(fields=without(b":scheme"))], {PROTOCOL}),
    "8.3.1 no path": ([ask(fields=without(b":path"))], {PROTOCOL}),
    "8.3.1 method twice": ([ask(fields=[(b":method", b"GET"), *B])], {PROTOCOL}),
    "8.3.1 scheme twice": ([ask(fields=[(b":scheme", b"https"), *B])], {PROTOCOL}),
    "8.3.1 path twice": ([ask(fields=[(b":path", b"/"), *B])], {PROTOCOL}),
    "8.1.1 DATA beyond Content-Length": (
        [post(1, (b"content-length", b"1")), frame(DATA, b"test", ES, 1)], {PROTOCOL}
    ),
    "8.1.1 DATA short of Content-Length": (
        [post(1, (b"content-length", b"9")), frame(DATA, b"test", ES, 1)], {PROTOCOL}
    ),
    "8.1.1 Content-Length that is no number": ([ask(1, (b"content-length", b"+0"))], {PROTOCOL}),
    "8.1.1 Content-Length with another one": (
        [post(1, (b"content-length", b"1"), (b"content-length", b"2")), frame(DATA, b"x", ES, 1)], {PROTOCOL}
    ),
    "8.1.1 DATA in two frames beyond Content-Length": (
        [post(1, (b"content-length", b"1")), frame(DATA, b"te", 0, 1), frame(DATA, b"st", ES, 1)], {PROTOCOL}
    ),
}  # fmt: skip

# and those that are no error
NEITHER: dict[str, list[bytes]] = {
    "4.1 unknown frame": [frame(22, b"12345678")],
    "4.1 undefined flags": [frame(PING, b"12345678", 0xFE & ~1)],
    "4.1 reserved bit": [b"\0\0\x08\6\0\x80\0\0\0" + b"12345678"],
    "4.2 frame of SETTINGS_MAX_FRAME_SIZE": [post(), frame(DATA, bytes(16_384), ES, 1)],
    "5.1 PRIORITY on an idle stream": [frame(PRIORITY, bytes(4) + b"\x10", 0, 7)],
    "5.1 PRIORITY on a half-closed stream": [ask(), frame(PRIORITY, bytes(4) + b"\x10", 0, 1)],
    "5.1 WINDOW_UPDATE on a half-closed stream": [ask(), frame(WINDOW, b"\0\0\0\1", 0, 1)],
    "5.1 WINDOW_UPDATE on a closed stream": [ask(fields=request()), frame(WINDOW, b"\0\0\0\1", 0, 1)],
    "5.1 RST_STREAM on a closed stream": [ask(fields=request()), frame(RST, bytes(4), 0, 1)],
    "5.4 RST_STREAM with an unknown code": [ask(), frame(RST, b"\0\0\0\xff", 0, 1)],
    "5.5 unknown frame on a stream": [ask(), frame(22, b"x", 7, 1)],
    "6.1 padding": [post(), frame(DATA, b"\x05test" + bytes(5), ES | PAD, 1)],
    "6.2 padding and priority": [
        frame(HEADERS, b"\5\0\0\0\0\xff" + block() + bytes(5), EH | ES | PAD | PRI, 1)
    ],
    "6.5.2 unknown setting": [setting(0xFF, 1)],
    "6.7 PING with ACK": [frame(PING, bytes(8), 1)],
    "6.10 CONTINUATION": [
        frame(HEADERS, block()[:5], ES, 1), frame(CONT, block()[5:9], 0, 1), frame(CONT, block()[9:], EH, 1)
    ],
    "8.1 trailers": [
        post(), frame(DATA, b"x", 0, 1), frame(HEADERS, block(fields=[(b"x", b"1")]), EH | ES, 1)
    ],
    "8.1 trailer that speaks of the length": [
        post(), frame(DATA, b"x", 0, 1), frame(HEADERS, block(fields=[(b"content-length", b"x")]), EH | ES, 1)
    ],
    "8.2.2 TE trailers": [ask(1, (b"te", b"trailers"))],
    "7541 4.2 size updates before the fields": [frame(HEADERS, b"\x20\x3f\xe1\x1f" + block(), EH | ES, 1)],
}  # fmt: skip


@pytest.mark.parametrize("case", CONNECTION)
def test_error_of_the_connection(case: str) -> None:
    sent, codes = CONNECTION[case]
    served = serve(*sent)
    assert served.goaways[-1:] != []
    assert served.goaways[-1] in codes
    assert served.closed
    assert served.pings == 0


@pytest.mark.parametrize("case", STREAM)
def test_error_of_the_stream(case: str) -> None:
    sent, codes = STREAM[case]
    served = serve(*sent)
    assert {stream for stream, _ in served.resets} == {1}
    assert served.resets[0][1] in codes
    assert (served.goaways, served.closed, served.pings) == ([], False, 1)


@pytest.mark.parametrize("case", NEITHER)
def test_no_error(case: str) -> None:
    served = serve(*NEITHER[case])
    assert (served.resets, served.goaways, served.closed, served.pings) == ([], [], False, 1)


def test_window_of_one_octet_gets_one_octet() -> None:
    """RFC 9113 §6.9.1, §6.9.2: data is cut to the window, which SETTINGS change, below zero too."""
    small = ask(fields=request())  # a.example answers with two octets
    assert serve(setting(4, 1), small).data == [(1, b"o", False)]
    assert serve(setting(4, 0), small).data == []
    assert serve(setting(4, 0), small, setting(4, 1)).data == [(1, b"o", False)]
    shrunk = serve(setting(4, 1), small, setting(4, 0), frame(WINDOW, b"\0\0\0\1", 0, 1))
    assert shrunk.data == [(1, b"o", False)]
    grown = serve(setting(4, 1), small, setting(4, 0), frame(WINDOW, b"\0\0\0\2", 0, 1))
    assert grown.data == [(1, b"o", False), (1, b"k", True)]
    assert serve(frame(SETTINGS, b"\0\4\0\0\0\x64\0\4\0\0\0\1"), small).data == [(1, b"o", False)]  # §6.5.3
