"""A connection that ends with its first answer: read, written and closed by system calls alone.

    accepted ── first read ──▶ a whole request, the last one ──▶ answer ── close
                          └──▶ anything else: a transport of the loop

To make a transport of the loop, to watch its descriptor and to take both down again costs more than to answer
(workload W4 of docs/performance.md). So it is made only where it is needed; for a request under way that is
when the answer is not taken at once, or does not come soon: only the loop hears that a client has gone.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final, cast

from policyc.runtime.transport.unread import has_unread

_log = logging.getLogger(__name__)

_READ_AT_ONCE: Final = 64 * 1024
# With more waiting to be written, the protocol is to pause.
_HIGH_WATER: Final = 64 * 1024


class BriefProtocol(asyncio.Protocol):
    """A protocol whose connections may be brief."""

    def begin_briefly(self, data: bytes) -> bool:
        """Take the first octets if they are a whole request and the last one; else nothing has happened."""
        raise NotImplementedError

    def moved(self, transport: asyncio.Transport) -> None:
        """The connection goes on with another transport."""
        raise NotImplementedError

    def unread(self) -> None:
        """The client said more, and a close would reset the connection: close it in stages."""
        raise NotImplementedError


def enter(protocol: asyncio.BaseProtocol, accepted: socket.socket) -> bool:
    """Give an accepted socket a transport of the running loop: `connection_made` comes with its next turn.

    False if there is none to be had; the socket is closed then.
    """
    # A coroutine that waits once. Taken by hand, for a task would take another turn, and as long again.
    entering: Coroutine[Any, Any, Any] = asyncio.get_running_loop().connect_accepted_socket(
        lambda: protocol, accepted
    )
    try:
        made: asyncio.Future[Any] = entering.send(None)
    except OSError as error:
        _log.warning("a connection cannot be served: %s", error)
        accepted.close()
        return False
    made.add_done_callback(lambda _: _entered(entering))
    return True


def _entered(entering: Coroutine[Any, Any, Any]) -> None:
    try:
        entering.send(None)
    except StopIteration:
        pass  # as it should
    except (OSError, RuntimeError) as error:  # it was closed before it was there
        _log.debug("a connection was not served: %s", error)


class BriefTransport(asyncio.Transport):
    """The transport of such a connection. Nothing is read but what is there at the beginning.

    One of the loop may take its place, and does then what was asked of this one meanwhile.
    """

    __slots__ = (
        "_closing", "_descriptor", "_family", "_first", "_lasting", "_later", "_paused", "_peer", "_protocol",
        "_socket", "_under_way", "_waiting",
    )  # fmt: skip

    def __init__(
        self,
        descriptor: int,
        family: int,
        peer: object,
        protocol: BriefProtocol,
        under_way: set[BriefTransport],
    ) -> None:
        """The descriptor does not block; `under_way` has those whose clients may go unheard."""
        self._descriptor = descriptor
        self._family = family
        self._peer = peer
        self._protocol = protocol
        self._under_way = under_way
        self._closing = False
        self._socket: socket.socket | None = None
        self._first = b""
        self._lasting: asyncio.Transport | None = None
        self._later: list[Callable[[asyncio.Transport], None]] | None = None
        # How many octets wait for it, and whether that was too many.
        self._waiting = 0
        self._paused = False

    def begin(self) -> None:
        """Read what is there, and see what it takes."""
        protocol = self._protocol
        try:
            data = os.read(self._descriptor, _READ_AT_ONCE)
        except BlockingIOError:
            enter(protocol, self._as_socket())
            return
        except OSError:
            data = b""
        if not data:  # it is gone already
            os.close(self._descriptor)
            return
        protocol.connection_made(self)
        if self._closing:
            return
        self._under_way.add(self)
        if not protocol.begin_briefly(data):
            self._first = data
            self.last()

    def last(self) -> None:
        """Go on with a transport of the loop, from the next turn on."""
        if self._closing or self._later is not None or self._lasting is not None:
            return
        self._under_way.discard(self)
        self._later = []
        if not enter(_Arrival(self._arrived), self._as_socket()):
            self._later = None
            self._end(None)

    def _arrived(self, transport: asyncio.Transport) -> None:
        later, self._later = self._later or [], None
        self._lasting = transport
        protocol, first, self._first = self._protocol, self._first, b""
        transport.set_protocol(protocol)
        try:
            protocol.moved(transport)
            for each in later:
                each(transport)
            if self._paused and transport.get_write_buffer_size() <= _HIGH_WATER:
                protocol.resume_writing()
            if first and not transport.is_closing():
                protocol.data_received(first)
        except Exception:  # a loop would not close the connection for what fails here
            _log.exception("a connection failed")
            transport.abort()

    # --- asyncio.Transport ----------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write at once; what the system does not take is left to the loop."""
        if self._lasting is None and self._later is None and not self._closing:
            try:
                written = os.write(self._descriptor, data)
            except BlockingIOError:
                written = 0
            except OSError as error:
                self._end(error)
                return
            if written == len(data):
                return
            data = data[written:]
        self._leave_to_loop(lambda transport: transport.write(data))
        if self._lasting is None:
            self._waiting += len(data)
            if self._waiting > _HIGH_WATER and not self._paused:
                self._paused = True
                self._protocol.pause_writing()

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        """Write pieces."""
        self.write(b"".join(list_of_data))

    def pause_reading(self) -> None:
        """Nothing is read; to the loop's transport, the protocol says it once more."""

    def resume_reading(self) -> None:
        """Nothing was going to be read."""

    def can_write_eof(self) -> bool:
        """Whether the client's side can be told that nothing comes any more."""
        return True

    def write_eof(self) -> None:
        """Tell it."""
        self._leave_to_loop(lambda transport: transport.write_eof())

    def close(self) -> None:
        """Close when all is written, and in stages where something is left to read."""
        if self._lasting is not None or self._later is not None:
            self._leave_to_loop(lambda transport: transport.close())
            self._closing = True
        elif not self._closing:
            if has_unread(self._descriptor):
                self._protocol.unread()
            else:
                self._end(None)

    def abort(self) -> None:
        """Close at once."""
        if self._lasting is not None or self._later is not None:
            self._leave_to_loop(lambda transport: transport.abort())
            self._closing = True
        elif not self._closing:
            self._end(None)

    def is_closing(self) -> bool:
        """Whether nothing can be written any more."""
        return self._closing if self._lasting is None else self._lasting.is_closing()

    def get_write_buffer_size(self) -> int:
        """How much waits to be written."""
        return self._waiting if self._lasting is None else self._lasting.get_write_buffer_size()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Leave it as it is; the loop's transport is to be told by the protocol."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return `peername`, `sockname` or `socket`."""
        if self._lasting is not None:
            return self._lasting.get_extra_info(name, default)
        if name == "peername":
            return self._peer
        if self._closing or name not in ("socket", "sockname"):
            return default
        return self._as_socket() if name == "socket" else self._as_socket().getsockname()

    # --- its end --------------------------------------------------------------------------------------------

    def _as_socket(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.socket(self._family, socket.SOCK_STREAM, 0, self._descriptor)
        return self._socket

    def _leave_to_loop(self, what: Callable[[asyncio.Transport], None]) -> None:
        """Do something with the loop's transport, as soon as there is one."""
        if self._lasting is not None:
            what(self._lasting)
            return
        self.last()
        if self._later is not None:
            self._later.append(what)

    def _end(self, error: OSError | None) -> None:
        self._closing = True
        self._under_way.discard(self)
        if self._socket is None:
            os.close(self._descriptor)
        else:
            self._socket.close()
        asyncio.get_running_loop().call_soon(self._protocol.connection_lost, error)


class _Arrival(asyncio.Protocol):
    """Hears of a transport, and hands it on."""

    def __init__(self, arrived: Callable[[asyncio.Transport], None]) -> None:
        self._arrived = arrived

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._arrived(cast(asyncio.Transport, transport))
