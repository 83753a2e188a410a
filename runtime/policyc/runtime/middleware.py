"""A policy around an ASGI application, in any ASGI server.

ASGI shows requests and no connections, so a policy with `on_tcp_connect` is refused: leaving the phase out
would open a door. For the same reason a WebSocket handshake passes `on_http_request` like any request. There
are no internal endpoints here: forward-internal fails as for an endpoint that is offline. What closes a
connection answers 403 and asks the server to close.
"""

from __future__ import annotations

import random
import time
from collections.abc import MutableMapping, Sequence
from functools import lru_cache
from typing import Any

from policyc.engine.model import EndpointKey, Policy, endpoint_id
from policyc.engine.outcome import Close, Fail, Forward, Outcome, Respond, Terminate
from policyc.engine.phases import Binding, Phase, Protocol
from policyc.engine.traffic import (
    Connection,
    EndpointInfo,
    Exchange,
    Headers,
    Request,
    Response,
    Services,
    content_length,
)
from policyc.engine.values import Timestamp
from policyc.runtime.asgi import AsgiApp, Message, Receive, Send
from policyc.runtime.errors import Answer, error_answer
from policyc.runtime.exchange import as_answer, resume_phase, run_phase
from policyc.runtime.location import restore_location
from policyc.runtime.observe import Record, Sink, discard, timestamp
from policyc.runtime.services import LocalServices
from policyc.runtime.state import RateLimiter
from policyc.runtime.transport.accepted import socket_end

Scope = MutableMapping[str, Any]


class PolicyRefusedError(ValueError):
    """A policy that cannot guard an ASGI application."""


class PolicyMiddleware:
    """An ASGI application: a policy, and behind it, for what the policy lets through, another one."""

    def __init__(
        self, app: AsgiApp, policy: Policy, *, services: Services | None = None, log: Sink = discard
    ) -> None:
        """Raises PolicyRefusedError for a policy with `on_tcp_connect`."""
        if Phase.TCP_CONNECT in policy.phases:
            raise PolicyRefusedError(
                "the policy has `on_tcp_connect`, but ASGI shows no connections: its rules would never run"
            )
        self._app = app
        self._policy = policy
        self._services = services or LocalServices(RateLimiter(time.monotonic), random.Random())  # noqa: S311
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._serve_websocket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        view = self._view(scope)
        host = view.req.host
        outcome = self._request_phase(view)
        answering = _Answering(self._policy, view, host, send)
        try:
            if outcome is None:
                await self._app(_changed(scope, view.req), receive, answering.send)
            else:
                await answering.answer(outcome)
        finally:
            self._record(view, answering.status)

    async def _serve_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        view = self._view(scope)
        outcome = self._request_phase(view)
        if outcome is None:
            await self._app(_changed(scope, view.req), receive, send)
            return
        answer, _ = _answer_for(outcome, _accept(view))
        self._record(view, answer.status)
        if "websocket.http.response" in scope.get("extensions", {}):
            head = {"type": "websocket.http.response.start", "status": answer.status, "headers": answer.lines}
            await send(head)
            await send({"type": "websocket.http.response.body", "body": answer.body})
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _request_phase(self, view: Exchange) -> Outcome | None:
        phase = self._policy.phases.get(Phase.HTTP_REQUEST)
        outcome = None if phase is None else run_phase(phase, view)
        while isinstance(outcome, Forward):
            failure = Fail(3200, f"the endpoint {outcome.url} is offline", status=404)
            outcome = failure if outcome.resume is None else resume_phase(outcome, view, failure)
        return outcome

    def _view(self, scope: Scope) -> Exchange:
        client = scope.get("client") or ("", 0)
        server = scope.get("server") or ("", 0)
        scheme = "https" if scope.get("scheme", "http") in ("https", "wss") else "http"
        headers = Headers((bytes(name), bytes(value)) for name, value in scope["headers"])
        hosts = headers.get("host")
        host = hosts[0] if hosts else ""
        path = scope.get("raw_path") or scope["path"].encode("utf-8")
        query = scope.get("query_string", b"")
        target = (path + b"?" + query if query else path).decode("latin-1") or "/"
        now = Timestamp(time.time_ns())
        version = scope.get("http_version", "1.1")
        request = Request(
            scope.get("method", "GET"),
            scheme,
            host,
            target,
            headers,
            version="HTTP/2.0" if version == "2" else f"HTTP/{version}",
            content_length=content_length(headers),
            header_received=now,
        )
        conn = Connection(*_end(client), *_end(server), started=now)
        name = host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host
        port = server[1] or (443 if scheme == "https" else 80)
        info = EndpointInfo(f"{scheme}://{host}", scheme, name, port, id=_endpoint_id(scheme, name, port))
        return Exchange(conn, info, self._services, request)

    def _record(self, view: Exchange, status: int) -> None:
        if self._log is discard:
            return
        record: Record = {
            "ts": timestamp(time.time()),
            "client": view.conn.client_ip,
            "method": view.req.method,
            "host": view.req.host,
            "path": view.req.received_target.partition("?")[0],
            "status": status,
            "rules": view.acted,
        }
        if view.logs:
            record["logs"] = list(view.logs)
        self._log(record)


class _Answering:
    """What goes to the client: the response after `on_http_response`, or another in its place."""

    def __init__(self, policy: Policy, view: Exchange, host: str, send: Send) -> None:
        self._host = host  # as the client knows it
        self._phase = policy.phases.get(Phase.HTTP_RESPONSE)
        self._view = view
        self._send = send
        self._replaced = False
        self._bodiless = view.req.method == "HEAD"
        self.status = 0

    async def answer(self, outcome: Outcome) -> None:
        """Send what the request phase answered."""
        answer, final = _answer_for(outcome, _accept(self._view))
        if final:
            await self._send_answer(answer)
            return
        response = Response(
            answer.status, Headers(answer.lines), content_length=len(answer.body), body=answer.body
        )
        replaced = self._run(response)
        if replaced is None:
            replaced = Answer(response.status, response.headers.lines, response.body or b"")
        await self._send_answer(replaced)

    async def send(self, message: Message) -> None:
        """Take the application's messages: its `send`."""
        if self._replaced:
            return
        if message["type"] != "http.response.start":
            await self._send(message)
            return
        lines = [(bytes(name), bytes(value)) for name, value in message.get("headers", ())]
        request = self._view.req
        if request.host != self._host:
            lines = restore_location(lines, request.host, f"{request.scheme}://{self._host}")
        headers = Headers(line for line in lines if line[0].lower() != b"ngrok-error-code")
        response = Response(message["status"], headers, content_length=content_length(headers))
        replaced = self._run(response)
        if replaced is not None:
            self._replaced = True
            await self._send_answer(replaced)
            return
        self.status = response.status
        await self._send({**message, "status": response.status, "headers": response.headers.lines})

    def _run(self, response: Response) -> Answer | None:
        if self._phase is None:
            return None
        view = self._view
        view.res = response
        view.vars = {}
        view.now = None
        outcome = run_phase(self._phase, view)
        return None if outcome is None else _answer_for(outcome, _accept(view))[0]

    async def _send_answer(self, answer: Answer) -> None:
        self.status = answer.status
        bodiless = answer.status in (204, 304)
        lines = [line for line in answer.lines if line[0].lower() != b"content-length"]
        if not bodiless:
            lines.append((b"content-length", b"%d" % len(answer.body)))
        await self._send({"type": "http.response.start", "status": answer.status, "headers": lines})
        body = b"" if bodiless or self._bodiless else answer.body
        await self._send({"type": "http.response.body", "body": body, "more_body": False})


def _answer_for(outcome: Outcome, accept: str) -> tuple[Answer, bool]:
    """Return the response that an outcome is here, and whether it skips `on_http_response`."""
    if isinstance(outcome, Respond):
        return as_answer(outcome, accept), outcome.final
    if isinstance(outcome, Close):
        return Answer(403, [(b"connection", b"close")], b""), True
    if isinstance(outcome, Forward | Terminate):
        outcome = Fail(2300, "the action is not possible in this phase")
    return error_answer(outcome.status, outcome.message, outcome.code or None, accept), True


def _end(told: Sequence[Any]) -> tuple[str, int]:
    """Return (address, port) of an end, in the form that a gateway has them in; ASGI promises none."""
    return socket_end((told[0], told[1] or 0, 0, 0))  # as a socket of IPv6 says it: of either family


@lru_cache(1024)
def _endpoint_id(scheme: str, host: str, port: int) -> str:
    return endpoint_id(EndpointKey("default", Binding.PUBLIC, Protocol(scheme), host, port))


def _accept(view: Exchange) -> str:
    return ",".join(view.req.headers.get("accept"))


def _changed(scope: Scope, request: Request) -> Scope:
    """Return the scope as the policy left the request."""
    changed = {**scope, "headers": [(name.lower(), value) for name, value in request.headers.lines]}
    if request.target != request.received_target:
        from urllib.parse import unquote_to_bytes

        path, _, query = request.target.partition("?")
        changed["raw_path"] = path.encode("latin-1")
        changed["path"] = unquote_to_bytes(path).decode("utf-8", "replace")
        changed["query_string"] = query.encode("latin-1")
    return changed
