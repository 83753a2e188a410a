"""The specification's conformance tests, in the *cel* environment, through every evaluator there is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from tests.conformance.exceptions import EXCEPTIONS
from tests.conformance.suite import Case, cases, function_from, same, type_from, value_of

from policyc.engine.cel import ir
from policyc.engine.cel.check import check
from policyc.engine.cel.fold import fold
from policyc.engine.cel.plan import plan
from policyc.engine.cel.scope import Scope
from policyc.engine.generate.expression import compile_value
from policyc.engine.generate.phase import RuleCode, compile_phase
from policyc.engine.outcome import Close, Fail
from policyc.engine.types import BOOL, DYN, Type
from policyc.engine.values import EvalError
from policyc.grammar.diagnostic import Report
from policyc.grammar.parser import parse_expression
from policyc.grammar.source import Source, Text

CASES = cases()
CORE_IN_SCOPE = 1_094
IN_SCOPE = 1_743

pytestmark = pytest.mark.skipif(not CASES, reason="the shared conformance data is not beside the repository")


class MismatchError(AssertionError):
    """A case is not as expected."""


def node_of(case: Case) -> ir.Node | list[str]:
    """Return the checked expression, or the messages of what was reported."""
    data = case.data
    variables: dict[str, Type] = dict.fromkeys(data.get("bindings", {}), DYN)
    functions = []
    for declared in data.get("type_env", ()):
        if "type" in declared:
            variables[declared["name"]] = type_from(declared["type"])
        else:
            functions.append(function_from(declared))
    scope = Scope.cel(
        variables,
        data.get("container", ""),
        functions=functions,
        is_loose=bool(data.get("disable_check")),
    )
    report = Report()
    source = Source("expression", data["expr"])
    expr = parse_expression(Text(source.text, source.whole(), 0), report)
    node = None if expr is None else check(expr, scope, report)
    return [d.message for d in report] if node is None else node


def results(node: ir.Node, env: dict[str, Any]) -> dict[str, Any]:
    """Return what each evaluator makes of the node; an EvalError where it fails."""
    found: dict[str, Any] = {}
    folded = fold(node)
    for name, evaluate in (
        ("plan", plan(node)),
        ("generated", compile_value(node)),
        ("folded plan", plan(folded)),
        ("folded generated", compile_value(folded)),
    ):
        try:
            found[name] = evaluate(None, env)
        except EvalError as error:
            found[name] = error
    return found


def verdict(node: ir.Node) -> bool | None:
    """Return what a rule's condition makes of the node: None is an error."""
    acts = RuleCode(ir.And((node,), BOOL, node.span), (lambda x: Close(),), (False,))
    x: Any = SimpleNamespace(acted=[])
    outcome = compile_phase([acts])(x)
    return None if isinstance(outcome, Fail) else outcome is not None


def judge(case: Case) -> None:
    """Raise MismatchError unless the case is as expected."""
    data = case.data
    expected = data["expected"]
    node = node_of(case)
    if isinstance(node, list):
        if "error" not in expected:
            raise MismatchError(f"refused: {node}")
        return
    typed = expected.get("typed_result")
    if typed is not None and node.type != type_from(typed["type"]):
        raise MismatchError(f"type {node.type}, expected {type_from(typed['type'])}")
    if data.get("check_only"):
        return
    env = {name: value_of(bound["value"]) for name, bound in data.get("bindings", {}).items()}
    wanted = (typed or expected).get("value")
    for name, value in results(node, env).items():
        if isinstance(value, EvalError):
            if "error" not in expected:
                raise MismatchError(f"{name}: {value.kind}: {value.message}")
        elif wanted is None:
            if typed is None:
                raise MismatchError(f"{name}: {value!r}, expected an error")
        elif not same(value, value_of(wanted)):
            raise MismatchError(f"{name}: {value!r}, expected {value_of(wanted)!r}")
    if node.type == BOOL and not env:
        want = None if wanted is None else value_of(wanted)
        if verdict(node) is not want:
            raise MismatchError(f"condition: {verdict(node)}, expected {want}")


@pytest.mark.parametrize("file", sorted({case.file for case in CASES}))
def test_evaluators_agree_with_the_specification(file: str) -> None:
    wrong = []
    for case in CASES:
        if case.file != file:
            continue
        try:
            judge(case)
        except MismatchError as problem:
            if case.key not in EXCEPTIONS:
                wrong.append(f"{case.section}/{case.name}: `{case.data['expr']}`: {problem}")
        else:
            if case.key in EXCEPTIONS:
                wrong.append(f"{case.section}/{case.name}: passes, but stands in exceptions.py")
    assert not wrong, "\n" + "\n".join(wrong)


def test_all_tests_in_scope_are_run() -> None:
    assert len(CASES) == IN_SCOPE
    assert sum(case.is_core for case in CASES) == CORE_IN_SCOPE


def test_every_exception_names_a_test_and_gives_a_reason() -> None:
    keys = {case.key for case in CASES}
    assert set(EXCEPTIONS) <= keys
    assert all(reason.strip() for reason in EXCEPTIONS.values())
