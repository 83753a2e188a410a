"""The gateway's own certificates: from files, and which of them is presented for a server name.

A name finds the certificate that names it; then the one with a wildcard for it (RFC 6125 §6.4.3: `*` is one
label); then the first that was given. Of two for one name the first counts. What does not load changes
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from typing import Protocol as Interface

from policyc.runtime.protocol.certificate_names import NoCertificate, names_of

_SUFFIXES = (".crt", ".pem", ".cer")
_CHAIN, _KEY = "fullchain.pem", "privkey.pem"  # as ACME clients name them


class CertificateError(Exception):
    """A certificate or key that cannot be used; the message says which, and why, in one line."""


class KeyPair(NamedTuple):
    """A certificate with its chain and its key, both PEM; `leaf` is the DER of the certificate itself."""

    certificate: str
    private_key: str
    leaf: bytes


class Certificates(Interface):
    """What a listener presents."""

    def find(self, name: str) -> KeyPair | None:
        """Return what to present for a server name, None for nothing."""

    def is_for(self, name: str) -> bool:
        """Whether a client that asks for this name (or for any under `*.name`) can verify what it gets."""


class CertificateSource(Interface):
    """Where certificates come from; asked at the start and at every reload."""

    def load(self) -> Certificates:
        """Return what there is now. Raises CertificateError."""


def key_pair(certificate: str, private_key: str, what: str) -> KeyPair:
    """Return a pair that fits together. Raises CertificateError, which begins with `what`."""
    from policyc.runtime.transport.tls_contexts import load_pair

    leaf = leaf_of(certificate, what)
    pair = KeyPair(certificate, private_key, leaf)
    load_pair(pair, what)
    return pair


def leaf_of(certificate: str, what: str) -> bytes:
    """Return the DER of the first certificate in a PEM text. Raises CertificateError."""
    import ssl

    begin, end = certificate.find(ssl.PEM_HEADER), certificate.find(ssl.PEM_FOOTER)
    if begin < 0 or end < begin:
        raise CertificateError(f"{what}: there is no certificate in PEM form")
    try:
        return ssl.PEM_cert_to_DER_cert(certificate[begin : end + len(ssl.PEM_FOOTER)])
    except ValueError as error:
        raise CertificateError(f"{what}: the certificate is damaged: {error}") from None


class NamedCertificates:
    """Certificates by the names in them: `Certificates`."""

    def __init__(self, pairs: Iterable[KeyPair]) -> None:
        """Take pairs in order of preference. Raises CertificateError."""
        self._exact: dict[str, KeyPair] = {}
        self._wild: dict[str, KeyPair] = {}
        self._first: KeyPair | None = None
        for pair in pairs:
            self._first = self._first or pair
            try:
                names = names_of(pair.leaf)
            except NoCertificate as error:
                raise CertificateError(f"a certificate is malformed: {error}") from None
            for name in names:
                table = self._wild if name.startswith("*.") else self._exact
                table.setdefault(name.removeprefix("*."), pair)

    def find(self, name: str) -> KeyPair | None:
        """Return the pair for a server name."""
        return self._named(name) or self._first

    def is_for(self, name: str) -> bool:
        """Whether a certificate has this name."""
        if name.startswith("*."):
            return name[2:] in self._wild
        return name == "*" or self._named(name) is not None

    def _named(self, name: str) -> KeyPair | None:
        return self._exact.get(name) or self._wild.get(name.partition(".")[2])


class CertificateFiles:
    """Pairs of files, and a directory of them: `CertificateSource`."""

    def __init__(self, pairs: Sequence[tuple[str, str]], directories: Sequence[str] = ()) -> None:
        """`pairs` are paths of a certificate (with its chain) and of its key."""
        self._pairs = pairs
        self._directories = directories

    def load(self) -> NamedCertificates:
        """Read every file anew."""
        found = [_read_pair(Path(certificate), Path(key)) for certificate, key in self._pairs]
        for directory in self._directories:
            in_it = [_read_pair(*paths) for paths in _pairs_in(Path(directory))]
            if not in_it:
                raise CertificateError(f"{directory}: there is no certificate with its key")
            found += in_it
        return NamedCertificates(found)

    def files(self) -> Iterator[str]:
        """Yield the names of all that is read, directories too: what changes there is a change of these."""
        for pair in self._pairs:
            yield from pair
        for directory in self._directories:
            yield directory
            with suppress(CertificateError):
                yield from (str(path) for pair in _pairs_in(Path(directory)) for path in pair)


def _read_pair(certificate: Path, key: Path) -> KeyPair:
    what = str(certificate) if certificate == key else f"{certificate} with {key}"
    return key_pair(_read(certificate), _read(key), what)


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace")
    except OSError as error:
        raise CertificateError(f"{path}: {_words(error)}") from None


def _pairs_in(directory: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the pairs of a directory: `NAME.crt` with `NAME.key`, both in one `.pem`, or certbot's way."""
    try:
        entries = sorted(directory.iterdir())
        for place in [directory, *(each for each in entries if each.is_dir())]:
            if (place / _CHAIN).is_file() and (place / _KEY).is_file():
                yield place / _CHAIN, place / _KEY
        for each in entries:
            if each.suffix not in _SUFFIXES or each.name in (_CHAIN, _KEY):
                continue
            key = each.with_suffix(".key")
            if key.is_file():
                yield each, key
            elif "PRIVATE KEY-----" in _read(each):
                yield each, each
    except OSError as error:
        raise CertificateError(f"{error.filename or directory}: {_words(error)}") from None


def _words(error: OSError) -> str:
    words = error.strerror or str(error)
    return words[:1].lower() + words[1:]
