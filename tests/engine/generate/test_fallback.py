"""What generated code catches, and what answers then."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.evaluation import exchange, node_of

from policyc.engine.cel import ir
from policyc.engine.generate.fallback import CATCH, Slow, fail_absent
from policyc.engine.values import EvalError


def test_defect_of_ours_is_not_taken_for_an_error() -> None:
    assert not any(issubclass(NameError, caught) for caught in CATCH)
    assert Exception not in CATCH


def test_plain_evaluator_is_made_of_a_node_or_of_what_gives_it() -> None:
    node = node_of("req.method == 'GET'")
    asked: list[ir.Node] = []

    def give() -> ir.Node:
        asked.append(node)
        return node

    later: Callable[[], ir.Node] = give
    slow = Slow(later)
    assert asked == []
    assert slow(exchange("GET"), {}) is True
    assert Slow(node)(exchange("POST"), {}) is False
    assert slow.node is node


def test_absent_variable_is_an_error_of_the_expression() -> None:
    with pytest.raises(EvalError):
        fail_absent("conn.tls.sni")
