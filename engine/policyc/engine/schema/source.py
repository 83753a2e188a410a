"""Fields that hold an expression: bare CEL source in YAML and JSON, the expression itself in `.policy`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from policyc.engine.cel.ir import Const, Node
from policyc.engine.schema import codes
from policyc.engine.schema.evaluate import (
    check_node,
    check_template,
    parse_template,
    pass_on,
    text_reader,
    value_reader,
)
from policyc.engine.schema.kinds import Cel, Kind, wrong_type
from policyc.engine.schema.place import Place
from policyc.engine.schema.reading import Constant, Dynamic, Reading
from policyc.engine.types import STRING, Type
from policyc.grammar import syntax
from policyc.grammar.diagnostic import Report

INVALID_EXPRESSION = 2200


class Expression(Kind):
    """A CEL expression; its value is worked out when the action runs. `want` is the type it must have.

    `names` are further names that it may read, which the action gives it (`attempts`). `checked` false: only
    the syntax is checked, because it calls functions that no other expression has (`ai.models`).
    """

    __slots__ = ("checked", "names", "want")
    title = "an expression"

    def __init__(
        self, want: Type | None = None, *, names: Mapping[str, Type] | None = None, checked: bool = True
    ) -> None:
        """Take expressions of any type unless `want` is given."""
        super().__init__(Cel.SOURCE)
        self.want = want
        self.names = names
        self.checked = checked

    def read(self, value: syntax.Value, place: Place) -> Reading | None:
        """Read an expression."""
        is_policy = place.site.form == "policy"
        match value:
            case syntax.ExprValue(expr=expr):
                return self._reading(expr, value, place)
            case syntax.TextValue() if is_policy:
                return self._quoted(value, place)
            case syntax.TextValue(text=text):
                from policyc.grammar.parser import parse_expression

                inner = Report(place.site.report.limits)
                parsed = parse_expression(text, inner, place.path)
                pass_on(inner, place, INVALID_EXPRESSION)
                return None if parsed is None else self._reading(parsed, value, place)
            case syntax.PlainValue(kind="bool" | "int" | "double" as kind):
                return self._reading(syntax.Literal(kind, value.value, value.span), value, place)
        wrong_type(self, value, place)
        return None

    def _reading(self, expr: syntax.Expr, value: syntax.Value, place: Place) -> Reading | None:
        if not self.checked:
            return Constant(expr, value.span, place.path)
        if self.names is not None:
            place = place.knowing(self.names)
        node = check_node(expr, place, INVALID_EXPRESSION, self.want)
        if node is None:
            return None
        return Dynamic(lambda: value_reader(node, place, None), (node,), value.span, place.path, node.type)

    def _quoted(self, value: syntax.TextValue, place: Place) -> Reading | None:
        text = value.text.value
        if "${" in text:
            template = parse_template(value.text, place)
            if template is None:
                return None
            if template.lone is not None:
                return self._reading(template.lone, value, place)
            parts = check_template(template, place)
            if parts is None:
                return None
            nodes = tuple(part for part in parts if isinstance(part, Node))
            return Dynamic(lambda: text_reader(parts, place, None), nodes, value.span, place.path, STRING)
        place.report(
            codes.CONSTANT_SOURCE,
            f"{place.name} is the constant text `{text}`",
            value.span,
            hint=f"write {text} without quotes if the expression is meant",
        )
        node = Const(text, STRING, value.span)

        def constant(_x: Any) -> Any:
            return text

        return Dynamic(lambda: constant, (node,), value.span, place.path, STRING)

    def json_schema(self) -> dict[str, object]:
        """A JSON string with CEL source."""
        return {"type": "string"}
