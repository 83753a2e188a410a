"""Ask another service in the middle of a phase."""

from __future__ import annotations

from policyc.engine.action import Action, Ends, Site
from policyc.engine.header_rules import is_framing
from policyc.engine.phases import Phase, Protocol
from policyc.engine.schema import (
    Cel,
    Config,
    Duration,
    Dynamic,
    Entries,
    Enum,
    Expression,
    HeaderMap,
    HeaderName,
    Integer,
    ListOf,
    ObjectOf,
    Schema,
    Text,
    Url,
    codes,
    field,
)
from policyc.engine.types import BOOL, ERROR_RECORD, HEADERS, INT, STRING, Field, Record, list_of
from policyc.grammar.codes import declare

EXTERNAL_TARGET = declare(
    "P0371",
    "external-target",
    "http-request goes to a host outside",
    explanation="By default http-request reaches internal endpoints of the account only, so that a "
    "policy cannot "
    "be made to ask any server. A target outside has to be allowed by the installation.",
    wrong='on_http_request { http-request { url: "https://api.example.com/check" } }',
    right='on_http_request { http-request { url: "https://api.internal/check" } }',
    severity="warning",
)
BODY_WITHOUT_METHOD = declare(
    "P0372",
    "body-without-method",
    "a body goes with a method that has none",
    explanation="A body means nothing in a GET, HEAD, OPTIONS or DELETE request (RFC 9110 §9.3); many "
    "servers "
    "refuse it.",
    wrong='on_http_request { http-request { url: "https://api.internal/check", body: "a" } }',
    right='on_http_request { http-request { url: "https://api.internal/check", method: "POST", body: "a" } }',
    severity="warning",
)
MANY_REDIRECTS = declare(
    "P0373",
    "many-redirects",
    "http-request would follow many redirects",
    explanation="At most 5 redirects are followed; the documents of this action also name higher numbers.",
    wrong='on_http_request { http-request { url: "https://api.internal/check", max_redirects: 10 } }',
    right='on_http_request { http-request { url: "https://api.internal/check", max_redirects: 5 } }',
    severity="warning",
    ngrok=2215,
)
METHODS = ("GET", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "HEAD")
WITH_BODY = ("PUT", "POST", "PATCH")
REDIRECTS_MAX = 5

ATTEMPT = Record(
    "http_request.attempt",
    (),
    {
        "resolved_ip": Field(STRING, "address that was asked"),
        "response_header": Field(HEADERS, "headers of the answer"),
        "response_status_code": Field(INT, "status of the answer"),
        "response_time_ms": Field(STRING, "how long it took, as text"),
    },
)
REQUEST = Record(
    "http_request.req",
    (),
    {
        "method": Field(STRING, "method"),
        "url": Field(STRING, "URL"),
        "body": Field(STRING, "body"),
        "header": Field(HEADERS, "headers"),
    },
)
_ANSWER = {
    "resolved_ip": Field(STRING, "address that was asked"),
    "time_ms": Field(STRING, "how long it took, as text"),
    "body": Field(STRING, "body; `json.decode` reads JSON"),
    "header": Field(HEADERS, "headers"),
    "status_code": Field(INT, "status"),
}
RESPONSE = Record("http_request.res", (), _ANSWER)
# What `retry_condition` reads. The documented example spells the status as `statusCode`: both are known here.
LAST_ATTEMPT = Record(
    "last_attempt",
    (),
    {
        "req": Field(REQUEST, "what was sent"),
        "res": Field(
            Record("last_attempt.res", (), {**_ANSWER, "statusCode": _ANSWER["status_code"]}),
            "the answer",
        ),
        "error": Field(STRING, "what failed, empty if nothing did"),
    },
)
RESULT = Record(
    "http_request",
    (),
    {
        "error": Field(ERROR_RECORD, "what failed"),
        "attempts": Field(list_of(ATTEMPT), "every attempt in order"),
        "req": Field(REQUEST, "what was sent"),
        "res": Field(RESPONSE, "the answer to the last attempt"),
    },
)

SCHEMA = Schema(
    field("url", Url(Cel.TEMPLATE), "URL to ask; by default only of internal endpoints", required=True),
    field("method", Enum(*METHODS), "method", default="GET"),
    field(
        "query_params",
        ListOf(
            ObjectOf(
                field("key", Text(min_length=1, max_length=128), "name of the parameter", required=True),
                field("value", Text(Cel.TEMPLATE, max_length=8192), "its value", required=True),
            ),
            most=32,
        ),
        "appended to the URL",
    ),
    field("headers", HeaderMap(HeaderName(), most=10), "headers of the request"),
    field("body", Text(Cel.TEMPLATE), "body, for methods that have one"),
    field("max_redirects", Integer(0, 100), "redirects that are followed, at most 5", default=0),
    field(
        "timeout",
        Duration("1s", "30s"),
        "for everything: attempts, retries, redirects",
        default=3 * 10**9,
        shown_default="3s",
    ),
    field(
        "retry_condition",
        Expression(BOOL, names={"attempts": INT, "last_attempt": LAST_ATTEMPT}),
        "whether to try again, on `attempts` and `last_attempt`; at most 3 times",
    ),
    field(
        "on_error",
        Enum("continue", "halt"),
        "what to do on failure; other actions halt by default",
        default="continue",
    ),
)


def check_http_request(config: Config, site: Site) -> None:
    """Report targets outside, bodies that go nowhere, and headers that will be dropped."""
    url = config["url"]
    host = _host(url.value if url.is_constant else _certain(url))
    if host is not None and not host.endswith(".internal"):
        site.report.add(
            EXTERNAL_TARGET,
            f"`{host}` is no internal endpoint, and targets outside are not allowed by default",
            url.span,
            path=url.path,
        )
    body = config.get("body")
    method = config.constant("method", str)
    if body is not None and method not in WITH_BODY:
        site.report.add(
            BODY_WITHOUT_METHOD,
            f"a `{method}` request has no body",
            body.span,
            hint='set `method: "POST"`',
            path=body.path,
        )
    if config.constant("max_redirects", int) > REDIRECTS_MAX:
        site.report.add(
            MANY_REDIRECTS,
            f"at most {REDIRECTS_MAX} redirects are followed",
            config.span_of("max_redirects"),
            path=config["max_redirects"].path,
        )
    headers = config.get("headers")
    if isinstance(headers, Entries):
        for name, reading in headers.entries.items():
            if is_framing(name):
                site.report.add(
                    codes.MANAGED_HEADER,
                    f"`{name}` is set by the gateway, so the one of the policy is dropped",
                    headers.spans[name],
                    path=reading.path,
                )


def _certain(url: object) -> str:
    """Return the literal beginning of a templated URL if it holds the whole host."""
    prefix = url.prefix if isinstance(url, Dynamic) else ""
    after = prefix.partition("://")[2]
    return prefix if "/" in after or "?" in after else ""


def _host(url: str) -> str | None:
    """Return the host that a URL names, None if it is not known."""
    authority = url.partition("://")[2].partition("/")[0].partition("?")[0].partition("#")[0]
    host = authority.rpartition("@")[2]
    if not host or host.startswith("["):
        return host or None
    return host.partition(":")[0].lower().removesuffix(".")


def ends_with(config: Config) -> Ends:
    """Return MAY with `on_error: halt`; with `continue` nothing ends."""
    return Ends.MAY if config.constant("on_error", str) == "halt" else Ends.NEVER


ACTION = Action(
    name="http-request",
    doc="Ask a service and wait for its answer, which later rules read. It continues on failure by default.",
    schema=SCHEMA,
    phases=frozenset({Phase.HTTP_REQUEST, Phase.HTTP_RESPONSE}),
    protocols=frozenset({Protocol.HTTP, Protocol.HTTPS}),
    ends=ends_with,
    result=RESULT,
    result_name="http_request",
    check=check_http_request,
    example='on_http_request { http-request { url: "https://authz.internal/check", method: "POST", '
    'body: req.url.path, timeout: 1s, on_error: "halt" } }',
    source="spec/actions.md#http-request",
)
