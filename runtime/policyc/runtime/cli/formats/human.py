"""`--format human`: each finding with the lines it is about, marked, and a summary at the end.

    error[P0301]: unknown action `dney`
     --> shop.policy:4:5
      |
    4 |     dney 401
      |     ^^^^
      = hint: did you mean `deny`?

Rules. 1. A mark stands under its characters whatever they are (see columns.py). 2. Text of the user never
reaches the terminal raw. 3. A finding is a few lines, however long its line or its span.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from policyc.grammar.diagnostic import Diagnostic, Severity
from policyc.grammar.source import Source, Span
from policyc.runtime.cli.formats import Occasion
from policyc.runtime.cli.formats.columns import shown
from policyc.runtime.cli.output import printable

Paint = Callable[[str, str], str]

_COLORS = {Severity.ERROR: "1;31", Severity.WARNING: "1;33", Severity.HINT: "1;36"}
_WORDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.HINT: "hint"}
_FRAME, _BOLD, _REMARK, _HINT = "34", "1", "34", "32"


class _Mark(NamedTuple):
    """A stretch of one line to underline: its line, offsets in it, the sign, and a remark after it."""

    line: int
    start: int
    end: int
    sign: str
    remark: str


def render(diagnostics: Sequence[Diagnostic], occasion: Occasion) -> str:
    """Return the findings as text for people, ending with a line that counts them."""
    paint = _color if occasion.color else _no_color
    parts = ["\n".join(_finding(d, paint)) + "\n\n" for d in diagnostics]
    parts.append(_summary(diagnostics, occasion, paint) + "\n")
    return "".join(parts)


def _color(text: str, color: str) -> str:
    return f"\x1b[{color}m{text}\x1b[0m" if text else text


def _no_color(text: str, color: str) -> str:
    return text


def _finding(diagnostic: Diagnostic, paint: Paint) -> Iterator[str]:
    color = _COLORS[diagnostic.severity]
    head = paint(f"{diagnostic.severity}[{diagnostic.code.id}]", color)
    yield head + paint(f": {printable(diagnostic.message)}", _BOLD)
    places = _places(diagnostic)
    gutter = max(len(str(mark.line)) for _, marks in places for mark in marks)
    space = " " * gutter
    bar = paint("|", _FRAME)
    for i, (source, marks) in enumerate(places):
        first = marks[0] if i else _first_line(diagnostic.span)
        arrow = paint(":::" if i else "-->", _FRAME)
        yield f"{space}{arrow} {printable(source.name)}:{first.line}:{first.start + 1}"
        yield f"{space} {bar}"
        last = 0
        for mark in sorted(marks, key=lambda m: (m.line, m.sign != "^", m.start)):
            line, under = shown(source.line(mark.line), mark.start, mark.end, mark.sign)
            if mark.line != last:
                if last and mark.line > last + 1:
                    yield f"{space}{paint('...', _FRAME)}"
                yield f"{paint(f'{mark.line:>{gutter}}', _FRAME)} {bar} {line}".rstrip()
                last = mark.line
            remark = f" {printable(mark.remark)}" if mark.remark else ""
            yield f"{space} {bar} {paint(under + remark, color if mark.sign == '^' else _REMARK)}"
    for word, text, how in (
        ("hint", diagnostic.hint, _HINT),
        ("at", diagnostic.path, _FRAME),
        ("ngrok", f"ERR_NGROK_{diagnostic.ngrok}" if diagnostic.ngrok else None, _FRAME),
    ):
        if text:
            yield f"{space} {paint(f'= {word}:', how)} {printable(text)}"


def _places(diagnostic: Diagnostic) -> list[tuple[Source, list[_Mark]]]:
    """Return the marks of a finding by source, its own source first; a source has no more than one entry."""
    found = {id(diagnostic.span.source): (diagnostic.span.source, list(_marks(diagnostic.span, "^", "")))}
    for label in diagnostic.labels:
        source = label.span.source
        found.setdefault(id(source), (source, []))[1].extend(_marks(label.span, "-", label.message))
    return list(found.values())


def _first_line(span: Span) -> _Mark:
    line, column = span.source.position(span.start)
    return _Mark(line, column - 1, column, "^", "")


def _marks(span: Span, sign: str, remark: str) -> Iterator[_Mark]:
    """Yield a mark for the first and the last line that a span covers; what lies between is left out."""
    source = span.source
    start = span.start
    end = span.end
    while end > start + 1 and source.text[end - 1] in "\r\n":  # the end of a line is not a line of its own
        end -= 1
    line, column = source.position(start)
    last_line, last_column = source.position(end)
    if line == last_line:
        yield _Mark(line, column - 1, max(last_column - 1, column), sign, remark)
        return
    yield _Mark(line, column - 1, max(len(source.line(line)), column), sign, "")
    text = source.line(last_line)
    yield _Mark(last_line, len(text) - len(text.lstrip()), max(last_column - 1, 1), sign, remark)


def _summary(diagnostics: Sequence[Diagnostic], occasion: Occasion, paint: Paint) -> str:
    files = occasion.files
    what = printable(files[0]) if len(files) == 1 else f"{len(files)} files"
    counts = [
        paint(_count(sum(d.severity is severity for d in diagnostics), word), _COLORS[severity])
        for severity, word in (
            (Severity.ERROR, "error"),
            (Severity.WARNING, "warning"),
            (Severity.HINT, "hint"),
        )
        if any(d.severity is severity for d in diagnostics)
    ]
    if not counts:
        return f"{what}: {paint('nothing to report', _HINT)}"
    known = sorted({d.code.id for d in diagnostics})
    return f"{what}: {', '.join(counts)} (`policyc explain {known[0]}` tells more)"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
