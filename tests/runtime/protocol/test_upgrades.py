"""Wishes for another protocol: which are passed on, and which can't even be listed."""

from __future__ import annotations

import pytest

from policyc.runtime.protocol.upgrades import checked, wish

BOTH = ("websocket", "SPDY/3.1")


@pytest.mark.parametrize(
    ("method", "values", "found"),
    [
        (b"GET", [b"websocket"], "websocket"),
        (b"GET", [b"h2c, WebSocket"], "websocket"),
        (b"GET", [b"h2c", b"spdy/3.1"], "SPDY/3.1"),
        (b"POST", [b"SPDY/3.1"], "SPDY/3.1"),
        (b"POST", [b"websocket"], ""),
        (b"POST", [b"websocket, spdy/3.1"], "SPDY/3.1"),
        (b"HEAD", [b"SPDY/3.1"], ""),
        (b"TRACE", [b"SPDY/3.1"], ""),
        (b"GET", [b"h2c"], ""),
        (b"GET", [b"websocket/13"], ""),
        (b"GET", [b"spdy"], ""),
        (b"GET", [b""], ""),
        (b"GET", [], ""),
    ],
)
def test_first_listed_protocol_that_is_asked_for(method: bytes, values: list[bytes], found: str) -> None:
    assert wish(method, [(b"Host", b"a"), *[(b"UPGRADE", value) for value in values]], BOTH) == found


def test_nothing_is_passed_on_where_nothing_is_listed() -> None:
    assert wish(b"GET", [(b"upgrade", b"websocket")], ()) == ""


@pytest.mark.parametrize("name", ["h2c", "H2C", "h2", "http/2.0", "HTTP", "TLS/1.3", "a b", "", "a/b/c", "é"])
def test_http_and_what_is_no_name_cannot_be_listed(name: str) -> None:
    with pytest.raises(ValueError, match=r"protocol|policies"):
        checked(["websocket", name])


def test_names_are_kept_as_they_are_written() -> None:
    assert checked(BOTH) == BOTH
