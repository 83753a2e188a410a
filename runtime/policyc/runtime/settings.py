"""Every limit, time-out and switch of the gateway, once: name, default, unit, meaning.

Command-line flags and the docs derive from `SETTINGS`; the runtime reads a `Settings`. Defaults are those
that spec/endpoints.md §8.4 recommends; where nobody documents a number, design/architecture.md §6.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from policyc.engine.message_limits import MessageLimits
from policyc.runtime.protocol.http1 import Limits
from policyc.runtime.protocol.http2_frames import Http2Limits


class Setting(NamedTuple):
    """A setting as flags and docs see it: `unit` is octets, seconds, count, switch, text or list."""

    name: str
    default: object
    unit: str
    doc: str


def _setting(default: Any, unit: str, doc: str) -> Any:
    return field(default=default, metadata={"unit": unit, "doc": doc})


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one gateway. Every field is also a flag of `policyc run`."""

    head_limit_bytes: int = _setting(64 * 1024, "octets", "head of a request (431) or response (502)")
    target_limit_bytes: int = _setting(16 * 1024, "octets", "request target (414)")
    fields_limit: int = _setting(100, "count", "fields of a head (431)")
    line_limit_bytes: int = _setting(16 * 1024, "octets", "one field line (431)")
    chunk_extensions_limit_bytes: int = _setting(16 * 1024, "octets", "chunk extensions of a message (400)")
    trailers_limit_bytes: int = _setting(16 * 1024, "octets", "trailer section (400)")
    websocket_message_limit_bytes: int = _setting(
        1024 * 1024, "octets", "a WebSocket message to an application in this process (close code 1009)"
    )
    interim_limit: int = _setting(10, "count", "interim responses to one request (502)")

    head_timeout_s: float = _setting(10.0, "seconds", "reading a request head, in all (408)")
    idle_timeout_s: float = _setting(
        75.0, "seconds", "waiting for the next request, or for a response head (504)"
    )
    hello_timeout_s: float = _setting(3.0, "seconds", "reading a ClientHello or a PROXY header, in all")
    handshake_timeout_s: float = _setting(
        60.0, "seconds", "a TLS handshake with a client, behind its ClientHello"
    )
    stream_idle_timeout_s: float = _setting(
        300.0, "seconds", "a tcp or tls connection, a WebSocket or a gRPC call on which nothing moves"
    )
    continue_timeout_s: float = _setting(
        1.0, "seconds", "an upstream's 100 to `Expect: 100-continue`: after this the client may send anyway"
    )
    half_close_s: float = _setting(
        0.5, "seconds", "an answer to a client that has closed its side: after this it counts as gone"
    )
    write_timeout_s: float = _setting(30.0, "seconds", "a peer that takes no octets")
    connect_timeout_s: float = _setting(5.0, "seconds", "connecting to an upstream (502)")
    body_rate_bytes_s: int = _setting(500, "octets", "least octets per second of a request body (408)")
    body_grace_s: float = _setting(10.0, "seconds", "time before the body rate counts")
    drain_timeout_s: float = _setting(30.0, "seconds", "requests in flight when the gateway stops")
    watch_interval_s: float = _setting(
        1.0,
        "seconds",
        "between two looks at the files with `--watch`; a change must last from one to the next",
    )

    requests_per_connection: int = _setting(1000, "count", "requests on one client connection")
    connections_per_address: int = _setting(12_000, "count", "connections of one client address")
    http2_streams_limit: int = _setting(
        100, "count", "requests at a time on one HTTP/2 connection; one more is reset (REFUSED_STREAM)"
    )
    http2_resets_limit: int = _setting(
        200, "count", "streams that a client gives up or breaks within 10 s, per HTTP/2 connection"
    )
    http2_control_limit: int = _setting(
        1000,
        "count",
        "frames without content (SETTINGS, PING, WINDOW_UPDATE, empty DATA) within 10 s, per HTTP/2 "
        "connection; each frame with content earns four more",
    )
    http2_continuations_limit: int = _setting(16, "count", "CONTINUATION frames of one head in HTTP/2")
    http2_window_bytes: int = _setting(
        1024 * 1024, "octets", "bodies that a peer may send ahead on one HTTP/2 connection"
    )
    connections_limit: int = _setting(20_000, "count", "client connections in all")
    idle_upstreams: int = _setting(64, "count", "idle connections kept per upstream")
    upstream_idle_s: float = _setting(60.0, "seconds", "an idle upstream connection is closed after this")
    drain_limit_bytes: int = _setting(
        64 * 1024,
        "octets",
        "request body read and dropped after an early answer; above it the connection closes",
    )
    buffer_bytes: int = _setting(64 * 1024, "octets", "buffered per direction before the sender is paused")
    replay_limit_bytes: int = _setting(
        64 * 1024, "octets", "request body kept for `forward-internal` with `on_error: continue`"
    )
    hops_limit: int = _setting(5, "count", "endpoints that a request passes by `forward-internal` (508)")
    forwards_limit: int = _setting(
        64, "count", "forwards of one request in all, failed ones with `on_error: continue` included (508)"
    )
    buckets_limit: int = _setting(
        100_000, "count", "rate-limit buckets kept; the least recently used go first"
    )
    retry_stale: bool = _setting(
        True,
        "switch",
        "retry once where a kept-alive upstream connection died (no body sent, idempotent method)",
    )

    account: str = _setting("default", "text", "account of endpoints that name none")
    region: str = _setting("local", "text", "value of `conn.server_region`")
    forwarded: str = _setting(
        "replace", "text", "`replace`: strangers' X-Forwarded-* are dropped; `append`: kept and appended to"
    )
    trusted_proxies: tuple[str, ...] = _setting(
        (), "list", "networks (CIDR) of peers whose X-Forwarded-* are kept and appended to"
    )
    upgrades: tuple[str, ...] = _setting(
        ("websocket",), "list", "protocols that a request may ask to go on in (`Upgrade`); never HTTP"
    )
    proxy_protocol_from: tuple[str, ...] = _setting(
        (), "list", "networks (CIDR) of peers that begin with a PROXY header, which says who the client is"
    )
    seed: int | None = _setting(None, "count", "seed of the random choice among pool members, for tests")

    def message_limits(self) -> MessageLimits:
        """Return what the static bounds of expressions are worked out from."""
        return MessageLimits(
            self.head_limit_bytes, self.target_limit_bytes, self.fields_limit, self.line_limit_bytes
        )

    def limits(self) -> Limits:
        """Return the limits of one message."""
        return Limits(
            self.head_limit_bytes,
            self.target_limit_bytes,
            self.fields_limit,
            self.line_limit_bytes,
            self.chunk_extensions_limit_bytes,
            self.trailers_limit_bytes,
            self.interim_limit,
            self.upgrades,
        )

    def http2_limits(self) -> Http2Limits:
        """Return the limits of one HTTP/2 connection."""
        return Http2Limits(
            self.head_limit_bytes,
            self.http2_streams_limit,
            self.http2_resets_limit,
            self.http2_control_limit,
            self.http2_continuations_limit,
            self.http2_window_bytes,
            self.buffer_bytes,
        )


# Of what 0 is something that one can want: none at all, or no time. Everything else would stop the gateway.
MAY_BE_0 = frozenset(
    {
        "chunk_extensions_limit_bytes", "trailers_limit_bytes", "interim_limit", "continue_timeout_s",
        "half_close_s", "body_grace_s", "drain_timeout_s", "http2_resets_limit", "http2_continuations_limit",
        "idle_upstreams", "drain_limit_bytes", "replay_limit_bytes", "hops_limit", "forwards_limit", "seed",
        "retry_stale",
    }
)  # fmt: skip
SETTINGS: tuple[Setting, ...] = tuple(
    Setting(each.name, each.default, each.metadata["unit"], each.metadata["doc"]) for each in fields(Settings)
)
