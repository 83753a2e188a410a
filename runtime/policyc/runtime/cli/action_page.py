"""An action as `policyc explain deny` shows it; everything comes from the action's own declaration."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from policyc.engine.action import Action, Ends
from policyc.engine.phases import Phase, Protocol
from policyc.engine.types import Field, Record

_WIDTH = 88

_ENDS = {
    Ends.ALWAYS: "always ends its phase",
    Ends.MAY: "may end its phase",
    Ends.NEVER: "never ends its phase",
}


def ends_text(action: Action) -> str:
    """Return whether an action ends its phase, in words."""
    if isinstance(action.ends, Ends):
        return _ENDS[action.ends]
    return "ends its phase, or not, as its config says"


def result_fields(record: Record, prefix: str = "") -> Iterator[tuple[str, Field]]:
    """Yield the fields of a result by their paths; a record among them is its fields, no row of its own."""
    for name, field in record.fields.items():
        if isinstance(field.type, Record):
            yield from result_fields(field.type, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field


def action_page(action: Action) -> str:
    """Return what there is to know about an action, as plain text."""
    return "\n".join(_lines(action)) + "\n"


def _lines(action: Action) -> Iterator[str]:
    yield action.name
    for paragraph in textwrap.dedent(action.doc).strip().split("\n\n"):
        yield ""
        yield textwrap.fill(" ".join(paragraph.split()), _WIDTH)
    yield ""
    yield f"phases:   {', '.join(phase for phase in Phase if phase in action.phases)}"
    if action.protocols != frozenset(Protocol):
        yield f"on:       {', '.join(p for p in Protocol if p in action.protocols)}"
    yield f"it        {ends_text(action)}"
    if action.aliases:
        yield f"also:     {', '.join(action.aliases)}"
    if action.compile is None:
        yield "          is checked, but cannot be run by this version"
    rows = action.schema.rows()
    if rows:
        yield ""
        yield "fields"
        for row in rows:
            facts = [row.type, "required" if row.required else "optional"]
            facts += [f"default {row.default}"] if row.default else []
            facts += [text for text in (row.limits, row.cel) if text]
            yield f"  {row.field} ({', '.join(facts)})"
            yield textwrap.indent(textwrap.fill(row.doc, _WIDTH - 6), "      ")
    if action.result is not None:
        yield ""
        yield f"result, as actions.ngrok.{action.result_name}"
        for name, field in result_fields(action.result):
            yield f"  .{name} ({field.type}) {field.doc}".rstrip()
    yield ""
    yield "example"
    yield textwrap.indent(textwrap.dedent(action.example).strip("\n"), "  ")
