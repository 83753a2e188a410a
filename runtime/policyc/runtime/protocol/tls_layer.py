"""TLS as a layer over octets: ciphertext in, plain text out, and the other way; no socket.

`receive` takes what came, `send` what is to go; after either, `take` gives the octets to write. Half-close
works both ways: `shut` says that no more is sent, and what the peer still says is read. A stream that ends
without close_notify just ends: too many peers close so, and what they said last must not be lost.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import Final

# What a record holds at most (RFC 8446 §5.1). To ask for more takes memory for each read, and gets no more.
_READ_BYTES: Final = 16 * 1024


class TlsLayer:
    """One TLS session, of the client's or the server's side."""

    __slots__ = ("_incoming", "_object", "_outgoing", "at_end", "is_ready")

    def __init__(self, context: ssl.SSLContext, *, server_side: bool, server_name: str | None = None) -> None:
        """Begin before the handshake; a client side has octets to take at once."""
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_side, server_hostname=server_name
        )
        self.is_ready = False
        self.at_end = False
        if not server_side:
            self._shake_hands()

    @property
    def session(self) -> ssl.SSLObject:
        """The session, for what was negotiated."""
        return self._object

    def receive(self, data: bytes) -> bytes:
        """Return the plain text that `data` completes; raises ssl.SSLError where the peer breaks TLS.

        After the peer's close_notify `at_end` is true and nothing comes any more.
        """
        self._incoming.write(data)
        if not self.is_ready and not self._shake_hands():
            return b""
        pieces = []
        try:
            while piece := self._object.read(_READ_BYTES):
                pieces.append(piece)
            self.at_end = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.at_end = True
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _shake_hands(self) -> bool:
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        self.is_ready = True
        return True

    def send(self, data: bytes) -> None:
        """Encrypt `data`."""
        left = memoryview(data)
        while left:
            left = left[self._object.write(left) :]

    def shut(self) -> None:
        """Say that nothing more is sent (close_notify)."""
        with suppress(ssl.SSLError):  # it waits for the peer's own, which may come or not
            self._object.unwrap()

    def take(self) -> bytes:
        """Return what is to be written, alerts of a failed handshake included."""
        return self._outgoing.read()
