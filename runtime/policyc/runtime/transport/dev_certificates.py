"""A certificate authority for development, on this machine only: `policyc run --dev-tls`.

Its key and certificate lie in the user's data directory, readable by their owner only. Whoever makes a
browser trust it trusts everything that this key signs, so it never leaves that place; it signs no other
authority. Certificates are signed when a client first asks for a name that an endpoint is served for, and
live in memory.

Needs the extra `tls`.
"""

from __future__ import annotations

import os
import sys
from collections import OrderedDict
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from policyc.runtime.certificate_fields import is_installed
from policyc.runtime.transport.certificates import CertificateError, KeyPair, key_pair

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

ROOT: Final = "root.crt"
_KEY: Final = "root.key"  # the key, and the certificate again
_ROOT_LIFE: Final = timedelta(days=3650)
_LEAF_LIFE: Final = timedelta(days=30)
_RENEW_BEFORE: Final = timedelta(days=1)
_SLACK: Final = timedelta(hours=1)  # clocks of clients may be late
# Under a wildcard, clients may ask for any number of names.
NAMES_LIMIT: Final = 1000


def default_place() -> Path:
    """Return where the authority lies. Raises CertificateError where the user has no place for it."""
    root = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_DATA_HOME")
    if not root or not os.path.isabs(root):
        home = os.path.expanduser("~")
        if not os.path.isabs(home):
            raise CertificateError("--dev-tls: there is no home directory to keep the authority in")
        root = os.path.join(home, ".local", "share")
    return Path(root) / "policyc" / "dev-tls"


class DevCertificates:
    """Certificates that are made when they are needed: `Certificates`."""

    def __init__(self, key: EllipticCurvePrivateKey, root: x509.Certificate) -> None:
        """Sign with the key of `root`."""
        from cryptography.hazmat.primitives.asymmetric import ec

        self._key = key
        self._root = root
        self._leaf_key = ec.generate_private_key(ec.SECP256R1())
        self._made: OrderedDict[str, tuple[datetime, KeyPair]] = OrderedDict()

    def find(self, name: str) -> KeyPair | None:
        """Return a certificate for a server name, which is made if there is none yet."""
        now = datetime.now(UTC)
        known = self._made.get(name)
        if known is None or known[0] < now:
            known = self._made[name] = now + _LEAF_LIFE - _RENEW_BEFORE, self._sign(name, now)
            if len(self._made) > NAMES_LIMIT:
                self._made.popitem(last=False)
        self._made.move_to_end(name)
        return known[1]

    def is_for(self, name: str) -> bool:
        """There is a certificate for every name."""
        return True

    def _sign(self, name: str, now: datetime) -> KeyPair:
        from ipaddress import ip_address

        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

        try:
            named: x509.GeneralName = x509.IPAddress(ip_address(name))
        except ValueError:
            named = x509.DNSName(name)
        public = self._leaf_key.public_key()
        certificate = (
            x509.CertificateBuilder()
            # At most 64 characters (RFC 5280, ub-common-name); the name that counts stands below.
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])]))
            .issuer_name(self._root.subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _SLACK)
            .not_valid_after(min(now + _LEAF_LIFE, self._root.not_valid_after_utc))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([named]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        return key_pair(_pem_of(certificate), _key_pem(self._leaf_key), name)


class DevAuthority:
    """The authority of this user, which is made where there is none: `CertificateSource`."""

    def __init__(self, place: Path | None = None) -> None:
        """`place` is its directory. Raises CertificateError where the extra is missing."""
        if not is_installed():
            raise CertificateError("--dev-tls needs the extra `tls`: pip install 'policyc[tls]'")
        self.place = place or default_place()
        self._made: DevCertificates | None = None

    @property
    def root(self) -> Path:
        """Where the certificate lies that clients are to trust."""
        return self.place / ROOT

    def load(self) -> DevCertificates:
        """Return what signs; the same as long as the process lives."""
        if self._made is None:
            try:
                self._made = self._load()
            except OSError as error:
                words = error.strerror or str(error)
                raise CertificateError(
                    f"{error.filename or self.place}: {words[:1].lower()}{words[1:]}"
                ) from None
        return self._made

    def _load(self) -> DevCertificates:
        key_path = self.place / _KEY
        if not key_path.exists():
            self._make()
        _check_private(key_path)
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

        remove = f"remove {self.place} and start again, and trust the new one"
        both = key_path.read_bytes()
        try:
            key = serialization.load_pem_private_key(both, None)
            root = x509.load_pem_x509_certificate(both)
        except (ValueError, TypeError):
            raise CertificateError(f"the authority of --dev-tls is damaged: {remove}") from None
        if not isinstance(key, EllipticCurvePrivateKey) or key.public_key() != root.public_key():
            raise CertificateError(f"the authority of --dev-tls is damaged: {remove}")
        if root.not_valid_after_utc < datetime.now(UTC) + _LEAF_LIFE:
            raise CertificateError(f"the authority of --dev-tls has expired: {remove}")
        told = _pem_of(root)
        if not self.root.exists() or self.root.read_text("ascii", "replace") != told:
            _write_private(self.root, told)
        return DevCertificates(key, root)

    def _make(self) -> None:
        """Make the authority, in one step: of two processes that do, both use what the first one made."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import NameOID

        self.place.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chmod(self.place, 0o700)
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "policyc development authority"),
                x509.NameAttribute(NameOID.COMMON_NAME, f"policyc dev-tls {os.urandom(4).hex()}"),
            ]
        )
        now = datetime.now(UTC)
        root = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _SLACK)
            .not_valid_after(now + _ROOT_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(
                x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        temporary = self.place / f".{_KEY}-{os.getpid()}"
        _write_private(temporary, _key_pem(key) + _pem_of(root))
        with suppress(FileExistsError):
            os.link(temporary, self.place / _KEY)
        temporary.unlink()


def _pem_of(certificate: x509.Certificate) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM).decode("ascii")


def _key_pem(key: EllipticCurvePrivateKey) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")


def _write_private(path: Path, text: str) -> None:
    """Write a file in one step, readable by its owner only."""
    temporary = path.with_name(f".new-{path.name}-{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
    os.replace(temporary, path)


def _check_private(path: Path) -> None:
    """Refuse a key that others may have read or written."""
    status = path.stat()
    if sys.platform != "win32" and (status.st_uid != os.geteuid() or status.st_mode & 0o077):
        raise CertificateError(f"{path}: the key is not yours alone: chmod 600 it, or remove it")
