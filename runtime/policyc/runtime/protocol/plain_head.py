"""The heads that nearly all messages have, read in two looks instead of line by line.

A plain head arrives in one segment, has every line well formed and no field that only concerns this
connection, frames a body in an unusual way or says who the client is. Such field lines can travel on as the
octets that they are; everything else is `http1.py`'s, which answers the same for a plain head, only slower (a
test compares the two).

Rules. 1. What is not certainly plain is not plain: None, and nobody is refused here. 2. A plain head is
well formed to the letter: the expressions below are the grammar of RFC 9112 §3 and §5, without obs-fold.
3. llhttp hears the octets all the same (`http1.py`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

# Beyond this the limits of a line and of a target would have to be looked at one by one.
LARGEST: Final = 8192

_LINES: Final = rb"(?:[!#$%%&'*+\-.^_`|~0-9A-Za-z]++:[\t\x20-\x7e\x80-\xff]*+\r\n){0,%d}+\r\n"
_REQUEST: Final = rb"([A-Z]+) (/[!\"$-~]*) HTTP/1\.1\r\n" + _LINES
_RESPONSE: Final = rb"HTTP/1\.1 ([2-5][0-9][0-9])(?: [\t\x20-\x7e\x80-\xff]*+)?\r\n" + _LINES


def _any_case(name: str) -> str:
    return re.sub("[a-z]", lambda letter: f"[{letter[0].upper()}{letter[0]}]", name)


def _marks(names: str, wild: str) -> re.Pattern[bytes]:
    """Find lines of these names, and of those that begin with a `wild` one (its `-` may be `_`, `.`, …)."""
    every = list(map(_any_case, names.split()))
    every += [_any_case(name).replace("-", r"[^0-9A-Za-z:\r]") + r"[^:\r]*" for name in wild.split()]
    first = "".join(sorted({name[0] for name in f"{names} {wild}".split()}))
    # The look ahead lets most lines go after one comparison.
    ahead = f"(?=[{first}{first.upper()}])"
    return re.compile(rf"\n{ahead}(?:{'|'.join(every)}):[^\r]*".encode("ascii"))


_HOP_BY_HOP: Final = (
    "connection http2-settings keep-alive te trailer transfer-encoding upgrade content-length"
)
_REQUEST_MARKS: Final = _marks(
    f"{_HOP_BY_HOP} expect forwarded host traceparent tracestate", "proxy- x-forwarded- ngrok-"
)
_RESPONSE_MARKS: Final = _marks(f"{_HOP_BY_HOP} ngrok-error-code", "proxy-")
# Lines that are left out, and say nothing that would change how a plain message is passed on.
_IDLE: Final = re.compile(rb"\n(?:[Cc]onnection: keep-alive|[Kk]eep-[Aa]live: [^\r]*)").fullmatch
_ENDING: Final = frozenset({b"\nConnection: close", b"\nconnection: close"})
_HOST: Final = frozenset({b"\nHost:", b"\nhost:"})
_CONTENT_LENGTH: Final = frozenset({b"\nContent-Length:", b"\ncontent-length:"})
_CHUNKED: Final = frozenset({b"\nTransfer-Encoding: chunked", b"\ntransfer-encoding: chunked"})


class PlainRequest(NamedTuple):
    """A request without body: `block` are its field lines as octets, each with its line end."""

    method: bytes
    target: bytes
    block: bytes
    authority: bytes
    keep_alive: bool


class PlainResponse(NamedTuple):
    """A final response: `start` is where its body begins; `length` is -1 for a chunked one."""

    status: int
    block: bytes
    length: int
    start: int


class PlainHeads:
    """Reads plain heads with so many fields at most."""

    __slots__ = ("_request", "_response")

    def __init__(self, fields: int) -> None:
        """Make the expressions; `plain_heads` makes them once."""
        self._request = re.compile(_REQUEST % fields).match
        self._response = re.compile(_RESPONSE % fields).match

    def request(self, octets: bytes) -> PlainRequest | None:
        """Return the request that these octets are, from the first to the last; None if it is not plain."""
        found = self._request(octets)
        if found is None or found.end() != len(octets) or found[1] == b"CONNECT":
            return None
        start = found.end(2) + 11
        marks = _REQUEST_MARKS.findall(octets, start - 1)
        block = octets[start:-2]
        keep_alive = True
        if len(marks) == 2:
            # A browser's `Connection: keep-alive` says nothing, `close` what it says; all else is not plain.
            line = marks.pop(marks[0][:6] in _HOST)
            if line in _ENDING:
                keep_alive = False
            elif _IDLE(line) is None:
                return None
            block = _without(line, b"\n" + block)[1:]
        if len(marks) != 1:
            return None
        host = marks[0]
        if host[:6] not in _HOST:
            return None
        return PlainRequest(found[1], found[2], block, host[6:].strip(b" \t"), keep_alive)

    def response(self, octets: bytes) -> PlainResponse | None:
        """Return the response that begins here; None if it is not plain."""
        found = self._response(octets)
        if found is None:
            return None
        end = found.end()
        start = octets.find(b"\n") + 1
        length = -2
        block = octets[start - 1 : end - 2]
        for mark in _RESPONSE_MARKS.findall(octets, start - 1, end):
            if mark[:16] in _CONTENT_LENGTH:
                value = mark[16:].strip(b" \t")
                if length != -2 or not value.isdigit() or len(value) > 18:
                    return None
                length = int(value)
                if value[0] == 0x30 and len(value) > 1:  # it would be passed on as it came
                    return None
            elif mark in _CHUNKED:
                if length != -2:
                    return None
                length = -1
                block = _without(mark, block)
            elif _IDLE(mark) is not None:
                block = _without(mark, block)
            else:
                return None
        if length == -2:
            return None
        return PlainResponse(int(found[1]), block[1:], length, end)


@lru_cache(8)
def plain_heads(fields: int) -> PlainHeads:
    """Return the reader of heads with so many fields at most."""
    return PlainHeads(fields)


def _without(mark: bytes, block: bytes) -> bytes:
    return block.replace(mark + b"\r\n", b"\n", 1)
