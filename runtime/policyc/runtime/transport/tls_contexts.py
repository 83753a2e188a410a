"""TLS contexts of the server's side, made once per certificate and terms, and the door to a handshake.

A policy may want to know the ClientHello before it says how the handshake is made (spec/actions.md
#terminate-tls), so the hello has been read from the transport when the handshake begins. `Door` hands it in:
the loop's own TLS, which is fast, begins a session through it with these octets first. It is lent out for a
moment and used again, for a context of its own costs more than all of that.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, cast

from policyc.engine.outcome import TlsTerms
from policyc.engine.traffic import Certificate
from policyc.runtime.certificate_fields import server_fields
from policyc.runtime.transport.certificates import CertificateError, Certificates, KeyPair, key_pair

# Templates may give other keys for each connection; what is not used goes first.
CONTEXTS_LIMIT: Final = 1024

_RECORD_BYTES: Final = 16 * 1024
_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_DEFAULT: Final = TlsTerms()


class Ready(NamedTuple):
    """A context with the certificate that it presents."""

    context: ssl.SSLContext
    certificate: Certificate


class Contexts:
    """The contexts of one set of certificates."""

    def __init__(self, certificates: Certificates, protocols: Sequence[str]) -> None:
        """`protocols` are what ALPN offers on https; tls endpoints offer none."""
        self.certificates = certificates
        self._protocols = list(protocols)
        self._made: OrderedDict[tuple[KeyPair, TlsTerms, bool], Ready] = OrderedDict()

    def get(self, name: str, terms: TlsTerms | None, *, is_http: bool) -> Ready:
        """Return the context for a server name, on a policy's terms if there are any.

        Raises CertificateError.
        """
        terms = terms or _DEFAULT
        if terms.certificate:
            # Compared as texts; whether they fit together is known when they are loaded.
            pair = KeyPair(terms.certificate, terms.private_key, b"")
        else:
            found = self.certificates.find(name)
            if found is None:
                raise CertificateError(f"there is no certificate for {name}")
            pair = found
        known = self._made.get((pair, terms, is_http))
        if known is None:
            known = self._made[pair, terms, is_http] = self._make(pair, terms, is_http)
            if len(self._made) > CONTEXTS_LIMIT:
                self._made.popitem(last=False)
        else:
            self._made.move_to_end((pair, terms, is_http))
        return known

    def _make(self, pair: KeyPair, terms: TlsTerms, is_http: bool) -> Ready:
        if not pair.leaf:
            pair = key_pair(pair.certificate, pair.private_key, "terminate-tls")
        context = load_pair(pair, "the certificate")
        context.minimum_version, context.maximum_version = (
            _VERSIONS[terms.min_version],
            _VERSIONS[terms.max_version],
        )
        if is_http:
            context.set_alpn_protocols(self._protocols)
        if terms.asks_client:
            context.verify_mode = ssl.CERT_REQUIRED if terms.is_required else ssl.CERT_OPTIONAL
            for authority in terms.authorities:
                try:
                    context.load_verify_locations(cadata=authority)
                except (ssl.SSLError, ValueError) as error:
                    raise CertificateError(f"an authority for clients cannot be read: {error}") from None
        return Ready(context, Certificate(pair.leaf, server_fields))


def load_pair(pair: KeyPair, what: str) -> ssl.SSLContext:
    """Return a context that presents a certificate. Raises CertificateError, which begins with `what`."""
    context = ServerContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    try:
        with _as_file(pair.certificate) as certificate, _as_file(pair.private_key) as key:
            context.load_cert_chain(certificate, key, _no_password)
    except ssl.SSLError as error:
        raise CertificateError(f"{what}: {_why(error)}") from None
    except ValueError as error:
        raise CertificateError(f"{what}: {error}") from None
    return context


def _no_password() -> str:
    raise ValueError("the key is encrypted: give one that is not")


def _why(error: ssl.SSLError) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return "the key is not that of the certificate"
    if error.reason is None:  # OpenSSL found no PEM of the kind that it looked for
        return "the certificate or its key cannot be read"
    return f"the certificate or its key cannot be read: {error.reason.lower().replace('_', ' ')}"


@contextmanager
def _as_file(text: str) -> Iterator[str]:
    """Give a text as a file that no one else can read, in memory where there is such a thing.

    The module `ssl` takes paths only.
    """
    octets = text.encode("utf-8", "surrogateescape")
    if hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd"):
        descriptor = os.memfd_create("pem", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, octets)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
    else:
        with tempfile.NamedTemporaryFile() as file:
            file.write(octets)
            file.flush()
            yield file.name


class Session(ssl.SSLObject):
    """A session that reads by the record, and tells its own side why a handshake failed.

    The loop asks for 256 KiB at a time, for which memory may be taken from the system with every read: 15 µs,
    while a record never holds more than 16 KiB (RFC 8446 §5.1) and is decrypted in less than one.

    The loop drops what is not written yet once a handshake raises. Waiting for more instead makes it write;
    what ends the connection then is `on_failure`.
    """

    on_failure: Callable[[ssl.SSLError], None] | None = None
    _failed = False

    def read(self, len: int = 1024, buffer: Any = None) -> Any:
        """Return what the next record holds, or put it into `buffer` and return how much that is."""
        if buffer is not None:
            return super().read(len, buffer)
        return super().read(len if len < _RECORD_BYTES else _RECORD_BYTES)

    def do_handshake(self) -> None:
        """Go on with the handshake."""
        if self._failed:
            raise ssl.SSLWantReadError
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            if self.on_failure is None:
                raise
            self._failed = True
            self.on_failure(error)
            raise ssl.SSLWantReadError from error


class ServerContext(ssl.SSLContext):
    """A context whose sessions are `Session`."""

    sslobject_class = Session


class Door(ssl.SSLContext):
    """Begins one session of another context, with octets that were read already."""

    _next: tuple[ssl.SSLContext, bytes, Callable[[ssl.SSLError], None]] | None = None

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> Session:
        """Return the session; the door is free for another one."""
        assert self._next is not None
        (context, octets, on_failure), self._next = self._next, None
        incoming.write(octets)
        made = cast(Session, context.wrap_bio(incoming, outgoing, server_side=True))
        made.on_failure = on_failure
        _doors.append(self)
        return made


_doors: list[Door] = []


def door_to(context: ssl.SSLContext, octets: bytes, on_failure: Callable[[ssl.SSLError], None]) -> Door:
    """Return a context for one session of `context`, which begins with `octets`."""
    door = _doors.pop() if _doors else Door(ssl.PROTOCOL_TLS_SERVER)
    door._next = context, octets, on_failure
    return door
