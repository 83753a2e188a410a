"""What an endpoint's settings say of TLS: how its upstream is verified, and how the client's TLS is ended.

Each text is PEM, or a path that is relative to the file that declares the endpoint. Source: spec/endpoints.md
§8.2.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from policyc.engine.outcome import TlsTerms

_AGENT, _CLIENTS = "agent_tls_termination.", "mutual_tls_certificate_authorities"


class UntrustedError(Exception):
    """A setting that cannot be honoured; the message says which, and why."""


def trust_of(settings: Mapping[str, object], file: str = "") -> tuple[bool, str]:
    """Return whether an upstream is verified, and by which authorities (PEM; empty: the system's).

    `upstream.tls_verify_cas` asks for verification; with `upstream.tls_verify: false` there is none all the
    same. Raises UntrustedError.
    """
    name = "upstream.tls_verify_cas"
    given, verify = settings.get(name), settings.get("upstream.tls_verify")
    if verify is False or (verify is None and not given):
        return False, ""
    text, where = _text(given, name, file)
    _check_authorities(text, where)
    return True, text


def agent_terms(settings: Mapping[str, object], file: str = "") -> TlsTerms | None:
    """Return how the TLS of a tls endpoint's clients is ended behind its policy, None if it is passed on.

    Raises UntrustedError.
    """
    if not any(name.startswith(_AGENT) and value for name, value in settings.items()):
        return None
    names = [f"{_AGENT}server_certificate", f"{_AGENT}server_private_key", f"{_AGENT}{_CLIENTS}"]
    (certificate, where), (key, key_where) = (_text(settings.get(name), name, file) for name in names[:2])
    listed = settings.get(names[2]) or []
    authorities = []
    for each in listed if isinstance(listed, list) else [listed]:
        text, ca_where = _text(each, names[2], file)
        _check_authorities(text, ca_where)
        authorities.append(text)
    if bool(certificate) is not bool(key):
        raise UntrustedError(f"{where if certificate else key_where}: a certificate and its key go together")
    if certificate:
        _check_pair(certificate, key, where)
    return TlsTerms(
        certificate=certificate,
        private_key=key,
        authorities=tuple(authorities),
        asks_client=bool(authorities),
    )


def check_terms(terms: TlsTerms) -> None:
    """Raise UntrustedError if no handshake could be made on these terms of a policy."""
    where = "`terminate-tls`"
    for authorities in terms.authorities:
        _check_authorities(authorities, where)
    if terms.certificate:
        _check_pair(terms.certificate, terms.private_key, where)


def _check_pair(certificate: str, key: str, where: str) -> None:
    from policyc.runtime.transport.certificates import CertificateError, key_pair

    try:
        key_pair(certificate, key, where)
    except CertificateError as error:
        raise UntrustedError(str(error)) from None


def _text(value: object, name: str, file: str) -> tuple[str, str]:
    """Return the PEM that a setting gives, and where it is from."""
    given = str(value or "")
    where = f"`{name}`"
    if not given or "-----BEGIN " in given:
        return given, where
    path = os.path.join(os.path.dirname(file), os.path.expanduser(given))
    try:
        with open(path, encoding="ascii", errors="replace") as opened:
            return opened.read(), f"{where}: {path}"
    except OSError as error:
        words = error.strerror or str(error)
        raise UntrustedError(f"{where}: {path}: {words[:1].lower()}{words[1:]}") from None


def _check_authorities(authorities: str, where: str) -> None:
    from policyc.runtime.transport.certificates import CertificateError
    from policyc.runtime.transport.upstream_tls import Trust, client_context

    if not authorities:
        return
    try:
        client_context(Trust(verify=True, authorities=authorities), ())
    except CertificateError as error:
        raise UntrustedError(f"{where}: {error}") from None
