"""`--format sarif`: SARIF 2.1.0, one run; the rules are the codes that were found.

Columns count characters (`columnKind: unicodeCodePoints`) and the end is exclusive, as in SARIF §3.30.
"""

from __future__ import annotations

from collections.abc import Sequence

from policyc.grammar.codes import Code
from policyc.grammar.diagnostic import Diagnostic, Severity
from policyc.grammar.source import Span
from policyc.runtime.cli.formats import Occasion

_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.HINT: "note"}


def render(diagnostics: Sequence[Diagnostic], occasion: Occasion) -> str:
    """Return a SARIF log with every finding as a result."""
    import json

    from policyc.runtime.version import version

    codes = sorted({d.code.id: d.code for d in diagnostics}.values())
    index = {code.id: i for i, code in enumerate(codes)}
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "policyc",
                        "semanticVersion": version(),
                        "rules": [_rule(code) for code in codes],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "artifacts": [{"location": {"uri": _uri(name)}} for name in occasion.files],
                "invocations": [{"executionSuccessful": True}],
                "results": [_result(d, index) for d in diagnostics],
            }
        ],
    }
    return json.dumps(log, indent=1) + "\n"


def _rule(code: Code) -> dict[str, object]:
    return {
        "id": code.id,
        "name": code.name,
        "shortDescription": {"text": code.title},
        "fullDescription": {"text": code.explanation},
        "defaultConfiguration": {"level": _LEVEL[Severity(code.severity)]},
        "properties": {} if code.ngrok is None else {"ngrok": f"ERR_NGROK_{code.ngrok}"},
    }


def _result(diagnostic: Diagnostic, index: dict[str, int]) -> dict[str, object]:
    text = diagnostic.message
    if diagnostic.hint:
        text += f"\nhint: {diagnostic.hint}"
    place: dict[str, object] = {"physicalLocation": _place(diagnostic.span)}
    if diagnostic.path:
        place["logicalLocations"] = [{"fullyQualifiedName": diagnostic.path}]
    result: dict[str, object] = {
        "ruleId": diagnostic.code.id,
        "ruleIndex": index[diagnostic.code.id],
        "level": _LEVEL[diagnostic.severity],
        "message": {"text": text},
        "locations": [place],
    }
    if diagnostic.labels:
        result["relatedLocations"] = [
            {"id": i, "physicalLocation": _place(label.span), "message": {"text": label.message}}
            for i, label in enumerate(diagnostic.labels)
        ]
    return result


def _place(span: Span) -> dict[str, object]:
    return {
        "artifactLocation": {"uri": _uri(span.source.name)},
        "region": {
            "startLine": span.line,
            "startColumn": span.column,
            "endLine": span.end_line,
            "endColumn": span.end_column,
        },
    }


def _uri(name: str) -> str:
    """Return a file's name as a URI: relative as it was given, or absolute with its scheme (RFC 8089)."""
    from urllib.parse import quote

    path = quote(name.encode("utf-8", "surrogateescape"), safe="/~")
    return f"file://{path}" if name.startswith("/") else path
