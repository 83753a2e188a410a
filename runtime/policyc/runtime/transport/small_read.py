"""One small read on a connection whose next message is expected to be large, as its last one was.

A loop reads as much as there is, and what it has read has to be copied on; of a body that may pass by this
process (splice.py), the less is read before that is known, the better.
"""

from __future__ import annotations

import asyncio
from typing import Final

_SIZE: Final = 64 * 1024
# Every read is over, and copied from, before the next one begins.
_ROOM: Final = memoryview(bytearray(_SIZE))


class SmallRead(asyncio.BufferedProtocol):
    """Stands in for a protocol until octets come; the protocol gets these, and all that follows."""

    __slots__ = ("_protocol", "_transport")

    def __init__(self, transport: asyncio.Transport, protocol: asyncio.Protocol) -> None:
        """Take the place of `protocol` on a transport that is not read at the moment."""
        self._transport = transport
        self._protocol = protocol
        transport.set_protocol(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return the room for the read."""
        return _ROOM

    def buffer_updated(self, nbytes: int) -> None:
        """Pass on what was read, and step back."""
        self._step_back()
        self._protocol.data_received(bytes(_ROOM[:nbytes]))

    def _step_back(self) -> None:
        # A loop reads on in the same way until it is stopped once.
        self._transport.pause_reading()
        self._transport.set_protocol(self._protocol)
        self._transport.resume_reading()

    def eof_received(self) -> bool | None:
        """Pass it on."""
        return self._protocol.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass it on."""
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass it on."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._protocol.resume_writing()
