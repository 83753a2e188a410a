from typing import Any

import pytest

from policyc.engine.values import (
    NONE,
    BoolKeyMap,
    Cidr,
    Duration,
    EvalError,
    Ip,
    Optional,
    Timestamp,
    TypeValue,
    UInt,
    make_map,
)


def test_map_without_bool_keys_is_a_plain_dict() -> None:
    assert type(make_map([("a", 1), (1, 2), (UInt(2), 3)])) is dict


def test_map_with_bool_keys_reads_like_a_dict() -> None:
    made = make_map([(True, "t"), (1, "one"), ("a", "x")])
    assert type(made) is BoolKeyMap
    assert len(made) == 3
    assert (made[True], made[1], made["a"], made.get(False, "none")) == ("t", "one", "x", "none")
    assert [key in made for key in (True, 1, False, 0)] == [True, True, False, False]
    assert [(type(key), key) for key in made] == [(bool, True), (int, 1), (str, "a")]
    assert list(made.items()) == [(True, "t"), (1, "one"), ("a", "x")]
    assert list(made.keys()) == [True, 1, "a"]
    assert list(made.values()) == ["t", "one", "x"]
    with pytest.raises(KeyError):
        made[False]


def test_maps_with_bool_keys_are_equal_to_such_maps_only() -> None:
    assert make_map([(True, 1)]) == make_map([(True, 1)])
    assert make_map([(True, 1)]) != {1: 1}


@pytest.mark.parametrize("keys", [["a", "a"], [1, UInt(1)], [True, True]])
def test_repeated_keys_are_an_error(keys: list[Any]) -> None:
    with pytest.raises(EvalError) as caught:
        make_map((key, 0) for key in keys)
    assert caught.value.kind == "duplicate_key"


@pytest.mark.parametrize("key", [1.0, None, b"a", [], {}, Timestamp(0)])
def test_what_is_no_key_is_an_error(key: Any) -> None:
    with pytest.raises(EvalError) as caught:
        make_map([(key, 0)])
    assert caught.value.kind == "unsupported_key"


def test_values_of_different_kinds_are_never_equal() -> None:
    values = [Timestamp(1), Duration(1), TypeValue("int"), NONE, Optional(True, 1), Ip(1, 32), Ip(1, 128)]
    values.append(Cidr(Ip(1, 32), 8))
    for a in values:
        for b in values:
            assert (a == b) is (a is b)


def test_equal_values_have_equal_hashes() -> None:
    for make in (
        lambda: Timestamp(5),
        lambda: Duration(5),
        lambda: TypeValue("int"),
        lambda: Optional(True, 5),
        lambda: Ip(5, 32),
        lambda: Cidr(Ip(5, 32), 8),
    ):
        assert make() == make()
        assert hash(make()) == hash(make())


def test_times_are_ordered() -> None:
    assert Timestamp(1) < Timestamp(2) > Timestamp(1) <= Timestamp(1)
    assert Duration(-1) < Duration(0) >= Duration(0)


def test_mapped_address_is_its_ipv4_address() -> None:
    assert Ip(0xFFFF_0A00_0001, 128) == Ip(0x0A00_0001, 32)


def test_values_show_what_they_are() -> None:
    shown = [repr(v) for v in (UInt(7), Timestamp(1), TypeValue("int"), NONE, Optional(True, 1))]
    assert shown == ["7u", "Timestamp(1)", "type(int)", "optional.none()", "optional.of(1)"]
