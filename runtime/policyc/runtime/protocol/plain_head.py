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

from policyc.engine.traffic import split_block
from policyc.runtime.trace import passed_on, trace_id

# Beyond this the limits of a line and of a target would have to be looked at one by one.
LARGEST: Final = 8192

_LINES: Final = rb"(?:[!#$%%&'*+\-.^_`|~0-9A-Za-z]++:[\t\x20-\x7e\x80-\xff]*+\r\n){0,%d}+\r\n"
_REQUEST: Final = rb"([A-Z]+) (/[!\"$-~]*) HTTP/1\.1\r\n" + _LINES
_RESPONSE: Final = rb"HTTP/1\.1 ([2-5][0-9][0-9])(?: [\t\x20-\x7e\x80-\xff]*+)?\r\n" + _LINES


def _any_case(name: str) -> str:
    return re.sub("[a-z]", lambda letter: f"[{letter[0].upper()}{letter[0]}]", name)


def _either(names: str, wild: str) -> str:
    """Match these names, and those that begin with a `wild` one (its `-` may be `_`, `.`, …)."""
    every = list(map(_any_case, names.split()))
    every += [_any_case(name).replace("-", r"[^0-9A-Za-z:\r]") + r"[^:\r]*" for name in wild.split()]
    return "|".join(every)


def _names(names: str, wild: str) -> re.Pattern[bytes]:
    """Match the name of a line that was found."""
    return re.compile(rf"\n(?:{_either(names, wild)}):".encode("ascii"))


def _marks(names: str, wild: str) -> re.Pattern[bytes]:
    """Find lines of these names."""
    first = "".join(sorted({name[0] for name in f"{names} {wild}".split()}))
    # The look ahead lets most lines go after one comparison.
    ahead = f"(?=[{first}{first.upper()}])"
    return re.compile(rf"\n{ahead}(?:{_either(names, wild)}):[^\r]*".encode("ascii"))


_HOP_BY_HOP: Final = (
    "connection http2-settings keep-alive te trailer transfer-encoding upgrade content-length"
)
_REQUEST_MARKS: Final = _marks(
    f"{_HOP_BY_HOP} expect forwarded host traceparent tracestate", "proxy- x-forwarded- ngrok-"
)
_RESPONSE_MARKS: Final = _marks(f"{_HOP_BY_HOP} ngrok-error-code", "proxy-")
# Lines that are left out, and say nothing that would change how a plain message is passed on.
_IDLE: Final = re.compile(rb"\n(?:[Cc]onnection: keep-alive|[Kk]eep-[Aa]live: [^\r]*)").fullmatch
# Who the client is, told by a peer (forwarded.py), and the trace (trace.py).
_FAMILY: Final = _names("forwarded", "x-forwarded-").match
_TRACE: Final = _names("traceparent tracestate", "").match
_ENDING: Final = frozenset({b"\nConnection: close", b"\nconnection: close"})
_HOST: Final = frozenset({b"\nHost:", b"\nhost:"})
_CONTENT_LENGTH: Final = frozenset({b"\nContent-Length:", b"\ncontent-length:"})
_CHUNKED: Final = frozenset({b"\nTransfer-Encoding: chunked", b"\ntransfer-encoding: chunked"})


class PlainRequest(NamedTuple):
    """The head of a request; `block` are its field lines as octets, each with its line end.

    `length` is what Content-Length says, -1 if there is none, and `start` where the body begins. `is_told`:
    who the client is was told in fields, which are left out of the block. `trace` is the trace that it names.
    """

    method: bytes
    target: bytes
    block: bytes
    authority: bytes
    keep_alive: bool
    length: int
    start: int
    is_told: bool
    trace: str


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
        """Return the request whose head these octets begin with; None if it is not plain."""
        found = self._request(octets)
        if found is None or found[1] == b"CONNECT":
            return None
        end = found.end()
        start = found.end(2) + 10
        block = octets[start : end - 2]
        host = b""
        length = -1
        keep_alive, is_told = True, False
        traced: list[bytes] = []
        for line in _REQUEST_MARKS.findall(octets, start, end):
            if line[:6] in _HOST:
                if host:
                    return None
                host = line
            elif line[:16] in _CONTENT_LENGTH:
                value = line[16:].strip(b" \t")
                if length != -1 or not value.isdigit() or len(value) > 18:
                    return None
                length = int(value)
                if value[0] == 0x30 and len(value) > 1:
                    return None  # it would be passed on as it came
            elif line in _ENDING or _IDLE(line) is not None:
                # A browser's `Connection: keep-alive` says nothing, `close` what it says.
                keep_alive = keep_alive and line not in _ENDING
                block = _without(line, block)
            elif _FAMILY(line) is not None:
                is_told = True
                block = _without(line, block)
            elif _TRACE(line) is not None:
                traced.append(line)
            else:
                return None
        if not host:
            return None
        trace = ""
        if traced:
            lines = split_block(b"".join(traced)[1:].replace(b"\n", b"\r\n") + b"\r\n")
            if len(passed_on(lines)) != len(lines):
                return None
            trace = trace_id(lines)
        return PlainRequest(
            found[1], found[2], block[1:], host[6:].strip(b" \t"), keep_alive, length, end, is_told, trace
        )

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
