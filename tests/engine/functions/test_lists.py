from typing import Any

import pytest
from tests.engine.functions.evaluation import CEL, error_of, evaluate, node_of


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("[1, 2, 3].slice(0, 0)", []),
        ("[1, 2, 3].slice(3, 3)", []),
        ("[1, [2, [3]]].flatten()", [1, 2, [3]]),
        ("[1, [2, [3]]].flatten(0)", [1, [2, [3]]]),
        ("[1, [2, [3, [4]]]].flatten(10)", [1, 2, 3, 4]),
        ("[].flatten()", []),
        ("[b'b', b'a'].sort()", [b"a", b"b"]),
        ("[true, false].sort()", [False, True]),
        ("[duration('2s'), duration('1s')].sort()[0] == duration('1s')", True),
        ("[].sort()", []),
        ("[[1], [1.0], [true]].distinct().size()", 2),
        ("[{'a': 1}, {'a': 1u}].distinct().size()", 1),
        ("[0.0/0.0, 0.0/0.0].distinct().size()", 2),
        ("lists.range(-1)", []),
    ],
)
def test_lists(expression: str, value: Any) -> None:
    assert evaluate(expression, CEL) == value


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("[1].slice(-1, 1)", "index_out_of_bounds"),
        ("[1].slice(0, 2)", "index_out_of_bounds"),
        ("[1].slice(1, 0)", "invalid_argument"),
        ("[1].flatten(-1)", "invalid_argument"),
        ("[1, dyn('a')].sort()", "no_such_overload"),
        ("[[1], [2]].sort()", "no_such_overload"),
        ("lists.range(100001)", "too_large"),
        ("lists.range(400).map(i, lists.range(400)).flatten()", "too_large"),
    ],
)
def test_errors(expression: str, kind: str) -> None:
    assert error_of(expression, CEL) == kind


def test_sorting_leaves_the_list_itself_alone() -> None:
    assert evaluate("cel.bind(l, [2, 1], l.sort()[0] * 10 + l[0])", CEL) == 12


def test_ends_of_a_list_are_optional() -> None:
    assert evaluate("[1, 2].last().value() == 2 && !dyn([]).first().hasValue()", CEL) is True


@pytest.mark.parametrize(
    ("expression", "type"),
    [
        ("[[1], [2]].flatten()", "list(int)"),
        ("math.greatest(1, 2, 3)", "int"),
        ("math.greatest([1.5])", "double"),
        ("math.greatest(1, 2u, 3)", "dyn"),
    ],
)
def test_known_item_types_are_kept(expression: str, type: str) -> None:
    assert str(node_of(expression, CEL).type) == type
