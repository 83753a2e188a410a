"""`--format json`: a list of objects, one per finding; an empty list where there is nothing to say."""

from __future__ import annotations

from collections.abc import Sequence

from policyc.grammar.diagnostic import Diagnostic
from policyc.runtime.cli.formats import Occasion


def render(diagnostics: Sequence[Diagnostic], occasion: Occasion) -> str:
    """Return the findings as JSON, each on lines of its own; all characters outside ASCII are escaped."""
    import json

    return json.dumps([as_object(d) for d in diagnostics], indent=1) + "\n"


def as_object(diagnostic: Diagnostic) -> dict[str, object]:
    """Return a finding as JSON's types; columns count characters from 1, the end is after the last one."""
    span = diagnostic.span
    return {
        "code": diagnostic.code.id,
        "name": diagnostic.code.name,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "file": span.source.name,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
        "hint": diagnostic.hint,
        "ngrok": diagnostic.ngrok,
        "path": diagnostic.path,
        "labels": [
            {
                "file": label.span.source.name,
                "line": label.span.line,
                "column": label.span.column,
                "end_line": label.span.end_line,
                "end_column": label.span.end_column,
                "message": label.message,
            }
            for label in diagnostic.labels
        ],
    }
