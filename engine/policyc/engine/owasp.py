"""What the two actions of the OWASP Core Rule Set share: their fields and their results (spec/actions.md)."""

from __future__ import annotations

from policyc.engine.schema import Boolean, Enum, Integer, ListOf, Schema, field
from policyc.engine.types import ERROR_RECORD, INT, STRING, Field, Record, list_of

SCHEMA = Schema(
    field(
        "on_error", Enum("halt", "continue"), "`continue` only observes: nothing is refused", default="halt"
    ),
    field("process_body", Boolean(), "also judge the first 4 KB of the body", default=False),
    field("exclude_rule_ids", ListOf(Integer(900_000, 999_999)), "rules to leave out"),
)


def result(name: str) -> Record:
    """Return the result record."""
    rule = Record(
        f"{name}.rule",
        (),
        {
            "id": Field(INT, "number of the rule"),
            "message": Field(STRING, "what it found"),
            "severity": Field(STRING, "how bad that is"),
            "data": Field(STRING, "what it found it in"),
        },
    )
    return Record(
        name,
        (),
        {
            "decision": Field(STRING, "`allow` or `deny`"),
            "anomaly_score": Field(INT, "sum over the rules that matched"),
            "anomaly_score_threshold": Field(INT, "score from which it is refused"),
            "matched_rules": Field(list_of(rule), "rules that matched, with a score"),
            "error": Field(ERROR_RECORD, "what failed"),
        },
    )
