"""What is in a certificate, as `conn.tls.client` and `conn.tls.server` show it (spec/variables.md §2.3).

Needs the extra `tls`: where it is not installed, a policy that reads these fields is not run (`needs_extra`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from policyc.engine.values import Timestamp

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography import x509

EXTRA: Final = "tls"

# Attributes of a distinguished name, by object identifier (RFC 4519).
_PARTS: Final[Mapping[str, str]] = {
    "country": "2.5.4.6",
    "locality": "2.5.4.7",
    "organization": "2.5.4.10",
    "organizational_unit": "2.5.4.11",
    "postal_code": "2.5.4.17",
    "province": "2.5.4.8",
    "street_address": "2.5.4.9",
}
_COMMON_NAME: Final = "2.5.4.3"

# Signature algorithms as Go names them, by object identifier (RFC 8017, 5758, 8410).
_SIGNATURES: Final[Mapping[str, str]] = {
    "1.2.840.113549.1.1.4": "MD5-RSA",
    "1.2.840.113549.1.1.5": "SHA1-RSA",
    "1.2.840.113549.1.1.11": "SHA256-RSA",
    "1.2.840.113549.1.1.12": "SHA384-RSA",
    "1.2.840.113549.1.1.13": "SHA512-RSA",
    "1.2.840.10045.4.1": "ECDSA-SHA1",
    "1.2.840.10045.4.3.2": "ECDSA-SHA256",
    "1.2.840.10045.4.3.3": "ECDSA-SHA384",
    "1.2.840.10045.4.3.4": "ECDSA-SHA512",
    "1.3.101.112": "Ed25519",
}
_PSS: Final = "1.2.840.113549.1.1.10"


def is_installed() -> bool:
    """Whether the extra is there."""
    from importlib.util import find_spec

    return find_spec("cryptography") is not None


def reads_certificates(reads: Iterable[str]) -> bool:
    """Whether a policy that reads these variables needs to know what is in certificates."""
    return any(path.startswith(("conn.tls.client.", "conn.tls.server.")) for path in reads)


@lru_cache(256)
def client_fields(der: bytes) -> Mapping[str, object]:
    """Return the fields of a client's certificate; those of one that comes again are remembered."""
    return _fields(der, with_pem=True)


def server_fields(der: bytes) -> Mapping[str, object]:
    """Return the fields of one of the gateway's own."""
    return _fields(der, with_pem=False)


def _fields(der: bytes, *, with_pem: bool) -> Mapping[str, object]:
    if not is_installed():
        return {}
    from cryptography import x509

    try:
        certificate = x509.load_der_x509_certificate(der)
        found: dict[str, object] = {
            "serial_number": f"{certificate.serial_number:x}",
            "signature_algorithm": _signature(certificate),
            "validity.not_before": _moment(certificate.not_valid_before_utc),
            "validity.not_after": _moment(certificate.not_valid_after_utc),
            "extensions": [
                {
                    "id": each.oid.dotted_string,
                    "critical": each.critical,
                    "value": each.value.public_bytes(),
                }
                for each in certificate.extensions
            ],
            **_name("subject", certificate.subject),
            **_name("issuer", certificate.issuer),
            **_alternative(certificate),
        }
    except ValueError:  # OpenSSL takes some that a strict reader does not
        return {}
    if with_pem:
        import ssl

        found["pem"] = ssl.DER_cert_to_PEM_cert(der)
    return found


def _moment(at: datetime) -> Timestamp:
    return Timestamp(int(at.timestamp()) * 10**9)


def _signature(certificate: x509.Certificate) -> str:
    oid = certificate.signature_algorithm_oid.dotted_string
    if oid == _PSS:
        hashed = certificate.signature_hash_algorithm
        return f"{hashed.name.upper()}-RSAPSS" if hashed is not None else oid
    return _SIGNATURES.get(oid, oid)


def _name(side: str, name: x509.Name) -> dict[str, object]:
    values: dict[str, list[str]] = {}
    for attribute in name:
        value = attribute.value
        text = value if isinstance(value, str) else value.hex()
        values.setdefault(attribute.oid.dotted_string, []).append(text)
    return {
        side: name.rfc4514_string(),
        f"{side}.common_name": values.get(_COMMON_NAME, [""])[0],
        **{f"{side}.{part}": values.get(oid, []) for part, oid in _PARTS.items()},
    }


def _alternative(certificate: x509.Certificate) -> dict[str, object]:
    from cryptography import x509

    kinds: list[tuple[str, str, type[x509.GeneralName]]] = [
        ("dns_names", "DNS", x509.DNSName),
        ("email_addresses", "email", x509.RFC822Name),
        ("ip_addresses", "IP Address", x509.IPAddress),
        ("uris", "URI", x509.UniformResourceIdentifier),
    ]
    found: dict[str, list[str]] = {name: [] for name, _, _ in kinds}
    shown = []
    try:
        listed = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        listed = x509.SubjectAlternativeName([])
    for each in listed:
        for name, label, kind in kinds:
            if isinstance(each, kind):
                found[name].append(str(each.value))
                shown.append(f"{label}:{each.value}")
    return {"san": ", ".join(shown), **{f"san.{name}": values for name, values in found.items()}}
