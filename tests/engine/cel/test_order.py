from __future__ import annotations

import pytest

from policyc.engine.cel.order import sort_by
from policyc.engine.values import Duration, EvalError


def test_items_follow_their_keys_and_equal_ones_stay() -> None:
    assert sort_by(["b", "a", "c"], [2, 1, 1]) == ["a", "c", "b"]
    assert sort_by(["x", "y"], [Duration(2), Duration(1)]) == ["y", "x"]
    assert sort_by([], []) == []


@pytest.mark.parametrize("keys", [[1, "a"], [1, True], [None, None], [[1], [2]]])
def test_keys_are_of_one_comparable_type(keys: list[object]) -> None:
    with pytest.raises(EvalError) as caught:
        sort_by(["a", "b"], keys)
    assert caught.value.kind == "no_such_overload"
