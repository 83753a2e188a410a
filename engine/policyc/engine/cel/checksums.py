"""CRC-64 with the ISO 3309 polynomial, which no library of ours has; the other digests are Python's own."""

from __future__ import annotations

from functools import cache

_POLYNOMIAL = 0xD800_0000_0000_0000
_ALL = 0xFFFF_FFFF_FFFF_FFFF


@cache
def _table() -> tuple[int, ...]:
    made = []
    for octet in range(256):
        crc = octet
        for _ in range(8):
            crc = (crc >> 1) ^ _POLYNOMIAL if crc & 1 else crc >> 1
        made.append(crc)
    return tuple(made)


def crc64(octets: bytes) -> int:
    """Return the checksum as an integer."""
    table = _table()
    crc = _ALL
    for octet in octets:
        crc = table[(crc ^ octet) & 0xFF] ^ (crc >> 8)
    return crc ^ _ALL
