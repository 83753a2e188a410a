"""Mappings with computed keys: `{ (req.host): 1 }` in a `.policy` file, where the field takes any key.

A key that is constant makes an ordinary entry. As soon as one is not, the whole mapping is worked out for
each exchange; two keys that then turn out equal are an error, as in CEL.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from policyc.engine.schema import codes
from policyc.engine.schema.evaluate import (
    TEMPLATE_INVALID,
    check_node,
    constant_of,
    faulting,
    is_string,
    value_reader,
)
from policyc.engine.schema.place import Place
from policyc.engine.schema.reading import Dynamic, Reader, Reading
from policyc.engine.types import DYN, ERROR, STRING, map_of
from policyc.engine.values import EvalError
from policyc.grammar import syntax
from policyc.grammar.source import Span

if TYPE_CHECKING:
    from policyc.engine.cel.ir import Node


def entry_key(entry: syntax.MapEntry, place: Place, *, may_vary: bool = False) -> str | Node | None:
    """Return the key of an entry, or the expression that gives it; None if errors were reported.

    Without `may_vary` a computed key must be a constant string.
    """
    if entry.key_expr is None:
        return entry.key.value
    node = check_node(entry.key_expr, place, TEMPLATE_INVALID)
    if node is None:
        return None
    known = constant_of(node)
    if known is not None and isinstance(known[0], str):
        return known[0]
    if known is None and may_vary:
        if node.type in (DYN, ERROR) or is_string(node.type):
            return node
        message = f"a key of {place.name} must be a text, and the expression is `{node.type}`"
        place.report(codes.WRONG_TYPE, message, entry.key.span)
        return None
    place.report(codes.NOT_CONSTANT, f"a key of {place.name} must be a constant text", entry.key.span)
    return None


def computed_map(entries: Sequence[tuple[str | Node, Reading]], span: Span, place: Place) -> Dynamic:
    """Return the reading of a mapping of which at least one key is worked out for each exchange."""
    nodes: list[Node] = []
    for key, reading in entries:
        if not isinstance(key, str):
            nodes.append(key)
        nodes.extend(reading.nodes())

    def make() -> Reader:
        readers = [(_key_reader(key, place), reading.reader()) for key, reading in entries]

        def read(x: Any) -> Any:
            made: dict[str, object] = {}
            for read_key, read_value in readers:
                key = read_key(x)
                if not isinstance(key, str):
                    raise EvalError("no_such_overload", "a key of a mapping is no text")
                if key in made:
                    raise EvalError("duplicate_key", f"the key `{key}` stands twice in a mapping")
                made[key] = read_value(x)
            return made

        return faulting(read, place, None)

    return Dynamic(make, tuple(nodes), span, place.path, map_of(STRING, DYN))


def _key_reader(key: str | Node, place: Place) -> Reader:
    if isinstance(key, str):
        return lambda _x: key
    return value_reader(key, place, None)
