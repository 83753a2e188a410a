"""Expressions that several conditions have in common: made one node, and told which are worth keeping.

The generated function of a phase keeps the value of such a node in a local from its first evaluation on,
until a rule acts (generate/phase.py). Equal nodes become the same object first, so that identity says it all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from policyc.engine.cel import ir
from policyc.engine.cel.depth import room
from policyc.engine.cel.dispatch import known_overload, plain
from policyc.engine.optimise.same import Key, chance, own_key

WORTH = 4  # what a node must weigh: less than that is as cheap as asking whether it is there already

# What is read from where no function is called.
_LIGHT = frozenset({"_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "_in_", "has items", "has no items"})
_NEVER_NULL = frozenset({"string", "int", "uint", "double", "bool", "bytes", "list", "map", "headers"})


class Shared(NamedTuple):
    """Conditions with their equal parts made one, and those parts that are worth keeping."""

    conditions: tuple[ir.Node | None, ...]
    nodes: tuple[ir.Node, ...]

    @property
    def ids(self) -> frozenset[int]:
        """The identities of the nodes worth keeping; valid as long as this object is."""
        return frozenset(map(id, self.nodes))


def share(conditions: Sequence[ir.Node | None]) -> Shared:
    """Return the conditions over common nodes, and which of these are worth keeping."""
    interner = _Interner()
    with room():
        made = tuple(None if node is None else interner.of(node) for node in conditions)
        uses: Counter[int] = Counter()
        seen: dict[int, ir.Node] = {}
        for node in made:
            if node is not None:
                _count(node, uses, seen)
        kept = tuple(node for key, node in seen.items() if uses[key] > 1 and _is_worth(node))
    return Shared(made, kept)


def _count(node: ir.Node, uses: Counter[int], seen: dict[int, ir.Node]) -> None:
    """Count how many nodes or conditions use each node; the inside of a loop is a function of its own."""
    uses[id(node)] += 1
    if id(node) in seen:
        return
    seen[id(node)] = node
    for child in (node.over,) if isinstance(node, ir.Loop) else ir.children(node):
        _count(child, uses, seen)


def _is_worth(node: ir.Node) -> bool:
    return (
        not isinstance(node, ir.Const | ir.Var | ir.Local | ir.HasVar)
        and plain(node.type).name in _NEVER_NULL
        and weight(node) >= WORTH
        and not _is_open(node, frozenset())
        and not _is_random(node)
    )


def _is_random(node: ir.Node) -> bool:
    return (isinstance(node, ir.Apply) and node.function in chance()) or any(
        map(_is_random, ir.children(node))
    )


def _is_open(node: ir.Node, bound: frozenset[str]) -> bool:
    """Return whether the node reads locals that something around it makes."""
    match node:
        case ir.Local():
            return node.name not in bound
        case ir.Loop():
            inner = bound | {node.key} | ({node.value} if node.value is not None else set())
            inside = (node.body,) if node.guard is None else (node.guard, node.body)
            return _is_open(node.over, bound) or any(_is_open(part, inner) for part in inside)
        case ir.Bind():
            return _is_open(node.value, bound) or _is_open(node.body, bound | {node.name})
        case ir.OptMap():
            return _is_open(node.operand, bound) or _is_open(node.body, bound | {node.name})
    return any(_is_open(child, bound) for child in ir.children(node))


def weight(node: ir.Node) -> int:
    """Return roughly what evaluating a node costs; reading a variable is 1."""
    own = 1
    if isinstance(node, ir.Const | ir.Not | ir.And | ir.Or):
        own = 0
    elif isinstance(node, ir.Loop):
        own = 20
    elif isinstance(node, ir.Field | ir.At | ir.HasField):
        own = 2
    elif isinstance(node, ir.Apply) and node.function not in _LIGHT:
        overload = known_overload(node.overloads, node.args)
        has_code = overload is not None and overload.python([plain(arg.type) for arg in node.args])
        own = 3 if has_code else 6
    return own + sum(map(weight, ir.children(node)))


class _Interner:
    """Gives one node for all that are written alike."""

    def __init__(self) -> None:
        self._known: dict[Key, ir.Node] = {}

    def of(self, node: ir.Node) -> ir.Node:
        below = ir.children(node)
        made = [self.of(child) for child in below]
        if any(new is not old for new, old in zip(made, below, strict=True)):
            node = ir.with_children(node, made)
        return self._known.setdefault((*own_key(node), node.type, *map(id, made)), node)
