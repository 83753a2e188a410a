"""Free-form fields: any JSON value, with templates in every string at any depth."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from policyc.engine.schema import codes
from policyc.engine.schema.computed import computed_map, entry_key
from policyc.engine.schema.evaluate import (
    TEMPLATE_INVALID,
    check_node,
    check_template,
    constant_of,
    merged,
    parse_template,
    text_reader,
    value_reader,
)
from policyc.engine.schema.fault import FieldFault
from policyc.engine.schema.kinds import Cel, Kind, shown
from policyc.engine.schema.place import Place
from policyc.engine.schema.reading import Constant, Dynamic, Entries, Items, Reader, Reading
from policyc.engine.types import BOOL, DOUBLE, DURATION, DYN, INT, NULL, STRING, Type, list_of, map_of
from policyc.engine.values import Duration, EvalError
from policyc.grammar import syntax
from policyc.grammar.source import Span

if TYPE_CHECKING:
    from policyc.engine.cel.ir import Node

_SCALARS: dict[str, Type] = {"null": NULL, "bool": BOOL, "int": INT, "double": DOUBLE, "size": INT}


def type_of(reading: Reading) -> Type:
    """Return the CEL type of what a reading of a free-form value gives."""
    if isinstance(reading, Constant | Dynamic):
        return reading.type
    if isinstance(reading, Items):
        types = {type_of(item) for item in reading.items}
        return list_of(types.pop() if len(types) == 1 else DYN)
    assert isinstance(reading, Entries)
    types = {type_of(entry) for entry in reading.entries.values()}
    return map_of(STRING, types.pop() if len(types) == 1 else DYN)


class Json(Kind):
    """Any value. A string that is nothing but one `${…}` keeps the value's type (spec/actions.md §2).

    `on_fault`: called with a fault of a single value at run time, gives what stands in its place; None lets
    the fault through.
    """

    __slots__ = ("on_fault",)
    title = "any value"

    def __init__(self, on_fault: Callable[[Any, FieldFault], object] | None = None) -> None:
        """`on_fault` gets the exchange and the fault."""
        super().__init__(Cel.TEMPLATE)
        self.on_fault = on_fault

    def read(self, value: syntax.Value, place: Place) -> Reading | None:
        """Read a value of any shape."""
        return self._read(value, place, 1)

    def _read(self, value: syntax.Value, place: Place, depth: int) -> Reading | None:
        most = place.site.report.limits.value_depth
        if depth > most:
            message = f"a value of `{place.action}` is nested deeper than {most}"
            place.report(codes.NESTED_TOO_DEEP, message, value.span)
            return None
        match value:
            case syntax.TextValue(text=text):
                return (
                    self._text(value, place)
                    if "${" in text.value
                    else self._known(text.value, STRING, value, place)
                )
            case syntax.PlainValue(kind="duration", value=ns):
                assert isinstance(ns, int)
                return self._known(Duration(ns), DURATION, value, place)
            case syntax.PlainValue(kind=kind):
                return self._known(value.value, _SCALARS[kind], value, place)
            case syntax.ExprValue(expr=expr):
                node = check_node(expr, place, TEMPLATE_INVALID)
                return None if node is None else self._node(node, value.span, place)
            case syntax.ListValue(items=items):
                read = [self._read(item, place.item(i), depth + 1) for i, item in enumerate(items)]
                kept = tuple(item for item in read if item is not None)
                return Items(kept, value.span, place.path) if len(kept) == len(read) else None
        return self._map(value, place, depth)

    @staticmethod
    def _known(known: object, type_: Type, value: syntax.Value, place: Place) -> Reading:
        return Constant(known, value.span, place.path, type_)

    def _text(self, value: syntax.TextValue, place: Place) -> Reading | None:
        template = parse_template(value.text, place)
        parts = None if template is None else check_template(template, place)
        if parts is None:
            return None
        if len(parts) == 1 and not isinstance(parts[0], str):
            return self._node(parts[0], value.span, place)
        try:
            pieces = merged(parts)
        except EvalError as error:
            place.report(codes.WRONG_TYPE, f"{place.name} has no text: {error.message}", value.span)
            return None
        nodes = tuple(piece for piece in pieces if not isinstance(piece, str))
        if not nodes:
            return Constant("".join(map(str, pieces)), value.span, place.path, STRING)
        return Dynamic(
            lambda: self._safe(text_reader(pieces, place, None)), nodes, value.span, place.path, STRING
        )

    def _node(self, node: Node, span: Span, place: Place) -> Reading:
        known = constant_of(node)
        if known is not None:
            return Constant(known[0], span, place.path, node.type)
        return Dynamic(
            lambda: self._safe(value_reader(node, place, None)), (node,), span, place.path, node.type
        )

    def _safe(self, read: Reader) -> Reader:
        replacement = self.on_fault
        if replacement is None:
            return read

        def run(x: Any) -> Any:
            try:
                return read(x)
            except FieldFault as fault:
                return replacement(x, fault)

        return run

    def _map(self, value: syntax.MapValue, place: Place, depth: int) -> Reading | None:
        entries: dict[str, Reading] = {}
        spans: dict[str, Span] = {}
        computed: list[tuple[str | Node, Reading]] = []
        sound = True
        for entry in value.entries:
            key = entry_key(entry, place, may_vary=True)
            name = key if isinstance(key, str) else entry.key.value
            reading = None if key is None else self._read(entry.value, place.entry(name), depth + 1)
            if key is None or reading is None:
                sound = False
                continue
            if not isinstance(key, str):
                computed.append((key, reading))
                continue
            if key in entries and not place.keys_are_checked:
                place.entry(key).report(
                    codes.DUPLICATES, f"{place.name} holds `{shown(key)}` twice", entry.key.span
                )
            entries[key] = reading
            spans[key] = entry.key.span
        if computed and sound:
            return self._computed([*entries.items(), *computed], value.span, place)
        return Entries(entries, spans, value.span, place.path) if sound else None

    def _computed(self, entries: list[tuple[str | Node, Reading]], span: Span, place: Place) -> Reading:
        made = computed_map(entries, span, place)
        nodes = tuple(made.nodes())
        return Dynamic(lambda: self._safe(made.reader()), nodes, span, place.path, made.type)

    def json_schema(self) -> dict[str, object]:
        """Anything."""
        return {}
