"""Names of hosts as they arrive: read once, strictly, before any look-up.

What comes out is lower-case ASCII without port and without a trailing dot, or nothing. A percent sign, a
non-ASCII octet or a name that IDNA would read as another one is refused, so that no second reading can exist.
Source: RFC 9110 §7.2, RFC 3986 §3.2.2 (narrowed), research/reliability.md §4.
"""

from __future__ import annotations

import re

_AUTHORITY = re.compile(rb"(?:([A-Za-z0-9_.-]+)|\[([0-9A-Fa-f:.]+)\])(?::([0-9]{0,5}))?", re.ASCII)


def read_authority(octets: bytes) -> tuple[str, int | None] | None:
    """Return (host, port) of `host[:port]`; None if it is not one. The port is None if absent or empty."""
    found = _AUTHORITY.fullmatch(octets)
    if found is None:
        return None
    name, literal, port_text = found.groups()
    port = int(port_text) if port_text else None
    if port is not None and port > 65535:
        return None
    if literal is not None:
        address = _ipv6(literal.decode("ascii"))
        return None if address is None else (address, port)
    host = name.decode("ascii").lower().removesuffix(".")
    if not host or len(host) > 253 or host.startswith(".") or ".." in host or host.endswith("."):
        return None
    return host, port


def _ipv6(literal: str) -> str | None:
    from ipaddress import AddressValueError, IPv6Address

    try:
        return f"[{IPv6Address(literal).compressed}]"
    except AddressValueError:
        return None
