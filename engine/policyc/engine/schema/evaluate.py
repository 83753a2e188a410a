"""From the expressions and templates in a config to typed nodes, and from those to readers.

Nothing is generated while checking: a reader is made when a step is compiled. A failing expression is a
FieldFault, never an exception of CEL.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from policyc.engine.schema.fault import FieldFault
from policyc.engine.schema.place import Place
from policyc.engine.types import STRING, Record, Type
from policyc.engine.values import EvalError
from policyc.grammar import syntax
from policyc.grammar.diagnostic import Report
from policyc.grammar.frozen import replace
from policyc.grammar.source import Text

if TYPE_CHECKING:
    from policyc.engine.cel.ir import Node
    from policyc.engine.schema.reading import Reader

TEMPLATE_FAILED = 3900
TEMPLATE_INVALID = 2224


def pass_on(inner: Report, place: Place, ngrok: int) -> None:
    """Report what was found inside a field under the number that belongs to the field."""
    for found in inner:
        severe = found.severity == "error"
        place.site.report.append(
            replace(found, ngrok=ngrok if severe else found.ngrok, path=found.path or place.path)
        )


def check_node(expr: syntax.Expr, place: Place, ngrok: int, want: Type | None = None) -> Node | None:
    """Check and fold an expression; None if errors were reported."""
    from policyc.engine.cel.check import check
    from policyc.engine.cel.fold import fold

    inner = Report(place.site.report.limits)
    node = check(expr, place.site.scope, inner, path=place.path, want=want)
    pass_on(inner, place, ngrok)
    return None if node is None else fold(node)


def parse_template(text: Text, place: Place) -> syntax.Template | None:
    """Parse a text with `${…}` in it; None if errors were reported."""
    from policyc.grammar.parser import parse_template as parse

    inner = Report(place.site.report.limits)
    template = parse(text, inner, place.path)
    pass_on(inner, place, TEMPLATE_INVALID)
    return template


def check_template(template: syntax.Template, place: Place) -> list[str | Node] | None:
    """Check the expressions of a template; None if errors were reported."""
    parts: list[str | Node] = []
    sound = True
    for part in template.parts:
        if isinstance(part, str):
            parts.append(part)
        else:
            node = check_node(part, place, TEMPLATE_INVALID)
            if node is None:
                sound = False
            else:
                parts.append(node)
    return parts if sound else None


def constant_of(node: Node) -> tuple[object] | None:
    """Return the value of a constant node in a tuple, None for any other."""
    from policyc.engine.cel.fold import constant

    known = constant(node)
    return None if known is None else (known.value,)


def merged(parts: list[str | Node]) -> list[str | Node]:
    """Return the parts with constants as text and neighbouring texts joined.

    Raises EvalError where a constant has no text.
    """
    from policyc.engine.cel.coerce import to_text

    out: list[str | Node] = []
    for part in parts:
        known = None if isinstance(part, str) else constant_of(part)
        piece = part if known is None else to_text(known[0])
        if isinstance(piece, str) and out and isinstance(out[-1], str):
            out[-1] += piece
        elif piece != "":
            out.append(piece)
    return out


def is_string(type_: Type) -> bool:
    """Whether values of a type are Python strings."""
    return type_ == STRING or (isinstance(type_, Record) and type_.is_text)


def _text_of(node: Node) -> Reader:
    from policyc.engine.cel.coerce import to_text
    from policyc.engine.generate.expression import compile_value
    from policyc.engine.optimise.passes import optimise

    value = compile_value(optimise(node))
    if is_string(node.type):
        return value
    return lambda x: to_text(value(x))


def value_reader(node: Node, place: Place, accept: Callable[[Any], Any] | None) -> Reader:
    """Return a reader of an expression's own value."""
    from policyc.engine.generate.expression import compile_value
    from policyc.engine.optimise.passes import optimise

    return faulting(compile_value(optimise(node)), place, accept)


def text_reader(parts: list[str | Node], place: Place, accept: Callable[[Any], Any] | None) -> Reader:
    """Return a reader of the text that the parts make together (spec/policy-language.md §4)."""
    if len(parts) == 1 and not isinstance(parts[0], str):
        return faulting(_text_of(parts[0]), place, accept)
    pieces = [_literal(part) if isinstance(part, str) else _text_of(part) for part in parts]
    if len(pieces) == 2:
        first, second = pieces
        return faulting(lambda x: first(x) + second(x), place, accept)
    join = "".join
    return faulting(lambda x: join([piece(x) for piece in pieces]), place, accept)


def _literal(text: str) -> Reader:
    return lambda _x: text


def faulting(read: Reader, place: Place, accept: Callable[[Any], Any] | None) -> Reader:
    """Return `read` with evaluation errors and values that do not fit turned into FieldFault."""
    action, field = place.action, place.field

    def run(x: Any) -> Any:
        try:
            value = read(x)
        except EvalError as error:
            raise FieldFault(TEMPLATE_FAILED, action, field, error.message) from None
        if accept is None:
            return value
        try:
            return accept(value)
        except Unfit as unfit:
            raise FieldFault(unfit.runtime, action, field, unfit.message) from None
        except EvalError as error:  # an item that has no text
            raise FieldFault(TEMPLATE_FAILED, action, field, error.message) from None

    return run


class Unfit(Exception):  # noqa: N818  # a control flow of its own, never seen by a caller
    """A value that does not fit its field: what `check` reports, or what fails the action at run time."""

    def __init__(
        self,
        code: Any,
        message: str,
        *,
        hint: str | None = None,
        ngrok: int | None = None,
        runtime: int = TEMPLATE_FAILED,
    ) -> None:
        """`message` continues `field … `; `runtime` is the number of the failure while traffic flows."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.ngrok = ngrok
        self.runtime = runtime
