from typing import Any

import pytest
from tests.engine.functions.evaluation import CEL, error_of, evaluate


@pytest.mark.parametrize(
    "zero",
    ["0", "0u", "0.0", "''", "b''", "false", "null", "[]", "{}", "duration('0s')", "timestamp(0)"],
)
def test_zero_values_are_absent(zero: str) -> None:
    assert evaluate(f"optional.ofNonZeroValue({zero}).hasValue()", CEL) is False


@pytest.mark.parametrize("value", ["1", "'a'", "[0]", "duration('1s')", "int"])
def test_other_values_are_present(value: str) -> None:
    assert evaluate(f"optional.ofNonZeroValue({value}).hasValue()", CEL) is True


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("optional.of(1) == optional.of(1)", True),
        ("optional.of(dyn(true)) == optional.of(dyn(1))", False),
        ("optional.none().or(optional.none()).orValue(5)", 5),
        ("optional.unwrap([optional.none(), optional.of(2)])", [2]),
    ],
)
def test_optionals(expression: str, value: Any) -> None:
    assert evaluate(expression, CEL) == value


def test_value_of_nothing_is_an_error() -> None:
    assert error_of("optional.none().value()", CEL) == "absent"
