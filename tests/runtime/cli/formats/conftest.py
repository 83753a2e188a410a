"""Findings to print, made by hand: what the formats do must not depend on what the checker finds today."""

from __future__ import annotations

import pytest

from policyc.grammar.codes import Code
from policyc.grammar.diagnostic import Diagnostic, Label, Severity
from policyc.grammar.source import Source

UNKNOWN = Code(
    "P9801",
    "unknown-thing",
    "a thing that nobody knows",
    "Things must be known.",
    "wrong",
    "right",
    ngrok=2203,
)
AGAIN = Code("P9802", "said-again", "said again", "Say it once.", "wrong", "right", severity="warning")
NOTE = Code("P9803", "by-the-way", "by the way", "A remark.", "wrong", "right", severity="hint")

SHOP = Source(
    "a dir/shop, one.policy",
    'on_http_request {\n\twhen "日本" == x { dney 401 }\n'
    "  deny 401\r\n  deny {\n    status_code: 401\n  }\n}\n",
)
OTHER = Source("/etc/other.yaml", "a: 1\nb: \x1b[31m2\n")


def span_of(source: Source, words: str, nth: int = 0) -> tuple[int, int]:
    start = -1
    for _ in range(nth + 1):
        start = source.text.index(words, start + 1)
    return start, start + len(words)


@pytest.fixture
def findings() -> list[Diagnostic]:
    dney = SHOP.span(*span_of(SHOP, "dney"))
    block = SHOP.span(*span_of(SHOP, "deny {\n    status_code: 401\n  }"))
    first = SHOP.span(*span_of(SHOP, "deny 401"))
    raw = OTHER.span(*span_of(OTHER, "\x1b[31m2"))
    end = OTHER.span(len(OTHER.text), len(OTHER.text))
    return [
        Diagnostic(
            UNKNOWN,
            Severity.ERROR,
            "unknown action `dney`, 100% sure",
            dney,
            hint="did you mean `deny`?",
            path="on_http_request[0].actions[0].type",
            ngrok=2203,
        ),
        Diagnostic(
            AGAIN,
            Severity.WARNING,
            "`deny` is said again",
            block,
            labels=(Label(first, "first said here"), Label(raw, "and here")),
        ),
        Diagnostic(NOTE, Severity.HINT, "the escape \x1b stays inside", raw),
        Diagnostic(UNKNOWN, Severity.ERROR, "something is missing at the end", end),
    ]
