"""Address ranges, compiled to integers: is an address in one of them, and in which.

A range is (family, first, last, prefix length, text). A set keeps per family the ranges sorted by their first
address; nested ranges are split into disjoint stretches beforehand, each with its most specific range, so
that a look-up is one bisection.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from policyc.engine.cel.addresses import read_address

_MAPPED_FIRST = 0xFFFF << 32  # ::ffff:0:0/96 holds IPv4 addresses (RFC 4291 §2.5.5.2)


class Network(NamedTuple):
    """A range of addresses; `text` as it was written."""

    version: int
    first: int
    last: int
    prefix: int
    text: str


def parse_network(text: str) -> Network | None:
    """Return the range that a text names (`10.0.0.0/8`, `2001:db8::1`), None if it names none.

    Host bits may be set (`10.0.0.1/8` is `10.0.0.0/8`); IPv4-mapped IPv6 becomes IPv4; zones are refused.
    """
    import ipaddress

    if "%" in text or text != text.strip():
        return None
    _, slash, length = text.partition("/")
    if slash and not (length.isascii() and length.isdigit() and len(length) <= 3):
        return None  # ipaddress would also take a netmask there
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    first, last = int(network.network_address), int(network.broadcast_address)
    version, prefix = network.version, network.prefixlen
    if version == 6 and prefix >= 96 and first >> 32 == 0xFFFF:
        version, prefix = 4, prefix - 96
        first, last = first - _MAPPED_FIRST, last - _MAPPED_FIRST
    return Network(version, first, last, prefix, text)


@lru_cache(maxsize=1024)
def parse_address(text: str) -> tuple[int, int] | None:
    """Return (version, number) of an address, IPv4-mapped ones as IPv4; None if it is none.

    A zone (`fe80::1%eth0`) counts for nothing.
    """
    address, percent, zone = text.partition("%")
    ip = read_address(address) if not percent or (zone and ":" in address) else None
    return None if ip is None else (4 if ip.bits == 32 else 6, ip.number)


class NetworkSet:
    """Ranges to look addresses up in."""

    __slots__ = ("_starts", "_texts")

    def __init__(self, networks: Iterable[Network]) -> None:
        """Compile the ranges; of several with the same addresses the first one stays."""
        by_version: dict[int, list[Network]] = {4: [], 6: []}
        for network in networks:
            by_version[network.version].append(network)
        self._starts: dict[int, list[int]] = {}
        self._texts: dict[int, list[str | None]] = {}
        for version, members in by_version.items():
            self._starts[version], self._texts[version] = _stretches(members)

    def match(self, version: int, number: int) -> str | None:
        """Return the text of the most specific range that holds the address, None if no range does."""
        starts = self._starts[version]
        at = bisect_right(starts, number) - 1
        return self._texts[version][at] if at >= 0 else None


def _stretches(networks: list[Network]) -> tuple[list[int], list[str | None]]:
    # Prefixes nest or are disjoint, so a stack of the open ones, widest first, is enough.
    starts: list[int] = []
    texts: list[str | None] = []
    open_: list[Network] = []

    def begin(at: int, text: str | None) -> None:
        if starts and starts[-1] == at:
            texts[-1] = text
        elif not texts or texts[-1] != text:
            starts.append(at)
            texts.append(text)

    def close_before(at: int | None) -> None:
        while open_ and (at is None or open_[-1].last < at):
            done = open_.pop()
            begin(done.last + 1, open_[-1].text if open_ else None)

    for network in sorted(networks, key=lambda n: (n.first, n.prefix)):
        close_before(network.first)
        if open_ and (open_[-1].first, open_[-1].last) == (network.first, network.last):
            continue
        open_.append(network)
        begin(network.first, network.text)
    close_before(None)
    return starts, texts
