"""The ends of a tunnel: connections that spoke HTTP until the upstream's 101, and are relayed from then on.

Not an octet of a tunnel is passed on before the 101: until then what a client sends ahead waits in its reader
(leaving HTTP on the word of a client alone is how requests are smuggled), and then goes over as `early`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from policyc.runtime.transport.relay import Side


class TunnelSide(Side):
    """An end made of a connection in the middle of HTTP.

    Where the connection cannot be closed one way only (TLS here), the end of one direction ends both.
    """

    __slots__ = ("_is_whole", "_on_lost")

    def __init__(
        self, name: str, transport: asyncio.Transport, early: bytes, on_lost: Callable[[], None] | None = None
    ) -> None:
        """Take the transport over; `early` came behind the HTTP, `on_lost` is called when it is gone."""
        super().__init__(name)
        transport.set_protocol(self)
        self.transport = transport
        self.early = early
        self.octets = len(early)
        self._on_lost = on_lost
        self._is_whole = not transport.can_write_eof()

    def eof_received(self) -> bool:
        """The peer says no more."""
        if self._is_whole and self.relay is not None:
            self.other.at_end = True  # what it would say, nobody is there to hear
        super().eof_received()
        return not self._is_whole

    def finish(self) -> None:
        """Tell the peer that nothing more comes."""
        if self._is_whole:
            self.at_end = True
            self.transport.close()
        else:
            super().finish()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        super().connection_lost(exc)
        if self._on_lost is not None:
            self._on_lost()
