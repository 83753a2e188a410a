import pytest
from tests.engine.functions.evaluation import error_of, evaluate


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("'%d|%d'.format([-5, 7u])", "-5|7"),
        ("'%.1f %.0f %f'.format([0.25, 2.5, 1])", "0.2 2 1.000000"),
        ("'%e'.format([0.0])", "0.000000e+00"),
        ("'%x %X %x'.format([-255, 255u, b'\\xff'])", "-ff FF ff"),
        ("'%b %b'.format([true, -5])", "1 -101"),
        ("'%s'.format([{'b': [1, 'x'], 'a': null}])", "{a: null, b: [1, x]}"),
        ("'%s'.format([b'\\xffa'])", "\ufffda"),
        ("'100%%'.format([])", "100%"),
    ],
)
def test_clauses(expression: str, text: str) -> None:
    assert evaluate(expression) == text


@pytest.mark.parametrize(
    "expression",
    [
        "('%' + 'q').format([1])",
        "('%' + 's').format([])",
        "('%' + 'd').format(['a'])",
        "('%' + 'd').format([1.5])",
        "('%' + 'b').format(['a'])",
        "('%' + 'o').format([1.5])",
        "('%' + 'x').format([1.5])",
        "('%' + 'f').format([true])",
        "('a%' + '').format([1])",
        "('%.' + 'f').format([1.5])",
        "('%.99999' + 'f').format([1.5])",
    ],
)
def test_clauses_that_do_not_fit_are_an_error(expression: str) -> None:
    assert error_of(expression) == "invalid_argument"


def test_result_is_bounded() -> None:
    long = "lists.range(100000).map(i, '0123456789').join('')"
    assert error_of(f"'%s%s'.format([{long}, {long}])") == "too_large"
