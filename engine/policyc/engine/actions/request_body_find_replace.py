"""Replace text in the body of the request."""

from __future__ import annotations

from policyc.engine.action import Action, Ends
from policyc.engine.find_replace import FROM, TO, replacements, result
from policyc.engine.phases import Phase, Protocol
from policyc.engine.schema import Schema

ACTION = Action(
    name="request-body-find-replace",
    doc="Replace what matches RE2 patterns in the body of the request, before it goes to the upstream.",
    schema=Schema(replacements(FROM, TO)),
    phases=frozenset({Phase.HTTP_REQUEST}),
    protocols=frozenset({Protocol.HTTP, Protocol.HTTPS}),
    ends=Ends.NEVER,
    result=result("request_body_find_replace"),
    result_name="request_body_find_replace",
    example='on_http_request { request-body-find-replace { replacements: [{ from: "secret", to: "-" }] } }',
    source="spec/actions.md#request-body-find-replace-response-body-find-replace",
)
