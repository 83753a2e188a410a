import pytest
from tests.engine.functions.evaluation import CEL, error_of, evaluate

MAX = 9223372036854775807


@pytest.mark.parametrize(
    "expression",
    [
        f"{MAX} + 1",
        f"-{MAX} - 2",
        f"{MAX} * 2",
        f"-(-{MAX} - 1)",
        f"(-{MAX} - 1) / -1",
        f"(-{MAX} - 1) % -1",
        "18446744073709551615u + 1u",
        "0u - 1u",
        "5000000000u * 5000000000u",
    ],
)
def test_integers_that_leave_64_bits_are_an_error(expression: str) -> None:
    assert error_of(expression) == "overflow"


@pytest.mark.parametrize(
    ("expression", "kind"),
    [("1 / 0", "division_by_zero"), ("1u / 0u", "division_by_zero"), ("1 % 0", "modulus_by_zero")],
)
def test_zero_divisor_of_integers_is_an_error(expression: str, kind: str) -> None:
    assert error_of(expression) == kind


@pytest.mark.parametrize(
    ("expression", "value"), [("-7 / 2", -3), ("7 / -2", -3), ("-7 % 2", -1), ("7 % -2", 1), ("-6 / 2", -3)]
)
def test_integer_division_truncates_towards_zero(expression: str, value: int) -> None:
    assert evaluate(expression) == value


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("1.0 / 0.0", "inf"),
        ("-1.0 / 0.0", "-inf"),
        ("1.0 / -0.0", "-inf"),
        ("0.0 / 0.0", "nan"),
        ("1e300 * 1e300", "inf"),
    ],
)
def test_doubles_follow_ieee(expression: str, text: str) -> None:
    assert str(evaluate(expression)) == text


@pytest.mark.parametrize(
    "expression",
    [
        "timestamp('9999-12-31T23:59:59Z') + duration('1s')",
        "timestamp('0001-01-01T00:00:00Z') - duration('1ns')",
        "timestamp('9999-12-31T23:59:59Z') - timestamp('0001-01-01T00:00:00Z')",
        "duration('2562047h') + duration('2562047h')",
    ],
)
def test_times_out_of_range_are_an_error(expression: str) -> None:
    assert error_of(expression) == "range"


def test_texts_cannot_double_without_end() -> None:
    body = "x19"
    for i in range(19, 0, -1):
        body = f"cel.bind(x{i}, x{i - 1} + x{i - 1}, {body})"
    assert error_of(f"cel.bind(x0, '0123456789', {body})", CEL) == "too_large"


def test_lists_cannot_grow_without_end() -> None:
    assert error_of("lists.range(60000) + lists.range(60000)") == "too_large"


def test_a_joined_list_is_a_new_one() -> None:
    assert evaluate("cel.bind(a, [1], (a + [2]).size() + a.size())", CEL) == 3
