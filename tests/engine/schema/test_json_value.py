"""Free-form values."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import config_of

from policyc.engine.schema.json_value import type_of


def type_of_value(value: str) -> str:
    (item,) = config_of("set-vars", f"{{ vars: [{{ a: {value} }}] }}").config().items("vars")
    (reading,) = item.entries.values()  # type: ignore[attr-defined]
    return str(type_of(reading))


@pytest.mark.parametrize(
    ("value", "type_name"),
    [
        ("1", "int"),
        ("1.5", "double"),
        ("true", "bool"),
        ("null", "null_type"),
        ("x", "string"),
        ('"${req.method}!"', "string"),
        ('"${size(req.host)}"', "int"),
        ("[1, 2]", "list(int)"),
        ("[1, a]", "list(dyn)"),
        ("{ a: 1 }", "map(string, int)"),
        ("{ a: [x], b: ['${req.host}'] }", "map(string, list(string))"),
    ],
)
def test_the_type_of_a_value_is_known(value: str, type_name: str) -> None:
    assert type_of_value(value) == type_name


def test_depth_is_limited_to_the_number_that_is_recommended() -> None:
    for depth, is_right in ((16, True), (17, False)):
        value = "[" * (depth - 1) + "1" + "]" * (depth - 1)
        assert (config_of("set-vars", f"{{ vars: [{{ a: {value} }}] }}").errors == []) == is_right
