import pytest

from policyc.engine.cel.extent import listing, text
from policyc.engine.cel.prices import characters, price, same
from policyc.engine.function import Dialect, Function, Overload
from policyc.engine.functions import functions
from policyc.engine.types import Record, Type

OVERLOADS = [(function, each) for function in functions(Dialect.BOTH).values() for each in function.overloads]


def has_size(type: Type) -> bool:
    return isinstance(type, Record) or type.name in (
        "string", "bytes", "list", "map", "headers", "dyn", "param", "optional_type",
    )  # fmt: skip


def test_a_price_counts_the_call_its_characters_and_its_values() -> None:
    cost = price(10, 0.5, 0, values=2)
    assert cost(text(100), text(7)).most == 10 + 50
    assert cost(listing(3, 100)).most == 10 + 50 + 6


def test_sizes_of_results() -> None:
    assert same()(text(5)).characters.most == 5
    assert same(1)(text(5), text(6)).characters.most == 6
    assert characters(2, 3)(text(5)).characters.most == 17


@pytest.mark.parametrize(
    ("function", "overload"), OVERLOADS, ids=[f"{f.name}-{each.id}" for f, each in OVERLOADS]
)
def test_every_function_says_what_it_costs_and_how_large_its_result_is(
    function: Function, overload: Overload
) -> None:
    if any(map(has_size, overload.params)):
        assert overload.cost is not None, "what takes a text, a list or a map says what that costs"
    if has_size(overload.result):
        assert overload.size is not None, "what gives a text, a list or a map says how large it is"
