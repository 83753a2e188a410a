"""A JSON document as a tree of values, each with its place (RFC 8259).

Written here because no reader of the standard library tells where things stand or that a key stands twice.
JSON's escapes get a place per character, so that a column inside of an expression is right.
"""

from __future__ import annotations

import re

from policyc.grammar import limits
from policyc.grammar.build import DUPLICATE_KEY
from policyc.grammar.codes import Code, declare
from policyc.grammar.diagnostic import Label, Report
from policyc.grammar.source import Source, Span, Text
from policyc.grammar.syntax import ListValue, MapEntry, MapValue, PlainValue, TextValue, Value
from policyc.grammar.yaml_values import Read

JSON_SYNTAX = declare(
    "P0020",
    "json-syntax",
    "the document is no JSON",
    explanation="JSON wants double quotes around texts and keys, a comma between entries and none behind "
    "the last, no comments, "
    "and nothing behind the document.",
    wrong='{"on_http_request": [],}',
    right='{"on_http_request": []}',
    ngrok=2236,
)

_SPACE = re.compile(r"[ \t\r\n]*")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORD = re.compile(r"[^\s,:\[\]{}\"]+")
_SIMPLE = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_CONSTANTS = {"true": True, "false": False, "null": None}


class _JsonError(Exception):
    """The reader cannot go on; caught at its entrance."""

    def __init__(
        self, start: int, end: int, message: str, hint: str | None = None, code: Code = JSON_SYNTAX
    ) -> None:
        super().__init__(message)
        self.code = code
        self.start = start
        self.end = end
        self.message = message
        self.hint = hint


def read_values(source: Source, report: Report) -> Read:
    """Return the document of a JSON source as values; what is wrong has been reported."""
    reader = _Reader(source, report)
    try:
        at = reader.space(0)
        if at == len(source.text):
            return Read(None, is_whole=True)
        value, at = reader.value(at, 0)
        at = reader.space(at)
        if at < len(source.text):
            raise _JsonError(at, at + 1, "something follows the document", "a file holds one JSON value")
    except _JsonError as error:
        report.add(
            error.code,
            error.message,
            source.span(error.start, min(error.end, len(source.text))),
            hint=error.hint,
        )
        return Read(None, is_whole=False)
    return Read(value, is_whole=True)


class _Reader:
    """Reads values from offsets; each method returns what it read and the offset behind it."""

    def __init__(self, source: Source, report: Report) -> None:
        self.source = source
        self.text = source.text
        self.report = report
        self.nodes = 0

    def space(self, at: int) -> int:
        """Return the offset of what follows the blanks at `at`."""
        found = _SPACE.match(self.text, at)
        assert found is not None, "the pattern matches everywhere"
        return found.end()

    def value(self, at: int, depth: int) -> tuple[Value, int]:
        """Read any value."""
        self.nodes += 1
        if self.nodes > limits.YAML_NODES or depth > limits.YAML_DEPTH:
            self._give_up(at, depth)
        c = self.text[at : at + 1]
        if c == '"':
            text, end = self.string(at)
            return TextValue(text, text.span), end
        if c == "{":
            return self._mapping(at, depth)
        if c == "[":
            return self._list(at, depth)
        return self._scalar(at)

    def _give_up(self, at: int, depth: int) -> None:
        if depth > limits.YAML_DEPTH:
            message = f"the document is nested more than {limits.YAML_DEPTH} deep"
            raise _JsonError(at, at + 1, message, code=limits.NESTED_TOO_DEEP)
        message = f"the document has more than {limits.YAML_NODES:,} values"
        raise _JsonError(at, at + 1, message, code=limits.TOO_MANY_NODES)

    def _mapping(self, start: int, depth: int) -> tuple[Value, int]:
        entries: list[MapEntry] = []
        seen: dict[str, Span] = {}
        at = self.space(start + 1)
        while self.text[at : at + 1] != "}":
            if self.text[at : at + 1] != '"':
                raise self._unexpected(at, "a key in double quotes", start)
            key, at = self.string(at)
            if key.value in seen:
                self.report.add(
                    DUPLICATE_KEY,
                    f"the key `{key.value}` stands twice",
                    key.span,
                    labels=(Label(seen[key.value], "first here"),),
                    hint="merge the two, or remove one",
                )
            seen.setdefault(key.value, key.span)
            at = self.space(at)
            if self.text[at : at + 1] != ":":
                raise self._unexpected(at, "`:`", start)
            value, at = self.value(self.space(at + 1), depth + 1)
            entries.append(MapEntry(key, value, key.span.to(value.span)))
            at = self._separator(at, "}", start)
        return MapValue(tuple(entries), self.source.span(start, at + 1)), at + 1

    def _list(self, start: int, depth: int) -> tuple[Value, int]:
        items: list[Value] = []
        at = self.space(start + 1)
        while self.text[at : at + 1] != "]":
            value, at = self.value(at, depth + 1)
            items.append(value)
            at = self._separator(at, "]", start)
        return ListValue(tuple(items), self.source.span(start, at + 1)), at + 1

    def _separator(self, at: int, closer: str, start: int) -> int:
        """Pass the comma behind an entry; none may stand before the closing bracket."""
        at = self.space(at)
        c = self.text[at : at + 1]
        if c == closer:
            return at
        if c != ",":
            raise self._unexpected(at, f"`,` or `{closer}`", start)
        after = self.space(at + 1)
        if self.text[after : after + 1] == closer:
            raise _JsonError(
                at, at + 1, f"a comma stands before `{closer}`", "JSON allows no trailing comma: remove it"
            )
        return after

    def _scalar(self, at: int) -> tuple[Value, int]:
        found = _NUMBER.match(self.text, at)
        word = _WORD.match(self.text, at)
        if found is not None and word is not None and word.end() == found.end():
            raw = found.group()
            span = self.source.span(at, found.end())
            if found.group(1) or found.group(2):
                return PlainValue("double", float(raw), raw, span), found.end()
            if len(raw) > 40:
                raise _JsonError(at, found.end(), "the number is too large")
            return PlainValue("int", int(raw), raw, span), found.end()
        if word is not None and word.group() in _CONSTANTS:
            constant = _CONSTANTS[word.group()]
            span = self.source.span(at, word.end())
            return PlainValue(
                "null" if constant is None else "bool", constant, word.group(), span
            ), word.end()
        raise self._unexpected(at, "a value", None)

    def string(self, start: int) -> tuple[Text, int]:
        """Read a string; each of its characters keeps its place."""
        text = self.text
        found = _PLAIN.match(text, start + 1)
        assert found is not None, "the pattern matches everywhere"
        at = found.end()
        if text[at : at + 1] == '"':  # nothing is escaped
            return Text(text[start + 1 : at], self.source.span(start, at + 1), start + 1), at + 1
        chars = list(text[start + 1 : at])
        origins = list(range(start + 1, at))
        while text[at : at + 1] != '"':
            if text[at : at + 1] != "\\":
                if at >= len(text) or text[at] in "\r\n":
                    raise _JsonError(start, at, "the text is never closed", 'close it with `"`')
                raise _JsonError(
                    at, at + 1, "a control character stands in a text", "write it as `\\u00…` or `\\t`"
                )
            char, end = self._escape(at)
            chars.append(char)
            origins.append(at)
            found = _PLAIN.match(text, end)
            assert found is not None, "the pattern matches everywhere"
            chars += found.group()
            origins += range(end, found.end())
            at = found.end()
        origins.append(at)
        return Text("".join(chars), self.source.span(start, at + 1), origins[0], tuple(origins)), at + 1

    def _escape(self, at: int) -> tuple[str, int]:
        letter = self.text[at + 1 : at + 2]
        if letter in _SIMPLE:
            return _SIMPLE[letter], at + 2
        if letter != "u":
            raise _JsonError(at, at + 2, f"`\\{letter}` is no escape of JSON", "double the backslash: `\\\\`")
        code = self._hex(at)
        if 0xD800 <= code < 0xDC00 and self.text[at + 6 : at + 8] == "\\u":
            low = self._hex(at + 6)
            if 0xDC00 <= low < 0xE000:
                return chr(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)), at + 12
        if 0xD800 <= code < 0xE000:
            raise _JsonError(
                at,
                at + 6,
                f"`{self.text[at : at + 6]}` is half a character",
                "write both halves, or the character",
            )
        return chr(code), at + 6

    def _hex(self, at: int) -> int:
        digits = self.text[at + 2 : at + 6]
        if re.fullmatch("[0-9a-fA-F]{4}", digits) is None:
            raise _JsonError(at, at + 2, "`\\u` needs four hexadecimal digits")
        return int(digits, 16)

    def _unexpected(self, at: int, wanted: str, opened: int | None) -> _JsonError:
        text = self.text
        if at >= len(text):
            if opened is not None:
                return _JsonError(opened, opened + 1, f"`{text[opened]}` is never closed", None)
            return _JsonError(at, at, f"the document ends where {wanted} should stand")
        word = _WORD.match(text, at)
        end = word.end() if word is not None else at + 1
        found = text[at:end]
        hint = None
        if found[0] == "'":
            hint = "JSON wants double quotes"
        elif found.startswith(("//", "#", "/*")):
            hint = "JSON has no comments; YAML has"
        elif found in ("True", "False", "None"):
            hint = f"write `{ {'True': 'true', 'False': 'false', 'None': 'null'}[found] }`"
        elif word is not None:
            hint = "put double quotes around texts and keys"
        return _JsonError(at, end, f"`{_short(found)}` stands where {wanted} should", hint)


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
