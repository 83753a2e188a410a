"""A YAML document as a tree of values, each with its place.

YAML 1.2's core schema: only `true` and `false` are booleans, no dates, no base 60. Duplicate keys, tags and
a second document are errors; aliases are followed, up to a limit; merge keys (`<<`, YAML 1.1) are refused,
because YAML 1.2 does not have them and a policy that relied on them would mean different things to different
readers.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from policyc.grammar import limits
from policyc.grammar.build import DUPLICATE_KEY
from policyc.grammar.codes import Code, declare
from policyc.grammar.diagnostic import Label, Report
from policyc.grammar.scalars import locate
from policyc.grammar.source import Source, Span, Text
from policyc.grammar.syntax import ListValue, MapEntry, MapValue, PlainValue, TextValue, Value

YAML_SYNTAX = declare(
    "P0010",
    "yaml-syntax",
    "the document is no YAML",
    explanation="The YAML reader cannot go on here. Most often a text with `: `, ` #` or a leading special "
    "character lacks "
    "its quotes, or the indentation of a line does not match its neighbours.",
    wrong="on_http_request:\n  - actions:\n      - type: deny\n     config: {}",
    right="on_http_request:\n  - actions:\n      - type: deny\n        config: {}",
    ngrok=2236,
)
YAML_TAB = declare(
    "P0011",
    "yaml-tab",
    "a tab indents a line of YAML",
    explanation="YAML does not allow tabs in indentation. Use spaces.",
    wrong="on_http_request:\n\t- actions: []",
    right="on_http_request:\n  - actions:\n      - type: deny",
    ngrok=2236,
)
YAML_TAG = declare(
    "P0012",
    "yaml-tag",
    "YAML reads a tag where an expression begins with `!`",
    explanation="An unquoted `!` begins a tag in YAML. Put quotes around the whole expression. Other tags "
    "(`!!str`) are refused "
    "as well: a policy needs none.",
    wrong="on_http_request:\n  - expressions:\n      - !hasReqHeader('x-id')\n    actions: [{ type: deny }]",
    right="on_http_request:\n  - expressions:\n      - \"!hasReqHeader('x-id')\"\n    actions: [{ type: "
    "deny }]",
    ngrok=2236,
)
YAML_ALIAS = declare(
    "P0014",
    "yaml-alias",
    "an alias cannot be followed",
    explanation="An alias (`*name`) repeats what the anchor (`&name`) before it marks. It cannot come "
    "before its anchor or "
    "stand inside of what it repeats.",
    wrong="on_http_request: *rules",
    right="on_http_request: &rules []\non_http_response: *rules",
    ngrok=2236,
)
YAML_MERGE = declare(
    "P0015",
    "yaml-merge-key",
    "merge keys are not supported",
    explanation="`<<` is no part of YAML 1.2; readers that know it differ in what it does. Repeat the "
    "entries, or "
    "write an alias for the whole value.",
    wrong="a: &a { type: deny }\nb: { <<: *a }",
    right="on_http_request: &none []\non_http_response: *none",
    ngrok=2236,
)
YAML_SEVERAL = declare(
    "P0016",
    "several-documents",
    "the file holds several YAML documents",
    explanation="A file holds one policy. Everything behind the second `---` would be ignored, so it is "
    "refused.",
    wrong="on_http_request: []\n---\non_http_response: []",
    right="on_http_request: []\non_http_response: []",
    ngrok=2236,
)
YAML_KEY = declare(
    "P0017",
    "key-is-no-text",
    "a key is no text",
    explanation="The keys of mappings are texts. A list or a mapping as key usually comes from braces that "
    "lack quotes: "
    "`{x}: 1`.",
    wrong="? [a, b]\n: 1",
    right='"on_http_request": []',
    ngrok=2236,
)

_NULL = ("", "~", "null", "Null", "NULL")
_TRUE = ("true", "True", "TRUE")
_FALSE = ("false", "False", "FALSE")
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL = {".inf": "inf", ".Inf": "inf", ".INF": "inf", ".nan": "nan", ".NaN": "nan", ".NAN": "nan"}
_PROPERTIES = re.compile(r"(?:[&!]\S*(?:\s+|(?<=\s)#[^\n]*\n)*)+")


class Read(NamedTuple):
    """What came out: the value (None for an empty document) and whether it may be judged."""

    value: Value | None
    is_whole: bool


class _Open:
    """A collection that is being read."""

    __slots__ = ("anchor", "is_map", "items", "key", "keys", "start")

    def __init__(self, *, is_map: bool, start: int, anchor: str | None) -> None:
        self.is_map = is_map
        self.start = start
        self.anchor = anchor
        self.items: list[Any] = []
        self.keys: dict[str, Span] = {}
        self.key: Text | None = None


def read_values(source: Source, report: Report) -> Read:
    """Return the document of a YAML source as values; what is wrong has been reported."""
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    reader = _Reader(source, report)
    try:
        events = loader(source.text)
        try:
            while events.check_event():
                if not reader.take(events.get_event()):
                    break
        finally:
            events.dispose()
    except yaml.YAMLError as error:
        reader.explain(error)
        return Read(None, is_whole=False)
    return Read(reader.root, is_whole=not reader.is_broken)


class _Reader:
    """Takes libyaml's events one by one and keeps the open collections on a stack of its own."""

    def __init__(self, source: Source, report: Report) -> None:
        self.source = source
        self.report = report
        self.root: Value | None = None
        self.is_broken = False
        self.stack: list[_Open] = []
        self.anchors: dict[str, tuple[Value, int]] = {}
        self.documents = 0
        self.nodes = 0
        self.duplicates = 0

    def say(
        self, code: Code, message: str, span: Span, hint: str | None = None, label: Label | None = None
    ) -> None:
        self.report.add(code, message, span, hint=hint, labels=() if label is None else (label,))

    def stop(self, code: Code, message: str, span: Span, hint: str | None = None) -> bool:
        """Report something after which the document cannot be judged."""
        self.say(code, message, span, hint)
        self.is_broken = True
        return False

    def take(self, event: Any) -> bool:
        """Take one event; False ends the reading."""
        name = type(event).__name__
        start, end = event.start_mark.index, event.end_mark.index
        if name == "ScalarEvent":
            return self._scalar(event, start, end)
        if name in ("SequenceStartEvent", "MappingStartEvent"):
            return self._open(event, is_map=name == "MappingStartEvent", start=start)
        if name in ("SequenceEndEvent", "MappingEndEvent"):
            return self._close(start, end)
        if name == "AliasEvent":
            return self._alias(event.anchor, Span(self.source, start, end))
        if name == "DocumentStartEvent":
            self.documents += 1
            if self.documents > 1:
                return self._second_document(start, end)
        return True

    def _second_document(self, start: int, end: int) -> bool:
        rest = self.source.text[end:]
        if all(not line.strip() or line.lstrip().startswith("#") for line in rest.splitlines()):
            return False  # a `---` at the end of the file opens a document that nobody wrote
        span = Span(self.source, start, max(end, start + 1))
        return self.stop(
            YAML_SEVERAL,
            "a second document begins here",
            span,
            "put everything into one document, or into two files",
        )

    def _tag(self, event: Any, start: int, end: int) -> None:
        if event.tag is not None:
            at = self.source.text.find("!", start)
            at = start if at < 0 else at
            stop = at
            text = self.source.text
            while stop < len(text) and not text[stop].isspace():
                stop += 1
            span = Span(self.source, at, stop)
            self.say(
                YAML_TAG,
                f"YAML reads `{_short(text[at:stop])}` as a tag",
                span,
                "quote an expression that begins with `!`"
                if not text.startswith("!!", at)
                else "leave the tag out",
            )

    def _scalar(self, event: Any, start: int, end: int) -> bool:
        if event.anchor is not None or event.tag is not None:
            self._tag(event, start, end)
            found = _PROPERTIES.match(self.source.text, start)
            if found is not None:
                start = min(found.end(), end)
        style = event.style or None
        if event.tag is not None and style is None and not event.tag.startswith("tag:"):
            # The tag is most likely the beginning of an expression: read on as if it had its quotes.
            first = self.source.text.find("!", event.start_mark.index)
            text = Text(self.source.text[first:end], Span(self.source, first, end), first)
            return self._add(TextValue(text, text.span), event.anchor, text)
        text = locate(self.source, start, end, event.value, style)
        value: Value = TextValue(text, text.span)
        if style is None and event.tag is None:
            value = plain(text)
        return self._add(value, event.anchor, text)

    def _open(self, event: Any, *, is_map: bool, start: int) -> bool:
        if event.tag is not None:
            self._tag(event, start, start + 1)
        if self.stack and self.stack[-1].is_map and self.stack[-1].key is None:
            end = max(event.end_mark.index, start + 1)
            return self.stop(
                YAML_KEY, "a key must be a text", Span(self.source, start, end), "put quotes around it"
            )
        if len(self.stack) >= limits.YAML_DEPTH:
            return self.stop(
                limits.NESTED_TOO_DEEP,
                f"the document is nested more than {limits.YAML_DEPTH} deep",
                Span(self.source, start, start + 1),
            )
        self.stack.append(_Open(is_map=is_map, start=start, anchor=event.anchor))
        return True

    def _close(self, start: int, end: int) -> bool:
        done = self.stack.pop()
        last = end
        text = self.source.text
        if start == end:  # a block collection: it ends with its last item
            last = done.items[-1].span.end if done.items else done.start
        span = Span(self.source, _after_properties(text, done.start), max(last, done.start))
        value: Value = (MapValue if done.is_map else ListValue)(tuple(done.items), span)
        return self._add(value, done.anchor, None)

    def _alias(self, anchor: str, span: Span) -> bool:
        known = self.anchors.get(anchor)
        if known is None:
            inside = any(o.anchor == anchor for o in self.stack)
            message = (
                f"`*{anchor}` stands inside of what it repeats"
                if inside
                else f"there is no anchor `&{anchor}` before"
            )
            return self.stop(YAML_ALIAS, message, span)
        value, size = known
        self.nodes += size
        if self.nodes > limits.YAML_NODES:
            return self._add(value, None, None)  # is refused there, so it needs no copy
        return self._add(_aliased(value, span), None, value.text if isinstance(value, TextValue) else None)

    def _add(self, value: Value, anchor: str | None, key: Text | None) -> bool:
        self.nodes += 1
        if self.nodes > limits.YAML_NODES:
            return self.stop(
                limits.TOO_MANY_NODES,
                f"the document has more than {limits.YAML_NODES:,} values",
                Span(self.source, value.span.start, value.span.start),
            )
        if anchor is not None:
            self.anchors[anchor] = (value, _count(value))
        if not self.stack:
            if self.documents == 1:
                self.root = value
            return True
        into = self.stack[-1]
        if not into.is_map:
            into.items.append(value)
        elif into.key is None:
            if key is None:
                return self.stop(YAML_KEY, "a key must be a text", value.span, "put quotes around it")
            return self._key(into, key, value)
        else:
            name, into.key = into.key, None
            into.items.append(
                MapEntry(name, value, Span(self.source, name.span.start, max(name.span.end, value.span.end)))
            )
        return True

    def _key(self, into: _Open, key: Text, value: Value) -> bool:
        into.key = key
        if key.value == "<<" and isinstance(value, TextValue) and value.span.text == "<<":
            self.say(YAML_MERGE, "the merge key `<<` is not supported", key.span, "repeat the entries here")
        before = into.keys.get(key.value)
        if before is not None:
            self.duplicates += 1
            if self.duplicates > limits.SYNTAX_ERRORS:
                return self.stop(limits.TOO_MANY_ERRORS, "the rest of the document is not judged", key.span)
            self.say(
                DUPLICATE_KEY,
                f"the key `{_short(key.value)}` stands twice",
                key.span,
                label=Label(before, "first here"),
                hint="merge the two, or remove one",
            )
        else:
            into.keys[key.value] = key.span
        return True

    # --- YAML errors ---------------------------------------------------------------------------------------

    def explain(self, error: Any) -> None:
        """Report what libyaml could not read, in the words of the author."""
        text = self.source.text
        mark = getattr(error, "problem_mark", None)
        at = mark.index if mark is not None else int(getattr(error, "position", 0) or 0)
        at = min(at, len(text))
        context = getattr(error, "context_mark", None)
        problem = str(
            getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
        )
        line_start = text.rfind("\n", 0, at) + 1
        line_end = text.find("\n", at)
        line = text[line_start : line_end if line_end >= 0 else len(text)].rstrip("\r")
        span = Span(self.source, at, min(at + 1, len(text)))
        if text[at : at + 1] == "\t" or re.match(r" *\t\s*\S", line):
            tab = line_start + line.index("\t") if "\t" in line else at
            self.say(
                YAML_TAB,
                "a tab cannot indent YAML",
                Span(self.source, tab, tab + 1),
                "use spaces in place of the tab",
            )
            return
        bang = re.match(r"\s*(?:-\s+|[\w-]+:\s+)*(!)(?!!)", line)
        if bang is not None and bang.start(1) + line_start <= at:
            start = line_start + bang.start(1)
            self.say(
                YAML_TAG,
                "YAML reads a tag at the unquoted `!`",
                Span(self.source, start, line_start + len(line)),
                "quote an expression that begins with `!`",
            )
            return
        if "nesting depth" in problem:
            self.say(
                limits.NESTED_TOO_DEEP, f"the document is nested more than {limits.YAML_DEPTH} deep", span
            )
            return
        message, hint = _in_words(problem, text[at : at + 1], line)
        label = None
        if context is not None and context.index < at:
            first = min(context.index, len(text))
            label = Label(Span(self.source, first, min(first + 1, len(text))), "in what begins here")
        self.say(YAML_SYNTAX, message, span, hint, label)


def _in_words(problem: str, char: str, line: str) -> tuple[str, str | None]:
    """Return a message and a hint for a problem of libyaml."""
    if re.match(r"""\s*-?\s*(?:[\w-]+:\s+)?(?:'[^']*'|"[^"]*")\s*[^\s#,\]}:]""", line):
        return "text follows a quoted text", "put quotes around the whole value"
    if "mapping values are not allowed" in problem:
        return (
            "`:` cannot begin a value here",
            "put quotes around a text that holds `: `, and check the indentation",
        )
    if "cannot start any token" in problem:
        return f"an unquoted text cannot begin with `{char}`", "put quotes around the value"
    if "unexpected end of stream" in problem or "document indicator" in problem:
        return "a quoted text is never closed", "close the quote"
    if "escape" in problem:
        return (
            "this escape means nothing in a double-quoted text",
            "use single quotes, or double the backslash",
        )
    if "',' or ']'" in problem or "',' or '}'" in problem:
        return "a list or mapping in brackets is never closed, or lacks a comma", "close the bracket"
    if "tag" in problem:
        return "YAML reads a tag here", "put quotes around the value"
    if "did not find expected" in problem or "could not find expected" in problem:
        wanted = problem.rsplit("expected", 1)[-1].strip()
        return (
            f"this line does not fit the lines before it ({wanted} was expected)",
            "check the indentation and the `-` and `:` signs",
        )
    return problem, None


def plain(text: Text) -> Value:
    """Return what an unquoted scalar is in YAML 1.2's core schema."""
    word = text.value
    first = word[:1]
    if first not in "~nNtTfF.+-0123456789":
        return TextValue(text, text.span)
    if word in _NULL:
        return PlainValue("null", None, word, text.span)
    if word in _TRUE or word in _FALSE:
        return PlainValue("bool", word in _TRUE, word, text.span)
    if _INT.fullmatch(word):
        base = {"0o": 8, "0x": 16}.get(word[:2], 10)
        digits = word[2:] if base != 10 else word
        if len(digits) <= 40:
            return PlainValue("int", int(digits, base), word, text.span)
        return TextValue(text, text.span)
    if _FLOAT.fullmatch(word):
        return PlainValue("double", float(word), word, text.span)
    special = _SPECIAL.get(word.lstrip("+-") if len(word) <= 5 else "")
    if special is not None:
        sign = "-" if first == "-" else ""
        return PlainValue("double", float(sign + special), word, text.span)
    return TextValue(text, text.span)


def _aliased(value: Value, alias: Span) -> Value:
    """Return a copy of what an anchor marks whose texts know the alias."""
    if isinstance(value, TextValue):
        return TextValue(value.text._replace(alias=alias), value.span)
    if isinstance(value, ListValue):
        return ListValue(tuple(_aliased(i, alias) for i in value.items), value.span)
    if isinstance(value, MapValue):
        entries = tuple(
            MapEntry(e.key._replace(alias=alias), _aliased(e.value, alias), e.span) for e in value.entries
        )
        return MapValue(entries, value.span)
    return value


def _count(value: Value) -> int:
    if isinstance(value, ListValue):
        return 1 + sum(_count(i) for i in value.items)
    if isinstance(value, MapValue):
        return 1 + sum(1 + _count(e.value) for e in value.entries)
    return 1


def _after_properties(text: str, start: int) -> int:
    found = _PROPERTIES.match(text, start)
    return start if found is None else found.end()


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
