"""Fields that concern one connection only and never travel further (RFC 9110 §7.6.1)."""

from __future__ import annotations

from typing import Final

Line = tuple[bytes, bytes]

HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"http2-settings",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)

# A sender cannot have these taken away by naming them in Connection: they carry routing and framing.
_KEPT: Final = frozenset({b"host", b"content-length"})


def drop_hop_by_hop(lines: list[Line]) -> tuple[list[Line], frozenset[bytes]]:
    """Return the lines that travel on, and the (lower-case) options of Connection.

    Fields that Connection names are dropped too, but for Host and Content-Length.
    """
    options: set[bytes] = set()
    for name, value in lines:
        if len(name) == 10 and name.lower() == b"connection":
            options.update(option.strip(b" \t").lower() for option in value.split(b","))
    options.discard(b"")
    dropped = HOP_BY_HOP
    if options and not options <= _PLAIN:
        dropped = HOP_BY_HOP | (options - _KEPT)
    return [line for line in lines if line[0].lower() not in dropped], frozenset(options)


_PLAIN: Final = frozenset({b"keep-alive", b"close"})
