"""Sizes compared with nothing."""

from __future__ import annotations

import pytest
from tests.evaluation import exchange, node_of

from policyc.engine.cel.plan import plan
from policyc.engine.cel.show import show
from policyc.engine.generate.expression import compile_value
from policyc.engine.optimise.sizes import test_for_items as for_items


@pytest.mark.parametrize("compared", ["{} > 0", "{} != 0", "{} >= 1", "0 < {}", "1 <= {}", "0 != {}"])
def test_something_is_asked_for(compared: str) -> None:
    for sized in ("size(req.headers)", "req.headers.size()"):
        assert show(for_items(node_of(compared.format(sized)))) == "has items: req.headers"


@pytest.mark.parametrize("compared", ["{} == 0", "{} < 1", "{} <= 0", "0 == {}", "1 > {}", "0 >= {}"])
def test_nothing_is_asked_for(compared: str) -> None:
    assert show(for_items(node_of(compared.format("size(req.method)")))) == "has no items: req.method"


@pytest.mark.parametrize(
    "text",
    ["size(req.method) > 1", "size(req.method) < 0", "size(vars.a) > 0", "conn.client_port > 0", "1 > 0"],
)
def test_other_comparisons_stay(text: str) -> None:
    node = node_of(text)
    assert for_items(node) is node


@pytest.mark.parametrize(
    "text", ["size(req.url.query) > 0", "size([1].filter(i, i > 1)) == 0", "size(b'') < 1"]
)
def test_tests_give_what_the_comparison_gave(text: str) -> None:
    node = node_of(text)
    made = for_items(node)
    assert made is not node
    for target in ("/", "/?a=1"):
        want = plan(node)(exchange(target=target), {})
        assert plan(made)(exchange(target=target), {}) is want
        assert compile_value(made)(exchange(target=target)) is want
