from typing import Any

import pytest
from tests.engine.functions.evaluation import CEL, error_of, evaluate

from policyc.engine.values import UInt


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("math.round(0.49999999999999994)", 0.0),
        ("math.round(-0.5)", -1.0),
        ("math.ceil(1e300)", 1e300),
        ("math.floor(1.0/0.0)", float("inf")),
        ("math.greatest(1, 2u, 1.5)", UInt(2)),
        ("math.greatest(1u, 1)", UInt(1)),
        ("math.least([3, 1, 2])", 1),
        ("math.abs(-1.5)", 1.5),
        ("math.sign(-0.5)", -1.0),
        ("math.sqrt(2u) * math.sqrt(2u) > 1.99", True),
        ("math.isNaN(math.sqrt(-1))", True),
        ("math.bitNot(0u)", UInt(2**64 - 1)),
        ("math.bitShiftLeft(1, 63)", -(2**63)),
        ("math.bitShiftLeft(1, 64)", 0),
        ("math.bitShiftRight(-1, 1)", 2**63 - 1),
        ("math.bitShiftRight(-1, 0)", -1),
        ("math.bitShiftRight(1u, 100)", UInt(0)),
        ("math.bitAnd(-1, 255)", 255),
    ],
)
def test_math(expression: str, value: Any) -> None:
    got = evaluate(expression, CEL)
    assert (got, type(got)) == (value, type(value))


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("math.abs(-9223372036854775808)", "overflow"),
        ("math.bitShiftLeft(1, -1)", "invalid_argument"),
        ("math.greatest(dyn([]))", "invalid_argument"),
        ("math.greatest([dyn(1), dyn('a')])", "no_such_overload"),
        ("math.least(dyn('a'), 1)", "no_such_overload"),
        ("math.ceil(dyn(1))", "no_such_overload"),
    ],
)
def test_errors(expression: str, kind: str) -> None:
    assert error_of(expression, CEL) == kind
