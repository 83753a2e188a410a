"""Ports that a supervisor keeps for its workers: bound to, so that they are theirs, and not listened on.

SO_REUSEPORT lets several processes of one user listen at one address, and so would a second gateway by
mistake. So a port is first bound to without it, which fails where anybody listens already.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Place(NamedTuple):
    """An address as it was asked for; `name` tells apart those whose port the system is to choose."""

    name: str
    host: str
    port: int


class Reservation:
    """The places that are kept, each with its port as it was chosen."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self._kept: dict[Place, list[socket.socket]] = {}

    def take(self, place: Place) -> int:
        """Keep a place; return its port, which the system chooses for 0. Raises OSError."""
        known = self._kept.get(place)
        if known is None:
            known = self._kept[place] = list(_bound(place.host, place.port))
        chosen: int = known[0].getsockname()[1]
        return chosen

    def keep_only(self, places: Iterable[Place]) -> None:
        """Let go of all others."""
        wanted = set(places)
        for place in [each for each in self._kept if each not in wanted]:
            for sock in self._kept.pop(place):
                sock.close()

    def close(self) -> None:
        """Let go of all."""
        self.keep_only(())


def _bound(host: str, port: int) -> Iterator[socket.socket]:
    """Give a socket for each address of a host, all with one port. Raises OSError, and then none is left."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    bound: list[socket.socket] = []
    try:
        for family, address in dict.fromkeys((family, address) for family, _, _, _, address in found):
            at = (address[0], port, *address[2:])
            if port:
                _socket(family, at, shared=False).close()
            bound.append(_socket(family, at, shared=True))
            port = bound[0].getsockname()[1]
    except OSError:
        for sock in bound:
            sock.close()
        raise
    yield from bound


def _socket(family: int, address: tuple[object, ...], *, shared: bool) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock
