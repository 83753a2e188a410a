"""How an endpoint's settings say that its upstream is verified (spec/endpoints.md §8.2)."""

from __future__ import annotations

import os
from collections.abc import Mapping


class UntrustedError(Exception):
    """Authorities that cannot be read; the message says which, and why."""


def trust_of(settings: Mapping[str, object], file: str = "") -> tuple[bool, str]:
    """Return whether an upstream is verified, and by which authorities (PEM; empty: the system's).

    `upstream.tls_verify_cas` is PEM, or a path that is relative to `file`, which declares the endpoint. It
    asks for verification; with `upstream.tls_verify: false` there is none all the same.

    Raises UntrustedError.
    """
    given = str(settings.get("upstream.tls_verify_cas") or "")
    verify = settings.get("upstream.tls_verify")
    if verify is False or (verify is None and not given):
        return False, ""
    if not given:
        return True, ""
    if "-----BEGIN " in given:
        _check(given)
        return True, given
    path = os.path.join(os.path.dirname(file), os.path.expanduser(given))
    try:
        with open(path, encoding="ascii", errors="replace") as opened:
            text = opened.read()
    except OSError as error:
        words = error.strerror or str(error)
        raise UntrustedError(f"{path}: {words[:1].lower()}{words[1:]}") from None
    _check(text, f"{path}: ")
    return True, text


def _check(authorities: str, where: str = "") -> None:
    from policyc.runtime.transport.certificates import CertificateError
    from policyc.runtime.transport.upstream_tls import Trust, client_context

    try:
        client_context(Trust(verify=True, authorities=authorities), ())
    except CertificateError as error:
        raise UntrustedError(f"{where}{error}") from None
