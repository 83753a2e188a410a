import pytest

from policyc.grammar import syntax
from policyc.grammar.diagnostic import Report
from policyc.grammar.documents import read_yaml
from policyc.grammar.source import Source


def read(rules: str) -> tuple[tuple[syntax.Rule | syntax.Use, ...], list[tuple[str, str | None]], Report]:
    report = Report()
    document = read_yaml(Source("x.yaml", "on_http_request:\n" + rules), report)
    [phase] = document.items
    assert isinstance(phase, syntax.Phase)
    return phase.rules, [(d.code.id, d.path) for d in report.sorted()], report


P = "on_http_request"


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("- actions: [{type: deny}]", []),
        ("- name: x\n  expressions: []\n  actions: [{type: deny, config: null}]", []),
        ("- expressions: ['a']", [("P0380", f"{P}[0]")]),
        ("- actions: []", [("P0380", f"{P}[0].actions")]),
        ("- actions:", [("P0380", f"{P}[0].actions")]),
        ("- type: deny", [("P0380", f"{P}[0]"), ("P0385", f"{P}[0]")]),
        ("- if: a\n  actions: [{type: deny}]", [("P0385", f"{P}[0]")]),
        ("- actions: [{type: deny, name: x}]", [("P0386", f"{P}[0].actions[0]")]),
        ("- actions: [{config: {}}]", [("P0387", f"{P}[0].actions[0]")]),
        ("- actions: [deny]", [("P0384", f"{P}[0].actions[0]")]),
        ("- actions: {type: deny}", [("P0384", f"{P}[0].actions")]),
        ("- actions: [{type: {}}]", [("P0391", f"{P}[0].actions[0].type")]),
        ("- x", [("P0384", f"{P}[0]")]),
        ("-", [("P0384", f"{P}[0]")]),
        ("  actions: []", [("P0384", P)]),
        ("- expressions: a == b\n  actions: [{type: deny}]", [("P0388", f"{P}[0].expressions")]),
        ("- expressions: {a: b}\n  actions: [{type: deny}]", [("P0388", f"{P}[0].expressions")]),
        ("- expressions: [{a: b}]\n  actions: [{type: deny}]", [("P0388", f"{P}[0].expressions[0]")]),
        ("- expressions: [null]\n  actions: [{type: deny}]", [("P0388", f"{P}[0].expressions[0]")]),
        ("- expressions:\n  actions: [{type: deny}]", [("P0389", f"{P}[0].expressions")]),
        ("- expressions: ['a not in b']\n  actions: [{type: deny}]", [("P0104", f"{P}[0].expressions[0]")]),
        ("- name: 5\n  actions: [{type: deny}]", [("P0391", f"{P}[0].name")]),
        ("- name:\n  actions: [{type: deny}]", [("P0391", f"{P}[0].name")]),
    ],
)
def test_what_a_rule_may_hold(rules: str, said: list[tuple[str, str | None]]) -> None:
    assert read(rules)[1] == said


@pytest.mark.parametrize(
    ("rules", "word"),
    [
        ("- type: deny", "one level deeper"),
        ("- when: a\n  actions: [{type: deny}]", "`expressions`"),
        ("- actoins: []", "did you mean `actions`?"),
        ("- actions: [{type: deny, status_code: 1}]", "below `config`"),
        ("- actions: [{type: deny, confg: {}}]", "did you mean `config`?"),
        ("- actions: [deny]", "write `- type: deny`"),
    ],
)
def test_hints_say_what_to_do(rules: str, word: str) -> None:
    report = read(rules)[2]
    assert any(word in (d.hint or "") for d in report)


def test_a_boolean_among_the_expressions_is_its_source() -> None:
    rules, said, _ = read("- expressions: [true]\n  actions: [{type: deny}]")
    assert said == []
    [rule] = rules
    assert isinstance(rule, syntax.Rule)
    assert isinstance(rule.conditions[0].expr, syntax.Literal)
    assert rule.conditions[0].expr.value is True


def test_a_config_that_is_no_mapping_is_left_to_the_schema() -> None:
    rules, said, _ = read("- actions: [{type: deny, config: text}]")
    assert said == []
    [rule] = rules
    assert isinstance(rule, syntax.Rule)
    assert isinstance(rule.actions[0].config, syntax.TextValue)


def test_too_many_rules_expressions_and_actions_are_diagnostics() -> None:
    assert read("- actions: [{type: deny}]\n" * 1001)[1] == [("P0804", P)]
    many = ", ".join(["a"] * 65)
    assert read(f"- expressions: [{many}]\n  actions: [{{type: deny}}]")[1] == [
        ("P0805", f"{P}[0].expressions")
    ]
    many = ", ".join(["{type: deny}"] * 65)
    assert read(f"- actions: [{many}]")[1] == [("P0805", f"{P}[0].actions")]
