"""What the optimiser writes: both evaluators run it, and it never fails."""

from __future__ import annotations

import pytest
from tests.evaluation import exchange, node_of

from policyc.engine.cel import ir
from policyc.engine.cel.plan import plan
from policyc.engine.generate.expression import compile_value
from policyc.engine.generate.safety import is_safe
from policyc.engine.optimise import forms
from policyc.engine.optimise.forms import Stretches, merged
from policyc.engine.types import DYN, INT, STRING

METHOD = node_of("req.method")
PORT = node_of("conn.client_port")
VALUES = node_of("['a', 'GET']")
SPAN = METHOD.span


@pytest.mark.parametrize(
    ("made", "want"),
    [
        (forms.one_of(METHOD, ["GET", "PUT"], STRING, SPAN), True),
        (forms.one_of(METHOD, ["PUT"], STRING, SPAN), False),
        (forms.one_of(METHOD, ["GET"], DYN, SPAN), True),
        (forms.one_of(PORT, [4000, 1], INT, SPAN), True),
        (forms.any_of(VALUES, ["GET"], SPAN), True),
        (forms.any_of(VALUES, ["PUT"], SPAN), False),
        (forms.item_of(METHOD, VALUES, SPAN), True),
        (forms.item_of(METHOD, node_of("{'GET': 1}"), SPAN), True),
        (forms.affixed(METHOD, ["P", "GE"], "startsWith", SPAN), True),
        (forms.affixed(METHOD, ["P", "GE"], "endsWith", SPAN), False),
        (forms.has_items(METHOD, True, SPAN), True),
        (forms.has_items(METHOD, False, SPAN), False),
        (forms.in_networks(PORT, Stretches([(3999, 4000)], ["a"]), SPAN), True),
        (forms.in_networks(PORT, Stretches([], []), SPAN), False),
    ],
)
def test_both_evaluators_know_the_forms(made: ir.Node, want: bool) -> None:
    assert is_safe(made)
    assert plan(made)(exchange(), {}) is want
    assert compile_value(made)(exchange()) is want


def test_values_of_what_is_not_there_are_none() -> None:
    made = forms.values_of(node_of("req.headers"), "x", VALUES.type, SPAN)
    assert compile_value(made)(exchange()) == plan(made)(exchange(), {}) == []
    assert compile_value(made)(exchange(headers=[("X", "1")])) == ["1"]


def test_ranges_that_overlap_or_touch_are_one() -> None:
    assert merged([(5, 9), (0, 3), (4, 4), (20, 30), (22, 25), (31, 31), (40, 40)]) == [
        (0, 9),
        (20, 31),
        (40, 40),
    ]


def test_no_address_is_in_no_stretch() -> None:
    everything = Stretches([(0, 2**32 - 1)], ["0.0.0.0/0"])
    inside, _, starts = everything.inside, None, everything.starts
    from bisect import bisect_right

    assert [inside[bisect_right(starts, n) - 1] for n in (-1, 0, 2**32 - 1, 2**32)] == [
        False,
        True,
        True,
        False,
    ]
