"""Judge the response by the OWASP Core Rule Set."""

from __future__ import annotations

from policyc.engine.action import Action, Ends
from policyc.engine.owasp import SCHEMA, result
from policyc.engine.phases import Phase, Protocol

ACTION = Action(
    name="owasp-crs-response",
    doc="Judge the response by the OWASP Core Rule Set and answer 403 if its score reaches the threshold.",
    schema=SCHEMA,
    phases=frozenset({Phase.HTTP_RESPONSE}),
    protocols=frozenset({Protocol.HTTP, Protocol.HTTPS}),
    ends=Ends.MAY,
    result=result("owasp_crs_response"),
    result_name="owasp_crs_response",
    example='on_http_response { owasp-crs-response { on_error: "continue", exclude_rule_ids: [920350] } }',
    source="spec/actions.md#owasp-crs-request-owasp-crs-response",
)
