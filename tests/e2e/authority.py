"""Certificates made in the test: an authority, and what it signs."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from policyc.runtime.transport.certificates import KeyPair, NamedCertificates, key_pair

DAY = timedelta(days=1)


class Signed(NamedTuple):
    """A certificate and its key, as PEM."""

    certificate: str
    private_key: str

    @property
    def pair(self) -> KeyPair:
        return key_pair(self.certificate, self.private_key, "test")

    def write(self, certificate: Path, key: Path | None = None) -> None:
        """Write both, into one file if there is only one."""
        if key is None:
            certificate.write_text(self.certificate + self.private_key)
        else:
            certificate.write_text(self.certificate)
            key.write_text(self.private_key)


class Authority:
    """A certificate authority."""

    def __init__(self, name: str = "Test CA") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        self._certificate = (
            x509.CertificateBuilder()
            .subject_name(self._name)
            .issuer_name(self._name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + 10 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(
                x509.KeyUsage(True, False, False, False, False, True, True, False, False), critical=True
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.pem = self._certificate.public_bytes(serialization.Encoding.PEM).decode()

    def sign(self, *names: str, subject: x509.Name | None = None, days: tuple[int, int] = (-1, 5)) -> Signed:
        """Sign a certificate for names and addresses, valid from and until so many days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        alternative: list[x509.GeneralName] = []
        for name in names:
            if name.replace(".", "").isdigit():
                alternative.append(x509.IPAddress(ip_address(name)))
            elif "://" in name:
                alternative.append(x509.UniformResourceIdentifier(name))
            elif "@" in name:
                alternative.append(x509.RFC822Name(name))
            else:
                alternative.append(x509.DNSName(name))
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject or x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]))
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + days[0] * DAY)
            .not_valid_after(now + days[1] * DAY)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )
        if alternative:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternative), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return Signed(
            certificate.public_bytes(serialization.Encoding.PEM).decode(),
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ).decode(),
        )

    def trusted(self) -> ssl.SSLContext:
        """Return a client's context that trusts this authority and no other."""
        return ssl.create_default_context(cadata=self.pem)


class Given:
    """Certificates as a gateway gets them; `pairs` may change before a reload: `CertificateSource`."""

    def __init__(self, *pairs: Signed) -> None:
        self.pairs = list(pairs)

    def load(self) -> NamedCertificates:
        return NamedCertificates([each.pair for each in self.pairs])
