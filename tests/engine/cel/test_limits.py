import pytest

from policyc.engine.cel import limits
from policyc.engine.values import EvalError


def test_what_fits_is_returned_as_it_is() -> None:
    text, items = "x" * limits.TEXT_LIMIT, [0] * limits.ITEMS_LIMIT
    assert limits.bounded_text(text) is text
    assert limits.bounded_items(items) is items


def test_what_does_not_fit_is_an_error() -> None:
    with pytest.raises(EvalError, match="longer than 1048576"):
        limits.bounded_text(b"x" * (limits.TEXT_LIMIT + 1))
    with pytest.raises(EvalError, match="more than 100000"):
        limits.bounded_items([0] * (limits.ITEMS_LIMIT + 1))
