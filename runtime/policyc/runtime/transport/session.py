"""What a TLS session negotiated, as `conn.tls` shows it (spec/variables.md §2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from policyc.engine.traffic import Certificate, Tls
from policyc.runtime.certificate_fields import client_fields

if TYPE_CHECKING:
    from ssl import SSLObject

# OpenSSL names the suites of TLS 1.2 in its own way; those that Python's ssl negotiates, by IANA names.
IANA_NAMES: Final[Mapping[str, str]] = {
    **{
        f"{exchange}-{cipher}": f"TLS_{exchange.replace('-', '_')}_WITH_{name}"
        for exchange in ("ECDHE-ECDSA", "ECDHE-RSA", "DHE-RSA")
        for cipher, name in (
            ("AES128-GCM-SHA256", "AES_128_GCM_SHA256"),
            ("AES256-GCM-SHA384", "AES_256_GCM_SHA384"),
            ("CHACHA20-POLY1305", "CHACHA20_POLY1305_SHA256"),
        )
    },
    **{
        f"{exchange}-{cipher}": f"TLS_{exchange.replace('-', '_')}_WITH_{name}"
        for exchange in ("ECDHE-ECDSA", "ECDHE-RSA")
        for cipher, name in (
            ("AES128-SHA256", "AES_128_CBC_SHA256"),
            ("AES256-SHA384", "AES_256_CBC_SHA384"),
            ("AES128-SHA", "AES_128_CBC_SHA"),
            ("AES256-SHA", "AES_256_CBC_SHA"),
        )
    },
    "DHE-RSA-AES128-SHA256": "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256",
    "DHE-RSA-AES256-SHA256": "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256",
    "DHE-RSA-AES128-SHA": "TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
    "DHE-RSA-AES256-SHA": "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",
}


def fill(tls: Tls, session: SSLObject, server: Certificate) -> None:
    """Add to what the ClientHello told what the handshake brought."""
    tls.version = (session.version() or "").removeprefix("TLSv")
    cipher = session.cipher()
    name = cipher[0] if cipher is not None else ""
    tls.cipher_suite = IANA_NAMES.get(name, name)
    tls.alpn = session.selected_alpn_protocol() or ""
    tls.server = server
    der = session.getpeercert(binary_form=True)
    if der is not None:
        tls.client = Certificate(der, client_fields)
