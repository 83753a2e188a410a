"""Add headers to the request for the upstream, or to the response for the client."""

from __future__ import annotations

from policyc.engine.action import Action, Ends, Site, Step
from policyc.engine.additions import AddToRequest, AddToResponse
from policyc.engine.header_rules import refused_to_add
from policyc.engine.phases import Phase, Protocol
from policyc.engine.request_url import rewrite
from policyc.engine.schema import Config, Entries, FieldFault, HeaderMap, HeaderName, Schema, field, guarded
from policyc.engine.traffic import Exchange, KnownLines
from policyc.engine.types import STRING, Field, Record, map_of

SCHEMA = Schema(
    field(
        "headers",
        HeaderMap(HeaderName(refused_to_add, plain_only=True), least=1, most=10),
        "headers to append, by name; `host` replaces the one that is there",
        required=True,
    ),
)
RESULT = Record(
    "add_headers",
    (),
    {"headers_added": Field(map_of(STRING, STRING), "lower-case name to value, as added")},
)


def compile_add_headers(config: Config, site: Site) -> Step:
    """Return the step: in the request phase the upstream sees the headers.

    In the response phase the client.
    """
    is_request = site.phase is Phase.HTTP_REQUEST
    headers = config["headers"]
    if not headers.is_constant:
        read = headers.reader()

        def evaluated(x: Exchange) -> None:
            added = read(x)
            _add(x, added, is_request)

        return guarded(evaluated)

    added: dict[str, str] = headers.value
    if is_request and "host" in added:
        return lambda x: _add(x, added, True)

    lines = KnownLines(added.items())
    result: dict[str, object] = {"headers_added": added}
    return AddToRequest(lines, result) if is_request else AddToResponse(lines, result)


def _add(x: Exchange, added: dict[str, str], is_request: bool) -> None:
    message = x.req if is_request else x.res
    for name, value in added.items():
        if name == "host" and is_request:
            if not is_host(value):
                raise FieldFault(3900, "add-headers", "headers.host", f"`{value}` is no host")
            rewrite(x.req, x.req.target, host=value)
        else:
            message.headers.add(name, value)
    x.results["add_headers"] = {"headers_added": added}


def is_host(value: str) -> bool:
    """Whether a text may stand in the Host field: `host` or `host:port` (RFC 9110 §7.2)."""
    import re

    return (
        re.fullmatch(r"(?:[A-Za-z0-9_~!$&'()*+,;=%.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?", value) is not None
    )


def check_add_headers(config: Config, site: Site) -> None:
    """Report a literal Host that is none."""
    headers = config["headers"]
    host = headers.entries.get("host") if isinstance(headers, Entries) else None
    if site.phase is Phase.HTTP_REQUEST and host is not None and host.is_constant and not is_host(host.value):
        from policyc.engine.schema import codes

        site.report.add(
            codes.BAD_HEADER_VALUE,
            f"`{host.value}` is no value of the header `host`",
            host.span,
            hint="write a host, with a port if need be",
            path=host.path,
        )


ACTION = Action(
    name="add-headers",
    doc="Append headers to the request for the upstream, or to the response for the client. Nothing is "
    "replaced, "
    "save `host`; to replace a header, remove it first.",
    schema=SCHEMA,
    phases=frozenset({Phase.HTTP_REQUEST, Phase.HTTP_RESPONSE}),
    protocols=frozenset({Protocol.HTTP, Protocol.HTTPS}),
    ends=Ends.NEVER,
    result=RESULT,
    result_name="add_headers",
    check=check_add_headers,
    compile=compile_add_headers,
    example='on_http_request { add-headers { headers: { "x-trace": "${conn.client_ip}-${req.method}" } } }',
    source="spec/actions.md#add-headers",
)
