"""What a peer said and nobody has read yet."""

from __future__ import annotations

import asyncio
import os
import sys

if sys.platform != "win32":
    import fcntl
    import termios


def has_unread(descriptor: int) -> bool:
    """Whether octets lie in a socket, or in what duplicates it."""
    return any(fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)))


def unread(transport: asyncio.BaseTransport, limit: int) -> bytes:
    """Return what lies in the socket of a connection that is lost, up to `limit` octets; empty over TLS.

    A server that answers early and closes resets the connection when more of the request arrives. The loop
    finds that out by a write that fails, and reads no more; but the answer is there.
    """
    sock = transport.get_extra_info("socket")
    if sock is None or transport.get_extra_info("sslcontext") is not None:
        return b""
    pieces: list[bytes] = []
    size = 0
    try:
        while size < limit and (piece := os.read(sock.fileno(), min(limit - size, 1 << 16))):
            pieces.append(piece)
            size += len(piece)
    except OSError:
        pass  # there is no more, or no socket
    return b"".join(pieces)
