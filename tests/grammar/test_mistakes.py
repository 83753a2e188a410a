"""Each named syntax error is recognised by its own example, and told once."""

import re

import pytest

from policyc.grammar import build, documents, files, limits, mistakes, parser  # noqa: F401 — they declare codes
from policyc.grammar.codes import Code, declared
from policyc.grammar.diagnostic import Report
from policyc.grammar.parser import parse_expression, parse_policy
from policyc.grammar.source import Source, Text

NAMED = [c for c in declared().values() if re.match(r"P01(0\d|1\d|2\d|33|34|35|36)", c.id)]


def told(written: str) -> list[tuple[str, str]]:
    report = Report()
    parse_policy(Source("x.policy", written), report)
    return [(d.code.id, d.span.text) for d in report.sorted()]


@pytest.mark.parametrize("code", NAMED, ids=lambda c: c.name)
def test_the_wrong_example_is_recognised(code: Code) -> None:
    assert [c for c, _ in told(code.wrong)] == [code.id]


@pytest.mark.parametrize("code", NAMED, ids=lambda c: c.name)
def test_the_right_example_is_right(code: Code) -> None:
    assert told(code.right) == []


@pytest.mark.parametrize(
    ("written", "code", "place"),
    [
        ("a and b", "P0104", "and"),
        ("a OR b", "P0104", "OR"),
        ("not a", "P0104", "not"),
        ("a is b", "P0104", "is"),
        ('a contains "x"', "P0104", "contains"),
        ("a | b", "P0105", "|"),
        ("a === b", "P0106", "==="),
        ("a !== b", "P0106", "!=="),
        ("a <> b", "P0106", "<>"),
        ("a => b", "P0106", "=>"),
        ("a =~ 'b'", "P0106", "="),
        ("if a then b", "P0107", "if"),
        ("a if b else c", "P0107", "if"),
        ("‘a’", "P0108", "‘"),  # noqa: RUF001
        ("[a, , b]", "P0109", ","),
        ("f(a b)", "P0109", ""),
        ("a;", "P0113", ";"),
        ("(a", "P0102", "("),
        ("[a)", "P0102", ")"),
        ("a)", "P0103", ")"),
        ("'abc", "P0101", "'abc"),
        ("5x", "P0135", "5x"),
        ("1_000", "P0135", "1_000"),
        ("a?.b", "P0136", "?."),
        ("a ?? b", "P0136", "??"),
        ("a.", "P0134", ""),
        ("a ==", "P0134", "=="),
        ("&& a", "P0134", "&&"),
        ("a\u00a0b", "P0133", "\u00a0"),
        ("a ^ b", "P0133", "^"),
        ("a b", "P0100", "b"),
    ],
)
def test_mistakes_in_an_expression(written: str, code: str, place: str) -> None:
    source = Source("x", written)
    report = Report()
    assert parse_expression(Text(written, source.whole(), 0), report) is None
    assert [(d.code.id, d.span.text) for d in report] == [(code, place)]


@pytest.mark.parametrize(
    ("written", "code", "place"),
    [
        ("on_http_request { when a then { deny } }", "P0119", "then"),
        ("on_http_request { when a: deny }", "P0119", ":"),
        ("on_http_request { when a deny }", "P0119", "deny"),
        ("on_http_request { when { deny } }", "P0134", "when"),
        ("on_http_request { when a && { deny } }", "P0134", "&&"),
        ("on_http_request { when a { deny } else { log } }", "P0107", "else"),
        ("on_http_request { elif (a) { deny } }", "P0107", "elif"),
        ("on_http_request { deny, log }", "P0109", ","),
        ("on_http_request { log { a: 1; b: 2 } }", "P0113", ";"),
        ("on_http_request { log { a 1 } }", "P0117", "1"),
        ("on_http_request { rule deny { deny } }", "P0119", "deny"),
        ("on_http_request { use 'x' }", "P0119", "'x'"),
        ("rules { deny }", "P0119", "{"),
        ("deny 401", "P0115", "deny"),
        ("rule 'x' { deny }", "P0115", "rule"),
        ("var x = 1", "P0107", "var"),
        ("x = 1", "P0107", "x ="),
        ("lets x = 1", "P0100", "lets"),
        ("endpoint https://a.b {}", "P0116", "https://a.b"),
        ("import common", "P0116", "common"),
        ('{"on_http_request": []}', "P0118", "{"),
        ("- on_http_request", "P0118", "-"),
        ("on_http_request { log { x-a: 1 } }", "P0126", "x-a"),
        ("on_http_request { deny ", "P0102", "{"),
        ("on_http_request { deny }\n}", "P0103", "}"),
    ],
)
def test_mistakes_in_a_file(written: str, code: str, place: str) -> None:
    assert told(written) == [(code, place)]
