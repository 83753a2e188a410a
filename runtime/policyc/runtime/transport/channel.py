"""Questions and answers between a supervisor and its worker, over a socket pair: each may ask the other.

A message is four octets of length and a marshalled tuple: both ends are the same program, run by the same
interpreter. A question is (number, name, arguments), an answer (number, None, value) or (number, refusal,
None).
"""

from __future__ import annotations

import asyncio
import logging
import marshal
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

_log = logging.getLogger(__name__)

Handler = Callable[..., Awaitable[Any]]


class Refusal(Exception):  # noqa: N818 — the other side said no, which is an answer
    """What was asked for is not done: `lines` say why, `status` is the exit status that goes with them."""

    def __init__(self, lines: tuple[str, ...], status: int) -> None:
        """Say why."""
        super().__init__("; ".join(lines))
        self.lines = lines
        self.status = status


class Channel:
    """One end. What the other end asks is answered by a handler, in a task of its own."""

    def __init__(self, handlers: Mapping[str, Handler] | None = None) -> None:
        """Not connected before `connect`."""
        self._handlers = handlers or {}
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter
        self._number = 0
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._is_open = False

    async def connect(self, sock: socket.socket) -> None:
        """Take one end of a socket pair."""
        self._reader, self._writer = await asyncio.open_unix_connection(sock=sock)
        self._is_open = True

    async def serve(self) -> None:
        """Answer until the other end is gone; then whoever waits for an answer gets ConnectionError."""
        try:
            while True:
                length = int.from_bytes(await self._reader.readexactly(4), "big")
                message = marshal.loads(await self._reader.readexactly(length))  # noqa: S302 — our own
                self._take(*message)
        except (asyncio.IncompleteReadError, OSError):
            return
        finally:
            self._is_open = False
            for waiting in self._asked.values():
                if not waiting.done():
                    waiting.set_exception(ConnectionError("the other process is gone"))
            self._asked.clear()

    async def ask(self, name: str, *arguments: Any, within_s: float | None = None) -> Any:
        """Return the answer. Raises Refusal, ConnectionError, TimeoutError."""
        if not self._is_open:
            raise ConnectionError("the other process is gone")
        self._number += 1
        number = self._number
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            self._send((number, name, arguments))
            async with asyncio.timeout(within_s):
                return await answer
        finally:
            self._asked.pop(number, None)

    def close(self) -> None:
        """Close this end."""
        self._is_open = False
        self._writer.close()

    def _take(self, number: int, name: Any, value: Any) -> None:
        if isinstance(name, str):
            task = asyncio.ensure_future(self._answer(number, name, value))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
            return
        waiting = self._asked.get(number)
        if waiting is None or waiting.done():
            return  # nobody waits any more
        if name is None:
            waiting.set_result(value)
        else:
            waiting.set_exception(Refusal(*name))

    async def _answer(self, number: int, name: str, arguments: tuple[Any, ...]) -> None:
        try:
            self._send((number, None, await self._handlers[name](*arguments)))
        except Refusal as refusal:
            self._send((number, (refusal.lines, refusal.status), None))
        except Exception as error:  # the other end must not wait for ever
            _log.exception("a worker failed to %s", name)
            self._send((number, ((f"internal error: {type(error).__name__}: {error}",), 2), None))

    def _send(self, message: tuple[Any, ...]) -> None:
        if self._writer.is_closing():
            return
        octets = marshal.dumps(message)
        self._writer.writelines([len(octets).to_bytes(4, "big"), octets])
