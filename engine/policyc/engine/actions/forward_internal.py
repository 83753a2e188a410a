"""Hand the traffic to an internal endpoint of the same account."""

from __future__ import annotations

from collections.abc import Callable

from policyc.engine.action import Action, Ends, Site
from policyc.engine.decision import ForwardTo
from policyc.engine.endpoint_url import UrlProblem, parse_forward_target
from policyc.engine.outcome import Fail, Forward, Outcome
from policyc.engine.phases import Phase, Protocol
from policyc.engine.schema import (
    Cel,
    Config,
    Dynamic,
    Enum,
    FieldFault,
    Reading,
    Schema,
    Text,
    field,
)
from policyc.engine.traffic import Exchange
from policyc.engine.types import ERROR_RECORD, STRING, Field, Record
from policyc.grammar.codes import declare
from policyc.grammar.source import Span

INTERNAL = ".internal"
Tail = Callable[[Exchange], Outcome | None]

BAD_TARGET = declare(
    "P0355",
    "bad-forward-target",
    "forward-internal names no internal endpoint",
    explanation="The target is the URL of an internal endpoint: a scheme and a host under `.internal`, "
    "with a port "
    "if it is not the scheme's own. It has no path and no query: those of the request stay as they are.",
    wrong='on_http_request { forward-internal "https://www.example.com" }',
    right='on_http_request { forward-internal "https://app.internal" }',
    ngrok=2204,
)
OTHER_PROTOCOL = declare(
    "P0356",
    "forward-to-other-protocol",
    "forward-internal goes to an endpoint of another protocol",
    explanation="From an HTTP phase traffic goes to http and https endpoints, which count as one. From "
    "`on_tcp_connect` it goes to tcp and tls endpoints; HTTP traffic is forwarded in `on_http_request`.",
    wrong='on_http_request { forward-internal "tcp://db.internal:5432" }',
    right='on_http_request { forward-internal "https://app.internal" }',
    ngrok=2204,
)
TLS_BOUNDARY = declare(
    "P0357",
    "forward-across-tls",
    "forward-internal goes between tcp and tls",
    explanation="The octets are passed on as they are: a tls endpoint that gets them from a tcp endpoint "
    "still "
    "finds a TLS handshake in them, or does not.",
    wrong='endpoint "tcp://1.tcp.example.com:9000" { on_tcp_connect { forward-internal '
    '"tls://db.internal" } }',
    right='endpoint "tcp://1.tcp.example.com:9000" { on_tcp_connect { forward-internal '
    '"tcp://db.internal:1" } }',
    severity="warning",
)
BINDING_IGNORED = declare(
    "P0358",
    "binding-ignored",
    "forward-internal is given a binding",
    explanation="The target is always an internal endpoint, so the field says nothing and is ignored.",
    wrong='on_http_request { forward-internal "https://app.internal" { binding: "internal" } }',
    right='on_http_request { forward-internal "https://app.internal" }',
    severity="warning",
)

SCHEMA = Schema(
    field(
        "url", Text(Cel.TEMPLATE, min_length=1), "URL of the internal endpoint", required=True, primary=True
    ),
    field("on_error", Enum("halt", "continue"), "what to do when it cannot be delivered", default="halt"),
    field("binding", Enum("internal"), "accepted and ignored: the target is always internal"),
)
RESULT = Record(
    "forward_internal",
    (),
    {
        "url": Field(STRING, "the target, `scheme://host:port`"),
        "error": Field(ERROR_RECORD, "why it could not be delivered"),
    },
)


def ends_with(config: Config) -> Ends:
    """Return ALWAYS with `on_error: halt`; with `continue` it ends only on success."""
    return Ends.ALWAYS if config.constant("on_error", str) == "halt" else Ends.MAY


def check_forward_internal(config: Config, site: Site) -> None:
    """Report a target that is no internal endpoint, or that the phase cannot reach."""
    if "binding" in config.given:
        site.report.add(
            BINDING_IGNORED,
            "`binding` of `forward-internal` is ignored",
            config.span_of("binding"),
            hint="leave it out",
            path=config["binding"].path,
        )
    url = config["url"]
    if url.is_constant:
        target = parse_forward_target(url.value)
        if isinstance(target, UrlProblem):
            span = _part(url, target)
            site.report.add(BAD_TARGET, target.message, span, hint=target.hint, path=url.path)
            scheme = url.value.partition("://")[0].lower() if "://" in url.value else ""
        else:
            scheme = target.scheme.value
    else:
        scheme = _literal_scheme(url)
        problem = _literal_tail_problem(url)
        if problem is not None:
            hint = "the host of the target ends with `.internal`"
            site.report.add(BAD_TARGET, problem, url.span, hint=hint, path=url.path)
    _check_protocol(scheme, url, site)


def _part(url: Reading, problem: UrlProblem) -> Span:
    """Return the characters that a problem is about; the whole value where it is written otherwise."""
    at = url.span.text.find(url.value) if url.value else -1
    if at < 0 or problem.start >= problem.end:
        return url.span
    start = url.span.start + at
    return Span(url.span.source, start + problem.start, start + min(problem.end, len(url.value)))


def _literal_scheme(url: Reading) -> str:
    """Return the scheme that a template certainly gives, empty if that is not known."""
    if isinstance(url, Dynamic) and "://" in url.prefix:
        scheme: str = url.prefix.partition("://")[0]
        return scheme.lower()
    return ""


def _literal_tail_problem(url: Reading) -> str | None:
    """Return what is wrong with the end of a template whatever its placeholders give, None if nothing is."""
    tail = url.suffix.rpartition("://")[2] if isinstance(url, Dynamic) else ""
    for sign, part in (("#", "fragment"), ("?", "query"), ("/", "path")):
        if sign in tail:
            return f"a target has no place for a {part}"
    host, colon, port = tail.lower().rpartition(":")
    if colon and not (port.isascii() and port.isdigit()):
        return f"the port `{port}` is no number"
    host = (host if colon else tail.lower()).removesuffix(".")
    if host.endswith(INTERNAL) or INTERNAL.endswith(host) or (not colon and host.isdigit()):
        return None
    return f"the host of the target ends with `{host}`, not with `{INTERNAL}`"


def _check_protocol(scheme: str, url: Reading, site: Site) -> None:
    """Report a target that the phase cannot reach; `scheme` is empty where it is not known."""
    target = Protocol(scheme) if scheme in [protocol.value for protocol in Protocol] else None
    if site.phase is not Phase.TCP_CONNECT:
        if target is not None and not target.is_http:
            _refuse(
                f"`{site.phase.value}` cannot forward to `{scheme}`",
                "write an http or https target",
                url,
                site,
            )
    elif site.protocol is not None and site.protocol.is_http:
        message = f"`on_tcp_connect` of an {site.protocol.value} endpoint forwards nothing"
        # The action does not work with the protocol at all, whatever the target (spec/endpoints.md §6).
        _refuse(message, "forward in `on_http_request`", url, site, ngrok=2205)
    elif target is not None and target.is_http:
        _refuse(f"`on_tcp_connect` cannot forward to `{scheme}`", "forward in `on_http_request`", url, site)
    elif target is not None and site.protocol not in (None, target):
        message = f"a {site.protocol} endpoint forwards to a {scheme} endpoint"
        site.report.add(TLS_BOUNDARY, message, url.span, path=url.path)


def _refuse(message: str, hint: str, url: Reading, site: Site, *, ngrok: int | None = None) -> None:
    site.report.add(OTHER_PROTOCOL, message, url.span, hint=hint, path=url.path, ngrok=ngrok)


def compile_forward_internal(config: Config, site: Site) -> Callable[..., Outcome | None]:
    """Return the step. It is called with what follows in the phase (`tail`: see generate/phase.py)."""
    url = config["url"]
    read = url.reader()
    if config.constant("on_error", str) == "halt":
        if url.is_constant:
            return ForwardTo(url.value)

        def halting(x: Exchange, _tail: Tail) -> Outcome:
            try:
                return Forward(read(x))
            except FieldFault as fault:
                return fault.outcome()

        return halting

    def continuing(x: Exchange, tail: Tail) -> Outcome | None:
        try:
            target = read(x)
        except FieldFault as fault:
            x.results["forward_internal"] = {"url": "", "error": fault.error()}
            return None

        def resume(later: Exchange, failure: Fail) -> Outcome | None:
            later.results["forward_internal"] = {"url": shown_target(target), "error": error_of(failure)}
            return tail(later)

        return Forward(target, resume)

    return continuing


def shown_target(target: str) -> str:
    """Return a target as the result variable shows it: `scheme://host:port`."""
    parsed = parse_forward_target(target)
    return target if isinstance(parsed, UrlProblem) else f"{parsed.scheme.value}://{parsed.addr}"


def error_of(failure: Fail) -> dict[str, object]:
    """Return the `error` record of a failure."""
    return {"code": f"ERR_NGROK_{failure.code}", "message": failure.message}


ACTION = Action(
    name="forward-internal",
    doc="Hand the traffic to an internal endpoint, whose own policy applies. On success its answer goes "
    "to the "
    "client and nothing further of this phase runs; `on_error` says what happens otherwise.",
    schema=SCHEMA,
    phases=frozenset({Phase.TCP_CONNECT, Phase.HTTP_REQUEST}),
    ends=ends_with,
    result=RESULT,
    result_name="forward_internal",
    check=check_forward_internal,
    compile=compile_forward_internal,
    resumes=True,
    example='on_http_request { forward-internal "https://app.internal" { on_error: "continue" } '
    'custom-response 503 { body: "down: ${actions.ngrok.forward_internal.error.code}" } }',
    source="spec/actions.md#forward-internal",
)
