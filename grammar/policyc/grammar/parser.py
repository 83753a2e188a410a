"""Source in; syntax tree and diagnostics out.

Three entrances: a whole `.policy` file, one CEL expression, a string that may hold `${…}`. All use the one
grammar. No input makes them raise: mistakes are diagnostics in the report.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, cast

from policyc.grammar import limits, scan
from policyc.grammar.build import Builder, say
from policyc.grammar.codes import declare
from policyc.grammar.diagnostic import Report, Severity
from policyc.grammar.frozen import replace
from policyc.grammar.source import Source, Text
from policyc.grammar.syntax import Document, Expr, Template

if TYPE_CHECKING:
    from policyc.grammar.machine import Parser

EMPTY_DOCUMENT = declare(
    "P0001",
    "empty-document",
    "the document is empty",
    explanation="A document without phases is a policy without rules: everything passes.",
    wrong="# nothing but a comment",
    right="on_http_request { deny }",
    severity="warning",
)
EMPTY_EXPRESSION = declare(
    "P0130",
    "empty-expression",
    "an expression is empty",
    explanation="A condition and a placeholder need an expression. A rule that always applies has no "
    "condition at all.",
    wrong='on_http_request { log { metadata: { path: "${}" } } }',
    right='on_http_request { log { metadata: { path: "${req.url.path}" } } }',
    ngrok=2200,
)
UNCLOSED_PLACEHOLDER = declare(
    "P0131",
    "unclosed-placeholder",
    "a placeholder is never closed",
    explanation="`${` opens a placeholder, and the `}` that closes it is missing. A literal `${` is written "
    "`$${`.",
    wrong='on_http_request { log { metadata: { path: "${req.url.path" } } }',
    right='on_http_request { log { metadata: { path: "${req.url.path}" } } }',
    ngrok=2224,
)
HASH_IN_EXPRESSION = declare(
    "P0132",
    "hash-in-expression",
    "`#` begins no comment inside an expression",
    explanation="CEL's comments begin with `//`. The `#` is a comment of `.policy` and YAML files only, and "
    "inside a quoted "
    "expression it is part of the expression.",
    wrong="on_http_request:\n  - expressions:\n      - \"req.method == 'GET' # reads\"\n    actions: [{ "
    "type: deny }]",
    right="on_http_request:\n  - expressions:\n      - req.method == 'GET' # reads\n    actions: [{ type: "
    "deny }]",
    ngrok=2200,
)

INVALID_EXPRESSION = 2200
_local = threading.local()


def _parser() -> tuple[Parser, Builder]:
    """Return this thread's parser and what it builds with: a builder serves one text at a time."""
    pair = getattr(_local, "pair", None)
    if pair is None:
        from policyc.grammar.saved_parser import load_parser

        pair = _local.pair = (load_parser(), Builder())
    return cast("tuple[Parser, Builder]", pair)


def parse_policy(source: Source, report: Report) -> Document:
    """Return what a `.policy` file holds; statements with syntax errors are reported and left out."""
    text = Text(source.text, source.whole(), 0)
    most = report.limits.document_brackets
    deep = scan.too_deep(text.value, most, is_file=True)
    if deep is not None:
        report.add(
            limits.NESTED_TOO_DEEP,
            f"brackets are nested more than {most} deep",
            source.span(deep, deep + 1),
        )
        return Document(source, "policy", ())
    from policyc.grammar.recover import run

    parser, builder = _parser()
    builder.begin(text, report, None)
    document = run(parser, builder, text.value, "file")
    builder.finish()
    if isinstance(document, Document):
        if not document.items and not report.has_errors:
            hint = "write an endpoint or a phase, for example `on_http_request { … }`"
            report.add(
                EMPTY_DOCUMENT, "the document is empty: a policy without rules", source.span(0, 0), hint=hint
            )
        return document
    return Document(source, "policy", ())


def parse_expression(text: Text, report: Report, path: str | None = None) -> Expr | None:
    """Return the expression that `text` is, or None after reporting why it is none."""
    value = text.value

    def fail(code: Any, message: str, start: int, end: int, hint: str | None = None) -> None:
        say(report, code, message, text.part(start, end), path, text.alias, hint)

    if not value.strip():
        say(report, EMPTY_EXPRESSION, "the expression is empty", text.span, path, text.alias)
        return None
    most = report.limits.expression_characters
    if len(value) > most:
        message = f"an expression may have {most} characters, this one has {len(value)}"
        say(report, limits.EXPRESSION_TOO_LONG, message, text.span, path, text.alias)
        return None
    deep = scan.too_deep(value, report.limits.nested_brackets, is_file=False)
    if deep is not None:
        fail(
            limits.NESTED_TOO_DEEP,
            f"brackets are nested more than {report.limits.nested_brackets} deep",
            deep,
            deep + 1,
        )
        return None
    mark = scan.hash_sign(value)
    if mark is not None:
        fail(
            HASH_IN_EXPRESSION,
            "`#` begins no comment here",
            mark,
            mark + 1,
            "write `//`, or leave the comment out",
        )
        return None
    from policyc.grammar.recover import run

    parser, builder = _parser()
    found = Report(report.limits)
    builder.begin(text, found, path)
    expr = run(parser, builder, value, "expression")
    builder.finish()
    for each in found:
        # Whatever is wrong with it: an expression that does not parse is an invalid one.
        is_bare = each.ngrok is None and each.severity is Severity.ERROR
        report.append(replace(each, ngrok=INVALID_EXPRESSION) if is_bare else each)
    return None if found.has_errors else cast("Expr | None", expr)


def parse_template(text: Text, report: Report, path: str | None = None) -> Template | None:
    """Return the parts of a string that may hold `${…}`, or None after reporting what is wrong in it.

    `$${` is a literal `${`; any other `$` is itself (spec/policy-language.md §4).
    """
    value = text.value
    at = value.find("${")
    if at < 0:
        return Template((value,), text.span)
    parts: list[str | Expr] = []
    literal: list[str] = []
    failed = False
    last = 0
    while at >= 0:
        if at > last and value[at - 1] == "$":
            literal.append(value[last : at - 1] + "${")
            last = at + 2
            at = value.find("${", last)
            continue
        literal.append(value[last:at])
        end = scan.placeholder_end(value, at + 2)
        if end is None:
            message = "`${` is never closed"
            hint = "close it with `}`, or write `$${` for a literal `${`"
            say(report, UNCLOSED_PLACEHOLDER, message, text.part(at, at + 2), path, text.alias, hint)
            return None
        if not value[at + 2 : end].strip():
            say(
                report, EMPTY_EXPRESSION, "the placeholder is empty", text.part(at, end + 1), path, text.alias
            )
            failed = True
        else:
            expr = parse_expression(text.slice(at + 2, end), report, path)
            if expr is None:
                failed = True
            else:
                written = "".join(literal)
                if written:
                    parts.append(written)
                literal = []
                parts.append(expr)
        last = end + 1
        at = value.find("${", last)
    literal.append(value[last:])
    written = "".join(literal)
    if written:
        parts.append(written)
    return None if failed else Template(tuple(parts), text.span)
