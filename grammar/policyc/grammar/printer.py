"""Tree → text of the `.policy` language, in one layout (`policyc fmt`, `convert`).

What is printed parses to the same tree, places aside; comments are not part of the tree and not printed.
"""

from __future__ import annotations

from collections.abc import Iterable

from policyc.grammar.build import KEYWORDS
from policyc.grammar.syntax import (
    Action,
    Binary,
    Call,
    Conditional,
    Document,
    Endpoint,
    Expr,
    ExprValue,
    Import,
    Index,
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

_WIDTH = 100
_INDENT = "  "
_BINDING = {
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!=", "in"), 4),
    **dict.fromkeys(("+", "-"), 5),
    **dict.fromkeys(("*", "/", "%"), 6),
}
_CONDITIONAL, _OR, _AND, _UNARY, _MEMBER = 1, 2, 3, 7, 8


def print_document(document: Document) -> str:
    """Return a document as a `.policy` file; its items are parted by empty lines.

    Raises ValueError for a document with an expression that did not parse: the rule would lose its condition.
    """
    return "\n".join(_item(item) for item in document.items)


def _item(item: object) -> str:
    if isinstance(item, Import):
        return f"import {quote(item.path.value)}\n"
    if isinstance(item, Let):
        return f"let {item.name} = {print_expression(item.expr)}\n"
    if isinstance(item, Rules):
        return "".join(f"{line}\n" for line in _rules(f"rules {item.name}", item.rules))
    if isinstance(item, Phase):
        return "".join(f"{line}\n" for line in _rules(item.key.value, item.rules))
    if isinstance(item, Endpoint):
        return "".join(f"{line}\n" for line in _endpoint(item))
    assert isinstance(item, Test), "there is no other item"
    return f"{item.span.text}\n"


def _endpoint(item: Endpoint) -> Iterable[str]:
    head = f"endpoint {quote(item.url.value if item.url else '')}"
    if item.upstream is not None:
        head += f" -> {quote(item.upstream.value)}"
    if not item.settings and not item.phases:
        yield head
        return
    yield f"{head} {{"
    for setting in item.settings:
        for line in _lines(_key(setting) + ": ", setting.value, ""):
            yield _INDENT + line
    for phase in item.phases:
        for line in _rules(phase.key.value, phase.rules):
            yield _INDENT + line
    yield "}"


def _rules(head: str, rules: Iterable[Rule | Use]) -> Iterable[str]:
    yield f"{head} {{"
    bare_before = False
    for rule in rules:
        if isinstance(rule, Use):
            lines: Iterable[str] = [f"use {rule.name}"]
            bare_before = False
        else:
            lines = _rule(rule, apart=bare_before)
            bare_before = rule.name is None and not rule.conditions and not bare_before
        for line in lines:
            yield _INDENT + line
    yield "}"


def _rule(rule: Rule, *, apart: bool) -> Iterable[str]:
    """Print a rule; `apart` where bare actions would run into those of the rule before."""
    conditions = [c.expr for c in rule.conditions if c.expr is not None]
    if len(conditions) < len(rule.conditions):
        raise ValueError("a rule with a broken condition cannot be printed")
    if rule.name is None and not conditions and not apart:
        for action in rule.actions:
            yield from _action(action)
        return
    head = f"rule {quote(rule.name.value)} " if rule.name is not None else ""
    if conditions:
        level = _AND if len(conditions) > 1 else 0
        head += f"when {' && '.join(_expr(c, level + 1 if level else 0) for c in conditions)} "
    elif not head:
        head = 'rule "" '
    yield head + "{"
    for action in rule.actions:
        for line in _action(action):
            yield _INDENT + line
    yield "}"


def _action(action: Action) -> Iterable[str]:
    head = action.type.value
    if action.primary is not None:
        primary = action.primary
        plain = isinstance(primary, TextValue | PlainValue)
        text = _value(primary)
        head += f" {text}" if plain or text.startswith("(") else f" ({text})"
    if action.config is None:
        yield head
        return
    yield from _lines(f"{head} ", action.config, "")


def _lines(head: str, value: Value, tail: str) -> Iterable[str]:
    """Print a value behind `head`: on one line if it fits, else one entry or item to a line."""
    flat = head + _value(value) + tail
    if len(flat) <= _WIDTH or not isinstance(value, MapValue | ListValue):
        yield flat
        return
    if isinstance(value, MapValue):
        yield head + "{"
        for entry in value.entries:
            for line in _lines(_key(entry) + ": ", entry.value, ","):
                yield _INDENT + line
        yield "}" + tail
        return
    yield head + "["
    for item in value.items:
        for line in _lines("", item, ","):
            yield _INDENT + line
    yield "]" + tail


def _key(entry: MapEntry) -> str:
    if entry.key_expr is not None:
        return f"({_expr(entry.key_expr, 0)})"
    key = entry.key.value
    is_name = key.isidentifier() and key.isascii() and key not in KEYWORDS
    return key if is_name else quote(key)


def _value(value: Value) -> str:
    if isinstance(value, TextValue):
        return quote(value.text.value)
    if isinstance(value, PlainValue):
        return _plain(value)
    if isinstance(value, ListValue):
        return f"[{', '.join(map(_value, value.items))}]"
    if isinstance(value, MapValue):
        if not value.entries:
            return "{}"
        return f"{{ {', '.join(f'{_key(e)}: {_value(e.value)}' for e in value.entries)} }}"
    return _expr_value(value)


def _plain(value: PlainValue) -> str:
    if value.kind in ("duration", "size"):
        return value.raw
    if value.kind == "null":
        return "null"
    if value.kind == "bool":
        return "true" if value.value else "false"
    if value.kind == "int":
        return str(value.value)
    assert isinstance(value.value, float), "a double"
    return _double(value.value)


def _expr_value(value: ExprValue) -> str:
    """Print an expression in value position, in parentheses where it would be read as a plain value."""
    text = _expr(value.expr, 0)
    e = value.expr
    plain = (
        (isinstance(e, Literal) and e.kind not in ("uint", "bytes"))
        or (isinstance(e, ListLiteral) and not any(e.optional))
        or (isinstance(e, MapLiteral) and not any(optional for _, _, optional in e.entries))
    )
    return f"({text})" if plain else text


# --- expressions -------------------------------------------------------------------------------------------


def print_expression(expr: Expr) -> str:
    """Return an expression as CEL source, with no more parentheses than it needs."""
    return _expr(expr, 0)


def _expr(e: Expr, level: int) -> str:
    """Print `e` where an operand of at least this binding power belongs."""
    text, own = _bare(e)
    return f"({text})" if own < level else text


def _bare(e: Expr) -> tuple[str, int]:
    if isinstance(e, Literal):
        return _literal(e)
    if isinstance(e, Name):
        return ("." if e.rooted else "") + e.name, _MEMBER
    if isinstance(e, Select):
        plain = e.field.isidentifier() and e.field.isascii()
        field = e.field if plain else f"`{e.field}`"
        return f"{_expr(e.operand, _MEMBER)}.{'?' if e.optional else ''}{field}", _MEMBER
    if isinstance(e, Index):
        return f"{_expr(e.operand, _MEMBER)}[{'?' if e.optional else ''}{_expr(e.index, 0)}]", _MEMBER
    if isinstance(e, Call):
        target = "." if e.rooted else "" if e.target is None else f"{_expr(e.target, _MEMBER)}."
        return f"{target}{e.function}({', '.join(_expr(a, 0) for a in e.args)})", _MEMBER
    if isinstance(e, Unary):
        operand = _expr(e.operand, _UNARY)
        if e.op == "-" and (operand[0] in "-.0123456789"):
            operand = f"({operand})"  # `-1` is a number, and `- -1` no double minus
        return e.op + operand, _UNARY
    if isinstance(e, Binary):
        own = _BINDING[e.op]
        return f"{_expr(e.left, own)} {e.op} {_expr(e.right, own + 1)}", own
    if isinstance(e, Logic):
        own = _OR if e.op == "||" else _AND
        return f" {e.op} ".join(_expr(o, own + 1) for o in e.operands), own
    if isinstance(e, Conditional):
        return f"{_expr(e.test, _OR)} ? {_expr(e.yes, _OR)} : {_expr(e.no, 0)}", _CONDITIONAL
    if isinstance(e, ListLiteral):
        pairs = zip(e.items, e.optional, strict=True)
        return f"[{', '.join(('?' if o else '') + _expr(i, 0) for i, o in pairs)}]", _MEMBER
    entries = (f"{'?' if o else ''}{_expr(k, 0)}: {_expr(v, 0)}" for k, v, o in e.entries)
    return f"{{{', '.join(entries)}}}", _MEMBER


def _literal(e: Literal) -> tuple[str, int]:
    value = e.value
    if value is None:
        return "null", _MEMBER
    if isinstance(value, bool):
        return ("true" if value else "false"), _MEMBER
    if isinstance(value, str):
        return quote(value), _MEMBER
    if isinstance(value, bytes):
        return f"b{_octets(value)}", _MEMBER
    if isinstance(value, float):
        return _double(value), _MEMBER if value >= 0 and str(value)[0] != "-" else _UNARY
    text = f"{value}u" if e.kind == "uint" else str(value)
    return text, _UNARY if value < 0 else _MEMBER


def _double(value: float) -> str:
    text = repr(value)
    return text if any(c in text for c in ".en") else f"{text}.0"


def quote(text: str) -> str:
    """Return a string literal for `text`; characters that do not print are escaped."""
    import json

    out = json.dumps(text, ensure_ascii=False)
    if text.isprintable():
        return out
    return "".join(c if c.isprintable() else _escaped(c) for c in out)


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _octets(octets: bytes) -> str:
    return '"' + "".join(chr(o) if 32 <= o < 127 and o not in b'"\\' else f"\\x{o:02x}" for o in octets) + '"'
