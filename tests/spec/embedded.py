"""The same policy and request without a gateway: `decide`, and `PolicyMiddleware` around an application.

What a gateway answered must be what they answer. Left out of the comparison: fields that frame a message, and
the X-Forwarded family, which the embedding side provides itself (here it is given as the gateway made it).
"""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from tests.e2e.world import Seen
from tests.spec.gateway_cases import Case
from tests.spec.gateway_world import Turn, answer_of, sources_of

from policyc.engine.embed import Decision, compile_policy, decide
from policyc.engine.endpoint_url import EndpointUrl, parse_endpoint_url
from policyc.engine.model import Policy
from policyc.engine.phases import Phase
from policyc.engine.traffic import text
from policyc.runtime.middleware import PolicyMiddleware
from policyc.runtime.services import LocalServices
from policyc.runtime.state import RateLimiter

Lines = list[tuple[str, str]]
_FRAMING = {"content-length", "transfer-encoding", "connection"}


class Asked(NamedTuple):
    """A request taken apart, with the fields that the gateway adds."""

    method: str
    host: str
    target: str
    lines: Lines
    body: bytes


class Said(NamedTuple):
    """An answer and what the upstream saw, ready to be compared.

    Status 0 is a closed connection. Without a body it is what `decide` says of errors: status and code.
    """

    status: int
    lines: Lines
    body: bytes | None
    saw: tuple[str, Lines] | None


def policy_of(case: Case) -> Policy | None:
    """Return the policy of a case by itself; None if it has no phases."""
    policy, yaml = case.text("policy"), case.text("yaml")
    given = policy if policy is not None else yaml
    assert given is not None
    ending = "policy" if policy is not None else "yaml"
    if not given.strip() or not sources_of(case):
        return None
    return compile_policy(given, filename=f"{case.id}.{ending}")


def url_of(case: Case) -> EndpointUrl:
    """Return the endpoint of a case."""
    url = parse_endpoint_url(case.group.get("endpoint", "https://a.test"))
    assert isinstance(url, EndpointUrl)
    return url


def asked(turn: Turn, url: EndpointUrl) -> Asked | None:
    """Return a turn's request; None for one that the protocol answers, or that another endpoint gets."""
    head, _, body = turn.request.partition(b"\r\n\r\n")
    first, *rows = head.decode("utf-8", "surrogateescape").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or words[2] != "HTTP/1.1" or not words[1].startswith("/"):
        return None
    lines = [(name.lower(), value.strip()) for name, _, value in (row.partition(":") for row in rows)]
    hosts = [value for name, value in lines if name == "host"]
    names = {name for name, _ in lines}
    if len(hosts) != 1 or hosts[0].partition(":")[0].lower() != url.host:
        return None
    if names & {"transfer-encoding", "forwarded", "te", "keep-alive"}:
        return None
    if any(name.startswith("x-forwarded") or name.startswith("x_forwarded") for name in names):
        return None
    if turn.reply.status in (400, 414, 431) or b" HTTP/1.1\r\n" in body:
        return None
    lines = [line for line in lines if line[0] != "connection"]
    lines.append(("x-forwarded-for", turn.client_ip))
    lines.append(("x-forwarded-proto", url.scheme.value))
    lines.append(("x-forwarded-host", hosts[0]))
    return Asked(words[0], hosts[0], words[1], lines, body)


def by_gateway(turn: Turn) -> Said:
    """Return what the gateway said."""
    saw = None if not turn.seen else seen_as(turn.seen[-1])
    body = turn.reply.body if turn.reply.status else None
    return Said(turn.reply.status, plain(turn.reply.lines), body, saw)


def seen_as(seen: Seen) -> tuple[str, Lines]:
    return f"{seen.method} {seen.target}", plain(seen.lines)


def plain(lines: Lines) -> Lines:
    """Return lines without framing, names in lower case, in an order of their own."""
    return sorted((name.lower(), value.strip()) for name, value in lines if name.lower() not in _FRAMING)


class Embedded:
    """A case's policy embedded both ways, with one state of rate limits each."""

    def __init__(self, case: Case, policy: Policy) -> None:
        self.url = url_of(case)
        self.policy = policy
        self.clock_s = 0.0
        self._upstream = answer_of(case.text("upstream") or "200\ncontent-type: text/plain\n\nok")
        self._deciding = LocalServices(RateLimiter(lambda: self.clock_s))
        self._serving = LocalServices(RateLimiter(lambda: self.clock_s))

    @property
    def has_middleware(self) -> bool:
        """Whether the policy may guard an application."""
        return Phase.TCP_CONNECT not in self.policy.phases

    def response(self) -> tuple[int, Lines, bytes]:
        """Return what the upstream would answer."""
        head, _, body = self._upstream.partition(b"\r\n\r\n")
        first, *rows = head.decode().split("\r\n")
        lines = [(name, value.strip()) for name, _, value in (row.partition(":") for row in rows)]
        if any(name == "transfer-encoding" for name, _ in lines):
            body = body.split(b"\r\n")[1]
        return int(first.split(" ")[1]), [line for line in lines if line[0] != "transfer-encoding"], body

    def decided(self, ask: Asked, client_ip: str) -> Said:
        """Return what `decide` says."""
        status, lines, body = self.response()
        made = decide(
            self.policy,
            self._deciding,
            url=f"{self.url.scheme.value}://{ask.host}{ask.target}",
            method=ask.method,
            headers=ask.lines,
            client_ip=client_ip,
            endpoint=self.url,
            response=(status, lines),
        )
        return self._said(made, ask, body)

    def _said(self, made: Decision, ask: Asked, upstream_body: bytes) -> Said:
        lines = list(made.headers)
        body: bytes | None = upstream_body if made.outcome == "continue" else made.body
        if made.outcome == "close":
            lines, body = [], None
        elif made.code is not None:  # the form of an error is the runtime's
            lines, body = [("ngrok-error-code", f"ERR_NGROK_{made.code}")], None
        request = made.request
        saw = (
            f"{request.method} {request.target}",
            plain([(text(name), text(value)) for name, value in request.headers.lines]),
        )
        status = made.status or 0
        bodiless = ask.method == "HEAD" or status in (204, 304)
        return Said(status, plain(lines), b"" if bodiless and body is not None else body, saw)

    def served(self, ask: Asked, client_ip: str) -> Said:
        """Return what the middleware and an application behind it say."""
        return asyncio.run(self._serve(ask, client_ip))

    async def _serve(self, ask: Asked, client_ip: str) -> Said:
        path, _, query = ask.target.partition("?")
        lines = [(name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in ask.lines]
        scope = {
            "type": "http", "http_version": "1.1", "method": ask.method, "scheme": self.url.scheme.value,
            "path": path, "raw_path": path.encode(), "query_string": query.encode(),
            "headers": lines,
            "client": (client_ip, 1), "server": ("127.0.0.1", 443),
        }  # fmt: skip
        sent: list[Any] = []
        saw: list[tuple[str, Lines]] = []

        async def app(inner: Any, receive: Any, send: Any) -> None:
            mark = b"?" if inner["query_string"] or "?" in ask.target else b""
            target = inner["raw_path"] + mark + inner["query_string"]
            came = [(text(name), text(value)) for name, value in inner["headers"]]
            saw.append((f"{inner['method']} {target.decode()}", plain(came)))
            status, answer, body = self.response()
            fields = [(name.lower().encode(), value.encode()) for name, value in answer]
            await send({"type": "http.response.start", "status": status, "headers": fields})
            await send({"type": "http.response.body", "body": b"" if ask.method == "HEAD" else body})

        async def receive() -> Any:
            return {"type": "http.request", "body": ask.body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await PolicyMiddleware(app, self.policy, services=self._serving)(scope, receive, send)
        start = sent[0]
        if (b"connection", b"close") in start["headers"]:  # ASGI cannot drop a connection: docs/embedding.md
            return Said(0, [], None, None)
        body = b"".join(each.get("body", b"") for each in sent[1:])
        fields = [(text(name), text(value)) for name, value in start["headers"]]
        return Said(start["status"], plain(fields), body, saw[-1] if saw else None)


def differences(name: str, wanted: Said, found: Said, ask: Asked) -> list[str]:
    """Return where an embedded answer is another than the gateway's."""
    said = f"{name}, {ask.method} {ask.target}"
    if wanted.status != found.status:
        return [f"{said}: {found.status} for {wanted.status}, {found.body!r}"]
    wrong = []
    if found.body is None:
        wanted = wanted._replace(lines=[line for line in wanted.lines if line[0] == "ngrok-error-code"])
    if wanted.lines != found.lines:
        wrong.append(f"{said}: {found.lines} for {wanted.lines}")
    if found.body is not None and wanted.body != found.body:
        wrong.append(f"{said}: {found.body!r} for {wanted.body!r}")
    if wanted.saw is not None and found.saw != wanted.saw:
        wrong.append(f"{said}: upstream {found.saw} for {wanted.saw}")
    return wrong
