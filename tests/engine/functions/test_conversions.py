from typing import Any

import pytest
from tests.engine.functions.evaluation import CEL, error_of, evaluate

from policyc.engine.values import UInt


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("int('-9223372036854775808')", -(2**63)),
        ("int('+5')", 5),
        ("int(-1.9)", -1),
        ("int(timestamp('1969-12-31T23:59:59.5Z'))", -1),
        ("uint('18446744073709551615')", UInt(2**64 - 1)),
        ("uint(1.9)", UInt(1)),
        ("double('1e3')", 1000.0),
        ("double('-Infinity')", float("-inf")),
        ("string(1e21)", "1e+21"),
        ("string(100000.0)", "100000"),
        ("string(0.00001)", "1e-05"),
        ("string(-0.0)", "-0"),
        ("string(true)", "true"),
        ("string(7u)", "7"),
        ("string(timestamp('2024-01-01T00:00:00.120Z'))", "2024-01-01T00:00:00.12Z"),
        ("string(duration('1h0.5s'))", "3600.5s"),
        ("bytes('é')", b"\xc3\xa9"),
        ("bool('T') ", None),
    ],
)
def test_conversion(expression: str, value: Any) -> None:
    if value is None:
        assert error_of(expression, CEL) == "invalid_argument"
    else:
        got = evaluate(expression, CEL)
        assert (got, type(got)) == (value, type(value))


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("int('9223372036854775808')", "range"),
        ("int(9223372036854775808.0)", "range"),
        ("int(-9223372036854775808.0)", "range"),
        ("int(0.0/0.0)", "range"),
        ("int(18446744073709551615u)", "range"),
        ("int(' 1')", "invalid_argument"),
        ("int('1_0')", "invalid_argument"),
        ("int('')", "invalid_argument"),
        ("int('٣')", "invalid_argument"),
        ("uint(-1)", "range"),
        ("uint(-0.5)", "range"),
        ("uint('-1')", "invalid_argument"),
        ("double('1_0')", "invalid_argument"),
        ("double('1 ')", "invalid_argument"),
        ("double('1e999')", "range"),
        ("bool('yes')", "invalid_argument"),
        ("string(b'\\xff')", "invalid_argument"),
        ("timestamp('2024-02-30T00:00:00Z')", "invalid_argument"),
        ("timestamp(253402300800)", "range"),
        ("duration('5')", "invalid_argument"),
    ],
)
def test_what_does_not_convert_is_an_error(expression: str, kind: str) -> None:
    assert error_of(expression, CEL) == kind


def test_type_of_a_value() -> None:
    assert evaluate("type(dyn(1u)) == uint && type(null) == null_type && type([]) == list", CEL) is True
