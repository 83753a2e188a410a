"""A quick look over a text without parsing it: strings, comments, brackets.

Serves what must be known before or without the parser: how deep brackets nest, where a placeholder ends,
where a broken statement ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

_STRINGS = (
    r"(?<![A-Za-z0-9_])[bB]?[rR](?:\"\"\"[\s\S]*?(?:\"\"\"|\Z)|'''[\s\S]*?(?:'''|\Z)|\"[^\"\r\n]*\"?|'[^'\r\n]*'?)"
    r"|\"\"\"(?:[^\\]|\\[\s\S])*?(?:\"\"\"|\Z)|'''(?:[^\\]|\\[\s\S])*?(?:'''|\Z)"
    r"|\"(?:[^\"\\\r\n]|\\[^\r\n])*\"?|'(?:[^'\\\r\n]|\\[^\r\n])*'?"
)
_IN_EXPRESSION = rf"(?:{_STRINGS})|`[^`\r\n]*`?|//[^\n]*|[()\[\]{{}}#]"
_IN_FILE = rf"(?m:(?:{_STRINGS})|`[^`\r\n]*`?|(?://|#)[^\n]*|[()\[\]{{}}]|^[ \t]*(?=[A-Za-z_]))"

CLOSER = {"(": ")", "[": "]", "{": "}"}
OPENER = {")": "(", "]": "[", "}": "{"}


class Bracket(NamedTuple):
    """An opening bracket and its offset."""

    char: str
    at: int


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern when it is first needed: few texts need any of these."""
    return re.compile(pattern)


def _pieces(pattern: str, text: str, start: int = 0) -> Iterator[re.Match[str]]:
    return _compiled(pattern).finditer(text, start)


def too_deep(text: str, most: int, *, is_file: bool) -> int | None:
    """Return the offset of the first bracket that is nested deeper than `most`, or None."""
    if text.count("(") + text.count("[") + text.count("{") <= most:
        return None
    depth = 0
    for found in _pieces(_IN_FILE if is_file else _IN_EXPRESSION, text):
        sign = found.group()
        if sign in CLOSER:
            depth += 1
            if depth > most:
                return found.start()
        elif sign in OPENER and depth:
            depth -= 1
    return None


def hash_sign(text: str) -> int | None:
    """Return the offset of a `#` outside of strings and comments of an expression, or None."""
    if "#" in text:
        for found in _pieces(_IN_EXPRESSION, text):
            if found.group() == "#":
                return found.start()
    return None


def placeholder_end(text: str, start: int) -> int | None:
    """Return the offset of the `}` that closes the placeholder whose inside begins at `start`, or None.

    Braces in strings, comments, maps and other brackets do not close it (spec/policy-language.md §4).
    """
    depth = 0
    for found in _pieces(_IN_EXPRESSION, text, start):
        sign = found.group()
        if sign == "{":
            depth += 1
        elif sign == "}":
            if depth == 0:
                return found.start()
            depth -= 1
    return None


_SYNC_TOP = r'endpoint\s+"|let\s+\w+\s*=|import\s+"|rules\s+\w+\s*\{|test\s+"|on_\w+\s*\{'
_SYNC_STRONG = r'(?:when|use)\s|rule\s+"|(?:endpoint|let|import|rules|test)\s|on_\w+\s*\{'


def begins_item(text: str, at: int) -> bool:
    """Whether a line begins at `at`, without indentation, like an item of a file."""
    return (at == 0 or text[at - 1] == "\n") and _compiled(_SYNC_TOP).match(text, at) is not None


class Resume(NamedTuple):
    """Where parsing goes on after a mistake; `is_top` if outside of all blocks."""

    at: int
    is_top: bool


def statement_end(text: str, start: int, opened: list[str], *, is_top: bool) -> Resume:
    """Return where the statement ends that is broken at `start`, with the brackets `opened` in it so far.

    It ends behind the brace that closes its block, before the brace that closes the block around it (there is
    none if `is_top`), or before a line that begins like another statement.
    """
    opened = list(opened)
    for found in _pieces(_IN_FILE, text, start):
        sign = found.group()
        if sign in CLOSER:
            opened.append(sign)
        elif sign == "}":
            if "{" in opened:
                while opened.pop() != "{":
                    pass
                if not opened:
                    return Resume(found.end(), is_top)
            elif is_top:
                return Resume(found.end(), True)
            else:
                return Resume(found.start(), False)
        elif sign in OPENER:
            if opened and opened[-1] == OPENER[sign]:
                opened.pop()
        elif not sign.strip() and found.end() > start:
            at = found.end()
            if found.start() == at and _compiled(_SYNC_TOP).match(text, at):
                return Resume(at, True)
            if not opened or ("{" not in opened and _compiled(_SYNC_STRONG).match(text, at)):
                return Resume(at, is_top)
    return Resume(len(text), True)
