from types import SimpleNamespace

import pytest
from tests.engine.functions.evaluation import TRAFFIC, error_of, evaluate

from policyc.engine.traffic import Connection, EndpointInfo, Exchange
from policyc.engine.values import EvalError


def secret(vault: str, name: str) -> str:
    if (vault, name) != ("v", "n"):
        raise EvalError("no_such_secret", "there is no such secret")
    return "hush"


@pytest.fixture
def x() -> Exchange:
    """An exchange whose random integers are the upper bound."""
    services = SimpleNamespace(random_int=lambda low, high: high, random_double=lambda: 0.25, secret=secret)
    endpoint = EndpointInfo("https://a.example", "https", "a.example", 443)
    return Exchange(Connection("192.0.2.1"), endpoint, services)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("rand.double()", 0.25),
        ("rand.int()", 1),
        ("rand.int(0, 99)", 99),
        ("rand.int(3, 3)", 3),
        ("secrets.get('v', 'n')", "hush"),
        ("security.secret('v', 'n')", "hush"),
    ],
)
def test_services_are_asked(x: Exchange, expression: str, value: object) -> None:
    assert evaluate(expression, TRAFFIC, x) == value


@pytest.mark.parametrize("expression", ["rand.int(2, 1)", "rand.int(-1, 1)"])
def test_bounds_that_are_none_are_an_error(x: Exchange, expression: str) -> None:
    assert error_of(expression, TRAFFIC, x) == "invalid_argument"


def test_missing_secret_is_an_error(x: Exchange) -> None:
    assert error_of("secrets.get('v', 'other')", TRAFFIC, x) == "no_such_secret"
