"""Typed expressions as text, for people: CEL as a user writes it, and the optimiser's own forms.

What `check --explain-plan` shows is this text; nothing parses it. A set is in braces, several prefixes in
brackets after the name, a network as it was written.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never, cast

from policyc.engine.cel import ir
from policyc.engine.cel.depth import room
from policyc.engine.types import UINT

_BINARY = {
    name: name.strip("_")
    for name in ("_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "_+_", "_-_", "_*_", "_/_", "_%_")
} | {"_in_": "in"}
_LONGEST = 8  # values of a set or list that are shown

_LOOPS = {
    "map_filter": "map",
    "transform_list": "transformList",
    "transform_map": "transformMap",
    "transform_map_entry": "transformMapEntry",
    "sort_by": "sortBy",
}


def show(node: ir.Node) -> str:
    """Return the expression as text on one line."""
    with room():
        return _text(node)


def _text(node: ir.Node) -> str:
    n = cast("ir.AnyNode", node)
    match n:
        case ir.Const():
            return value_text(n.value, unsigned=n.type == UINT)
        case ir.Var() | ir.HasVar():
            path = n.variable.path
            return path if isinstance(n, ir.Var) else f"has({path})"
        case ir.Local():
            return _local(n.name)
        case ir.Field():
            return f"{_operand(n.operand)}.{'?' if n.optional else ''}{n.name}"
        case ir.HasField():
            return f"has({_operand(n.operand)}.{n.name})"
        case ir.At():
            return f"{_operand(n.operand)}[{'?' if n.optional else ''}{_text(n.index)}]"
        case ir.Apply():
            return _call(n)
        case ir.Not():
            return f"!{_operand(n.operand)}"
        case ir.And():
            return " && ".join(map(_term, n.operands))
        case ir.Or():
            return " || ".join(map(_term, n.operands))
        case ir.If():
            return f"{_operand(n.test)} ? {_operand(n.yes)} : {_operand(n.no)}"
        case ir.MakeList():
            items = (f"{'?' if o else ''}{_text(i)}" for i, o in zip(n.items, n.optional, strict=True))
            return f"[{', '.join(items)}]"
        case ir.MakeMap():
            entries = (f"{'?' if o else ''}{_text(k)}: {_text(v)}" for k, v, o in n.entries)
            return f"{{{', '.join(entries)}}}"
        case ir.Loop():
            return _loop(n)
        case ir.Bind():
            return f"cel.bind({_local(n.name)}, {_text(n.value)}, {_text(n.body)})"
        case ir.OptMap():
            word = "optFlatMap" if n.flat else "optMap"
            return f"{_operand(n.operand)}.{word}({_local(n.name)}, {_text(n.body)})"
    assert_never(n)


def _local(name: str) -> str:
    """Return a local as its author named it: the checker numbers them."""
    word, _, number = name.rpartition("_")
    return word if word and number.isdigit() else name


def _term(node: ir.Node) -> str:
    """Return an operand of `&&` or `||`: calls and comparisons bind closer than these."""
    text = _text(node)
    return f"({text})" if isinstance(node, ir.And | ir.Or | ir.If) else text


def _operand(node: ir.Node) -> str:
    text = _text(node)
    closed = isinstance(node, ir.Const | ir.Var | ir.Local | ir.HasVar | ir.Field | ir.HasField | ir.At)
    closed = closed or isinstance(node, ir.Loop | ir.MakeList | ir.MakeMap | ir.Not)
    if isinstance(node, ir.Apply):
        closed = node.function not in _BINARY and not node.function.startswith(
            ("any in", "has ", "in ", "matches ", "values of")
        )
    return text if closed else f"({text})"


def _call(node: ir.Apply) -> str:
    function, args = node.function, node.args
    match function:
        case "-_":
            return f"-{_operand(args[0])}"
        case "any in":
            return f"any of {_text(args[0])} in {_text(args[1])}"
        case "matches as text" | "matches by RE2":
            how = function.partition(" ")[2]
            return f"{_operand(args[0])} matches {quoted(getattr(args[1], 'pattern', ''))} {how}"
        case "has items":
            return f"has items: {_text(args[0])}"
        case "has no items":
            return f"has no items: {_text(args[0])}"
        case "in networks":
            return f"{_text(args[3])} in networks {value_text(getattr(args[2], 'shown', ()))}"
        case "values of":
            return f"values of {_text(args[1])} in {_text(args[0])}"
        case "number of":
            return f"number of {_operand(args[0])}"
    if function in _BINARY:
        return f"{_operand(args[0])} {_BINARY[function]} {_operand(args[1])}"
    texts = list(map(_text, args))
    if any(overload.method for overload in node.overloads):
        return f"{_operand(args[0])}.{function}({', '.join(texts[1:])})"
    return f"{function}({', '.join(texts)})"


def _loop(node: ir.Loop) -> str:
    names = [_local(node.key)] + ([] if node.value is None else [_local(node.value)])
    parts = names + ([] if node.guard is None else [_text(node.guard)]) + [_text(node.body)]
    return f"{_operand(node.over)}.{_LOOPS.get(node.kind, node.kind)}({', '.join(parts)})"


def value_text(value: object, *, unsigned: bool = False) -> str:
    """Return a constant as a literal."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, bytes):
        return repr(value)
    if isinstance(value, int):
        return f"{int(value)}u" if unsigned else str(int(value))
    if isinstance(value, frozenset):
        return f"{{{listed(sorted(value, key=str))}}}"
    if isinstance(value, list):
        return f"[{listed(value)}]"
    if isinstance(value, tuple):
        return f"({listed(value)})"
    if isinstance(value, dict):
        entries = [f"{value_text(key)}: {value_text(item)}" for key, item in list(value.items())[:_LONGEST]]
        return f"{{{', '.join(entries)}{', …' if len(value) > _LONGEST else ''}}}"
    return str(value) if isinstance(value, float) else repr(value)


def quoted(text: str) -> str:
    """Return a text as a literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return "'" + "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in escaped) + "'"


def listed(values: Iterable[object]) -> str:
    """Return values with commas between them; of many, the first few and how many follow."""
    values = list(values)
    shown = ", ".join(value_text(value) for value in values[:_LONGEST])
    return shown if len(values) <= _LONGEST else f"{shown}, … {len(values) - _LONGEST} more"
