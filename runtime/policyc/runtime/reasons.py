"""Why traffic was refused, ended or answered without an upstream: every reason has one name, in this table.

The access log and the metrics use these names and no others; docs/reference/reasons.md is made from here.
What the readers of messages refuse stands in protocol/refusal.py with its status, and is taken over.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from policyc.runtime.protocol import refusal


class Reason(NamedTuple):
    """A reason: who it comes from, what it means, and the setting that it enforces, if it is a limit.

    `by` is message (the octets are not accepted), limit, policy, gateway, upstream, client, or answer (no
    refusal: a policy answered in the upstream's place).
    """

    name: str
    by: str
    meaning: str
    setting: str = ""


# The settings that a refusal of a message enforces.
_LIMITS: Mapping[str, str] = {
    "target_too_long": "target_limit_bytes",
    "field_too_long": "line_limit_bytes",
    "too_many_fields": "fields_limit",
    "head_too_long": "head_limit_bytes",
    "chunk_extensions_too_long": "chunk_extensions_limit_bytes",
    "trailers_too_long": "trailers_limit_bytes",
    "head_timeout": "head_timeout_s",
    "body_timeout": "body_rate_bytes_s",
    "too_many_interim": "interim_limit",
}

# Limits that refuse nothing when they are met, and what happens then; they count like the others.
QUIET_LIMITS: Mapping[str, str] = MappingProxyType(
    {
        "buffer_bytes": "the sender is paused until the receiver has caught up",
        "drain_limit_bytes": "the connection is closed, and the rest of the body with it",
        "idle_timeout_s": "a client connection without a request is closed",
        "idle_upstreams": "the upstream connection that was idle for longest is closed",
        "replay_limit_bytes": "a forward that fails from here on does not go on in the policy",
        "requests_per_connection": "the connection is closed after the answer, which says so",
        "upstream_idle_s": "the upstream connection is closed",
    }
)

_OTHERS = (
    Reason("address_connections", "limit", "one address has too many connections", "connections_per_address"),
    Reason("too_many_connections", "limit", "there are too many connections", "connections_limit"),
    Reason("hop_limit", "limit", "the request passes too many endpoints", "hops_limit"),
    Reason("forward_limit", "limit", "the request was forwarded too often", "forwards_limit"),
    Reason("too_many_streams", "limit", "an HTTP/2 client opens too many streams", "http2_streams_limit"),
    Reason("rapid_reset", "limit", "an HTTP/2 client gives too many streams up", "http2_resets_limit"),
    Reason("settings_flood", "limit", "an HTTP/2 peer floods with SETTINGS", "http2_control_limit"),
    Reason("ping_flood", "limit", "an HTTP/2 peer floods with PING", "http2_control_limit"),
    Reason("empty_frames_flood", "limit", "an HTTP/2 peer floods with empty DATA", "http2_control_limit"),
    Reason("window_update_flood", "limit", "an HTTP/2 peer floods with windows", "http2_control_limit"),
    Reason("frames_flood", "limit", "an HTTP/2 peer floods with other frames", "http2_control_limit"),
    Reason("continuation_flood", "limit", "a head in HTTP/2 does not end", "http2_continuations_limit"),
    Reason("hpack_bomb", "limit", "a head in HTTP/2 unpacks to far too much", "head_limit_bytes"),
    Reason("write_timeout", "limit", "the client takes no octets", "write_timeout_s"),
    Reason("upstream_timeout", "limit", "the upstream did not answer in time", "idle_timeout_s"),
    Reason("upstream_stalled", "limit", "the upstream takes no octets", "write_timeout_s"),
    Reason("connect_timeout", "limit", "the upstream did not accept in time", "connect_timeout_s"),
    Reason("idle_timeout", "limit", "nothing passed either way for too long", "stream_idle_timeout_s"),
    Reason("hello_timeout", "limit", "the ClientHello did not arrive in time", "hello_timeout_s"),
    Reason("handshake_timeout", "limit", "the TLS handshake was not over in time", "handshake_timeout_s"),
    Reason("proxy_header_timeout", "limit", "the PROXY header did not arrive in time", "hello_timeout_s"),
    Reason("drain_timeout", "limit", "the gateway stopped before it was done", "drain_timeout_s"),
    Reason("not_tls", "message", "what comes to a tls endpoint is no TLS"),
    Reason("bad_hello", "message", "the ClientHello is malformed"),
    Reason("no_sni", "message", "the ClientHello names no server"),
    Reason("bad_tls", "message", "the TLS stream is malformed, or its handshake failed"),
    Reason("no_protocol", "message", "the client offers only protocols by ALPN that are not spoken"),
    Reason("http2_error", "message", "an HTTP/2 connection breaks the protocol; `detail` has more"),
    Reason("proxy_not_trusted", "message", "a PROXY header of a peer that is not listed"),
    Reason("bad_proxy_header", "message", "the PROXY header of a listed peer is missing or malformed"),
    Reason("deny", "policy", "the action `deny`"),
    Reason("close-connection", "policy", "the action `close-connection`"),
    Reason("restrict-ips", "policy", "the action `restrict-ips`"),
    Reason("rate-limit", "policy", "the action `rate-limit`"),
    Reason("basic-auth", "policy", "the action `basic-auth`"),
    Reason("refused", "policy", "a policy refused without saying more"),
    Reason("policy_error", "policy", "an action or an expression failed; `error` has its code"),
    Reason("not_terminated", "policy", "the policy of a cloud endpoint did not end its traffic"),
    Reason("no_forward_on_connect", "policy", "`forward-internal` in `on_tcp_connect` of an http endpoint"),
    Reason("custom-response", "answer", "the action `custom-response`"),
    Reason("redirect", "answer", "the action `redirect`"),
    Reason("no_endpoint", "gateway", "no endpoint is served for this host"),
    Reason("misdirected", "gateway", "the request is for another endpoint than the TLS connection (421)"),
    Reason("tls_terms", "gateway", "the endpoint's `terminate-tls` asks for another TLS connection (421)"),
    Reason("bad_certificate", "gateway", "there is no certificate for a handshake, or it cannot be used"),
    Reason("not_pooled", "gateway", "several endpoints share a URL and do not pool"),
    Reason("internal_error", "gateway", "a failure of the gateway itself; the log has more"),
    Reason("upstream_unreachable", "upstream", "no connection to the upstream"),
    Reason("upstream_untrusted", "upstream", "the certificate of the upstream is not to be trusted"),
    Reason("upstream_bad_tls", "upstream", "the TLS handshake with the upstream failed"),
    Reason("upstream_refused", "upstream", "the upstream refused the request"),
    Reason("upstream_failed", "upstream", "the upstream failed while it answered"),
    Reason("upgrade_not_served", "gateway", "WebSocket to an application needs the extra `websocket`"),
    Reason(
        "websocket_message_too_long",
        "limit",
        "a WebSocket message to an application is too long",
        "websocket_message_limit_bytes",
    ),
    Reason("bad_response", "upstream", "the response of the upstream is not accepted"),
    Reason("upstream_closed", "upstream", "the upstream closed the connection and said nothing"),
    Reason("stopping", "gateway", "the gateway stops, and nothing was under way"),
    Reason("upstream_reset", "upstream", "the upstream broke a tcp or tls connection"),
    Reason("client_reset", "client", "the client broke a tcp or tls connection"),
    Reason("client_gone", "client", "the client went away before the end"),
)


def _all() -> dict[str, Reason]:
    table: dict[str, Reason] = {}
    for name, (status, meaning) in refusal.REASONS.items():
        setting = _LIMITS.get(name, "")
        by = "limit" if setting else "upstream" if status == 502 else "message"
        table[name] = Reason(name, by, meaning, setting)
    for each in _OTHERS:
        if each.name in table:
            raise ValueError(f"the reason {each.name} stands twice")
        table[each.name] = each
    return table


REASONS: Mapping[str, Reason] = MappingProxyType(_all())

# What goes wrong on an upstream's side of an exchange, limits included.
UPSTREAM_REASONS = frozenset(
    name
    for name, each in REASONS.items()
    if each.by == "upstream" or name in ("upstream_timeout", "upstream_stalled", "connect_timeout")
)
