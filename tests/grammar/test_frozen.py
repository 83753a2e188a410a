from __future__ import annotations

import copy
import inspect
import pickle

import pytest

from policyc.grammar.frozen import Frozen, replace


class Point(Frozen):
    x: int
    y: int
    name: str = ""

    @property
    def sum(self) -> int:
        return self.x + self.y


class Other(Frozen):
    x: int
    y: int
    name: str = ""


class Marked(Point, apart=("remark",)):
    mark: int = 0
    remark: str = ""


class Empty(Frozen):
    """Has nothing."""


def test_fields_are_given_by_place_or_by_name() -> None:
    point = Point(1, y=2)
    assert (point.x, point.y, point.name, point.sum) == (1, 2, "", 3)
    assert Point(1, 2, "a").name == "a"
    assert str(inspect.signature(Point)) == "(x, y, name='')"


def test_missing_and_unknown_fields_are_errors() -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'y'"):
        Point(1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'z'"):
        Point(1, 2, z=3)  # type: ignore[call-arg]


def test_nothing_changes_afterwards() -> None:
    point = Point(1, 2)
    with pytest.raises(AttributeError, match="a Point does not change: x"):
        point.x = 3  # type: ignore[misc]
    with pytest.raises(AttributeError, match="a Point does not change: x"):
        del point.x
    with pytest.raises(AttributeError):
        point.z = 3
    assert not hasattr(point, "__dict__")


def test_equality_is_that_of_the_fields_within_one_class() -> None:
    assert Point(1, 2) == Point(1, 2)
    assert Point(1, 2) != Point(1, 3)
    assert Point(1, 2) != Other(1, 2)
    assert Point(1, 2) != (1, 2, "")
    assert Empty() == Empty()
    assert len({Point(1, 2), Point(1, 2), Other(1, 2)}) == 2


def test_equality_does_not_look_at_what_is_apart() -> None:
    assert Marked(1, 2, mark=3, remark="a") == Marked(1, 2, mark=3, remark="b")
    assert Marked(1, 2, mark=3) != Marked(1, 2, mark=4)
    assert hash(Marked(1, 2, remark="a")) == hash(Marked(1, 2, remark="b"))
    assert Marked(1, 2) != Point(1, 2)


def test_a_class_below_has_the_fields_above_it_first() -> None:
    marked = Marked(1, 2, "n", 3, "r")
    assert repr(marked) == "Marked(x=1, y=2, name='n', mark=3, remark='r')"
    assert isinstance(marked, Point)


def test_patterns_take_fields_in_order() -> None:
    match Point(1, 2, "a"):
        case Point(x, y, name=name):
            assert (x, y, name) == (1, 2, "a")
        case _:
            pytest.fail("no match")


def test_replacing_makes_another_record() -> None:
    point = Point(1, 2, "a")
    assert replace(point, y=5) == Point(1, 5, "a")
    assert point.y == 2
    with pytest.raises(TypeError):
        replace(point, z=1)


def test_records_can_be_copied_and_pickled() -> None:
    marked = Marked(1, 2, "n", 3, "r")
    for again in (copy.copy(marked), copy.deepcopy(marked), pickle.loads(pickle.dumps(marked))):
        assert repr(again) == repr(marked)


def test_a_default_before_a_field_without_one_is_a_programming_error() -> None:
    with pytest.raises(TypeError, match="a field of Wrong without a default follows one with a default"):

        class Wrong(Frozen):
            a: int = 0
            b: int  # type: ignore[misc]
