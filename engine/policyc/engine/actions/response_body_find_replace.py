"""Replace text in the body of the response."""

from __future__ import annotations

from policyc.engine.action import Action, Ends
from policyc.engine.find_replace import FROM, TO, replacements, result
from policyc.engine.phases import Phase, Protocol
from policyc.engine.schema import Schema

ACTION = Action(
    name="response-body-find-replace",
    doc="Replace what matches RE2 patterns in the body of the response, before it goes to the client.",
    schema=Schema(replacements(FROM, TO)),
    phases=frozenset({Phase.HTTP_RESPONSE}),
    protocols=frozenset({Protocol.HTTP, Protocol.HTTPS}),
    ends=Ends.NEVER,
    result=result("response_body_find_replace"),
    result_name="response_body_find_replace",
    example='on_http_response { response-body-find-replace { replacements: [{ from: "[0-9]{3}-[0-9]{2}", '
    'to: "***" }] } }',
    source="spec/actions.md#request-body-find-replace-response-body-find-replace",
)
