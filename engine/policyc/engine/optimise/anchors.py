"""Patterns that begin with plain text are asked for the text first.

    a.matches('^/users/[0-9]+$')     a.startsWith('/users/') && a.matches('^/users/[0-9]+$')

What does not begin so costs a string method instead of RE2, and the prefix can be looked up (atoms.py).
"""

from __future__ import annotations

from typing import Final

from policyc.engine.cel import ir
from policyc.engine.function import Dialect, Overload
from policyc.engine.functions import functions
from policyc.engine.optimise.patterns import BY_ENGINE, FINDS, Pattern
from policyc.engine.optimise.rewrite import rewrite
from policyc.engine.types import BOOL, DYN, STRING

# The same test; of this one the prefix has been asked already.
FINDS_BEHIND: Final = Overload("finds_behind", (STRING, DYN), BOOL, FINDS.body, inline=FINDS.inline)

_SHORTEST: Final = 2  # every path begins with a slash
_SPECIAL: Final = frozenset("^$.[]()|?*+{}")


def ask_prefixes(node: ir.Node) -> ir.Node:
    """Return the expression with prefixes asked before the patterns that begin with them."""
    return rewrite(node, _visit)


def _visit(node: ir.Node) -> ir.Node:
    if not isinstance(node, ir.Apply) or node.function != BY_ENGINE or node.overloads != (FINDS,):
        return node
    subject, pattern = node.args
    if not isinstance(subject, ir.Var | ir.Local) or not isinstance(pattern, Pattern):
        return node
    prefix = prefix_of(pattern.pattern)
    if len(prefix) < _SHORTEST:
        return node
    overloads = functions(Dialect.BOTH)["startsWith"].overloads
    begins = ir.Apply(
        "startsWith", overloads, (subject, ir.Const(prefix, STRING, pattern.span)), BOOL, node.span
    )
    behind = ir.Apply(BY_ENGINE, (FINDS_BEHIND,), node.args, BOOL, node.span)
    return ir.And((begins, behind), BOOL, node.span)


def prefix_of(pattern: str) -> str:
    r"""Return a text that everything begins with in which RE2 finds the pattern; empty if none is known.

    >>> prefix_of(r"^/old/[0-9]+"), prefix_of(r"^/v1\.0/x?"), prefix_of("^/a|/b"), prefix_of("/a")
    ('/old/', '/v1.0/', '', '')
    """
    # A repetition behind flags is one of what stands before them.
    if not pattern.startswith("^") or r"\Q" in pattern or _has_flags(pattern):
        return ""
    made: list[str] = []
    at = 1
    while at < len(pattern):
        sign = pattern[at]
        if sign == "\\":
            sign = pattern[at + 1 : at + 2]
            if not sign.isascii() or not sign or sign.isalnum() or sign == "_":
                break
            at += 1
        elif sign in _SPECIAL or not sign.isascii() or sign < " ":
            break
        made.append(sign)
        at += 1
    if pattern[at : at + 1] in ("?", "*", "{"):
        made = made[:-1]  # it may be missing
    return "" if _has_branches(pattern, at) else "".join(made)


def _has_flags(pattern: str) -> bool:
    """Return whether a group may be flags: any but plain and named ones."""
    groups = pattern.split("(?")[1:]
    return not all(group.startswith((":", "P<", "<")) for group in groups)


def _has_branches(pattern: str, at: int) -> bool:
    """Return whether the pattern, from here on, is one of several on its outermost level (or may be)."""
    depth = 0
    while at < len(pattern):
        sign = pattern[at]
        if sign == "\\":
            at += 1
        elif sign == "[":
            at = _behind_class(pattern, at) - 1
        elif sign == "(":
            depth += 1
        elif sign == ")":
            depth -= 1
        elif sign == "|" and depth <= 0:
            return True
        at += 1
    return False


def _behind_class(pattern: str, at: int) -> int:
    """Return the place behind a class of characters that begins here; its first sign may be a bracket."""
    at += 2 if pattern.startswith("[^", at) else 1
    first = at
    while at < len(pattern):
        sign = pattern[at]
        if sign == "\\":
            at += 1
        elif sign == "[" and pattern.startswith("[:", at) and ":]" in pattern[at:]:
            at = pattern.index(":]", at) + 1
        elif sign == "]" and at > first:
            return at + 1
        at += 1
    return at
