import pytest

from policyc.engine.cel.extent import (
    ANYTHING,
    NOTHING,
    Amount,
    Extent,
    Share,
    added,
    anything,
    chained,
    gathered,
    joined,
    larger,
    left_over,
    listing,
    multiplied,
    number,
    of_constant,
    of_type,
    outside,
    smaller,
    subtracted,
    text,
    turn,
)
from policyc.engine.cel.limits import ITEMS_LIMIT, TEXT_LIMIT
from policyc.engine.types import BOOL, DYN, HEADERS, INT, STRING, list_of
from policyc.engine.values import INT_MAX, INT_MIN

SHARE = Share("characters of v", 100)


def test_the_most_of_an_amount_counts_each_share_at_its_most() -> None:
    amount = Amount(5, {SHARE: 2})
    assert amount.most == 205
    assert (amount + amount).most == 410
    assert (amount * 3).most == 615
    assert (1 + amount).most == 206
    assert (amount * 0).most == 0


def test_a_product_of_shares_counts_one_of_them_at_its_most() -> None:
    other = Share("w", 10)
    product = Amount(0, {SHARE: 1}) * Amount(1, {other: 1})
    assert product.most == 100 * 11


def test_shares_add_up_to_the_whole_over_the_turns() -> None:
    each = Amount(7, {SHARE: 0.5})
    total = each.summed(Amount(10), {SHARE: Amount(200)})
    assert total.most == 7 * 10 + 0.5 * 200


def test_shares_of_another_loop_count_in_every_turn() -> None:
    outer = Share("outer", 50)
    total = Amount(1, {SHARE: 1, outer: 1}).summed(Amount(4), {SHARE: Amount(30)})
    assert total.fixed == 4 + 30
    assert total.shares == {outer: 4}


def test_an_amount_without_a_share_is_no_smaller() -> None:
    amount = Amount(5, {SHARE: 2})
    assert amount.without(SHARE).fixed == amount.most
    assert amount.without(SHARE).shares == {}
    assert amount.without(Share("other", 1)) is amount


def test_larger_is_no_smaller_than_either_and_smaller_is_one_of_them() -> None:
    a, b = Amount(5), Amount(1, {SHARE: 1})
    assert larger(a, b).fixed == 5
    assert larger(a, b).shares == {SHARE: 1}
    assert smaller(a, b) is a
    assert a.at_most(3).most == 3
    assert a.at_most(8) is a


@pytest.mark.parametrize(
    ("value", "length", "characters", "values"),
    [
        ("abc", 3, 3, 0),
        (b"ab", 2, 2, 0),
        ([], 0, 0, 0),
        (["ab", "c"], 2, 3, 2),
        ({"a": ["xy", "z"]}, 1, 4, 4),
        ([[1], [2, 3]], 2, 0, 5),
        (True, 0, 0, 0),
        (1.5, 0, 0, 0),
    ],
)
def test_extents_of_constants(value: object, length: int, characters: int, values: int) -> None:
    extent = of_constant(value)
    assert (extent.length.most, extent.characters.most, extent.values.most) == (length, characters, values)


def test_numbers_are_bounded() -> None:
    assert of_constant(7) == number(7, 7)
    assert of_constant([3, 9])[:2] == (3, 9)
    assert added(number(1, 2), number(10, 20)) == number(11, 22)
    assert subtracted(number(1, 2), number(10, 20)) == number(-19, -8)
    assert multiplied(number(-2, 3), number(-5, 7)) == number(-15, 21)
    assert left_over(number(0, 100), number(7, 7)) == number(0, 6)
    assert left_over(number(-100, -1), number(1, 10)) == number(-9, 0)
    assert added(number(0, INT_MAX), number(0, INT_MAX)).low == 0


def test_nothing_is_larger_than_the_engine_lets_it_become() -> None:
    assert text(10**9).characters.most == TEXT_LIMIT
    assert listing(10**9).length.most == ITEMS_LIMIT
    assert anything(10**9, 10**9).values.most == ITEMS_LIMIT
    assert of_type(list_of(STRING)).length.most == ITEMS_LIMIT
    assert of_type(STRING).characters.most == TEXT_LIMIT


def test_a_part_is_no_larger_than_what_it_is_taken_from() -> None:
    names = listing(10, 500, widest=80)
    assert of_type(STRING, names).characters.most == 80
    assert of_type(BOOL, names)[:2] == (0, 1)
    assert of_type(INT, ANYTHING)[:2] == (INT_MIN, INT_MAX)
    assert of_type(INT, listing(3, low=0, high=2))[:2] == (0, 2)
    headers = Extent(0, 0, Amount(100), Amount(1000), Amount(200), 300, 100)
    assert of_type(HEADERS, headers).characters.most == 1000
    values = of_type(list_of(STRING), headers)
    assert (values.length.most, values.characters.most) == (100, 1000)
    assert of_type(DYN, headers) == headers


def test_lists_are_gathered_joined_and_chained() -> None:
    a, b = listing(2, 10), listing(3, 4)
    both = gathered([a, b])
    assert (both.length.most, both.characters.most, both.values.most) == (2, 14, 7)
    assert both.longest == 3
    assert joined(a, b).length.most == 3
    assert chained(a, b).length.most == 5
    assert chained(a, b).characters.most == 14
    assert gathered([]).length.most == 0


def test_the_items_of_a_loop_share_what_the_list_holds() -> None:
    over = listing(100, 500, widest=80)
    item, totals = turn(over, STRING, "v")
    assert item.characters.most == 80
    assert item.characters.summed(over.length, totals).most == 500
    assert outside(item, turn(over, STRING, "v")) == item, "another turn's shares stay"
    assert outside(item, turn(over, STRING, "v")._replace(totals=totals)).characters.shares == {}


def test_the_lists_in_a_map_have_no_more_items_than_the_map() -> None:
    headers = Extent(0, 0, Amount(100), Amount(1000), Amount(200), 300, 100)
    values, totals = turn(headers, list_of(STRING), "k")
    assert values.length.summed(headers.length, totals).most == 200
    assert values.length.most == 200


def test_numbers_share_nothing() -> None:
    item, _ = turn(listing(10, low=3, high=4), INT, "n")
    assert item.characters is NOTHING
    assert (item.low, item.high) == (3, 4)
