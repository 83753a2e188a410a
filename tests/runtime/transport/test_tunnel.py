"""Ends of a tunnel, made of connections that were in use: what came early, and TLS, which ends both ways."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from policyc.runtime.transport.relay import Relay
from policyc.runtime.transport.tunnel import TunnelSide
from policyc.runtime.transport.wheel import Wheel


class Wire:
    """A transport that notes what is done with it; `half` says whether one direction can be closed."""

    def __init__(self, half: bool) -> None:
        self.done: list[object] = []
        self.half = half
        self.protocol: object = None
        self.closing = False

    def set_protocol(self, protocol: object) -> None:
        self.protocol = protocol

    def can_write_eof(self) -> bool:
        return self.half

    def write(self, data: bytes) -> None:
        self.done.append(data)

    def is_closing(self) -> bool:
        return self.closing

    def get_extra_info(self, name: str) -> None:
        assert name == "socket"

    def close(self) -> None:
        if not self.closing:
            self.done.append("close")
        self.closing = True

    def abort(self) -> None:
        self.closing = True
        self.done.append("abort")

    def __getattr__(self, name: str) -> Any:
        return lambda: self.done.append(name)


def side(name: str, half: bool, early: bytes = b"", lost: list[str] | None = None) -> tuple[TunnelSide, Wire]:
    wire = Wire(half)
    made = TunnelSide(
        name,
        cast(asyncio.Transport, wire),
        early,
        None if lost is None else lambda: lost.append(name),
    )
    assert wire.protocol is made
    return made, wire


def joined(client: TunnelSide, upstream: TunnelSide) -> list[str]:
    ended: list[str] = []
    Relay(client, upstream, Wheel(clock=lambda: 0.0), 300, ended.append).begin()
    return ended


def test_what_came_behind_the_heads_is_delivered_first_and_counted() -> None:
    client, client_wire = side("client", True, b"ping")
    upstream, upstream_wire = side("upstream", True, b"hello")
    joined(client, upstream)
    client.data_received(b"more")
    assert upstream_wire.done == [b"ping", "resume_reading", b"more"]
    assert client_wire.done == ["resume_reading", b"hello"]
    assert (client.octets, upstream.octets) == (8, 5)


def test_half_close_is_passed_on_where_there_is_one() -> None:
    lost: list[str] = []
    client, client_wire = side("client", True)
    upstream, upstream_wire = side("upstream", True, lost=lost)
    ended = joined(client, upstream)
    assert client.eof_received() is True
    assert upstream_wire.done[-1] == "write_eof"
    assert not client_wire.closing
    upstream.eof_received()
    assert client_wire.done[-2:] == ["write_eof", "close"]
    upstream.connection_lost(None)
    assert (lost, ended) == (["upstream"], [])
    client.connection_lost(None)
    assert ended == [""]


@pytest.mark.parametrize("first", ["client", "upstream"])
def test_end_of_one_direction_ends_both_where_one_cannot_be_closed_alone(first: str) -> None:
    client, client_wire = side("client", False)
    upstream, upstream_wire = side("upstream", True)
    ended = joined(client, upstream)
    (client if first == "client" else upstream).eof_received()
    assert (client_wire.done[-1], upstream_wire.done[-1]) == ("close", "close")
    assert "abort" not in client_wire.done + upstream_wire.done  # what was said last still goes out
    client.connection_lost(None)
    upstream.connection_lost(None)
    assert ended == [""]
