"""The listeners of tcp and tls endpoints: one per tcp port, one for tls; they follow what is served.

A reload binds the sockets that it needs first, and only then anything changes. What a listener accepts finds
its endpoint in the snapshot of that moment; a port that nothing is served on any more is closed.
"""

from __future__ import annotations

import socket
from typing import NamedTuple

from policyc.runtime.endpoints import Snapshot
from policyc.runtime.transport.accepted import greet
from policyc.runtime.transport.acceptor import BACKLOG, Acceptor, Gate
from policyc.runtime.transport.streams import StreamHouse, TcpConnection, TlsConnection


class Place(NamedTuple):
    """Where to listen, and for which protocol."""

    scheme: str
    host: str
    port: int


class StreamListeners:
    """Listens for the tcp and tls endpoints of one gateway."""

    def __init__(self, house: StreamHouse, gate: Gate, *, reuse_port: bool = False) -> None:
        """Nothing listens before `start`. With `reuse_port`, other processes may listen there too."""
        self._house = house
        self._gate = gate
        self._reuse_port = reuse_port
        self._tcp_host: str | None = None
        self._tls: tuple[str, int] | None = None
        self._sockets: dict[Place, socket.socket] = {}
        self._acceptors: dict[Place, Acceptor] = {}

    def start(self, tcp_host: str | None, tls: tuple[str, int] | None) -> None:
        """Listen for what is served. Raises OSError, and then nothing listens."""
        self._tcp_host, self._tls = tcp_host, tls
        self.adopt(self.bind(self._house.snapshot))

    def bind(self, snapshot: Snapshot) -> dict[Place, socket.socket]:
        """Return every socket that `snapshot` needs, new ones bound. Raises OSError, none is left then."""
        wanted: list[Place] = []
        if self._tcp_host is not None:
            wanted += [Place("tcp", self._tcp_host, port) for port in snapshot.streams.ports]
        if self._tls is not None and snapshot.streams.has_tls:
            wanted.append(Place("tls", *self._tls))
        sockets: dict[Place, socket.socket] = {}
        try:
            for place in wanted:
                sockets[place] = self._sockets.get(place) or self._listening(place)
        except OSError:
            self.release(sockets)
            raise
        return sockets

    def release(self, sockets: dict[Place, socket.socket]) -> None:
        """Close what `bind` returned and nobody adopts."""
        for place, sock in sockets.items():
            if place not in self._sockets:
                sock.close()

    def adopt(self, sockets: dict[Place, socket.socket]) -> None:
        """Listen with these sockets from now on, and no more with others."""
        for place in [each for each in self._sockets if each not in sockets]:
            self._drop(place)
        for place, sock in sockets.items():
            if place not in self._sockets:
                self._sockets[place] = sock
                acceptor = self._acceptors[place] = self._acceptor(place)
                acceptor.serve([sock])

    def _acceptor(self, place: Place) -> Acceptor:
        house = self._house
        kind = TcpConnection if place.scheme == "tcp" else TlsConnection
        return Acceptor(greet(house, lambda ends: kind(house, ends)), self._gate)

    def _drop(self, place: Place) -> None:
        del self._sockets[place]
        self._acceptors.pop(place).close()

    def _listening(self, place: Place) -> socket.socket:
        family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
        try:
            sock = socket.create_server(
                (place.host, place.port), family=family, backlog=BACKLOG, reuse_port=self._reuse_port
            )
        except OSError as error:
            error.filename = f"{place.scheme}://{_shown(place.host)}:{place.port}"
            raise
        sock.setblocking(False)
        return sock

    @property
    def addresses(self) -> list[Place]:
        """Where it listens."""
        return [
            Place(place.scheme, place.host, sock.getsockname()[1]) for place, sock in self._sockets.items()
        ]

    def close(self) -> None:
        """Accept nothing more; connections go on."""
        for place in list(self._sockets):
            self._drop(place)


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
