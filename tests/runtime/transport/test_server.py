"""A client's connection against a transport that goes nowhere: what is written, when, and when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from policyc.engine.outcome import Respond
from policyc.engine.phases import Phase
from policyc.engine.traffic import Exchange
from policyc.runtime.endpoints import PublicEndpoint, make_snapshot
from policyc.runtime.exchange import Surroundings
from policyc.runtime.forwarded import Forwarding
from policyc.runtime.metrics import Metrics
from policyc.runtime.observe import AccessLog, Record
from policyc.runtime.services import LocalServices
from policyc.runtime.settings import Settings
from policyc.runtime.state import RateLimiter
from policyc.runtime.transport.accepted import Held
from policyc.runtime.transport.plain import PlainReader
from policyc.runtime.transport.server import ClientConnection
from policyc.runtime.transport.upstream import Upstreams
from policyc.runtime.transport.wheel import Wheel

GET = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"


class Transport(asyncio.Transport):
    def __init__(self, peer: tuple[object, ...]) -> None:
        super().__init__({"peername": peer, "sockname": ("192.0.2.2", 80)})
        self.writes: list[bytes] = []
        self.ended = self.closed = self.aborted = False
        self.reading = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.closed

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True


class House:
    """A gateway of one endpoint that answers by itself."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.now = 100.0
        self.records: list[Record] = []
        self.wheel = Wheel(clock=lambda: self.now)
        self.around = Surroundings(
            settings or Settings(), LocalServices(RateLimiter(lambda: 0.0)), Forwarding(), self.records.append
        )
        self.views: list[Exchange] = []
        self.is_stopping = False
        self.metrics = Metrics(self.records.append)
        self.access: AccessLog | None = None
        self.upstreams = Upstreams(self.around.settings, self.wheel)
        self.plain = PlainReader(self.around.settings.limits())
        from policyc.engine.model import EndpointKey
        from policyc.engine.phases import Binding, Protocol

        key = EndpointKey("default", Binding.PUBLIC, Protocol.HTTPS, "a.example", 443)
        phases = {Phase.HTTP_REQUEST: self.answer}
        self.snapshot = make_snapshot([PublicEndpoint(key, "https://a.example", phases, None)])

    def answer(self, exchange: Exchange) -> Respond:
        self.views.append(exchange)
        return Respond(200, body=b"ok")

    def admit(self, connection: Held, address: str) -> bool:
        return address != "198.51.100.1"

    def leave(self, connection: Held, address: str) -> None:
        pass

    def connect(self, *peer: object) -> tuple[ClientConnection, Transport]:
        connection = ClientConnection(self)
        transport = Transport(peer or ("192.0.2.1", 5))
        connection.connection_made(transport)
        return connection, transport

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.wheel.turn()


def test_response_is_one_write() -> None:
    house = House()
    connection, transport = house.connect()
    connection.data_received(GET)
    assert transport.writes == [b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"]
    connection.data_received(GET + GET)
    assert len(transport.writes) == 3


@pytest.mark.parametrize(
    ("peer", "shown"),
    [
        (("192.0.2.1", 5), "192.0.2.1"),
        (("::ffff:192.0.2.1", 5, 0, 0), "192.0.2.1"),
        (("fe80::1%eth0", 5, 0, 2), "fe80::1"),
    ],
)
def test_client_address_is_plain(peer: tuple[object, ...], shown: str) -> None:
    house = House()
    connection, _ = house.connect(*peer)
    connection.data_received(GET)
    conn = house.views[0].conn
    assert (conn.client_ip, conn.client_port, conn.server_ip, conn.server_port) == (shown, 5, "192.0.2.2", 80)


def test_connection_that_is_not_admitted_is_dropped() -> None:
    _, transport = House().connect("198.51.100.1", 5)
    assert transport.aborted


def test_octets_are_counted() -> None:
    house = House()
    connection, transport = house.connect()
    connection.data_received(GET)
    assert house.views[0].conn.bytes_in == len(GET)
    assert house.views[0].conn.bytes_out == len(transport.writes[0])


def test_silence_closes_without_a_word() -> None:
    house = House()
    _, transport = house.connect()
    house.wait(74)
    assert not transport.closed
    house.wait(2)
    assert transport.closed
    assert transport.writes == []


def test_head_has_ten_seconds_in_all_however_it_trickles() -> None:
    house = House()
    connection, transport = house.connect()
    for octet in GET[:9]:
        connection.data_received(bytes([octet]))
        house.wait(1.1)
    house.wait(1)
    assert transport.writes[0].startswith(b"HTTP/1.1 408 ")
    assert house.records[0]["reason"] == "head_timeout"


def test_refused_client_is_answered_once_and_then_not_heard() -> None:
    house = House()
    connection, transport = house.connect()
    connection.data_received(b"GET / HTTP/1.1\r\n\r\n" + GET)
    connection.data_received(GET)
    assert len(transport.writes) == 1
    assert transport.writes[0].startswith(b"HTTP/1.1 400 ")
    assert transport.ended
    assert not transport.closed
    house.wait(3)
    assert transport.aborted


def test_client_that_floods_a_closing_connection_is_cut() -> None:
    house = House(Settings(drain_limit_bytes=10))
    connection, transport = house.connect()
    connection.data_received(b"nonsense\r\n\r\n")
    connection.data_received(b"x" * 200)
    assert transport.aborted


def test_client_that_takes_nothing_is_cut() -> None:
    house = House()
    connection, transport = house.connect()
    connection.data_received(GET)
    connection.pause_writing()
    house.wait(29)
    assert not transport.closed
    house.wait(2)
    assert transport.aborted


def test_stopping_gateway_says_close() -> None:
    house = House()
    connection, transport = house.connect()
    house.is_stopping = True
    connection.data_received(GET)
    assert b"connection: close\r\n" in transport.writes[0]
    assert transport.ended


@pytest.mark.parametrize("send", [lambda c: None, lambda c: c.data_received(GET)])
def test_idle_connection_stops_at_once(send: Callable[[ClientConnection], None]) -> None:
    house = House()
    connection, transport = house.connect()
    send(connection)
    connection.stop()
    assert transport.closed
    assert not transport.aborted


def test_body_nobody_wants_is_read_at_the_least_rate_only() -> None:
    house = House()
    connection, transport = house.connect()
    connection.data_received(b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 60000\r\n\r\n")
    assert transport.writes
    for _ in range(12):
        house.wait(1)
        connection.data_received(b"x" * 10)
    assert transport.aborted
