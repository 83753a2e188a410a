"""Every octet, at every place of a message where one too many has been the way in: taken or refused by name.

The places are those of request smuggling, on both sides; what is legal there is the grammar of RFC 9112. The
message is the same whichever reader reads it, and a refusal always has a name.
"""

from __future__ import annotations

import string
from typing import NamedTuple

import pytest

from policyc.runtime.protocol.http1 import END, RequestReader, ResponseReader
from policyc.runtime.protocol.refusal import REASONS, Refused

TOKEN = frozenset(f"{string.ascii_letters}{string.digits}!#$%&'*+-.^_`|~".encode())
BLANK = frozenset(b" \t")
VISIBLE = frozenset(range(0x21, 0x7F))
TEXT = VISIBLE | BLANK | frozenset(range(0x80, 0x100))
DIGITS = frozenset(string.digits.encode())
HEX = frozenset(string.hexdigits.encode())
NONE: frozenset[int] = frozenset()

POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
OK = b"HTTP/1.1 200 OK\r\n"
HELLO = b"5\r\nhello\r\n0\r\n\r\n"
FIVE = b"Content-Length: 5\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


class Place(NamedTuple):
    """A message with a mark where the octet goes, and the octets that may stand there."""

    name: str
    message: bytes
    legal: frozenset[int]


def both(name: str, rest: bytes, legal: frozenset[int]) -> list[Place]:
    """The same fields and body in a request and in a response."""
    return [Place(f"request: {name}", POST + rest, legal), Place(f"response: {name}", OK + rest, legal)]


PLACES = [
    Place("request: in the method", b"G@T / HTTP/1.1\r\nHost: a\r\n\r\n", frozenset(b"E")),
    Place("request: before the method", b"@GET / HTTP/1.1\r\nHost: a\r\n\r\n", NONE),
    Place("request: behind the method", b"GET@/ HTTP/1.1\r\nHost: a\r\n\r\n", frozenset(b" ")),
    Place("request: in the target", b"GET /a@b HTTP/1.1\r\nHost: a\r\n\r\n", VISIBLE - frozenset(b"#")),
    Place("request: behind the target", b"GET /@HTTP/1.1\r\nHost: a\r\n\r\n", frozenset(b" ")),
    Place("request: in the version", b"GET / HTTP/1@1\r\nHost: a\r\n\r\n", frozenset(b".")),
    Place("request: the minor version", b"GET / HTTP/1.@\r\nHost: a\r\n\r\n", frozenset(b"01")),
    Place("request: behind the version", b"GET / HTTP/1.1@\r\nHost: a\r\n\r\n", NONE),
    Place("request: in the host", b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
          frozenset(f"{string.ascii_letters}{string.digits}-._".encode())),
    Place("request: in the port", b"GET / HTTP/1.1\r\nHost: a:8@0\r\n\r\n", DIGITS),
    Place("response: in the version", b"HTTP/1@1 200 OK\r\n\r\n", frozenset(b".")),
    Place("response: behind the version", b"HTTP/1.1@200 OK\r\n\r\n", frozenset(b" ")),
    Place("response: in the code", b"HTTP/1.1 2@0 OK\r\n\r\n", DIGITS),
    Place("response: behind the code", b"HTTP/1.1 200@OK\r\n\r\n", frozenset(b" ")),
    Place("response: in the reason", b"HTTP/1.1 200 O@K\r\n\r\n", TEXT),
    Place("response: before the status line", b"@HTTP/1.1 200 OK\r\n\r\n", NONE),
    *both("in a name", b"X@Y: z\r\nContent-Length: 0\r\n\r\n", TOKEN | frozenset(b":")),
    *both("before a name", b"@X: z\r\nContent-Length: 0\r\n\r\n", TOKEN),
    *both("before a colon", b"X@: z\r\nContent-Length: 0\r\n\r\n", TOKEN | frozenset(b":")),
    *both("in a value", b"X: y@z\r\nContent-Length: 0\r\n\r\n", TEXT),
    *both("at the end of a line", b"X: y@\nContent-Length: 0\r\n\r\n", frozenset(b"\r")),
    *both("before the colon of a coding", FIVE + b"Transfer-Encoding@: chunked\r\n\r\nhello", TOKEN),
    *both("before a coding's name", FIVE + b"@Transfer-Encoding: chunked\r\n\r\nhello", TOKEN),
    *both("before a coding", b"Transfer-Encoding:@chunked\r\n\r\n" + HELLO, BLANK),
    *both("behind a coding", b"Transfer-Encoding: chunked@\r\n\r\n" + HELLO, frozenset(b" ")),
    *both("before a length", b"Content-Length: @5\r\n\r\n000005", BLANK | DIGITS),
    *both("behind a length", b"Content-Length: 5@\r\n\r\n" + b"0" * 59, BLANK | DIGITS),
    *both("before a chunk size", CHUNKED + b"@5\r\nhello\r\n0\r\n\r\n", HEX),
    *both("behind a chunk size", CHUNKED + b"5@\r\nhello\r\n0\r\n\r\n", HEX | frozenset(b";")),
    *both("for the CR of a chunk size", CHUNKED + b"5@\nhello\r\n0\r\n\r\n", frozenset(b"\r")),
    *both("for the LF of a chunk size", CHUNKED + b"5\r@hello\r\n0\r\n\r\n", frozenset(b"\n")),
    *both("for the CR of a chunk", CHUNKED + b"5\r\nhello@\n0\r\n\r\n", frozenset(b"\r")),
    *both("for the LF of a chunk", CHUNKED + b"5\r\nhello\r@0\r\n\r\n", frozenset(b"\n")),
    *both("for the last size", CHUNKED + b"5\r\nhello\r\n@\r\n\r\n", HEX - frozenset(b"1")),
    *both("for the CR of the end", CHUNKED + b"5\r\nhello\r\n0\r\n@\n", frozenset(b"\r")),
    *both("in an extension", CHUNKED + b"5;a=b@c\r\nhello\r\n0\r\n\r\n", TOKEN),
    *both("in the name of a trailer", CHUNKED + b"0\r\nX@Y: z\r\n\r\n", TOKEN | frozenset(b":")),
    *both("in the value of a trailer", CHUNKED + b"0\r\nX: y@z\r\n\r\n", TEXT),
]  # fmt: skip

# What the grammar leaves open and the readers, or llhttp in them, decide: never a way to two readings.
EITHER = {
    "in an extension": frozenset(range(256)) - frozenset(b"\r\n\0"),
    "behind a chunk size": frozenset(b";"),
    "before a length": BLANK,
    "behind a length": BLANK,
    "in the host": frozenset(b"!$&'()*+,;=~:%"),
    "in the method": frozenset(string.ascii_uppercase.encode()),
    "in the target": frozenset(b"\"<>\\^`{|}"),
    "behind a coding": frozenset(b"\t"),
    "in a name": frozenset(b":"),
    "before a colon": frozenset(b":"),
}  # fmt: skip


def verdict(side: str, octets: bytes) -> str:
    """Return `whole` for one message that ends where the octets end, `open`, `more`, or why it is refused."""
    reader: RequestReader | ResponseReader
    if side == "request":
        reader = RequestReader()
    else:
        reader = ResponseReader()
        reader.expect("GET")
    reader.feed(octets)
    try:
        while (event := reader.next()) is not END:
            if event is None:
                return "open"
        if reader.buffered:
            return "more"
    except Refused as refused:
        return refused.reason
    return "whole"


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_every_octet_is_taken_or_refused(place: Place) -> None:
    side, _, where = place.name.partition(": ")
    open_ = EITHER.get(where, NONE)
    wrong = []
    for octet in range(256):
        said = verdict(side, place.message.replace(b"@", bytes([octet])))
        if octet in open_:
            continue
        is_taken = said in ("whole", "open", "more")
        if is_taken != (octet in place.legal) or not (is_taken or said in REASONS):
            wrong.append((bytes([octet]), said))
    assert wrong == []
