"""cel-python gives what the plain evaluator gives, on what both implement.

The generated expressions leave out what cel-python does otherwise: dyn, uint and bytes, numbers of different
types compared, `+` on texts, lists and doubles, which loses its type, 0.0 / 0.0, which is an infinity there,
and what may fail inside of a list or a map, where an error stays like a value. An error of one is an error of
the other, whatever it is called.
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


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=expressions(PORTABLE), env=activations(complete=True))
def test_reference_implementation_gives_the_same(text: str, env: dict[str, Any]) -> None:
    mine = ours(text, env)
    assume(mine is not None)
    assert theirs(text, env) == mine
