"""One connection of a tcp or tls endpoint through on_tcp_connect, hop by hop, to its upstream. No socket.

    client ──begin──▶ on_tcp_connect
                        │ Close, Fail ─▶ the connection is closed
                        │ Forward ─▶ internal table ─▶ the target's on_tcp_connect ─▶ …
                        │ Terminate ─▶ the client's TLS ends here ─▶ on_tcp_connect goes on
                        ▼ fell through ─▶ the endpoint's upstream (a cloud endpoint: 6029, closed)

Rules (spec/policy-language.md §6, spec/endpoints.md §6). 1. Over tcp and tls an error closes and tells
nothing; the log tells. 2. A forward fails if there is no such endpoint, if the hop limit is reached, or if
the upstream behind it cannot be connected to; then the outer `on_error` decides. What a policy refused stays
refused. 3. Once the upstream is connected nothing is tried again.
"""

from __future__ import annotations

import time
from typing import NamedTuple
from typing import Protocol as Interface

from policyc.engine.endpoint_url import UrlProblem, parse_forward_target
from policyc.engine.outcome import Close, Fail, Forward, Outcome, Respond, Terminate, TlsTerms
from policyc.engine.traffic import Connection, Exchange
from policyc.runtime.endpoints import Endpoint, Pool, PublicEndpoint, Snapshot
from policyc.runtime.errors import reason_of
from policyc.runtime.exchange import (
    Surroundings,
    misplaced_terminate,
    resume_phase,
    resume_terminated,
    run_phase,
)
from policyc.runtime.observe import Record, timestamp

_RESETS = "close-connection"


class StreamUpstream(NamedTuple):
    """Where the octets of a tcp or tls endpoint go.

    `scheme` is tcp, tls (the octets are encrypted once more on the way, `verify`: only to whom `authorities`,
    or the system's, vouch for) or unix. `proxy_protocol` is the version of the header that is sent first, 0:
    none. `terms`: the client's TLS ends here on them, after the policy (`agent_tls_termination`).
    """

    scheme: str
    host: str = ""
    port: int = 0
    path: str = ""
    verify: bool = False
    proxy_protocol: int = 0
    authorities: str = ""
    terms: TlsTerms | None = None

    @property
    def name(self) -> str:
        """The upstream as logs show it."""
        return f"unix:{self.path}" if self.path else f"{self.scheme}://{self.host}:{self.port}"


class StreamClient(Interface):
    """The client's side of a stream exchange."""

    def connect(self, upstream: StreamUpstream) -> None:
        """Connect; tell `upstream_connected` or `upstream_failed`, not before this has returned."""

    def terminate(self, terms: TlsTerms | None) -> None:
        """Make the client's TLS handshake; tell `terminated`, or close. None are the gateway's own terms."""

    def close(self, *, reset: bool = False) -> None:
        """Close the client's connection; `reset`: with a reset where the system can."""


class Hop:
    """One endpoint on the way."""

    __slots__ = ("endpoint", "forward", "view")

    def __init__(self, endpoint: Endpoint, view: Exchange) -> None:
        """Begin at an endpoint."""
        self.endpoint = endpoint
        self.view = view
        self.forward: Forward | None = None


class StreamExchange:
    """A connection, from its endpoint to its record in the log."""

    __slots__ = (
        "_around", "_client", "_conn", "_detail", "_ending", "_error", "_finished", "_forwards", "_hops",
        "_logs", "_passed", "_reason", "_rules", "_shaking", "_snapshot", "_started", "_started_wall",
        "_upstream", "protocol",
    )  # fmt: skip

    def __init__(
        self, client: StreamClient, conn: Connection, protocol: str, snapshot: Snapshot, around: Surroundings
    ) -> None:
        """Take a connection; the snapshot is its own until it ends, whatever is reloaded meanwhile."""
        self._client = client
        self._conn = conn
        self.protocol = protocol
        self._snapshot = snapshot
        self._around = around
        self._hops: list[Hop] = []
        self._forwards = 0
        self._passed: list[str] = []
        self._rules: list[str] = []
        self._logs: list[dict[str, object]] = []
        self._finished = False
        self._shaking: tuple[Hop, Terminate] | None = None
        self._ending: StreamUpstream | None = None
        self._reason = self._error = self._detail = self._upstream = ""
        self._started = time.monotonic()
        self._started_wall = time.time()

    def begin(self, pool: Pool[PublicEndpoint]) -> None:
        """Choose a member of the pool and run its policy, as far as that goes without waiting."""
        self._enter(pool.choose())

    def refuse(self, reason: str, code: int | None = None, detail: str = "") -> None:
        """Note why the connection is not served; `finish` comes after."""
        self._reason, self._detail = reason, detail
        if code is not None:
            self._error = f"ERR_NGROK_{code}"

    def _enter(self, endpoint: Endpoint) -> None:
        self._passed.append(endpoint.info.url)
        view = Exchange(self._conn, endpoint.info, self._around.services)
        view.logs, view.acted = self._logs, self._rules
        hop = Hop(endpoint, view)
        self._hops.append(hop)
        phase = endpoint.on_tcp_connect
        self._carry_out(hop, None if phase is None else run_phase(phase, view))

    def _carry_out(self, hop: Hop, outcome: Outcome | None) -> None:
        """Do what the policy of the innermost hop answered."""
        if outcome is None:
            self._fall_through(hop)
        elif isinstance(outcome, Forward):
            self._forward(hop, outcome)
        elif isinstance(outcome, Terminate):
            self._terminate(hop, outcome)
        elif isinstance(outcome, Fail):
            self._give_up(outcome)
        elif isinstance(outcome, Close):
            self.refuse(outcome.reason, outcome.code)
            self._client.close(reset=outcome.reason == _RESETS)  # spec/actions.md §3.6; `deny` just closes
        else:
            assert isinstance(outcome, Respond)  # there is no HTTP to answer in
            self.refuse(outcome.reason or "refused", outcome.code)
            self._client.close()

    def _fall_through(self, hop: Hop) -> None:
        upstream = hop.endpoint.relay
        if upstream is None:
            self._give_up(Fail(6029, "the policy of this endpoint did not end the connection"))
            return
        self._upstream = upstream.name
        if upstream.terms is None:
            self._client.connect(upstream)
        elif self._is_terminated:
            self._give_up(misplaced_terminate())
        else:
            self._ending = upstream
            self._client.terminate(upstream.terms)

    @property
    def _is_terminated(self) -> bool:
        return self._conn.tls is not None and bool(self._conn.tls.version)

    def _terminate(self, hop: Hop, handshake: Terminate) -> None:
        if self._is_terminated:
            self._give_up(misplaced_terminate())
            return
        self._shaking = hop, handshake
        self._client.terminate(handshake.terms)

    def _forward(self, hop: Hop, forward: Forward) -> None:
        self._forwards += 1
        limit = self._around.settings.forwards_limit
        if self._forwards > limit:  # whatever `on_error` says: the cost of a connection has to end somewhere
            self._give_up(Fail(3501, f"forward-internal: more than {limit} forwards of one connection"))
            return
        hop.forward = forward
        target = self._resolve(hop, forward.url)
        if isinstance(target, Fail):
            self._fail(target)
        else:
            self._enter(target)

    def _resolve(self, hop: Hop, url: str) -> Endpoint | Fail:
        parsed = parse_forward_target(url)
        if isinstance(parsed, UrlProblem):
            message = "forward-internal: the target is not the URL of an internal endpoint"
            return Fail(3900, message, detail=f"{url}: {parsed.message}")
        if parsed.scheme.is_http:
            return Fail(3200, f"forward-internal: on_tcp_connect does not go to {parsed.url}")
        # Each endpoint passed by forward-internal counts; the public one does not (spec/endpoints.md §6).
        limit = self._around.settings.hops_limit
        if len(self._hops) > limit:
            return Fail(3501, f"forward-internal: more than {limit} endpoints passed")
        account = hop.endpoint.key.account
        pool = self._snapshot.internal.find(account, parsed.scheme, parsed.host, parsed.port)
        if pool is None:
            return Fail(3200, f"the endpoint {parsed.url} is offline")
        return pool.choose()

    def _fail(self, failure: Fail) -> None:
        """The innermost forward or upstream failed: find an outer `on_error: continue`, or give up."""
        hops = self._hops
        while hops:
            hop = hops[-1]
            forward, hop.forward = hop.forward, None
            if forward is not None and forward.resume is not None:
                self._carry_out(hop, resume_phase(forward, hop.view, failure))
                return
            hops.pop()
        self._give_up(failure)

    def _give_up(self, failure: Fail) -> None:
        self.refuse(reason_of(failure), failure.code, failure.detail or failure.message)
        self._client.close()

    # --- what the client's side tells -----------------------------------------------------------------------

    def terminated(self) -> None:
        """The handshake is made, and `conn.tls` filled: go on with the policy that asked for it."""
        shaking, self._shaking = self._shaking, None
        if self._finished:
            return
        if shaking is not None:
            hop, handshake = shaking
            self._carry_out(hop, resume_terminated(handshake, hop.view))
        elif self._ending is not None:
            self._client.connect(self._ending)

    def upstream_failed(self, failure: Fail) -> None:
        """The upstream cannot be connected to."""
        if not self._finished:
            self._upstream = ""
            self._fail(failure)

    def drop(self) -> None:
        """Write no record: somebody else has."""
        self._finished = True

    def finish(self, reason: str = "") -> None:
        """The connection is over: write its record. `reason` is why, if nothing was said before."""
        if self._finished:
            return
        self._finished = True
        conn = self._conn
        record: Record = {
            "ts": timestamp(self._started_wall),
            "client": conn.client_ip,
            "protocol": self.protocol,
            "bytes_in": conn.bytes_in,
            "bytes_out": conn.bytes_out,
            "duration_ms": round((time.monotonic() - self._started) * 1000, 3),
            "endpoints": self._passed,
            "rules": self._rules,
        }
        if conn.tls is not None and conn.tls.sni:
            record["sni"] = conn.tls.sni
        if self._reason or reason:
            record["reason"] = self._reason or reason
        if self._error:
            record["error"] = self._error
        if self._detail:
            record["detail"] = self._detail
        if self._upstream:
            record["upstream"] = self._upstream
        if self._logs:
            record["logs"] = list(self._logs)
        self._around.log(record)
