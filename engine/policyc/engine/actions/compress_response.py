"""Compress the response for the client."""

from __future__ import annotations

from policyc.engine.action import Action, Ends
from policyc.engine.phases import Phase, Protocol
from policyc.engine.schema import Enum, ListOf, Schema, field
from policyc.engine.types import BOOL, STRING, Field, Record

ALGORITHMS = ("gzip", "deflate", "br", "compress")


SCHEMA = Schema(
    field(
        "algorithms",
        ListOf(Enum(*ALGORITHMS, ngrok=2214), least=1, unique=True),
        "what may be negotiated, in order of preference",
        default=list(ALGORITHMS),
        shown_default=", ".join(ALGORITHMS),
    ),
)

ACTION = Action(
    name="compress-response",
    doc="Compress the body with the best algorithm that the client accepts (RFC 9110 §12.5.3). A body "
    "that the "
    "upstream encoded stays as it is.",
    schema=SCHEMA,
    phases=frozenset({Phase.HTTP_RESPONSE}),
    protocols=frozenset({Protocol.HTTP, Protocol.HTTPS}),
    ends=Ends.NEVER,
    result=Record(
        "compress",
        (),
        {
            "already_compressed": Field(BOOL, "whether the upstream had encoded the body"),
            "negotiated_algorithm": Field(STRING, "the algorithm applied, empty if none was"),
        },
    ),
    result_name="compress",  # not compress_response: spec/actions.md#compress-response
    example='on_http_response { compress-response { algorithms: ["br", "gzip"] } }',
    source="spec/actions.md#compress-response",
)
