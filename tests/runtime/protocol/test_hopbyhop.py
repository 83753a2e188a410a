"""Fields of one connection stay on it."""

from __future__ import annotations

from policyc.runtime.protocol.hopbyhop import drop_hop_by_hop


def test_plain_lines_pass_in_order() -> None:
    lines = [(b"B", b"1"), (b"a", b"2"), (b"B", b"3")]
    assert drop_hop_by_hop(lines) == (lines, frozenset())


def test_connection_and_what_it_names_go_but_for_host_and_length() -> None:
    lines = [
        (b"Connection", b" X-A ,, close"),
        (b"connection", b"content-length, HOST"),
        (b"x-a", b"1"),
        (b"Host", b"a"),
        (b"Content-Length", b"1"),
        (b"Proxy-Connection", b"x"),
    ]
    kept, options = drop_hop_by_hop(lines)
    assert kept == [(b"Host", b"a"), (b"Content-Length", b"1")]
    assert options == {b"x-a", b"close", b"content-length", b"host"}
