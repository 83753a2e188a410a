"""What a document may cost to read: every limit of this layer, with its default.

The figures are those of spec/policy-language.md §1.4. What exceeds one is a diagnostic (P08xx), never an
exception.
"""

from __future__ import annotations

from policyc.grammar.codes import declare

DOCUMENT_OCTETS = 1024 * 1024
EXPRESSION_CHARACTERS = 16 * 1024
NESTED_BRACKETS = 32
DOCUMENT_BRACKETS = NESTED_BRACKETS + 8  # blocks of the file around an expression
EXPRESSION_DEPTH = 250
RULES_PER_PHASE = 1000
EXPRESSIONS_PER_RULE = 64
ACTIONS_PER_RULE = 64
ACTIONS_PER_DOCUMENT = 20_000  # of a `.policy` file
YAML_NODES = 100_000  # after expansion of aliases
YAML_DEPTH = 64
SYNTAX_ERRORS = 50  # more of one document are not told

DOCUMENT_TOO_LARGE = declare(
    "P0801",
    "document-too-large",
    "the document is too large",
    explanation="A policy document may have 1 MiB. A larger one is not read at all: what it would cost to "
    "check "
    "is out of proportion to what a person can have meant.",
    wrong="# a file of two megabytes",
    right="# move long lists into the service behind, or split the file with `import`",
    ngrok=2236,
)
EXPRESSION_TOO_LONG = declare(
    "P0802",
    "expression-too-long",
    "the expression is too long",
    explanation="The source of one expression may have 16 KiB. Split it over several rules, or name parts "
    "with `let`.",
    wrong='on_http_request { when req.host == "a" || req.host == "b" /* … 1000 more */ { deny } }',
    right='let hosts = ["a", "b"]\non_http_request { when req.host in hosts { deny } }',
    ngrok=2200,
)
NESTED_TOO_DEEP = declare(
    "P0803",
    "nested-too-deep",
    "brackets or operators are nested too deep",
    explanation="Brackets may nest 32 deep in an expression, and the tree of an expression may be 250 "
    "levels deep "
    "(chains of `&&` and `||` count as one level). YAML and JSON documents have a limit of 64 levels.",
    wrong="let x = ((((((((((((((((((((((((((((((((((((((((((((1))))))))))))))))))))))))))))))))))))))))))))",
    right="let x = 1",
    ngrok=2200,
)
TOO_MANY_RULES = declare(
    "P0804",
    "too-many-rules",
    "a phase has too many rules",
    explanation="A phase may have 1000 rules. Conditions that differ only in a constant belong into one "
    "list.",
    wrong='on_http_request {\n  when req.host == "a" { deny }\n  # … 1000 more\n}',
    right='on_http_request { when req.host in ["a", "b"] { deny } }',
    ngrok=2264,
)
TOO_MANY_ITEMS = declare(
    "P0805",
    "too-many-items-in-rule",
    "a rule has too many expressions or actions",
    explanation="A rule may have 64 expressions and 64 actions. Split it into several rules.",
    wrong="on_http_request {\n  rule { log {}\n  # … 64 more\n  }\n}",
    right="on_http_request { log { metadata: { path: req.url.path } } }",
    ngrok=2265,
)
TOO_MANY_NODES = declare(
    "P0806",
    "too-many-nodes",
    "the document has too many values",
    explanation="A YAML or JSON document may hold 100,000 values, those that aliases repeat included.",
    wrong="a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]  # and so on",
    right="on_http_request: []",
    ngrok=2236,
)
TOO_MANY_ERRORS = declare(
    "P0807",
    "too-many-errors",
    "the rest of the document is not judged",
    explanation="After 50 syntax errors the rest of a document is not read: it is probably no policy at all.",
    wrong="# any other file",
    right="on_http_request { deny }",
    severity="hint",
)
