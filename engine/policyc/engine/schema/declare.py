"""Declaring the fields of an action, and reading an action of a document against them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from policyc.engine.schema import codes
from policyc.engine.schema.kinds import Cel, Kind, shown
from policyc.engine.schema.place import Place
from policyc.engine.schema.reading import Config, Constant, Reading
from policyc.grammar import syntax
from policyc.grammar.source import Span

if TYPE_CHECKING:
    from policyc.engine.action import Site


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()


class Field(NamedTuple):
    """A field of an action's config.

    `default` is the value (as the action sees it) of a field that was left out; without one the field is then
    absent. `shown_default` is its text in docs where `str` would not do. `primary`: may follow the action's
    name in `.policy`. `aliases`: older names, accepted with a warning; `equals`: other names, accepted as
    they are.
    """

    name: str
    kind: Kind
    doc: str
    required: bool = False
    default: object = MISSING
    primary: bool = False
    aliases: tuple[str, ...] = ()
    equals: tuple[str, ...] = ()
    shown_default: str | None = None

    @property
    def default_text(self) -> str:
        """The default as docs show it; empty if there is none."""
        if self.shown_default is not None:
            return self.shown_default
        if self.default is MISSING:
            return ""
        return str(self.default).lower() if isinstance(self.default, bool) else str(self.default)


def field(
    name: str,
    kind: Kind,
    doc: str,
    *,
    required: bool = False,
    default: object = MISSING,
    primary: bool = False,
    aliases: tuple[str, ...] = (),
    equals: tuple[str, ...] = (),
    shown_default: str | None = None,
) -> Field:
    """Declare a field."""
    return Field(name, kind, doc, required, default, primary, aliases, equals, shown_default)


class Row(NamedTuple):
    """A line of the docs table of an action."""

    field: str
    type: str
    required: bool
    default: str
    limits: str
    cel: str
    doc: str


class Schema:
    """The fields of one action type."""

    __slots__ = ("fields", "hints")

    def __init__(self, *fields: Field, hints: Mapping[str, str] | None = None) -> None:
        """`hints`: what to say about names that people write and that are no fields."""
        self.fields = fields
        self.hints: Mapping[str, str] = {} if hints is None else hints

    @property
    def primary(self) -> Field | None:
        """The field whose value may follow the action's name."""
        return next((f for f in self.fields if f.primary), None)

    def read(self, node: syntax.Action, site: Site) -> Config | None:
        """Check an action's fields; None if errors were reported."""
        action = node.type.value
        path = f"{site.path}.config"
        place = Place(site, action, path, "")
        config = node.config
        if isinstance(config, syntax.PlainValue) and config.kind == "null":
            config = None  # `config:` with nothing behind it
        if config is not None and not isinstance(config, syntax.MapValue):
            place.report(
                codes.CONFIG_SHAPE,
                f"the config of `{action}` must be a mapping of its fields",
                config.span,
                hint=self._shape_hint(),
            )
            return None
        entries = () if config is None else config.entries
        span = node.type.span if config is None else config.span
        primary = self._primary(node, place)
        if primary is False:
            return None
        return read_fields(
            self.fields, entries, place, span, hints=self.hints, primary=primary, is_absent=config is None
        )

    def _primary(self, node: syntax.Action, place: Place) -> tuple[Field, syntax.Value] | bool | None:
        if node.primary is None:
            return None
        target = self.primary
        if target is None:
            place.report(
                codes.UNKNOWN_FIELD,
                f"`{place.action}` takes no value behind its name",
                node.primary.span,
                hint=self._shape_hint(),
            )
            return False
        return target, node.primary

    def _shape_hint(self) -> str | None:
        if not self.fields:
            return "leave the config out: the action has no fields"
        names = ", ".join(f"`{f.name}`" for f in self.fields)
        return f"the fields are {names}" if len(self.fields) > 1 else f"the field is {names}"

    def rows(self) -> list[Row]:
        """Return the docs table, fields of objects as `outer.inner`."""
        return list(_rows(self.fields, ""))

    def json_schema(self) -> dict[str, object]:
        """Return the JSON schema of the config in YAML and JSON."""
        return object_schema(self.fields)


def _rows(fields: Iterable[Field], prefix: str) -> Iterable[Row]:
    from policyc.engine.schema.containers import ListOf, ObjectOf, OneOrList

    for f in fields:
        kind = f.kind
        name = prefix + f.name
        mark = {Cel.NONE: "", Cel.TEMPLATE: "template", Cel.SOURCE: "expression"}[kind.cel_mark]
        yield Row(name, kind.title, f.required, f.default_text, kind.limits(), mark, f.doc)
        if isinstance(kind, OneOrList):
            kind = kind.many.item
        if isinstance(kind, ListOf) and isinstance(kind.item, ObjectOf):
            yield from _rows(kind.item.fields, f"{name}[].")
        elif isinstance(kind, ObjectOf):
            yield from _rows(kind.fields, f"{name}.")


def object_schema(fields: Sequence[Field]) -> dict[str, object]:
    """Return the JSON schema of an object with these fields."""
    properties: dict[str, object] = {}
    for f in fields:
        one: dict[str, object] = {**f.kind.json_schema(), "description": f.doc}
        if f.default is not MISSING and isinstance(f.default, str | int | float | bool):
            one["default"] = f.shown_default or f.default
        properties[f.name] = one
        for other in f.equals:
            properties[other] = one
        for old in f.aliases:
            properties[old] = {**one, "deprecated": True}
    out: dict[str, object] = {"type": "object", "properties": properties, "additionalProperties": False}
    required = [f.name for f in fields if f.required]
    if required:
        out["required"] = required
    return out


def read_fields(
    fields: Sequence[Field],
    entries: Sequence[syntax.MapEntry],
    place: Place,
    span: Span,
    *,
    hints: Mapping[str, str],
    primary: tuple[Field, syntax.Value] | bool | None = None,
    is_absent: bool = False,
) -> Config | None:
    """Read the entries of a mapping as fields; None if errors were reported."""
    found: dict[str, Reading] = {}
    spans: dict[str, Span] = {}
    met: dict[str, Span] = {}
    written: set[str] = set()
    sound = True
    by_name = {name: f for f in fields for name in (f.name, *f.equals, *f.aliases)}
    if isinstance(primary, tuple):
        target, value = primary
        met[target.name] = value.span
        reading = target.kind.read(value, place.entry(target.name))
        sound = _keep(target, reading, value.span, found, spans) and sound
    for entry in entries:
        name = entry.key.value
        declared = by_name.get(name) if entry.key_expr is None else None
        if declared is None:
            _unknown(name, fields, entry, place, hints)
            sound = False
            continue
        if name in declared.aliases:
            place.entry(name).report(
                codes.OLD_FIELD,
                f"`{name}` is an older name of `{declared.name}`",
                entry.key.span,
                hint=f"write `{declared.name}`",
            )
        if declared.name in met and not (name in written and place.keys_are_checked):
            place.entry(name).report(
                codes.FIELD_TWICE, f"`{declared.name}` of `{place.action}` is given twice", entry.key.span
            )
            sound = False
        met[declared.name] = entry.key.span
        written.add(name)
        reading = declared.kind.read(entry.value, place.entry(name))
        sound = _keep(declared, reading, entry.value.span, found, spans) and sound
    sound = _missing(fields, met, place, span, is_absent) and sound
    if not sound:
        return None
    given = frozenset(found)
    for f in fields:
        if f.name not in found and f.default is not MISSING:
            found[f.name] = Constant(f.default, span, place.entry(f.name).path)
    return Config(found, spans, given, span, place.path)


def _keep(
    declared: Field, reading: Reading | None, span: Span, found: dict[str, Reading], spans: dict[str, Span]
) -> bool:
    if reading is None:
        return False
    found[declared.name] = reading
    spans[declared.name] = span
    return True


def _unknown(
    name: str, fields: Sequence[Field], entry: syntax.MapEntry, place: Place, hints: Mapping[str, str]
) -> None:
    from policyc.grammar.nearest import nearest

    hint = hints.get(name)
    if hint is None:
        near = nearest(name, [f.name for f in fields])
        if near is not None:
            hint = f"did you mean `{near}`?"
        elif fields:
            names = ", ".join(f"`{f.name}`" for f in fields)
            hint = f"the fields are {names}" if len(fields) > 1 else f"the only field is {names}"
        else:
            hint = "the action has no fields"
    where = f"{place.name} of `{place.action}`" if place.field else f"`{place.action}`"
    place.entry(name).report(
        codes.UNKNOWN_FIELD, f"{where} has no field `{shown(name)}`", entry.key.span, hint=hint
    )


def _missing(
    fields: Sequence[Field], met: Mapping[str, Span], place: Place, span: Span, is_absent: bool
) -> bool:
    missing = [f.name for f in fields if f.required and f.name not in met]
    if not missing:
        return True
    if is_absent:
        names = ", ".join(f"`{name}`" for name in missing)
        place.report(codes.MISSING_FIELD, f"`{place.action}` needs a config with {names}", span)
        return False
    where = f"{place.name} of `{place.action}`" if place.field else f"`{place.action}`"
    for name in missing:
        place.entry(name).report(codes.MISSING_FIELD, f"{where} needs the field `{name}`", span)
    return False
