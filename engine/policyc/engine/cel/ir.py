"""Typed expressions: what the checker makes of the syntax tree, and what both evaluators read.

Macros are expanded, names resolved, overloads chosen. Every node has a `type` and the `span` of its source.
A node list is closed: `plan.py` and `generate/` each have one function per class here, and mypy says if one
lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from policyc.engine.types import Type
from policyc.grammar.source import Span

if TYPE_CHECKING:
    from policyc.engine.function import Overload
    from policyc.engine.variables import Variable


class Node:
    """What all nodes have."""

    __slots__ = ("span", "type")

    def __init__(self, type: Type, span: Span) -> None:
        """Give the node its type and place."""
        self.type = type
        self.span = span


class Const(Node):
    """A value known at compile time (a Python value as in values.py)."""

    __slots__ = ("value",)

    def __init__(self, value: object, type: Type, span: Span) -> None:
        """Hold `value`."""
        super().__init__(type, span)
        self.value = value


class Var(Node):
    """A declared variable, by its full path (`req.url.path`); its reader says how to get it."""

    __slots__ = ("variable",)

    def __init__(self, variable: Variable, type: Type, span: Span) -> None:
        """Read `variable`."""
        super().__init__(type, span)
        self.variable = variable


class Local(Node):
    """A variable that a macro or `cel.bind` made; `name` is unique within the whole expression."""

    __slots__ = ("name",)

    def __init__(self, name: str, type: Type, span: Span) -> None:
        """Read the local `name`."""
        super().__init__(type, span)
        self.name = name


class Field(Node):
    """`operand.name`: of a record, a map or a dyn. `optional` for `.?`: the node's type is then optional."""

    __slots__ = ("name", "operand", "optional")

    def __init__(self, operand: Node, name: str, optional: bool, type: Type, span: Span) -> None:
        """Select `name` of `operand`."""
        super().__init__(type, span)
        self.operand = operand
        self.name = name
        self.optional = optional


class At(Node):
    """`operand[index]`: of a list, a map, headers or a dyn. `optional` for `[?index]`."""

    __slots__ = ("index", "operand", "optional")

    def __init__(self, operand: Node, index: Node, optional: bool, type: Type, span: Span) -> None:
        """Index `operand`."""
        super().__init__(type, span)
        self.operand = operand
        self.index = index
        self.optional = optional


class HasVar(Node):
    """`has(path)` of a declared variable or namespace: the variable's own test of presence."""

    __slots__ = ("variable",)

    def __init__(self, variable: Variable, type: Type, span: Span) -> None:
        """Test `variable`."""
        super().__init__(type, span)
        self.variable = variable


class HasField(Node):
    """`has(operand.name)`: of a record, a map or a dyn."""

    __slots__ = ("name", "operand")

    def __init__(self, operand: Node, name: str, type: Type, span: Span) -> None:
        """Test `operand.name`."""
        super().__init__(type, span)
        self.operand = operand
        self.name = name


class Apply(Node):
    """A function or operator on evaluated arguments.

    `overloads` are those that the argument types allow: one where the types are known, several where an
    argument is dyn, and then the values decide at run time.
    """

    __slots__ = ("args", "function", "overloads")

    def __init__(
        self,
        function: str,
        overloads: tuple[Overload, ...],
        args: tuple[Node, ...],
        type: Type,
        span: Span,
    ) -> None:
        """Apply `function` (an operator as `_+_`) to `args`; a method's target is the first argument."""
        super().__init__(type, span)
        self.function = function
        self.overloads = overloads
        self.args = args


class Not(Node):
    """`!operand`."""

    __slots__ = ("operand",)

    def __init__(self, operand: Node, type: Type, span: Span) -> None:
        """Negate `operand`."""
        super().__init__(type, span)
        self.operand = operand


class And(Node):
    """`a && b && …`: false if any is false, else an error if any is, else true."""

    __slots__ = ("operands",)

    def __init__(self, operands: tuple[Node, ...], type: Type, span: Span) -> None:
        """Join `operands`."""
        super().__init__(type, span)
        self.operands = operands


class Or(Node):
    """`a || b || …`: true if any is true, else an error if any is, else false."""

    __slots__ = ("operands",)

    def __init__(self, operands: tuple[Node, ...], type: Type, span: Span) -> None:
        """Join `operands`."""
        super().__init__(type, span)
        self.operands = operands


class If(Node):
    """`test ? yes : no`; only the branch taken is evaluated."""

    __slots__ = ("no", "test", "yes")

    def __init__(self, test: Node, yes: Node, no: Node, type: Type, span: Span) -> None:
        """Choose."""
        super().__init__(type, span)
        self.test = test
        self.yes = yes
        self.no = no


class MakeList(Node):
    """`[a, ?b]`: an item with `optional` set is left out when it is absent."""

    __slots__ = ("items", "optional")

    def __init__(self, items: tuple[Node, ...], optional: tuple[bool, ...], type: Type, span: Span) -> None:
        """Make a list."""
        super().__init__(type, span)
        self.items = items
        self.optional = optional


class MakeMap(Node):
    """`{k: v}`: entries are (key, value, optional); a duplicate key is an evaluation error."""

    __slots__ = ("entries",)

    def __init__(self, entries: Sequence[tuple[Node, Node, bool]], type: Type, span: Span) -> None:
        """Make a map."""
        super().__init__(type, span)
        self.entries = tuple(entries)


class Loop(Node):
    """A comprehension macro over the items of a list or the keys of a map.

    `kind` decides what is made: all, exists, exists_one (bool, with CEL's rules for errors: all and exists
    absorb them, exists_one does not); map, filter (a list); map_filter (three-argument map: `guard` then
    `body`); transform_list, transform_map, transform_map_entry (two-variable macros; `guard` may be None);
    sort_by (the items ordered by `body`). `key` is the first or only loop variable; `value` the second one
    of the two-variable forms (index and item of a list, key and value of a map), else None.
    """

    __slots__ = ("body", "guard", "key", "kind", "over", "value")

    def __init__(
        self,
        kind: str,
        over: Node,
        key: str,
        value: str | None,
        guard: Node | None,
        body: Node,
        type: Type,
        span: Span,
    ) -> None:
        """Loop over `over`."""
        super().__init__(type, span)
        self.kind = kind
        self.over = over
        self.key = key
        self.value = value
        self.guard = guard
        self.body = body


class Bind(Node):
    """`cel.bind(name, value, body)`: value is evaluated at most once, when the body first reads it."""

    __slots__ = ("body", "name", "value")

    def __init__(self, name: str, value: Node, body: Node, type: Type, span: Span) -> None:
        """Bind."""
        super().__init__(type, span)
        self.name = name
        self.value = value
        self.body = body


class OptMap(Node):
    """`opt.optMap(v, body)` and, with `flat`, `opt.optFlatMap(v, body)`."""

    __slots__ = ("body", "flat", "name", "operand")

    def __init__(self, operand: Node, name: str, body: Node, flat: bool, type: Type, span: Span) -> None:
        """Map over an optional."""
        super().__init__(type, span)
        self.operand = operand
        self.name = name
        self.body = body
        self.flat = flat


# The closed list: what a `match` over nodes must cover.
AnyNode = (
    Const
    | Var
    | Local
    | Field
    | At
    | HasVar
    | HasField
    | Apply
    | Not
    | And
    | Or
    | If
    | MakeList
    | MakeMap
    | Loop
    | Bind
    | OptMap
)


def children(node: Node) -> tuple[Node, ...]:
    """Return the nodes right below a node, in the order of evaluation."""
    below = _BELOW.get(type(node))
    return () if below is None else below(node)


# By class: every pass over every expression asks, and a `match` tries one class after the other.
_BELOW: dict[type[Node], Callable[[Any], tuple[Node, ...]]] = {
    Field: lambda node: (node.operand,),
    HasField: lambda node: (node.operand,),
    Not: lambda node: (node.operand,),
    At: lambda node: (node.operand, node.index),
    Apply: lambda node: node.args,
    And: lambda node: node.operands,
    Or: lambda node: node.operands,
    If: lambda node: (node.test, node.yes, node.no),
    MakeList: lambda node: node.items,
    MakeMap: lambda node: tuple(part for key, value, _ in node.entries for part in (key, value)),
    Loop: lambda node: (node.over, node.body) if node.guard is None else (node.over, node.guard, node.body),
    Bind: lambda node: (node.value, node.body),
    OptMap: lambda node: (node.operand, node.body),
}


def with_children(node: Node, nodes: Sequence[Node]) -> Node:
    """Return a node like this one over other children, given in the order of `children`."""
    match node:
        case Field():
            return Field(nodes[0], node.name, node.optional, node.type, node.span)
        case HasField():
            return HasField(nodes[0], node.name, node.type, node.span)
        case Not():
            return Not(nodes[0], node.type, node.span)
        case At():
            return At(nodes[0], nodes[1], node.optional, node.type, node.span)
        case Apply():
            return Apply(node.function, node.overloads, tuple(nodes), node.type, node.span)
        case And():
            return And(tuple(nodes), node.type, node.span)
        case Or():
            return Or(tuple(nodes), node.type, node.span)
        case If():
            return If(nodes[0], nodes[1], nodes[2], node.type, node.span)
        case MakeList():
            return MakeList(tuple(nodes), node.optional, node.type, node.span)
        case MakeMap():
            flags = [optional for _, _, optional in node.entries]
            entries = list(zip(nodes[::2], nodes[1::2], flags, strict=True))
            return MakeMap(entries, node.type, node.span)
        case Loop():
            guard = None if node.guard is None else nodes[1]
            return Loop(node.kind, nodes[0], node.key, node.value, guard, nodes[-1], node.type, node.span)
        case Bind():
            return Bind(node.name, nodes[0], nodes[1], node.type, node.span)
        case OptMap():
            return OptMap(nodes[0], node.name, nodes[1], node.flat, node.type, node.span)
        case _:
            return node
