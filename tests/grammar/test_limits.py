from __future__ import annotations

import pytest

from policyc.grammar.codes import declared
from policyc.grammar.diagnostic import Report
from policyc.grammar.files import decode, read_document
from policyc.grammar.limits import DEFAULTS, LIMITS, Limits
from policyc.grammar.source import Source


def test_the_limits_are_those_of_the_specification() -> None:
    # spec/policy-language.md §1.4
    assert DEFAULTS.document_bytes == 1024 * 1024
    assert (DEFAULTS.rules_per_phase, DEFAULTS.expressions_per_rule, DEFAULTS.actions_per_rule) == (
        1000,
        64,
        64,
    )
    assert (DEFAULTS.expression_characters, DEFAULTS.nested_brackets) == (16 * 1024, 32)
    assert (DEFAULTS.value_depth, DEFAULTS.variables_per_action) == (16, 256)


def test_every_limit_is_told_about_and_may_be_raised() -> None:
    assert tuple(each.name for each in LIMITS) == Limits._fields
    assert all(each.most > default and each.doc for each, default in zip(LIMITS, DEFAULTS, strict=True))


RULE = 'when req.method == "A" { deny }\n'


def yaml(expressions: str, rules: int = 1) -> str:
    return (
        "on_http_request:\n" + f"  - {{ expressions: [{expressions}], actions: [{{type: deny}}] }}\n" * rules
    )


CASES = {
    "rules_per_phase": ("a.policy", f"on_http_request {{ {RULE * 3} }}", "P0804"),
    "rules_per_phase, YAML": ("a.yaml", yaml("'true'", 3), "P0804"),
    "expressions_per_rule": ("a.yaml", yaml("'true', 'true', 'true'"), "P0805"),
    "actions_per_rule": ("a.policy", 'on_http_request { rule "r" { log {} log {} log {} } }', "P0805"),
    "expression_characters": ("a.policy", "let x = 1 + 2\non_http_request { deny }", "P0802"),
    "expression_characters, YAML": ("a.yaml", yaml("1 == 2"), "P0802"),
    "nested_brackets": ("a.policy", f"let x = {'(' * 11}1{')' * 11}\non_http_request {{ deny }}", "P0803"),
    "nested_brackets, YAML": ("a.yaml", yaml("(((true)))"), "P0803"),
}


@pytest.mark.parametrize("name", CASES)
def test_limit_that_is_lowered_is_kept_and_one_that_is_raised_lets_pass(name: str) -> None:
    field = name.partition(",")[0]
    file, text, code = CASES[name]
    for limits, is_right in ((DEFAULTS._replace(**{field: 2}), False), (DEFAULTS, True)):
        report = Report(limits)
        read_document(Source(file, text), report)
        assert (code not in {each.code.id for each in report}) == is_right, report.sorted()


def test_large_document_is_read_if_that_is_allowed() -> None:
    octets = b"on_http_request { deny }\n#" + b"x" * 2_000_000
    for limits, is_right in ((DEFAULTS, False), (Limits(document_bytes=3_000_000), True)):
        report = Report(limits)
        assert (decode("a.policy", octets, report) is not None) == is_right
        assert [each.code.id for each in report] == ([] if is_right else ["P0801"])


def test_each_limit_has_a_code_that_explains_it() -> None:
    for code in declared().values():
        if code.id.startswith("P08"):
            assert code.explanation
            assert code.wrong
            assert code.right
