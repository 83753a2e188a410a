"""What the three find-replace actions share: their fields and their result."""

from __future__ import annotations

from policyc.engine.schema import Cel, Field, ListOf, ObjectOf, Regex, Text, field
from policyc.engine.types import INT, STRING, Record, list_of
from policyc.engine.types import Field as RecordField

FROM = field("from", Regex(Cel.TEMPLATE), "pattern to look for", required=True)
TO = field("to", Text(Cel.TEMPLATE), "what takes the place of each match, with `$1` for groups", default="")


def replacements(*fields: Field) -> Field:
    """Return the field `replacements`, whose items have these fields."""
    return field(
        "replacements",
        ListOf(ObjectOf(*fields), least=1),
        "applied in order, each to the result of the one before",
        required=True,
    )


def result(name: str) -> Record:
    """Return the result record of a find-replace action."""
    replaced = Record(
        f"{name}.replacement",
        (),
        {
            "replacement_index": RecordField(INT, "which of the replacements matched, from 0"),
            "matched_content": RecordField(STRING, "its first match"),
        },
    )
    return Record(
        name, (), {"replacements": RecordField(list_of(replaced), "the replacements that matched anything")}
    )
