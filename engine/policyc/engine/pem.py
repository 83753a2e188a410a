"""What is in a text in PEM form (RFC 7468), as far as that is known without a TLS library.

A certificate that was cut, a key in a certificate's place, a placeholder: mistakes that would show at the
first handshake otherwise. Whether a key belongs to its certificate is left to who has such a library.
"""

from __future__ import annotations

import binascii
import re

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_ENCRYPTED = "ENCRYPTED"
_SEQUENCE = 0x30


def certificate_fault(text: str) -> str | None:
    """Return what is wrong with certificates, None if nothing can be seen."""
    return _fault(text, "CERTIFICATE", "certificate")


def key_fault(text: str) -> str | None:
    """Return what is wrong with a private key, None if nothing can be seen."""
    return _fault(text, "PRIVATE KEY", "private key")


def _fault(text: str, label: str, what: str) -> str | None:
    blocks = [(name, body) for name, body in _BLOCK.findall(text) if name.endswith(label)]
    if not blocks:
        return f"there is no {what} in it"
    for name, body in blocks:
        # The older form says it in a line of the block (RFC 1421 §4.6.1.1).
        if _ENCRYPTED in name or _ENCRYPTED in body:
            return f"the {what} is encrypted: give one that is not"
        if not _is_der(body):
            return f"the {what} is damaged"
    return None


def _is_der(body: str) -> bool:
    """Whether the text is the Base64 form of one SEQUENCE, as certificates and keys are."""
    try:
        octets = binascii.a2b_base64("".join(body.split()).encode("ascii"), strict_mode=True)
    except (ValueError, UnicodeEncodeError):
        return False
    if len(octets) < 2 or octets[0] != _SEQUENCE:
        return False
    size, head = octets[1], 2
    if size > 0x80:  # the length takes so many octets of its own (X.690 §8.1.3.5)
        head += size & 0x7F
        size = int.from_bytes(octets[2:head])
    return len(octets) == head + size
