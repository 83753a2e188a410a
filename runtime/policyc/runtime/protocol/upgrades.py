"""Which wishes to go on in another protocol are passed on (RFC 9110 §7.8).

Only those for a protocol that is listed, and of a request without body, whose end is nobody's to argue about.
Never HTTP itself: over `h2c` requests would reach the upstream that no policy has seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from policyc.runtime.protocol.hopbyhop import Line

WEBSOCKET: Final = "websocket"

_TOKEN: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105
_PROTOCOL: Final = re.compile(rf"{_TOKEN}(?:/{_TOKEN})?")
_HTTP: Final = ("h2", "h2c", "h3", "http", "tls")
_NEVER_WITH: Final = frozenset({b"CONNECT", b"HEAD", b"TRACE"})


def checked(protocols: Iterable[str]) -> tuple[str, ...]:
    """Return the protocols. Raises ValueError for a text that names none, and for HTTP under any name."""
    made = tuple(protocols)
    for each in made:
        if _PROTOCOL.fullmatch(each) is None:
            raise ValueError(f"`{each}` is no name of a protocol")
        if each.lower().partition("/")[0] in _HTTP:
            raise ValueError(f"`{each}` would carry requests past the policies")
    return made


def wish(method: bytes, lines: Iterable[Line], protocols: Iterable[str]) -> str:
    """Return which of the protocols a request without body asks for, the first that fits; empty for none."""
    if method in _NEVER_WITH:
        return ""
    offered = [value for name, value in lines if len(name) == 7 and name.lower() == b"upgrade"]
    named = {each.strip(b" \t").lower() for value in offered for each in value.split(b",")}
    for protocol in protocols:
        lower = protocol.lower()
        if lower.encode("ascii") in named and (method == b"GET" or lower != WEBSOCKET):
            return protocol
    return ""
