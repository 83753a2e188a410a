"""A listener that stops accepting while descriptors are short, and goes on when there are some again.

What waits is kept by the system in its queue: its listening socket stays open all the while. Without this, an
accept that fails would be tried again and again, or the connection would be dropped.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from policyc.runtime.process import descriptor_limit, open_descriptors

if TYPE_CHECKING:
    from ssl import SSLContext

_BACKLOG = 1024


class Descriptors:
    """Whether this process runs out of file descriptors: at 90 % of its limit it does."""

    def __init__(self) -> None:
        """Take the limit as it is now."""
        limit = descriptor_limit()
        self._full = limit * 9 // 10
        self._free = limit * 8 // 10
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


class Acceptor:
    """Listens at one address; `sockets` are where."""

    def __init__(self, factory: Callable[[], asyncio.Protocol], ssl: SSLContext | None = None) -> None:
        """`factory` makes the protocol of a connection."""
        self._factory = factory
        self._ssl = ssl
        self._servers: list[asyncio.Server] = []
        self._resuming: asyncio.Task[None] | None = None
        self._closed = False
        self.sockets: list[socket.socket] = []

    async def start(self, host: str, port: int, *, reuse_port: bool = False) -> None:
        """Listen. Raises OSError."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            self._factory, host, port, ssl=self._ssl, backlog=_BACKLOG, reuse_port=reuse_port or None
        )
        self._servers = [server]
        # Copies of the descriptors: they keep the queue of the system while the server is closed.
        self.sockets = [socket.socket(fileno=os.dup(each.fileno())) for each in server.sockets]

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

    async def _resume(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            for each in self.sockets:
                again = socket.socket(fileno=os.dup(each.fileno()))
                server = await loop.create_server(self._factory, sock=again, ssl=self._ssl, backlog=_BACKLOG)
                self._servers.append(server)
        except OSError:  # there are none again; the next tick tries anew
            self.pause()
        finally:
            self._resuming = None
        if self._closed:
            self.pause()

    def close(self) -> None:
        """Listen no more."""
        self._closed = True
        self.pause()
        for each in self.sockets:
            each.close()
