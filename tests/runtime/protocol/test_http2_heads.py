"""What fields of HTTP/2 mean, and that nothing passes that would be another message in HTTP/1.1."""

from __future__ import annotations

import httptools
import pytest

from policyc.runtime.protocol.http1 import (
    CHUNKED,
    LENGTH,
    NONE,
    Framing,
    Limits,
    RequestReader,
    request_octets,
)
from policyc.runtime.protocol.http2_heads import (
    METHODS,
    interim_head,
    is_grpc,
    read_trailers,
    request_fields,
    request_head,
    response_fields,
    response_head,
    trailer_fields,
)
from policyc.runtime.protocol.refusal import Refused

LIMITS = Limits(head=2000, target=100, fields=10, line=500, trailers=200)
Line = tuple[bytes, bytes]


def fields(*more: Line, **changed: bytes | None) -> list[Line]:
    """Return the fields of a GET, others behind them; pseudo-header fields can be changed or taken away."""
    pseudo: dict[str, bytes | None] = {
        "method": b"GET",
        "scheme": b"https",
        "authority": b"a.example",
        "path": b"/",
    }
    pseudo.update(changed)
    return [*((b":" + name.encode(), value) for name, value in pseudo.items() if value is not None), *more]


def refused(given: list[Line], ended: bool = True) -> str:
    with pytest.raises(Refused) as caught:
        request_head(given, ended, LIMITS)
    return caught.value.reason


def test_request_becomes_the_head_that_http_1_would_have() -> None:
    head = request_head(
        fields((b"accept", b"*/*"), (b"x-a", b""), authority=b"A.example:8443", path=b"/p?q=1"), True, LIMITS
    )
    assert (head.method, head.target, head.host, head.authority) == (
        "GET",
        "/p?q=1",
        "a.example",
        "A.example:8443",
    )
    assert head.lines == [(b"host", b"A.example:8443"), (b"accept", b"*/*"), (b"x-a", b"")]
    assert (head.framing, head.length, head.minor, head.block) == (NONE, 0, 2, None)
    assert not head.accepts_trailers


@pytest.mark.parametrize(
    ("length", "ended", "framing", "left"),
    [
        (None, True, NONE, 0),
        (b"0", True, LENGTH, 0),
        (b"0", False, LENGTH, 0),
        (b"7", False, LENGTH, 7),
        (None, False, CHUNKED, 0),
    ],
)
def test_body_ends_as_the_frames_say(length: bytes | None, ended: bool, framing: Framing, left: int) -> None:
    more = [] if length is None else [(b"content-length", length)]
    head = request_head(fields(*more, method=b"POST"), ended, LIMITS)
    assert (head.framing, head.length) == (framing, left)


def test_host_may_stand_in_for_the_authority_or_repeat_it() -> None:
    assert request_head(fields((b"host", b"b.example"), authority=None), True, LIMITS).host == "b.example"
    head = request_head(fields((b"x", b"1"), (b"host", b"A.EXAMPLE")), True, LIMITS)
    assert head.lines == [(b"host", b"a.example"), (b"x", b"1")]


def test_crumbs_of_a_cookie_are_joined_and_count_as_one_field() -> None:
    crumbs = [(b"cookie", b"n%d=1" % n) for n in range(12)]
    head = request_head(fields(*crumbs), True, LIMITS)
    assert head.lines[1:] == [(b"cookie", b"; ".join(b"n%d=1" % n for n in range(12)))]


def test_te_trailers_is_kept_as_what_it_means() -> None:
    head = request_head(fields((b"te", b"trailers"), (b"trailer", b"x")), True, LIMITS)
    assert head.accepts_trailers
    assert head.lines == [(b"host", b"a.example")]


def test_expectation_counts_where_there_is_a_body() -> None:
    expecting = fields((b"expect", b"100-Continue"), method=b"POST")
    assert request_head(expecting, False, LIMITS).expects_continue
    assert not request_head(expecting, True, LIMITS).expects_continue


def test_methods_are_those_of_http_1() -> None:
    def is_known(method: bytes) -> bool:
        class Heard:
            pass

        try:
            httptools.HttpRequestParser(Heard()).feed_data(method + b" / HTTP/1.1\r\nhost: a\r\n\r\n")
        except httptools.HttpParserUpgrade:
            return True
        except httptools.HttpParserError:
            return False
        return True

    assert all(is_known(method) for method in METHODS)
    for method in (b"QUERY", b"DESCRIBE", b"PRI", b"FOO", b"get", b"ANNOUNCE", b"CONNECT", b"FLUSH"):
        assert method not in METHODS


def test_grpc_is_told_by_its_type() -> None:
    assert is_grpc([(b"x", b"1"), (b"Content-Type", b"Application/grpc+json")])
    assert not is_grpc([(b"content-type", b"application/json"), (b"x-grpc", b"application/grpc")])


# name: (fields, whether nothing follows, reason). Names say what would be smuggled.
HOSTILE: dict[str, tuple[list[Line], bool, str]] = {
    "no method": (fields(method=None), True, "bad_pseudo_field"),
    "no scheme": (fields(scheme=None), True, "bad_pseudo_field"),
    "no path": (fields(path=None), True, "bad_pseudo_field"),
    "no authority and no host": (fields(authority=None), True, "no_host"),
    "method twice": ([*fields(), (b":method", b"POST")], True, "bad_pseudo_field"),
    "path twice": ([*fields(), (b":path", b"/admin")], True, "bad_pseudo_field"),
    "authority twice": ([*fields(), (b":authority", b"b.example")], True, "bad_pseudo_field"),
    "pseudo-header field after a field": ([(b"x", b"1"), *fields()], True, "bad_pseudo_field"),
    "pseudo-header field after a cookie": ([(b"cookie", b"a=1"), *fields()], True, "bad_pseudo_field"),
    "unknown pseudo-header field": ([(b":user", b"root"), *fields()], True, "bad_pseudo_field"),
    "pseudo-header field of a response": ([(b":status", b"200"), *fields()], True, "bad_pseudo_field"),
    "extended CONNECT that was not offered": (
        [(b":protocol", b"websocket"), *fields(method=b"CONNECT")], False, "bad_pseudo_field"
    ),
    "CONNECT": (fields(method=b"CONNECT", scheme=None, path=None), False, "connect_refused"),
    "foreign scheme": (fields(scheme=b"file"), True, "bad_pseudo_field"),
    "request line in the scheme": (fields(scheme=b"https://b/ HTTP/1.1\r\n"), True, "bad_pseudo_field"),
    "empty method": (fields(method=b""), True, "bad_method"),
    "method in lower case": (fields(method=b"get"), True, "unknown_method"),
    "unknown method": (fields(method=b"FOO"), True, "unknown_method"),
    "request line in the method": (fields(method=b"GET /admin HTTP/1.1\r\nx:"), True, "bad_method"),
    "space in the path": (fields(path=b"/ HTTP/1.1"), True, "bad_target"),
    "line end in the path": (fields(path=b"/\r\nhost: b.example"), True, "bad_target"),
    "line feed in the path": (fields(path=b"/\nx"), True, "bad_target"),
    "NUL in the path": (fields(path=b"/\0"), True, "bad_target"),
    "path that is not ASCII": (fields(path=b"/\xc3\xa4"), True, "bad_target"),
    "fragment in the path": (fields(path=b"/a#b"), True, "bad_target"),
    "path in absolute form": (fields(path=b"http://b.example/"), True, "bad_target"),
    "path without a slash": (fields(path=b"admin"), True, "bad_target"),
    "empty path": (fields(path=b""), True, "bad_target"),
    "asterisk with GET": (fields(path=b"*"), True, "bad_target"),
    "long path": (fields(path=b"/" + b"a" * 100), True, "target_too_long"),
    "user in the authority": (fields(authority=b"b@a.example"), True, "bad_host"),
    "line end in the authority": (fields(authority=b"a.example\r\nx: 1"), True, "bad_host"),
    "empty authority": (fields(authority=b""), True, "bad_host"),
    "path in the authority": (fields(authority=b"a.example/b"), True, "bad_host"),
    "Host other than the authority": (fields((b"host", b"b.example")), True, "two_hosts"),
    "two Hosts": (fields((b"host", b"a.example"), (b"host", b"a.example")), True, "two_hosts"),
    "Transfer-Encoding": (fields((b"transfer-encoding", b"chunked")), False, "connection_field"),
    "Connection": (fields((b"connection", b"close")), True, "connection_field"),
    "Connection that names Host": (fields((b"connection", b"host")), True, "connection_field"),
    "Keep-Alive": (fields((b"keep-alive", b"timeout=5")), True, "connection_field"),
    "Proxy-Connection": (fields((b"proxy-connection", b"keep-alive")), True, "connection_field"),
    "Upgrade": (fields((b"upgrade", b"websocket")), True, "connection_field"),
    "TE other than trailers": (fields((b"te", b"gzip")), True, "connection_field"),
    "TE with trailers among others": (fields((b"te", b"trailers, chunked")), True, "connection_field"),
    "name in upper case": (fields((b"X-A", b"1")), True, "bad_field"),
    "Transfer-Encoding in upper case": (fields((b"Transfer-Encoding", b"chunked")), True, "bad_field"),
    "empty name": (fields((b"", b"1")), True, "bad_field"),
    "space in a name": (fields((b"transfer-encoding ", b"chunked")), True, "bad_field"),
    "tab in a name": (fields((b"x\t", b"1")), True, "bad_field"),
    "colon in a name": (fields((b"x:transfer-encoding", b"1")), True, "bad_field"),
    "line in a name": (fields((b"x\r\ntransfer-encoding", b"chunked")), True, "bad_field"),
    "name that is not ASCII": (fields(("ä".encode(), b"1")), True, "bad_field"),
    "line in a value": (fields((b"x", b"1\r\ntransfer-encoding: chunked")), True, "bad_field"),
    "request in a value": (fields((b"x", b"1\r\n\r\nGET /admin HTTP/1.1\r\nhost: a")), True, "bad_field"),
    "line feed in a value": (fields((b"x", b"1\nx: 2")), True, "bad_field"),
    "carriage return in a value": (fields((b"x", b"1\rx: 2")), True, "bad_field"),
    "NUL in a value": (fields((b"x", b"1\0")), True, "nul_octet"),
    "space before a value": (fields((b"x", b" 1")), True, "bad_field"),
    "tab behind a value": (fields((b"x", b"1\t")), True, "bad_field"),
    "line end in a crumb": (fields((b"cookie", b"a=1\r\nx: 1")), True, "bad_field"),
    "two Content-Lengths": (
        fields((b"content-length", b"1"), (b"content-length", b"1")), False, "two_content_lengths"
    ),
    "Content-Length with a sign": (fields((b"content-length", b"+1")), False, "bad_content_length"),
    "Content-Length as a list": (fields((b"content-length", b"1, 1")), False, "bad_content_length"),
    "Content-Length in hexadecimal": (fields((b"content-length", b"0x1")), False, "bad_content_length"),
    "Content-Length that is huge": (fields((b"content-length", b"9" * 19)), False, "bad_content_length"),
    "empty Content-Length": (fields((b"content-length", b"")), False, "bad_content_length"),
    "Content-Length and no body": (fields((b"content-length", b"5")), True, "bad_content_length"),
    "TRACE with a body": (fields(method=b"TRACE"), False, "trace_with_body"),
    "other expectation": (fields((b"expect", b"200-ok"), method=b"POST"), False, "bad_expect"),
    "too many fields": (fields(*((b"x%d" % n, b"1") for n in range(11))), True, "too_many_fields"),
    "long field": (fields((b"x", b"1" * 500)), True, "field_too_long"),
    "long cookie in crumbs": (fields(*[(b"cookie", b"1" * 100)] * 6), True, "field_too_long"),
    "long head": (fields(*((b"x%d" % n, b"1" * 490) for n in range(5))), True, "head_too_long"),
    "long head of pseudo-header fields": (fields(authority=b"a" * 2000), True, "head_too_long"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_request_is_refused_by_name(name: str) -> None:
    given, ended, reason = HOSTILE[name]
    assert refused(given, ended) == reason


@pytest.mark.parametrize(
    "given",
    [
        fields((b"x", b"a: b"), (b"content-length", b"3"), (b"expect", b"100-continue"), method=b"POST"),
        fields((b"cookie", b"a=1"), (b"cookie", b"b=2"), (b"te", b"trailers"), path=b"/a?b=%0d%0a"),
        fields((b"x!#$%&'*+-.^_`|~9", b"\xff \t\x80"), authority=b"[::1]:80", path=b"*", method=b"OPTIONS"),
    ],
)
def test_accepted_request_is_one_request_in_http_1(given: list[Line]) -> None:
    ended = not any(name == b"content-length" for name, _ in given)
    head = request_head(given, ended, LIMITS)
    length = head.length if head.framing is LENGTH else -1
    octets = request_octets(head.method, head.target, head.lines, head.framing, length)
    reader = RequestReader()
    reader.feed(octets)
    again = reader.next()
    assert again is not None
    assert (again.method, again.target, again.authority) == (head.method, head.target, head.authority)  # type: ignore[union-attr]
    assert (again.framing, again.length) == (head.framing, head.length)  # type: ignore[union-attr]
    assert sorted(again.lines) == sorted(head.lines)  # type: ignore[union-attr]
    assert reader.buffered == 0


# --- responses --------------------------------------------------------------------------------------------


def answer(*more: Line, status: bytes = b"200") -> list[Line]:
    return [(b":status", status), *more]


@pytest.mark.parametrize(
    ("given", "ended", "method", "framing", "length"),
    [
        (answer(), False, "GET", CHUNKED, -1),
        (answer((b"content-length", b"5")), False, "GET", LENGTH, 5),
        (answer(), True, "GET", LENGTH, 0),
        (answer((b"content-length", b"5")), True, "HEAD", NONE, 5),
        (answer((b"content-length", b"5"), status=b"304"), True, "GET", NONE, 5),
        (answer(status=b"204"), True, "GET", NONE, -1),
    ],
)
def test_response_is_framed(
    given: list[Line], ended: bool, method: str, framing: Framing, length: int
) -> None:
    head = response_head(given, ended, method, LIMITS)
    assert (head.framing, head.length) == (framing, length)


@pytest.mark.parametrize(
    ("given", "ended", "reason"),
    [
        ([], True, "bad_status_line"),
        ([(b"x", b"1")], True, "bad_status_line"),
        (answer(status=b"20"), True, "bad_status_line"),
        (answer(status=b"999"), True, "bad_status_line"),
        (answer(status=b"200 OK"), True, "bad_status_line"),
        (answer(status=b"100"), True, "bad_status_line"),
        ([*answer(), (b":status", b"200")], True, "bad_pseudo_field"),
        ([(b":path", b"/"), *answer()], True, "bad_pseudo_field"),
        (answer((b"X", b"1")), True, "bad_field"),
        (answer((b"x", b"1\r\nset-cookie: a")), True, "bad_field"),
        (answer((b"x", b"1\0")), True, "nul_octet"),
        (answer((b"connection", b"close")), True, "connection_field"),
        (answer((b"transfer-encoding", b"chunked")), False, "connection_field"),
        (answer((b"content-length", b"1"), (b"content-length", b"2")), False, "two_content_lengths"),
        (answer((b"content-length", b"-1")), False, "bad_content_length"),
        (answer((b"content-length", b"1")), True, "bad_content_length"),
        (answer(*((b"x%d" % n, b"1") for n in range(11))), True, "too_many_fields"),
        (answer((b"x", b"1" * 2000)), True, "head_too_long"),
    ],
)
def test_hostile_response_is_refused(given: list[Line], ended: bool, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        response_head(given, ended, "GET", LIMITS)
    assert caught.value.reason == reason


def test_interim_response_is_read_but_no_101() -> None:
    assert interim_head(answer((b"link", b"</a>"), status=b"103"), LIMITS) == (103, [(b"link", b"</a>")])
    with pytest.raises(Refused, match="unexpected_upgrade"):
        interim_head(answer(status=b"101"), LIMITS)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ([(b":status", b"200")], "bad_pseudo_field"),
        ([(b"x", b"\r\n")], "bad_field"),
        ([(b"X", b"1")], "bad_field"),
        ([(b"connection", b"close")], "connection_field"),
        ([(b"x", b"1" * 200)], "trailers_too_long"),
        ([(b"x%d" % n, b"1") for n in range(11)], "trailers_too_long"),
    ],
)
def test_hostile_trailers_are_refused(given: list[Line], reason: str) -> None:
    with pytest.raises(Refused) as caught:
        read_trailers(given, LIMITS)
    assert caught.value.reason == reason


def test_trailers_that_mean_something_in_a_head_do_not_travel() -> None:
    given = [
        (b"grpc-status", b"0"),
        (b"content-length", b"5"),
        (b"host", b"b"),
        (b"x-forwarded-for", b"1.1.1.1"),
    ]
    assert read_trailers(given, LIMITS) == [(b"grpc-status", b"0")]


# --- out --------------------------------------------------------------------------------------------------


def test_response_is_written_in_lower_case_without_fields_of_a_connection() -> None:
    lines = [
        (b"Server", b" s "),
        (b"Connection", b"close"),
        (b"Content-Length", b"9"),
        (b"Set-Cookie", b"a=1"),
    ]
    assert response_fields(200, lines, LENGTH, 3) == [
        (b":status", b"200"), (b"server", b"s"), (b"set-cookie", b"a=1"), (b"content-length", b"3")
    ]  # fmt: skip
    assert response_fields(200, [], CHUNKED, 3) == [(b":status", b"200")]


def test_secrets_stay_out_of_the_tables_of_the_compression() -> None:
    _, *rest = response_fields(200, [(b"Set-Cookie", b"a=1"), (b"x", b"1")], NONE, -1)
    assert [getattr(field, "indexable", True) for field in rest] == [False, True]


def test_request_is_written_with_its_host_as_authority() -> None:
    lines = [(b"Host", b"b.example"), (b"Accept", b"*/*"), (b"te", b"gzip")]
    assert request_fields("POST", "/p", b"http", lines, b"127.0.0.1:1", 5, True) == [
        (b":method", b"POST"), (b":scheme", b"http"), (b":authority", b"b.example"), (b":path", b"/p"),
        (b"accept", b"*/*"), (b"content-length", b"5"), (b"te", b"trailers"),
    ]  # fmt: skip
    assert request_fields("GET", "/", b"https", [], b"u:1", -1, False)[2] == (b":authority", b"u:1")


@pytest.mark.parametrize(
    ("target", "lines"),
    [
        ("/ x", []),
        ("/\r\n", []),
        ("x", []),
        ("/", [(b"x", b"1\r\n")]),
        ("/", [(b"x y", b"1")]),
        ("/", [(b"x", b"\0")]),
        ("/", [(b"host", b"a b")]),
    ],
)
def test_what_a_policy_made_cannot_split_a_request(target: str, lines: list[Line]) -> None:
    with pytest.raises(Refused):
        request_fields("GET", target, b"http", lines, b"a", -1, False)


def test_what_a_policy_made_cannot_split_a_response() -> None:
    with pytest.raises(Refused):
        response_fields(200, [(b"x", b"1\n2")], NONE, -1)
    with pytest.raises(Refused):
        trailer_fields([(b"x:", b"1")])
