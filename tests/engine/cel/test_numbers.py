import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyc.engine.cel import numbers
from policyc.engine.values import INT_MAX, INT_MIN, EvalError

ints = st.integers(INT_MIN, INT_MAX)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (123.456, "123.456"),
        (-0.0045, "-0.0045"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1.5e300, "1.5e+300"),
        (5e-324, "5e-324"),
        (1234567890123456789.0, "1234567890123456800"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
        (float("nan"), "NaN"),
    ],
)
def test_text_of_a_double(value: float, text: str) -> None:
    assert numbers.double_to_text(value) == text


@given(st.floats(allow_nan=False))
def test_text_of_a_double_reads_back_bit_by_bit(value: float) -> None:
    back = numbers.text_to_double(numbers.double_to_text(value))
    assert struct.pack("d", back) == struct.pack("d", value)


@given(ints, ints.filter(bool))
def test_quotient_and_remainder_make_up_the_dividend(a: int, b: int) -> None:
    if (a, b) == (INT_MIN, -1):
        return
    quotient, remainder = numbers.divide_int(a, b), numbers.modulo_int(a, b)
    assert quotient * b + remainder == a
    assert abs(remainder) < abs(b)
    assert remainder == 0 or (remainder < 0) == (a < 0)


@given(ints, ints)
def test_sums_are_exact_or_an_error(a: int, b: int) -> None:
    if INT_MIN <= a + b <= INT_MAX:
        assert numbers.add_int(a, b) == a + b
    else:
        with pytest.raises(EvalError, match="int overflow"):
            numbers.add_int(a, b)


def test_division_by_zero_has_the_sign_of_the_zero() -> None:
    assert numbers.divide_double(-1.0, -0.0) == float("inf")
    assert numbers.divide_double(-1.0, 0.0) == float("-inf")
    assert str(numbers.divide_double(float("nan"), 0.0)) == "nan"
