"""One request through its phases, hop by hop, to its response. No socket; callbacks only, no task.

    client ──begin──▶ on_tcp_connect (once per connection and endpoint) ─▶ on_http_request
                        │ Respond, Fail, Close ◀──────────────────────────────┤
                        │ Forward ─▶ internal table ─▶ the target's on_http_request ─▶ …
                        ▼ fell through ─▶ the endpoint's origin (a cloud endpoint: 6029)
    client ◀── on_http_response, inner endpoint first, then outward ◀── response head; the body streams

Rules (spec/actions.md §2 "After a refusal", spec/policy-language.md §2.2, spec/endpoints.md §6).
1. An answer meant for the client passes the on_http_response of the endpoint that made it; a refusal or an
   error does not. For the endpoints outside, whatever an inner endpoint answered is a response.
2. A forward that failed is no response: the outer `on_error` decides. If the inner endpoint's own forward or
   origin fails, that is the failure of the outer forward too.
3. After an octet of the response went out, or after request octets were spent that are not kept, nothing can
   be tried again: the connection is dropped.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple
from typing import Protocol as Interface

from policyc.engine.endpoint_url import EndpointUrl, UrlProblem, parse_forward_target
from policyc.engine.outcome import Close, Fail, Forward, Outcome, Respond, Terminate, TlsTerms
from policyc.engine.phases import Protocol
from policyc.engine.request_url import rewrite
from policyc.engine.traffic import Connection, Exchange, FieldBlock, Headers, Request, Response, Services
from policyc.engine.traffic import octets as to_octets
from policyc.engine.values import EvalError, Timestamp
from policyc.runtime.endpoints import Endpoint, Pool, PublicEndpoint, Run, Snapshot
from policyc.runtime.errors import Answer, error_answer, reason_of
from policyc.runtime.forwarded import Forwarding
from policyc.runtime.location import restore_location
from policyc.runtime.observe import Record, Sink, timestamp
from policyc.runtime.origin import Call, Outgoing, OutgoingAsking
from policyc.runtime.protocol.hopbyhop import HOP_BY_HOP, Line
from policyc.runtime.protocol.http1 import (
    LENGTH,
    NONE,
    AskingHead,
    Framing,
    RequestHead,
    block_octets,
)
from policyc.runtime.protocol.refusal import Refused
from policyc.runtime.settings import Settings
from policyc.runtime.trace import trace_id

if TYPE_CHECKING:
    from policyc.runtime.transport.relay import Side
    from policyc.runtime.transport.splice import Splice

_log = logging.getLogger(__name__)

_BODILESS = frozenset({101, 204, 304})
# By RequestHead.minor.
_VERSIONS = ("HTTP/1.0", "HTTP/1.1", "HTTP/2.0")
# Fields that only the gateway sets.
_OURS = HOP_BY_HOP | {b"content-length", b"ngrok-error-code"}


def uncounted(limit: str) -> None:
    """Count no limits."""


class Surroundings(NamedTuple):
    """What every exchange of a gateway shares. `met` counts a limit that refuses nothing (QUIET_LIMITS)."""

    settings: Settings
    services: Services
    forwarding: Forwarding
    log: Sink
    met: Callable[[str], None] = uncounted


class Admitted:
    """What a client connection remembers of its endpoints: who let it in, and which pool member it got."""

    __slots__ = ("chosen", "family", "results", "terms", "trusted")

    def __init__(self, trusted: bool) -> None:
        """`trusted` says whether the peer may tell who the client is."""
        self.trusted = trusted
        self.results: dict[object, dict[str, dict[str, object]]] = {}
        self.chosen: dict[object, PublicEndpoint] = {}
        self.terms: TlsTerms | None = None  # on which a policy had its TLS session made
        # The X-Forwarded family of plain requests, made once: (scheme, authority, lines as octets).
        self.family: tuple[str, str, bytes] = ("", "", b"")


class Downstream(Interface):
    """The client's side of an exchange."""

    conn: Connection

    @property
    def admitted(self) -> Admitted:
        """What its connection remembers of its endpoints."""
        ...

    def send_head(self, status: int, lines: list[Line], framing: Framing, length: int) -> None:
        """Send a response head; `length` is -1 where no Content-Length is to be sent. May raise Refused."""

    def send_block(self, status: int, block: bytes, framing: Framing) -> None:
        """Send a response head whose lines are octets, Content-Length among them where there is one."""

    def send_data(self, data: bytes | memoryview) -> None:
        """Send a piece of the body."""

    def splice(self, splice: Splice, on_sent: Callable[[int], None]) -> bool:
        """Let the rest of the body pass by this process; False if it cannot. `on_sent` hears its octets."""
        ...

    def send_end(self, trailers: Sequence[Line] = ()) -> None:
        """Complete the response; `trailers` go along where the body is in chunks."""

    def join(self, lines: list[Line], origin: Side, on_end: Callable[[str, int, int], None]) -> None:
        """Send the head of a 101 and be the other end of a tunnel. May raise Refused.

        `on_end` hears why it ended, empty for a clean end, and the octets from the client and to it.
        """

    def send_interim(self, status: int, lines: list[Line]) -> None:
        """Send an interim response."""

    def flush(self) -> None:
        """Write what was collected."""

    def cut(self) -> None:
        """Break the response off: the client must not take what it got for all of it."""

    def abort(self) -> None:
        """Drop the connection at once, with whatever else is on it."""

    def exchange_finished(self) -> None:
        """The response is complete, or the exchange was given up."""

    def pause_body(self) -> None:
        """Deliver no more of the request body for now."""

    def resume_body(self) -> None:
        """Deliver it again."""


class _Kept(NamedTuple):
    """The request as an endpoint forwarded it: a fallback gets this one, not what others made of it."""

    lines: list[Line]
    target: str
    host: str


class Hop:
    """One endpoint on the way: its view of the traffic, and the forward that led on from it."""

    __slots__ = ("endpoint", "forward", "kept", "view")

    def __init__(self, endpoint: Endpoint, view: Exchange) -> None:
        """Begin at an endpoint."""
        self.endpoint = endpoint
        self.view = view
        self.forward: Forward | None = None
        self.kept: _Kept | None = None


class HttpExchange:
    """One request and its response."""

    __slots__ = (
        "_around", "_body_ended", "_call", "_client", "_detail", "_error", "_finished", "_forwards", "_head",
        "_hops", "_logs", "_passed", "_reason", "_received", "_replay", "_request", "_rules", "_sent",
        "_snapshot", "_started", "_started_wall", "_status", "_suppress", "_trailers", "_upstream",
    )  # fmt: skip

    def __init__(
        self, client: Downstream, head: RequestHead, snapshot: Snapshot, around: Surroundings
    ) -> None:
        """Take a request that the protocol accepted; `begin` sets it going."""
        self._client = client
        self._head = head
        self._snapshot = snapshot
        self._around = around
        self._hops: list[Hop] = []
        self._forwards = 0
        self._passed: list[str] = []
        self._rules: list[str] = []
        self._logs: list[dict[str, object]] = []
        self._call: Call | None = None
        self._request: Request | None = None
        self._received = 0
        self._replay: list[bytes] | None = []
        self._body_ended = head.framing is NONE or (head.framing is LENGTH and not head.length)
        self._trailers: Sequence[Line] = ()
        self._suppress = False
        self._finished = False
        self._status = 0
        self._sent = 0
        self._reason = self._error = self._detail = self._upstream = ""
        self._started = time.monotonic()
        self._started_wall = time.time()

    @classmethod
    def resumed(
        cls,
        client: Downstream,
        head: RequestHead,
        snapshot: Snapshot,
        around: Surroundings,
        request: Request | None,
        hops: list[Hop],
        started: tuple[float, float],
        body: bytes,
    ) -> HttpExchange:
        """Return an exchange that has come as far as `hops` on the short way (transport/plain.py).

        `started` are its monotonic and its wall time, `body` is the whole request body.
        """
        made = cls(client, head, snapshot, around)
        made._request = request
        made._hops = hops
        made._forwards = len(hops) - 1
        made._passed = [each.endpoint.info.url for each in hops]
        made._rules, made._logs = hops[0].view.acted, hops[0].view.logs
        made._started, made._started_wall = started
        if body:
            made._received, made._replay, made._body_ended = len(body), [body], True
        return made

    def under_way(self, call: Call | None, upstream: str) -> None:
        """The request went to `upstream`; `call` is None if all of the response is there."""
        self._call = call
        self._upstream = upstream
        self._replay = None

    def go_on(self, outcome: Outcome | None) -> None:
        """Do what the request phase of the innermost hop answered."""
        self._carry_out(self._hops[-1], outcome)

    def replace(self, outcome: Outcome, at: int) -> None:
        """Do what the response phase of hop number `at` answered, in place of the response that there was."""
        response = self._replaced(outcome)
        if response is not None:
            self._respond(response, self._hops[:at], LENGTH, response.content_length or 0)

    def send_whole(self, response: Response) -> None:
        """Send a response whose phases have run, and all of its body with it."""
        self._send_checked(response, LENGTH, response.content_length or 0)

    @property
    def wants_body(self) -> bool:
        """Whether somebody reads the request body; if not, it is read and dropped."""
        return self._call is not None

    # --- the request ----------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Find the endpoint and run its request phase, as far as that goes without waiting."""
        head, client = self._head, self._client
        pool = self._snapshot.public.find(head.host)
        if pool is None:
            self._refuse(self._snapshot.public.missing(head.host, head.authority))
            return
        endpoint = self._choose(pool)
        scheme = endpoint.info.protocol
        if head.block is not None:
            headers = Headers.received(FieldBlock(head.block + self._family(scheme)))
        else:
            headers = Headers(
                self._around.forwarding.rebuild(
                    _with_host(head), client.conn, scheme, head.authority, client.admitted.trusted
                )
            )
        self._request = Request(
            head.method,
            scheme,
            head.authority,
            head.target,
            headers,
            version=_VERSIONS[head.minor],
            content_length=head.length if head.framing is LENGTH else None,
            header_received=Timestamp(time.time_ns()),
        )
        if endpoint.on_tcp_connect is None:
            self._enter(endpoint)
            return
        results = self._connect(endpoint)
        if results is not None:
            self._enter(endpoint, dict(results))

    def _family(self, scheme: str) -> bytes:
        admitted, authority = self._client.admitted, self._head.authority
        known = admitted.family
        if known[0] != scheme or known[1] != authority:
            told = self._around.forwarding.told(self._client.conn, scheme, authority)
            known = admitted.family = (scheme, authority, told)
        return known[2]

    def _choose(self, pool: Pool[PublicEndpoint]) -> PublicEndpoint:
        if not pool.has_tcp_connect or len(pool.members) == 1:
            return pool.choose()
        # Members may differ in on_tcp_connect, so a connection stays with the one that it was let in by.
        chosen = self._client.admitted.chosen
        kept = chosen.get(pool.key)
        if kept is None or kept not in pool.members:
            kept = chosen[pool.key] = pool.choose()
        return kept

    def _connect(self, endpoint: Endpoint) -> dict[str, dict[str, object]] | None:
        """Run on_tcp_connect if this connection has not passed it; None if it ended the connection."""
        if endpoint.on_tcp_connect is None:
            return {}
        admitted = self._client.admitted.results
        known = admitted.get(endpoint.meaning)
        if known is not None:
            return known
        view = self._view(endpoint)
        view.conn = view.conn.at_start()
        outcome = run_phase(endpoint.on_tcp_connect, view)
        if isinstance(outcome, Terminate):
            if self._client.admitted.terms != outcome.terms:
                message = "this endpoint is served on a TLS connection of its own"
                self._refuse(Fail(0, message, status=421, reason="tls_terms"))
                return None
            outcome = resume_terminated(outcome, view)
        if outcome is None:
            admitted[endpoint.meaning] = view.results
            return view.results
        self._passed.append(endpoint.info.url)
        if isinstance(outcome, Close):
            self._close(outcome)
        elif isinstance(outcome, Respond):
            self._close(Close(outcome.reason or "refused", outcome.code))
        elif isinstance(outcome, Fail):
            self._note(outcome)
            self._close(Close(self._reason))
        else:
            self._close(Close("no_forward_on_connect"))
        return None

    def _view(self, endpoint: Endpoint, results: dict[str, dict[str, object]] | None = None) -> Exchange:
        view = Exchange(self._client.conn, endpoint.info, self._around.services, self._request)
        view.logs = self._logs
        view.acted = self._rules
        if results:
            view.results = results
        return view

    def _enter(self, endpoint: Endpoint, results: dict[str, dict[str, object]] | None = None) -> None:
        self._passed.append(endpoint.info.url)
        hop = Hop(endpoint, self._view(endpoint, results))
        self._hops.append(hop)
        phase = endpoint.on_http_request
        self._carry_out(hop, None if phase is None else run_phase(phase, hop.view))

    def _carry_out(self, hop: Hop, outcome: Outcome | None) -> None:
        """Do what the request phase of the innermost hop answered."""
        if outcome is None:
            self._fall_through(hop)
        elif isinstance(outcome, Respond):
            self._answer(self._policy_answer(outcome), outside=outcome.final)
        elif isinstance(outcome, Forward):
            self._forward(hop, outcome)
        elif isinstance(outcome, Close):
            self._close(outcome)
        else:
            if isinstance(outcome, Terminate):
                outcome = misplaced_terminate()
            self._note(outcome)
            self._answer(self._error_answer(outcome), outside=True)

    def _fall_through(self, hop: Hop) -> None:
        origin = hop.endpoint.origin
        if origin is None:
            failure = Fail(6029, "the policy of this endpoint did not end the request")
            self._note(failure)
            self._answer(self._error_answer(failure), outside=True)
            return
        request, head = self._request, self._head
        assert request is not None
        self._upstream = origin.name
        outgoing = Outgoing(
            request.method, request.target, request.scheme, request.headers, head.framing, head.length,
            self._client.conn, head.minor,
        )  # fmt: skip
        if head.block is None and (isinstance(head, AskingHead) or head.expects_continue):
            expects = head.expects_continue and not self._received
            outgoing = OutgoingAsking(outgoing, head.upgrade, head.accepts_trailers, expects)
        call = self._call = origin.begin(outgoing, self)
        if not self._forwards or not any(
            each.forward is not None and each.forward.resume is not None for each in self._hops
        ):
            if self._received and self._replay is not None:
                self._replay_into(call)
            self._replay = None
        elif self._received:
            self._replay_into(call)
            self._bound_replay()
        if self._body_ended and head.framing is not NONE:
            call.end(self._trailers)

    def _replay_into(self, call: Call) -> None:
        for piece in self._replay or ():
            call.write(piece)

    # --- forward-internal -----------------------------------------------------------------------------------

    def _forward(self, hop: Hop, forward: Forward) -> None:
        self._forwards += 1
        limit = self._around.settings.forwards_limit
        if self._forwards > limit:  # whatever `on_error` says: the cost of a request has to end somewhere
            message = f"forward-internal: more than {limit} forwards of one request"
            failure = Fail(3501, message, status=508, reason="forward_limit")
            del self._hops[1:]
            self._note(failure)
            self._answer(self._error_answer(failure), outside=True)
            return
        hop.forward = forward
        if forward.resume is not None:
            request = hop.view.req
            hop.kept = _Kept(request.headers.lines.copy(), request.target, request.host)
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
        if not parsed.scheme.is_http:
            scheme = parsed.scheme.value
            return Fail(3200, f"forward-internal: HTTP does not go to a {scheme} endpoint", status=404)
        # Each endpoint passed by forward-internal counts; the public one does not (spec/endpoints.md §6).
        limit = self._around.settings.hops_limit
        if len(self._hops) > limit:
            return Fail(3501, f"forward-internal: more than {limit} endpoints passed", status=508)
        account = hop.endpoint.key.account
        pool = self._snapshot.internal.find(account, parsed.scheme, parsed.host, parsed.port)
        if pool is None:
            return Fail(3200, self._offline(account, parsed), status=404)
        return pool.choose()

    def _offline(self, account: str, url: EndpointUrl) -> str:
        sibling = Protocol.HTTP if url.scheme is Protocol.HTTPS else Protocol.HTTPS
        other = self._snapshot.internal.find(account, sibling, url.host, sibling.default_port or 0)
        hint = f"; there is {sibling.value}://{url.host}" if other is not None else ""
        return f"the endpoint {url.url} is offline{hint}"

    def _fail(self, failure: Fail) -> None:
        """The innermost forward or origin failed: find an outer `on_error: continue`, or give up."""
        self._drop_call()
        if self._status:
            self._note(failure)
            self._client.cut()
            self._finish()
            return
        hops = self._hops
        while hops:
            hop = hops[-1]
            forward, hop.forward = hop.forward, None
            if forward is not None and forward.resume is not None and self._replay is not None:
                _restore(hop)
                self._carry_out(hop, resume_phase(forward, hop.view, failure))
                return
            if len(hops) == 1:
                break
            hops.pop()
        self._note(failure)
        self._answer(self._error_answer(failure), outside=True)

    # --- the response ---------------------------------------------------------------------------------------

    def _answer(self, answer: Answer, outside: bool) -> None:
        """Answer in place of the innermost endpoint; `outside` skips its own response phase."""
        self._drop_call()
        response = Response(
            answer.status, Headers(answer.lines), content_length=len(answer.body), body=answer.body
        )
        self._respond(response, self._hops[:-1] if outside else self._hops, LENGTH, len(answer.body))

    def _respond(self, response: Response, hops: list[Hop], framing: Framing, length: int) -> None:
        """Run the response phases of `hops`, inner first, and send what comes of it."""
        for hop in reversed(hops):
            phase = hop.endpoint.on_http_response
            if phase is None:
                continue
            view = hop.view
            view.res = response
            view.vars = {}
            view.now = None
            outcome = run_phase(phase, view)
            if outcome is None:
                continue
            replaced = self._replaced(outcome)
            if replaced is None:
                return
            response = replaced
        self._send_checked(response, framing, length)

    def _replaced(self, outcome: Outcome) -> Response | None:
        """Return what a response phase answers instead of a response; None if it closed the connection."""
        if isinstance(outcome, Close):
            self._close(outcome)
            return None
        if isinstance(outcome, Respond):
            answer = self._policy_answer(outcome)
        else:
            if isinstance(outcome, Forward):
                outcome = Fail(2300, "forward-internal is not possible in on_http_response")
            elif isinstance(outcome, Terminate):
                outcome = misplaced_terminate()
            self._note(outcome)
            answer = self._error_answer(outcome)
        self._drop_call()
        return Response(
            answer.status, Headers(answer.lines), content_length=len(answer.body), body=answer.body
        )

    def _send_checked(self, response: Response, framing: Framing, length: int) -> None:
        try:
            self._send(response, framing, length)
        except Refused:
            # A value that would split the message got past the actions' own checks: nothing of it goes out.
            failure = Fail(2211, "a header of the response is not valid")
            self._note(failure)
            self._drop_call()
            answer = self._error_answer(failure)
            self._send(Response(500, Headers(answer.lines), body=answer.body), LENGTH, len(answer.body))

    def _send(self, response: Response, framing: Framing, length: int) -> None:
        body = response.body
        status = response.status
        if body is not None:
            framing, length = LENGTH, len(body)
        bodiless = status in _BODILESS
        if bodiless:
            if status == 101 and body is None:
                self._join(response)
                return
            framing, length = NONE, (length if status == 304 and body is None else -1)
        elif self._head.method == "HEAD":
            framing = NONE
        block = response.headers.block
        if block is not None and body is None and framing is not NONE:
            self._client.send_block(status, block_octets(*block), framing)
        else:
            self._client.send_head(status, response.headers.lines, framing, length)
        self._status = status
        self._suppress = bodiless or self._head.method == "HEAD"
        if body is None and self._call is not None:
            return
        if body and not self._suppress:
            self._sent += len(body)
            self._client.send_data(body)
        self._drop_call()
        self._client.send_end()
        self._finish()

    def _join(self, response: Response) -> None:
        """Make a tunnel of the client's connection and the call, which is over then."""
        call = self._call
        assert call is not None
        self._client.join(response.headers.lines, call.tunnel(), self._tunnel_ended)
        self._call = None
        self._status = 101

    def _tunnel_ended(self, reason: str, received: int, sent: int) -> None:
        """Nothing passes any more; the octets are those from the client and to it."""
        self._reason = reason
        self._received, self._sent = received, sent
        self._finish()

    def _policy_answer(self, outcome: Respond) -> Answer:
        self._reason = outcome.reason or self._reason
        if outcome.code is not None:
            self._error = f"ERR_NGROK_{outcome.code}"
        return as_answer(outcome, self._accept() if outcome.message else "")

    def _error_answer(self, failure: Fail) -> Answer:
        return error_answer(failure.status, failure.message, failure.code or None, self._accept())

    def _accept(self) -> str:
        values = [value for name, value in self._head.lines if len(name) == 6 and name.lower() == b"accept"]
        return b",".join(values).decode("latin-1")

    def _refuse(self, failure: Fail) -> None:
        self._note(failure)
        self._answer(self._error_answer(failure), outside=True)

    def _note(self, failure: Fail) -> None:
        self._reason = reason_of(failure)
        self._error = f"ERR_NGROK_{failure.code}" if failure.code else ""
        self._detail = failure.detail or failure.message

    def _close(self, close: Close) -> None:
        self._reason = close.reason
        if close.code is not None:
            self._error = f"ERR_NGROK_{close.code}"
        self._drop_call()
        self._client.abort()
        self._finish()

    def _drop_call(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call.abort()

    # --- what the client's side tells -----------------------------------------------------------------------

    def body_received(self, data: bytes) -> None:
        """Take a piece of the request body."""
        self._received += len(data)
        if self._call is not None:
            self._bound_replay()
            self._call.write(data)
        if self._replay is not None:
            self._replay.append(data)

    def _bound_replay(self) -> None:
        """Keep no body that is too large to be sent again."""
        if self._replay is not None and self._received > self._around.settings.replay_limit_bytes:
            self._replay = None
            self._around.met("replay_limit_bytes")

    def body_ended(self, trailers: Sequence[Line] = ()) -> None:
        """The request body is complete; `trailers` are those that may travel on.

        They do for a client that knows of trailers (`TE: trailers`), and never beside a field of the same
        name: whoever takes one for the other is to find what the policy left.
        """
        if self._body_ended:
            return
        self._body_ended = True
        if trailers:
            trailers = self._passed_on(trailers)
        self._trailers = trailers
        if self._request is not None:
            self._request.body_received = Timestamp(time.time_ns())
        if self._call is not None:
            self._call.end(trailers)

    def _passed_on(self, trailers: Sequence[Line]) -> Sequence[Line]:
        if not self._head.accepts_trailers or self._request is None:
            return ()
        taken = {name.lower() for name, _ in self._request.headers.lines}
        return [line for line in trailers if line[0] not in taken]

    def client_lost(self, reason: str = "client_gone") -> None:
        """The client went away, or sent something malformed in its body."""
        if self._finished:
            return
        self._reason = self._reason or reason
        self._drop_call()
        self._finish()

    def body_refused(self, status: int, reason: str, message: str) -> None:
        """The request body is malformed or late: answer if nothing was answered yet."""
        if self._finished:
            return
        self._drop_call()
        self._reason = reason
        if self._status:
            self._client.cut()
            self._finish()
            return
        answer = error_answer(status, message, None, self._accept())
        self._send(Response(status, Headers(answer.lines), body=answer.body), LENGTH, len(answer.body))

    def pause_response(self) -> None:
        """The client takes no more for now."""
        if self._call is not None:
            self._call.pause()

    def resume_response(self) -> None:
        """The client takes more again."""
        if self._call is not None:
            self._call.resume()

    # --- what the origin tells (origin.Listener) ------------------------------------------------------------

    def on_ready(self) -> None:
        """The origin takes the body: let a client that waits for it send."""
        if self._head.expects_continue and not self._status and not self._received:
            self._head.expects_continue = False  # met: a second 100 would say nothing
            self._client.send_interim(100, [])

    def on_interim(self, status: int, lines: list[Line]) -> None:
        """Pass an interim response on; a 100 only to a client that waits for one."""
        if status == 100:
            self.on_ready()
        elif self._head.minor and not self._status:
            self._client.send_interim(status, lines)

    def on_response(self, status: int, headers: Headers, framing: Framing, length: int) -> None:
        """Run the response phases on the origin's response head."""
        if headers.block is None:  # a plain head has no such field
            headers.remove("ngrok-error-code")
        if status // 100 == 3 or status == 201:
            request = self._request
            assert request is not None
            hosts = request.headers.get("host")
            if hosts and hosts[0] != self._head.authority:
                own = f"{request.scheme}://{self._head.authority}"
                headers = Headers(restore_location(headers.lines, hosts[0], own))
        response = Response(status, headers, content_length=length if length >= 0 else None)
        self._respond(response, self._hops, framing, length)

    def on_data(self, data: bytes | memoryview) -> None:
        """Pass a piece of the response body on."""
        if not self._suppress:
            self._sent += len(data)
            self._client.send_data(data)

    def on_splice(self, splice: Splice) -> bool:
        """Let the rest of the body pass by."""
        return not self._suppress and self._client.splice(splice, self._passed_by)

    def _passed_by(self, count: int) -> None:
        self._sent += count

    def on_end(self, trailers: Sequence[Line] = ()) -> None:
        """The origin's response is complete; trailers are for a client that asked for them."""
        self._call = None
        if not self._finished:
            if trailers and self._head.accepts_trailers:
                self._client.send_end(trailers)
            else:
                self._client.send_end()
            self._finish()

    def on_upgrade(self, headers: Headers) -> None:
        """Run the response phases on the head of the 101, and join both ends unless a policy says no."""
        headers.remove("ngrok-error-code")
        self._respond(Response(101, headers), self._hops, NONE, -1)

    def on_failure(self, failure: Fail) -> None:
        """The origin failed."""
        self._call = None
        if not self._finished:
            self._fail(failure)

    def on_flush(self) -> None:
        """Write what was collected."""
        self._client.flush()

    def pause_body(self) -> None:
        """Hold the client's body back."""
        self._client.pause_body()

    def resume_body(self) -> None:
        """Let it come again."""
        self._client.resume_body()

    # --- the end --------------------------------------------------------------------------------------------

    def _finish(self) -> None:
        if self._finished:
            return
        self._finished = True
        head = self._head
        record: Record = {
            "ts": timestamp(self._started_wall),
            "client": self._client.conn.client_ip,
            "method": head.method,
            "host": head.authority,
            "path": head.target.partition("?")[0],
            "status": self._status,
            "bytes": self._sent,
            "duration_ms": round((time.monotonic() - self._started) * 1000, 3),
            "endpoints": self._passed,
            "rules": self._rules,
        }
        if self._reason:
            record["reason"] = self._reason
        if self._error:
            record["error"] = self._error
        if self._detail:
            record["detail"] = self._detail
        if self._upstream:
            record["upstream"] = self._upstream
        if head.block is None:  # a plain head names no trace, and asks for no upgrade
            if trace := trace_id(head.lines):
                record["trace"] = trace
            if head.minor > 1:
                record["version"] = _VERSIONS[head.minor]
            if self._status == 101:
                record["bytes_in"], record["bytes_out"] = self._received, self._sent
        if self._logs:
            record["logs"] = list(self._logs)
        self._around.log(record)
        self._client.exchange_finished()


def _restore(hop: Hop) -> None:
    """Give an endpoint back the request that it forwarded (spec/endpoints.md §7.2)."""
    request, kept = hop.view.req, hop.kept
    assert kept is not None
    request.headers = Headers(kept.lines)
    request.host = kept.host
    rewrite(request, kept.target)


def _with_host(head: RequestHead) -> list[Line]:
    """The lines with the Host that counts: an absolute-form target's authority, where there is one."""
    authority = head.authority.encode("ascii")
    lines = []
    for name, value in head.lines:
        size = len(name)
        if size == 4 and name.lower() == b"host":
            lines.append((b"host", authority))
        elif size == 6 and name.lower() == b"expect":
            continue  # met here: `on_ready` lets the client go on
        else:
            lines.append((name, value))
    return lines


def as_answer(respond: Respond, accept: str) -> Answer:
    """Return what a policy answered as a response, without fields that only the gateway may set.

    A refusal that has a message gets the form that `accept` prefers.
    """
    if respond.message:
        return error_answer(respond.status, respond.message, respond.code, accept)
    try:
        lines = [(to_octets(name), to_octets(value)) for name, value in respond.headers]
    except UnicodeEncodeError:
        return error_answer(500, "a header of the response is not valid", 2211, "")
    lines = [line for line in lines if line[0].lower() not in _OURS]
    if respond.code is not None:
        lines.append((b"ngrok-error-code", b"ERR_NGROK_%d" % respond.code))
    return Answer(respond.status, lines, respond.body)


def run_phase(phase: Run, view: Exchange) -> Outcome | None:
    """Run a phase; what it should not have raised is a failure of the policy, never a way past it."""
    try:
        return phase(view)
    except Exception as error:
        return _broken(error, view)


def resume_phase(forward: Forward, view: Exchange, failure: Fail) -> Outcome | None:
    """Go on in a phase whose forward failed (`on_error: continue`), with the same care as `run_phase`."""
    resume = forward.resume
    assert resume is not None
    try:
        return resume(view, failure)
    except Exception as error:
        return _broken(error, view)


def resume_terminated(handshake: Terminate, view: Exchange) -> Outcome | None:
    """Go on in a phase whose handshake was made, with the care of `run_phase`; there is no second one."""
    try:
        outcome = handshake.resume(view)
    except Exception as error:
        return _broken(error, view)
    return misplaced_terminate() if isinstance(outcome, Terminate) else outcome


def misplaced_terminate() -> Fail:
    """Return what `terminate-tls` is where there is no handshake to make."""
    return Fail(2300, "terminate-tls: there is no TLS handshake to make here")


def _broken(error: Exception, view: Exchange) -> Fail:
    if isinstance(error, EvalError):
        return Fail(
            2254, "an expression of the policy could not be evaluated", detail=f"{error.kind}: {error}"
        )
    _log.error("a policy failed unexpectedly, endpoint %s", view.endpoint.url, exc_info=error)
    return Fail(2300, "an internal error while the policy ran")
