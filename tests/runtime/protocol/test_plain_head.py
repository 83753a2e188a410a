from __future__ import annotations

import random

import pytest

from policyc.runtime.protocol.http1 import END, RequestHead, RequestReader, ResponseHead, ResponseReader
from policyc.runtime.protocol.plain_head import PlainHeads
from policyc.runtime.protocol.refusal import Refused

PLAIN = PlainHeads(100)

FIELDS = [
    b"Host: a.example",
    b"host:a.example:80",
    b"HOST: a.example",
    b"Host: ",
    b"Host: a b",
    b"Accept: */*",
    b"X-One:1",
    b"x-two: \t2 \t",
    b"Empty:",
    b"Obs: caf\xe9",
    b"Connection: keep-alive",
    b"Connection: Keep-Alive",
    b"connection: close",
    b"Connection: close",
    b"Connection: x-one, keep-alive",
    b"Keep-Alive: timeout=5",
    b"Proxy-Connection: keep-alive",
    b"TE: trailers",
    b"Tea: green",
    b"Trailer: x-one",
    b"Upgrade: h2c",
    b"Expect: 100-continue",
    b"Expects: nothing",
    b"Content-Length: 0",
    b"content-length: 3",
    b"Content-Length: +3",
    b"Content-Length: 3, 3",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: gzip",
    b"Transfer_Encoding: chunked",
    b"X-Forwarded-For: 1.2.3.4",
    b"X_Forwarded.Host: b.example",
    b"Forwarded: for=1.2.3.4",
    b"ngrok-error-code: ERR_NGROK_1",
    b"Ngrok_Agent_Ips: 1.1.1.1",
    b"HTTP2-Settings: AAA",
    b"Bad Name: 1",
    b"Spaced : 1",
    b" folded: 1",
    b"NoColon",
    b"Nul: \x00",
    b"Bell: \x07",
    b"Bare: a\nb",
    b"Return: a\rb",
    b": nameless",
    b"\xe9: name",
]
REQUEST_LINES = [
    b"GET / HTTP/1.1",
    b"GET /a?b=c HTTP/1.1",
    b"GET /a#b HTTP/1.1",
    b"GET  / HTTP/1.1",
    b"GET / HTTP/1.0",
    b"GET / HTTP/2.0",
    b"GET http://b.example/ HTTP/1.1",
    b"POST /\xe9 HTTP/1.1",
    b"OPTIONS * HTTP/1.1",
    b"DELETE /\x7f HTTP/1.1",
    b"HEAD / HTTP/1.1",
    b"TRACE / HTTP/1.1",
    b"CONNECT / HTTP/1.1",
    b"BREW / HTTP/1.1",
    b"get / HTTP/1.1",
]
STATUS_LINES = [
    b"HTTP/1.1 200 OK",
    b"HTTP/1.1 200",
    b"HTTP/1.1 200 ",
    b"HTTP/1.1 204 No Content",
    b"HTTP/1.1 304 Not Modified",
    b"HTTP/1.1 301 Moved",
    b"HTTP/1.1 101 Switching",
    b"HTTP/1.1 100 Continue",
    b"HTTP/1.1 599 caf\xe9",
    b"HTTP/1.1 600 Far",
    b"HTTP/1.0 200 OK",
    b"HTTP/1.1  200 OK",
    b"ICY 200 OK",
]
BODIES = [b"", b"", b"abc", b"abcd", b"ab", b"3\r\nabc\r\n0\r\n\r\n", b"0\r\n\r\n"]


def requests(octets: bytes, *, slowly: bool) -> list[object]:
    reader = RequestReader()
    if slowly:
        reader._plain_below = -1
    reader.feed(octets)
    return told(reader)


def responses(octets: bytes, method: str, *, slowly: bool) -> list[object]:
    reader = ResponseReader()
    if slowly:
        reader._plain_below = -1
    reader.expect(method)
    reader.feed(octets)
    return told(reader)


def told(reader: RequestReader | ResponseReader) -> list[object]:
    """What the events say, joined where only the cutting of a body differs."""
    said: list[object] = []
    body = b""
    try:
        while (event := reader.next()) is not None:
            if isinstance(event, RequestHead):
                said.append((event.method, event.target, event.minor, event.host, event.authority))
                said.append((event.framing, event.length, event.keep_alive, event.expects_continue))
                said.append([(name.lower(), value) for name, value in event.lines])
            elif isinstance(event, ResponseHead):
                said.append((event.status, event.framing, event.length, event.keep_alive))
                said.append([(name.lower(), value) for name, value in event.lines])
            elif event is END:
                said += [body, END]
                body = b""
                if isinstance(reader, ResponseReader) and not reader.buffered:
                    break
            else:
                assert isinstance(event, bytes | memoryview)
                body += event
    except Refused as refused:
        said.append(refused.reason)
    said += [body, reader.buffered]
    return said


def a_head(chance: random.Random, first: list[bytes], usual: list[bytes]) -> bytes:
    odd = chance.choices(FIELDS, k=chance.choice((0, 0, 1, 1, 2, 3)))
    lines = [*usual[: chance.choice((len(usual), len(usual), 0))], *odd]
    chance.shuffle(lines)
    line = first[0] if chance.random() < 0.5 else chance.choice(first)
    return b"\r\n".join([line, *lines, b"", b""])


def mutated(chance: random.Random, octets: bytes) -> bytes:
    if chance.random() < 0.7:
        return octets
    at = chance.randrange(len(octets))
    put = chance.choice((b"", b"\r", b"\n", b"\0", b" ", b"\t", b":", b"\r\n", b"\x80", b"a"))
    return octets[:at] + put + octets[at + chance.choice((0, 1)) :]


@pytest.mark.parametrize("seed", range(8))
def test_plain_requests_are_read_as_by_the_general_reader(seed: int) -> None:
    chance = random.Random(seed)
    plain = 0
    for _ in range(1000):
        octets = mutated(chance, a_head(chance, REQUEST_LINES, [b"Host: a.example", b"Accept: */*"]))
        if chance.random() < 0.2:
            octets += chance.choice(BODIES)
        plain += PLAIN.request(octets) is not None
        assert requests(octets, slowly=False) == requests(octets, slowly=True), octets
    assert 100 < plain < 900


@pytest.mark.parametrize("seed", range(8))
def test_plain_responses_are_read_as_by_the_general_reader(seed: int) -> None:
    chance = random.Random(seed)
    plain = 0
    for _ in range(1000):
        octets = mutated(chance, a_head(chance, STATUS_LINES, [b"Content-Length: 3", b"Server: s"]))
        octets += chance.choice(BODIES)
        method = chance.choice(("GET", "GET", "HEAD", "POST"))
        plain += PLAIN.response(octets) is not None
        assert responses(octets, method, slowly=False) == responses(octets, method, slowly=True), octets
    assert 100 < plain < 900


@pytest.mark.parametrize(
    "line",
    [
        b"NGROK-Agent: 1",
        b"ngrok.agent: 1",
        b"Proxy-Authorization: x",
        b"TE: trailers",
        b"Connection: x-secret",
        b"Connection: keep-alive, x-secret",
        b"Upgrade: websocket",
        b"Expect: 100-continue",
        b"Content-Length: 00",
        b"Content-Length: 1, 1",
        b"Content-Length: -1",
        b"Transfer-Encoding: chunked",
        b"Host: b.example",
    ],
)
def test_what_concerns_this_connection_only_is_never_plain(line: bytes) -> None:
    for lines in ([b"Host: a.example", line], [line, b"Host: a.example"]):
        assert PLAIN.request(b"\r\n".join([b"GET / HTTP/1.1", *lines, b"", b""])) is None


@pytest.mark.parametrize(
    "line", [b"X-Forwarded-For: 1.2.3.4", b"x_forwarded.for: 1", b"X-FORWARDED~HOST: a", b"Forwarded: for=1"]
)
def test_who_the_client_is_is_left_out_and_mentioned(line: bytes) -> None:
    plain = PLAIN.request(b"GET / HTTP/1.1\r\n%b\r\nHost: a\r\nA: 1\r\n\r\n" % line)
    assert plain is not None
    assert (plain.block, plain.is_told) == (b"Host: a\r\nA: 1\r\n", True)


def test_body_with_a_length_begins_behind_the_head() -> None:
    octets = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcdef"
    plain = PLAIN.request(octets)
    assert plain is not None
    assert (plain.length, octets[plain.start :]) == (3, b"abcdef")
    assert PLAIN.request(octets.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\n")) is None


def test_idle_connection_line_is_left_out_of_a_request() -> None:
    plain = PLAIN.request(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nA: 1\r\n\r\n")
    assert plain is not None
    assert plain.block == b"Host: a\r\nA: 1\r\n"


def test_connection_that_ends_is_plain_and_says_so() -> None:
    plain = PLAIN.request(b"GET / HTTP/1.1\r\nConnection: close\r\nHost: a\r\n\r\n")
    assert plain is not None
    assert (plain.block, plain.keep_alive) == (b"Host: a\r\n", False)


def test_chunked_response_travels_on_without_its_coding() -> None:
    octets = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nA: 1\r\n\r\n"
    assert PLAIN.response(octets) == (200, b"A: 1\r\n", -1, len(octets))


def test_more_fields_than_allowed_are_not_plain() -> None:
    head = b"GET / HTTP/1.1\r\nHost: a\r\n" + b"A: 1\r\n" * 3 + b"\r\n"
    assert PlainHeads(4).request(head) is not None
    assert PlainHeads(3).request(head) is None
