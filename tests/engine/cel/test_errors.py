import pytest
from tests.engine.cel.asking import fault, let, node, tree

from policyc.engine.cel import errors
from policyc.engine.types import HEADERS, INT, NULL, STRING, Record, list_of, optional_of, param
from policyc.grammar.codes import Code
from policyc.grammar.diagnostic import Report
from policyc.grammar.source import Source


@pytest.mark.parametrize(
    ("expression", "hint"),
    [
        ("req.url.port == '80'", "write it without quotes: `80`"),
        ("req.host == 80", 'write it in quotes: `"80"`'),
        ("1.5 + 1", "write it with a fraction: `1.0`"),
        ("req.headers['a'] == 'b'", "`'b' in req.headers['a']`"),
        ("req.headers['a'] != 'b'", "`!('b' in req.headers['a'])`"),
        ("req.headers['a'] != ''", "`req.headers['a'].size() > 0`"),
        ("req.headers['a'].startsWith('b')", "`req.headers['a'][0]`"),
        ("req.headers['a'].contains('b')", "ask `'b' in req.headers['a']`"),
        ("req.host + req.url.port", "convert it: `string(req.url.port)`"),
        ("base64.encode('a')", "convert it: `bytes('a')`"),
        ("upper(req.host)", "it is called on its first argument: `x.upper(…)`"),
        ("'a'.hasReqHeader()", "it is a function: `hasReqHeader(…)`"),
        ("req.host.replace('a')", "it is `string.replace(string, string)`"),
        ("req.host == null", "`has(…)` asks whether it is there"),
        ("req.host.length", "did you mean `.size()`?"),
        ("req.cookies['a'].value", "take one item first, as in `[0]`"),
    ],
)
def test_hints_say_what_to_write(expression: str, hint: str) -> None:
    said = fault(expression).hint
    assert said is not None
    assert hint in said


def test_the_candidates_are_facts_of_the_diagnostic() -> None:
    facts = fault("req.host.replace('a')").facts
    assert "string.replace(string, string)" in list(facts["candidates"])  # type: ignore[call-overload]


def test_types_are_shown_as_users_know_them() -> None:
    assert errors.show(HEADERS) == "map(string, list(string))"
    assert errors.show(NULL) == "null"
    assert errors.show(optional_of(INT)) == "optional(int)"
    assert errors.show(param("T")) == "T"
    assert errors.show(Record("dn", (), {}, is_text=True)) == "string"
    assert errors.show(list_of(HEADERS)) == "list(map(string, list(string)))"
    assert errors.article(INT) == "an int"
    assert errors.article(STRING) == "a string"
    assert errors.article(NULL) == "null"


def test_a_list_where_text_is_made_is_warned_of() -> None:
    report = Report()
    errors.warn_of_list(node("req.headers['a']"), report, "here")
    errors.warn_of_list(node("req.host"), report, "here")
    (only,) = report
    assert (only.code.id, only.path) == ("P0216", "here")
    assert only.hint == "take one of its items, as in `req.headers['a'][0]`, or join them with `.join(', ')`"


def test_a_legacy_function_is_warned_of() -> None:
    only = fault("b64.encode('a')")
    assert (only.code.id, str(only.severity)) == ("P0215", "warning")


def test_a_mistake_in_lets_is_reported_at_the_outermost_use() -> None:
    report = Report()
    faults = errors.Faults(report, "here", 2200)
    outer, inner = let("outer", "inner"), let("inner", "x")
    use = Source("use", "outer").span(0, 5)
    with faults.inside(outer, use), faults.inside(inner, outer.span):
        faults.too_large(tree("x").span)
    (only,) = report
    assert faults.failed
    assert only.span is use
    assert [label.message for label in only.labels][1:] == ["`inner` is used here"]


def test_every_code_says_what_is_wrong_and_right() -> None:
    codes = [value for value in vars(errors).values() if isinstance(value, Code)]
    assert len(codes) > 15
    for code in codes:
        assert code.explanation
        assert code.wrong
        assert code.right
