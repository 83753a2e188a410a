"""Every code of a field or an action finds its wrong example and leaves its right one alone."""

from __future__ import annotations

import pytest

from policyc.engine.actions import actions
from policyc.engine.compiler import check
from policyc.grammar.codes import Code, declared
from policyc.grammar.diagnostic import Report
from policyc.grammar.files import read_document
from policyc.grammar.source import Source

actions()  # each declares its codes when it is imported
HERE = [code for code in declared().values() if "P0320" <= code.id < "P0380" or code.id in ("P0700", "P0900")]


def found(text: str) -> set[str]:
    """Return the ids of what is found in a text, YAML or `.policy`."""
    report = Report()
    name = "test.yaml" if "actions:" in text else "test.policy"
    check([read_document(Source(name, text), report)], report=report)
    return {each.code.id for each in report}


def test_all_of_them_are_here() -> None:
    assert len(HERE) > 50


@pytest.mark.parametrize("code", HERE, ids=lambda code: code.name)
def test_the_wrong_example_of_a_code_is_found(code: Code) -> None:
    assert code.wrong
    assert code.id in found(code.wrong)


@pytest.mark.parametrize("code", HERE, ids=lambda code: code.name)
def test_the_right_example_is_not(code: Code) -> None:
    assert code.right
    assert code.id not in found(code.right)
