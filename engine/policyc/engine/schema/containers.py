"""Kinds of several values: lists, mappings, header maps, objects with fields of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from policyc.engine.schema import codes
from policyc.engine.schema.computed import computed_map, entry_key
from policyc.engine.schema.evaluate import (
    TEMPLATE_INVALID,
    Unfit,
    check_node,
    check_template,
    constant_of,
    parse_template,
    value_reader,
)
from policyc.engine.schema.kinds import Cel, HeaderName, HeaderValue, Kind, Leaf, shown, wrong_type
from policyc.engine.schema.place import Place
from policyc.engine.schema.reading import Config, Constant, Dynamic, Entries, Items, Reading
from policyc.engine.types import DYN, ERROR, Type
from policyc.grammar import syntax
from policyc.grammar.source import Span

if TYPE_CHECKING:
    from policyc.engine.cel.ir import Node
    from policyc.engine.schema.declare import Field


def lifted(value: object, span: Span) -> syntax.Value:
    """Return a constant that an expression gave as a value of a document, so that it is read like one."""
    if isinstance(value, list):
        return syntax.ListValue(tuple(lifted(item, span) for item in value), span)
    if isinstance(value, dict):
        from policyc.grammar.source import Text as SourceText

        entries = tuple(
            syntax.MapEntry(SourceText(str(key), span, span.start), lifted(item, span), span)
            for key, item in value.items()
        )
        return syntax.MapValue(entries, span)
    if isinstance(value, str):
        return syntax.ExprValue(syntax.Literal("string", value, span), span)
    if value is None:
        return syntax.PlainValue("null", None, "null", span)
    if isinstance(value, bool):
        return syntax.PlainValue("bool", value, str(value).lower(), span)
    if isinstance(value, int):
        return syntax.PlainValue("int", int(value), str(int(value)), span)
    if isinstance(value, float):
        return syntax.PlainValue("double", value, repr(value), span)
    from policyc.engine.values import Duration

    if isinstance(value, Duration):
        return syntax.PlainValue("duration", value.ns, f"{value.ns}ns", span)
    from policyc.engine.cel.coerce import to_text

    return syntax.ExprValue(syntax.Literal("string", to_text(value), span), span)


class Container(Kind):
    """A kind whose value may also be one expression as a whole, constant or not."""

    __slots__ = ()
    type_names: tuple[str, ...] = ()

    def whole(self, node: Node, span: Span, place: Place) -> Reading | None:
        """Read an expression that gives the whole list or mapping."""
        if node.type not in (DYN, ERROR) and node.type.name not in self.type_names:
            place.report(
                codes.WRONG_TYPE,
                f"{place.name} must be {self.title}, and the expression is `{node.type}`",
                span,
            )
            return None
        known = constant_of(node)
        if known is not None:
            value = lifted(known[0], span)
            if isinstance(value, syntax.ListValue | syntax.MapValue):
                return self.read(value, place)
            wrong_type(self, value, place)
            return None
        if self.cel_mark is not Cel.TEMPLATE:
            place.report(
                codes.NOT_CONSTANT,
                f"{place.name} of `{place.action}` takes no interpolation, so its value must be constant",
                span,
            )
            return None
        return Dynamic(lambda: value_reader(node, place, self.accept), (node,), span, place.path, node.type)

    def accept(self, value: Any) -> Any:
        """Check a value at run time; raises Unfit."""
        raise NotImplementedError

    def other(self, value: syntax.Value, place: Place, hint: str | None = None) -> Reading | None:
        """Read what is neither a list nor a mapping of the document."""
        if isinstance(value, syntax.ExprValue):
            node = check_node(value.expr, place, TEMPLATE_INVALID)
            return None if node is None else self.whole(node, value.span, place)
        if isinstance(value, syntax.TextValue) and "${" in value.text.value and self.cel_mark is Cel.TEMPLATE:
            template = parse_template(value.text, place)
            if template is None:
                return None
            if template.lone is not None:
                parts = check_template(template, place)
                if parts is None:
                    return None
                lone = parts[0]
                assert not isinstance(lone, str)
                return self.whole(lone, value.span, place)
        wrong_type(self, value, place, hint)
        return None


class ListOf(Container):
    """A list of values of one kind."""

    __slots__ = ("item", "least", "most", "unique")
    type_names: tuple[str, ...] = ("list",)

    def __init__(self, item: Kind, *, least: int = 0, most: int | None = None, unique: bool = False) -> None:
        """`least` and `most` count items."""
        super().__init__()
        self.item = item
        self.least = least
        self.most = most
        self.unique = unique

    @property
    def title(self) -> str:  # type: ignore[override]
        """What the field must be."""
        return f"a list of {plural(self.item)}"

    @property
    def cel_mark(self) -> Cel:
        """That of the items."""
        return self.item.cel_mark

    def read(self, value: syntax.Value, place: Place) -> Reading | None:
        """Read a list; every bad item is reported."""
        if not isinstance(value, syntax.ListValue):
            single = isinstance(value, syntax.TextValue)
            return self.other(value, place, "put it in a list" if single else None)
        self._count(len(value.items), value.span, place)
        readings = [self.item.read(item, place.item(i)) for i, item in enumerate(value.items)]
        if self.unique:
            self._distinct(readings, place)
        kept = [reading for reading in readings if reading is not None]
        if len(kept) < len(readings):
            return None
        return Items(tuple(kept), value.span, place.path)

    def _count(self, size: int, span: Span, place: Place) -> None:
        if size < self.least:
            what = "must not be empty" if size == 0 else f"needs at least {self.least} entries"
            place.report(codes.EMPTY, f"{place.name} {what}", span)
        elif (most := self._most(place)) is not None and size > most:
            place.report(codes.TOO_MANY, f"{place.name} may have at most {most} entries, not {size}", span)

    def _most(self, place: Place) -> int | None:
        """Return how many items there may be in this list."""
        return self.most

    def _distinct(self, readings: list[Reading | None], place: Place) -> None:
        seen: list[object] = []
        for i, reading in enumerate(readings):
            if reading is None or not reading.is_constant:
                continue
            if reading.value in seen:
                place.item(i).report(
                    codes.DUPLICATES, f"{place.name} holds `{_brief(reading.value)}` twice", reading.span
                )
            seen.append(reading.value)

    def accept(self, value: Any) -> Any:
        """Check a list at run time."""
        if not isinstance(value, list):
            raise Unfit(codes.WRONG_TYPE, f"must be {self.title}", runtime=2253)
        if len(value) < self.least or (self.most is not None and len(value) > self.most):
            raise Unfit(codes.TOO_MANY, f"has {len(value)} entries: {self.limits()}", runtime=2253)
        return [_accept(self.item, item) for item in value]

    def limits(self) -> str:
        """Return the limits on the number of entries, and those of the items."""
        words = [_bounds(self.least, self.most), "unique" if self.unique else "", self.item.limits()]
        return "; ".join(word for word in words if word)

    def json_schema(self) -> dict[str, object]:
        """A JSON array."""
        out: dict[str, object] = {"type": "array", "items": self.item.json_schema()}
        if self.least:
            out["minItems"] = self.least
        if self.most is not None:
            out["maxItems"] = self.most
        if self.unique:
            out["uniqueItems"] = True
        return out


def _brief(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_brief(inner)}" for key, inner in value.items())
    return shown(str(value))


def _accept(kind: Kind, value: object) -> object:
    if isinstance(kind, Leaf):
        if kind.is_text and not isinstance(value, str):
            from policyc.engine.cel.coerce import to_text

            value = to_text(value)
        return kind.accept(value)
    if isinstance(kind, Container):
        return kind.accept(value)
    return value


def _bounds(least: int, most: int | None) -> str:
    if most is not None:
        return f"{least} to {most} entries" if least else f"at most {most} entries"
    return f"at least {least} entr{'y' if least == 1 else 'ies'}" if least else ""


def plural(kind: Kind) -> str:
    """Return a kind's title for many."""
    title = kind.title
    for article in ("an ", "a "):
        if title.startswith(article):
            head, sep, tail = title.removeprefix(article).partition(" ")
            if head in ("list", "mapping", "duration", "number", "string", "URL") or not sep:
                return f"{head}s{sep}{tail}"
            return f"{head} {tail}s"
    return title


class MapOf(Container):
    """A mapping from text to values of one kind. Keys are never interpolated."""

    __slots__ = ("key", "least", "most", "of")
    type_names: tuple[str, ...] = ("map",)

    def __init__(self, key: Leaf, of: Kind, *, least: int = 0, most: int | None = None) -> None:
        """`key` checks the keys, `of` reads the values."""
        super().__init__()
        self.key = key
        self.of = of
        self.least = least
        self.most = most

    @property
    def title(self) -> str:  # type: ignore[override]
        """What the field must be."""
        return f"a mapping to {plural(self.of)}"

    @property
    def cel_mark(self) -> Cel:
        """That of the values."""
        return self.of.cel_mark

    def read(self, value: syntax.Value, place: Place) -> Reading | None:
        """Read a mapping; every bad entry is reported."""
        if not isinstance(value, syntax.MapValue):
            return self.other(value, place)
        self._count(len(value.entries), value.span, place)
        entries: dict[str, Reading] = {}
        spans: dict[str, Span] = {}
        computed: list[tuple[str | Node, Reading]] = []
        seen: set[str] = set()
        sound = True
        for entry in value.entries:
            written = entry_key(entry, place, may_vary=self.key.is_free)
            reading = None
            if written is not None and not isinstance(written, str):
                reading = self.of.read(entry.value, place.entry(entry.key.value))
                if reading is not None:
                    computed.append((written, reading))
                    continue
            elif written is not None:
                here = place.entry(written)
                key = self._key(written, entry.key.span, place)
                reading = self.of.read(entry.value, here)
                if key is not None and reading is not None:
                    if key in entries and not (written in seen and place.keys_are_checked):
                        here.report(
                            codes.DUPLICATES, f"{place.name} holds `{shown(key)}` twice", entry.key.span
                        )
                    seen.add(written)
                    entries[key] = reading
                    spans[key] = entry.key.span
                    continue
            sound = False
        if computed and sound:
            return computed_map([*entries.items(), *computed], value.span, place)
        return Entries(entries, spans, value.span, place.path) if sound else None

    def _count(self, size: int, span: Span, place: Place) -> None:
        if size < self.least:
            place.report(codes.EMPTY, f"{place.name} must not be empty", span)
        elif (most := self._most(place)) is not None and size > most:
            place.report(codes.TOO_MANY, f"{place.name} may have at most {most} entries, not {size}", span)

    def _most(self, place: Place) -> int | None:
        """Return how many items there may be in this list."""
        return self.most

    def _key(self, written: str, span: Span, place: Place) -> str | None:
        try:
            key = self.key.accept(written)
        except Unfit as unfit:
            place.report(
                unfit.code, f"{place.name} {unfit.message}", span, hint=unfit.hint, ngrok=unfit.ngrok
            )
            return None
        assert isinstance(key, str)
        return key

    def accept(self, value: Any) -> Any:
        """Check a mapping at run time."""
        if not isinstance(value, dict):
            raise Unfit(codes.WRONG_TYPE, f"must be {self.title}", runtime=2253)
        if len(value) < self.least or (self.most is not None and len(value) > self.most):
            raise Unfit(codes.TOO_MANY, f"has {len(value)} entries: {self.limits()}", runtime=2253)
        return {_accept(self.key, key): _accept(self.of, item) for key, item in value.items()}

    def limits(self) -> str:
        """Return the limits on the number of entries, and those of the values."""
        words = [_bounds(self.least, self.most), self.of.limits()]
        return "; ".join(word for word in words if word)

    def json_schema(self) -> dict[str, object]:
        """A JSON object with any keys."""
        out: dict[str, object] = {"type": "object", "additionalProperties": self.of.json_schema()}
        if self.least:
            out["minProperties"] = self.least
        if self.most is not None:
            out["maxProperties"] = self.most
        return out


class HeaderMap(MapOf):
    """Header names with the values to send. `req.headers` as a whole is none: its values are lists."""

    __slots__ = ()

    def __init__(
        self,
        names: HeaderName,
        *,
        least: int = 0,
        most: int | None = 10,
        cel: Cel = Cel.TEMPLATE,
    ) -> None:
        """`names` says which may be used; too many are 2212."""
        super().__init__(names, HeaderValue(cel), least=least, most=most)

    @property
    def title(self) -> str:  # type: ignore[override]
        """What the field must be."""
        return "a mapping of header names to values"

    def _count(self, size: int, span: Span, place: Place) -> None:
        if self.most is not None and size > self.most:
            place.report(
                codes.TOO_MANY,
                f"{place.name} may have at most {self.most} headers, not {size}",
                span,
                ngrok=2212,
            )
        else:
            super()._count(size, span, place)


class ObjectOf(Kind):
    """An object with declared fields of its own."""

    __slots__ = ("fields", "hints")
    title = "a mapping"

    def __init__(self, *fields: Field, hints: Mapping[str, str] | None = None) -> None:
        """`hints`: what to say about names that people write and that are no fields."""
        super().__init__()
        self.fields = fields
        self.hints: Mapping[str, str] = {} if hints is None else hints

    @property
    def cel_mark(self) -> Cel:
        """Templates in any of the fields."""
        marks = {inner.kind.cel_mark for inner in self.fields}
        return Cel.TEMPLATE if Cel.TEMPLATE in marks else Cel.SOURCE if Cel.SOURCE in marks else Cel.NONE

    def read(self, value: syntax.Value, place: Place) -> Config | None:
        """Read a mapping; unknown, missing and bad fields are all reported."""
        from policyc.engine.schema.declare import read_fields

        if isinstance(value, syntax.ExprValue):
            node = check_node(value.expr, place, TEMPLATE_INVALID)
            if node is None:
                return None
            known = constant_of(node)
            if known is None or not isinstance(known[0], dict):
                place.report(codes.WRONG_TYPE, f"{place.name} must be a mapping with fields", value.span)
                return None
            lift = lifted(known[0], value.span)
            assert isinstance(lift, syntax.MapValue)
            value = lift
        if not isinstance(value, syntax.MapValue):
            wrong_type(self, value, place)
            return None
        return read_fields(self.fields, value.entries, place, value.span, hints=self.hints)

    def json_schema(self) -> dict[str, object]:
        """A JSON object with these properties only."""
        from policyc.engine.schema.declare import object_schema

        return object_schema(self.fields)


class OneOrList(Kind):
    """A list, or one item without the list: documents are seen with both."""

    __slots__ = ("many",)

    def __init__(self, item: Kind) -> None:
        """Read `item`, or a list of it that is not empty."""
        super().__init__()
        self.many = ListOf(item, least=1)

    @property
    def title(self) -> str:  # type: ignore[override]
        """What the field must be."""
        return f"{self.many.item.title}, or a list of them"

    @property
    def cel_mark(self) -> Cel:
        """That of the items."""
        return self.many.cel_mark

    def read(self, value: syntax.Value, place: Place) -> Reading | None:
        """Read a list as it is, anything else as the only item."""
        if isinstance(value, syntax.ListValue):
            return self.many.read(value, place)
        item = self.many.item.read(value, place)
        return None if item is None else Items((item,), value.span, place.path)

    def json_schema(self) -> dict[str, object]:
        """Either shape."""
        return {"anyOf": [self.many.item.json_schema(), self.many.json_schema()]}


def constant(value: object, span: Span, path: str, type_: Type = DYN) -> Constant:
    """Return a reading of a default."""
    return Constant(value, span, path, type_)
