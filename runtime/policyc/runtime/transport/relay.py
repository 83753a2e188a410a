"""Octets between two connections, both ways, until both are done: constant memory, half-close, idle time-out.

    client ═ Side ──deliver──▶ Side ═ upstream
                  ◀──deliver──

Rules. 1. A side whose peer takes no more is read no more: per direction there is at most the transport's
write buffer and the one piece that was read. 2. The end of one direction is passed on, and the other goes
on. 3. A connection that breaks breaks the other one, with a reset: the end of a stream must not be made up.
4. Nothing is done per piece but to count it and write it; the timer looks at the counts.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, cast

from policyc.runtime.transport.wheel import Timed, Wheel

if TYPE_CHECKING:
    from policyc.runtime.protocol.tls_layer import TlsLayer

_log = logging.getLogger(__name__)

_RESET = struct.pack("ii", 1, 0)
# The timer looks so many times per idle time-out, so that one is kept to a tenth.
_LOOKS: Final = 10


class Side(asyncio.Protocol):
    """One end of a relay, in clear. Before there is a relay it is not read on, and what came waits."""

    __slots__ = ("at_end", "early", "is_lost", "name", "octets", "other", "relay", "transport")

    transport: asyncio.Transport
    other: Side
    relay: Relay | None

    def __init__(self, name: str) -> None:
        """`name` is `client` or `upstream`, for reasons."""
        self.name = name
        self.octets = 0
        self.early = b""
        self.at_end = False
        self.is_lost = False
        self.relay = None

    # --- asyncio.Protocol -----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Pass a piece on."""
        self.octets += len(data)
        if self.relay is not None:
            self.other.deliver(data)
        else:
            self.early += data
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        """The peer says no more; it may still listen."""
        self.ended()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self.is_lost = True
        if self.relay is not None:
            self.relay.lost(self, exc)

    def pause_writing(self) -> None:
        """The peer takes no more for now: read no more from the other one."""
        if self.relay is not None:
            self.other.pause()

    def resume_writing(self) -> None:
        """It takes more again."""
        if self.relay is not None:
            self.other.resume()

    # --- what the relay does with it ------------------------------------------------------------------------

    def deliver(self, data: bytes) -> None:
        """Send a piece to the peer."""
        self.transport.write(data)

    def finish(self) -> None:
        """Tell the peer that nothing more comes."""
        if not self.transport.is_closing():
            self.transport.write_eof()

    def begin(self) -> None:
        """The relay stands: deliver what came before, and read."""
        early, self.early = self.early, b""
        if early:
            self.other.deliver(early)
        self.resume()

    def ended(self) -> None:
        """The peer says no more."""
        if not self.at_end:
            self.at_end = True
            if self.relay is not None:
                self.relay.ended(self)

    def pause(self) -> None:
        """Read no more for now."""
        if not self.at_end and not self.transport.is_closing():
            self.transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if not self.at_end and not self.transport.is_closing():
            self.transport.resume_reading()

    @property
    def moved(self) -> tuple[int, int]:
        """What changes when octets go either way."""
        return self.octets, self.transport.get_write_buffer_size()


class TlsSide(Side):
    """One end of a relay, with TLS on the connection. `ready` is done after the handshake."""

    __slots__ = ("layer", "ready")

    def __init__(self, name: str, layer: TlsLayer) -> None:
        """`layer` may have shaken hands already."""
        super().__init__(name)
        self.layer = layer
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake."""
        self.transport = cast(asyncio.Transport, transport)
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Decrypt a piece and pass it on; before there is a relay, shake hands and hold it."""
        import ssl

        self.octets += len(data)
        try:
            plain = self.layer.receive(data)
        except ssl.SSLError as error:
            self._flush()
            if not self.ready.done():
                self.ready.set_exception(error)
            elif self.relay is not None:
                self.relay.broken(self, "bad_tls")
            return
        self._flush()
        if self.relay is not None:
            if plain:
                self.other.deliver(plain)
            if self.layer.at_end:
                self.ended()
        elif self.layer.is_ready:
            self.early += plain
            self.transport.pause_reading()
            if not self.ready.done():
                self.ready.set_result(None)

    def eof_received(self) -> bool:
        """The connection ended; before the handshake that is a failure."""
        self._fail_handshake(ConnectionResetError("the connection ended in the TLS handshake"))
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._fail_handshake(exc or ConnectionResetError("the connection ended in the TLS handshake"))
        super().connection_lost(exc)

    def _fail_handshake(self, error: Exception) -> None:
        if not self.ready.done():
            self.ready.set_exception(error)

    def deliver(self, data: bytes) -> None:
        """Encrypt a piece and send it."""
        self.layer.send(data)
        self._flush()

    def finish(self) -> None:
        """Tell the peer that nothing more comes; it may go on."""
        self.layer.shut()
        self._flush()

    def begin(self) -> None:
        """Deliver what came behind the handshake, and read."""
        self.at_end = self.at_end or self.layer.at_end  # the relay passes it on when both sides have begun
        super().begin()

    def _flush(self) -> None:
        octets = self.layer.take()
        if octets and not self.transport.is_closing():
            self.transport.write(octets)


class Relay(Timed):
    """Two sides that are connected, until neither is."""

    __slots__ = ("_at", "_idle_s", "_on_end", "_quiet", "_reason", "_wheel", "client", "upstream")

    def __init__(
        self,
        client: Side,
        upstream: Side,
        wheel: Wheel,
        idle_s: float,
        on_end: Callable[[str], None],
    ) -> None:
        """Join two sides that are not read yet; `on_end` gets the reason, empty for a clean end."""
        super().__init__()
        self.client = client
        self.upstream = upstream
        self._wheel = wheel
        self._idle_s = idle_s
        self._on_end = on_end
        self._reason = ""
        self._at: object = None
        self._quiet = 0
        client.other, upstream.other = upstream, client
        client.relay = upstream.relay = self

    def begin(self) -> None:
        """Deliver what came before, and let octets flow."""
        self._wheel.set(self, self._idle_s / _LOOKS)
        self.client.begin()
        self.upstream.begin()
        for side in (self.client, self.upstream):
            if side.at_end:  # it ended before there was a relay
                self.ended(side)

    def ended(self, side: Side) -> None:
        """One peer says no more: pass it on, and close once both are done."""
        other = side.other
        if not other.is_lost:
            other.finish()
        if other.at_end:
            for each in (side, other):
                if not each.is_lost:
                    each.transport.close()

    def note(self, reason: str) -> None:
        """Say why both sides are about to end as they should."""
        self._reason = self._reason or reason

    def broken(self, side: Side, reason: str) -> None:
        """One connection cannot be gone on with: drop both."""
        self._reason = self._reason or reason
        for each in (side, side.other):
            if not each.is_lost:
                reset(each.transport)

    def lost(self, side: Side, error: Exception | None) -> None:
        """One connection is gone."""
        other = side.other
        if error is not None or not (side.at_end and other.at_end):
            self._reason = self._reason or f"{side.name}_reset"
            if not other.is_lost:
                reset(other.transport)
        if other.is_lost:
            self._wheel.remove(self)
            self._on_end(self._reason)

    def expired(self) -> None:
        """Look whether anything moved since the last time."""
        at = (self.client.moved, self.upstream.moved)
        self._quiet = self._quiet + 1 if at == self._at else 0
        self._at = at
        if self._quiet < _LOOKS:
            self._wheel.set(self, self._idle_s / _LOOKS)
        else:
            self.cut("idle_timeout")

    def cut(self, reason: str) -> None:
        """Drop both connections."""
        self.broken(self.client, reason)


def reset(transport: asyncio.Transport) -> None:
    """Drop a connection at once, with a reset where the system can."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        except OSError:
            _log.debug("a connection cannot be reset")
    transport.abort()
