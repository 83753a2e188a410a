"""Finding and replacing with `$1`: how patterns and replacements of redirect and url-rewrite work.

Replacements follow Go's expansion (spec/actions.md §2): `$name` takes the longest run of letters, digits and
underscore, `$$` is a dollar sign, a group that the pattern does not have is empty. `${…}` never gets here as
a group: it is a template, and what an escape left of it is literal text.
"""

from __future__ import annotations

import re
from typing import Any

Part = str | int
_REFERENCE = r"\$(?:(\$)|([A-Za-z0-9_]+))"


def split_replacement(text: str, names: dict[str, int], groups: int) -> tuple[Part, ...]:
    """Return a replacement as texts and group numbers; `names` and `groups` are the pattern's.

    >>> split_replacement("https://$1/$x$$", {}, 1)
    ('https://', 1, '/', '$')
    """
    parts: list[Part] = []
    at = 0

    def literal(piece: str) -> None:
        if piece:
            if parts and isinstance(parts[-1], str):
                parts[-1] += piece
            else:
                parts.append(piece)

    for found in re.finditer(_REFERENCE, text):
        literal(text[at : found.start()])
        at = found.end()
        dollar, name = found.groups()
        if dollar:
            literal("$")
            continue
        number = int(name) if name.isdigit() and len(name) < 5 else names.get(name)
        if number is not None and number <= groups:
            parts.append(number)
    literal(text[at:])
    return tuple(parts)


class Replaced:
    """What replacing gave: the new text, and the first match with its groups (empty if nothing matched)."""

    __slots__ = ("matches", "text")

    def __init__(self, text: str, matches: list[str]) -> None:
        """Keep both."""
        self.text = text
        self.matches = matches


def replace_all(pattern: Any, parts: tuple[Part, ...], subject: str) -> Replaced:
    """Replace every match of a compiled RE2 pattern in `subject`.

    Works on octets, because RE2's own way from text refuses those that are no UTF-8, and a client may send
    them.
    """
    text = subject.encode("utf-8", "surrogateescape")
    pieces = [part if isinstance(part, int) else part.encode("utf-8", "surrogateescape") for part in parts]
    out: list[bytes] = []
    matches: list[str] = []
    at = 0
    for found in pattern.finditer(text):
        if not matches:
            matches = [_decode(found.group(0)), *(_decode(group or b"") for group in found.groups())]
        start, end = found.span()
        out.append(text[at:start])
        out.extend(piece if isinstance(piece, bytes) else found.group(piece) or b"" for piece in pieces)
        at = end
    out.append(text[at:])
    return Replaced(_decode(b"".join(out)), matches)


def _decode(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")


def whole(parts: tuple[Part, ...], subject: str) -> Replaced:
    """Replace the whole subject, as an absent pattern does."""
    return Replaced("".join(part if isinstance(part, str) else subject for part in parts), [subject])
