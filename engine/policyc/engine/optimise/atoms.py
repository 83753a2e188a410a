"""What a condition surely needs of traffic, as far as tables can tell: the atoms that an index rests on.

An atom says: unless one of these alternatives holds, the condition is false, whatever the rest of it is or
fails with. Each alternative asks a probe (something of the traffic, and how it is compared) for a value:

| kind | holds if | of |
| --- | --- | --- |
| exact | the subject is the value | a text or an int |
| prefix, suffix | the subject starts or ends with the value | a text |
| network | the subject, an address as a number, is from the first number to the last | an int |
| first | the first one of the values under a name is the value | a map of lists (headers) |
| any | one of the values under a name is the value | a map of lists |

A subject never fails. Only `first` and `any` may fail, where there is nothing under the name: such an atom is
`open` unless the condition asks for the name as well, and then a rule cannot be passed over there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from policyc.engine.cel import ir
from policyc.engine.cel.dispatch import plain
from policyc.engine.generate.safety import is_safe
from policyc.engine.optimise import forms
from policyc.engine.optimise.affixes import affixes_of
from policyc.engine.optimise.membership import member_of
from policyc.engine.optimise.probe import Kind, Probe
from policyc.engine.optimise.same import Key, key_of
from policyc.engine.types import HEADERS, INT, STRING, list_of, map_of

_LISTS = map_of(STRING, list_of(STRING))


class Alternative(NamedTuple):
    """A value that a probe may find; `may_fail` where nothing is under the name."""

    probe: Probe
    subject: ir.Node
    value: object
    may_fail: bool = False


class Atom(NamedTuple):
    """One term of a condition: false, whatever else, unless an alternative holds (or one fails)."""

    alternatives: tuple[Alternative, ...]

    @property
    def probes(self) -> frozenset[Probe]:
        """What it asks."""
        return frozenset(alternative.probe for alternative in self.alternatives)


def atoms_of(condition: ir.Node | None) -> tuple[Atom, ...]:
    """Return the atoms of an optimised condition, none if no table can tell when it is false."""
    if condition is None:
        return ()
    terms = condition.operands if isinstance(condition, ir.And) else (condition,)
    asked = frozenset(_asked(terms))
    found = []
    for term in terms:
        alternatives = _alternatives(term)
        if alternatives:
            found.append(Atom(tuple(_closed(alternative, asked) for alternative in alternatives)))
    return tuple(found)


def _asked(terms: tuple[ir.Node, ...]) -> Iterator[tuple[Key, str]]:
    """Give the (map, name) that the condition is false without."""
    for term in terms:
        if not isinstance(term, ir.Apply):
            continue
        if term.function == "_in_" and isinstance(term.args[0], ir.Const):
            key = _map_key(term.args[1])
            name = term.args[0].value
            if key is not None and isinstance(name, str):
                yield key, name.lower() if term.args[1].type == HEADERS else name
        elif term.function == "has items":
            named = _values(term.args[0])
            if named is not None:
                yield key_of(named[0]) or (), named[1]


def _closed(alternative: Alternative, asked: frozenset[tuple[Key, str]]) -> Alternative:
    probe = alternative.probe
    if alternative.may_fail and (probe.key, probe.name) in asked:
        return alternative._replace(may_fail=False)
    return alternative


def _alternatives(node: ir.Node) -> list[Alternative] | None:
    if isinstance(node, ir.Or):
        found: list[Alternative] = []
        for operand in node.operands:
            more = _alternatives(operand)
            if more is None:
                return None
            found += more
        return found
    if not isinstance(node, ir.Apply):
        return None
    for kind, function in (("prefix", "startsWith"), ("suffix", "endsWith")):
        affixes = affixes_of(node, function)
        if affixes is not None:
            return _of_subject(kind, affixes.operand, affixes.values)  # type: ignore[arg-type]
    if node.function == "in networks":
        listed = node.args[2]
        assert isinstance(listed, forms.Networks)
        return _of_subject("network", node.args[3], tuple(listed.networks.ranges))
    if node.function == "any in" and isinstance(node.args[1], ir.Const):
        return _of_values(node.args[0], tuple(node.args[1].value))  # type: ignore[arg-type]
    member = member_of(node)
    if member is not None:
        first = _first(member.operand)
        if first is not None:
            return _of_name("first", first, member.values, may_fail=True)
        return _of_subject("exact", member.operand, member.values)
    if node.function == "_in_" and isinstance(node.args[0], ir.Const):
        return _of_values(node.args[1], (node.args[0].value,))
    return None


def _of_subject(kind: Kind, subject: ir.Node, values: tuple[object, ...]) -> list[Alternative] | None:
    key = key_of(subject)
    is_fit = plain(subject.type) in (STRING, INT) and not isinstance(subject, ir.Const)
    if key is None or not is_fit or not is_safe(subject):
        return None
    return [Alternative(Probe(kind, key), subject, value) for value in values]


def _of_values(items: ir.Node, values: tuple[object, ...]) -> list[Alternative] | None:
    named = _values(items)
    if named is None or not all(isinstance(value, str) for value in values):
        return None
    return _of_name("any", named, values, may_fail=isinstance(items, ir.At))


def _of_name(
    kind: Kind, named: tuple[ir.Node, str], values: tuple[object, ...], *, may_fail: bool
) -> list[Alternative]:
    where, name = named
    probe = Probe(kind, key_of(where) or (), name)
    return [Alternative(probe, where, value, may_fail) for value in values]


def _first(node: ir.Node) -> tuple[ir.Node, str] | None:
    """Read `map['name'][0]`: the map and the name."""
    is_first = (
        isinstance(node, ir.At)
        and not node.optional
        and isinstance(node.index, ir.Const)
        and type(node.index.value) is int
        and node.index.value == 0
    )
    return _values(node.operand) if is_first and isinstance(node, ir.At) else None


def _values(node: ir.Node) -> tuple[ir.Node, str] | None:
    """Read `map['name']`, or its form that gives an empty list: the map and the name."""
    if isinstance(node, ir.At) and not node.optional:
        where, name = node.operand, node.index
    elif isinstance(node, ir.Apply) and node.function == "values of":
        where, name = node.args[0], node.args[1]
    else:
        return None
    if not isinstance(name, ir.Const) or not isinstance(name.value, str) or _map_key(where) is None:
        return None
    return where, name.value.lower() if where.type == HEADERS else name.value


def _map_key(where: ir.Node) -> Key | None:
    """Return the key of a map of lists that a table can be made for: a variable that never fails."""
    if isinstance(where, ir.Var) and (where.type == HEADERS or where.type == _LISTS) and is_safe(where):
        return key_of(where)
    return None
