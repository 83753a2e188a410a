"""The syntax tree, built while the parser reduces: one method for each alternative that policy.lark names.

The machine calls the methods with the list of an alternative's children: tokens (with their offsets in the
text that is parsed) and nodes that are already made. No other tree is made. Positions are taken from tokens
and children.

The grammar accepts a little more than the language. What is only allowed in value position (durations, a
string with `${…}`, a missing comma in a map) is noted in `_pending` under the node and taken off again by
`value`; what is still there in the end is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from policyc.grammar import limits, literals
from policyc.grammar.codes import Code, declare
from policyc.grammar.diagnostic import Label, Report, Severity
from policyc.grammar.source import Source, Span, Text
from policyc.grammar.syntax import (
    Action,
    Binary,
    Call,
    Condition,
    Conditional,
    Document,
    Endpoint,
    Expr,
    ExprValue,
    Import,
    Index,
    Item,
    Let,
    ListLiteral,
    ListValue,
    Literal,
    Logic,
    MapEntry,
    MapLiteral,
    MapValue,
    Name,
    Phase,
    PlainValue,
    Rule,
    Rules,
    Select,
    Test,
    TextValue,
    Unary,
    Use,
    Value,
)

if TYPE_CHECKING:
    from policyc.grammar.machine import Token

RESERVED_WORD = declare(
    "P0120",
    "reserved-word",
    "a reserved word stands where a name belongs",
    explanation="CEL reserves `as`, `break`, `const`, `continue`, `else`, `for`, `function`, `if`, "
    "`import`, `let`, "
    "`loop`, `package`, `namespace`, `return`, `var`, `void`, `while`; they name no variable and no "
    "function. "
    "`true`, `false`, `null` and `in` are words of the language and name no field either; such a field is "
    "read as "
    '`x["in"]`.',
    wrong="let x = package == 1",
    right='let x = "package" == "1"',
    ngrok=2200,
)
BAD_ESCAPE = declare(
    "P0121",
    "bad-escape",
    "a string holds an escape that means nothing",
    explanation="Strings know `\\a \\b \\f \\n \\r \\t \\v \\\\ \\? \\\" \\' \\``, `\\xHH`, `\\uHHHH`, "
    "`\\UHHHHHHHH` and octal "
    '`\\000` to `\\377`. In a raw string, `r"…"`, a backslash is a backslash, which suits regular '
    "expressions.",
    wrong='on_http_request { when req.url.path.matches("^/\\d+$") { deny } }',
    right='on_http_request { when req.url.path.matches(r"^/\\d+$") { deny } }',
    ngrok=2200,
)
NUMBER_OUT_OF_RANGE = declare(
    "P0122",
    "number-out-of-range",
    "a number does not fit its type",
    explanation="An int has 64 bits with sign, a uint (`1u`) 64 bits without; a double must be finite.",
    wrong="let x = 9223372036854775808",
    right="let x = 9223372036854775808u",
    ngrok=2200,
)
MEASURE_IN_EXPRESSION = declare(
    "P0123",
    "measure-in-expression",
    "a duration or size literal stands inside an expression",
    explanation="`60s` and `10MiB` are literals of config fields. Inside a CEL expression write "
    '`duration("60s")` for a '
    "duration and the number of octets for a size.",
    wrong="let x = 1 + 60s",
    right='let x = duration("60s")',
    ngrok=2200,
)
COMMA_IN_EXPRESSION = declare(
    "P0124",
    "missing-comma-in-map",
    "the entries of a map need commas inside an expression",
    explanation="Only in the blocks of actions, and in maps that are values there, may the comma between "
    "entries be "
    "left out.",
    wrong='let x = {"a": 1 "b": 2}["a"]',
    right='let x = {"a": 1, "b": 2}["a"]',
    ngrok=2200,
)
PLACEHOLDER_IN_EXPRESSION = declare(
    "P0125",
    "placeholder-in-expression",
    "a string inside an expression is no template",
    explanation="`${…}` is replaced in config values only. Inside an expression a string stays as it is "
    "written: join "
    "with `+`, or name the variable itself.",
    wrong='on_http_request { when req.host == "${conn.client_ip}" { deny } }',
    right="on_http_request { when req.host == conn.client_ip { deny } }",
    severity="hint",
)
COMPUTED_KEY = declare(
    "P0126",
    "computed-key",
    "a computed key needs parentheses",
    explanation="In a config block a bare name is the key itself and a string is one too. Any other key is "
    "an expression "
    "and stands in parentheses.",
    wrong="on_http_request { log { metadata: { req.method: 1 } } }",
    right='let name = "method"\non_http_request { log { metadata: { (name): req.method } } }',
)
BYTES_AS_TEXT = declare(
    "P0127",
    "bytes-as-text",
    "bytes stand where a text belongs",
    explanation="Names, URLs and paths are strings, without the prefix `b`.",
    wrong='endpoint b"https://a.internal" -> "http://127.0.0.1:9000"',
    right='endpoint "https://a.internal" -> "http://127.0.0.1:9000"',
)
DUPLICATE_KEY = declare(
    "P0013",
    "duplicate-key",
    "a key stands twice in one mapping",
    explanation="Readers disagree which of two equal keys counts, so both are refused. Of a phase that is "
    "given twice, merge "
    "the rules into one list.",
    wrong="on_http_request: []\non_http_request: []",
    right="on_http_request: []",
    ngrok=2236,
)
RULE_WITHOUT_ACTIONS = declare(
    "P0380",
    "rule-without-actions",
    "a rule has no action",
    explanation="A rule without an action does nothing; usually the actions were forgotten, or stand one "
    "level too high.",
    wrong="on_http_request { when req.method == 'GET' { } }",
    right="on_http_request { when req.method == 'GET' { deny } }",
    ngrok=2206,
)

RESERVED = frozenset(
    [
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ]
)
KEYWORDS = frozenset(("true", "false", "null", "in"))
INT_MAX = 2**63 - 1
UINT_MAX = 2**64 - 1
_CLOSED = (None, "")


class TooMuch(Exception):  # noqa: N818 — not an error of the program: the text exceeds a limit
    """The text exceeds a limit so far that building on makes no sense; the parser loop catches and reports
    it."""

    def __init__(self, code: Code, message: str, span: Span) -> None:
        """Say which limit, where."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.span = span


class _Pending(NamedTuple):
    node: object
    code: Code
    message: str
    span: Span
    hint: str | None


class _Measure(NamedTuple):
    node: Literal
    kind: Any
    value: int


class Builder:
    """Makes nodes for one text at a time; `begin` says which."""

    source: Source
    report: Report

    def begin(self, text: Text, report: Report, path: str | None) -> None:
        """Forget the text before and take up `text`."""
        self.source = text.span.source
        self.report = report
        self._longest = report.limits.expression_characters
        self.path = path
        self.alias = text.alias
        self._first = text.first
        self._origins = text.origins
        self._grouped: dict[int, object] = {}
        self._pending: dict[int, _Pending] = {}
        self._measures: dict[int, _Measure] = {}
        self._raw: dict[int, str] = {}
        self._actions = 0
        self._cut: set[int] = set()
        self.broken: list[int] = []  # where statements were given up, in the document

    def forget(self, start: int = 0, end: int | None = None) -> None:
        """Drop what was noted about a statement that is given up (without an end: everything)."""
        dropped = [
            key
            for key, late in self._pending.items()
            if start <= late.span.start and (end is None or late.span.start < end)
        ]
        for key in dropped:
            del self._pending[key]

    def cut(self, at: int) -> None:
        """Drop the `let` that swallowed the word at `at`, and what was noted about it."""
        where = self.span(at, at + 3)
        self._cut.add(where.end)
        self.forget(at, at + 3)

    def finish(self) -> None:
        """Report what was allowed provisionally and never taken into value position."""
        for late in self._pending.values():
            self._say(late.code, late.message, late.span, late.hint)
        self._pending = {}

    # --- places --------------------------------------------------------------------------------------------

    def span(self, start: int, end: int) -> Span:
        """Return the place in the document of characters `start` to `end` of the text that is parsed."""
        origins = self._origins
        if origins is None:
            return Span(self.source, self._first + start, self._first + end)
        first = origins[start]
        return Span(self.source, first, max(first, origins[end - 1] + 1) if end > start else first)

    def _at(self, token: Token) -> Span:
        return self.span(token.start_pos, token.end_pos)

    def _between(self, first: Any, last: Any) -> Span:
        start = first.span if hasattr(first, "span") else self._at(first)
        end = last.span if hasattr(last, "span") else self._at(last)
        return Span(self.source, start.start, end.end)

    def _join(self, first: Any, last: Any) -> Span:
        """Return the span of an operation; one that is too long ends the reading before it costs too much."""
        span = self._between(first, last)
        if span.end - span.start > 2 * self._longest:
            message = f"an expression may have {self._longest} characters, this one has more"
            raise TooMuch(limits.EXPRESSION_TOO_LONG, message, Span(self.source, span.start, span.start))
        return span

    def _say(self, code: Code, message: str, span: Span, hint: str | None = None) -> None:
        say(self.report, code, message, span, self.path, self.alias, hint)

    # --- literals ------------------------------------------------------------------------------------------

    def int_literal(self, children: list[Token]) -> Literal:
        """Make an int; one past the maximum is good only behind a minus."""
        text = children[0].text
        value = literals.integer(text)
        node = Literal("int", min(value, INT_MAX), self._at(children[0]))
        if value > INT_MAX:
            self._raw[id(node)] = text
            self._defer(
                node,
                NUMBER_OUT_OF_RANGE,
                f"`{_short(text)}` does not fit an int",
                node.span,
                "a uint is written `1u`",
            )
        return node

    def uint_literal(self, children: list[Token]) -> Literal:
        """Make a uint."""
        text = children[0].text
        value = literals.integer(text)
        node = Literal("uint", min(value, UINT_MAX), self._at(children[0]))
        if value > UINT_MAX:
            self._say(NUMBER_OUT_OF_RANGE, f"`{_short(text)}` does not fit a uint", node.span)
        return node

    def double_literal(self, children: list[Token]) -> Literal:
        """Make a double."""
        text = children[0].text
        value = float(text)
        node = Literal("double", value, self._at(children[0]))
        if value in (float("inf"), float("-inf")):
            self._say(NUMBER_OUT_OF_RANGE, f"`{_short(text)}` does not fit a double", node.span)
            return Literal("double", 0.0, node.span)
        return node

    def true(self, children: list[Token]) -> Literal:
        """Make the constant."""
        return Literal("bool", True, self._at(children[0]))

    def false(self, children: list[Token]) -> Literal:
        """Make the constant."""
        return Literal("bool", False, self._at(children[0]))

    def null(self, children: list[Token]) -> Literal:
        """Make the constant."""
        return Literal("null", None, self._at(children[0]))

    def quoted(self, children: list[Token]) -> Literal:
        """Make a string or bytes; escapes that mean nothing are reported."""
        token = children[0]
        text = token.text
        quoted = literals.decode_quoted(text)
        for bad in quoted.bad:
            self._say(
                BAD_ESCAPE,
                bad.message,
                self.span(token.start_pos + bad.start, token.start_pos + bad.end),
                'write `\\\\` for a backslash, or a raw string: `r"…"`',
            )
        if isinstance(quoted.value, bytes):
            return Literal("bytes", quoted.value, self._at(token))
        node = Literal("string", quoted.value, self._at(token))
        if "${" in quoted.value:
            self._defer(
                node,
                PLACEHOLDER_IN_EXPRESSION,
                "`${…}` in a string of an expression is not replaced",
                node.span,
                "join the parts with `+`, or name the variable itself",
            )
        return node

    def duration(self, children: list[Token]) -> Literal:
        """Make a duration, good in value position only."""
        return self._measure(children[0], "duration", literals.duration_nanoseconds(children[0].text))

    def size(self, children: list[Token]) -> Literal:
        """Make a size, good in value position only."""
        return self._measure(children[0], "size", literals.size_octets(children[0].text))

    def _measure(self, token: Token, kind: str, value: int) -> Literal:
        node = Literal("int", value, self._at(token))
        self._measures[id(node)] = _Measure(node, kind, value)
        text = token.text
        hint = (
            f'write `duration("{text}")`' if kind == "duration" else f"write the number of octets: `{value}`"
        )
        self._defer(
            node, MEASURE_IN_EXPRESSION, f"`{text}` is a {kind} only as the value of a field", node.span, hint
        )
        return node

    def _defer(self, node: object, code: Code, message: str, span: Span, hint: str | None) -> None:
        self._pending[id(node)] = _Pending(node, code, message, span, hint)

    # --- operands ------------------------------------------------------------------------------------------

    def name(self, children: list[Token]) -> Name:
        """Make an identifier."""
        word = children[0].text
        node = Name(word, self._at(children[0]))
        if word in RESERVED or word in KEYWORDS:
            # Said only if the statement holds: otherwise the word is part of another mistake, which is told.
            self._defer(node, RESERVED_WORD, f"`{word}` is a reserved word, not a name", node.span, None)
        return node

    def rooted_name(self, children: list[Token]) -> Name:
        """Make `.a`."""
        return Name(self._identifier(children[1]), self._between(children[0], children[1]), rooted=True)

    def _identifier(self, token: Token) -> str:
        word = token.text
        if word in RESERVED or word in KEYWORDS:
            self._say(RESERVED_WORD, f"`{word}` is a reserved word, not a name", self._at(token))
        return word

    def _field(self, token: Token) -> str:
        word = token.text
        if word[0] == "`":
            return word[1:-1]
        if word in KEYWORDS:
            self._say(
                RESERVED_WORD,
                f"`{word}` is a word of the language, not a field",
                self._at(token),
                f'read such a field as `["{word}"]`',
            )
        return word

    def call(self, children: list[Any]) -> Call:
        """Make `f(…)`."""
        function = self._identifier(children[0])
        return Call(
            function,
            None,
            self._given(children),
            self._at(children[0]),
            self._between(children[0], children[-1]),
        )

    def rooted_call(self, children: list[Any]) -> Call:
        """Make `.f(…)`."""
        function = self._identifier(children[1])
        span = self._between(children[0], children[-1])
        return Call(function, None, self._given(children), self._at(children[1]), span, rooted=True)

    @staticmethod
    def _given(children: list[Any]) -> tuple[Expr, ...]:
        return children[-2] if isinstance(children[-2], tuple) else ()

    def arguments(self, children: list[Expr]) -> tuple[Expr, ...]:
        """Collect arguments."""
        return tuple(children)

    def group(self, children: list[Any]) -> Expr:
        """Let parentheses belong to what they hold."""
        node: Expr = children[1]
        # The node was made a moment ago and nobody else has seen it.
        object.__setattr__(node, "span", self._between(children[0], children[2]))
        self._grouped[id(node)] = node
        return node

    def select(self, children: list[Any]) -> Select:
        """Make `a.b`."""
        operand, field = children
        return Select(operand, self._field(field), self._at(field), self._join(operand, field))

    def optional_select(self, children: list[Any]) -> Select:
        """Make `a.?b`."""
        operand, _, field = children
        return Select(operand, self._field(field), self._at(field), self._join(operand, field), optional=True)

    def method(self, children: list[Any]) -> Call:
        """Make `a.f(…)`."""
        operand, function = children[0], children[1]
        span = self._join(operand, children[-1])
        return Call(self._field(function), operand, self._given(children), self._at(function), span)

    def index(self, children: list[Any]) -> Index:
        """Make `a[b]`."""
        return Index(children[0], children[2], self._join(children[0], children[3]))

    def optional_index(self, children: list[Any]) -> Index:
        """Make `a[?b]`."""
        return Index(children[0], children[3], self._between(children[0], children[4]), optional=True)

    def items(self, children: list[Any]) -> list[Any]:
        """Collect the items of a list."""
        return children

    def optional_item(self, children: list[Any]) -> tuple[Expr]:
        """Mark `?a`."""
        return (children[1],)

    def list_literal(self, children: list[Any]) -> ListLiteral:
        """Make `[a, ?b]`."""
        given = children[1] if len(children) == 3 else ()
        items = tuple(i[0] if type(i) is tuple else i for i in given)
        optional = tuple(type(i) is tuple for i in given)
        return ListLiteral(items, optional, self._between(children[0], children[-1]))

    def plain_entry(self, children: list[Expr]) -> tuple[Expr, Expr, bool]:
        """Make `k: v`."""
        return children[0], children[1], False

    def optional_entry(self, children: list[Any]) -> tuple[Expr, Expr, bool]:
        """Make `?k: v`."""
        return children[1], children[2], True

    def loose_entry(self, children: list[Any]) -> tuple[Expr, Expr, bool, Span]:
        """Make an entry that has no comma before it."""
        key, value = children
        return key, value, False, key.span

    def key(self, children: list[Token]) -> Name | Literal:
        """Make a key that is a word or a string."""
        token = children[0]
        return self.quoted(children) if token.type == "QUOTED" else Name(token.text, self._at(token))

    def entries(self, children: list[Any]) -> list[Any]:
        """Collect the entries of a map."""
        return children

    def map_literal(self, children: list[Any]) -> MapLiteral:
        """Make `{k: v}`."""
        given = children[1] if len(children) == 3 else ()
        node = MapLiteral(tuple(e[:3] for e in given), self._between(children[0], children[-1]))
        for entry in given:
            if len(entry) == 4:
                where = entry[3]
                self._defer(node, COMMA_IN_EXPRESSION, "`,` is missing before this entry", where, None)
                break
        return node

    # --- operators -----------------------------------------------------------------------------------------

    def negate(self, children: list[Any]) -> Unary | Literal:
        """Make `!a` or `-a`; a minus belongs to the number behind it."""
        token, operand = children
        op = token.text
        span = self._between(token, operand)
        if (
            op == "-"
            and type(operand) is Literal
            and operand.kind in ("int", "double")
            and id(operand) not in self._grouped
            and id(operand) not in self._measures
            and operand.span.text[:1] != "-"
        ):
            value = operand.value
            if id(operand) in self._raw:
                exact = literals.integer(self._raw.pop(id(operand)))
                if exact == INT_MAX + 1:
                    del self._pending[id(operand)]
                    return Literal("int", -exact, span)
                value = exact
            assert isinstance(value, (int, float))
            if id(operand) not in self._pending:
                return Literal(operand.kind, -value, span)
        return Unary("!" if op == "!" else "-", operand, span)

    def binary(self, children: list[Any]) -> Binary:
        """Make `a OP b`."""
        left, op, right = children
        return Binary(op.text, left, right, self._at(op), self._join(left, right))

    def any_of(self, children: list[Expr]) -> Logic:
        """Make `a || b || …`."""
        return Logic("||", tuple(children), self._between(children[0], children[-1]))

    def all_of(self, children: list[Expr]) -> Logic:
        """Make `a && b && …`."""
        return Logic("&&", tuple(children), self._between(children[0], children[-1]))

    def conditional(self, children: list[Expr]) -> Conditional:
        """Make `a ? b : c`."""
        test, yes, no = children
        return Conditional(test, yes, no, self._between(test, no))

    def expression(self, children: list[Expr]) -> Expr:
        """Close an expression that stands alone."""
        return self._whole(children[0])

    def _whole(self, expr: Expr) -> Expr:
        """Check the size of a whole expression; what is too large is reported and replaced by a constant."""
        span = expr.span
        if span.end - span.start > self._longest:
            size = span.end - span.start
            message = f"an expression may have {self._longest} characters, this one has {size}"
            self._say(limits.EXPRESSION_TOO_LONG, message, span)
            return Literal("null", None, span)
        if span.end - span.start > limits.EXPRESSION_DEPTH and is_deeper(expr, limits.EXPRESSION_DEPTH):
            self._say(
                limits.NESTED_TOO_DEEP,
                f"the operators of this expression are nested more than {limits.EXPRESSION_DEPTH} deep",
                span,
                "split the expression, or use a list with `in` or a macro in place of a long chain",
            )
            return Literal("null", None, span)
        return expr

    # --- values --------------------------------------------------------------------------------------------

    def value(self, expr: Expr) -> Value:
        """Return what `expr` is in value position."""
        if id(expr) in self._grouped:
            return ExprValue(self._whole(expr), expr.span)
        if type(expr) is Literal:
            return self._scalar(expr)
        if type(expr) is ListLiteral and not any(expr.optional):
            return ListValue(tuple(self.value(i) for i in expr.items), expr.span)
        if type(expr) is MapLiteral and not any(optional for _, _, optional in expr.entries):
            self._pending.pop(id(expr), None)
            return MapValue(tuple(self._entry(k, v) for k, v, _ in expr.entries), expr.span)
        return ExprValue(self._whole(expr), expr.span)

    def _scalar(self, node: Literal) -> Value:
        measure = self._measures.get(id(node))
        if measure is not None:
            self._pending.pop(id(node), None)
            return PlainValue(measure.kind, measure.value, node.span.text, node.span)
        if node.kind == "string":
            self._pending.pop(id(node), None)
            return TextValue(self._text(node), node.span)
        if node.kind in ("null", "bool", "int", "double"):
            return PlainValue(node.kind, node.value, node.span.text, node.span)  # type: ignore[arg-type]
        return ExprValue(node, node.span)

    def _text(self, node: Literal) -> Text:
        span = node.span
        quoted = literals.decode_quoted(span.text)
        assert isinstance(quoted.value, str), "asked of strings only"
        origins = None if quoted.origins is None else tuple(span.start + o for o in quoted.origins)
        return Text(quoted.value, span, span.start + quoted.first, origins)

    def _entry(self, key: Expr, value: Expr) -> MapEntry:
        span = key.span.to(value.span)
        if id(key) not in self._grouped:
            if type(key) is Name and not key.rooted and key.name not in KEYWORDS:
                self._pending.pop(id(key), None)
                return MapEntry(Text(key.name, key.span, key.span.start), self.value(value), span)
            if type(key) is Literal and key.kind == "string":
                self._pending.pop(id(key), None)
                return MapEntry(self._text(key), self.value(value), span)
            text = _short(key.span.text)
            hint = f"write `({text})` for a computed key, or put quotes around it"
            if text.replace("-", "").replace("_", "").isalnum():
                hint = f'put quotes around it: `"{text}"`'
            self._pending.pop(id(key), None)
            self._say(COMPUTED_KEY, f"the key `{text}` is neither a name nor a string", key.span, hint)
            return MapEntry(Text(key.span.text, key.span, key.span.start), self.value(value), span)
        written = Text(key.span.text, key.span, key.span.start)
        return MapEntry(written, self.value(value), span, key_expr=self._whole(key))

    # --- rules ---------------------------------------------------------------------------------------------

    def action_type(self, children: list[Token]) -> Text:
        """Make an action's type."""
        return self._word(children[0])

    def _word(self, token: Token) -> Text:
        span = self._at(token)
        return Text(token.text, span, span.start)

    def _string(self, token: Token) -> Text:
        node = self.quoted([token])
        self._pending.pop(id(node), None)
        if node.kind == "bytes":
            self._say(BYTES_AS_TEXT, "a text belongs here, not bytes", node.span, "leave out the prefix `b`")
            assert isinstance(node.value, bytes)
            return Text(
                node.value.decode("utf-8", "replace"),
                node.span,
                node.span.start,
                (node.span.start,) * (len(node.value) + 1),
            )
        return self._text(node)

    def action(self, children: list[Any]) -> Action:
        """Make an action."""
        self._actions += 1
        type_ = children[0]
        if self._actions > limits.ACTIONS_PER_DOCUMENT:
            message = f"the file has more than {limits.ACTIONS_PER_DOCUMENT:,} actions"
            raise TooMuch(limits.TOO_MANY_ITEMS, message, type_.span)
        primary = config = None
        for part in children[1:]:
            if type(part) is MapLiteral and id(part) not in self._grouped:
                config = self.value(part)
            else:
                primary = self.value(part)
        return Action(type_, primary, config, self._between(type_, children[-1]))

    def actions(self, children: list[Any]) -> tuple[Span, tuple[Action, ...]]:
        """Collect the actions of a rule."""
        return self._between(children[0], children[-1]), tuple(children[1:-1])

    def use(self, children: list[Token]) -> Use:
        """Make `use NAME`."""
        word, name = children
        return Use(name.text, self._at(name), self._between(word, name))

    def named_rule(self, children: list[Any]) -> Rule:
        """Make `rule "name" { … }`."""
        word, name, actions = children
        return self._rule(word, self._string(name), None, actions)

    def named_when_rule(self, children: list[Any]) -> Rule:
        """Make `rule "name" when a { … }`."""
        word, name, _, condition, actions = children
        return self._rule(word, self._string(name), condition, actions)

    def when_rule(self, children: list[Any]) -> Rule:
        """Make `when a { … }`."""
        word, condition, actions = children
        return self._rule(word, None, condition, actions)

    def _rule(
        self, word: Token, name: Text | None, condition: Expr | None, block: tuple[Span, tuple[Action, ...]]
    ) -> Rule:
        where, actions = block
        conditions = () if condition is None else (Condition(self._whole(condition), condition.span),)
        span = self._at(word).to(where)
        if not actions and not any(where.start <= at < where.end for at in self.broken):
            self._say(
                RULE_WITHOUT_ACTIONS,
                "a rule needs at least one action",
                where,
                "write `{ deny }`, for example",
            )
        return Rule(name, conditions, actions, span)

    def statements(self, children: list[Any]) -> tuple[Span, tuple[Rule | Use, ...]]:
        """Collect rules; neighbouring bare actions become one rule."""
        rules: list[Rule | Use] = []
        bare: list[Action] = []
        for child in [*children[1:-1], None]:
            if type(child) is Action:
                bare.append(child)
                continue
            if bare:
                rules.append(Rule(None, (), tuple(bare), bare[0].span.to(bare[-1].span)))
                bare = []
            if child is not None:
                rules.append(child)
        return self._between(children[0], children[-1]), tuple(rules)

    def _placed(self, prefix: str, rules: Sequence[Rule | Use]) -> tuple[Rule | Use, ...]:
        """Give rules, conditions and actions their paths, and check how many there are."""
        return place(prefix, rules, self.report)

    # --- items ---------------------------------------------------------------------------------------------

    def phase(self, children: list[Any]) -> Phase:
        """Make a phase."""
        token, (where, rules) = children
        key = self._word(token)
        return Phase(key, self._placed(key.value, rules), key.span.to(where))

    def rules_item(self, children: list[Any]) -> Rules:
        """Make `rules NAME { … }`."""
        word, name, (where, rules) = children
        return Rules(
            self._identifier(name), self._at(name), self._placed(name.text, rules), self._at(word).to(where)
        )

    def import_item(self, children: list[Token]) -> Import:
        """Make `import "path"`."""
        return Import(self._string(children[1]), self._between(children[0], children[1]))

    def let_item(self, children: list[Any]) -> Let:
        """Make `let NAME = a`."""
        word, name, expr = children
        return Let(self._identifier(name), self._at(name), self._whole(expr), self._at(word).to(expr.span))

    def upstream(self, children: list[Token]) -> Text:
        """Make the upstream of an endpoint."""
        return self._string(children[0])

    def setting(self, children: list[Any]) -> MapEntry:
        """Make a setting of an endpoint."""
        return self._entry(children[0], children[1])

    def members(self, children: list[Any]) -> tuple[Span, list[MapEntry | Phase]]:
        """Collect what an endpoint's block holds."""
        return self._between(children[0], children[-1]), children[1:-1]

    def endpoint_item(self, children: list[Any]) -> Endpoint:
        """Make an endpoint."""
        word, url = children[0], self._string(children[1])
        upstream: Text | None = None
        members: list[MapEntry | Phase] = []
        end = url.span
        for part in children[2:]:
            if isinstance(part, Text):
                upstream, end = part, part.span
            else:
                end, members = part
        settings = tuple(m for m in members if isinstance(m, MapEntry))
        phases = tuple(m for m in members if isinstance(m, Phase))
        return Endpoint(url, upstream, settings, phases, self._at(word).to(end))

    def test_item(self, children: list[Any]) -> Test:
        """Make a test: only its place is kept."""
        word, name, (_, last) = children
        return Test(self._string(name), self._between(word, last))

    def block(self, children: list[Any]) -> tuple[Token, Token]:
        """Keep the braces of a test's block."""
        return children[0], children[-1]

    def loose(self, children: list[Any]) -> None:
        """Read over what a test holds."""

    token = loose

    def file(self, children: list[Item]) -> Document:
        """Close a file."""
        items = tuple(
            c for c in children if not (self._cut and isinstance(c, Let) and c.span.end in self._cut)
        )
        return Document(self.source, "policy", items)


def say(
    report: Report,
    code: Code,
    message: str,
    span: Span,
    path: str | None = None,
    alias: Span | None = None,
    hint: str | None = None,
    severity: Severity | None = None,
) -> None:
    """Report something about text that an alias may have brought in."""
    labels = () if alias is None else (Label(alias, "brought in here"),)
    report.add(code, message, span, severity=severity, labels=labels, hint=hint, path=path)


def place(prefix: str, rules: Iterable[Rule | Use], report: Report) -> tuple[Rule | Use, ...]:
    """Give rules and what they hold their paths below `prefix`, in place, and check the counts."""
    placed = tuple(rules)
    most = report.limits.rules_per_phase
    if len(placed) > most:
        report.add(
            limits.TOO_MANY_RULES,
            f"`{prefix}` has {len(placed)} rules, at most {most} are allowed",
            placed[most].span,
            path=prefix,
        )
    for i, rule in enumerate(placed):
        if isinstance(rule, Use):
            continue
        path = f"{prefix}[{i}]"
        # These records were made a moment ago; their paths are known only now.
        object.__setattr__(rule, "path", path)
        for j, condition in enumerate(rule.conditions):
            object.__setattr__(condition, "path", f"{path}.expressions[{j}]")
        for j, action in enumerate(rule.actions):
            object.__setattr__(action, "path", f"{path}.actions[{j}]")
        check_counts(rule, report)
    return placed


def check_counts(rule: Rule, report: Report) -> None:
    """Report a rule with too many expressions or actions."""
    for kind, items, most in (
        ("expressions", rule.conditions, report.limits.expressions_per_rule),
        ("actions", rule.actions, report.limits.actions_per_rule),
    ):
        if len(items) > most:
            report.add(
                limits.TOO_MANY_ITEMS,
                f"a rule may have {most} {kind}, this one has {len(items)}",
                items[most].span,
                path=f"{rule.path}.{kind}",
            )


def is_deeper(expr: Expr, most: int) -> bool:
    """Whether the tree of `expr` has more than `most` levels; found without recursion."""
    level: list[Expr] = [expr]
    for _ in range(most):
        if not level:
            return False
        level = [child for node in level for child in children_of(node)]
    return bool(level)


def children_of(expr: Expr) -> Sequence[Expr]:
    """Return the direct parts of an expression, in the order written."""
    find = _PARTS.get(type(expr))
    return find(expr) if find is not None else ()


_PARTS: dict[type, Callable[[Any], Sequence[Expr]]] = {
    Select: lambda e: (e.operand,),
    Index: lambda e: (e.operand, e.index),
    Call: lambda e: e.args if e.target is None else (e.target, *e.args),
    Unary: lambda e: (e.operand,),
    Binary: lambda e: (e.left, e.right),
    Logic: lambda e: e.operands,
    Conditional: lambda e: (e.test, e.yes, e.no),
    ListLiteral: lambda e: e.items,
    MapLiteral: lambda e: tuple(part for key, value, _ in e.entries for part in (key, value)),
}


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
