"""The syntax tree that all front ends produce: frozen records, each with its span.

Three families: expressions (CEL), values (what stands in an action's config) and items (what a file holds).
The tree says what was written, not what it means: names are not resolved, macros are calls, a string that may
be a template is a `TextValue` until somebody who knows the field's schema asks the parser for its parts.
"""

from __future__ import annotations

from typing import Literal as OneOf

from policyc.grammar.frozen import Frozen
from policyc.grammar.source import Source, Span, Text

# --- expressions -------------------------------------------------------------------------------------------


class Literal(Frozen):
    """A constant; `value` is a Python value, `kind` its CEL type (a uint is a Python int of kind "uint")."""

    kind: OneOf["null", "bool", "int", "uint", "double", "string", "bytes"]
    value: bool | int | float | str | bytes | None
    span: Span


class Name(Frozen):
    """An identifier; `rooted` if written with a leading dot (`.a`)."""

    name: str
    span: Span
    rooted: bool = False


class Select(Frozen):
    """`operand.field`; `optional` for `operand.?field`."""

    operand: Expr
    field: str
    field_span: Span
    span: Span
    optional: bool = False


class Index(Frozen):
    """`operand[index]`; `optional` for `operand[?index]`."""

    operand: Expr
    index: Expr
    span: Span
    optional: bool = False


class Call(Frozen):
    """`function(args)` or, with a target, `target.function(args)`; macros are calls too."""

    function: str
    target: Expr | None
    args: tuple[Expr, ...]
    function_span: Span
    span: Span
    rooted: bool = False


class Unary(Frozen):
    """`!operand` or `-operand`."""

    op: OneOf["!", "-"]
    operand: Expr
    span: Span


class Binary(Frozen):
    """A binary operation other than `&&` and `||`."""

    op: OneOf["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "in"]
    left: Expr
    right: Expr
    op_span: Span
    span: Span


class Logic(Frozen):
    """`a && b && …` or `a || b || …`: chains are flat, so a long one is not deep."""

    op: OneOf["&&", "||"]
    operands: tuple[Expr, ...]
    span: Span


class Conditional(Frozen):
    """`test ? yes : no`."""

    test: Expr
    yes: Expr
    no: Expr
    span: Span


class ListLiteral(Frozen):
    """`[a, ?b]`; `optional[i]` tells whether item i was written with `?`."""

    items: tuple[Expr, ...]
    optional: tuple[bool, ...]
    span: Span


class MapLiteral(Frozen):
    """`{k: v, ?k: v}`: entries are (key, value, optional)."""

    entries: tuple[tuple[Expr, Expr, bool], ...]
    span: Span


Expr = (
    Literal | Name | Select | Index | Call | Unary | Binary | Logic | Conditional | ListLiteral | MapLiteral
)

# --- values: what stands in a config -----------------------------------------------------------------------


class TextValue(Frozen):
    """A string in value position: a text, a template, or expression source, as the field's schema says."""

    text: Text
    span: Span


class PlainValue(Frozen):
    """A scalar that is no string. Durations are in nanoseconds, sizes in bytes; `raw` is as written."""

    kind: OneOf["null", "bool", "int", "double", "duration", "size"]
    value: bool | int | float | None
    raw: str
    span: Span


class ExprValue(Frozen):
    """An expression written as such (`.policy` only)."""

    expr: Expr
    span: Span


class ListValue(Frozen):
    """A list whose items are values."""

    items: tuple[Value, ...]
    span: Span


class MapEntry(Frozen):
    """One entry; `key_expr` is set instead of a key text where the key is computed (`.policy` only)."""

    key: Text
    value: Value
    span: Span
    key_expr: Expr | None = None


class MapValue(Frozen):
    """A mapping in the order written; all entries are kept.

    Keys that stand twice have been reported in YAML and JSON; in `.policy` who reads the value reports them.
    """

    entries: tuple[MapEntry, ...]
    span: Span


Value = TextValue | PlainValue | ExprValue | ListValue | MapValue

# A template's parts: literal text and expressions in turn. `Template.lone` is the expression of `"${e}"`.


class Template(Frozen):
    """A string with `${…}` in it, parsed: strings (unescaped) and expressions in the order written."""

    parts: tuple[str | Expr, ...]
    span: Span

    @property
    def lone(self) -> Expr | None:
        """The expression, if the template is nothing but one placeholder."""
        if len(self.parts) == 1 and not isinstance(self.parts[0], str):
            return self.parts[0]
        return None


# --- items: what a file holds ------------------------------------------------------------------------------


class Action(Frozen):
    """One action of a rule: its type as written, the primary value (`.policy` only) and the config.

    `config` is None where it was left out; it is some other value than a mapping where the author wrote one.
    """

    type: Text
    primary: Value | None
    config: Value | None
    span: Span
    path: str | None = None


class Condition(Frozen):
    """One expression of a rule; None where it did not parse (which has been reported)."""

    expr: Expr | None
    span: Span
    path: str | None = None


class Rule(Frozen):
    """A rule: all conditions must hold; `path` is its place in the document (`on_http_request[0]`)."""

    name: Text | None
    conditions: tuple[Condition, ...]
    actions: tuple[Action, ...]
    span: Span
    path: str | None = None


class Use(Frozen):
    """`use NAME` inside a phase or a `rules` block."""

    name: str
    name_span: Span
    span: Span


class Phase(Frozen):
    """A phase with its rules; `key` as written, so legacy names (`inbound`, `outbound`) are still here."""

    key: Text
    rules: tuple[Rule | Use, ...]
    span: Span


class Import(Frozen):
    """`import "path"`."""

    path: Text
    span: Span


class Let(Frozen):
    """`let NAME = expr`."""

    name: str
    name_span: Span
    expr: Expr
    span: Span


class Rules(Frozen):
    """`rules NAME { … }`."""

    name: str
    name_span: Span
    rules: tuple[Rule | Use, ...]
    span: Span


class Endpoint(Frozen):
    """`endpoint URL -> UPSTREAM { settings phases }`, or one of an agent config's `endpoints`.

    Of an agent config, `url` is None where none was given, and everything that is not a phase, the URL or the
    upstream's URL is in `settings` under its key in the file (`upstream.protocol` for nested ones).
    """

    url: Text | None
    upstream: Text | None
    settings: tuple[MapEntry, ...]
    phases: tuple[Phase, ...]
    span: Span
    path: str | None = None


class Test(Frozen):
    """`test "…" { … }`: the word is reserved, the block is read over."""

    name: Text
    span: Span


Item = Import | Let | Rules | Endpoint | Phase | Test


class Document(Frozen):
    """A parsed file: its items in order; `form` tells which front end read it."""

    source: Source
    form: OneOf["policy", "yaml", "json", "agent"]
    items: tuple[Item, ...]
