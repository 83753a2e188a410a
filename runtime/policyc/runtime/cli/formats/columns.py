"""A source line as a terminal shows it, and the underline that stands exactly below a stretch of it.

Tabs go to the next multiple of four, wide characters take two columns and combining ones none, control
characters are replaced, and a line that is too long is cut around the stretch.
"""

from __future__ import annotations

_WIDTH = 120  # columns of a line that are shown
_BEFORE = 40  # of these, at most so many before the stretch when the line is cut
_TAB = 4
_CUT = "…"


def shown(line: str, start: int, end: int, sign: str) -> tuple[str, str]:
    """Return `line` as it is printed, and a line of `sign` under the characters from `start` up to `end`.

    Offsets may lie past the end of the line, as those of a missing character do; at least one sign is drawn.
    """
    first, last = 0, len(line)
    if last > _WIDTH:
        first = max(0, min(start - _BEFORE, last - _WIDTH))
        last = min(last, first + _WIDTH)
    text = _CUT if first else ""
    column = len(text)
    under_start = under_end = -1
    pieces = [text]
    for i in range(first, last):
        if i == start:
            under_start = column
        if i == end:
            under_end = column
        piece, width = _cell(line[i], column)
        pieces.append(piece)
        column += width
    if under_start < 0:
        under_start = column + max(0, start - last)
    if under_end < 0:
        under_end = column
    if last < len(line):
        pieces.append(_CUT)
    return "".join(pieces), " " * under_start + sign * max(1, under_end - under_start)


def _cell(char: str, column: int) -> tuple[str, int]:
    """Return what is printed for a character at `column`, and how many columns that takes."""
    if " " <= char <= "~":
        return char, 1
    if char == "\t":
        width = _TAB - column % _TAB
        return " " * width, width
    import unicodedata

    category = unicodedata.category(char)
    if category in ("Mn", "Me"):
        return char, 0
    if not char.isprintable():
        return "\N{REPLACEMENT CHARACTER}", 1
    return char, 2 if unicodedata.east_asian_width(char) in "WF" else 1
