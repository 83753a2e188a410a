"""HTTP/1.1 as octets: a reader of requests, a reader of responses, and the writing of heads. No I/O.

Rules that nobody may break.
1. Two readers must agree. llhttp (httptools) is fed every octet, but those of a body with a length that pass
   by this process (transport/splice.py), where it would only count; the code here finds the end of the head
   and of the body by itself, checks what llhttp lets through (research/reliability.md §1), and refuses the
   message when the two differ.
2. Nothing is passed on as received: request lines, status lines, framing fields and chunks are written anew.
3. A head is complete or it does not exist: no event is made of a part of it.
4. A refusal is final: the reader is not to be fed again.

    >>> reader = RequestReader()
    >>> reader.feed(b"GET /a HTTP/1.1\\r\\nHost: X.example:80\\r\\n\\r\\n")
    >>> head = reader.next()
    >>> head.method, head.target, head.host
    ('GET', '/a', 'x.example')
    >>> reader.next() is END
    True
"""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

import httptools

from policyc.engine.traffic import FRAMING_FIELDS, split_block
from policyc.runtime.protocol.authority import read_authority
from policyc.runtime.protocol.chunked import ChunkedReader
from policyc.runtime.protocol.hopbyhop import Line, drop_hop_by_hop
from policyc.runtime.protocol.plain_head import LARGEST, plain_heads
from policyc.runtime.protocol.refusal import Refused
from policyc.runtime.protocol.trailers import allowed
from policyc.runtime.protocol.upgrades import WEBSOCKET, wish


class Limits(NamedTuple):
    """What one message may cost (spec/endpoints.md §8.4); octets, but for the counts.

    `upgrades` are the protocols that a request may ask to go on in.
    """

    head: int = 64 * 1024
    target: int = 16 * 1024
    fields: int = 100
    line: int = 16 * 1024
    chunk_extensions: int = 16 * 1024
    trailers: int = 16 * 1024
    interim: int = 10
    upgrades: tuple[str, ...] = (WEBSOCKET,)


class Framing(enum.Enum):
    """How the end of a body is known."""

    NONE = "none"
    LENGTH = "length"
    CHUNKED = "chunked"
    CLOSE = "close"


# An attribute of an enum class costs seven times a global, and these stand where every message passes.
NONE: Final = Framing.NONE
LENGTH: Final = Framing.LENGTH
CHUNKED: Final = Framing.CHUNKED
CLOSE: Final = Framing.CLOSE


class End(enum.Enum):
    """The event that ends a message."""

    END = "end"


END: Final = End.END


class RequestHead:
    """The head of a request that may be processed; `lines` are what is left after hop-by-hop fields went.

    `host` is normalised, without port; None for HTTP/1.0 without Host. `authority` is what the Host field
    says upstream. `target` is in origin-form, or `*`. `block` are the lines in one piece, as octets with line
    ends, where they may travel on as they came (plain_head.py); `lines` is read from it when first wanted.

    `upgrade` is the protocol that the client asks to go on in, if it may be passed on; `accepts_trailers`
    whether it takes trailers. A plain head asks for nothing. `minor` is 0 or 1 for HTTP/1, 2 for HTTP/2.
    """

    upgrade: str = ""
    accepts_trailers: bool = False

    __slots__ = (
        "_lines",
        "authority",
        "block",
        "expects_continue",
        "framing",
        "host",
        "keep_alive",
        "length",
        "method",
        "minor",
        "target",
    )

    def __init__(
        self,
        method: str,
        target: str,
        minor: int,
        lines: list[Line] | None,
        host: str | None,
        authority: str,
        framing: Framing,
        length: int,
        keep_alive: bool,
        expects_continue: bool,
        block: bytes | None = None,
    ) -> None:
        """Only RequestReader makes these."""
        self.method = method
        self.target = target
        self.minor = minor
        self._lines = lines
        self.block = block
        self.host = host
        self.authority = authority
        self.framing = framing
        self.length = length
        self.keep_alive = keep_alive
        self.expects_continue = expects_continue

    @property
    def lines(self) -> list[Line]:
        """The lines, one by one."""
        made = self._lines
        if made is None:
            made = self._lines = split_block(self.block or b"")
        return made


class AskingHead(RequestHead):
    """The head of a request with wishes; all others do without the room for them."""

    __slots__ = ("accepts_trailers", "upgrade")


class ResponseHead:
    """The head of a response; `lines` without hop-by-hop fields. `length` is -1 where unknown.

    `block` is what it is to a RequestHead. `upgrade` is the protocol that a 101 goes on in.
    """

    upgrade: str = ""

    __slots__ = ("_lines", "block", "framing", "keep_alive", "length", "status")

    def __init__(
        self,
        status: int,
        lines: list[Line] | None,
        framing: Framing,
        length: int,
        keep_alive: bool,
        block: bytes | None = None,
    ) -> None:
        """Only ResponseReader makes these."""
        self.status = status
        self._lines = lines
        self.block = block
        self.framing = framing
        self.length = length
        self.keep_alive = keep_alive

    @property
    def lines(self) -> list[Line]:
        """The lines, one by one."""
        made = self._lines
        if made is None:
            made = self._lines = split_block(self.block or b"")
        return made


class SwitchingHead(ResponseHead):
    """The head of a 101: there is no response behind it, but a tunnel."""

    __slots__ = ("upgrade",)


_REQUEST_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e]+) HTTP/([0-9])\.([0-9])")
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: [\x20-\x7e\x80-\xff\t]*)?")
_TARGET = re.compile(rb"[\x21-\x7e]+")
_ABSOLUTE = re.compile(rb"[Hh][Tt][Tt][Pp][Ss]?://([^/?]*)(.*)", re.DOTALL)
_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_DIGITS = re.compile(rb"[0-9]{1,18}")
# A larger piece behind a head is passed on as a view of what was received.
_COPIED_BELOW: Final = 16 * 1024
_METHOD_START = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]")


class _Witness:
    """What llhttp says about the octets it was fed."""

    __slots__ = ("_made", "_requests", "heads", "messages")

    def __init__(self, requests: bool) -> None:
        self._requests = requests
        self.heads = self.messages = 0
        # Made when the first octets come: of the many connections that wait, none needs one.
        self._made: httptools.HttpRequestParser | httptools.HttpResponseParser | None = None

    def renew(self) -> None:
        """Forget everything: the next octet begins a message."""
        self._made = None
        self.heads = self.messages = 0

    def _feed(self, octets: bytes) -> None:
        made = self._made
        if made is None:
            kind = httptools.HttpRequestParser if self._requests else httptools.HttpResponseParser
            made = self._made = kind(self)
        made.feed_data(octets)

    def on_headers_complete(self) -> None:
        self.heads += 1

    def on_message_complete(self) -> None:
        self.messages += 1

    def hear(self, octets: bytes, heads: int, messages: int) -> None:
        """Feed octets that complete so many heads and messages; raises Refused if llhttp differs."""
        self.heads = self.messages = 0
        try:
            self._feed(octets)
        except httptools.HttpParserUpgrade:
            pass
        except httptools.HttpParserInvalidMethodError:
            raise Refused("unknown_method") from None
        except httptools.HttpParserError:
            raise Refused("malformed") from None
        if self.heads != heads or self.messages != messages:
            raise Refused("malformed")

    def hear_head(self, head: bytes, complete: bool, plain: bytes) -> None:
        """Feed a head. `plain` is the same without Upgrade, which makes llhttp forget about the body."""
        self.heads = self.messages = 0
        try:
            self._feed(head)
        except httptools.HttpParserUpgrade:
            self.renew()
            self.hear(plain, 1, int(complete))
            return
        except httptools.HttpParserInvalidMethodError:
            raise Refused("unknown_method") from None
        except httptools.HttpParserError:
            raise Refused("malformed") from None
        if self.heads != 1 or self.messages != complete:
            raise Refused("malformed")

    def hear_switch(self, head: bytes) -> None:
        """Feed the head of a 101; raises Refused if llhttp would not leave HTTP behind it."""
        self.heads = 0
        try:
            self._feed(head)
        except httptools.HttpParserUpgrade:
            if self.heads == 1:
                return
        except httptools.HttpParserError:
            pass
        raise Refused("malformed")


class _Reader:
    """What both readers share: the buffer, the lines of a head, the body."""

    __slots__ = (
        "_body",
        "_buffer",
        "_chunked",
        "_left",
        "_limits",
        "_plain",
        "_plain_below",
        "_witness",
        "trailers",
    )

    def __init__(self, limits: Limits, requests: bool) -> None:
        self._limits = limits
        self._plain = plain_heads(limits.fields)
        self._plain_below = min(LARGEST, limits.head, limits.line, limits.target)
        self._buffer = b""
        self._body = NONE
        self._left = 0
        self._chunked: ChunkedReader | None = None
        self._witness = _Witness(requests)
        self.trailers: Sequence[Line] = ()

    def feed(self, octets: bytes) -> None:
        """Take received octets; `next` tells what they mean."""
        self._buffer = self._buffer + octets if self._buffer else octets

    @property
    def buffered(self) -> int:
        """How many octets wait to be read."""
        return len(self._buffer)

    @property
    def rest(self) -> bytes:
        """The octets that wait to be read: what came behind the heads, where a tunnel begins."""
        return self._buffer

    def _take_head(self) -> bytes | None:
        """Return the octets of the next head with its empty line; None while they are not all there."""
        buffer = self._buffer
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            self._refuse_early(buffer)
            return None
        head = buffer[: end + 4]
        if len(head) > self._limits.head:
            raise Refused("head_too_long")
        self._buffer = buffer[end + 4 :]
        newlines = head.count(b"\r\n")
        if head.count(b"\n") != newlines or head.count(b"\r") != newlines:
            raise Refused("bare_newline")
        if b"\0" in head:
            raise Refused("nul_octet")
        return head

    def _refuse_early(self, buffer: bytes) -> None:
        """Raise Refused for a part of a head that no octet to come can make good."""
        raise NotImplementedError

    def _check_lines(self, rows: list[bytes]) -> list[Line]:
        """Return the field lines of a head whose first line was taken off."""
        limits = self._limits
        if len(rows) > limits.fields:
            raise Refused("too_many_fields")
        lines: list[Line] = []
        for row in rows:
            if len(row) > limits.line:
                raise Refused("field_too_long")
            name, colon, value = row.partition(b":")
            if not colon or _NAME.fullmatch(name) is None:
                raise Refused("obs_fold" if row[:1] in (b" ", b"\t") else "bad_field")
            value = value.strip(b" \t")
            if _CONTROL.search(value) is not None:
                raise Refused("bad_field")
            lines.append((name, value))
        return lines

    def _next_body(self) -> bytes | End | None:
        """Return the next piece of the body, END, or None while there is nothing."""
        if self._body is NONE:
            return END
        buffer = self._buffer
        if self._body is CLOSE:
            self._buffer = b""
            return buffer or None
        if not buffer:
            return None
        if self._body is LENGTH:
            if len(buffer) <= self._left:
                piece, self._buffer = buffer, b""
            else:
                piece, self._buffer = buffer[: self._left], buffer[self._left :]
            self._left -= len(piece)
            if not self._left:
                self._body = NONE
            self._hear_body(piece, not self._left)
            return piece
        return self._next_chunks(buffer)

    def _next_chunks(self, buffer: bytes) -> bytes | End | None:
        chunked = self._chunked
        assert chunked is not None
        pieces, used = chunked.feed(buffer)
        self._buffer = buffer[used:]
        self._hear_body(buffer[:used] if used < len(buffer) else buffer, chunked.done)
        if chunked.done:
            if chunked.trailers:
                self.trailers = allowed(self._check_lines(chunked.trailers))
            self._body = NONE
            self._chunked = None
        if pieces:
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return END if chunked.done else None

    def _hear_body(self, octets: bytes, last: bool) -> None:
        self._witness.hear(octets, 0, int(last))

    def _begin_body(self, framing: Framing, length: int) -> None:
        self.trailers = ()
        self._body = framing
        self._left = length
        if framing is LENGTH and not length:
            self._body = NONE
        elif framing is CHUNKED:
            self._chunked = ChunkedReader(self._limits.chunk_extensions, self._limits.trailers)


def _framing_fields(lines: list[Line]) -> tuple[list[bytes], list[bytes]]:
    lengths: list[bytes] = []
    codings: list[bytes] = []
    for name, value in lines:
        size = len(name)
        if size == 14:
            if name.lower() == b"content-length":
                lengths.append(value)
        elif size == 17 and name.lower() == b"transfer-encoding":
            codings.append(value)
    return lengths, codings


def _read_length(lengths: list[bytes]) -> int:
    if len(lengths) > 1:
        raise Refused("two_content_lengths")
    if _DIGITS.fullmatch(lengths[0]) is None:
        raise Refused("bad_content_length")
    return int(lengths[0])


def _read_codings(codings: list[bytes], minor: int) -> None:
    if minor == 0:
        raise Refused("te_in_http10")
    if len(codings) > 1:
        raise Refused("two_transfer_encodings")
    if codings[0].lower() != b"chunked":
        raise Refused("bad_transfer_encoding")


def _without_upgrade(first: bytes, rows: list[bytes]) -> bytes:
    kept = [row for row in rows if row[:8].lower() != b"upgrade:"]
    return b"\r\n".join([first, *kept, b"", b""])


class RequestReader(_Reader):
    """Reads the requests of one connection, in order.

    `next` answers a RequestHead, then pieces of the body, then END, then the next head; None means that more
    octets are needed. It raises Refused.
    """

    __slots__ = ("_host", "_in_body")

    def __init__(self, limits: Limits | None = None) -> None:
        """Begin at the first octet of a connection."""
        super().__init__(limits or Limits(), requests=True)
        self._in_body = False
        # The Host of the last plain head, read: (as received, normalised, as text).
        self._host: tuple[bytes, str, str] = (b"\n", "", "")

    def next(self) -> RequestHead | bytes | End | None:
        """Return the next event."""
        if self._in_body:
            event = self._next_body()
            if event is END:
                self._in_body = False
            return event
        if not self._buffer:
            return None
        return self._next_head()

    @property
    def is_between(self) -> bool:
        """Whether no octet of a request has been read that is not finished."""
        return not self._in_body and not self._buffer

    @property
    def is_in_body(self) -> bool:
        """Whether a head was read whose body has not ended."""
        return self._in_body

    @property
    def awaits_body(self) -> bool:
        """Whether there are octets of a body to come."""
        return self._in_body and self._body is not NONE

    def left_to_drain(self, limit: int) -> bool:
        """Whether the rest of the body is known to be at most `limit` octets, or unknown."""
        return self._body is not LENGTH or self._left <= limit

    def _refuse_early(self, buffer: bytes) -> None:
        if buffer.startswith(b"\r\n"):
            buffer = buffer[2:]
            if not buffer:
                return
        if buffer != b"\r" and _METHOD_START.match(buffer) is None:
            raise Refused("bad_request_line")
        if len(buffer) > self._limits.head:
            raise Refused("head_too_long" if b"\n" in buffer else "target_too_long")
        newlines = buffer.count(b"\n")
        if newlines:
            if newlines != buffer.count(b"\r\n"):
                raise Refused("bare_newline")
            if newlines > self._limits.fields + 1:
                raise Refused("too_many_fields")
            if buffer.count(b"\r") - buffer.endswith(b"\r") != newlines:
                raise Refused("bare_newline")
            self._read_request_line(buffer[: buffer.find(b"\r\n")])
        elif len(buffer) > self._limits.target + 32:
            raise Refused("target_too_long")

    def _read_request_line(self, first: bytes) -> tuple[bytes, bytes, int]:
        found = _REQUEST_LINE.fullmatch(first)
        if found is None:
            raise Refused(_what_is_wrong(first, self._limits.target))
        method, target, major, minor = found.groups()
        if len(target) > self._limits.target:
            raise Refused("target_too_long")
        if major != b"1" or minor not in (b"0", b"1"):
            raise Refused("bad_version")
        return method, target, int(minor)

    def _next_plain_head(self) -> RequestHead | None:
        """Return the head that all of the buffer is, if it is a plain one."""
        octets = self._buffer
        plain = self._plain.request(octets)
        if plain is None:
            return None
        method, target, block, authority, keep_alive, length, start, is_told, trace = plain
        if length >= 0 or start != len(octets) or is_told or trace:
            return None
        host = self._host
        if authority != host[0]:
            known = read_authority(authority)
            if known is None:
                return None
            host = self._host = (authority, known[0], authority.decode("ascii"))
        self._buffer = b""
        self._witness.hear(octets, 1, 1)
        self.trailers = ()
        self._body = NONE
        self._in_body = True
        return RequestHead(
            method.decode("ascii"), target.decode("ascii"), 1, None, host[1], host[2], NONE, 0, keep_alive,
            False, block,
        )  # fmt: skip

    def _next_head(self) -> RequestHead | None:
        if len(self._buffer) <= self._plain_below:
            head = self._next_plain_head()
            if head is not None:
                return head
        # RFC 9112 §2.2: one empty line before a request line is to be ignored. One, not any number.
        if self._buffer.startswith(b"\r\n"):
            if len(self._buffer) == 2:
                return None
            self._buffer = self._buffer[2:]
        octets = self._take_head()
        if octets is None:
            return None
        first, *rows = octets[:-4].split(b"\r\n")
        method, target, minor = self._read_request_line(first)
        if method == b"CONNECT":
            raise Refused("connect_refused")
        every = self._check_lines(rows)
        lines, options = drop_hop_by_hop(every)

        lengths, codings = _framing_fields(every)
        framing, length = NONE, 0
        if codings:
            if lengths:
                raise Refused("cl_and_te")
            _read_codings(codings, minor)
            framing = CHUNKED
        elif lengths:
            length = _read_length(lengths)
            framing = LENGTH
        has_body = framing is CHUNKED or length > 0
        if has_body and method == b"TRACE":
            raise Refused("trace_with_body")
        host, authority = _read_host(every, minor)
        if target[:1] != b"/":
            target, named = _read_target(method, target)
            if named is not None:
                # RFC 9112 §3.2.2: the authority of an absolute-form target wins over Host.
                known = read_authority(named)
                if known is None:
                    raise Refused("bad_target")
                host, authority = known[0], named
        elif b"#" in target:
            raise Refused("bad_target")
        expects_continue = _expects_continue(lines, minor) and has_body
        self._witness.hear_head(octets, not has_body, _without_upgrade(first, rows))

        self._begin_body(framing, length)
        self._in_body = True
        upgrade = ""
        if b"upgrade" in options and minor == 1 and not has_body:
            upgrade = wish(method, every, self._limits.upgrades)
        accepts_trailers = minor == 1 and _accepts_trailers(every)
        head = (AskingHead if upgrade or accepts_trailers else RequestHead)(
            method.decode("ascii"),
            target.decode("ascii"),
            minor,
            lines,
            host,
            authority.decode("ascii"),
            framing,
            length,
            # What a client says behind a wish to leave HTTP that is not granted is no request to be sure of.
            minor == 1 and b"close" not in options and not upgrade,
            expects_continue,
        )
        if isinstance(head, AskingHead):
            head.upgrade, head.accepts_trailers = upgrade, accepts_trailers
        return head


NOTHING_READ: Final = RequestReader()
"""Stands for the reader of a connection of which nothing has been read; never to be fed."""


def _what_is_wrong(first: bytes, target_limit: int) -> str:
    parts = first.split(b" ")
    if len(parts) == 3 and _NAME.fullmatch(parts[0]) is not None:
        if len(parts[1]) > target_limit:
            return "target_too_long"
        if not re.fullmatch(rb"[\x21-\x7e]+", parts[1]):
            return "bad_target"
        return "bad_version"
    return "bad_request_line"


def _read_host(lines: list[Line], minor: int) -> tuple[str | None, bytes]:
    hosts = [value for name, value in lines if len(name) == 4 and name.lower() == b"host"]
    if not hosts:
        if minor == 1:
            raise Refused("no_host")
        return None, b""
    if len(hosts) > 1:
        raise Refused("two_hosts")
    known = read_authority(hosts[0])
    if known is None:
        raise Refused("bad_host")
    return known[0], hosts[0]


def _read_target(method: bytes, target: bytes) -> tuple[bytes, bytes | None]:
    """Return (origin-form, authority) of a target that does not begin with a slash."""
    if target == b"*":
        if method != b"OPTIONS":
            raise Refused("bad_target")
        return target, None
    found = _ABSOLUTE.fullmatch(target)
    if found is None or b"#" in target:
        raise Refused("bad_target")
    authority, rest = found.groups()
    if not rest.startswith(b"/"):
        rest = b"/" + rest
    return rest, authority


def _expects_continue(lines: list[Line], minor: int) -> bool:
    expected = [value for name, value in lines if len(name) == 6 and name.lower() == b"expect"]
    if not expected or minor == 0:
        return False
    if len(expected) > 1 or expected[0].lower() != b"100-continue":
        raise Refused("bad_expect")
    return True


def _accepts_trailers(lines: list[Line]) -> bool:
    wanted = [value for name, value in lines if len(name) == 2 and name.lower() == b"te"]
    return any(each.strip(b" \t").lower() == b"trailers" for value in wanted for each in value.split(b","))


class ResponseReader(_Reader):
    """Reads the responses on one upstream connection. Call `expect` before each request goes out.

    `next` answers a ResponseHead (interim ones too), pieces, END, or None. It raises Refused.
    """

    __slots__ = ("_heard", "_interim", "_method", "_state")

    def __init__(self, limits: Limits | None = None) -> None:
        """Begin at the first octet of a connection."""
        super().__init__(limits or Limits(), requests=False)
        self._method = ""
        self._interim = 0
        self._state = "idle"
        self._heard: bytes | memoryview = b""

    def expect(self, method: str) -> None:
        """Say that a request with `method` was sent."""
        self._method = method
        self._interim = 0
        self._state = "head"
        # llhttp cannot know that an answer to HEAD has no body, so each message gets a new witness.
        self._witness.renew()

    def next(self) -> ResponseHead | bytes | memoryview | End | None:
        """Return the next event."""
        if self._heard:
            piece, self._heard = self._heard, b""
            return piece
        if self._state == "body":
            event = self._next_body()
            if event is END:
                self._state = "idle"
            return event
        if not self._buffer or self._state == "switched":
            return None
        if self._state == "idle":
            raise Refused("surplus_response")
        return self._next_head()

    @property
    def left(self) -> int:
        """How many octets are to come of a body with a length, 0 for any other."""
        return self._left if self._state == "body" and self._body is LENGTH else 0

    def passed_by(self) -> None:
        """Take what is left of a body with a length for read; llhttp counts no more than we do there."""
        self._body = NONE
        self._left = 0
        self._state = "idle"

    def end_of_stream(self) -> End:
        """Take the end of the upstream's stream; END if it ends a body properly, otherwise raises Refused."""
        if self._state == "body" and self._body is CLOSE and not self._buffer:
            self._state = "idle"
            return END
        raise Refused("cut_off")

    def _refuse_early(self, buffer: bytes) -> None:
        if not buffer.startswith(b"HTTP/1."[: len(buffer)]):
            raise Refused("bad_status_line")
        if len(buffer) > self._limits.head:
            raise Refused("head_too_long")
        if buffer.count(b"\n") != buffer.count(b"\r\n"):
            raise Refused("bare_newline")  # lines that end so may bring no CRLF for as long as one waits

    def _next_plain_head(self) -> ResponseHead | None:
        """Return a plain head; what there is of a body with a length is heard with it."""
        octets = self._buffer
        plain = self._plain.response(octets)
        if plain is None or plain.start > self._plain_below:
            return None
        status, block, length, start = plain
        rest = len(octets) - start
        if status in (204, 304) or rest > length >= 0:
            return None
        if length >= 0:
            self._buffer = b""
            self._witness.hear(octets, 1, int(rest == length))
            self._heard = octets[start:] if rest < _COPIED_BELOW else memoryview(octets)[start:]
            framing = LENGTH
            self.trailers = ()
            self._left = length - rest
            self._body = framing if rest < length else NONE
        else:
            self._buffer = octets[start:]
            self._witness.hear(octets[:start], 1, 0)
            framing = CHUNKED
            self._begin_body(framing, -1)
        self._state = "body"
        return ResponseHead(status, None, framing, length, True, block)

    def _next_head(self) -> ResponseHead | None:
        if self._method != "HEAD":
            head = self._next_plain_head()
            if head is not None:
                return head
        octets = self._take_head()
        if octets is None:
            return None
        first, *rows = octets[:-4].split(b"\r\n")
        found = _STATUS_LINE.fullmatch(first)
        if found is None:
            raise Refused("bad_status_line")
        minor, status = int(found[1]), int(found[2])
        every = self._check_lines(rows)
        lines, options = drop_hop_by_hop(every)
        if status == 101:
            return self._switch(octets, first, rows, every)
        if status < 200:
            self._interim += 1
            if self._interim > self._limits.interim:
                raise Refused("too_many_interim")
            self._witness.hear_head(octets, True, _without_upgrade(first, rows))
            self._witness.renew()
            return ResponseHead(status, lines, NONE, 0, True)
        lengths, codings = _framing_fields(every)
        framing, length = CLOSE, -1
        if codings:
            if lengths:
                raise Refused("cl_and_te")
            _read_codings(codings, minor)
            framing = CHUNKED
        elif lengths:
            length = _read_length(lengths)
            framing = LENGTH
        if self._method == "HEAD" or status in (204, 304):
            framing = NONE
        complete = framing is NONE or length == 0
        headless = self._method == "HEAD" and (codings or length != 0)
        self._witness.hear_head(octets, complete and not headless, _without_upgrade(first, rows))
        keep_alive = framing is not CLOSE and b"close" not in options
        if minor == 0 and b"keep-alive" not in options:
            keep_alive = False
        self._begin_body(framing, length)
        self._state = "body"
        return ResponseHead(status, lines, framing, length, keep_alive)

    def _switch(self, octets: bytes, first: bytes, rows: list[bytes], every: list[Line]) -> ResponseHead:
        """Return the head of a 101, after which nothing is read here: `rest` is the tunnel's.

        Whether it was asked for is the caller's to see.
        """
        lines, options = drop_hop_by_hop(every)
        named = [value for name, value in every if len(name) == 7 and name.lower() == b"upgrade"]
        lengths, codings = _framing_fields(every)
        if len(named) != 1 or b"upgrade" not in options or first[7:8] != b"1" or lengths or codings:
            raise Refused("unexpected_upgrade")
        self._witness.hear_switch(octets)
        self._state = "switched"
        head = SwitchingHead(101, lines, NONE, 0, False)
        head.upgrade = named[0].lower().decode("latin-1")
        return head


def request_octets(method: str, target: str, lines: list[Line], framing: Framing, length: int) -> bytes:
    """Return the head of a request, framed anew.

    Raises Refused (`bad_target`, `bad_field`) for what would split it, UnicodeEncodeError for a target that
    is not ASCII.
    """
    aimed = target.encode("ascii")
    if _TARGET.fullmatch(aimed) is None:
        raise Refused("bad_target")
    rows = [b"%b %b HTTP/1.1" % (method.encode("ascii"), aimed)]
    return _head_octets(rows, lines, framing, length)


def response_octets(
    status: int, lines: list[Line], framing: Framing, length: int, keep_alive: bool, minor: int = 1
) -> bytes:
    """Return the head of a response, framed anew; `length` is -1 where no Content-Length is to be sent.

    Raises Refused (`bad_field`) if a line would split it.
    """
    rows = [_STATUS_LINES.get(status) or b"HTTP/1.1 %d " % status]
    if not keep_alive:
        lines = [*lines, (b"connection", b"close")]
    elif minor == 0:
        lines = [*lines, (b"connection", b"keep-alive")]
    return _head_octets(rows, lines, framing, length)


def block_octets(block: bytes, added: list[Line], known: bytes | None = None) -> bytes:
    """Return the lines of a plain head and what was added to them; raises Refused (`bad_field`).

    `known` are the added ones as octets, where those are known to be well formed.
    """
    if known is not None:
        return block + known
    rows = [b"%b: %b\r\n" % line for line in added if line[0] not in FRAMING_FIELDS]
    more = b"".join(rows)
    if more.count(b"\n") != len(rows) or more.count(b"\r") != len(rows) or b"\0" in more:
        raise Refused("bad_field")
    return block + more


def plain_request_octets(method: str, target: str, block: bytes) -> bytes:
    """Return the head of a request without body whose lines are octets; raises as `request_octets` does."""
    aimed = target.encode("ascii")
    if _TARGET.fullmatch(aimed) is None:
        raise Refused("bad_target")
    return b"%b %b HTTP/1.1\r\n%b\r\n" % (method.encode("ascii"), aimed, block)


def plain_response_octets(status: int, block: bytes, framing: Framing, keep_alive: bool, minor: int) -> bytes:
    """Return the head of a response whose lines are octets, its Content-Length among them if it has one."""
    first = _STATUS_LINES.get(status) or b"HTTP/1.1 %d " % status
    coding = b"transfer-encoding: chunked\r\n" if framing is CHUNKED else b""
    if not keep_alive:
        coding += b"connection: close\r\n"
    elif minor == 0:
        coding += b"connection: keep-alive\r\n"
    return b"%b\r\n%b%b\r\n" % (first, block, coding)


def _head_octets(rows: list[bytes], lines: list[Line], framing: Framing, length: int) -> bytes:
    for name, value in lines:
        size = len(name)
        if (size == 14 and name.lower() == b"content-length") or (
            size == 17 and name.lower() == b"transfer-encoding"
        ):
            continue
        rows.append(b"%b: %b" % (name, value))
    if framing is CHUNKED:
        rows.append(b"transfer-encoding: chunked")
    elif length >= 0:
        rows.append(b"content-length: %d" % length)
    head = b"\r\n".join(rows)
    newlines = len(rows) - 1
    if head.count(b"\n") != newlines or head.count(b"\r") != newlines or b"\0" in head:
        raise Refused("bad_field")
    return head + b"\r\n\r\n"


def _status_lines() -> dict[int, bytes]:
    from http import HTTPStatus

    return {int(each): b"HTTP/1.1 %d %b" % (each, each.phrase.encode("ascii")) for each in HTTPStatus}


_STATUS_LINES: Final = _status_lines()
