"""Fields that hold an expression."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import config_of, exchange, result

LIMIT = "{ name: a, algorithm: sliding_window, capacity: 1, rate: 60s, bucket_key: [%s] }"


@pytest.mark.parametrize(
    ("element", "key"), [("'req.method'", '["GET"]'), ("true", "[true]"), ("1", "[1]"), ("\"'a'\"", '["a"]')]
)
def test_in_yaml_it_is_bare_source(element: str, key: str) -> None:
    x = exchange()
    config_of("rate-limit", LIMIT % element).run()(x)
    assert result(x, "rate_limit")["bucket_key"] == key


@pytest.mark.parametrize("element", ["null", "[a]", "{ a: b }"])
def test_nothing_else_is_an_expression(element: str) -> None:
    assert config_of("rate-limit", LIMIT % element).only.ngrok == 2228


def test_a_template_is_no_expression_in_yaml() -> None:
    assert config_of("rate-limit", LIMIT % "'${req.method}'").errors != []
