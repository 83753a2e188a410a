"""What the fields of HTTP/2 mean: heads of requests and responses in, the same and out again, trailers.

Everything that HTTP/1.1 is refused for is refused here under the same name, so that nothing can be said over
HTTP/2 that would be another message when it is written as HTTP/1.1: names are tokens in lower case, values
hold no line end and no NUL, a target is one word, and how the body ends is nobody's to tell but the frames'.

Sources: RFC 9113 §8; RFC 9110 §7; research/reliability.md §1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from hpack.struct import NeverIndexedHeaderTuple

from policyc.runtime.protocol.authority import read_authority
from policyc.runtime.protocol.hopbyhop import HOP_BY_HOP, Line
from policyc.runtime.protocol.http1 import (
    CHUNKED,
    LENGTH,
    NONE,
    AskingHead,
    Framing,
    Limits,
    RequestHead,
    ResponseHead,
)
from policyc.runtime.protocol.refusal import Refused
from policyc.runtime.protocol.trailers import allowed

# The methods that llhttp knows: those of HTTP/1.1 here (a test compares the two).
METHODS: Final = frozenset(
    b"ACL BIND CHECKOUT COPY DELETE GET HEAD LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR MKCOL MOVE "
    b"NOTIFY OPTIONS PATCH POST PROPFIND PROPPATCH PURGE PUT REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE "
    b"UNBIND UNLINK UNLOCK UNSUBSCRIBE".split()
)
_METHOD: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TARGET: Final = re.compile(rb"/[\x21\x22\x24-\x7e]*")
_NAME: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
# A value neither begins nor ends with white space: RFC 9113 §8.2.1.
_VALUE: Final = re.compile(rb"(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?")
_DIGITS: Final = re.compile(rb"[0-9]{1,18}")
_STATUS: Final = re.compile(rb"[1-5][0-9][0-9]")
_OF_REQUESTS: Final = frozenset({b":method", b":scheme", b":authority", b":path"})
_OF_RESPONSES: Final = frozenset({b":status"})
# RFC 9113 §8.2.2; a message that has one of these is malformed.
_FORBIDDEN: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}
)
# Never kept in the tables of the compression: RFC 7541 §7.1.3.
_SECRET: Final = frozenset({b"authorization", b"cookie", b"set-cookie"})


class _Fields:
    """The fields of a head, checked one by one; hop-by-hop fields are gone, crumbs of cookies are joined."""

    __slots__ = ("length", "lines", "pseudo", "te")

    def __init__(self, fields: Iterable[Line], limits: Limits, known: frozenset[bytes]) -> None:
        self.pseudo: dict[bytes, bytes] = {}
        self.lines: list[Line] = []
        self.length = -1
        self.te = False
        size = count = 0
        crumbs: list[bytes] = []
        for name, value in fields:
            size += len(name) + len(value) + 4
            if size > limits.head:
                raise Refused("head_too_long")
            if name[:1] == b":":
                if name not in known or name in self.pseudo or count or crumbs:
                    raise Refused("bad_pseudo_field")
                self.pseudo[name] = value
                continue
            if len(name) + len(value) + 2 > limits.line:
                raise Refused("field_too_long")
            if _NAME.fullmatch(name) is None or _VALUE.fullmatch(value) is None:
                raise Refused("nul_octet" if b"\0" in value else "bad_field")
            if name == b"cookie":
                crumbs.append(value)
                continue
            count += 1
            if count > limits.fields:
                raise Refused("too_many_fields")
            self._take(name, value)
        if crumbs:  # RFC 9113 §8.2.3
            value = b"; ".join(crumbs)
            if len(value) + 8 > limits.line:
                raise Refused("field_too_long")
            if count >= limits.fields:
                raise Refused("too_many_fields")
            self.lines.append((b"cookie", value))

    def _take(self, name: bytes, value: bytes) -> None:
        if name in HOP_BY_HOP:
            if name in _FORBIDDEN:
                raise Refused("connection_field")
            if name == b"te":
                if value.lower() != b"trailers":
                    raise Refused("connection_field")
                self.te = True
            return
        if name == b"content-length":
            if self.length >= 0:
                raise Refused("two_content_lengths")
            if _DIGITS.fullmatch(value) is None:
                raise Refused("bad_content_length")
            self.length = int(value)
        self.lines.append((name, value))


def request_head(fields: Iterable[Line], ended: bool, limits: Limits) -> RequestHead:
    """Return the head of a request. Raises Refused, which ends the stream and nothing else."""
    read = _Fields(fields, limits, _OF_REQUESTS)
    pseudo = read.pseudo
    method = pseudo.get(b":method")
    if method is None:
        raise Refused("bad_pseudo_field")
    if method == b"CONNECT":
        raise Refused("connect_refused")
    if method not in METHODS:
        raise Refused("bad_method" if _METHOD.fullmatch(method) is None else "unknown_method")
    if pseudo.get(b":scheme") not in (b"https", b"http"):
        raise Refused("bad_pseudo_field")
    target = pseudo.get(b":path")
    if target is None:
        raise Refused("bad_pseudo_field")
    if len(target) > limits.target:
        raise Refused("target_too_long")
    if _TARGET.fullmatch(target) is None and (target != b"*" or method != b"OPTIONS"):
        raise Refused("bad_target")
    host, authority, lines = _hosted(pseudo.get(b":authority"), read.lines)
    framing, length = _framing(read.length, ended)
    has_body = framing is CHUNKED or length > 0
    if has_body and method == b"TRACE":
        raise Refused("trace_with_body")
    expects = [value for name, value in lines if name == b"expect"]
    if expects and (len(expects) > 1 or expects[0].lower() != b"100-continue"):
        raise Refused("bad_expect")
    head = (AskingHead if read.te else RequestHead)(
        method.decode("ascii"), target.decode("ascii"), 2, lines, host, authority.decode("ascii"), framing,
        max(length, 0), True, bool(expects) and has_body,
    )  # fmt: skip
    if isinstance(head, AskingHead):
        head.upgrade, head.accepts_trailers = "", True
    return head


def is_grpc(lines: Iterable[Line]) -> bool:
    """Whether a request is a gRPC call: its messages come when there are some, not at a rate."""
    return any(
        len(name) == 12 and name.lower() == b"content-type" and value.lower().startswith(b"application/grpc")
        for name, value in lines
    )


def _hosted(authority: bytes | None, lines: list[Line]) -> tuple[str, bytes, list[Line]]:
    """Return (host, authority, lines with the one Host that a message of HTTP/1.1 would have)."""
    hosts = [value for name, value in lines if name == b"host"]
    if len(hosts) > 1:
        raise Refused("two_hosts")
    if authority is None:
        if not hosts:
            raise Refused("no_host")
        authority = hosts[0]
    elif hosts and hosts[0].lower() != authority.lower():  # RFC 9113 §8.3.1
        raise Refused("two_hosts")
    known = read_authority(authority)
    if known is None:
        raise Refused("bad_host")
    if hosts:
        lines = [line for line in lines if line[0] != b"host"]
    return known[0], authority, [(b"host", authority), *lines]


def _framing(length: int, ended: bool) -> tuple[Framing, int]:
    if ended:
        if length > 0:
            raise Refused("bad_content_length")
        return (LENGTH, 0) if length == 0 else (NONE, 0)
    return (LENGTH, length) if length >= 0 else (CHUNKED, -1)


def response_head(fields: Iterable[Line], ended: bool, method: str, limits: Limits) -> ResponseHead:
    """Return the head of a response to a request with `method`. Raises Refused."""
    read = _Fields(fields, limits, _OF_RESPONSES)
    status = _status(read)
    if status < 200:
        raise Refused("bad_status_line")  # that is an interim response, which another event tells of
    if method == "HEAD" or status in (204, 304):
        return ResponseHead(status, read.lines, NONE, read.length, True)
    if ended:
        if read.length > 0:
            raise Refused("bad_content_length")
        return ResponseHead(status, read.lines, LENGTH, 0, True)
    framing = LENGTH if read.length >= 0 else CHUNKED
    return ResponseHead(status, read.lines, framing, read.length, True)


def interim_head(fields: Iterable[Line], limits: Limits) -> tuple[int, list[Line]]:
    """Return (status, lines) of an interim response. Raises Refused."""
    read = _Fields(fields, limits, _OF_RESPONSES)
    status = _status(read)
    if status == 101:  # RFC 9113 §8.6
        raise Refused("unexpected_upgrade")
    return status, read.lines


def _status(read: _Fields) -> int:
    status = read.pseudo.get(b":status", b"")
    if _STATUS.fullmatch(status) is None:
        raise Refused("bad_status_line")
    return int(status)


def read_trailers(fields: list[Line], limits: Limits) -> list[Line]:
    """Return the trailers that may travel on. Raises Refused."""
    if not fields:
        return []
    size = 0
    for name, value in fields:
        size += len(name) + len(value) + 4
        if size > limits.trailers or len(fields) > limits.fields:
            raise Refused("trailers_too_long")
        if _NAME.fullmatch(name) is None or _VALUE.fullmatch(value) is None:
            raise Refused("bad_pseudo_field" if name[:1] == b":" else "bad_field")
        if name in _FORBIDDEN:
            raise Refused("connection_field")
    return allowed(fields)


# --- out ----------------------------------------------------------------------------------------------------


def response_fields(status: int, lines: Iterable[Line], framing: Framing, length: int) -> list[Line]:
    """Return the fields of a response; `length` is -1 where none is to be told. Raises Refused."""
    fields = [(b":status", b"%d" % status)]
    _add(fields, lines)
    if length >= 0 and framing is not CHUNKED:
        fields.append((b"content-length", b"%d" % length))
    return fields


def request_fields(
    method: str, target: str, scheme: bytes, lines: Iterable[Line], authority: bytes, length: int, te: bool
) -> list[Line]:
    """Return the fields of a request; a Host among the lines is its authority. Raises Refused."""
    aimed = target.encode("ascii")
    if _TARGET.fullmatch(aimed) is None and aimed != b"*":
        raise Refused("bad_target")
    rest = []
    for name, value in lines:
        if len(name) == 4 and name.lower() == b"host":
            authority = value
        else:
            rest.append((name, value))
    if read_authority(authority) is None:
        raise Refused("bad_field")
    fields = [
        (b":method", method.encode("ascii")),
        (b":scheme", scheme),
        (b":authority", authority),
        (b":path", aimed),
    ]
    _add(fields, rest)
    if length >= 0:
        fields.append((b"content-length", b"%d" % length))
    if te:
        fields.append((b"te", b"trailers"))
    return fields


def trailer_fields(lines: Sequence[Line]) -> list[Line]:
    """Return trailers as they are sent. Raises Refused."""
    fields: list[Line] = []
    _add(fields, lines)
    return fields


def _add(fields: list[Line], lines: Iterable[Line]) -> None:
    """Add lines that may go out: a policy may have made some of them."""
    for name, value in lines:
        name = name.lower()
        if name in HOP_BY_HOP or name == b"content-length":
            continue
        value = value.strip(b" \t")
        if _NAME.fullmatch(name) is None or _VALUE.fullmatch(value) is None:
            raise Refused("bad_field")
        fields.append(NeverIndexedHeaderTuple(name, value) if name in _SECRET else (name, value))
