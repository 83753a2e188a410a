"""Which headers a policy may not touch, and why (spec/actions.md#add-headers, #remove-headers,
#custom-response).

The lists stand here once: headers that frame a message or belong to one connection are the gateway's own
(RFC 9110 §7.6.1), a few others mean something to it.
"""

from __future__ import annotations

from typing import Final

FRAMING: Final = frozenset(
    {
        "connection",
        "content-length",
        "keep-alive",
        "ngrok-error-code",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
ADD_REFUSED: Final = frozenset({"user-agent", "ngrok-skip-browser-warning"})
REMOVE_REFUSED: Final = frozenset({"user-agent", "host"})


def is_framing(name: str) -> bool:
    """Whether the gateway owns a header (lower-case name): hop-by-hop, framing, or its error code."""
    return name in FRAMING or name.startswith("proxy-")


def refused_to_add(name: str) -> str | None:
    """Return why a policy may not add a header, None if it may."""
    if name in ADD_REFUSED:
        return "policies may not add this header"
    return "the gateway sets this header itself" if is_framing(name) else None


def refused_to_remove(name: str) -> str | None:
    """Return why a policy may not remove a header, None if it may."""
    if name in REMOVE_REFUSED:
        return "policies may not remove this header"
    return "the gateway sets this header itself" if is_framing(name) else None
