"""Listeners: they accept, but stop while descriptors are short, and go on when there are some again.

    Gate ── pauses and resumes ──▶ every Acceptor of a gateway, whatever it accepts

What waits is kept by the system in its queue: its listening socket stays open all the while. Without this, an
accept that fails would be tried again and again, or the connection would be dropped.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import sys
from collections.abc import Callable, Iterable
from typing import Final, cast

from policyc.runtime.process import descriptor_limit, open_descriptors
from policyc.runtime.transport.brief import BriefProtocol, BriefTransport, enter

_log = logging.getLogger(__name__)

BACKLOG: Final = 1024

# So many connections are accepted in a turn of the loop: its other work waits meanwhile.
ACCEPTED_AT_ONCE: Final = 16

_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Descriptors:
    """Whether this process runs out of file descriptors: at 90 % of its limit it does."""

    def __init__(self) -> None:
        """Take the limit as it is now."""
        limit = descriptor_limit()
        self._full = max(limit * 9 // 10, 1) if limit else sys.maxsize
        self._free = self._full * 8 // 9

    def are_short(self, newest: int) -> bool:
        """Whether the newest descriptor is a high one. The system gives the lowest that is free."""
        return newest >= self._full

    def are_free(self) -> bool:
        """Whether there are enough again. Counts them all: not for every connection."""
        return open_descriptors() < self._free


class Gate:
    """Whether a gateway accepts connections: all of its listeners pause together."""

    def __init__(self, count: Callable[[], int], relieve: Callable[[], None] = lambda: None) -> None:
        """`count` tells how many connections there are, for the log.

        `relieve` is called in a pause that goes on: give up what is only kept.
        """
        self._count = count
        self._relieve = relieve
        self._descriptors = Descriptors()
        self._acceptors: set[Acceptor] = set()
        self.pauses = 0

    def add(self, acceptor: Acceptor) -> None:
        """Watch over one more listener."""
        self._acceptors.add(acceptor)

    def remove(self, acceptor: Acceptor) -> None:
        """Forget a listener that is closed."""
        self._acceptors.discard(acceptor)

    def passed(self, descriptor: int) -> None:
        """A connection was accepted: pause if it was one of the last that there are descriptors for."""
        if self._descriptors.are_short(descriptor):
            self.pause()

    def pause(self) -> None:
        """Accept nothing until there are descriptors again."""
        _log.warning("accepting pauses: file descriptors are short, connections=%d", self._count())
        self.pauses += 1
        for each in self._acceptors:
            each.pause()

    def look(self) -> None:
        """Look after what is under way, and after a pause accept again; to be called now and then."""
        for each in self._acceptors:
            each.look()
        if not any(each.is_paused for each in self._acceptors):
            return
        if not self._descriptors.are_free():
            self._relieve()
            return
        _log.warning("accepting goes on, connections=%d", self._count())
        for each in self._acceptors:
            each.resume()


class Acceptor:
    """Listens at one address; `sockets` are where.

    It accepts by itself, many connections in a turn: a loop accepts one, and gives it a transport.
    """

    def __init__(
        self, factory: Callable[[], asyncio.BaseProtocol], gate: Gate, *, reads_first: bool = False
    ) -> None:
        """`factory` makes the protocol of a connection; `gate` makes it pause with the others.

        With `reads_first`, clients are the first to speak, and the protocols are `brief.BriefProtocol`.
        """
        self._factory = factory
        self._gate = gate
        self._reads_first = reads_first
        self._under_way: set[BriefTransport] = set()
        self._loop: asyncio.AbstractEventLoop | None = None  # while it accepts
        self._closed = False
        self.sockets: list[socket.socket] = []
        # The address that all connections come to; None if there are several.
        self.here: tuple[str, int] | None = None

    async def start(self, host: str, port: int, *, reuse_port: bool = False) -> None:
        """Listen at every address that `host` has. Raises OSError."""
        bound = await asyncio.get_running_loop().create_server(
            asyncio.Protocol, host, port, reuse_port=reuse_port or None, start_serving=False
        )
        try:
            sockets = [socket.socket(fileno=os.dup(each.fileno())) for each in bound.sockets]
        finally:
            bound.close()
        self.serve(sockets)

    def serve(self, sockets: Iterable[socket.socket]) -> None:
        """Listen with sockets that are bound; they belong to the acceptor from now on. Raises OSError."""
        self.sockets = list(sockets)
        self.here = _only_address(self.sockets)
        try:
            for each in self.sockets:
                each.setblocking(False)
                each.listen(BACKLOG)
                if self._reads_first and sys.platform == "linux":
                    # Accepted with their first octets, connections need no watching before. Whoever says
                    # nothing for a second is accepted then.
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 1)
                if self._reads_first:  # connections have it from here; a loop would set it for each
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            self.close()
            raise
        self._gate.add(self)
        self.resume()

    @property
    def is_paused(self) -> bool:
        """Whether nothing is accepted for now."""
        return self._loop is None and not self._closed

    def pause(self) -> None:
        """Accept nothing for now."""
        loop, self._loop = self._loop, None
        if loop is not None:
            for each in self.sockets:
                loop.remove_reader(each.fileno())

    def resume(self) -> None:
        """Accept again."""
        if self.is_paused:
            loop = self._loop = asyncio.get_running_loop()
            for each in self.sockets:
                loop.add_reader(each.fileno(), self._accept, each)

    def close(self) -> None:
        """Listen no more."""
        self.pause()
        self._closed = True
        self._gate.remove(self)
        self.look()
        for each in self.sockets:
            each.close()

    def look(self) -> None:
        """Give transports of the loop to connections that have none; to be called now and then."""
        for each in list(self._under_way):
            each.last()

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                # What `accept` calls. A socket object for each takes 3 µs (W4 of docs/performance.md).
                descriptor, peer = listening._accept()  # type: ignore[attr-defined]
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._gate.pause()
                    return
                continue  # that client is gone again
            self._enter(descriptor, peer, listening.family)
            self._gate.passed(descriptor)
            if self._loop is None:
                return

    def _enter(self, descriptor: int, peer: object, family: int) -> None:
        os.set_blocking(descriptor, False)
        protocol = self._factory()
        if not self._reads_first:
            enter(protocol, socket.socket(family, socket.SOCK_STREAM, 0, descriptor))
            return
        brief = BriefTransport(descriptor, family, peer, cast(BriefProtocol, protocol), self._under_way)
        try:
            brief.begin()
        except Exception:  # the others of this turn are not to suffer from it
            _log.exception("a connection failed")
            brief.abort()


def _only_address(sockets: list[socket.socket]) -> tuple[str, int] | None:
    """Return the address at which these listen, None if it is more than one."""
    if len(sockets) != 1 or sockets[0].family != socket.AF_INET:
        return None
    address, port = sockets[0].getsockname()
    return None if address == "0.0.0.0" else (address, port)  # noqa: S104  # nothing is bound to it here
