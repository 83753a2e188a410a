"""Replace text in each message of an event stream."""

from __future__ import annotations

from policyc.engine.action import Action, Ends
from policyc.engine.find_replace import FROM, TO, replacements, result
from policyc.engine.phases import Phase, Protocol
from policyc.engine.schema import Cel, Schema, Text, field
from policyc.engine.schema import codes as field_codes
from policyc.engine.schema.evaluate import Unfit

FIELDS = ("data", "retry")


class EventField(Text):
    """`data` or `retry`; other than an enum's, the value may come from a template."""

    __slots__ = ()
    title = "`data` or `retry`"

    def accept(self, value: object) -> object:
        """Take one of the two."""
        if value not in FIELDS:
            raise Unfit(field_codes.NOT_ALLOWED, f"cannot be `{value}`", hint="it is `data` or `retry`")
        return value

    def limits(self) -> str:
        """Return the choices."""
        return "`data`, `retry`"

    def json_schema(self) -> dict[str, object]:
        """A JSON string."""
        return {"type": "string"}


ACTION = Action(
    name="sse-find-replace",
    doc="Replace what matches RE2 patterns in each message of an event stream, while it streams. A "
    "pattern does "
    "not span two messages.",
    schema=Schema(
        replacements(
            field("field", EventField(Cel.TEMPLATE), "which field of the message", default="data"), FROM, TO
        )
    ),
    phases=frozenset({Phase.EVENT_STREAM_MESSAGE}),
    protocols=frozenset({Protocol.HTTP, Protocol.HTTPS}),
    ends=Ends.NEVER,
    result=result("sse_find_replace"),
    result_name="sse_find_replace",
    example='on_event_stream_message { sse-find-replace { replacements: [{ from: "secret", to: "[x]" }] } }',
    source="spec/actions.md#sse-find-replace",
)
