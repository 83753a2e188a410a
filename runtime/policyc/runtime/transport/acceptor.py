"""Listeners that stop accepting while descriptors are short, and go on when there are some again.

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
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from policyc.runtime.process import descriptor_limit, open_descriptors

if TYPE_CHECKING:
    from ssl import SSLContext

_log = logging.getLogger(__name__)

BACKLOG = 1024

# libuv accepts one connection of a listening socket in a turn of the loop, and a turn costs more than that.
# So each socket is listened to so many times, all with the one queue (W4 of docs/performance.md).
ACCEPTED_AT_ONCE = 16


def accepted_at_once() -> int:
    """Return how many connections a listener accepts in a turn: fewer where descriptors are few."""
    limit = descriptor_limit()
    return max(1, min(ACCEPTED_AT_ONCE, limit // 16)) if limit else ACCEPTED_AT_ONCE


class Descriptors:
    """Whether this process runs out of file descriptors: at 90 % of its limit it does."""

    def __init__(self) -> None:
        """Take the limit as it is now."""
        limit = descriptor_limit()
        # What is accepted in the turn in which that is seen needs descriptors as well.
        self._full = max(min(limit * 9 // 10, limit - 3 * accepted_at_once()), 1) if limit else 0
        self._free = self._full * 8 // 9
        self.wary = limit // 4

    def are_short(self) -> bool:
        """Whether the next descriptor would be a high one. The system gives the lowest that is free."""
        if not self._full:
            return False
        try:
            lowest = os.dup(0)
        except OSError as error:
            import errno

            return error.errno == errno.EMFILE
        os.close(lowest)
        return lowest >= self._full

    def are_free(self) -> bool:
        """Whether there are enough again. Counts them all: not for every connection."""
        return open_descriptors() < self._free


class Gate:
    """Whether a gateway accepts connections: all of its listeners pause together."""

    def __init__(self, count: Callable[[], int], relieve: Callable[[], None] = lambda: None) -> None:
        """`count` tells how many connections there are, which decides when descriptors are looked at.

        `relieve` is called in a pause that goes on: give up what is only kept.
        """
        self._count = count
        self._relieve = relieve
        self._descriptors = Descriptors()
        self._acceptors: set[Acceptor] = set()
        self._pausing = False
        self.pauses = 0

    def add(self, acceptor: Acceptor) -> None:
        """Watch over one more listener."""
        self._acceptors.add(acceptor)

    def remove(self, acceptor: Acceptor) -> None:
        """Forget a listener that is closed."""
        self._acceptors.discard(acceptor)

    def passed(self) -> None:
        """A connection was accepted: pause if it was one of the last that there are descriptors for."""
        wary = self._descriptors.wary
        if not wary or self._count() < wary or self._pausing or not self._descriptors.are_short():
            return
        self._pausing = True
        # Not at once: a listener that is closed under the connection that it just accepted loses that one.
        asyncio.get_running_loop().call_soon(self._pause)

    def _pause(self) -> None:
        _log.warning("accepting pauses: file descriptors are short, connections=%d", self._count())
        self._pausing = False
        self.pauses += 1
        for each in self._acceptors:
            each.pause()

    def look(self) -> None:
        """Accept again after a pause, if there are descriptors; to be called now and then."""
        if not any(each.is_paused for each in self._acceptors):
            return
        if not self._descriptors.are_free():
            self._relieve()
            return
        _log.warning("accepting goes on, connections=%d", self._count())
        for each in self._acceptors:
            each.resume()


def sockets_of(server: asyncio.Server) -> list[socket.socket]:
    """Return where a server that was just made listens. Raises OSError, and then it is closed.

    uvloop does not say when another process has begun to listen between its own bind and listen: the server
    has no socket then.
    """
    sockets: list[socket.socket | None] = list(server.sockets)
    there = [each for each in sockets if each is not None]
    if len(there) < len(sockets):
        server.close()
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    return there


class Acceptor:
    """Listens at one address; `sockets` are where."""

    def __init__(
        self,
        factory: Callable[[], asyncio.BaseProtocol],
        gate: Gate | None = None,
        *,
        ssl: SSLContext | None = None,
    ) -> None:
        """`factory` makes the protocol of a connection; `gate` makes it pause with the others."""
        self._factory = factory
        self._gate = gate
        self._ssl = ssl
        self._servers: list[asyncio.Server] = []
        self._resuming: asyncio.Task[None] | None = None
        self._closed = False
        self.sockets: list[socket.socket] = []
        # The address that all connections come to; None if there are several.
        self.here: tuple[str, int] | None = None

    async def start(self, host: str, port: int, *, reuse_port: bool = False) -> None:
        """Listen at every address that `host` has. Raises OSError."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            self._accepted, host, port, ssl=self._ssl, backlog=BACKLOG, reuse_port=reuse_port or None
        )
        # Copies of the descriptors: they keep the queue of the system while the server is closed.
        self.sockets = [_again(each) for each in sockets_of(server)]
        self._servers = [server]
        self.here = _only_address(self.sockets)
        try:
            await self._listen(accepted_at_once() - 1)
        except OSError:
            self.close()
            raise
        self._join()

    async def serve(self, sockets: Iterable[socket.socket]) -> None:
        """Listen with sockets that listen already; they belong to the acceptor from now on."""
        self.sockets = list(sockets)
        self._join()
        self.resume()
        if self._resuming is not None:
            await self._resuming

    def _join(self) -> None:
        if self._gate is not None and not self._closed:
            self._gate.add(self)

    def _accepted(self) -> asyncio.BaseProtocol:
        if self._gate is not None:
            self._gate.passed()
        return self._factory()

    @property
    def is_paused(self) -> bool:
        """Whether nothing is accepted for now."""
        return not self._servers and not self._closed

    def pause(self) -> None:
        """Accept nothing for now."""
        servers, self._servers = self._servers, []
        for server in servers:
            server.close()

    def resume(self) -> None:
        """Accept again."""
        if self.is_paused and self._resuming is None:
            self._resuming = asyncio.get_running_loop().create_task(self._resume())

    async def _listen(self, times: int) -> None:
        loop = asyncio.get_running_loop()
        for each in self.sockets * times:
            again = _again(each)
            server = await loop.create_server(self._accepted, sock=again, ssl=self._ssl, backlog=BACKLOG)
            self._servers.append(server)

    async def _resume(self) -> None:
        try:
            await self._listen(accepted_at_once())
        except OSError:  # there are none again; the next look tries anew
            self.pause()
        finally:
            self._resuming = None
        if self._closed:
            self.pause()

    def close(self) -> None:
        """Listen no more."""
        self._closed = True
        if self._gate is not None:
            self._gate.remove(self)
        self.pause()
        for each in self.sockets:
            each.close()


def _only_address(sockets: list[socket.socket]) -> tuple[str, int] | None:
    """Return the address at which these listen, None if it is more than one."""
    if len(sockets) != 1 or sockets[0].family != socket.AF_INET:
        return None
    address, port = sockets[0].getsockname()
    return None if address == "0.0.0.0" else (address, port)  # noqa: S104  # nothing is bound to it here


def _again(listening: socket.socket) -> socket.socket:
    """Return another descriptor of a socket that listens."""
    return socket.socket(fileno=os.dup(listening.fileno()))
