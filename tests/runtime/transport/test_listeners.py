"""Listeners follow what is served; a port that cannot be had leaves everything as it was."""

from __future__ import annotations

import socket
from typing import Any, cast

import pytest
from tests.e2e.stream_world import free_port
from tests.e2e.world import run
from tests.runtime.test_endpoints import made

from policyc.runtime.endpoints import Snapshot, make_snapshot
from policyc.runtime.transport.accepted import Proxies
from policyc.runtime.transport.acceptor import Gate
from policyc.runtime.transport.listeners import Place, StreamListeners
from policyc.runtime.transport.streams import StreamHouse


class House:
    proxies = Proxies([])

    def __init__(self, *urls: str) -> None:
        self.snapshot: Snapshot = make_snapshot(made(url) for url in urls)


def listeners(house: House, gate: Gate | None = None, *, reuse_port: bool = False) -> StreamListeners:
    stream_house = cast(StreamHouse, cast(Any, house))
    return StreamListeners(stream_house, gate or Gate(lambda: 0), reuse_port=reuse_port)


def test_there_is_a_listener_per_port_and_one_for_tls() -> None:
    async def scenario() -> None:
        one, two = free_port(), free_port()
        made_of = listeners(
            House(f"tcp://a.example:{one}", f"tcp://*:{two}", "tls://a.example", "tls://*.b.example")
        )
        assert made_of.addresses == []
        made_of.start("127.0.0.1", ("127.0.0.1", 0))
        places = made_of.addresses
        assert sorted(places)[:2] == sorted(Place("tcp", "127.0.0.1", port) for port in (one, two))
        assert [place.scheme for place in places] == ["tcp", "tcp", "tls"]
        assert places[2].port > 0
        made_of.close()
        assert made_of.addresses == []
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", one))

    run(scenario())


def test_kind_that_is_left_out_does_not_listen() -> None:
    async def scenario() -> None:
        made_of = listeners(House(f"tcp://a.example:{free_port()}", "tls://a.example"))
        made_of.start(None, None)
        assert made_of.addresses == []
        made_of.close()

    run(scenario())


def test_port_in_use_is_named_and_nothing_listens() -> None:
    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            made_of = listeners(House(f"tcp://a.example:{free_port()}", f"tcp://a.example:{port}"))
            with pytest.raises(OSError) as caught:  # noqa: PT011  # the file name tells which
                made_of.start("127.0.0.1", None)
            assert caught.value.filename == f"tcp://127.0.0.1:{port}"
            assert made_of.addresses == []

    run(scenario())


def test_sockets_that_nobody_adopts_are_closed() -> None:
    async def scenario() -> None:
        house = House()
        made_of = listeners(house)
        made_of.start("127.0.0.1", None)
        port = free_port()
        sockets = made_of.bind(make_snapshot([made(f"tcp://a.example:{port}")]))
        made_of.release(sockets)
        assert [sock.fileno() for sock in sockets.values()] == [-1]
        assert made_of.addresses == []

    run(scenario())


def test_processes_share_a_port_when_they_are_told_to() -> None:
    async def scenario() -> None:
        house = House(f"tcp://a.example:{free_port()}")
        one, two = listeners(house, reuse_port=True), listeners(house, reuse_port=True)
        one.start("127.0.0.1", None)
        two.start("127.0.0.1", None)
        assert one.addresses == two.addresses
        one.close()
        two.close()
        one.start("127.0.0.1", None)
        with pytest.raises(OSError, match="in use"):
            listeners(house).start("127.0.0.1", None)
        one.close()

    run(scenario())


def test_port_that_is_dropped_in_the_same_turn_is_free_again() -> None:
    async def scenario() -> None:
        port = free_port()
        made_of = listeners(House())
        made_of.start("127.0.0.1", None)
        made_of.adopt(made_of.bind(make_snapshot([made(f"tcp://a.example:{port}")])))
        made_of.adopt({})
        assert made_of.addresses == []
        made_of.close()
        socket.create_server(("127.0.0.1", port)).close()

    run(scenario())
