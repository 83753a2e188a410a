"""Where each character of a YAML scalar stands in the document, for every scalar style (YAML 1.2 §7.3, §8.1).

libyaml gives a scalar's value and the place of the whole. What lies between (folding, escapes, doubled
quotes, indentation) is walked again here; the walk must arrive at libyaml's value, or else the whole scalar
is taken as the place.
"""

from __future__ import annotations

from policyc.grammar.source import Source, Span, Text

_ESCAPES = {
    "0": "\0",
    "a": "\a",
    "b": "\b",
    "t": "\t",
    "\t": "\t",
    "n": "\n",
    "v": "\v",
    "f": "\f",
    "r": "\r",
    "e": "\x1b",
    " ": " ",
    '"': '"',
    "/": "/",
    "\\": "\\",
    "N": "\x85",
    "_": "\xa0",
    "L": "\u2028",
    "P": "\u2029",
}
_DIGITS = {"x": 2, "u": 4, "U": 8}
_BREAKS = "\r\n\x85\u2028\u2029"

Walk = tuple[list[str], list[int]]


def locate(source: Source, start: int, end: int, value: str, style: str | None) -> Text:
    """Return the scalar that libyaml found from `start` to `end` (without properties), with its places."""
    text = source.text
    if style in ("|", ">"):
        end = _trimmed(text, start, end)
        chars, origins = _block(text, start, end, value)
    elif style in ("'", '"'):
        chars, origins = _flow(text, start + 1, end - 1, style)
    else:
        if text[start:end] == value:
            return Text(value, Span(source, start, end), start)
        chars, origins = _flow(text, start, end, "")
    span = Span(source, start, end)
    if "".join(chars) != value:
        return Text(value, span, start, (start,) * (len(value) + 1))
    if style in ("|", ">"):
        origins.append(origins[-1] + 1 if origins else end)
    else:
        origins.append(end - 1 if style in ("'", '"') else end)
    first = origins[0]
    if origins[-1] == first + len(value) and all(o == first + i for i, o in enumerate(origins)):
        return Text(value, span, first)
    return Text(value, span, first, tuple(origins))


def _trimmed(text: str, start: int, end: int) -> int:
    """Leave the line ends behind a block scalar out of its place."""
    while end > start and text[end - 1] in " \t\r\n":
        end -= 1
    return end


def _flow(text: str, start: int, end: int, style: str) -> Walk:
    """Walk through a plain or quoted scalar: line folding, escapes."""
    chars: list[str] = []
    origins: list[int] = []
    at = start
    while at < end:
        c = text[at]
        if c in " \t" or c in _BREAKS:
            run = at
            while at < end and text[at] in " \t":
                at += 1
            if at < end and text[at] in _BREAKS:
                at, breaks = _line_breaks(text, at, end)
                for place in breaks[1:]:
                    chars.append("\n")
                    origins.append(place)
                if len(breaks) == 1:
                    chars.append(" ")
                    origins.append(breaks[0])
            else:
                chars += text[run:at]
                origins += range(run, at)
        elif c == "'" and style == "'":
            chars.append(c)
            origins.append(at)
            at += 2
        elif c == "\\" and style == '"':
            at = _escape(text, at, end, chars, origins)
        else:
            chars.append(c)
            origins.append(at)
            at += 1
    return chars, origins


def _line_breaks(text: str, at: int, end: int) -> tuple[int, list[int]]:
    """Pass line breaks and the blanks between them; return where they end and the place of each break."""
    breaks: list[int] = []
    while at < end and (text[at] in _BREAKS or text[at] in " \t"):
        if text[at] in _BREAKS:
            breaks.append(at)
            if text[at : at + 2] == "\r\n":
                at += 1
        at += 1
    return at, breaks


def _escape(text: str, at: int, end: int, chars: list[str], origins: list[int]) -> int:
    letter = text[at + 1 : at + 2]
    if letter and letter in _BREAKS:  # an escaped line break joins the lines
        after, breaks = _line_breaks(text, at + 1, end)
        for place in breaks[1:]:
            chars.append("\n")
            origins.append(place)
        return after
    count = _DIGITS.get(letter)
    if count is not None:
        try:
            chars.append(chr(int(text[at + 2 : at + 2 + count], 16)))
        except (ValueError, OverflowError):  # libyaml has refused it already
            chars.append("?")
        origins.append(at)
        return at + 2 + count
    chars.append(_ESCAPES.get(letter, letter))
    origins.append(at)
    return at + 2


def _block(text: str, start: int, end: int, value: str) -> Walk:
    """Walk through a literal or folded block scalar.

    The lines of the source appear in the value as they are, less their indentation; between them stand a
    space or line ends, as folding wants it.
    """
    chars: list[str] = []
    origins: list[int] = []
    at = text.find("\n", start)
    if at < 0 or not value:
        return chars, origins
    lines = _lines(text, at + 1, end)
    full = [(first, last) for first, last in lines if text[first:last].strip(" ")]
    if not full:
        for _ in value:  # nothing but line ends, each where one stands
            stop = text.find("\n", at + 1)
            at = at if stop < 0 else stop
            chars.append("\n")
            origins.append(at)
        return chars, origins
    # The indentation is what the first full line has more in the source than in the value.
    first, last = full[0]
    shown = value.lstrip("\n").split("\n", 1)[0]
    indent = _spaces(text, first, last) - _spaces(shown, 0, len(shown))
    v = 0
    pending: list[int] = []  # places of line breaks that have not shown up in the value yet
    for first, last in lines:
        content = first + min(indent, _spaces(text, first, last))
        if content < last:
            separators = 0
            while v + separators < len(value) and not value.startswith(text[content:last], v + separators):
                separators += 1
            if v + separators > len(value):
                break
            for i in range(separators):
                chars.append(value[v + i])
                origins.append(pending[max(0, len(pending) - separators + i)] if pending else first)
            v += separators
            chars += text[content:last]
            origins += range(content, last)
            v += last - content
            pending = []
        pending.append(last)
    rest = len(value) - v
    for i in range(rest):
        chars.append(value[v + i])
        origins.append(pending[i] if i < len(pending) else end)
    return chars, origins


def _lines(text: str, at: int, end: int) -> list[tuple[int, int]]:
    lines: list[tuple[int, int]] = []
    while at <= end:
        stop = text.find("\n", at)
        stop = len(text) if stop < 0 else stop
        lines.append((at, stop - 1 if stop > at and text[stop - 1] == "\r" else stop))
        at = stop + 1
        if stop >= end:
            break
    return lines


def _spaces(text: str, first: int, last: int) -> int:
    at = first
    while at < last and text[at] == " ":
        at += 1
    return at - first
