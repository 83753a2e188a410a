"""The short way: an exchange whose request comes in one segment and its response in one or two. Most do.

    client ── one segment ──▶ begin ──▶ request phases, hop by hop ──▶ an idle upstream connection
    client ◀── one write ──── answered ◀── response phases ◀── one or two ─── the same connection

What server.py, exchange.py and upstream.py do in many steps, with an object for each thing that may come in
between, happens here in two calls; where rules come to a decision (engine/decision.py), no phase runs.

Rules. 1. The short way decides nothing of its own: the long way would have sent the same message and logged
the same record (tests run the same traffic both ways). 2. What is not plain goes the long way: `begin`
returns False before anything has happened; later `leave` makes an HttpExchange of what there is, and that
goes on from there. 3. llhttp has heard every head, or one that it cannot tell from it: the very same octets,
but for a request line that `_LINE` takes, of which it takes them all.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final

from policyc.engine.additions import Additions
from policyc.engine.decision import NOTHING, Decide
from policyc.engine.outcome import Forward
from policyc.engine.traffic import (
    Exchange,
    FieldBlock,
    Headers,
    Request,
    Response,
    split_block,
)
from policyc.engine.values import Timestamp
from policyc.runtime.exchange import Hop, HttpExchange, run_phase
from policyc.runtime.observe import timestamp
from policyc.runtime.protocol.authority import read_authority
from policyc.runtime.protocol.http1 import (
    LENGTH,
    NONE,
    RequestHead,
    block_octets,
    plain_request_octets,
    plain_response_octets,
)
from policyc.runtime.protocol.plain_head import LARGEST, PlainRequest, plain_heads
from policyc.runtime.protocol.refusal import Refused
from policyc.runtime.protocol.whole import REQUESTS, RESPONSES
from policyc.runtime.transport.route import Route, route_from
from policyc.runtime.transport.upstream import HttpCall, HttpOrigin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyc.runtime.endpoints import Endpoint, Pool, PublicEndpoint, Snapshot
    from policyc.runtime.metrics import Traffic
    from policyc.runtime.observe import Frame, Record
    from policyc.runtime.protocol.hopbyhop import Line
    from policyc.runtime.protocol.http1 import Limits
    from policyc.runtime.transport.server import ClientConnection, House
    from policyc.runtime.transport.upstream import UpstreamConnection

# HEAD is not among these, for its answers differ.
_LINE: Final = re.compile(rb"(GET|POST|PUT|PATCH|DELETE|OPTIONS) (/[!\"$-~]*) HTTP/1\.1\r\n").match
# Answers that are looked into: no body, or a Location that may name the upstream (location.py).
_LOOKED_INTO: Final = frozenset({201, 204, *range(300, 400)})
_NO_HOPS: Final[tuple[object, ...]] = ()
_REMEMBERED: Final = 256
_WHOLE_BELOW: Final = 64 * 1024
_WAITED_FOR: Final = 16 * 1024
_P: Final = ord("P")


class PlainAnswer:
    """The head of a response; the next one on its connection may say the same to the letter."""

    __slots__ = (
        "added", "block", "first", "head", "last", "last_added", "length", "octets", "onward", "start",
        "status",
    )  # fmt: skip

    def __init__(self, octets: bytes, status: int, block: bytes, length: int) -> None:
        """`octets` are all of it as received, `block` the lines that travel on."""
        self.octets = octets
        self.start = len(octets)
        self.status = status
        self.block = FieldBlock(block)
        self.length = length
        self.onward = plain_response_octets(status, block, LENGTH, True, 1)
        self.first = self.onward[: -2 - len(block)]
        # The head with the lines that phases added last, also for an answer that ends its connection.
        self.added = self.head = self.last = b""
        self.last_added: bytes | None = None


class PlainFields:
    """What the field lines of a plain request say; `body` is how many octets come after them.

    `is_heard` once llhttp took a request with them. No NamedTuple: reading an attribute of one takes twice
    as long.
    """

    __slots__ = ("authority", "block", "body", "host", "is_heard", "is_told", "keep_alive", "length", "trace")

    def __init__(self, plain: PlainRequest, host: str) -> None:
        """Take them as they were read; `host` is the normalised authority."""
        self.block = plain.block
        self.host = host
        self.authority = plain.authority.decode("ascii")
        self.keep_alive = plain.keep_alive
        self.length = plain.length
        self.body = max(plain.length, 0)
        self.is_told = plain.is_told
        self.trace = plain.trace
        self.is_heard = False


_UNREAD: Final = b"\0"
_NOTHING_SAID: Final = PlainFields(PlainRequest(b"", b"", b"", b"\0", False, -1, 0, False, ""), "")


class PlainReader:
    """Reads the heads of plain messages; one for a gateway.

    Clients repeat themselves, within a connection and from one to the next: of the very same field lines the
    reading is remembered, as HPACK has it. Octets only: what is made of them is not.
    """

    __slots__ = ("_heads", "_remembered", "largest")

    def __init__(self, limits: Limits) -> None:
        """Above `largest` octets the limits of a line and of a target would have to be looked at."""
        self._heads = plain_heads(limits.fields)
        self._remembered: dict[bytes, PlainFields] = {}
        self.largest = min(LARGEST, limits.head, limits.line, limits.target)

    def request(self, data: bytes, fields: bytes) -> PlainFields | None:
        """Read the field lines `fields` of the request `data`; None if it is not plain."""
        known = self._remembered.get(fields)
        if known is not None:
            return known
        plain = self._heads.request(data)
        authority = None if plain is None else read_authority(plain.authority)
        if plain is None or authority is None:
            return None
        if len(self._remembered) >= _REMEMBERED:
            self._remembered.clear()
        known = PlainFields(plain, authority[0])
        self._remembered[fields] = known
        return known

    def response(self, data: bytes) -> PlainAnswer | None:
        """Read the head that `data` begins with; None if it is not plain."""
        plain = self._heads.response(data)
        if plain is None or plain.start > self.largest or plain.status in _LOOKED_INTO:
            return None
        return PlainAnswer(data[: plain.start], plain.status, plain.block, plain.length)


class PlainExchange:
    """The exchanges of one client connection that go the short way, one after the other."""

    __slots__ = (
        "_asked", "_body", "_client", "_clock", "_connection", "_decide", "_family", "_fields", "_first",
        "_frame", "_framed", "_framed_said", "_hops", "_house", "_is_sent", "_key", "_method", "_octets",
        "_onward", "_pool", "_request", "_results", "_route", "_said", "_snapshot", "_started",
        "_started_wall", "_target", "_told", "_traffic", "_view", "_waiting",
    )  # fmt: skip

    def __init__(self, client: ClientConnection, house: House) -> None:
        """Serve the requests of `client`."""
        self._client = client
        self._house = house
        self._clock = house.wheel.clock
        self._connection: UpstreamConnection | None = None
        self._waiting = b""
        # What the client says again with each request, and what was found by it.
        self._fields = _UNREAD
        self._said = _NOTHING_SAID
        self._snapshot: Snapshot | None = None
        self._pool: Pool[PublicEndpoint]
        self._results: dict[str, dict[str, object]] | None
        self._traffic: Traffic
        self._family: bytes
        self._framed: object = None
        self._framed_said: PlainFields | None = None
        self._frame: Frame
        self._told: FieldBlock | None = None
        # What it came to with the last request, and the head from the second line on where that is so again.
        self._key: object = None
        self._view: Exchange | None = None
        # Who decides at this endpoint, which is asked first; in less time where that was found to do.
        self._asked: Endpoint | None = None
        self._decide: Decide | None
        self._first: Endpoint
        self._route: Route
        self._onward: bytes
        # The exchange that is under way. It has no hops where no phase has to run: there is the route then.
        self._method: str
        self._target: str
        self._body: bytes
        self._hops: list[Hop] | None
        self._request: Request | None
        self._is_sent: bool
        self._octets: bytes
        self._started: float
        self._started_wall: float

    # --- the request ----------------------------------------------------------------------------------------

    def begin(self, data: bytes, *, is_brief: bool = False) -> bool:
        """Take a request and send it on; False where it has to go the long way, and nothing has happened.

        `is_brief` if the connection can only have this one request.
        """
        line = _LINE(data)
        if line is None:
            return False
        start = line.end()
        # A client repeats itself: what was read of these very octets is not read again, as HPACK has it.
        if not data.startswith(self._fields, start) and not self._learn(data, start):
            return False
        said = self._said
        end = start + len(self._fields)
        if len(data) - end != said.body:
            return False
        house = self._house
        if house.snapshot is not self._snapshot and not self._settle():
            return False
        if end > house.plain.largest or house.is_stopping or len(data) > _WHOLE_BELOW:
            return False
        if said.length < 0 and data[0] == _P:  # POST, PUT, PATCH: upstreams expect a Content-Length
            return False
        if is_brief and said.keep_alive:
            return False
        if not said.is_heard:
            if not REQUESTS.is_one(data, not said.keep_alive):
                return False
            said.is_heard = True
        if self._told is None:
            self._told = FieldBlock(said.block + self._family)
            self._key = self._asked = self._view = None
        endpoint = self._pool.only or self._pool.choose()
        self._method, self._target = line[1].decode("ascii"), line[2].decode("ascii")
        self._body = data[end:] if said.body else b""
        self._started = self._clock()
        self._started_wall = time.time()
        route = None if endpoint.decide is None else self._decided(endpoint)
        if route is None:
            if endpoint.is_bare:
                return False
            self._client.took_short_way(self, said.keep_alive)
            self._enter(endpoint, data[:start])
            return True
        connection = route.origin.take()
        if connection is None:
            return False
        self._client.took_short_way(self, said.keep_alive)
        self._hops = self._request = None
        self._send(connection, data[:start] + self._onward)
        return True

    def _learn(self, data: bytes, start: int) -> bool:
        """Read the field lines; False if they are not plain."""
        self._told = None
        end = data.find(b"\r\n\r\n", start) + 4
        fields = data[start:end]
        said = self._house.plain.request(data, fields) if end > 4 else None
        if (
            said is None
            or said.body > self._house.around.settings.drain_limit_bytes  # a policy's answer comes before it
            or (said.is_told and self._client.admitted.trusted)
        ):
            self._fields = _UNREAD
            return False
        self._fields = fields
        if said.authority != self._said.authority:
            self._snapshot = None
        self._said = said
        return True

    def _settle(self) -> bool:
        """Find where requests to this Host go; False if not all go the same way."""
        house, client, said = self._house, self._client, self._said
        snapshot, conn = house.snapshot, client.conn
        pool = snapshot.public.find(said.host)
        if pool is None:
            return False
        self._results = None
        if pool.has_tcp_connect:
            # The first request of a connection goes the long way, which lets it in.
            self._results = client.admitted.results.get(pool.members[0].meaning)
            if self._results is None or len(pool.members) > 1:
                return False
        self._family = house.around.forwarding.told(conn, pool.scheme, said.authority)
        self._told = None
        self._pool = pool
        self._snapshot = snapshot
        self._traffic = house.metrics.traffic((pool.only or pool.members[0]).info.url)
        return True

    def _decided(self, endpoint: Endpoint) -> Route | None:
        """Find where the request goes without running a phase; None if that cannot be said."""
        first, way = endpoint, _NO_HOPS
        if endpoint.is_bare:  # nothing of the request has to be looked at
            key: object = NOTHING
        else:
            view = self._looked_at(endpoint)
            decide: Decide | None
            if self._asked is endpoint:
                decide = self._decide
            else:  # once per connection, while it says the same
                decide, by = endpoint.decide, endpoint.decided_by
                if by is not None and by.clear is not None and by.clear(view):
                    decide = by.rest
                self._asked, self._decide = endpoint, decide
            while True:
                if decide is None:
                    return None
                decision = decide(view)
                if decision is None:
                    endpoint.undecided()
                    return None
                if endpoint.undecided_count:
                    endpoint.undecided_count = 0
                if decision.forward is None:
                    key = (*way, endpoint, decision) if way else decision
                    break
                way = (*way, endpoint, decision)
                snapshot = self._snapshot
                assert snapshot is not None
                pool = snapshot.internal.remembered(endpoint.info.account, decision.forward)
                if pool is None or len(way) > 2 * self._house.around.settings.hops_limit:
                    return None
                endpoint = pool.only or pool.choose()
                view.endpoint = endpoint.info
                decide = None if endpoint.sees_fields else endpoint.decide  # others may have added some
        if key == self._key and first is self._first:
            return self._route
        origin, told = endpoint.origin, self._told
        if type(origin) is not HttpOrigin:
            return None
        assert told is not None
        route = route_from(first, key, origin)
        self._first, self._key, self._route = first, key, route
        self._onward = b"%b%b\r\n" % (told.octets, route.asked)
        return route

    def _looked_at(self, endpoint: Endpoint) -> Exchange:
        """Return the request as decisions look at it: one view for all while the client says the same."""
        view = self._view
        if view is None:
            services = self._house.around.services
            view = self._view = Exchange(self._client.conn, endpoint.info, services, self._seen(endpoint))
            return view
        view.endpoint = endpoint.info
        request = view.req
        request.method = self._method
        request.target = self._target
        request.url = request.url_path = request.url_query = request.url_uri = None
        request.url_query_params = None
        return view

    def _enter(self, endpoint: Endpoint, line: bytes) -> None:
        """Run the request phases as far as they lead, and send the request on; `line` is its first line."""
        around, snapshot = self._house.around, self._snapshot
        assert snapshot is not None
        conn, services = self._client.conn, around.services
        self._is_sent = False
        request = self._request = self._seen(endpoint)
        headers, target = request.headers, request.target
        view = Exchange(conn, endpoint.info, services, request)
        if self._results:
            view.results = dict(self._results)
        hops = self._hops = [Hop(endpoint, view)]
        while True:
            phase = endpoint.on_http_request
            outcome = None if phase is None else run_phase(phase, view)
            if outcome is None:
                break
            if type(outcome) is not Forward or outcome.resume is not None:
                self.leave().go_on(outcome)
                return
            pool = snapshot.internal.remembered(endpoint.info.account, outcome.url)
            if pool is None or len(hops) > around.settings.hops_limit:
                self.leave().go_on(outcome)
                return
            hops[-1].forward = outcome
            endpoint = pool.only or pool.choose()
            further = Exchange(conn, endpoint.info, services, request)
            further.logs, further.acted = view.logs, view.acted
            view = further
            hops.append(Hop(endpoint, view))
        origin = endpoint.origin
        block = headers.block
        if type(origin) is HttpOrigin and block is not None:
            try:
                if request.target is target:
                    octets = b"%b%b\r\n" % (line, block_octets(*block))
                else:
                    octets = plain_request_octets(request.method, request.target, block_octets(*block))
            except (Refused, UnicodeEncodeError):
                pass  # on the long way the same is found out, and answered
            else:
                connection = origin.take()
                if connection is not None:
                    self._send(connection, octets)
                    return
        self.leave().go_on(None)

    def _seen(self, endpoint: Endpoint) -> Request:
        """Return the request as policies see it."""
        told = self._told
        assert told is not None
        return Request(
            self._method,
            endpoint.info.protocol,
            self._said.authority,
            self._target,
            Headers.received(told),
            content_length=self._said.length if self._said.length >= 0 else None,
            header_received=Timestamp(time.time_ns()),
        )

    def _send(self, connection: UpstreamConnection, octets: bytes) -> None:
        self._is_sent = True
        if self._body:
            octets += self._body
            if self._request is not None:
                self._request.body_received = Timestamp(time.time_ns())
        self._octets = octets
        self._connection = connection
        connection.carry(self, octets, self._started)

    # --- the response ---------------------------------------------------------------------------------------

    def answered(self, data: bytes) -> None:
        """Take the response and send it on, or go the long way with it."""
        connection = self._connection
        assert connection is not None
        waited = self._waiting
        if waited:
            data, self._waiting = waited + data, b""
        answer = known = connection.answer
        if answer is None or not data.startswith(answer.octets):
            known = None
            answer = self._house.plain.response(data)
            if answer is None:
                self._leave_with(data)
                return
        start, length = answer.start, answer.length
        missing = length + start - len(data)
        if missing > 0 and not waited and missing < _WAITED_FOR:
            self._waiting = data  # many servers write the head and the body one after the other
            return
        if missing or (known is None and not RESPONSES.is_one(data)):
            self._leave_with(data)
            return
        connection.answer = answer
        self._connection = None
        now = self._clock()
        connection.free(now)
        client, status = self._client, answer.status
        hops = self._hops
        if hops is None:
            route = self._route
            if not client.may_go_on:
                if answer.last_added is not route.answered:
                    block = answer.block.octets + route.answered
                    answer.last = plain_response_octets(status, block, LENGTH, False, 1)
                    answer.last_added = route.answered
                head = answer.last
            elif not route.answered:
                head = answer.onward
            elif answer.added is route.answered:
                head = answer.head
            else:
                answer.added = route.answered
                head = answer.head = b"%b%b%b\r\n" % (answer.first, answer.block.octets, route.answered)
        else:
            made = self._respond(hops, answer, data)
            if made is None:
                return
            head = made
        self._record(status, length, now)
        # Ten thousand idle connections need not keep what their last exchanges were about.
        self._hops = self._request = None
        self._octets = b""
        client.answer_plain(head, data, start, now)  # which may begin the next exchange

    def _respond(self, hops: list[Hop], answer: PlainAnswer, data: bytes) -> bytes | None:
        """Run the response phases, and return the head to send; None if the answer has been sent already."""
        if self._client.may_go_on and (added := self._added(hops)) is not None:
            return b"%b%b%b\r\n" % (answer.first, answer.block.octets, added)
        response = Response(answer.status, Headers.received(answer.block), content_length=answer.length)
        at = len(hops)
        while at:
            at -= 1
            phase = hops[at].endpoint.on_http_response
            if phase is None:
                continue
            view = hops[at].view
            view.res = response
            view.vars = {}
            view.now = None
            outcome = run_phase(phase, view)
            if outcome is not None:
                self.leave().replace(outcome, at)
                return None
        block = response.headers.block
        if block is not None and response.body is None and response.status == answer.status:
            try:
                if self._client.may_go_on:
                    return b"%b%b\r\n" % (answer.first, block_octets(*block))
                return plain_response_octets(response.status, block_octets(*block), LENGTH, False, 1)
            except Refused:
                pass  # on the long way the same is found out, and answered
        if response.body is None:
            response.body = data[answer.start :]
        self.leave().send_whole(response)
        return None

    def _added(self, hops: list[Hop]) -> bytes | None:
        """Return what the phases add to the head if that is all they do, and note that they did."""
        added = b""
        for hop in hops:
            phase = hop.endpoint.on_http_response
            if phase is not None and type(phase) is not Additions:
                return None
        for hop in reversed(hops):
            phase = hop.endpoint.on_http_response
            if type(phase) is Additions:
                added += phase.block
                hop.view.acted.extend(phase.names)
        return added

    # --- the end --------------------------------------------------------------------------------------------

    def _record(self, status: int, length: int, now: float) -> None:
        """Count the exchange and log it."""
        house, hops = self._house, self._hops
        said = self._said
        if hops is None:
            route = self._route
            acted: Sequence[str]
            endpoint, logs, acted, passed = route.endpoint, None, route.names, route.passed
            framed: object = route
        else:
            view, endpoint = hops[0].view, hops[-1].endpoint
            logs, acted = view.logs, view.acted
            passed = [each.endpoint.info.url for each in hops]
            framed = (passed, acted, endpoint)
        origin = endpoint.origin
        assert origin is not None
        duration_ms = (now - self._started) * 1000
        method, path = self._method, self._target.partition("?")[0]
        access = house.access
        if access is not None and not (logs or said.trace):
            self._traffic.answered(status, duration_ms, length)
            if acted:
                self._traffic.acted(acted)
            # With the next request, most of the record is the same.
            if said is not self._framed_said or framed != self._framed:
                self._framed_said, self._framed = said, framed
                if hops is not None:
                    closing = access.closing(passed, acted, origin.name)
                else:
                    closing = route.closing = route.closing or access.closing(passed, acted, origin.name)
                self._frame = access.frame(self._client.conn.client_ip, said.authority, closing)
            access.add_framed(self._frame, self._started_wall, method, path, status, length, duration_ms)
            return
        record: Record = {
            "ts": timestamp(self._started_wall),
            "client": self._client.conn.client_ip,
            "method": method,
            "host": said.authority,
            "path": path,
            "status": status,
            "bytes": length,
            "duration_ms": round(duration_ms, 3),
            "endpoints": passed,
            "rules": list(acted),
            "upstream": origin.name,
        }
        if said.trace:
            record["trace"] = said.trace
        if logs:
            record["logs"] = list(logs)
        house.around.log(record)

    @property
    def keeps_alive(self) -> bool:
        """Whether the client wants to go on after the request that was the last one."""
        return self._said.keep_alive

    def head(self) -> RequestHead:
        """Return the head of the request that is under way, or was the last one."""
        said = self._said
        framing, length = (LENGTH, said.length) if said.length >= 0 else (NONE, 0)
        # Where a trace is named, the long way looks for it line by line.
        lines, block = (split_block(said.block), None) if said.trace else (None, said.block)
        return RequestHead(
            self._method, self._target, 1, lines, said.host, said.authority, framing,
            length, said.keep_alive, False, block,
        )  # fmt: skip

    def _leave_with(self, data: bytes) -> None:
        self._waiting = data
        self.leave()

    def leave(self) -> HttpExchange:
        """Go on on the long way from here, and return the exchange that does."""
        house, client, hops = self._house, self._client, self._hops
        connection, self._connection = self._connection, None
        request, snapshot = self._request, self._snapshot
        assert snapshot is not None
        if hops is None:
            route = self._route
            request = self._seen(route.way[0][0])
            hops = route.hops(client.conn, house.around.services, request, self._results)
        head = self.head()
        started = self._started, self._started_wall
        exchange = HttpExchange.resumed(
            client, head, snapshot, house.around, request, hops, started, self._body
        )
        client.leave_short_way(exchange, head)
        if self._is_sent:
            origin = hops[-1].endpoint.origin
            assert origin is not None
            call = None
            if connection is not None:
                call = HttpCall.under_way(
                    connection, house.upstreams, head.method, self._octets, len(self._body), exchange
                )
            exchange.under_way(call, origin.name)
        waiting, self._waiting = self._waiting, b""
        if connection is not None and waiting:
            connection.data_received(waiting)
        return exchange

    # --- what a client's side tells an exchange; a request without body has little to tell ---------------

    wants_body: Final = False

    def client_lost(self, reason: str = "client_gone") -> None:
        """The client went away."""
        self.leave().client_lost(reason)

    def pause_response(self) -> None:
        """The client takes no more for now: nothing is written before all of the response is there."""

    def resume_response(self) -> None:
        """It takes more again."""

    def body_received(self, data: bytes) -> None:
        """Leave it to the long way."""
        self.leave().body_received(data)

    def body_ended(self, trailers: Sequence[Line] = ()) -> None:
        """Leave it to the long way."""
        self.leave().body_ended(trailers)

    def body_refused(self, status: int, reason: str, message: str) -> None:
        """Leave it to the long way."""
        self.leave().body_refused(status, reason, message)
