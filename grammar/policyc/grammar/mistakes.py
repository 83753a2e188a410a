"""Named syntax errors: what the author probably meant where the parser could not go on.

Each recogniser looks at the place where the parser stopped and either explains it or passes. They are asked
in the order of `RECOGNISERS`, the most telling first. The wrong example of each code is a sample that its
recogniser must recognise (tests/grammar/test_mistakes.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from policyc.grammar.codes import Code, declare
from policyc.grammar.nearest import nearest
from policyc.grammar.scan import CLOSER, OPENER, Bracket, begins_item, placeholder_end

UNEXPECTED = declare(
    "P0100",
    "unexpected",
    "something stands where it cannot",
    explanation="The parser can make nothing of this word or sign at this place; the hint says what could "
    "stand there.",
    wrong="let x = 1 2",
    right="let x = 1",
    ngrok=2200,
)
UNCLOSED_STRING = declare(
    "P0101",
    "unclosed-string",
    "a string is never closed",
    explanation="A string ends with the quote it began with, on the same line. Longer texts take three "
    'quotes: `"""…"""`.',
    wrong='let x = "abc',
    right='let x = "abc"',
    ngrok=2200,
)
UNCLOSED_BRACKET = declare(
    "P0102",
    "unclosed-bracket",
    "a bracket is never closed",
    explanation="Every `(`, `[` and `{` needs its counterpart; the label shows where it was opened.",
    wrong="let x = (1 + 2",
    right="let x = (1 + 2)",
    ngrok=2200,
)
STRAY_BRACKET = declare(
    "P0103",
    "stray-bracket",
    "a closing bracket closes nothing",
    explanation="There is no open bracket that this one could close: remove it, or add the opening one.",
    wrong="let x = 1 + 2)",
    right="let x = (1 + 2)",
    ngrok=2200,
)
WORD_OPERATOR = declare(
    "P0104",
    "word-operator",
    "an operator is written as a word",
    explanation="CEL writes `&&`, `||` and `!` for and, or and not, `==` for is, `!(x in y)` for not in; "
    "tests of texts are methods: "
    '`a.contains("b")`.',
    wrong="on_http_request { when conn.client_ip not in ['1.2.3.4'] { deny } }",
    right="on_http_request { when !(conn.client_ip in ['1.2.3.4']) { deny } }",
    ngrok=2200,
)
SINGLE_LOGIC = declare(
    "P0105",
    "single-ampersand",
    "`&` or `|` stands alone",
    explanation="CEL has no operators on bits. And is `&&`, or is `||`.",
    wrong="let x = true & false",
    right="let x = true && false",
    ngrok=2200,
)
FOREIGN_COMPARISON = declare(
    "P0106",
    "foreign-comparison",
    "a comparison is written as in another language",
    explanation="CEL compares with `==`, `!=`, `<`, `<=`, `>` and `>=`. It has no assignment, no `===`, no "
    "`<>` and no `=~`.",
    wrong="on_http_request { when req.method = 'GET' { deny } }",
    right="on_http_request { when req.method == 'GET' { deny } }",
    ngrok=2200,
)
FOREIGN_STATEMENT = declare(
    "P0107",
    "foreign-statement",
    "a statement of another language",
    explanation="A rule says `when condition { actions }`; there is no else: write a second rule with the "
    "opposite condition. A "
    "constant or a named condition is `let name = …`.",
    wrong="on_http_request { if (req.method == 'GET') { deny } }",
    right="on_http_request { when req.method == 'GET' { deny } }",
)
SMART_QUOTE = declare(
    "P0108",
    "smart-quote",
    "a typographic quote",
    explanation='Word processors turn quotes into typographic ones. Strings take the plain signs `"` or '
    "`'`.",
    wrong="let x = “abc”",
    right='let x = "abc"',
    ngrok=2200,
)
COMMA = declare(
    "P0109",
    "comma",
    "a comma is missing, or one too many",
    explanation="Items of lists and arguments are separated by commas. A comma may stand behind the last "
    "item of a list or map, "
    "but not behind the last argument, and not twice.",
    wrong='let x = ["a" "b"]',
    right='let x = ["a", "b"]',
    ngrok=2200,
)
COMPREHENSION = declare(
    "P0110",
    "comprehension",
    "a list comprehension of another language",
    explanation="CEL has macros for that: `list.map(x, x + 1)`, `list.filter(x, x > 1)`, `list.exists(x, x "
    "== 1)`, "
    "`list.all(x, x > 0)`.",
    wrong="let x = [y for y in [1, 2]]",
    right="let x = [1, 2].map(y, y)",
    ngrok=2200,
)
PLACEHOLDER = declare(
    "P0111",
    "placeholder",
    "`${…}` stands inside an expression",
    explanation="`${…}` brings an expression into a string. Where an expression stands already, write it "
    "without.",
    wrong="on_http_request { when ${conn.client_ip} == '1.2.3.4' { deny } }",
    right="on_http_request { when conn.client_ip == '1.2.3.4' { deny } }",
    ngrok=2200,
)
MESSAGE = declare(
    "P0112",
    "message-construction",
    "policies build no messages",
    explanation="CEL can build protocol buffer messages, `Type{field: value}`; policies have no message "
    "types. A map is written "
    '`{"field": value}`.',
    wrong="let x = Point{x: 1}",
    right='let x = {"x": 1}',
    ngrok=2200,
)
SEMICOLON = declare(
    "P0113",
    "semicolon",
    "a semicolon",
    explanation="Statements, rules and actions need no sign between them: remove the `;`.",
    wrong="on_http_request { deny; }",
    right="on_http_request { deny }",
)
BARE_BRACES = declare(
    "P0114",
    "bare-braces",
    "braces alone are no rule",
    explanation='A rule begins with `when condition` or `rule "name"`; actions that always run need no '
    "braces around them.",
    wrong="on_http_request { { deny } }",
    right="on_http_request { deny }",
)
OUTSIDE_PHASE = declare(
    "P0115",
    "outside-phase",
    "a rule or an action stands outside of a phase",
    explanation="Rules and actions stand in a phase, `on_http_request { … }`, or in a reusable block, "
    "`rules name { … }`.",
    wrong="when req.method == 'GET' { deny }",
    right="on_http_request { when req.method == 'GET' { deny } }",
)
UNQUOTED = declare(
    "P0116",
    "unquoted-text",
    "a text lacks its quotes",
    explanation="URLs, names and paths are strings and stand in quotes.",
    wrong="on_http_request { forward-internal https://api.internal }",
    right='on_http_request { forward-internal "https://api.internal" }',
)
FIELD_COLON = declare(
    "P0117",
    "field-colon",
    "a field needs `:` between its name and its value",
    explanation="Fields are written `name: value`, in config blocks, maps and the settings of an endpoint.",
    wrong='on_http_request { redirect { to = "/b" } }',
    right='on_http_request { redirect { to: "/b" } }',
)
OTHER_FORMAT = declare(
    "P0118",
    "other-format",
    "this looks like YAML or JSON",
    explanation="A file whose name ends in `.policy` holds the policy language. YAML and JSON policies are "
    "read from files that end in "
    "`.yaml`, `.yml` or `.json`.",
    wrong="on_http_request:\n  - actions:\n      - type: deny",
    right="on_http_request { deny }",
)
RULE_HEAD = declare(
    "P0119",
    "rule-head",
    "a rule or block is not begun as it should",
    explanation='A rule is `rule "name" { … }`, `rule "name" when condition { … }` or `when condition { … '
    "}`, with the actions in braces. "
    "`rules` takes a bare name; `rule`, `endpoint`, `import` and `test` take a string.",
    wrong="on_http_request { rule { deny } }",
    right='on_http_request { rule "no entry" { deny } }',
)
FOREIGN_CHARACTER = declare(
    "P0133",
    "foreign-character",
    "a character that means nothing",
    explanation="Outside of strings and comments only ASCII signs and names have a meaning. Copied text "
    "often carries invisible "
    "characters such as a no-break space.",
    wrong="let x = 1 @ 2",
    right="let x = 1 + 2",
    ngrok=2200,
)
MISSING_OPERAND = declare(
    "P0134",
    "missing-operand",
    "an operand is missing",
    explanation="An operator, a comma, a `:` or an opening bracket wants an expression behind it.",
    wrong="let x = 1 +",
    right="let x = 1 + 2",
    ngrok=2200,
)
BAD_NUMBER = declare(
    "P0135",
    "bad-number",
    "a number runs into a word",
    explanation="Durations are written `250ms`, `60s`, `5m`, `1h30m`, sizes `64KB` or `10MiB`, unsigned "
    "numbers `1u`, hexadecimal "
    "ones `0x1F`. A number has no separators in it.",
    wrong='on_http_request { rate-limit "all" { algorithm: "sliding_window", capacity: 9, rate: 60sec, '
    'bucket_key: ["a"] } }',
    right='on_http_request { rate-limit "all" { algorithm: "sliding_window", capacity: 9, rate: 60s, '
    "bucket_key: [conn.client_ip] } }",
)
SAFE_NAVIGATION = declare(
    "P0136",
    "safe-navigation",
    "optional access is written as in another language",
    explanation="CEL writes `a.?b` for an optional field, `a[?b]` for an optional index and `.orValue(x)` "
    "for a default.",
    wrong='on_http_request { when req?.content_type == "text/html" { deny } }',
    right="on_http_request { when has(req.content_type) { deny } }",
    ngrok=2200,
)


class Trouble(NamedTuple):
    """Where the parser stopped.

    `start` and `end` enclose the word that it could not use, `word` is that word ("" at the end), `before`
    the word in front of it, `opened` the brackets that are open there, outermost first, `statement` where the
    statement begins that is broken, `accepts` the names of the terminals that could stand here.
    """

    text: str
    start: int
    end: int
    word: str
    before: str
    before_at: int
    opened: Sequence[Bracket]
    statement: int
    is_file: bool
    accepts: Collection[str]

    @property
    def rest(self) -> str:
        """The text from here on, as much as a recogniser may look at."""
        return self.text[self.start : self.start + 80]

    @property
    def inner(self) -> str:
        """The innermost open bracket, "" if none is open."""
        return self.opened[-1].char if self.opened else ""

    @property
    def wants_operand(self) -> bool:
        """Whether an expression could begin here."""
        return "INT" in self.accepts and "NAME" in self.accepts

    @property
    def in_list(self) -> bool:
        """Whether the innermost bracket is a list's or a call's."""
        return self.inner in ("(", "[")

    @property
    def is_top(self) -> bool:
        """Whether this is outside of all blocks of a file."""
        return self.is_file and not any(b.char == "{" for b in self.opened)


class Finding(NamedTuple):
    """What to tell: a code, the place, the message, the hint, and a second place with a remark."""

    code: Code
    start: int
    end: int
    message: str
    hint: str | None = None
    label: tuple[int, int, str] | None = None


_SHOWN = 60  # characters of a text that a hint repeats
_FIRST_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SMART = "“”„‟«»‘’‚‛‹›"  # noqa: RUF001 — these are what is looked for
_URL = ("http", "https", "tcp", "tls", "unix")
_INFIX = {
    "contains": 'a.contains("b")',
    "matches": 'a.matches("b")',
    "startsWith": 'a.startsWith("b")',
    "endsWith": 'a.endsWith("b")',
    "startswith": 'a.startsWith("b")',
    "endswith": 'a.endsWith("b")',
    "like": 'a.matches(r"…")',
}
_BINARY = frozenset(
    [
        "+",
        "-",
        "*",
        "/",
        "%",
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "in",
        "&&",
        "||",
        "?",
        ":",
        ",",
        "(",
        "[",
        "{",
        ".",
        "!",
        "=",
    ]
)
_STARTERS = ("when", "rule", "use")


def diagnose(trouble: Trouble) -> Finding:
    """Return the most telling explanation of a syntax error."""
    for recognise in RECOGNISERS:
        finding = recognise(trouble)
        if finding is not None:
            return finding
    return _unexpected(trouble)


def _unclosed_string(t: Trouble) -> Finding | None:
    if t.word in ('"', "'", "`"):
        end = t.text.find("\n", t.start)
        end = len(t.text) if end < 0 else end
        if t.word == "`":
            hint = "backquotes enclose a field's name behind a dot; strings take `\"` or `'`"
            return Finding(FOREIGN_CHARACTER, t.start, t.end, "unexpected backquote", hint)
        return Finding(
            UNCLOSED_STRING, t.start, end, "the string is never closed", f"close it with `{t.word}`"
        )
    return None


def _smart_quote(t: Trouble) -> Finding | None:
    if t.word and t.word in _SMART:
        return Finding(SMART_QUOTE, t.start, t.end, f"`{t.word}` is a typographic quote", "write `\"` or `'`")
    return None


def _placeholder(t: Trouble) -> Finding | None:
    if t.rest.startswith("${"):
        end = placeholder_end(t.text, t.start + 2)
        inside = "" if end is None else t.text[t.start + 2 : end].strip()
        hint = "write the expression without `${` and `}`"
        if 0 < len(inside) <= _SHOWN and inside.isprintable():
            hint = f"write `{inside}`"
        return Finding(PLACEHOLDER, t.start, t.start + 2, "`${` stands inside an expression", hint)
    if t.word == "{" and t.before == "$":
        return Finding(
            PLACEHOLDER, t.before_at, t.end, "`${` stands inside an expression", "write it without `${`"
        )
    return None


def _single_logic(t: Trouble) -> Finding | None:
    if t.word in ("&", "|"):
        return Finding(SINGLE_LOGIC, t.start, t.end, f"`{t.word}` is no operator", f"write `{t.word * 2}`")
    return None


def _semicolon(t: Trouble) -> Finding | None:
    if t.word == ";":
        return Finding(SEMICOLON, t.start, t.end, "unexpected `;`", "remove it: nothing separates statements")
    return None


def _not_in(t: Trouble) -> Finding | None:
    found = re.match(r"not\s+in\b", t.rest)
    if found is not None:
        return Finding(
            WORD_OPERATOR, t.start, t.start + found.end(), "`not in` is no operator", "write `!(x in y)`"
        )
    return None


def _word_operator(t: Trouble) -> Finding | None:
    word = t.word.lower()
    if word in ("and", "or") and not t.wants_operand:
        sign = "&&" if word == "and" else "||"
        return Finding(WORD_OPERATOR, t.start, t.end, f"`{t.word}` is no operator", f"write `{sign}`")
    if word == "is" and not t.wants_operand:
        return Finding(WORD_OPERATOR, t.start, t.end, f"`{t.word}` is no operator", "write `==`")
    if t.before.lower() == "not" and t.word not in ("", "."):
        return Finding(
            WORD_OPERATOR, t.before_at, t.before_at + 3, f"`{t.before}` is no operator", "write `!`"
        )
    if t.word in _INFIX and not t.wants_operand and ":" not in t.rest[: len(t.word) + 2]:
        return Finding(WORD_OPERATOR, t.start, t.end, f"`{t.word}` is a method", f"write `{_INFIX[t.word]}`")
    return None


def _foreign_comparison(t: Trouble) -> Finding | None:
    if t.word not in ("=", ">", "<", "~", "!", "=="):
        return None
    start = t.start
    if t.word == "=" and t.before in ("==", "!="):
        end = t.end
        return Finding(
            FOREIGN_COMPARISON, t.before_at, end, f"`{t.before}=` is no operator", f"write `{t.before}`"
        )
    if t.rest.startswith("=="):
        return None
    if t.word == ">" and t.before in ("=", "<"):
        sign, right = (">=" if t.before == "=" else "!="), t.before + ">"
        return Finding(FOREIGN_COMPARISON, t.before_at, t.end, f"`{right}` is no operator", f"write `{sign}`")
    if (t.word in ("~", "=") and t.rest[:2] in ("=~", "~=")) or (t.word == "~" and t.before == "="):
        hint = 'write `a.matches("…")`'
        return Finding(FOREIGN_COMPARISON, start, t.end, "a match is a method", hint)
    if t.word == "=":
        if t.rest[1:2] in ("<", ">"):
            sign = "<=" if t.rest[1] == "<" else ">="
            return Finding(
                FOREIGN_COMPARISON, start, start + 2, f"`{t.rest[:2]}` is no operator", f"write `{sign}`"
            )
        in_expression = not t.is_top or t.text.startswith(("let ", "when "), t.statement)
        if in_expression and (t.inner != "{" or "COLON" not in t.accepts):
            return Finding(FOREIGN_COMPARISON, start, t.end, "`=` compares nothing", "write `==`")
    return None


def _field_colon(t: Trouble) -> Finding | None:
    if t.inner != "{" or "COLON" not in t.accepts or not _FIRST_WORD.fullmatch(t.before):
        return None
    if t.word == "=":
        return Finding(
            FIELD_COLON, t.start, t.end, "a field is set with `:`, not `=`", f"write `{t.before}: …`"
        )
    if t.word and (t.word[0] in "\"'0123456789[{" or t.word in ("true", "false", "null")):
        if t.word == "{" and t.before[:1].isupper():
            return None
        hint = f"write `{t.before}: {_short(t.word)}`"
        return Finding(FIELD_COLON, t.start, t.end, f"`:` is missing behind `{t.before}`", hint)
    return None


def _foreign_statement(t: Trouble) -> Finding | None:
    found = _FIRST_WORD.match(t.text, t.statement)
    word = found.group() if found is not None else ""
    at = t.statement
    if t.word in ("else", "elif", "elseif", "otherwise") or word in ("else", "elif", "elseif"):
        if t.word in ("else", "elif", "elseif", "otherwise"):
            word, at = t.word, t.start
        hint = "write a second rule with the opposite condition"
        return Finding(FOREIGN_STATEMENT, at, at + len(word), f"there is no `{word}`", hint)
    if not t.is_file:
        if "if" in (word, t.word):
            at = t.start if t.word == "if" else at
            return Finding(FOREIGN_STATEMENT, at, at + 2, "there is no `if`", "write `condition ? yes : no`")
        return None
    if word in ("if", "unless"):
        hint = "write `when condition { … }`"
        return Finding(FOREIGN_STATEMENT, at, at + len(word), f"there is no `{word}`", hint)
    if t.word == "if" and t.text.startswith("rule", t.statement):
        return Finding(FOREIGN_STATEMENT, t.start, t.end, "a condition begins with `when`", "write `when`")
    if word in ("var", "const", "set", "def", "val", "local") and t.is_top:
        return Finding(FOREIGN_STATEMENT, at, at + len(word), f"there is no `{word}`", "write `let name = …`")
    if word in ("function", "func", "fn", "return", "for", "while", "foreach", "switch"):
        return Finding(
            FOREIGN_STATEMENT, at, at + len(word), f"there is no `{word}`", "rules and `let` are all there is"
        )
    if t.is_top and t.word == "=" and found is not None and t.before == word:
        return Finding(FOREIGN_STATEMENT, at, t.end, "a name is given with `let`", f"write `let {word} = …`")
    return None


def _comprehension(t: Trouble) -> Finding | None:
    if t.word == "for" and t.in_list:
        hint = "write `list.map(x, …)`, `list.filter(x, …)` or `list.exists(x, …)`"
        return Finding(COMPREHENSION, t.start, t.end, "there are no list comprehensions", hint)
    return None


def _safe_navigation(t: Trouble) -> Finding | None:
    if (t.before == "?" and t.word == ".") or t.rest.startswith("?."):
        at = t.start if t.word == "?" else t.before_at
        return Finding(SAFE_NAVIGATION, at, at + 2, "`?.` is no operator", "write `.?`")
    if t.before == "?" and t.word == "?":
        return Finding(SAFE_NAVIGATION, t.before_at, t.end, "`??` is no operator", "write `a.?b.orValue(x)`")
    if "COLON" in t.accepts:  # `a ?.b` was read as the beginning of `a ? .b : c`
        places = [m.start() for m in re.finditer(r"\?\.(?=[A-Za-z_])", t.text[t.statement : t.start])]
        if places:
            at = t.statement + places[-1]
            return Finding(SAFE_NAVIGATION, at, at + 2, "`?.` is no operator", "write `.?`")
    return None


def _message(t: Trouble) -> Finding | None:
    if (
        t.word == "{"
        and _FIRST_WORD.fullmatch(t.before)
        and "COLON" not in t.accepts
        and t.before[:1].isupper()
    ):
        hint = 'write a map: `{"field": value}`'
        return Finding(MESSAGE, t.before_at, t.end, f"`{t.before}{{…}}` would build a message", hint)
    if t.word == "{" and not t.is_file and _FIRST_WORD.fullmatch(t.before):
        hint = 'write a map: `{"field": value}`'
        return Finding(MESSAGE, t.before_at, t.end, f"`{t.before}{{…}}` would build a message", hint)
    return None


def _bare_braces(t: Trouble) -> Finding | None:
    if (
        t.word == "{"
        and t.is_file
        and t.start == t.statement
        and ("WHEN" in t.accepts or "HYPHENATED" in t.accepts)
    ):
        hint = 'write `when condition { … }` or `rule "name" { … }`, or leave the braces out'
        return Finding(BARE_BRACES, t.start, t.end, "braces alone are no rule", hint)
    return None


def _unquoted(t: Trouble) -> Finding | None:
    if not t.is_file:
        return None
    found = re.match(r":?//[^\s{}]*", t.rest)
    if t.before in _URL and t.word == ":":
        end = t.start + (found.end() if found is not None else 1)
        url = t.text[t.before_at : end]
        return Finding(UNQUOTED, t.before_at, end, "a URL is a text", f'write `"{_short(url)}"`')
    if t.before in ("endpoint", "import", "test", "->") and "QUOTED" in t.accepts and t.word:
        end = t.start + len(re.match(r"[^\s{]*", t.rest).group())  # type: ignore[union-attr]
        word = t.text[t.start : max(end, t.end)]
        if word[0] not in "\"'":
            where = f"behind `{t.before}`"
            return Finding(
                UNQUOTED,
                t.start,
                max(end, t.end),
                f"a text in quotes belongs {where}",
                f'write `"{_short(word)}"`',
            )
    if t.word in _URL and t.text[t.end : t.end + 3] == "://":
        end = t.end + len(re.match(r"[^\s{}]*", t.text[t.end : t.end + 200]).group())  # type: ignore[union-attr]
        return Finding(
            UNQUOTED, t.start, end, "a URL is a text", f'write `"{_short(t.text[t.start : end])}"`'
        )
    return None


def _other_format(t: Trouble) -> Finding | None:
    if not t.is_file or not t.is_top:
        return None
    if (t.word in ("-", "---") and t.statement == t.start) or (
        t.word == ":" and re.match(r":\s*(\n|\[|$)", t.rest)
    ):
        hint = "name the file `.yaml`, or write `on_http_request { … }`"
        return Finding(OTHER_FORMAT, t.start, t.end, "this looks like YAML", hint)
    if t.word == "{" and not t.text[: t.start].strip():
        return Finding(OTHER_FORMAT, t.start, t.end, "this looks like JSON", "name the file `.json`")
    return None


def _outside_phase(t: Trouble) -> Finding | None:
    if not t.is_top:
        return None
    found = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*").match(t.text, t.statement)
    word = found.group() if found is not None else ""
    items = ("let", "import", "rules", "endpoint", "test")
    if word in _STARTERS:
        what = "a rule"
    elif t.word in _STARTERS and t.start == t.statement:
        what, word = "a rule", t.word
    elif word and word not in items and word == (t.before if t.start != t.statement else t.word):
        near = nearest(word, items)
        if near is not None and t.word not in ("{", "") and t.start != t.statement:
            at = t.statement
            return Finding(
                UNEXPECTED, at, at + len(word), f"unknown word `{word}`", f"did you mean `{near}`?"
            )
        if (
            not word.startswith("on_")
            and t.start != t.statement
            and t.word
            and t.word[0] not in "\"'([{0123456789"
        ):
            return None
        what = "an action" if not word.startswith("on_") else ""
        if not what:
            return None
    else:
        return None
    hint = "put it into a phase: `on_http_request { … }`"
    return Finding(
        OUTSIDE_PHASE, t.statement, t.statement + len(word), f"{what} stands outside of a phase", hint
    )


def _rule_head(t: Trouble) -> Finding | None:
    if not t.is_file:
        return None
    if t.before == "rule" and t.word != "":
        return Finding(
            RULE_HEAD,
            t.start,
            t.end,
            "a rule has a name in quotes",
            'write `rule "name" …`, or `when …` alone',
        )
    if t.before in ("endpoint", "import", "test") and "QUOTED" in t.accepts:
        return Finding(RULE_HEAD, t.start, t.end, f"a text in quotes belongs behind `{t.before}`", None)
    if t.before in ("rules", "use") and t.word[:1] in ('"', "'"):
        return Finding(
            RULE_HEAD, t.start, t.end, f"a bare name belongs behind `{t.before}`", "leave out the quotes"
        )
    if t.before == "rules" and t.word == "{":
        return Finding(RULE_HEAD, t.start, t.end, "the rules need a name", "write `rules name { … }`")
    head = _FIRST_WORD.match(t.text, t.statement)
    if (
        head is not None
        and head.group() in ("when", "rule")
        and "LBRACE" in t.accepts
        and not any(b.at > t.statement for b in t.opened)
    ):
        if t.word == ":" or t.word == "then" or t.word == "do" or t.word == "=>" or t.word == "->":
            return Finding(
                RULE_HEAD, t.start, t.end, f"unexpected `{t.word}`", "put the actions in braces: `{ … }`"
            )
        if t.word and (_FIRST_WORD.fullmatch(t.word) or "-" in t.word) and t.before not in _BINARY:
            hint = "put the actions in braces: `{ … }`"
            return Finding(RULE_HEAD, t.start, t.end, f"`{{` is missing before `{_short(t.word)}`", hint)
    return None


def _bad_number(t: Trouble) -> Finding | None:
    # The number and the word are two tokens without a blank between; the word may have become a key already.
    for at, word in ((t.start, t.word), (t.before_at, t.before)):
        if _FIRST_WORD.fullmatch(word) and at and t.text[at - 1].isalnum():
            first = at
            while first > 0 and (t.text[first - 1].isalnum() or t.text[first - 1] in "._"):
                first -= 1
            if t.text[first].isdigit():
                whole = t.text[first : at + len(word)]
                hint = "durations end in `ms`, `s`, `m` or `h`, sizes in `KB`, `MB`, `KiB`, `MiB`, …"
                return Finding(BAD_NUMBER, first, at + len(word), f"`{_short(whole)}` is no number", hint)
    return None


def _brackets(t: Trouble) -> Finding | None:
    if t.word in OPENER:
        if t.opened:
            last = t.opened[-1]
            if CLOSER[last.char] != t.word:
                label = (last.at, last.at + 1, "opened here")
                hint = f"close it with `{CLOSER[last.char]}`"
                return Finding(
                    UNCLOSED_BRACKET,
                    t.start,
                    t.end,
                    f"`{last.char}` is not closed before `{t.word}`",
                    hint,
                    label,
                )
            return None
        return Finding(
            STRAY_BRACKET, t.start, t.end, f"`{t.word}` closes nothing", "remove it, or add the opening one"
        )
    if t.word == "" and t.opened:
        last = t.opened[-1]
        hint = f"close it with `{CLOSER[last.char]}`"
        return Finding(UNCLOSED_BRACKET, last.at, last.at + 1, f"`{last.char}` is never closed", hint)
    return None


def _comma(t: Trouble) -> Finding | None:
    if t.word == "," and t.before == ",":
        return Finding(COMMA, t.start, t.end, "one comma too many", "remove it")
    if t.word == ")" and t.before == ",":
        return Finding(
            COMMA, t.before_at, t.before_at + 1, "no comma may stand behind the last argument", "remove it"
        )
    if t.word == "," and ("RULE" in t.accepts or "HYPHENATED" in t.accepts or t.is_top):
        return Finding(COMMA, t.start, t.end, "no comma stands between statements", "remove it")
    if t.in_list and "COMMA" in t.accepts and _starts_operand(t.word):
        return Finding(
            COMMA,
            t.start,
            t.start,
            f"`,` is missing before `{_short(t.word)}`",
            "put a comma between the items",
        )
    if t.inner == "{" and "COMMA" in t.accepts and "COLON" not in t.accepts and _starts_operand(t.word):
        return Finding(
            COMMA,
            t.start,
            t.start,
            f"`,` is missing before `{_short(t.word)}`",
            "put a comma between the entries",
        )
    return None


def _starts_operand(word: str) -> bool:
    return bool(word) and (word[0] in "\"'([{!" or word[0].isalnum() or word[0] == "_")


_OPERATOR_END = re.compile(r"(&&|\|\||==|!=|<=|>=|[<>+\-*/%!?]|\bwhen|\bin)\s*$")


def _unclosed_block(t: Trouble) -> Finding | None:
    if not t.is_file or not t.opened:
        return None
    is_item = begins_item(t.text, t.start)
    is_rule = t.word in _STARTERS and "HYPHENATED" in t.accepts and "WHEN" not in t.accepts
    if is_item or is_rule:
        last = t.opened[-1]
        label = (last.at, last.at + 1, "opened here")
        message = f"`{last.char}` is not closed before `{t.word}`"
        return Finding(
            UNCLOSED_BRACKET, t.start, t.end, message, f"close it with `{CLOSER[last.char]}`", label
        )
    return None


def _missing_operand(t: Trouble) -> Finding | None:
    if t.is_file and t.word == "let" and t.before in _BINARY:
        end = t.before_at + len(t.before)
        return Finding(MISSING_OPERAND, t.before_at, end, f"an expression belongs behind `{t.before}`")
    if (
        t.is_file
        and "COLON" in t.accepts
        and t.inner == "{"
        and re.match(r"when|rule", t.text[t.statement :][:4])
    ):
        # The braces of the actions were read as a map, because an operand is missing before them.
        at = t.opened[-1].at
        found = _OPERATOR_END.search(t.text, t.statement, at)
        if found is not None:
            message = f"an expression belongs behind `{found.group(1)}`"
            return Finding(MISSING_OPERAND, found.start(1), found.end(1), message)
    if t.wants_operand and (t.before in _BINARY or t.before == "when" or not t.before):
        what = f"behind `{t.before}`" if t.before else "here"
        if t.word in _BINARY - {"(", "[", "{"} or t.word in ("", ")", "]", "}"):
            stands = f", not `{t.word}`" if t.word else ""
            place = t.start if t.word else max(0, t.before_at)
            return Finding(
                MISSING_OPERAND,
                place,
                max(place + 1, t.end) if t.word or t.before else t.end,
                f"an expression belongs {what}{stands}",
            )
        if t.before == "when":
            return Finding(MISSING_OPERAND, t.start, t.end, "a condition belongs behind `when`")
    if t.before == "." and "NAME" in t.accepts:
        return Finding(
            MISSING_OPERAND,
            t.start,
            t.end,
            "a field's name belongs behind `.`",
            'other keys are read as `["key"]`',
        )
    return None


def _foreign_character(t: Trouble) -> Finding | None:
    if len(t.word) != 1 or (
        t.word.isascii() and (t.word.isalnum() or t.word in "()[]{}.,:?!<>=+-*/%&|\"'_ ")
    ):
        return None
    name = f"U+{ord(t.word):04X}"
    if t.word in "@$^\\~":
        hints = {
            "$": "names have no `$` here",
            "^": "CEL has no powers and no operators on bits",
            "\\": "a backslash stands in strings only",
        }
        return Finding(FOREIGN_CHARACTER, t.start, t.end, f"`{t.word}` means nothing here", hints.get(t.word))
    if t.word.isprintable() and not t.word.isspace():
        hint = "names are ASCII; other characters stand in strings and comments"
        return Finding(FOREIGN_CHARACTER, t.start, t.end, f"`{t.word}` ({name}) means nothing here", hint)
    return Finding(
        FOREIGN_CHARACTER, t.start, t.end, f"an invisible character ({name})", "replace it by a plain space"
    )


_WORDS = {
    "NAME": "a name",
    "QUOTED": "a string",
    "INT": "a number",
    "HYPHENATED": "an action",
    "RBRACE": "`}`",
    "LBRACE": "`{`",
    "RPAR": "`)`",
    "RSQB": "`]`",
    "COLON": "`:`",
    "COMMA": "`,`",
    "EQUAL": "`=`",
    "WHEN": "`when`",
    "RULE": "`rule`",
    "USE": "`use`",
    "ENDPOINT": "`endpoint`",
    "LET": "`let`",
    "RULES": "`rules`",
    "IMPORT": "`import`",
}


def _unexpected(t: Trouble) -> Finding:
    """Say what could stand here, if that is a short list."""
    could = [word for name, word in _WORDS.items() if name in t.accepts]
    if {"PLUS", "EQ"} <= set(t.accepts):
        could = ["an operator", *[w for w in could if w in ("`}`", "`{`", "`)`", "`]`", "`,`", "`:`")]]
    elif t.wants_operand:
        could = ["an expression"]
    hint = None
    if not t.is_file and _starts_operand(t.word) and t.before and t.before not in _BINARY:
        hint = "an operator is missing before it"
    elif 0 < len(could) <= 9:
        hint = f"here could stand: {', '.join(could)}"
    if not t.word:
        at = max(t.start - 1, 0)
        return Finding(UNEXPECTED, at, t.end, "the text ends too early", hint)
    return Finding(UNEXPECTED, t.start, t.end, f"unexpected `{_short(t.word)}`", hint)


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"


RECOGNISERS: tuple[Callable[[Trouble], Finding | None], ...] = (
    _unclosed_block,
    _unclosed_string,
    _smart_quote,
    _placeholder,
    _single_logic,
    _semicolon,
    _not_in,
    _comprehension,
    _foreign_statement,
    _unquoted,
    _other_format,
    _safe_navigation,
    _word_operator,
    _field_colon,
    _foreign_comparison,
    _message,
    _bare_braces,
    _bad_number,
    _outside_phase,
    _rule_head,
    _comma,
    _missing_operand,
    _brackets,
    _foreign_character,
)
