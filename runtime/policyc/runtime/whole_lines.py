"""A stream that several processes write to: whole lines, in pieces that the system does not mix.

POSIX promises for a pipe that what is written at once stays together up to PIPE_BUF octets; a line that is
longer than that may be mixed with another one.
"""

from __future__ import annotations

import os
import select

_TOGETHER = getattr(select, "PIPE_BUF", 512)


class WholeLines:
    """Writes text that ends with a line end to a descriptor; nothing waits in it."""

    def __init__(self, descriptor: int) -> None:
        """Write to `descriptor`, which stays open."""
        self._descriptor = descriptor

    def write(self, text: str) -> int:
        """Write lines. Raises OSError."""
        octets = text.encode("ascii", "backslashreplace")
        at = 0
        while at < len(octets):
            end = len(octets)
            if end - at > _TOGETHER:
                end = octets.rfind(b"\n", at, at + _TOGETHER) + 1 or octets.find(b"\n", at) + 1 or end
            at = self._write(octets, at, end)
        return len(text)

    def _write(self, octets: bytes, at: int, end: int) -> int:
        while at < end:
            at += os.write(self._descriptor, octets[at:end])
        return at

    def flush(self) -> None:
        """Do nothing."""
