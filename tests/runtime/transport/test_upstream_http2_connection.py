"""Connections to hostile upstreams: the call fails by name, and the next one is served."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.e2e.h2_server import Answer, H2Connection, ok
from tests.e2e.world import run
from tests.runtime.protocol.h2_peer import Line
from tests.runtime.protocol.test_http2_frames import frame
from tests.runtime.transport.test_upstream_http2 import place


def fields(*given: Line) -> Answer:
    """Return a behaviour: these fields, whatever they are, and nothing more."""
    return lambda connection, stream: connection.send(stream, list(given))


def then(*steps: Callable[[H2Connection, int], None]) -> Answer:
    def answer(connection: H2Connection, stream: int) -> None:
        for step in steps:
            step(connection, stream)

    return answer


def head(*more: Line, end: bool = False) -> Answer:
    return lambda connection, stream: connection.send(stream, [(b":status", b"200"), *more], end=end)


def raw(make: Callable[[int], bytes]) -> Answer:
    return lambda connection, stream: connection.raw(make(stream))


def data(octets: bytes, *, end: bool = False) -> Answer:
    return raw(lambda stream: frame(0, octets, int(end), stream))


def trailers(*given: Line) -> Answer:
    return lambda connection, stream: connection.peer.h2.send_headers(stream, list(given), end_stream=True)


STATUS = (b":status", b"200")
# name: (what the upstream does, the detail of the failure)
HOSTILE: dict[str, tuple[Answer, str]] = {
    "no status": (fields((b"x", b"1")), "bad_status_line"),
    "status that is none": (fields((b":status", b"2000")), "bad_status_line"),
    "status with a reason": (fields((b":status", b"200 OK")), "bad_status_line"),
    "status twice": (fields(STATUS, STATUS), "bad_pseudo_field"),
    "path in a response": (fields(STATUS, (b":path", b"/")), "bad_pseudo_field"),
    "status behind a field": (fields((b"x", b"1"), STATUS), "bad_pseudo_field"),
    "name in upper case": (fields(STATUS, (b"X", b"1")), "bad_field"),
    "line in a value": (fields(STATUS, (b"x", b"1\r\nset-cookie: a=b")), "bad_field"),
    "NUL in a value": (fields(STATUS, (b"x", b"\0")), "nul_octet"),
    "line in a name": (fields(STATUS, (b"x\r\ny", b"1")), "bad_field"),
    "Transfer-Encoding": (fields(STATUS, (b"transfer-encoding", b"chunked")), "connection_field"),
    "Connection": (fields(STATUS, (b"connection", b"close")), "connection_field"),
    "two Content-Lengths": (
        fields(STATUS, (b"content-length", b"0"), (b"content-length", b"0")), "two_content_lengths",
    ),
    "Content-Lengths that differ": (
        fields(STATUS, (b"content-length", b"0"), (b"content-length", b"1")), "two_content_lengths",
    ),
    "Content-Length that is no number": (fields(STATUS, (b"content-length", b"+0")), "bad_content_length"),
    "interim response that ends a stream": (raw(lambda s: frame(1, b"\x08\x03103", 5, s)), "bad_status_line"),
    "body that was told and does not come": (fields(STATUS, (b"content-length", b"5")), "bad_content_length"),
    "switch of protocols": (lambda c, s: c.send(s, [(b":status", b"101")], end=False), "unexpected_upgrade"),
    "too many interim responses": (
        then(*[lambda c, s: c.send(s, [(b":status", b"103")], end=False)] * 11), "too_many_interim"
    ),
    "too many fields": (fields(STATUS, *[(b"x", b"1")] * 101), "too_many_fields"),
    "large head": (fields(STATUS, *[(b"x", b"1" * 9000)] * 8), "head_too_long"),
    "data before a head": (data(b"x"), "http2_error"),
    "data on a stream that is not open": (raw(lambda s: frame(0, b"x", 0, s + 2)), "http2_error"),
    "head on a stream that is not open": (raw(lambda s: frame(1, b"\x88", 5, s + 2)), "http2_error"),
    "broken compression": (raw(lambda s: frame(1, b"\xff\xff\xff\xff\xff\xff", 4, s)), "http2_error"),
    "pushed stream": (raw(lambda s: frame(5, b"\0\0\0\2\x82", 4, s)), "http2_error"),
    "large frame": (raw(lambda s: b"\xff\xff\xff\0\0" + s.to_bytes(4)), "http2_error"),
    "short frame": (raw(lambda s: frame(3, b"\0", 0, s)), "http2_error"),
    "octets that are no frame": (raw(lambda s: b"HTTP/1.1 200 OK\r\n\r\n"), "http2_error"),
    "flood of PING": (raw(lambda s: frame(6, bytes(8)) * 1100), "ping_flood"),
    "flood of SETTINGS": (raw(lambda s: frame(4) * 1100), "settings_flood"),
    "flood of empty DATA": (then(head(), raw(lambda s: frame(0, b"", 0, s) * 1100)), "empty_frames_flood"),
    "head without end": (
        raw(lambda s: frame(1, b"\x88", 0, s) + frame(9, b"", 0, s) * 20), "continuation_flood"
    ),
    "longer body than told": (then(head((b"content-length", b"1")), data(b"abc")), "bad_content_length"),
    "shorter body than told": (
        then(head((b"content-length", b"5")), data(b"a", end=True)), "bad_content_length"
    ),
    "trailers with a status": (
        then(head(), trailers(STATUS)), "bad_pseudo_field"
    ),
    "trailers with a line in a value": (
        then(head(), trailers((b"x", b"1\r\n2"))), "bad_field"
    ),
    "reset in the middle": (then(head(), raw(lambda s: frame(3, b"\0\0\0\2", 0, s))), "code 2"),
    "end in the middle": (then(head(), lambda c, s: c.transport.close()), "closed by the upstream"),
    "going away in the middle": (then(head(), raw(lambda s: frame(7, bytes(8)))), "going away"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_upstream_fails_the_call_and_nothing_else(name: str) -> None:
    async def scenario() -> None:
        answer, detail = HOSTILE[name]
        async with place(answer) as made:
            ear = await made.get()
            assert ear.failure is not None
            assert (ear.failure.code, ear.failure.status) == (3004, 502)
            assert detail in ear.failure.detail
            assert "end" not in ear.heard
            made.server.answer = ok()
            assert (await made.get()).body == b"ok"

    run(scenario())
