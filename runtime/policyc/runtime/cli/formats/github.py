"""`--format github`: workflow commands that GitHub shows beside the lines of a change.

A command is `::LEVEL key=value,…::message`. Percent signs and line ends are escaped everywhere, colons and
commas in the values too (docs.github.com, "Workflow commands for GitHub Actions").
"""

from __future__ import annotations

from collections.abc import Sequence

from policyc.grammar.diagnostic import Diagnostic, Severity
from policyc.runtime.cli.formats import Occasion
from policyc.runtime.cli.output import printable

_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.HINT: "notice"}


def render(diagnostics: Sequence[Diagnostic], occasion: Occasion) -> str:
    """Return one command per finding, each on one line; nothing where there is nothing to say."""
    return "".join(f"{_command(d)}\n" for d in diagnostics)


def _command(diagnostic: Diagnostic) -> str:
    span = diagnostic.span
    fields = {"file": span.source.name, "line": str(span.line), "endLine": str(span.end_line)}
    if span.line == span.end_line:  # columns are only understood within one line
        fields["col"] = str(span.column)
        fields["endColumn"] = str(span.end_column)
    fields["title"] = f"{diagnostic.code.id} {diagnostic.code.name}"
    message = printable(diagnostic.message)
    if diagnostic.hint:
        message += f"\nhint: {printable(diagnostic.hint)}"
    written = ",".join(f"{key}={_escape_property(value)}" for key, value in fields.items())
    return f"::{_LEVEL[diagnostic.severity]} {written}::{_escape(message)}"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
