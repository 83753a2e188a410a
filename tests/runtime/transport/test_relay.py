"""A relay over transports that only note what is done with them."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from policyc.runtime.transport.relay import Relay, Side, reset
from policyc.runtime.transport.wheel import TICK_S, Wheel


class Wire:
    """A transport that notes: octets as they are, everything else by name."""

    def __init__(self) -> None:
        self.done: list[object] = []
        self.waiting = 0
        self.closing = False

    def write(self, data: bytes) -> None:
        self.done.append(data)

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def get_extra_info(self, name: str) -> None:
        assert name == "socket"

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True
        self.done.append("close")

    def abort(self) -> None:
        self.closing = True
        self.done.append("abort")

    def __getattr__(self, name: str) -> Any:
        return lambda: self.done.append(name)


class Ends:
    """A client's and an upstream's side, the relay between them, and time that stands still."""

    def __init__(self, *, begin: bool = True) -> None:
        self.now = 0.0
        self.ended: list[str] = []
        self.wires = Wire(), Wire()
        self.client, self.upstream = Side("client"), Side("upstream")
        for side, wire in zip((self.client, self.upstream), self.wires, strict=True):
            side.connection_made(cast(asyncio.Transport, wire))
        self.wheel = Wheel(clock=lambda: self.now)
        self.relay = Relay(self.client, self.upstream, self.wheel, 300, self.ended.append)
        if begin:
            self.relay.begin()
            for wire in self.wires:
                wire.done.clear()

    def wait(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            self.now += TICK_S
            self.wheel.turn()


def test_pieces_pass_both_ways_as_they_come() -> None:
    ends = Ends()
    ends.client.data_received(b"ask")
    ends.upstream.data_received(b"answer")
    assert ends.wires[0].done == [b"answer"]
    assert ends.wires[1].done == [b"ask"]
    assert (ends.client.octets, ends.upstream.octets) == (3, 6)


def test_what_came_before_the_relay_waits_and_is_not_read_on() -> None:
    ends = Ends(begin=False)
    ends.upstream.relay = None
    ends.upstream.data_received(b"220 ")
    ends.upstream.data_received(b"hello")
    assert ends.wires[1].done == ["pause_reading"] * 2
    assert ends.wires[0].done == []
    ends.upstream.relay = ends.relay
    ends.relay.begin()
    assert ends.wires[0].done == ["resume_reading", b"220 hello"]


def test_side_whose_peer_takes_no_more_is_read_no_more() -> None:
    ends = Ends()
    ends.client.pause_writing()
    assert ends.wires[1].done == ["pause_reading"]
    ends.client.resume_writing()
    assert ends.wires[1].done == ["pause_reading", "resume_reading"]
    assert ends.wires[0].done == []


def test_end_is_passed_on_and_both_close_when_both_are_done() -> None:
    ends = Ends()
    assert ends.client.eof_received()
    assert ends.wires[1].done == ["write_eof"]
    ends.client.resume()  # a direction that has ended is not read again
    ends.upstream.data_received(b"answer")
    assert ends.upstream.eof_received()
    assert ends.wires[0].done == [b"answer", "write_eof", "close"]
    assert ends.wires[1].done == ["write_eof", "close"]
    ends.client.connection_lost(None)
    assert ends.ended == []
    ends.upstream.connection_lost(None)
    assert ends.ended == [""]


def test_end_before_the_relay_is_passed_on_after_what_came() -> None:
    ends = Ends(begin=False)
    ends.client.early, ends.client.at_end = b"ask", True
    ends.relay.begin()
    assert ends.wires[1].done == [b"ask", "resume_reading", "write_eof"]


@pytest.mark.parametrize("error", [None, ConnectionResetError()])
def test_connection_that_breaks_breaks_the_other(error: Exception | None) -> None:
    ends = Ends()
    ends.upstream.connection_lost(error)
    assert ends.wires[0].done == ["abort"]
    ends.client.connection_lost(None)
    assert ends.ended == ["upstream_reset"]


def test_nothing_moves_and_both_are_dropped_within_a_tenth_more() -> None:
    ends = Ends()
    ends.wait(299)
    assert ends.wires[0].done == []
    ends.wait(60)
    assert ends.wires[0].done == ends.wires[1].done == ["abort"]
    for side in (ends.client, ends.upstream):
        side.connection_lost(None)
    assert ends.ended == ["idle_timeout"]


def test_whatever_moves_starts_the_time_anew() -> None:
    ends = Ends()
    for _ in range(4):
        ends.wait(250)
        ends.client.data_received(b"x")
        ends.wait(250)
        ends.wires[0].waiting += 1  # also what a slow peer takes at last
    assert "abort" not in ends.wires[0].done


def test_peer_that_takes_nothing_of_the_rest_is_dropped() -> None:
    ends = Ends()
    ends.client.eof_received()
    ends.upstream.eof_received()
    ends.wires[0].waiting = 10
    ends.wait(400)
    assert ends.wires[0].done[-1] == "abort"


def test_reset_of_a_closed_socket_just_drops() -> None:
    class Gone(Wire):
        def get_extra_info(self, name: str) -> Any:
            class Sock:
                def setsockopt(self, *args: object) -> None:
                    raise OSError

            return Sock()

    wire = Gone()
    reset(cast(asyncio.Transport, wire))
    assert wire.done == ["abort"]
