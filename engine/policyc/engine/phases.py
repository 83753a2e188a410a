"""Phases, protocols, bindings, and THE table of which phase an endpoint has.

Nothing else in policyc says which phases an endpoint has: `check`, the API and the runtime ask `phases_of`.
Source: spec/policy-language.md §2.1, spec/endpoints.md §2.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping


class Phase(enum.StrEnum):
    """A point in the life of a connection or an exchange at which rules run, in the order they run."""

    TCP_CONNECT = "on_tcp_connect"
    HTTP_REQUEST = "on_http_request"
    HTTP_RESPONSE = "on_http_response"
    EVENT_STREAM_MESSAGE = "on_event_stream_message"

    @property
    def is_http(self) -> bool:
        """Whether the phase sees HTTP messages."""
        return self is not Phase.TCP_CONNECT


class Protocol(enum.StrEnum):
    """The scheme of an endpoint's URL, which is its protocol."""

    HTTP = "http"
    HTTPS = "https"
    TCP = "tcp"
    TLS = "tls"

    @property
    def is_http(self) -> bool:
        """Whether the endpoint speaks HTTP."""
        return self is Protocol.HTTP or self is Protocol.HTTPS

    @property
    def default_port(self) -> int | None:
        """The port of a URL that names none; tcp has no default."""
        return {"http": 80, "https": 443, "tls": 443}.get(self.value)


class Binding(enum.StrEnum):
    """Who may send traffic to an endpoint."""

    PUBLIC = "public"
    INTERNAL = "internal"
    KUBERNETES = "kubernetes"


_HTTP = frozenset({Phase.HTTP_REQUEST, Phase.HTTP_RESPONSE, Phase.EVENT_STREAM_MESSAGE})
_TCP = frozenset({Phase.TCP_CONNECT})

# An internal http(s) endpoint has no on_tcp_connect: forward-internal makes no TCP connection.
TABLE: Mapping[tuple[Protocol, Binding], frozenset[Phase]] = {
    (Protocol.HTTPS, Binding.PUBLIC): _TCP | _HTTP,
    (Protocol.HTTP, Binding.PUBLIC): _TCP | _HTTP,
    (Protocol.TLS, Binding.PUBLIC): _TCP,
    (Protocol.TCP, Binding.PUBLIC): _TCP,
    (Protocol.HTTPS, Binding.INTERNAL): _HTTP,
    (Protocol.HTTP, Binding.INTERNAL): _HTTP,
    (Protocol.TLS, Binding.INTERNAL): _TCP,
    (Protocol.TCP, Binding.INTERNAL): _TCP,
    (Protocol.HTTPS, Binding.KUBERNETES): _TCP | _HTTP,
    (Protocol.HTTP, Binding.KUBERNETES): _TCP | _HTTP,
    (Protocol.TLS, Binding.KUBERNETES): _TCP,
    (Protocol.TCP, Binding.KUBERNETES): _TCP,
}


def phases_of(protocol: Protocol, binding: Binding) -> frozenset[Phase]:
    """Return the phases that an endpoint of this protocol and binding has."""
    return TABLE[protocol, binding]
