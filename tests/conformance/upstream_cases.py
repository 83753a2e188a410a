"""What a hostile or broken upstream may answer, and what is to become of it: octets, outcome, reason.

Each case is the answer to the first of two requests; the second is answered well, by whatever connection it
comes. The response half of request smuggling: status line, fields, framing, chunks, trailers, interim
responses, bodies where none belongs, surplus octets, sizes, other protocols, cuts, slowness.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple


class Idle(NamedTuple):
    """Go on when the client has its answer: the connection is idle, and in the gateway's pool."""


class Gone(NamedTuple):
    """Wait until the gateway hangs up."""


class Close(NamedTuple):
    """Close the connection."""


class Reset(NamedTuple):
    """Break the connection."""


class Silence(NamedTuple):
    """Say nothing more, and keep the connection open."""


class Drip(NamedTuple):
    """Send octets one by one, so many seconds apart, over and over until the gateway hangs up."""

    octets: bytes
    seconds: float


Step = bytes | Idle | Gone | Close | Reset | Silence | Drip


class Good(NamedTuple):
    """The client gets this response, whole."""

    status: int = 200
    body: bytes = b"hello"
    interim: tuple[int, ...] = ()
    trailers: tuple[str, ...] = ()


class Refused(NamedTuple):
    """The client gets an error of the gateway, and nothing of what the upstream said."""

    status: int = 502
    interim: tuple[int, ...] = ()


class Broken(NamedTuple):
    """The client gets the beginning, and sees that it is no whole response; of `body` it got a part."""

    body: bytes = b"hello"


class Case(NamedTuple):
    """One answer of an upstream."""

    name: str
    group: str
    source: str
    steps: tuple[Step, ...]
    outcome: Good | Refused | Broken
    reason: str = ""  # of the record; empty if there is none
    reused: bool = False  # whether the second request comes on the same connection
    method: str = "GET"
    asks: str = ""  # more field lines of the request


HELLO: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED: Final = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
POISON: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"


def _status_lines() -> Iterator[Case]:
    rest = b"Content-Length: 5\r\n\r\nhello"
    for name, line in {
        "no digit": b"HTTP/1.1 OK",
        "two digits": b"HTTP/1.1 20",
        "four digits": b"HTTP/1.1 2000 OK",
        "letter for a digit": b"HTTP/1.1 20O OK",
        "signed": b"HTTP/1.1 +200 OK",
        "below 100": b"HTTP/1.1 099 OK",
        "600": b"HTTP/1.1 600 OK",
        "999": b"HTTP/1.1 999 OK",
        "two spaces before the code": b"HTTP/1.1  200 OK",
        "tab before the code": b"HTTP/1.1\t200 OK",
        "no space before the reason": b"HTTP/1.1 200OK",
        "tab for the second space": b"HTTP/1.1 200\tOK",
        "control in the reason": b"HTTP/1.1 200 O\x01K",
        "DEL in the reason": b"HTTP/1.1 200 O\x7fK",
        "HTTP/1.2": b"HTTP/1.2 200 OK",
        "HTTP/2.0": b"HTTP/2.0 200 OK",
        "HTTP/0.9": b"HTTP/0.9 200 OK",
        "HTTP/1.10": b"HTTP/1.10 200 OK",
        "lower case": b"http/1.1 200 OK",
        "no slash": b"HTTP1.1 200 OK",
        "ICY": b"ICY 200 OK",
        "RTSP": b"RTSP/1.0 200 OK",
        "space first": b" HTTP/1.1 200 OK",
        "full-width digits": b"HTTP/1.1 \xef\xbc\x92\xef\xbc\x90\xef\xbc\x90 OK",
        "two status lines in one": b"HTTP/1.1 HTTP/1.1 200 OK",
        "a request line": b"GET / HTTP/1.1",
    }.items():
        steps = (line + b"\r\n" + rest,)
        yield Case(name, "status line", "RFC 9112 §4", steps, Refused(), "bad_status_line")
    for name, line, reason in (
        ("NUL in the reason", b"HTTP/1.1 200 O\0K\r\n", "nul_octet"),
        ("CR in the reason", b"HTTP/1.1 200 O\rK\r\n", "bare_newline"),
        ("LF alone", b"HTTP/1.1 200 OK\n", "bare_newline"),
        ("CR CR LF", b"HTTP/1.1 200 OK\r\r\n", "bare_newline"),
        ("empty line first", b"\r\nHTTP/1.1 200 OK\r\n", "bad_status_line"),
        ("NUL first", b"\0HTTP/1.1 200 OK\r\n", "nul_octet"),
    ):
        yield Case(name, "status line", "RFC 9112 §2.2", (line + rest,), Refused(), reason)
    for name, line in (
        ("no reason", b"HTTP/1.1 200 "),
        ("no space behind the code", b"HTTP/1.1 200"),
        ("high octets in the reason", b"HTTP/1.1 200 \xc3\xa9\xff"),
        ("tab in the reason", b"HTTP/1.1 200 a\tb"),
    ):
        steps = (line + b"\r\n" + rest,)
        yield Case(name, "status line", "RFC 9112 §4", steps, Good(), reused=True)


def _fields() -> Iterator[Case]:
    for name, line, reason, source in (
        ("space before the colon", b"X : y", "bad_field", "RFC 9112 §5.1"),
        ("tab before the colon", b"X\t: y", "bad_field", "RFC 9112 §5.1"),
        ("no colon", b"nonsense", "bad_field", "RFC 9112 §5"),
        ("no name", b": y", "bad_field", "RFC 9110 §5.1"),
        ("space in a name", b"X Y: z", "bad_field", "RFC 9110 §5.1"),
        ("slash in a name", b"X/Y: z", "bad_field", "RFC 9110 §5.1"),
        ("high octet in a name", b"X\xe9: z", "bad_field", "RFC 9110 §5.1"),
        ("NUL in a name", b"X\0: y", "nul_octet", "RFC 9110 §5.5"),
        ("NUL in a value", b"X: a\0b", "nul_octet", "RFC 9110 §5.5"),
        ("control in a value", b"X: a\x01b", "bad_field", "RFC 9110 §5.5"),
        ("DEL in a value", b"X: a\x7fb", "bad_field", "RFC 9110 §5.5"),
        ("CR in a value", b"X: a\rb", "bare_newline", "RFC 9112 §2.2"),
        ("CR before the end of a line", b"X: a\r", "bare_newline", "RFC 9112 §2.2"),
        ("LF in a value", b"X: a\nY: b", "bare_newline", "RFC 9112 §2.2"),
        ("LF LF", b"X: a\n\nHTTP/1.1 200 OK", "bare_newline", "RFC 9112 §2.2"),
        ("folded with a space", b"X: a\r\n b", "obs_fold", "RFC 9112 §5.2"),
        ("folded with a tab", b"X: a\r\n\tb", "obs_fold", "RFC 9112 §5.2"),
        ("the first line is folded", b" X: a", "obs_fold", "RFC 9112 §2.2"),
        ("a blank line with a space", b"X: a\r\n ", "obs_fold", "RFC 9112 §5.2"),
    ):
        steps = (b"HTTP/1.1 200 OK\r\n" + line + b"\r\nContent-Length: 5\r\n\r\nhello",)
        yield Case(name, "fields", source, steps, Refused(), reason)
    for name, line in (
        ("empty value", b"X:"),
        ("high octets in a value", b"X: \xc3\xa9\xff"),
        ("percent-encoded line ends stay text", b"X: %0d%0aSet-Cookie: a=b"),
        ("hop-by-hop fields stay here", b"Keep-Alive: timeout=5\r\nProxy-Authenticate: x\r\nTE: x"),
        ("a field that Connection names", b"Connection: X\r\nX: y\r\nTrailer: Z"),
        ("Content-Length cannot be named away", b"Connection: Content-Length"),
        ("an underscore twin is another field", b"Content_Length: 500"),
        ("an error code that is not ours", b"ngrok-error-code: ERR_NGROK_1"),
    ):
        steps = (b"HTTP/1.1 200 OK\r\n" + line + b"\r\nContent-Length: 5\r\n\r\nhello",)
        yield Case(name, "fields", "RFC 9110 §5.5, §7.6.1", steps, Good(), reused=True)


def _framing() -> Iterator[Case]:
    chunks = b"5\r\nhello\r\n0\r\n\r\n"
    coding = b"Transfer-Encoding: chunked"
    for name, lines, body, reason in (
        ("length, then chunked", b"Content-Length: 5\r\nTransfer-Encoding: chunked", chunks, "cl_and_te"),
        ("chunked, then length", b"Transfer-Encoding: chunked\r\nContent-Length: 5", chunks, "cl_and_te"),
        ("case, apart", b"CONTENT-LENGTH: 5\r\nX: y\r\ntransfer-encoding: Chunked", chunks, "cl_and_te"),
        ("bad length, chunked", b"Content-Length: x\r\nTransfer-Encoding: chunked", chunks, "cl_and_te"),
        ("two lengths", b"Content-Length: 5\r\nContent-Length: 6", b"hello", "two_content_lengths"),
        ("two equal lengths", b"Content-Length: 5\r\nContent-Length: 5", b"hello", "two_content_lengths"),
        ("list of lengths", b"Content-Length: 5, 5", b"hello", "bad_content_length"),
        ("negative length", b"Content-Length: -5", b"hello", "bad_content_length"),
        ("signed length", b"Content-Length: +5", b"hello", "bad_content_length"),
        ("hexadecimal length", b"Content-Length: 0x5", b"hello", "bad_content_length"),
        ("underscore in a length", b"Content-Length: 0_5", b"hello", "bad_content_length"),
        ("empty length", b"Content-Length:", b"hello", "bad_content_length"),
        ("two words for a length", b"Content-Length: 5 5", b"hello", "bad_content_length"),
        ("length with a unit", b"Content-Length: 5b", b"hello", "bad_content_length"),
        ("superscript length", b"Content-Length: \xb2", b"he", "bad_content_length"),
        ("length of 2^64 + 5", b"Content-Length: 18446744073709551621", b"hello", "bad_content_length"),
        ("length of 40 digits", b"Content-Length: " + b"9" * 40, b"hello", "bad_content_length"),
        ("space before the colon of a length", b"Content-Length : 5", b"hello", "bad_field"),
        ("identity", b"Transfer-Encoding: identity", b"hello", "bad_transfer_encoding"),
        ("gzip, chunked", b"Transfer-Encoding: gzip, chunked", chunks, "bad_transfer_encoding"),
        ("chunked, gzip", b"Transfer-Encoding: chunked, gzip", chunks, "bad_transfer_encoding"),
        ("chunked twice", b"Transfer-Encoding: chunked, chunked", chunks, "bad_transfer_encoding"),
        ("empty coding", b"Transfer-Encoding:", chunks, "bad_transfer_encoding"),
        ("coding with a parameter", b"Transfer-Encoding: chunked;q=1", chunks, "bad_transfer_encoding"),
        ("quoted coding", b'Transfer-Encoding: "chunked"', chunks, "bad_transfer_encoding"),
        ("xchunked", b"Transfer-Encoding: xchunked", chunks, "bad_transfer_encoding"),
        ("NBSP before chunked", b"Transfer-Encoding: \xa0chunked", chunks, "bad_transfer_encoding"),
        ("vertical tab before chunked", b"Transfer-Encoding: \x0bchunked", chunks, "bad_field"),
        ("space before the colon of a coding", b"Transfer-Encoding : chunked", chunks, "bad_field"),
        ("coding in a folded line", b"X: y\r\n Transfer-Encoding: chunked", chunks, "obs_fold"),
        ("two codings", coding + b"\r\n" + coding, chunks, "two_transfer_encodings"),
        ("identity behind", coding + b"\r\nTransfer-Encoding: identity", chunks, "two_transfer_encodings"),
    ):  # fmt: skip
        steps = (b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n\r\n" + body,)
        yield Case(name, "framing", "RFC 9112 §6", steps, Refused(), reason)
    steps = (b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks,)
    yield Case("chunked in HTTP/1.0", "framing", "RFC 9112 §6.1", steps, Refused(), "te_in_http10")
    for name, octets, reused in (
        ("zeros before a length", b"HTTP/1.1 200 OK\r\nContent-Length: 0005\r\n\r\nhello", True),
        ("white space around a length", b"HTTP/1.1 200 OK\r\nContent-Length: \t 5 \t\r\n\r\nhello", True),
        ("chunked in capitals", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: CHUNKED\r\n\r\n" + chunks, True),
        ("HTTP/1.0 with a length", b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", False),
        (
            "HTTP/1.0 that keeps alive",
            b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello",
            True,
        ),
        ("close", b"HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 5\r\n\r\nhello", False),
    ):
        yield Case(name, "framing", "RFC 9112 §6, §9.3", (octets,), Good(), reused=reused)


def _chunks() -> Iterator[Case]:
    for name, line in {
        "no hexadecimal": b"xyz",
        "prefix": b"0x5",
        "plus": b"+5",
        "minus": b"-5",
        "empty": b"",
        "space before the size": b" 5",
        "space behind the size": b"5 ",
        "tab behind the size": b"5\t",
        "letter behind the size": b"5g",
        "NUL behind the size": b"5\0",
        "CR behind the size": b"5\r",
        "size of 2^64 + 5": b"10000000000000005",
        "size with the sign bit": b"8000000000000005",
        "control in an extension": b"5;a=\x01",
        "quote that is not closed": b'5;a="b',
        "extension without a semicolon": b"5 a",
        "two sizes": b"5,5",
    }.items():
        steps = (CHUNKED + line + b"\r\nhello\r\n0\r\n\r\n",)
        yield Case(f"chunk size: {name}", "chunks", "RFC 9112 §7.1", steps, Broken(), "bad_chunk")
    for name, body, got in (
        ("size line ended by LF", b"5\nhello\r\n0\r\n\r\n", b""),
        ("data ended by LF", b"5\r\nhello\n0\r\n\r\n", b"hello"),
        ("data ended by CR", b"5\r\nhello\r0\r\n\r\n", b"hello"),
        ("data longer than its size", b"5\r\nhello!!\r\n0\r\n\r\n", b"hello"),
        ("data shorter than its size", b"5\r\nhell\r\n0\r\n\r\n", b"hell\r"),
        ("no line end behind the data", b"5\r\nhello0\r\n\r\n", b"hello"),
        ("empty line between chunks", b"5\r\nhello\r\n\r\n0\r\n\r\n", b"hello"),
        ("last chunk ended by LF", b"5\r\nhello\r\n0\n\r\n", b"hello"),
        ("octets for the last line end", b"5\r\nhello\r\n0\r\nXX", b"hello"),
        ("signed last chunk", b"5\r\nhello\r\n-0\r\n\r\n", b"hello"),
    ):
        reason = "bad_chunk" if name != "octets for the last line end" else "cut_off"
        yield Case(name, "chunks", "RFC 9112 §7.1", (CHUNKED + body, Close()), Broken(got), reason)
    much = b"5;" + b"x" * 5000 + b"\r\nhello\r\n0\r\n\r\n"
    long = "chunk_extensions_too_long"
    yield Case("long extension", "chunks", "RFC 9112 §7.1.1", (CHUNKED + much,), Broken(b""), long)
    yield Case(
        "many extensions",
        "chunks",
        "RFC 9112 §7.1.1",
        (CHUNKED + b"1;abcdefghijklmnop\r\na\r\n" * 2000,),
        Broken(b"a" * 2000),
        "chunk_extensions_too_long",
    )
    yield Case(
        "zeros without end", "chunks", "RFC 9112 §7.1", (CHUNKED + b"0" * 5000,), Broken(b""), "bad_chunk"
    )
    for name, body in (
        ("extensions", b'5;a;b=c;d="e;f"\r\nhello\r\n0;x\r\n\r\n'),
        ("zeros before sizes", b"0005\r\nhello\r\n000\r\n\r\n"),
        ("one octet each", b"1\r\nh\r\n1\r\ne\r\n1\r\nl\r\n1\r\nl\r\n1\r\no\r\n0\r\n\r\n"),
    ):
        yield Case(name, "chunks", "RFC 9112 §7.1", (CHUNKED + body,), Good(), reused=True)


def _trailers() -> Iterator[Case]:
    for name, lines, reason in (
        ("NUL", b"X: a\0b", "bad_chunk"),
        ("CR", b"X: a\rb", "bad_chunk"),
        ("LF", b"X: a\nY: b", "bad_chunk"),
        ("too many octets", b"X: " + b"y" * 20_000, "trailers_too_long"),
        ("too many lines", b"\r\n".join([b"X: y"] * 4000), "trailers_too_long"),
        ("framing", b"Content-Length: 99\r\nTransfer-Encoding: chunked", "malformed"),
    ):
        steps = (CHUNKED + b"5\r\nhello\r\n0\r\n" + lines + b"\r\n\r\n",)
        yield Case(f"trailers: {name}", "trailers", "RFC 9112 §7.1.2", steps, Broken(), reason)
    for name, lines in (
        (
            "routing and control",
            b"Host: evil.test\r\nConnection: close\r\nSet-Cookie: a=b\r\nAuthorization: x",
        ),
        ("plain", b"X-Sum: 1"),
    ):
        steps = (CHUNKED + b"5\r\nhello\r\n0\r\n" + lines + b"\r\n\r\n",)
        yield Case(f"trailers: {name}", "trailers", "RFC 9110 §6.5.1", steps, Good(), reused=True)
        outcome = Good(trailers=("x-sum",) if name == "plain" else ())
        yield Case(
            f"trailers asked for: {name}", "trailers", "RFC 9110 §6.5.1", steps, outcome, reused=True,
            asks="TE: trailers\r\nConnection: TE\r\n",
        )  # fmt: skip


def _interim() -> Iterator[Case]:
    hint = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    go_on = b"HTTP/1.1 100 Continue\r\n\r\n"
    group, source = "interim responses", "RFC 9110 §15.2"
    yield Case("one", group, source, (hint + HELLO,), Good(interim=(103,)), reused=True)
    yield Case("ten", group, source, (hint * 10 + HELLO,), Good(interim=(103,) * 10), reused=True)
    yield Case("100 that nobody asked for", group, source, (go_on + HELLO,), Good(), reused=True)
    flood = (hint * 11 + HELLO,)
    yield Case("eleven", group, source, flood, Refused(interim=(103,) * 10), "too_many_interim")
    yield Case("flood of 100", group, source, (go_on * 5000,), Refused(), "too_many_interim")
    yield Case("flood in drips", group, source, (Drip(go_on, 0),), Refused(), "too_many_interim")
    body = (b"HTTP/1.1 103 X\r\nContent-Length: 5\r\n\r\nhello" + HELLO,)
    yield Case("with a body", group, source, body, Refused(interim=(103,)), "bad_status_line")
    chunked = (b"HTTP/1.1 103 X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HELLO,)
    yield Case("with chunks", group, source, chunked, Refused(interim=(103,)), "bad_status_line")
    bad = (b"HTTP/1.1 103 X\r\nX : y\r\n\r\n" + HELLO,)
    yield Case("with a bad field", group, source, bad, Refused(), "bad_field")
    yield Case("and nothing else", group, source, (hint, Close()), Refused(interim=(103,)), "cut_off")
    yield Case("and silence", group, source, (hint, Silence()), Refused(504, (103,)), "upstream_timeout")
    named = (b"HTTP/1.1 103 X\r\nConnection: close\r\nKeep-Alive: x\r\n\r\n" + HELLO,)
    yield Case("with hop-by-hop fields", group, source, named, Good(interim=(103,)), reused=True)
    switch = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"
    group, source = "101", "RFC 9110 §15.2.2"
    yield Case("unasked", group, source, (switch,), Refused(), "unexpected_upgrade")
    yield Case("unasked, with a response", group, source, (switch + HELLO,), Refused(), "unexpected_upgrade")
    bare = (b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + HELLO,)
    yield Case("without Upgrade", group, source, bare, Refused(), "unexpected_upgrade")
    other = (switch.replace(b"websocket", b"h2c"),)
    yield Case("to another protocol", group, source, other, Refused(), "unexpected_upgrade",
        asks="Upgrade: websocket\r\nConnection: Upgrade\r\n")  # fmt: skip


def _bodiless() -> Iterator[Case]:
    group, source = "no body allowed", "RFC 9112 §6.3"
    length = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    none = Good(body=b"")
    yield Case("HEAD with a length", group, source, (length,), none, reused=True, method="HEAD")
    yield Case("HEAD with chunked", group, source, (CHUNKED,), none, reused=True, method="HEAD")
    yield Case(
        "HEAD with neither", group, source, (b"HTTP/1.1 200 OK\r\n\r\n",), none, reused=True, method="HEAD"
    )
    yield Case("HEAD with a body", group, source, (HELLO, Gone()), none, method="HEAD")
    yield Case(
        "HEAD with a late body", group, source, (length, Idle(), b"hello", Gone()), none, method="HEAD"
    )
    yield Case("HEAD with chunks", group, source, (CHUNKED + b"0\r\n\r\n", Gone()), none, method="HEAD")
    yield Case("HEAD with a response for body", group, source, (length + POISON, Gone()), none, method="HEAD")
    for status in (204, 304):
        line = b"HTTP/1.1 %d X\r\n" % status
        empty = Good(status, b"")
        yield Case(f"{status}", group, source, (line + b"\r\n",), empty, reused=True)
        yield Case(
            f"{status} with a length",
            group,
            source,
            (line + b"Content-Length: 5\r\n\r\n",),
            empty,
            reused=True,
        )
        yield Case(
            f"{status} with a body", group, source, (line + b"Content-Length: 5\r\n\r\nhello", Gone()), empty
        )
        yield Case(
            f"{status} with a response for body", group, source, (line + b"\r\n" + POISON, Gone()), empty
        )
        coded = (line + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Gone())
        yield Case(f"{status} with chunks", group, source, coded, empty)
        both = (line + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",)
        yield Case(f"{status} framed twice", group, source, both, Refused(), "cl_and_te")


def _surplus() -> Iterator[Case]:
    group, source = "surplus", "RFC 9112 §9.2"
    yield Case("two responses", group, source, (HELLO + POISON, Gone()), Good())
    yield Case("a longer body than it said", group, source, (HELLO + b" world", Gone()), Good())
    yield Case("an empty line", group, source, (HELLO + b"\r\n", Gone()), Good())
    yield Case(
        "behind the last chunk",
        group,
        source,
        (CHUNKED + b"5\r\nhello\r\n0\r\n\r\n" + POISON, Gone()),
        Good(),
    )
    yield Case("behind a length of many zeros", group, source,
        (b"HTTP/1.1 200 OK\r\nContent-Length: 00\r\n\r\n" + POISON, Gone()), Good(body=b""))  # fmt: skip
    yield Case("behind an empty body", group, source,
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" + POISON, Gone()), Good(body=b""))  # fmt: skip
    yield Case("a response while idle", group, source, (HELLO, Idle(), POISON, Gone()), Good())
    yield Case("an octet while idle", group, source, (HELLO, Idle(), b"H", Gone()), Good())
    yield Case("a late line end", group, source, (HELLO, Idle(), b"\r\n", Gone()), Good())
    yield Case("an interim response while idle", group, source,
        (HELLO, Idle(), b"HTTP/1.1 100 Continue\r\n\r\n", Gone()), Good())  # fmt: skip
    timeout = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n"
    yield Case("a farewell while idle", group, source, (HELLO, Idle(), timeout, Close()), Good())
    yield Case("an end while idle", group, source, (HELLO, Idle(), Close()), Good())
    yield Case("a reset while idle", group, source, (HELLO, Idle(), Reset()), Good())


def _sizes() -> Iterator[Case]:
    group, source = "sizes", "spec/endpoints.md §8.4"
    head = b"HTTP/1.1 200 OK\r\n"
    end = b"Content-Length: 5\r\n\r\nhello"
    many = b"".join(b"X%d: %b\r\n" % (number, b"y" * 1000) for number in range(70))
    yield Case("large head", group, source, (head + many + end,), Refused(), "head_too_long")
    yield Case(
        "long line",
        group,
        source,
        (head + b"X: " + b"y" * 17_000 + b"\r\n" + end,),
        Refused(),
        "field_too_long",
    )
    yield Case(
        "long name", group, source, (head + b"X" * 17_000 + b": y\r\n" + end,), Refused(), "field_too_long"
    )
    yield Case("many fields", group, source, (head + b"X: y\r\n" * 100 + end,), Refused(), "too_many_fields")
    yield Case(
        "as many fields as may be", group, source, (head + b"X: y\r\n" * 99 + end,), Good(), reused=True
    )
    yield Case(
        "large but allowed",
        group,
        source,
        (head + b"X: " + b"y" * 16_000 + b"\r\n" + end,),
        Good(),
        reused=True,
    )
    yield Case(
        "fields without end", group, source, (head + b"X: y\r\n" * 20_000, Gone()), Refused(), "head_too_long"
    )
    yield Case(
        "reason without end",
        group,
        source,
        (b"HTTP/1.1 200 " + b"y" * 100_000, Gone()),
        Refused(),
        "head_too_long",
    )
    yield Case("a megabyte, whole", group, source,
        (head + b"Content-Length: 1048576\r\n\r\n" + b"y" * 1048576,),
        Good(body=b"y" * 1048576), reused=True)  # fmt: skip


def _other_protocols() -> Iterator[Case]:
    for name, octets in {
        "HTTP/0.9": b"<html>hello</html>",
        "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "HTTP/2 settings": b"\0\0\x12\4\0\0\0\0\0\0\3\0\0\0\x80\0\4\0\1\0\0\0\5\0\xff\xff\xff",
        "TLS alert": b"\x15\x03\x01\x00\x02\x02\x46",
        "TLS server hello": b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03" + bytes(range(119)),
        "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
        "SMTP": b"220 mail.example ESMTP\r\n",
        "Redis": b"-ERR unknown command 'GET'\r\n",
        "JSON": b'{"status":200}\n',
        "NUL octets": bytes(1000),
        "line ends": b"\r\n" * 1000,
        "PROXY header": b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n" + HELLO,
        "WebSocket frame": b"\x81\x05hello",
    }.items():
        yield Case(name, "other protocols", "RFC 9112 §2.1", (octets,), Refused(), "bad_status_line")


def _cuts() -> Iterator[Case]:
    group, source = "cuts", "RFC 9112 §8"
    partial = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"
    chunks = CHUNKED + b"5\r\nhello\r\n"
    until_close = b"HTTP/1.1 200 OK\r\n\r\nhello"
    for name, end in (("close", Close()), ("reset", Reset())):
        yield Case(f"{name} at once", group, source, (end,), Refused(), "upstream_closed")
        yield Case(f"{name} in the status line", group, source, (b"HTTP/1.1 20", end), Refused(), "cut_off")
        yield Case(
            f"{name} in the fields", group, source, (b"HTTP/1.1 200 OK\r\nConte", end), Refused(), "cut_off"
        )
        yield Case(f"{name} before the empty line", group, source,
            (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r", end), Refused(), "cut_off")  # fmt: skip
    yield Case("close before the body", group, source, (partial[:-5], Close()), Broken(b""), "cut_off")
    yield Case("close in the body", group, source, (partial, Close()), Broken(), "cut_off")
    yield Case("reset in the body", group, source, (partial, Reset()), Broken(), "cut_off")
    yield Case("close between chunks", group, source, (chunks, Close()), Broken(), "cut_off")
    yield Case("reset between chunks", group, source, (chunks, Reset()), Broken(), "cut_off")
    yield Case("close in a chunk", group, source, (CHUNKED + b"9\r\nhello", Close()), Broken(), "cut_off")
    yield Case("close in a chunk size", group, source, (chunks + b"5", Close()), Broken(), "cut_off")
    yield Case("close behind the last size", group, source, (chunks + b"0\r\n", Close()), Broken(), "cut_off")
    yield Case("close in a trailer", group, source, (chunks + b"0\r\nX: y", Close()), Broken(), "cut_off")
    yield Case("a body until the end", group, "RFC 9112 §6.3", (until_close, Close()), Good())
    yield Case("a body until a reset", group, "RFC 9112 §6.3", (until_close, Reset()), Broken(), "cut_off")
    yield Case("whole, and closed at once", group, source, (HELLO, Close()), Good())
    yield Case("shorter than it said, then another", group, source, (partial + POISON[:5], Close()),
        Good(body=b"helloHTTP/"))  # fmt: skip


def _slow() -> Iterator[Case]:
    group, source = "slow", "spec/endpoints.md §8.4"
    late = "upstream_timeout"
    yield Case("silence", group, source, (Silence(),), Refused(504), late)
    yield Case("silence in the head", group, source, (b"HTTP/1.1 200 OK\r\n", Silence()), Refused(504), late)
    yield Case("silence in the body", group, source, (HELLO[:-1], Silence()), Broken(b"hell"), late)
    yield Case(
        "silence between chunks", group, source, (CHUNKED + b"5\r\nhello\r\n", Silence()), Broken(), late
    )
    drip = (b"HTTP/1.1 200 OK\r\n", Drip(b"X: y\r\n", 0.05))
    yield Case("a head in drips, without end", group, source, drip, Refused(504), late)


CASES: Final[tuple[Case, ...]] = (
    *_status_lines(),
    *_fields(),
    *_framing(),
    *_chunks(),
    *_trailers(),
    *_interim(),
    *_bodiless(),
    *_surplus(),
    *_sizes(),
    *_other_protocols(),
    *_cuts(),
    *_slow(),
)
