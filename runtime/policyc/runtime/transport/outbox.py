"""What plain exchanges write, kept until everything that the loop has heard in this turn is dealt with.

Each write may wake the process at the other end; on one machine with it, a wake-up costs more than the write.
Written in a row, all but the first find it awake (docs/performance.md has what that brings).

Rule: order. Whoever writes to a transport himself, or closes it, calls `flush` first.
"""

from __future__ import annotations

import asyncio


class Outbox:
    """The writes of one gateway that wait for the end of this turn of the loop."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        """Nothing waits."""
        self._waiting: list[tuple[asyncio.Transport, bytes | None]] = []

    def write(self, transport: asyncio.Transport, octets: bytes) -> None:
        """Write soon."""
        waiting = self._waiting
        if not waiting:
            asyncio.get_running_loop().call_soon(self.flush)
        waiting.append((transport, octets))

    def close(self, transport: asyncio.Transport) -> None:
        """Close soon, after what was to be written."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self.flush)
        self._waiting.append((transport, None))

    def flush(self) -> None:
        """Write everything now."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        for transport, octets in waiting:
            if transport.is_closing():
                continue
            if octets is None:
                transport.close()
            else:
                transport.write(octets)
