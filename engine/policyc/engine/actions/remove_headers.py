"""Remove headers from the request for the upstream, or from the response for the client."""

from __future__ import annotations

from policyc.engine.action import Action, Ends, Site, Step
from policyc.engine.header_rules import refused_to_remove
from policyc.engine.phases import Phase, Protocol
from policyc.engine.schema import Config, HeaderName, ListOf, Schema, field
from policyc.engine.traffic import Exchange
from policyc.engine.types import STRING, Field, Record, list_of

SCHEMA = Schema(
    field(
        "headers",
        ListOf(HeaderName(refused_to_remove), least=1, most=10),
        "names of the headers to remove, in any case",
        required=True,
    ),
)
RESULT = Record(
    "remove_headers",
    (),
    {"headers_removed": Field(list_of(STRING), "names of the headers that were there and are gone")},
)


def compile_remove_headers(config: Config, site: Site) -> Step:
    """Return the step: every line of each name goes; a header that is not there is no error."""
    is_request = site.phase is Phase.HTTP_REQUEST
    names = tuple(dict.fromkeys(config["headers"].value))

    def step(x: Exchange) -> None:
        headers = x.req.headers if is_request else x.res.headers
        x.results["remove_headers"] = {"headers_removed": [name for name in names if headers.remove(name)]}

    return step


ACTION = Action(
    name="remove-headers",
    doc="Remove headers from the request for the upstream, or from the response for the client: every "
    "line of "
    "each name, whatever its case.",
    schema=SCHEMA,
    phases=frozenset({Phase.HTTP_REQUEST, Phase.HTTP_RESPONSE}),
    protocols=frozenset({Protocol.HTTP, Protocol.HTTPS}),
    ends=Ends.NEVER,
    result=RESULT,
    result_name="remove_headers",
    compile=compile_remove_headers,
    example='on_http_response { remove-headers { headers: ["server", "x-powered-by"] } }',
    source="spec/actions.md#remove-headers",
)
