"""What a document may cost: every limit of policies, with its default.

Those of spec/policy-language.md §1.4 are a `Limits`, which a report carries to whoever reads and checks for
it; the rest are constants. What exceeds one is a diagnostic (P08xx and others), never an exception.
"""

from __future__ import annotations

from typing import NamedTuple

from policyc.grammar.codes import declare


class Limits(NamedTuple):
    """The limits that whoever reads policies may choose; LIMITS says what each is."""

    document_bytes: int = 1024 * 1024
    rules_per_phase: int = 1000
    expressions_per_rule: int = 64
    actions_per_rule: int = 64
    expression_characters: int = 16 * 1024
    nested_brackets: int = 32
    value_depth: int = 16
    variables_per_action: int = 256

    @property
    def document_brackets(self) -> int:
        """How deep brackets may nest in a file: there are blocks around an expression."""
        return self.nested_brackets + 8


DEFAULTS = Limits()


class Limit(NamedTuple):
    """A limit as flags and docs see it; `most` is the largest value there can be, `codes` tell of it."""

    name: str
    most: int
    codes: tuple[str, ...]
    doc: str


# Beyond `most`, reading would cost time, memory or depth of recursion out of any proportion.
LIMITS: tuple[Limit, ...] = (
    Limit("document_bytes", 16 * 1024 * 1024, ("P0801",), "octets of a file"),
    Limit("rules_per_phase", 100_000, ("P0804", "P0850"), "rules of a phase, those put in by `use` included"),
    Limit("expressions_per_rule", 10_000, ("P0805",), "expressions of a rule"),
    Limit("actions_per_rule", 10_000, ("P0805",), "actions of a rule"),
    Limit("expression_characters", 256 * 1024, ("P0802",), "characters of an expression"),
    Limit("nested_brackets", 200, ("P0803",), "brackets that nest in an expression"),
    Limit("value_depth", 60, ("P0346",), "depth of a value of any shape, as in `set-vars`"),
    Limit("variables_per_action", 10_000, ("P0327",), "variables that one `set-vars` sets"),
)

EXPRESSION_DEPTH = 250
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
