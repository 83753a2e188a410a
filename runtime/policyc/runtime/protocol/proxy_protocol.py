"""PROXY protocol, versions 1 and 2: who the client is, told to us by a proxy, and by us to upstreams.

    v1   PROXY TCP4 192.0.2.1 198.51.100.2 51234 443 CR LF       at most 107 octets; `UNKNOWN` tells nothing
    v2   signature(12) version|command(1) family|transport(1) length(2) addresses, then TLVs

Source: "The PROXY protocol", HAProxy Technologies, 2020 (sections 2.1 and 2.2). Departures: TCP only; a
header of version 2 is at most 4 KiB long, where the document allows 64; a checksum in it is not verified.
Whoever is to send a header and sends something else is refused: guessing would let a stranger choose.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from policyc.engine.networks import parse_address

V1_LIMIT_BYTES: Final = 107
V2_LIMIT_BYTES: Final = 4 * 1024

SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
_V1 = re.compile(rb"PROXY (TCP[46]) ([0-9A-Fa-f.:]{2,39}) ([0-9A-Fa-f.:]{2,39}) (\d{1,5}) (\d{1,5})\r\n")
_UNKNOWN = b"PROXY UNKNOWN"
_LOCAL, _PROXY = 0, 1
_INET, _INET6 = 1, 2
_STREAM = 1


class BadProxyHeader(Exception):  # noqa: N818  # what the octets are, not a mistake of ours
    """The octets are no header that can be trusted; the text says why, for the log."""


class Told(NamedTuple):
    """What a header says: `source` and `destination` as (address, port), None where it says nothing of them.

    `length` is how many octets it took. Addresses are in RFC 5952 form, IPv4-mapped ones as IPv4.
    """

    length: int
    source: tuple[str, int] | None = None
    destination: tuple[str, int] | None = None


def parse(octets: bytes) -> Told | None:
    """Return what the header at the beginning of `octets` says, None while more is needed.

    Raises BadProxyHeader.
    """
    if octets.startswith(SIGNATURE[: len(octets)]):
        _check_version(octets)
        return _version_2(octets) if len(octets) >= 16 else None
    if octets.startswith(b"PROXY "[: len(octets)]):
        return _version_1(octets)
    raise BadProxyHeader("there is no PROXY header")


def is_header(octets: bytes) -> bool:
    """Whether `octets` begin as a header of either version does."""
    return octets.startswith((SIGNATURE, b"PROXY TCP4 ", b"PROXY TCP6 ", _UNKNOWN))


def header(version: int, source: tuple[str, int], destination: tuple[str, int]) -> bytes:
    """Return a header of version 1 or 2 for a TCP connection; two families meet as IPv6."""
    from ipaddress import IPv4Address, IPv6Address, ip_address

    ends = [ip_address(address) for address, _ in (source, destination)]
    if ends[0].version != ends[1].version:
        ends = [IPv6Address(f"::ffff:{each}") if each.version == 4 else each for each in ends]
    ports = (source[1], destination[1])
    is_v4 = isinstance(ends[0], IPv4Address)
    if version == 1:
        family = "TCP4" if is_v4 else "TCP6"
        return f"PROXY {family} {ends[0]} {ends[1]} {ports[0]} {ports[1]}\r\n".encode("ascii")
    body = ends[0].packed + ends[1].packed + ports[0].to_bytes(2) + ports[1].to_bytes(2)
    kind = (_INET if is_v4 else _INET6) << 4 | _STREAM
    return SIGNATURE + bytes((0x20 | _PROXY, kind)) + len(body).to_bytes(2) + body


def _version_1(octets: bytes) -> Told | None:
    end = octets.find(b"\r\n", 0, V1_LIMIT_BYTES)
    if end < 0:
        if len(octets) >= V1_LIMIT_BYTES:
            raise BadProxyHeader("the PROXY header is too long")
        return None
    line = octets[: end + 2]
    if line.startswith(_UNKNOWN) and line[len(_UNKNOWN)] in b" \r":
        return Told(end + 2)
    match = _V1.fullmatch(line)
    if match is None:
        raise BadProxyHeader("the PROXY header is malformed")
    version = 4 if match[1] == b"TCP4" else 6
    return Told(
        end + 2,
        _end(match[2].decode("ascii"), _port(match[4]), version),
        _end(match[3].decode("ascii"), _port(match[5]), version),
    )


def _port(digits: bytes) -> int:
    number = int(digits)
    if number > 65535 or str(number).encode("ascii") != digits:
        raise BadProxyHeader("a port of the PROXY header is malformed")
    return number


def _end(text: str, port: int, version: int) -> tuple[str, int]:
    parsed = parse_address(text)
    # A mapped address comes back as version 4, written as 6 in a header for TCP6.
    if parsed is None or (":" in text) != (version == 6):
        raise BadProxyHeader("an address of the PROXY header is malformed")
    return _shown(parsed[0], parsed[1]), port


def _shown(version: int, number: int) -> str:
    from ipaddress import IPv4Address, IPv6Address

    return str(IPv4Address(number) if version == 4 else IPv6Address(number))


def _check_version(octets: bytes) -> None:
    """Refuse an unknown version as soon as it can be seen."""
    if len(octets) > 12 and octets[12] >> 4 != 2:
        raise BadProxyHeader("the PROXY header has an unknown version")


def _version_2(octets: bytes) -> Told | None:
    command, family, transport = octets[12] & 15, octets[13] >> 4, octets[13] & 15
    length = int.from_bytes(octets[14:16])
    if command > _PROXY or family > 3 or transport > 2:
        raise BadProxyHeader("the PROXY header has an unknown command or family")
    if length + 16 > V2_LIMIT_BYTES:
        raise BadProxyHeader("the PROXY header is too long")
    if len(octets) < 16 + length:
        return None
    told = Told(16 + length)
    if command == _LOCAL or family not in (_INET, _INET6):
        return told  # a health check of the proxy's own, or a peer without an address: nothing is told
    if transport != _STREAM:
        raise BadProxyHeader("the PROXY header is not for a TCP connection")
    size = 4 if family == _INET else 16
    if length < 2 * size + 4:
        raise BadProxyHeader("the PROXY header has no room for its addresses")
    body = octets[16:]
    ports = body[2 * size : 2 * size + 4]
    return told._replace(
        source=(_packed(body[:size]), int.from_bytes(ports[:2])),
        destination=(_packed(body[size : 2 * size]), int.from_bytes(ports[2:])),
    )


def _packed(octets: bytes) -> str:
    from ipaddress import IPv6Address, ip_address

    address = ip_address(octets)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
