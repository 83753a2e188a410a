"""Nested conjunctions and disjunctions joined."""

from __future__ import annotations

import pytest
from tests.evaluation import exchange, node_of

from policyc.engine.cel import ir
from policyc.engine.cel.plan import plan
from policyc.engine.cel.show import show
from policyc.engine.optimise.flatten import flatten
from policyc.engine.types import BOOL
from policyc.engine.values import EvalError

A, B, C = "req.method == 'a'", "req.host == 'b'", "req.version == 'c'"


@pytest.mark.parametrize(
    ("text", "want"),
    [
        (f"({A} && {B}) && {C}", f"{A} && {B} && {C}"),
        (f"{A} || ({B} || ({C} || {A}))", f"{A} || {B} || {C} || {A}"),
        (f"({A} || {B}) && {C}", f"({A} || {B}) && {C}"),
        (f"!(({A} && {B}) && {C})", f"!({A} && {B} && {C})"),
    ],
)
def test_chains_of_one_kind_are_joined(text: str, want: str) -> None:
    assert show(flatten(node_of(text))) == want


def test_what_is_no_nested_chain_stays_the_same_object() -> None:
    node = node_of(f"{A} && ({B} || {C})")
    assert flatten(node) is node


def test_term_that_is_no_bool_is_still_an_error() -> None:
    # As a conjunction of its own (the expressions of a rule) it fails; joined to another one it does too.
    inner = node_of("vars.a")
    nested = ir.And((ir.And((inner,), BOOL, inner.span), node_of(A)), BOOL, inner.span)
    joined = flatten(nested)
    assert isinstance(joined, ir.And)
    assert joined.operands[0] is inner
    with pytest.raises(EvalError):
        plan(joined)(exchange(method="a", variables={"a": "text"}), {})
