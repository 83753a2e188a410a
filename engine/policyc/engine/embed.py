"""A policy inside a program of one's own: compile a text, ask for a decision, open no socket.

    policy = compile_policy("on_http_request { when req.method == 'TRACE' { deny 405 } }")
    decision = decide(policy, services, method="TRACE", url="https://shop.example.com/")
    decision.outcome, decision.status        # "respond", 405

The engine reads no clock: `services` provides what policies ask from outside. `policyc.runtime.embed` has
the same two functions with the services of this process filled in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from policyc.engine.compiler import compile as compile_documents
from policyc.engine.endpoint_url import EndpointUrl, UrlProblem, parse_endpoint_url
from policyc.engine.errors import PolicycError
from policyc.engine.model import EMPTY_POLICY, EndpointKey, Policy, endpoint_id
from policyc.engine.options import DEFAULT_ACCOUNT, Loader, Options
from policyc.engine.outcome import Close, Fail, Forward, Outcome, Respond, Terminate
from policyc.engine.phases import Phase
from policyc.engine.traffic import (
    Connection,
    EndpointInfo,
    Exchange,
    Headers,
    Request,
    Response,
    Services,
    content_length,
    octets,
    text,
)
from policyc.engine.values import Timestamp
from policyc.grammar.diagnostic import Report
from policyc.grammar.source import Source

HeaderLines = Mapping[str, str | Iterable[str]] | Iterable[tuple[str, str]]


def compile_policy(
    policy: str,
    *,
    filename: str = "policy.policy",
    endpoint: str | EndpointUrl | None = None,
    type: Literal["agent", "cloud"] | None = None,
    lenient: bool = False,
    loader: Loader | None = None,
) -> Policy:
    """Return a compiled policy: phases without an endpoint, in `.policy`, YAML or JSON, as `filename` ends.

    `endpoint` and `type` say what it is for; then it is checked for that too. Rate limits are counted by
    file name and place in the file. Raises PolicycError with the diagnostics if it has errors, or actions
    that this version cannot execute.
    """
    from policyc.grammar.files import read_document

    report = Report()
    document = read_document(Source(filename, policy), report)
    url = None if endpoint is None else _endpoint_url(endpoint)
    options = Options(endpoint=url, type=type, lenient=lenient, for_run=True)
    program = compile_documents([document], options, loader=loader, report=report)
    if program.endpoints:
        raise PolicycError(f"{filename} declares endpoints: run it with a gateway, or keep the phases only")
    return program.policy or EMPTY_POLICY


def _endpoint_url(endpoint: str | EndpointUrl) -> EndpointUrl:
    url = parse_endpoint_url(endpoint) if isinstance(endpoint, str) else endpoint
    if isinstance(url, UrlProblem):
        raise PolicycError(f"`{endpoint}` is no URL of an endpoint: {url.message}")
    return url


@dataclass(frozen=True, slots=True)
class Decision:
    """What a policy decided about one request.

    `outcome`: `continue` (it may go to the upstream), `respond` (with `status`, `headers`, `body`),
    `forward` (to the internal endpoint `target`), `close` the connection, or `fail` (with `status`;
    `detail` is for the log). `code` is an ERR_NGROK number. With a response given to `decide`, `status`,
    `headers` and `body` are that response as the policy left it.

    `request` is the request as the policy left it. `vars` are those of the last phase that ran, `results`
    what actions published, `logs` the entries of `log`, `rules` the names of the rules that acted, in
    order.
    """

    outcome: Literal["continue", "respond", "forward", "close", "fail"]
    request: Request
    status: int | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    target: str | None = None
    code: int | None = None
    reason: str = ""
    detail: str = ""
    vars: Mapping[str, object] = field(default_factory=dict)
    results: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    logs: list[dict[str, object]] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)

    @property
    def request_headers(self) -> dict[str, list[str]]:
        """The request's headers as the policy left them: lower-case name to values."""
        return self.request.headers.as_map()


def decide(
    policy: Policy,
    services: Services,
    *,
    url: str = "https://localhost/",
    method: str = "GET",
    headers: HeaderLines = (),
    client_ip: str = "127.0.0.1",
    client_port: int = 0,
    endpoint: str | EndpointUrl | None = None,
    response: tuple[int, HeaderLines] | None = None,
) -> Decision:
    """Return what the policy decides in `on_tcp_connect`, `on_http_request` and perhaps `on_http_response`.

    The last phase runs on `response` (status and headers from the upstream), if the request gets that far,
    and on an answer of the policy that is meant for the client. `endpoint` is the one whose policy this is;
    without it, a public one with the scheme and host of `url`. Phases that it does not have do not run.
    Raises PolicycError for a URL that is none.
    """
    scheme, host, target = _split(url)
    served = _endpoint_url(f"{scheme}://{host.rpartition('@')[2]}" if endpoint is None else endpoint)
    if not served.scheme.is_http:
        raise PolicycError(f"`{served.url}` is no http or https endpoint: it has no requests to decide about")
    lines = _lines(headers)
    if not any(name.lower() == b"host" for name, _ in lines):
        lines.insert(0, (b"host", octets(host)))
    now = Timestamp(services.now_ns())
    fields = Headers(lines)
    request = Request(
        method, scheme, host, target, fields, content_length=content_length(fields), header_received=now
    )
    x = Exchange(Connection(client_ip, client_port, started=now), _info(served), services, request)
    outcome: Outcome | None = None
    for phase in (Phase.TCP_CONNECT, Phase.HTTP_REQUEST):
        outcome = _run(policy, phase, served, x)
        if outcome is not None and phase is Phase.TCP_CONNECT:
            return _unconnected(outcome, x)
        if outcome is not None:
            break
    if isinstance(outcome, Respond) and not outcome.final:
        x.res = Response(
            outcome.status,
            Headers(_lines(outcome.headers)),
            content_length=len(outcome.body),
            body=outcome.body,
        )
    elif response is not None and (outcome is None or isinstance(outcome, Forward)):
        # No upstream can set the gateway's own field (spec/policy-language.md §6).
        came = Headers(line for line in _lines(response[1]) if line[0].lower() != b"ngrok-error-code")
        x.res = Response(response[0], came, content_length=content_length(came))
    else:
        return _decision(outcome, x)
    return _after(policy, served, x, outcome)


def _unconnected(outcome: Outcome, x: Exchange) -> Decision:
    """Return what an outcome of `on_tcp_connect` is: whatever ends it, the connection is closed."""
    decision = _decision(outcome, x)
    return replace(decision, outcome="close", status=None, headers=[], body=b"")


def _after(policy: Policy, served: EndpointUrl, x: Exchange, before: Outcome | None) -> Decision:
    """Run the response phase; what it answers takes the place of the response."""
    later = _run(policy, Phase.HTTP_RESPONSE, served, x)
    if later is not None:
        return _decision(later, x)
    answered: Outcome = Respond(
        x.res.status,
        [(text(name), text(value)) for name, value in x.res.headers.lines],
        x.res.body or b"",
        reason=before.reason if isinstance(before, Respond) else "",
    )
    if isinstance(before, Respond):
        return _decision(answered, x)
    return _decision(before, x, answered)


def _run(policy: Policy, phase: Phase, served: EndpointUrl, x: Exchange) -> Outcome | None:
    run = policy.run(phase, served.scheme, served.binding)
    if run is None:
        return None
    x.vars = {}
    x.now = None
    outcome = run(x)
    if isinstance(outcome, Terminate):  # there is no session, so whom it would have let in is not known
        return Fail(3002, "`terminate-tls` needs a TLS connection, and there is none here")
    return outcome


def _decision(outcome: Outcome | None, x: Exchange, response: Outcome | None = None) -> Decision:
    kind: Literal["continue", "respond", "forward", "close", "fail"] = "continue"
    told: dict[str, object] = {}
    match outcome:
        case Respond(status=status, headers=headers, body=body, code=code, reason=reason):
            kind = "respond"
            told = {"status": status, "headers": headers, "body": body, "code": code, "reason": reason}
        case Forward(url=url):
            kind, told = "forward", {"target": url}
        case Close(reason=reason, code=code):
            kind, told = "close", {"reason": reason, "code": code}
        case Fail(code=code, message=message, status=status, detail=detail):
            kind = "fail"
            told = {"status": status, "code": code, "reason": message, "detail": detail}
        case Terminate() | None:
            pass
    if isinstance(response, Respond):
        told |= {"status": response.status, "headers": response.headers, "body": response.body}
    return Decision(
        kind,
        x.req,
        vars=dict(x.vars),
        results={name: dict(each) for name, each in x.results.items()},
        logs=x.logs,
        rules=x.acted,
        **told,  # type: ignore[arg-type]
    )


def _split(url: str) -> tuple[str, str, str]:
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        raise PolicycError(f"`{url}` is no http or https URL")
    rest = rest.partition("#")[0]
    end = next((i for i, sign in enumerate(rest) if sign in "/?"), len(rest))
    target = rest[end:]
    return scheme.lower(), rest[:end], target if target.startswith("/") else f"/{target}"


def _lines(headers: HeaderLines) -> list[tuple[bytes, bytes]]:
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    lines = []
    for name, value in pairs:
        for each in [value] if isinstance(value, str) else value:
            lines.append((octets(name), octets(each)))
    return lines


def _info(url: EndpointUrl) -> EndpointInfo:
    key = EndpointKey(DEFAULT_ACCOUNT, url.binding, url.scheme, url.host, url.port)
    return EndpointInfo(
        url.url, url.scheme.value, url.host, url.port, id=endpoint_id(key), binding=url.binding.value
    )
