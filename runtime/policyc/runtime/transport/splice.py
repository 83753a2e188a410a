"""The rest of a large body, from an upstream's socket to a client's through a pipe, not through this process.

    upstream's socket ──splice──▶ pipe ──splice──▶ client's socket

The system moves pages instead of copying octets twice. Both sockets stay their transports': the client's is
read on by its own, and notices that the client is gone; the upstream's does not read meanwhile. What is
watched here is a duplicate of each, for an event loop wants a descriptor for itself.

Rules. 1. Only octets of a body with a known length pass, and not one more. 2. More is taken from the upstream
only when the pipe is empty: what waits for a slow client is one pipe at most. 3. A pipe is used again only
if it is empty. 4. Where the system has no `splice`, no descriptors, or too many pipes are in use, bodies go
the ordinary way; once begun, a splice is gone on with.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Callable
from typing import Final, NamedTuple
from typing import Protocol as Interface

from policyc.runtime.transport.unread import has_unread

if sys.platform == "linux":
    import fcntl

    _splice = os.splice
    _NOW: Final = os.SPLICE_F_NONBLOCK

_log = logging.getLogger(__name__)

# A body of which less is to come is cheaper to copy than to set a splice up for.
SPLICED_FROM: Final = 256 * 1024
# So many pipes may be in use, and as many wait for use.
PIPES: Final = 64
_PIPE_SIZE: Final = 256 * 1024
_USABLE: Final = 64 * 1024
# How many times a pipe may be filled in one turn of the loop: others wait, too.
_FILLS: Final = 4


class Pipe(NamedTuple):
    """An empty pipe."""

    end: int
    start: int
    size: int

    def close(self) -> None:
        """Give both descriptors back."""
        os.close(self.end)
        os.close(self.start)


class Pipes:
    """The pipes of one gateway."""

    __slots__ = ("_in_use", "_possible", "_spare")

    def __init__(self) -> None:
        """Open none yet."""
        self._spare: list[Pipe] = []
        self._in_use = 0
        self._possible: bool | None = None

    def take(self) -> Pipe | None:
        """Return an empty pipe; None if there is none to be had."""
        if self._in_use >= PIPES:
            return None
        if self._spare:
            self._in_use += 1
            return self._spare.pop()
        try:
            if self._possible is None:
                self._possible = _can_splice()
            pipe = _new_pipe() if self._possible else None
        except OSError:  # there are no descriptors
            return None
        if pipe is not None:
            self._in_use += 1
        return pipe

    def put(self, pipe: Pipe, *, is_empty: bool) -> None:
        """Take a pipe back."""
        self._in_use -= 1
        if is_empty:
            self._spare.append(pipe)
        else:
            pipe.close()

    def close_spare(self) -> None:
        """Give back the descriptors of the pipes that are not in use."""
        while self._spare:
            self._spare.pop().close()


def _new_pipe() -> Pipe | None:
    """Return a pipe, None if it would be too small for use. Raises OSError if there are no descriptors."""
    if sys.platform != "linux":
        return None
    end, start = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        size = fcntl.fcntl(start, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
    except OSError:  # the user has as much in pipes as it may: such a pipe has the usual size, or hardly any
        size = fcntl.fcntl(start, fcntl.F_GETPIPE_SZ)
    pipe = Pipe(end, start, size)
    if size >= _USABLE:
        return pipe
    pipe.close()
    return None


def _can_splice() -> bool:
    """Whether this system splices: a sandbox may not. Raises OSError if there are no descriptors."""
    if sys.platform != "linux":
        return False
    end, start = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        here, there = socket.socketpair()
        with here, there:
            here.send(b"octets")
            try:
                return _splice(there.fileno(), start, 6, None, None, _NOW) == _splice(
                    end, there.fileno(), 6, None, None, _NOW
                )
            except OSError:
                return False
    finally:
        os.close(end)
        os.close(start)


class Source(Interface):
    """Who has the upstream's connection."""

    def spliced(self, is_surplus: bool) -> None:
        """All of the body has passed; `is_surplus` if something followed it already."""

    def splice_moved(self) -> None:
        """Octets came."""

    def splice_broken(self, error: OSError | None) -> None:
        """The upstream's connection ended, or broke, in the middle."""


class Target(Interface):
    """Who has the client's connection."""

    def pause_writing(self) -> None:
        """The client takes no more for now."""

    def resume_writing(self) -> None:
        """It takes more again."""


class Splice:
    """What is to come of one body. Once it has begun, it ends by itself, or by `stop`."""

    __slots__ = (
        "_early", "_held", "_input", "_is_stalled", "_left", "_loop", "_on_sent", "_output", "_pipe",
        "_pipes", "_reads", "_source", "_target", "_transport", "_upstream",
    )  # fmt: skip

    def __init__(self, pipes: Pipes, source: Source, upstream: asyncio.Transport, left: int) -> None:
        """Offer the `left` octets that are to come on the transport of an upstream; nothing happens yet."""
        self._pipes = pipes
        self._source = source
        self._upstream = upstream
        self._left = left
        self._pipe: Pipe | None = None

    def begin(
        self,
        target: Target,
        transport: asyncio.Transport,
        early: list[bytes | memoryview],
        on_sent: Callable[[int], None],
    ) -> bool:
        """Send `early` and then the body to a client; False if that cannot be, and nothing has happened.

        `on_sent` hears of the octets of the body that went out, `early` not among them. All may be over when
        this returns.
        """
        source, client = _descriptor(self._upstream), _descriptor(transport)
        if source < 0 or client < 0 or transport.get_write_buffer_size() or transport.is_closing():
            return False
        pipe = self._pipes.take()
        if pipe is None:
            return False
        self._input = self._output = -1
        try:
            self._input = os.dup(source)
            self._output = os.dup(client)
        except OSError:
            self._close_descriptors()
            self._pipes.put(pipe, is_empty=True)
            return False
        self._pipe = pipe
        self._target = target
        self._transport = transport
        self._early = early
        self._on_sent = on_sent
        self._held = 0
        self._reads = self._is_stalled = False
        self._loop = asyncio.get_running_loop()
        self._upstream.pause_reading()
        self._go_on()
        return True

    def _go_on(self) -> None:
        """Move what can be moved now."""
        pipe = self._pipe
        if pipe is None or self._transport.is_closing():
            return  # who closes the client's connection stops this, too
        try:
            if not self._early or self._send_early():
                self._move(pipe)
        except OSError as error:
            _log.debug("a client is gone in the middle of a body: %s", error)
            self.stop()
            self._transport.abort()  # its protocol hears of it, as of any connection that is lost

    def _send_early(self) -> bool:
        """Send what comes first; False if it has to wait. Raises OSError if the client is gone."""
        early = self._early
        try:
            sent = os.writev(self._output, early)
        except BlockingIOError:
            self._await_client(0)
            return False
        while early and sent >= len(early[0]):
            sent -= len(early.pop(0))
        if early:
            early[0] = memoryview(early[0])[sent:]
            self._await_client(sent)
        return not early

    def _move(self, pipe: Pipe) -> None:
        """Fill the pipe and empty it, in turns. Raises OSError if the client is gone."""
        before = left = self._left
        held, sent = self._held, 0
        lost: OSError | None = None
        has_ended = False
        try:
            for _ in range(_FILLS):
                if not held:
                    try:
                        held = _splice(self._input, pipe.start, min(left, pipe.size), None, None, _NOW)
                    except BlockingIOError:
                        break
                    except OSError as error:
                        lost = error
                    if not held:
                        has_ended = True
                        break
                    left -= held
                moved = _splice(pipe.end, self._output, held, None, None, _NOW)
                held -= moved
                sent += moved
                if held or not left:
                    break
        except BlockingIOError:
            pass  # the client takes no more for now
        finally:
            self._left, self._held = left, held
            if sent:
                self._on_sent(sent)
        if left != before:
            self._source.splice_moved()
        if has_ended:
            self.stop()
            self._source.splice_broken(lost)
        elif held:
            self._await_client(sent)
        elif left:
            self._await_upstream()
        else:
            self._end()

    def _await_upstream(self) -> None:
        if self._is_stalled:
            self._is_stalled = False
            self._loop.remove_writer(self._output)
            self._target.resume_writing()
        if not self._reads:
            self._reads = True
            self._loop.add_reader(self._input, self._go_on)

    def _await_client(self, sent: int) -> None:
        """Wait until the client takes more; as it has taken something now, its time begins anew."""
        if self._is_stalled:
            if sent:
                self._target.resume_writing()
                self._target.pause_writing()
            return
        if self._reads:
            self._reads = False
            self._loop.remove_reader(self._input)
        self._is_stalled = True
        self._loop.add_writer(self._output, self._go_on)
        self._target.pause_writing()

    def _end(self) -> None:
        # Whether something follows the body has to be known before anybody else gets the connection.
        is_surplus = has_unread(self._input)
        was_stalled = self._is_stalled
        self.stop()
        if was_stalled:
            self._target.resume_writing()
        self._source.spliced(is_surplus)

    def stop(self) -> None:
        """Move no more, and give back what was taken."""
        pipe, self._pipe = self._pipe, None
        if pipe is None:
            return
        if self._reads:
            self._loop.remove_reader(self._input)
        if self._is_stalled:
            self._loop.remove_writer(self._output)
        self._close_descriptors()
        self._pipes.put(pipe, is_empty=not self._held)

    def _close_descriptors(self) -> None:
        for each in (self._input, self._output):
            if each >= 0:
                os.close(each)


def _descriptor(transport: asyncio.Transport) -> int:
    """Return the descriptor of a connection in clear, -1 where there is none."""
    sock = transport.get_extra_info("socket")
    if sock is None or transport.get_extra_info("sslcontext") is not None:
        return -1
    number: int = sock.fileno()
    return number
