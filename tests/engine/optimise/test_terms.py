"""Terms of a chain that belong together."""

from __future__ import annotations

from tests.evaluation import node_of

from policyc.engine.cel import ir
from policyc.engine.cel.show import show
from policyc.engine.optimise.membership import member_of
from policyc.engine.optimise.terms import Term, joined, merge

CHAIN = node_of("req.method == 'a' || req.host == 'b' || req.method == 'c' || req.version == 'd'")


def test_terms_stand_where_the_first_of_them_stood() -> None:
    assert isinstance(CHAIN, ir.Or)
    wrote: list[Term] = []

    def write(term: Term, first: ir.Node) -> ir.Node:
        wrote.append(term)
        return first

    operands = merge(CHAIN.operands, member_of, write)
    assert operands is not None
    assert [show(operand) for operand in operands] == [
        "req.method == 'a'",
        "req.host == 'b'",
        "req.version == 'd'",
    ]
    assert [term.values for term in wrote] == [("a", "c")]


def test_writer_may_refuse() -> None:
    assert isinstance(CHAIN, ir.Or)
    assert merge(CHAIN.operands, member_of, lambda term, first: None) is None


def test_chain_of_one_is_its_term() -> None:
    assert isinstance(CHAIN, ir.Or)
    first = CHAIN.operands[0]
    assert joined(CHAIN, (first,)) is first
    assert show(joined(CHAIN, CHAIN.operands[:2])) == "req.method == 'a' || req.host == 'b'"
