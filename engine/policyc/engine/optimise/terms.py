"""Terms of a chain that belong together: put into one, where the first of them stood."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from policyc.engine.cel import ir
from policyc.engine.optimise.same import Key, key_of

V = TypeVar("V")


class Term(NamedTuple):
    """A term that says something of `operand`: one of some values, say."""

    operand: ir.Node
    values: tuple[object, ...]


def merge(
    operands: Sequence[ir.Node],
    read: Callable[[ir.Node], Term | None],
    write: Callable[[Term, ir.Node], ir.Node | None],
) -> tuple[ir.Node, ...] | None:
    """Return the operands with those put together that `read` finds to be about the same; None if none are.

    `write` makes the term of the values of several, given the first of them; None keeps them apart.
    """
    groups: dict[Key, list[int]] = {}
    terms: dict[int, Term] = {}
    for at, operand in enumerate(operands):
        term = read(operand)
        key = None if term is None else key_of(term.operand)
        if term is not None and key is not None:
            terms[at] = term
            groups.setdefault(key, []).append(at)
    made: dict[int, ir.Node | None] = {}
    for members in groups.values():
        if len(members) < 2:
            continue
        first = members[0]
        values = tuple(dict.fromkeys(value for at in members for value in terms[at].values))
        together = write(Term(terms[first].operand, values), operands[first])
        if together is not None:
            made |= {first: together, **dict.fromkeys(members[1:])}
    if not made:
        return None
    kept = (made.get(at, operand) for at, operand in enumerate(operands))
    return tuple(operand for operand in kept if operand is not None)


def joined(node: ir.And | ir.Or, operands: tuple[ir.Node, ...]) -> ir.Node:
    """Return the chain of these operands; the operand itself if it is the only one."""
    return operands[0] if len(operands) == 1 else type(node)(operands, node.type, node.span)
