"""Octets that came before a connection broke."""

from __future__ import annotations

import socket
from typing import Any, cast

from policyc.runtime.transport.unread import has_unread, unread


class Wire:
    """A transport that knows its socket."""

    def __init__(self, sock: socket.socket | None, context: object = None) -> None:
        self.extra = {"socket": sock, "sslcontext": context}

    def get_extra_info(self, name: str) -> object:
        return self.extra[name]


def read(wire: Wire, limit: int = 100) -> bytes:
    return unread(cast(Any, wire), limit)


def test_what_came_before_the_end_is_there_up_to_the_limit() -> None:
    here, there = socket.socketpair()
    with here, there:
        here.setblocking(False)
        there.sendall(b"answer")
        assert read(Wire(here), 3) == b"ans"
        assert read(Wire(here)) == b"wer"
        assert read(Wire(here)) == b""
        there.sendall(b"last")
        there.close()
        assert read(Wire(here)) == b"last"


def test_nothing_is_read_of_tls_or_without_a_socket() -> None:
    here, there = socket.socketpair()
    with here, there:
        there.sendall(b"\x17\x03\x03")
        assert read(Wire(here, object())) == b""
        assert read(Wire(None)) == b""
    assert read(Wire(here)) == b""  # closed


def test_what_nobody_has_read_is_seen_and_stays() -> None:
    here, there = socket.socketpair()
    with here, there:
        assert not has_unread(here.fileno())
        there.sendall(b"more")
        assert has_unread(here.fileno())
        assert here.recv(100) == b"more"
        assert not has_unread(here.fileno())


def test_end_of_a_peer_is_nothing_unread() -> None:
    here, there = socket.socketpair()
    with here:
        there.close()
        assert not has_unread(here.fileno())
