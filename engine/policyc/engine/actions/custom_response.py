"""Answer the client with a response of the policy's own."""

from __future__ import annotations

from collections.abc import Mapping

from policyc.engine.action import Action, Ends, Site, Step
from policyc.engine.header_rules import is_framing
from policyc.engine.outcome import Fail, Respond
from policyc.engine.phases import Phase, Protocol
from policyc.engine.schema import (
    Cel,
    Config,
    Entries,
    HeaderMap,
    HeaderName,
    Integer,
    Schema,
    Text,
    codes,
    field,
    guarded,
)
from policyc.engine.sniff import media_type
from policyc.engine.traffic import Exchange, octets
from policyc.grammar.codes import declare
from policyc.grammar.diagnostic import Severity

NO_BODY_ALLOWED = declare(
    "P0351",
    "status-without-body",
    "a status that may not have a body has one",
    explanation="Answers with status 204 and 304 have no body (RFC 9110 §15.3.5, §15.4.5); a client "
    "would take it "
    "for the next answer.",
    wrong='on_http_request { custom-response 204 { body: "ok" } }',
    right='on_http_request { custom-response 200 { body: "ok" } }',
    ngrok=3604,
)

BODILESS = (204, 304)

SCHEMA = Schema(
    field(
        "status_code",
        Integer(200, 599),  # 100 to 199 are interim answers, never a final one (RFC 9110 §15.2)
        "status of the answer; interim ones (1xx) cannot be it",
        default=200,
        primary=True,
    ),
    field("body", Text(Cel.TEMPLATE), "body of the answer; maps and lists become JSON", aliases=("content",)),
    field(
        "headers",
        HeaderMap(HeaderName(), most=10),
        "headers of the answer; without `content-type` it is told from the body",
    ),
)


def check_custom_response(config: Config, site: Site) -> None:
    """Report a body that may not be, and headers that the gateway sets itself."""
    status = config.constant("status_code", int)
    body = config.get("body")
    if status in BODILESS and body is not None and not (body.is_constant and body.value == ""):
        # What a template gives may be empty: that is known when it runs (spec/actions.md#custom-response).
        site.report.add(
            NO_BODY_ALLOWED,
            f"an answer with status {status} may not have a body",
            body.span,
            severity=None if body.is_constant else Severity.WARNING,
            path=body.path,
        )
    warn_managed(config, site)


def warn_managed(config: Config, site: Site, also: tuple[str, ...] = ()) -> None:
    """Warn of headers in an answer that will be dropped because the gateway sets them."""
    headers = config.get("headers")
    if isinstance(headers, Entries):
        for name, reading in headers.entries.items():
            if is_framing(name) or name in also:
                site.report.add(
                    codes.MANAGED_HEADER,
                    f"`{name}` is set by the gateway, so the one of the policy is dropped",
                    headers.spans[name],
                    hint="leave it out",
                    path=reading.path,
                )


def kept(headers: Mapping[str, str], also: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """Return the headers of an answer without those that the gateway sets."""
    return [(name, value) for name, value in headers.items() if not is_framing(name) and name not in also]


def answer(status: int, body: str, headers: Mapping[str, str]) -> Respond:
    """Return the answer, its content-type told from the body if the policy does not say."""
    lines = kept(headers)
    if body and "content-type" not in headers:
        lines.append(("content-type", media_type(body)))
    return Respond(status, lines, octets(body), reason="custom-response")


def compile_custom_response(config: Config, site: Site) -> Step:
    """Return the step: an answer for the client, so that `on_http_response` runs.

    There it replaces the response.
    """
    status = config.constant("status_code", int)
    body, headers = config.get("body"), config.get("headers")
    if (body is None or body.is_constant) and (headers is None or headers.is_constant):
        made = answer(status, "" if body is None else body.value, {} if headers is None else headers.value)

        def known(_x: Exchange) -> Respond:
            return Respond(made.status, list(made.headers), made.body, reason=made.reason)

        return known

    read_body = None if body is None else body.reader()
    read_headers = None if headers is None else headers.reader()

    def step(x: Exchange) -> Respond | Fail:
        text = "" if read_body is None else read_body(x)
        lines = {} if read_headers is None else read_headers(x)
        if text and status in BODILESS:
            return Fail(3604, f"an answer with status {status} may not have a body")
        return answer(status, text, lines)

    return guarded(step)


ACTION = Action(
    name="custom-response",
    doc="Answer with a status, headers and a body of the policy's own. In `on_http_request` the upstream "
    "is not "
    "contacted and `on_http_response` runs on this answer; in `on_http_response` it replaces the upstream's.",
    schema=SCHEMA,
    phases=frozenset({Phase.HTTP_REQUEST, Phase.HTTP_RESPONSE}),
    protocols=frozenset({Protocol.HTTP, Protocol.HTTPS}),
    ends=Ends.ALWAYS,
    check=check_custom_response,
    compile=compile_custom_response,
    example='on_http_request { when req.url.path == "/healthz" '
    '{ custom-response 200 { body: "ok", headers: { "cache-control": "no-store" } } } }',
    source="spec/actions.md#custom-response",
)
