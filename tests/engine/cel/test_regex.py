import ast
import time
from pathlib import Path

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


ROOT = Path(__file__).parents[3]
# No other layer sees a pattern of a user.
ENGINE = sorted((ROOT / "engine" / "policyc" / "engine").rglob("*.py"))


def calls_of(tree: ast.AST, module: str) -> list[ast.Call]:
    """Return the calls of a module's functions."""
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == module
    ]


def is_written_here(pattern: ast.expr) -> bool:
    """Whether a pattern stands in our code: a text, or a constant of the module."""
    if isinstance(pattern, ast.Name):
        return pattern.id.isupper()
    parts = pattern.values if isinstance(pattern, ast.JoinedStr) else [pattern]
    names = [part.value for part in parts if isinstance(part, ast.FormattedValue)]
    return all(map(is_written_here, names)) and all(
        isinstance(part, ast.Constant | ast.FormattedValue) for part in parts
    )


def test_pythons_own_engine_runs_no_pattern_of_a_user() -> None:
    # straight.py spells its own, without anything to try.
    found = {
        f"{path.name}:{call.lineno}: {ast.unparse(call)[:80]}"
        for path in ENGINE
        for call in calls_of(ast.parse(path.read_text()), "re")
        if call.func.attr not in ("escape",)  # type: ignore[attr-defined]
        and not (call.args and is_written_here(call.args[0]))
    }
    assert {each.partition(":")[0] for each in found} == {"straight.py"}
    assert len(found) == 1


def test_only_one_module_knows_re2() -> None:
    users = [path.name for path in ENGINE if "import re2" in path.read_text()]
    assert users == ["regex.py"]


def test_valid_patterns_are_compiled_when_they_are_first_asked() -> None:
    before = regex.compiled.cache_info().misses
    later = regex.valid_pattern("^first-asked$")
    kept = regex.Pattern("(first)-(asked)")
    assert regex.compiled.cache_info().misses == before
    assert later("first-asked")
    assert not later("asked")
    assert kept().groups == 2
    assert kept() is kept()
    assert regex.compiled.cache_info().misses == before + 2
