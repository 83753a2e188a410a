import sys

import pytest

from policyc.engine.cel.depth import room


def deep(levels: int) -> int:
    return 0 if levels == 0 else 1 + deep(levels - 1)


def test_the_stack_is_deep_enough_while_it_lasts() -> None:
    before = sys.getrecursionlimit()
    with room():
        assert deep(5000) == 5000
    assert sys.getrecursionlimit() == before


def test_a_deeper_stack_is_left_alone() -> None:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        with room():
            assert sys.getrecursionlimit() == 20_000
    finally:
        sys.setrecursionlimit(before)


def test_the_limit_returns_after_an_error() -> None:
    before = sys.getrecursionlimit()
    with pytest.raises(ValueError, match="x"), room():
        raise ValueError("x")
    assert sys.getrecursionlimit() == before
