"""Texts and places in them.

`Source` is a whole document, `Span` a stretch of it, `Text` a decoded string that still knows for each of
its characters where in the document it was written. Offsets count characters from 0; lines and columns
count from 1, in characters, as editors do.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple


class Source:
    """A document: the name that a user knows it by, and its text (line ends as read, no BOM)."""

    __slots__ = ("_starts", "name", "text")

    def __init__(self, name: str, text: str) -> None:
        """Keep `text` under `name`; the line table is made when it is first asked for."""
        self.name = name
        self.text = text
        self._starts: list[int] | None = None

    def __repr__(self) -> str:
        return f"Source({self.name!r}, {len(self.text)} characters)"

    def _line_starts(self) -> list[int]:
        if self._starts is None:
            starts = [0]
            text = self.text
            at = text.find("\n")
            while at >= 0:
                starts.append(at + 1)
                at = text.find("\n", at + 1)
            self._starts = starts
        return self._starts

    def position(self, offset: int) -> tuple[int, int]:
        """Return (line, column) of a character offset, both from 1."""
        starts = self._line_starts()
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    def line(self, number: int) -> str:
        """Return the text of line `number` (from 1) without its line end; empty past the last line."""
        starts = self._line_starts()
        if not 1 <= number <= len(starts):
            return ""
        end = starts[number] if number < len(starts) else len(self.text)
        return self.text[starts[number - 1] : end].rstrip("\r\n")

    def span(self, start: int, end: int) -> Span:
        """Return the span of the characters from `start` up to, not including, `end`."""
        return Span(self, start, end)

    def whole(self) -> Span:
        """Return the span of the whole text."""
        return Span(self, 0, len(self.text))


class Span(NamedTuple):
    """A stretch of a source: `start` is its first character, `end` the one after its last."""

    source: Source
    start: int
    end: int

    @property
    def line(self) -> int:
        """Line of the first character, from 1."""
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        """Column of the first character, from 1."""
        return self.source.position(self.start)[1]

    @property
    def end_line(self) -> int:
        """Line of the position after the last character."""
        return self.source.position(self.end)[0]

    @property
    def end_column(self) -> int:
        """Column of the position after the last character."""
        return self.source.position(self.end)[1]

    @property
    def text(self) -> str:
        """The characters as they stand in the document."""
        return self.source.text[self.start : self.end]

    def to(self, other: Span) -> Span:
        """Return the span from the start of this one to the end of `other`."""
        return Span(self.source, self.start, other.end)

    def __repr__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}-{self.end_line}:{self.end_column}"


class Text(NamedTuple):
    """A decoded string and where it was written.

    `span` covers the literal in the document, quotes included. `origins` holds for each character of `value`,
    and for the position after the last one, its offset in the document; it is None where the characters stand
    in the document as they are, from `first` on.
    `alias` is the place where a YAML alias brought the text in, if it did (the text itself is the anchor's).
    """

    value: str
    span: Span
    first: int
    origins: tuple[int, ...] | None = None
    alias: Span | None = None

    def origin(self, index: int) -> int:
        """Return the document offset of character `index` of the value (`len(value)` is allowed)."""
        return self.first + index if self.origins is None else self.origins[index]

    def part(self, start: int, end: int) -> Span:
        """Return the document span of `value[start:end]`."""
        source = self.span.source
        first = self.origin(start)
        return Span(source, first, max(first, self.origin(end - 1) + 1) if end > start else first)

    def slice(self, start: int, end: int) -> Text:
        """Return `value[start:end]` as a text of its own, with its places."""
        origins = None if self.origins is None else self.origins[start : end + 1]
        return Text(self.value[start:end], self.part(start, end), self.origin(start), origins, self.alias)
