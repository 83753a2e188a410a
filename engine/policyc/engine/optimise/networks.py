"""Tests against constant networks become one bisection over numbers.

    inCidrRange(a, '10.0.0.0/8') || inCidrRanges(a, ['192.0.2.0/24', 'fd00::/8'])

The number of `conn.client_ip` is worked out once per connection. Texts that are no network hold no address,
as the functions say (spec/variables.md §9.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policyc.engine.cel import ir
from policyc.engine.cel.addresses import address_number, range_numbers
from policyc.engine.cel.dispatch import plain
from policyc.engine.client_number import CLIENT_NUMBER
from policyc.engine.function import Overload
from policyc.engine.optimise import forms
from policyc.engine.optimise.rewrite import rewrite
from policyc.engine.optimise.terms import Term, joined, merge
from policyc.engine.types import BOOL, INT, STRING

if TYPE_CHECKING:
    from policyc.grammar.source import Span

_NUMBER: Final = Overload("address_number", (STRING,), INT, address_number)
NUMBER_OF: Final = "number of"


def use_stretches(node: ir.Node) -> ir.Node:
    """Return the expression with its tests against constant networks as bisections."""
    return rewrite(node, _visit)


def _visit(node: ir.Node) -> ir.Node:
    if isinstance(node, ir.Or):
        operands = merge(node.operands, networks_of, _write)
        return node if operands is None else joined(node, operands)
    if isinstance(node, ir.And):
        operands = merge(node.operands, _outside_of, _write_not)
        return node if operands is None else joined(node, operands)
    if isinstance(node, ir.Apply) and node.function in ("inCidrRange", "inCidrRanges"):
        term = networks_of(node)
        return node if term is None else _write(term, node)
    return node


def networks_of(node: ir.Node) -> Term | None:
    """Read a test against constant networks: the address (text or number), and the networks' texts."""
    if not isinstance(node, ir.Apply):
        return None
    if node.function == "in networks":
        listed = node.args[2]
        assert isinstance(listed, forms.Networks)
        return Term(node.args[3], listed.networks.texts)
    if node.function not in ("inCidrRange", "inCidrRanges") or len(node.args) != 2:
        return None
    address, wanted = node.args
    if plain(address.type) != STRING or not isinstance(wanted, ir.Const):
        return None
    texts = wanted.value if isinstance(wanted.value, list) else [wanted.value]
    return Term(address, tuple(texts)) if all(isinstance(text, str) for text in texts) else None


def _outside_of(node: ir.Node) -> Term | None:
    return networks_of(node.operand) if isinstance(node, ir.Not) else None


def _write(term: Term, first: ir.Node) -> ir.Node:
    texts = [str(text) for text in term.values]
    ranges = [found for found in map(range_numbers, texts) if found is not None]
    return forms.in_networks(number_of(term.operand, first.span), forms.Stretches(ranges, texts), first.span)


def _write_not(term: Term, first: ir.Node) -> ir.Node:
    return ir.Not(_write(term, first), BOOL, first.span)


def number_of(address: ir.Node, span: Span) -> ir.Node:
    """Return the expression of an address's number."""
    if address.type == INT:
        return address
    if isinstance(address, ir.Var) and address.variable.path == "conn.client_ip":
        return ir.Var(CLIENT_NUMBER, INT, span)
    return ir.Apply(NUMBER_OF, (_NUMBER,), (address,), INT, span)
