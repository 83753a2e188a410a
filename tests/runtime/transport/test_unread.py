"""Octets that came before a connection broke."""

from __future__ import annotations

import socket
from typing import Any, cast

from policyc.runtime.transport.unread import unread


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
