"""The generated code and the plain evaluator give the same value or the same error, optimised or not."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.conformance.suite import same
from tests.evaluation import checked, exchange, traffic
from tests.property.expressions import CEL, TRAFFIC, VARIABLES, activations, expressions

from policyc.engine.cel import ir
from policyc.engine.cel.fold import fold
from policyc.engine.cel.plan import plan
from policyc.engine.cel.scope import Scope
from policyc.engine.generate import expression as generated
from policyc.engine.generate.phase import RuleCode, compile_phase
from policyc.engine.optimise.passes import optimise
from policyc.engine.outcome import Close, Fail
from policyc.engine.traffic import Exchange
from policyc.engine.types import BOOL
from policyc.engine.values import EvalError

EXAMPLES = int(os.environ.get("POLICYC_EXAMPLES", "1000"))

often = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow, HealthCheck.data_too_large],
)


def outcome(evaluate: Callable[..., Any], x: Any, env: dict[str, Any]) -> Any:
    """Return the value, or the kind of the error as ("error", kind)."""
    try:
        return evaluate(x, env)
    except EvalError as error:
        return ("error", error.kind)


def agree(a: Any, b: Any) -> bool:
    """Return whether two outcomes are the same."""
    return a == b if isinstance(a, tuple) or isinstance(b, tuple) else same(a, b)


def verdict(node: ir.Node, x: Any, *, optimised: bool) -> Any:
    """Return what a rule makes of a condition."""
    acts = RuleCode(ir.And((node,), BOOL, node.span), (lambda x: Close(),), (False,))
    answer = compile_phase([acts], optimised=optimised)(x)
    if isinstance(answer, Fail):
        assert answer.code == 2254, answer.detail
        return "error"
    return answer is not None


def logic_operands(root: ir.Node) -> set[ir.Node]:
    """Return the nodes whose errors something absorbs, a value that is no bool among them."""
    found: set[ir.Node] = set()
    todo = [root]
    while todo:
        node = todo.pop()
        if isinstance(node, ir.And | ir.Or):
            found.update(node.operands)
        if isinstance(node, ir.Loop) and node.kind in ("all", "exists"):
            found.add(node.body)
        todo.extend(ir.children(node))
    return found


class _Never:
    def __init__(self, node: ir.Node) -> None:
        pass

    def __call__(self, x: Any, env: Any) -> Any:
        raise AssertionError("the fast path gave up on an expression in which nothing fails")


@often
@given(text=expressions(CEL), env=activations())
def test_generated_code_is_the_plan_and_optimising_changes_nothing(text: str, env: dict[str, Any]) -> None:
    node = checked(text, Scope.cel(VARIABLES))
    assume(node is not None)
    assert node is not None
    plain = outcome(plan(node), None, env)
    assert agree(outcome(generated.compile_value(node), None, env), plain)
    assert agree(outcome(plan(fold(node)), None, env), plain)
    optimised = optimise(node)
    assert agree(outcome(plan(optimised), None, env), plain)
    assert agree(outcome(generated.compile_value(optimised), None, env), plain)


@often
@given(text=expressions(CEL), env=activations(complete=True))
def test_code_is_fast_where_nothing_fails(text: str, env: dict[str, Any]) -> None:
    node = checked(text, Scope.cel(VARIABLES))
    # A binding is evaluated ahead of its use, and may fail although nothing reads it.
    assume(node is not None and "cel.bind" not in text)
    assert node is not None
    failed: list[object] = []
    logic = logic_operands(node)

    def watch(node: ir.Node, value: object) -> None:
        if isinstance(value, EvalError) or (node in logic and not isinstance(value, bool)):
            failed.append(value)

    plain = outcome(plan(node, watch), None, env)
    assume(not failed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generated, "Slow", _Never)
        assert agree(outcome(generated.compile_value(node), None, env), plain)


_VALUES = ["a", "ab", "GET", "/a", ""]
_VARS = st.fixed_dictionaries(
    {},
    optional={
        "v": st.sampled_from(["a", 1, True, None]),
        "w": st.sampled_from([1, "b", 2.5]),
        "l": st.lists(st.sampled_from(["a", 1]), max_size=2),
        "m": st.sampled_from([{}, {"a": 1}, {"a": "a"}, 7]),
    },
)


@st.composite
def exchanges(draw: st.DrawFn) -> Callable[[], Exchange]:
    """Give a maker of exchanges, all alike and each fresh."""
    names = ["x-a", "X-B", "cookie", "host"]
    lines = draw(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(_VALUES)), max_size=4))
    cookie = draw(st.sampled_from([None, "k=a", "k=", "k=a; k=b; z=1"]))
    if cookie is not None:
        lines = [*lines, ("cookie", cookie)]
    path = draw(st.sampled_from(["/a", "/", "/ab?q=a", "/?q=&q=b", "/a?p=1"]))
    method = draw(st.sampled_from(["GET", "POST"]))
    length = draw(st.sampled_from([None, 0, 5]))
    variables = draw(_VARS)

    def make() -> Exchange:
        return exchange(method, path, lines, content_length=length, variables=variables)

    return make


@often
@given(text=expressions(TRAFFIC), make=exchanges())
def test_generated_code_reads_traffic_as_the_plan_does(text: str, make: Callable[[], Exchange]) -> None:
    node = checked(text, traffic())
    assume(node is not None)
    assert node is not None
    plain = outcome(plan(node), make(), {})
    optimised = optimise(node)
    assert agree(outcome(plan(optimised), make(), {}), plain)
    for each in (node, optimised):
        assert agree(outcome(generated.compile_value(each), make(), {}), plain)


@often
@given(text=expressions(TRAFFIC, "bool"), make=exchanges())
def test_conditions_absorb_errors_as_the_plan_does(text: str, make: Callable[[], Exchange]) -> None:
    node = checked(text, traffic())
    assume(node is not None)
    assert node is not None
    plain = outcome(plan(node), make(), {})
    want = plain if isinstance(plain, bool) else "error"
    assert verdict(node, make(), optimised=False) == want
    assert verdict(node, make(), optimised=True) == want
