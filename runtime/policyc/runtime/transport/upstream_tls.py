"""TLS towards upstreams: whom they have to be vouched for by, and why they are not spoken to.

An upstream is not verified unless an endpoint's settings say so (spec/endpoints.md §8.2: its network is taken
as private): then by the system's authorities, or by the endpoint's own and no others.
"""

from __future__ import annotations

import ssl
from collections import OrderedDict
from typing import Final, NamedTuple

from policyc.runtime.transport.certificates import CertificateError
from policyc.runtime.transport.tls_contexts import Session

# Contexts are shared by all upstreams with the same trust; a reload may bring others.
_CONTEXTS_LIMIT: Final = 256


class Trust(NamedTuple):
    """How an upstream is verified: not at all, or by `authorities` (PEM), which are the system's if empty."""

    verify: bool = False
    authorities: str = ""


class UpstreamContexts:
    """The contexts towards upstreams."""

    def __init__(self) -> None:
        """None are there yet."""
        self._made: OrderedDict[tuple[Trust, tuple[str, ...]], ssl.SSLContext] = OrderedDict()

    def get(self, trust: Trust, *protocols: str) -> ssl.SSLContext:
        """Return the context that offers these protocols by ALPN. Raises CertificateError."""
        known = self._made.get((trust, protocols))
        if known is None:
            known = self._made[trust, protocols] = client_context(trust, protocols)
            if len(self._made) > _CONTEXTS_LIMIT:
                self._made.popitem(last=False)
        else:
            self._made.move_to_end((trust, protocols))
        return known


def client_context(trust: Trust, protocols: tuple[str, ...]) -> ssl.SSLContext:
    """Return a context towards upstreams. Raises CertificateError for authorities that cannot be read."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslobject_class = Session
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if protocols:
        context.set_alpn_protocols(list(protocols))
    if not trust.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif trust.authorities:
        try:
            context.load_verify_locations(cadata=trust.authorities)
        except (ssl.SSLError, ValueError) as error:
            raise CertificateError(f"the authorities cannot be read: {error}") from None
    else:
        context.load_default_certs()
    return context


def failure_reason(error: Exception) -> str:
    """Return the name of the reason why a handshake with an upstream failed, empty if it was no handshake."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "upstream_untrusted"
    return "upstream_bad_tls" if isinstance(error, ssl.SSLError) else ""
