"""The names that a certificate is for, read from its DER: which of the gateway's own fits a server name.

    Certificate    = SEQUENCE { tbsCertificate, … }                                        RFC 5280 §4.1
    tbsCertificate = SEQUENCE { [0] version, serial, signature, issuer, validity, subject, key, …
                                [3] extensions }
    extension      = SEQUENCE { OID, critical, OCTET STRING }
    subjectAltName = SEQUENCE OF { [2] dNSName | [7] iPAddress | … }                     RFC 5280 §4.2.1.6

Nothing is trusted because of what is read here: these are files that the operator gave. The names of clients'
certificates are read by `certificate_fields.py`, with a library.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final

_SEQUENCE, _SET, _OID, _OCTETS = 0x30, 0x31, 0x06, 0x04
_VERSION, _EXTENSIONS = 0xA0, 0xA3
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87
_ALTERNATIVE_NAMES: Final = bytes.fromhex("551d11")
_COMMON_NAME: Final = bytes.fromhex("550403")


class NoCertificate(ValueError):  # noqa: N818  # what the octets are, not a mistake of ours
    """The octets are no certificate."""


def names_of(der: bytes) -> tuple[str, ...]:
    """Return the names of a certificate in lower case; addresses as text. Raises NoCertificate.

    Without alternative names they are the common name, as older tools make it.
    """
    certificate = _parts(_only(der), 3)[0][1]
    fields = [each for each in _parts(certificate, 6) if each[0] != _VERSION]
    if len(fields) < 6:
        raise NoCertificate("fields are missing")
    for kind, extensions in fields:
        if kind == _EXTENSIONS:
            names = _alternative(_only(extensions))
            if names:
                return names
    return tuple(_common(fields[4][1]))


def _only(octets: bytes) -> bytes:
    """Return what is in the one sequence that `octets` are."""
    items = _parts(octets, 1)
    if len(items) != 1 or items[0][0] != _SEQUENCE:
        raise NoCertificate("no sequence where there should be one")
    return items[0][1]


def _alternative(extensions: bytes) -> tuple[str, ...]:
    for _, extension in _items(extensions):
        parts = _parts(extension, 2)
        if parts[0] == (_OID, _ALTERNATIVE_NAMES) and parts[-1][0] == _OCTETS:
            return tuple(_shown(kind, value) for kind, value in _items(_only(parts[-1][1])) if _is_name(kind))
    return ()


def _is_name(kind: int) -> bool:
    return kind in (_DNS_NAME, _IP_ADDRESS)


def _shown(kind: int, value: bytes) -> str:
    if kind == _IP_ADDRESS:
        if len(value) not in (4, 16):
            raise NoCertificate("an address of odd length")
        return str(ip_address(value))
    return value.decode("latin-1").lower()


def _common(subject: bytes) -> Iterator[str]:
    for kind, part in _items(subject):
        if kind != _SET:
            raise NoCertificate("the subject is malformed")
        for _, pair in _items(part):
            parts = _parts(pair, 2)
            if parts[0] == (_OID, _COMMON_NAME):
                yield parts[1][1].decode("latin-1").lower()


def _parts(octets: bytes, least: int) -> list[tuple[int, bytes]]:
    parts = list(_items(octets))
    if len(parts) < least:
        raise NoCertificate("something is missing")
    return parts


def _items(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (tag, content) of each element, X.690 §8.1."""
    at = 0
    while at < len(octets):
        if at + 2 > len(octets):
            raise NoCertificate("cut off")
        kind, size = octets[at], octets[at + 1]
        at += 2
        if size & 0x80:
            digits = size & 0x7F
            if not 1 <= digits <= 4 or at + digits > len(octets):
                raise NoCertificate("a length is malformed")
            size = int.from_bytes(octets[at : at + digits])
            at += digits
        if at + size > len(octets):
            raise NoCertificate("cut off")
        yield kind, octets[at : at + size]
        at += size
