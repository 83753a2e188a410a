"""cel-python gives what the plain evaluator gives, on what both implement.

The generated expressions leave out what cel-python does otherwise: `DIFFERENCES` names each, with what it
gives and why that is not CEL. An error of one is an error of the other, whatever it is called.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import celpy
import pytest
from celpy import celtypes
from celpy.adapter import json_to_cel
from celpy.evaluation import CELEvalError
from hypothesis import HealthCheck, assume, given, settings
from tests.evaluation import checked
from tests.property.expressions import PORTABLE, VARIABLES, activations, expressions

from policyc.engine.cel.plan import plan
from policyc.engine.cel.scope import Scope
from policyc.engine.values import EvalError

# cel-python takes milliseconds for each.
EXAMPLES = int(os.environ.get("POLICYC_EXAMPLES", "2000")) // 2

FAILED = object()

NAMES = frozenset({"i", "j", "d", "s", "t", "b", "c", "li", "ls", "m"})


@pytest.fixture(autouse=True, scope="module")
def _warm() -> None:
    """Make it raise the recursion limit before hypothesis notes what the limit is."""
    theirs("1", {})


@cache
def environment() -> celpy.Environment:
    """Return cel-python's environment; one, because its parser is one for the process."""
    return celpy.Environment()


def ours(text: str, env: dict[str, Any]) -> Any:
    """Return our value, FAILED for an error, None where there is nothing to compare.

    That is where the checker refuses the expression, and where an index is out of bounds: in cel-python a
    negative one counts from the end.
    """
    node = checked(text, Scope.cel(VARIABLES))
    if node is None:
        return None
    try:
        return (plan(node)(None, env),)
    except EvalError as error:
        return None if error.kind == "index_out_of_bounds" else FAILED


def theirs(text: str, env: dict[str, Any]) -> Any:
    """Return cel-python's value as a plain one, FAILED for an error."""
    names = {name: json_to_cel(value) for name, value in env.items() if name in NAMES}
    program = environment().program(environment().compile(text))
    try:
        return (plain(program.evaluate(names)),)
    except CELEvalError:
        return FAILED


def plain(value: Any) -> Any:
    """Return a value of cel-python as one of ours."""
    if isinstance(value, CELEvalError):
        raise value  # in a list or a map, where it would stay unnoticed
    if isinstance(value, celtypes.BoolType):
        return bool(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    return value


# Where cel-python gives something else, what it gives (FAILED: an error), and why that is not CEL. The
# generated expressions keep out of these; should a version of it mend one, this says so.
DIFFERENCES: dict[str, tuple[str, object, object, str]] = {
    "numbers of different types": ("1 < 2.0", True, FAILED, "they compare by value"),
    "numbers as dyn": ("dyn(1) == 1u", True, FAILED, "they compare by value"),
    "values of different types": ("dyn('a') == 1", False, FAILED, "they are not equal, which is no error"),
    "null and another value": ("dyn(null) == 1", False, FAILED, "they are not equal, which is no error"),
    "lists of different numbers": ("[[1], [1.0]][0] == [1.0]", True, FAILED, "items compare by value"),
    "type of joined texts": ("type('a' + 'b') == string", True, False, "`+` of two strings is a string"),
    "type of joined lists": ("type([1] + [2]) == list", True, False, "`+` of two lists is a list"),
    "type of a sum": ("type(1.0 + 1.0) == double", True, False, "`+` of two doubles is a double"),
    "not a number": ("0.0 / 0.0 == 0.0 / 0.0", False, True, "NaN equals nothing (IEEE 754)"),
    "negative index": ("[1, 2][-1]", FAILED, 2, "an index out of bounds is an error"),
    "remainder of the lowest int": (
        "(-9223372036854775807 - 1) % -1",
        FAILED,
        0,
        "the division that goes with it overflows",
    ),
    "error in a map": ("{'a': 1 / 0}.size()", FAILED, 1, "an error is no value that a map could hold"),
    "escaped question mark": ("'\\?' == '?'", True, False, "`\\?` is one of the escapes"),
    "nanoseconds": (
        "timestamp('2020-01-01T00:00:00.000000001Z') == timestamp('2020-01-01T00:00:00Z')",
        False,
        True,
        "times have nanoseconds",
    ),
    "double as text": ("string(1.0)", "1", "1.0", "the conformance tests want no fraction that is zero"),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_differences_are_the_known_ones(name: str) -> None:
    text, mine, its, why = DIFFERENCES[name]
    node = checked(text, Scope.cel(VARIABLES))
    assert node is not None
    try:
        given_: object = plan(node)(None, {})
    except EvalError:
        given_ = FAILED
    assert given_ == mine, why
    found = theirs(text, {})
    assert (found[0] if isinstance(found, tuple) else found) == its


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=expressions(PORTABLE), env=activations(complete=True))
def test_reference_implementation_gives_the_same(text: str, env: dict[str, Any]) -> None:
    mine = ours(text, env)
    assume(mine is not None)
    assert theirs(text, env) == mine
