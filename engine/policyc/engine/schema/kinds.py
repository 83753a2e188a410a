"""Kinds of single values: text, numbers, durations, URLs and so on.

A kind turns one value (of the document, or of an expression) into what the action works with, or says why it
does not fit: `accept` is the same for constants at compile time and for results at run time.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from policyc.engine.cel.errors import warn_of_list
from policyc.engine.schema import codes
from policyc.engine.schema.evaluate import (
    TEMPLATE_INVALID,
    Unfit,
    check_node,
    check_template,
    constant_of,
    is_string,
    merged,
    parse_template,
    text_reader,
)
from policyc.engine.schema.place import Place
from policyc.engine.schema.reading import Constant, Dynamic, Reading
from policyc.engine.types import DYN, ERROR, STRING
from policyc.engine.values import Duration as DurationValue
from policyc.engine.values import EvalError
from policyc.grammar import syntax
from policyc.grammar.source import Span

if TYPE_CHECKING:
    from policyc.engine.cel.ir import Node


class Cel(enum.Enum):
    """What a field's text is besides itself: nothing (✗), a template (✓), or CEL source (=)."""

    NONE = "no"
    TEMPLATE = "template"
    SOURCE = "expression"


class Kind:
    """What may stand in a field."""

    __slots__ = ("cel",)
    title = "a value"

    def __init__(self, cel: Cel = Cel.NONE) -> None:
        """`cel` says how text is read."""
        self.cel = cel

    def read(self, value: syntax.Value, place: Place) -> Reading | None:
        """Read a value of a document; None if errors were reported."""
        raise NotImplementedError

    def limits(self) -> str:
        """Return the limits in words, for docs; empty if there are none."""
        return ""

    def json_schema(self) -> dict[str, object]:
        """Return the JSON schema of the field as it stands in YAML or JSON."""
        raise NotImplementedError

    @property
    def cel_mark(self) -> Cel:
        """Whether anything in the field is interpolated, for docs."""
        return self.cel


def wrong_type(kind: Kind, value: syntax.Value, place: Place, hint: str | None = None) -> None:
    """Report a value of another type than the field's, null by its own code."""
    if isinstance(value, syntax.PlainValue) and value.kind == "null":
        place.report(
            codes.NULL_VALUE,
            f"{place.name} must be {kind.title}, not null",
            value.span,
            hint="leave the field out, or give it a value",
        )
        return
    place.report(
        codes.WRONG_TYPE, f"{place.name} must be {kind.title}, not {_what(value)}", value.span, hint=hint
    )


def _what(value: syntax.Value) -> str:
    match value:
        case syntax.TextValue(text=text):
            return f"the text `{shown(text.value)}`"
        case syntax.PlainValue(raw=raw):
            return f"`{shown(raw)}`"
        case syntax.ListValue():
            return "a list"
        case syntax.MapValue():
            return "a mapping"
        case _:
            return "an expression"


def shown(text: str, limit: int = 60) -> str:
    """Return a user's text as one line of a message."""
    line = text.encode("unicode_escape").decode("ascii") if not text.isprintable() else text
    return line if len(line) <= limit else line[: limit - 1] + "…"


class Leaf(Kind):
    """A kind whose values are scalars. `is_text`: values are made of text; else they keep their type."""

    __slots__ = ()
    is_text = False
    strict = False  # a value of a known type other than string is a mistake, not a text to be made

    def accept(self, value: Any) -> Any:
        """Return what the action works with; raises Unfit."""
        raise NotImplementedError

    def accept_part(self, literal: str) -> None:
        """Check a literal part of a template; raises Unfit for what nothing around it can make right."""

    @property
    def is_free(self) -> bool:
        """Whether `accept` takes every text as it is."""
        return False

    def plain(self, value: syntax.PlainValue, place: Place) -> object:
        """Return the value of a scalar that is no string, or raise Unfit."""
        return value.value

    def read(self, value: syntax.Value, place: Place) -> Reading | None:
        """Read a scalar."""
        match value:
            case syntax.TextValue():
                return self._read_text(value, place)
            case syntax.PlainValue(kind="null"):
                wrong_type(self, value, place)
                return None
            case syntax.PlainValue():
                return self._read_plain(value, place)
            case syntax.ExprValue(expr=expr):
                node = check_node(expr, place, TEMPLATE_INVALID)
                return None if node is None else self._read_parts([node], value.span, place)
        wrong_type(self, value, place)
        return None

    def _read_text(self, value: syntax.TextValue, place: Place) -> Reading | None:
        text = value.text.value
        if "${" not in text:
            if self.cel is Cel.TEMPLATE and _looks_like_expression(text, place):
                place.report(
                    codes.BARE_EXPRESSION,
                    f"{place.name} is the literal text `{shown(text)}`",
                    value.span,
                    hint=f"write `${{{shown(text)}}}` if the value of the expression is meant",
                )
            return self._constant(text, value.span, place)
        if self.cel is Cel.NONE and place.site.form != "policy":
            if self.is_text:
                place.report(
                    codes.LITERAL_TEMPLATE,
                    f"{place.name} takes no interpolation: `${{` is literal text there",
                    value.span,
                )
            return self._constant(text, value.span, place)
        template = parse_template(value.text, place)
        parts = None if template is None else check_template(template, place)
        return None if parts is None else self._read_parts(parts, value.span, place)

    def _read_plain(self, value: syntax.PlainValue, place: Place) -> Reading | None:
        try:
            raw = self.plain(value, place)
            return Constant(self.accept(raw), value.span, place.path)
        except Unfit as unfit:
            self._report(unfit, value.span, place)
            return None

    def _read_parts(self, parts: list[str | Node], span: Span, place: Place) -> Reading | None:
        if not self.is_text and len(parts) == 1 and not isinstance(parts[0], str):
            known = constant_of(parts[0])
            if known is None:
                self._not_constant(span, place)
                return None
            return self._constant(known[0], span, place)
        lone = parts[0] if len(parts) == 1 and not isinstance(parts[0], str) else None
        if lone is not None and self.strict and lone.type not in (DYN, ERROR) and not is_string(lone.type):
            place.report(
                codes.WRONG_TYPE,
                f"{place.name} must be {self.title}, and the expression is `{lone.type}`",
                span,
            )
            return None
        try:
            pieces = merged(parts)
        except EvalError as error:
            place.report(codes.WRONG_TYPE, f"{place.name} has no text: {error.message}", span)
            return None
        if all(isinstance(piece, str) for piece in pieces):
            return self._constant("".join(map(str, pieces)), span, place)
        if self.cel is Cel.NONE:
            self._not_constant(span, place)
            return None
        try:
            for piece in pieces:
                if isinstance(piece, str):
                    self.accept_part(piece)
        except Unfit as unfit:
            self._report(unfit, span, place)
            return None
        nodes = tuple(piece for piece in pieces if not isinstance(piece, str))
        for node in nodes:
            warn_of_list(node, place.site.report, place.path)
        accept = None if self.is_free else self.accept
        prefix = pieces[0] if isinstance(pieces[0], str) else ""
        suffix = pieces[-1] if isinstance(pieces[-1], str) else ""
        return Dynamic(
            lambda: text_reader(pieces, place, accept), nodes, span, place.path, STRING, prefix, suffix
        )

    def _constant(self, raw: object, span: Span, place: Place) -> Reading | None:
        try:
            return Constant(self.accept(raw), span, place.path, STRING if self.is_text else DYN)
        except Unfit as unfit:
            self._report(unfit, span, place)
            return None

    def _not_constant(self, span: Span, place: Place) -> None:
        place.report(
            codes.NOT_CONSTANT,
            f"{place.name} of `{place.action}` takes no interpolation, so its value must be constant",
            span,
            hint=f"write {self.title}, or a `let` that is constant",
        )

    @staticmethod
    def _report(unfit: Unfit, span: Span, place: Place) -> None:
        place.report(unfit.code, f"{place.name} {unfit.message}", span, hint=unfit.hint, ngrok=unfit.ngrok)


_ROOTS = ("conn.", "req.", "res.", "endpoint.", "vars.", "actions.ngrok.")
_EXPRESSION = (
    r"(?:conn|req|res|endpoint|vars|actions\.ngrok)(?:\.[a-z_]\w*|\[\s*['\"][^'\"]*['\"]\s*\])+(?:\[\d+\])?"
)


def _looks_like_expression(text: str, place: Place) -> bool:
    # A bare name path, as in a documented example of http-request: literal text, and hardly what was meant.
    if place.site.form == "policy" or not text.startswith(_ROOTS):
        return False
    return re.fullmatch(_EXPRESSION, text) is not None


class Text(Leaf):
    """A string, with limits on its length."""

    __slots__ = ("ascii_only", "max_length", "min_length")
    title = "a string"
    is_text = True

    def __init__(
        self,
        cel: Cel = Cel.NONE,
        *,
        min_length: int = 0,
        max_length: int | None = None,
        ascii_only: bool = False,
    ) -> None:
        """Lengths count characters."""
        super().__init__(cel)
        self.min_length = min_length
        self.max_length = max_length
        self.ascii_only = ascii_only

    @property
    def is_free(self) -> bool:
        """Whether there is no limit."""
        return type(self) is Text and not self.min_length and self.max_length is None and not self.ascii_only

    def plain(self, value: syntax.PlainValue, place: Place) -> object:
        """Take a number or boolean as the text that was written, with a warning."""
        place.report(
            codes.SCALAR_AS_TEXT,
            f"{place.name} is text, and `{value.raw}` stands there without quotes",
            value.span,
            hint=f'write "{value.raw}"',
        )
        return value.raw

    def accept(self, value: Any) -> Any:
        """Check the length."""
        size = len(value)
        if size < self.min_length:
            if self.min_length == 1:
                raise Unfit(codes.EMPTY, "must not be empty")
            raise Unfit(codes.TEXT_LENGTH, f"must have at least {self.min_length} characters", ngrok=2237)
        if self.max_length is not None and size > self.max_length:
            raise Unfit(codes.TEXT_LENGTH, f"may have at most {self.max_length} characters, not {size}")
        if self.ascii_only and not value.isascii():
            raise Unfit(codes.WRONG_TYPE, "may hold only ASCII characters")
        return value

    def limits(self) -> str:
        """Return the limits on the length."""
        words = []
        if self.min_length > 1:
            words.append(f"at least {self.min_length} characters")
        if self.max_length is not None:
            words.append(f"at most {self.max_length} characters")
        if self.ascii_only:
            words.append("ASCII")
        return ", ".join(words)

    def json_schema(self) -> dict[str, object]:
        """A JSON string; numbers and booleans are accepted with a warning, and not advertised."""
        out: dict[str, object] = {"type": "string"}
        if self.min_length:
            out["minLength"] = self.min_length
        if self.max_length is not None:
            out["maxLength"] = self.max_length
        return out


class Boolean(Leaf):
    """`true` or `false`."""

    __slots__ = ()
    title = "true or false"

    def accept(self, value: Any) -> Any:
        """Take a boolean."""
        if isinstance(value, bool):
            return value
        raise Unfit(
            codes.WRONG_TYPE,
            f"must be true or false, not {_quoted(value)}",
            hint=_unquote(value, ("true", "false")),
        )

    def json_schema(self) -> dict[str, object]:
        """A JSON boolean."""
        return {"type": "boolean"}


def _quoted(value: object) -> str:
    if isinstance(value, str):
        return f"the text `{shown(value)}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{shown(str(value))}`" if isinstance(value, int | float) else "a value of another type"


def _unquote(value: object, words: tuple[str, ...] = ()) -> str | None:
    if isinstance(value, str) and (value in words or (not words and value.strip().lstrip("-").isdigit())):
        return f"write {value} without quotes"
    return None


class Integer(Leaf):
    """A whole number between two limits, both included."""

    __slots__ = ("high", "low")
    title = "a whole number"

    def __init__(self, low: int | None = None, high: int | None = None) -> None:
        """`low` and `high` are allowed themselves."""
        super().__init__()
        self.low = low
        self.high = high

    def accept(self, value: Any) -> Any:
        """Take a whole number in the range."""
        if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
            value = int(value)  # JSON knows one kind of number: 10.0 is 10
        if isinstance(value, bool) or not isinstance(value, int):
            raise Unfit(
                codes.WRONG_TYPE, f"must be a whole number, not {_quoted(value)}", hint=_unquote(value)
            )
        if (self.low is not None and value < self.low) or (self.high is not None and value > self.high):
            raise Unfit(codes.OUT_OF_RANGE, f"must be {self.limits()}, not {int(value)}")
        return int(value)

    def plain(self, value: syntax.PlainValue, place: Place) -> object:
        """Refuse durations and sizes."""
        if value.kind in ("duration", "size"):
            raise Unfit(codes.WRONG_TYPE, f"must be a whole number, not `{value.raw}`")
        return value.value

    def limits(self) -> str:
        """Return the range."""
        if self.low is not None and self.high is not None:
            return f"{self.low} to {self.high}"
        if self.low is not None:
            return f"at least {self.low}"
        return f"at most {self.high}" if self.high is not None else ""

    def json_schema(self) -> dict[str, object]:
        """A JSON integer."""
        out: dict[str, object] = {"type": "integer"}
        if self.low is not None:
            out["minimum"] = self.low
        if self.high is not None:
            out["maximum"] = self.high
        return out


class Choice(Leaf):
    """One of a fixed set of whole numbers."""

    __slots__ = ("choices",)
    title = "a whole number of a fixed set"

    def __init__(self, *choices: int) -> None:
        """Name the numbers."""
        super().__init__()
        self.choices = choices

    def accept(self, value: Any) -> Any:
        """Take one of the numbers."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Unfit(
                codes.WRONG_TYPE, f"must be a whole number, not {_quoted(value)}", hint=_unquote(value)
            )
        if value not in self.choices:
            raise Unfit(
                codes.NOT_ALLOWED, f"cannot be {_quoted(value)}", hint=f"it is one of {self.limits()}"
            )
        return int(value)

    def limits(self) -> str:
        """Return the numbers."""
        return ", ".join(map(str, self.choices))

    def json_schema(self) -> dict[str, object]:
        """A JSON number of a fixed set."""
        return {"enum": list(self.choices)}


class Double(Leaf):
    """A number between two limits, both included."""

    __slots__ = ("high", "low")
    title = "a number"

    def __init__(self, low: float, high: float) -> None:
        """`low` and `high` are allowed themselves."""
        super().__init__()
        self.low = low
        self.high = high

    def accept(self, value: Any) -> Any:
        """Take a number in the range."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Unfit(codes.WRONG_TYPE, f"must be a number, not {_quoted(value)}")
        if not self.low <= value <= self.high:  # also refuses NaN
            raise Unfit(codes.OUT_OF_RANGE, f"must be {self.limits()}, not {value}")
        return float(value)

    def plain(self, value: syntax.PlainValue, place: Place) -> object:
        """Refuse durations and sizes."""
        if value.kind in ("duration", "size"):
            raise Unfit(codes.WRONG_TYPE, f"must be a number, not `{value.raw}`")
        return value.value

    def limits(self) -> str:
        """Return the range."""
        return f"{self.low} to {self.high}"

    def json_schema(self) -> dict[str, object]:
        """A JSON number."""
        return {"type": "number", "minimum": self.low, "maximum": self.high}


_NS = {"ns": 1, "us": 1_000, "µs": 1_000, "ms": 1_000_000, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_DURATION = r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)"


def parse_duration(text: str) -> int | None:
    """Return the nanoseconds of a Go-style duration (`1m30s`), None if it is none."""
    if text == "0":
        return 0
    pattern = re.compile(_DURATION, re.ASCII)
    at, total = 0, 0
    while at < len(text):
        found = pattern.match(text, at)
        if found is None:
            return None
        number, unit = found.groups()
        whole, _, fraction = number.partition(".")
        scale = _NS[unit]
        total += int(whole or "0") * scale
        if fraction:
            total += int(fraction) * scale // 10 ** len(fraction)
        at = found.end()
    return total if at else None


class Duration(Leaf):
    """A span of time, as nanoseconds; limits are given as text (`60s`)."""

    __slots__ = ("high", "low", "step")
    title = "a duration such as `30s`"

    def __init__(self, low: str | None = None, high: str | None = None, *, step: str | None = None) -> None:
        """`step`: only whole multiples of it."""
        super().__init__()
        self.low = low
        self.high = high
        self.step = step

    def plain(self, value: syntax.PlainValue, place: Place) -> object:
        """Take a duration literal of the `.policy` language."""
        if value.kind == "duration":
            assert isinstance(value.value, int)
            return DurationValue(value.value)
        if value.kind == "int":
            raise Unfit(
                codes.WRONG_TYPE,
                f"must be a duration with a unit, not `{value.raw}`",
                hint=f'did you mean "{value.raw}s"?',
            )
        raise Unfit(codes.WRONG_TYPE, f"must be a duration with a unit, not `{value.raw}`")

    def accept(self, value: Any) -> Any:
        """Take a duration, or the text of one, within the limits."""
        if isinstance(value, str):
            ns = parse_duration(value)
            if ns is None:
                raise Unfit(
                    codes.BAD_DURATION,
                    f"is no duration: `{shown(value)}`",
                    hint="write a number with a unit: ms, s, m or h",
                )
        elif isinstance(value, DurationValue):
            ns = value.ns
        else:
            raise Unfit(codes.WRONG_TYPE, "must be a duration with a unit")
        if self.high is not None and ns > (parse_duration(self.high) or 0):
            raise Unfit(codes.BAD_DURATION, f"may be at most {self.high}", ngrok=2225)
        if ns < (parse_duration(self.low or "0") or 0):
            raise Unfit(codes.BAD_DURATION, f"must be at least {self.low or '0'}", ngrok=2215)
        if self.step is not None and ns % (parse_duration(self.step) or 1):
            raise Unfit(codes.BAD_DURATION, f"must be a multiple of {self.step}", ngrok=2204)
        return ns

    def limits(self) -> str:
        """Return the limits."""
        words = []
        if self.low and self.high:
            words.append(f"{self.low} to {self.high}")
        elif self.high:
            words.append(f"at most {self.high}")
        elif self.low:
            words.append(f"at least {self.low}")
        if self.step:
            words.append(f"a multiple of {self.step}")
        return ", ".join(words)

    def json_schema(self) -> dict[str, object]:
        """A JSON string in Go's notation."""
        return {"type": "string", "pattern": r"^([0-9.]+(ms|s|m|h))+$"}


class Enum(Leaf):
    """One of a fixed set of strings; `aliases` are other spellings that are accepted."""

    __slots__ = ("aliases", "choices", "ngrok")
    title = "one of a fixed set"
    is_text = True

    def __init__(
        self, *choices: str, aliases: Mapping[str, str] | None = None, ngrok: int | None = None
    ) -> None:
        """Name the values. `ngrok`: the number of a value that is none of them, where it has its own."""
        super().__init__()
        self.choices = choices
        self.aliases = aliases or {}
        self.ngrok = ngrok

    def plain(self, value: syntax.PlainValue, place: Place) -> object:
        """Take the text that was written (a version `1.2` reads as a number).

        With a warning if it is a choice.
        """
        if value.raw in self.choices:
            place.report(
                codes.SCALAR_AS_TEXT,
                f"{place.name} is text, and `{value.raw}` stands there without quotes",
                value.span,
                hint=f'write "{value.raw}"',
            )
        return value.raw

    def accept(self, value: Any) -> Any:
        """Take one of the choices."""
        if value in self.choices:
            return value
        if value in self.aliases:
            return self.aliases[value]
        from policyc.grammar.nearest import nearest

        near = nearest(str(value), [*self.choices, *self.aliases])
        listed = ", ".join(f"`{choice}`" for choice in self.choices[:12])
        if value == "":
            raise Unfit(codes.NOT_ALLOWED, f"must not be empty: it is one of {listed}", ngrok=self.ngrok)
        raise Unfit(
            codes.NOT_ALLOWED,
            f"cannot be `{shown(str(value))}`",
            ngrok=self.ngrok,
            hint=f"did you mean `{near}`?"
            if near
            else f"it is one of {listed}" + (" and others" if len(self.choices) > 12 else ""),
        )

    def limits(self) -> str:
        """Return the choices."""
        return ", ".join(f"`{choice}`" for choice in self.choices)

    def json_schema(self) -> dict[str, object]:
        """A JSON string of a fixed set."""
        return {"enum": [*self.choices, *self.aliases]}


class Matched(Text):
    """Text of a certain form, which `form` checks (raising Unfit) and may turn into something else."""

    __slots__ = ("form", "named")
    strict = True

    def __init__(self, title: str, form: Callable[[str], Any], cel: Cel = Cel.NONE) -> None:
        """`title` continues "must be …"."""
        super().__init__(cel)
        self.form = form
        self.named = title

    @property
    def title(self) -> str:  # type: ignore[override]  # a class attribute elsewhere, one per instance here
        """What the field must be."""
        return self.named

    def accept(self, value: Any) -> Any:
        """Check the form."""
        return self.form(value)


class Url(Text):
    """An absolute http or https URL, kept as text."""

    __slots__ = ()
    title = "a URL"
    strict = True

    def accept(self, value: Any) -> Any:
        """Check scheme, host and that nothing could split a message."""
        problem = url_problem(value)
        if problem is not None:
            raise Unfit(codes.NOT_A_URL, f"is not a URL: `{shown(value)}` {problem}")
        return value

    def accept_part(self, literal: str) -> None:
        """Refuse what no part of a URL holds."""
        if _holds_blank(literal):
            raise Unfit(codes.NOT_A_URL, f"is not a URL: `{shown(literal)}` {_BLANK}")

    def json_schema(self) -> dict[str, object]:
        """A JSON string with a URL."""
        return {"type": "string", "format": "uri"}


_BLANK = "holds a blank or a control character"
_URL = r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)"
_HOST = r"(?:[A-Za-z0-9_~.-]|%[0-9A-Fa-f]{2}|[^\x00-\x7f])+"


def _holds_blank(text: str) -> bool:
    return any(c <= " " or c == "\x7f" for c in text)


def url_problem(text: str) -> str | None:
    """Return what keeps a text from being an absolute http(s) URL, None if nothing does."""
    if _holds_blank(text):
        return _BLANK
    found = re.match(_URL, text)
    if found is None:
        return "has no scheme, such as `https://`"
    scheme, authority = found.groups()
    if scheme.lower() not in ("http", "https"):
        return "is neither http nor https"
    host = authority.rpartition("@")[2]
    if host.startswith("["):
        host, closed, port = host.partition("]")
        if not closed or not re.fullmatch(r"\[[0-9A-Fa-f:.]+", host):
            return "has no valid host"
        port = port.removeprefix(":")
    else:
        host, _, port = host.partition(":")
        if re.fullmatch(_HOST, host) is None:
            return "has no valid host"
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        return "has no valid port"
    return None


class Cidr(Text):
    """An address range, or an address that stands for itself, kept as text."""

    __slots__ = ()
    title = "an address range"
    strict = True

    def accept(self, value: Any) -> Any:
        """Check the range."""
        from policyc.engine.networks import parse_network

        if parse_network(value) is None:
            raise Unfit(codes.NOT_A_CIDR, f"is no address range: `{shown(value)}`")
        return value


class Regex(Text):
    """A regular expression of RE2, kept as text; whoever runs it compiles it through `cel/regex.py`."""

    __slots__ = ()
    title = "a regular expression"

    def accept(self, value: Any) -> Any:
        """Check that RE2 takes it."""
        from policyc.engine.cel.regex import problem

        why = problem(value)
        if why is not None:
            raise Unfit(codes.NOT_A_REGEX, f"is not a regular expression: {why}", runtime=3901)
        return value

    def json_schema(self) -> dict[str, object]:
        """A JSON string with a pattern."""
        return {"type": "string", "format": "regex"}


class Pem(Text):
    """Keys or certificates in PEM form; `other`: a prefix that marks an id instead."""

    __slots__ = ("other",)
    title = "text in PEM form"
    strict = True

    def __init__(self, cel: Cel = Cel.NONE, *, other: str | None = None) -> None:
        """`other` is for fields that also take ids of certificate authorities."""
        super().__init__(cel)
        self.other = other

    def accept(self, value: Any) -> Any:
        """Look for the PEM marks; the parts are parsed by whoever uses them."""
        if self.other is not None and value.startswith(self.other):
            return value
        begin, end = value.find("-----BEGIN "), value.find("-----END ")
        if begin < 0 or end < begin:
            raise Unfit(
                codes.NOT_PEM, "is not in PEM form: it has no `-----BEGIN …-----` and `-----END …-----`"
            )
        return value


_NAME_SIGNS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
_TOKEN_SIGNS = _NAME_SIGNS | frozenset("!#$%&'*+.^`|~")  # RFC 9110 §5.6.2


def unsafe_sign(value: str) -> str | None:
    """Return the first character that could split a message, None if there is none; a tab is none."""
    if value.isprintable():
        return None
    return next((sign for sign in value if (sign < " " and sign != "\t") or sign == "\x7f"), None)


class HeaderName(Text):
    """A header name, lower-cased; `refused` says why a policy may not use one (None if it may)."""

    __slots__ = ("plain_only", "refused")
    title = "a header name"
    strict = True

    def __init__(
        self, refused: Callable[[str], str | None] | None = None, *, plain_only: bool = False
    ) -> None:
        """`plain_only`: letters, digits, hyphen and underscore, fewer than RFC 9110 allows."""
        super().__init__()
        self.refused = refused
        self.plain_only = plain_only

    def accept(self, value: Any) -> Any:
        """Check the name."""
        if not value or not (_NAME_SIGNS if self.plain_only else _TOKEN_SIGNS).issuperset(value):
            signs = "letters, digits, `-` and `_`" if self.plain_only else "letters, digits and `-`"
            hint = f"a header name is made of {signs}"
            if value == "":
                raise Unfit(codes.BAD_HEADER_NAME, "has an empty header name")
            raise Unfit(codes.BAD_HEADER_NAME, f"holds no header name: `{shown(value)}`", hint=hint)
        if len(value) > HEADER_NAME_LIMIT:
            raise Unfit(codes.BAD_HEADER_NAME, f"holds a header name of {len(value)} characters", ngrok=2208)
        name = value.lower()
        why = None if self.refused is None else self.refused(name)
        if why is not None:
            raise Unfit(codes.REFUSED_HEADER, f"may not hold `{value}`: {why}")
        return name


HEADER_NAME_LIMIT = 256
HEADER_VALUE_LIMIT = 8192


class HeaderValue(Text):
    """The value of a header: no character that could split a message."""

    __slots__ = ()

    def accept_part(self, literal: str) -> None:
        """Check the characters."""
        found = unsafe_sign(literal)
        if found is not None:
            raise Unfit(
                codes.BAD_HEADER_VALUE,
                f"may not hold the control character U+{ord(found):04X}",
                hint="a header value is one line of text",
            )

    def accept(self, value: Any) -> Any:
        """Check the characters and the length."""
        self.accept_part(value)
        if len(value) > HEADER_VALUE_LIMIT:
            raise Unfit(
                codes.BAD_HEADER_VALUE, f"may have at most {HEADER_VALUE_LIMIT} characters", ngrok=2209
            )
        return value
