"""A connection as its listener accepted it: who is at its ends, and the PROXY header that may tell so.

A peer that is listed (`--proxy-protocol-from`) must begin with a header; what it says of the client counts
then, for policies, limits and logs. From anybody else a header is no header. Rule: nothing but a listed peer
can say who the client is.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple, cast
from typing import Protocol as Interface

from policyc.runtime.exchange import Surroundings
from policyc.runtime.observe import timestamp
from policyc.runtime.protocol.proxy_protocol import BadProxyHeader, Told, parse
from policyc.runtime.transport.wheel import Timed, Wheel

_log = logging.getLogger(__name__)


class Ends(NamedTuple):
    """The ends of a connection as (address, port); `here` is where it came to, whatever was told."""

    client: tuple[str, int]
    server: tuple[str, int]
    here: tuple[str, int]

    @classmethod
    def of(cls, transport: asyncio.BaseTransport) -> Ends:
        """Return the ends that the system knows."""
        here = own_end(transport.get_extra_info("sockname"))
        return cls(socket_end(transport.get_extra_info("peername")), here, here)

    def told(self, told: Told) -> Ends:
        """Return the ends as a PROXY header tells them."""
        return self._replace(client=told.source or self.client, server=told.destination or self.server)


class Held(Interface):
    """A connection that the gateway counts, and ends when it stops."""

    def stop(self) -> None:
        """Close if nothing is under way, else soon."""

    def kill(self) -> None:
        """Close at once: what is under way ends with the reason `drain_timeout`."""


class Greeter(Interface):
    """What a greeting needs of the gateway."""

    around: Surroundings
    wheel: Wheel
    proxies: Proxies

    def hold(self, connection: Held) -> bool:
        """Hold a connection whose client is not known yet; False if there are too many."""

    def admit(self, connection: Held, address: str) -> bool:
        """Count a connection of a client; False if there are too many, or if it is gone already."""

    def leave(self, connection: Held, address: str) -> None:
        """The connection is gone."""


class Proxies:
    """The peers that tell who the client is, by networks."""

    def __init__(self, networks: Iterable[str]) -> None:
        """Raise ValueError for a text that is no network."""
        from policyc.engine.networks import NetworkSet, parse_network

        parsed = []
        for text in networks:
            network = parse_network(text)
            if network is None:
                raise ValueError(f"`{text}` is no network")
            parsed.append(network)
        self.are_any = bool(parsed)
        self._networks = NetworkSet(parsed)

    def has(self, address: str) -> bool:
        """Whether a header is to come from this peer."""
        from policyc.engine.networks import parse_address

        parsed = parse_address(address) if self.are_any else None
        return parsed is not None and self._networks.match(*parsed) is not None


def greet(house: Greeter, make: Callable[[Ends | None], asyncio.Protocol]) -> Callable[[], asyncio.Protocol]:
    """Return the factory of a listener: PROXY headers are read if any peer is listed."""
    if not house.proxies.are_any:
        return lambda: make(None)
    return lambda: Greeting(house, make)


class Greeting(Timed, asyncio.Protocol):
    """Reads the PROXY header of a listed peer, then hands the connection over; others go on at once."""

    def __init__(self, house: Greeter, make: Callable[[Ends | None], asyncio.Protocol]) -> None:
        """`make` returns the protocol that the connection is for."""
        super().__init__()
        self._house = house
        self._make = make
        self._octets = b""
        self._transport: asyncio.Transport
        self._ends: Ends

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a header from those who must send one."""
        self._transport = cast(asyncio.Transport, transport)
        self._ends = Ends.of(transport)
        if not self._house.proxies.has(self._ends.client[0]):
            self._hand_over(self._ends, b"")
        elif self._house.hold(self):
            self._house.wheel.set(self, self._house.around.settings.hello_timeout_s)
        else:
            self._transport.abort()  # which has been logged

    def data_received(self, data: bytes) -> None:
        """Read the header; it may come in pieces."""
        self._octets += data
        try:
            told = parse(self._octets)
        except BadProxyHeader as error:
            self._refuse("bad_proxy_header", str(error))
            return
        if told is not None:
            self._let_go()
            self._hand_over(self._ends.told(told), self._octets[told.length :])

    def eof_received(self) -> bool:
        """The peer says no more."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._let_go()

    def expired(self) -> None:
        """The header is late."""
        self._refuse("proxy_header_timeout")

    def stop(self) -> None:
        """Close."""
        self._transport.close()

    def kill(self) -> None:
        """Close at once."""
        self._transport.abort()

    def _let_go(self) -> None:
        self._house.wheel.remove(self)
        self._house.leave(self, "")

    def _hand_over(self, ends: Ends, rest: bytes) -> None:
        protocol = self._make(ends)
        transport = self._transport
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if rest and not transport.is_closing():
            protocol.data_received(rest)

    def _refuse(self, reason: str, detail: str = "") -> None:
        self._house.around.log(
            {
                "ts": timestamp(time.time()),
                "client": self._ends.client[0],
                "reason": reason,
                **({"detail": detail} if detail else {}),
            }
        )
        self._transport.abort()


def socket_end(name: object) -> tuple[str, int]:
    """Return (address, port) of a socket name: IPv4-mapped addresses as IPv4, no zone."""
    if not isinstance(name, tuple) or len(name) < 2:
        return "", 0
    if len(name) == 2:  # of IPv4, as it should be
        return name
    address = str(name[0]).partition("%")[0]
    if address.startswith("::ffff:") and "." in address:
        address = address[7:]
    return address, int(name[1])


# A gateway has few addresses of its own, and many connections come to each.
own_end = lru_cache(64)(socket_end)
