import time

import pytest

from policyc.engine.cel import regex
from policyc.engine.cel.limits import PATTERN_LIMIT
from policyc.engine.values import EvalError


@pytest.mark.parametrize(
    ("text", "pattern", "found"),
    [
        ("hubba", "ubb", True),
        ("", "", True),
        ("", "a", False),
        ("ab\n", "b$", False),
        ("mañana", "a+ñ+a+", True),
        ("😀😀", "^(😀){2}$", True),
        ("ABC", "(?i)abc", True),
        ("٣", r"\d", False),
        ("x-\udcff", "^x-", True),
        ("(group)", "(g)(r)(o)", True),
        ("none", "(x)|(y)", False),
    ],
)
def test_search(text: str, pattern: str, found: bool) -> None:
    assert regex.matches(text, pattern) is found
    assert regex.compile_pattern(pattern)(text) is found


@pytest.mark.parametrize(
    "pattern", ["(", "(?=a)", r"(a)\1", "a{2,1}", "*", "a" * (PATTERN_LIMIT + 1), "\udcff"]
)
def test_invalid_pattern_is_an_error_and_a_problem(pattern: str) -> None:
    assert regex.problem(pattern)
    with pytest.raises(EvalError) as caught:
        regex.matches("a", pattern)
    assert caught.value.kind == "invalid_pattern"


def test_valid_pattern_is_no_problem() -> None:
    assert regex.problem("^/api/v[0-9]+$") is None


def test_pattern_that_explodes_elsewhere_takes_linear_time() -> None:
    began = time.perf_counter()
    assert regex.matches("a" * 100_000 + "!", "(a+)+$") is False
    assert time.perf_counter() - began < 5


def test_patterns_are_kept() -> None:
    assert regex.compile_pattern("kept") is regex.compile_pattern("kept")
