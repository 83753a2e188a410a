import pytest
from tests.engine.functions.evaluation import TRAFFIC, error_of, evaluate, node_of

from policyc.grammar.diagnostic import Report


def test_functions_and_methods_say_the_same() -> None:
    assert evaluate("url.parse('http://u:p@h:1/a?b#c') == 'http://u:p@h:1/a?b#c'.parseUrl()") is True
    assert evaluate("queryString.decode('a=1') == 'a=1'.decodeQueryString()") is True
    assert evaluate("queryString.encode({'a': 1}) == {'a': 1}.encodeQueryString()") is True


@pytest.mark.parametrize(
    "expression",
    ["url.unescape('%zz')", "'%'.unescapeUrl()", "queryString.decode('a=%')", "url.parse('http://[::1')"],
)
def test_bad_input_is_an_error(expression: str) -> None:
    assert error_of(expression) == "invalid_argument"


def test_octets_that_are_no_utf8_survive() -> None:
    assert evaluate("url.escape(url.unescape('%FF'))") == "%FF"


def test_legacy_forms_still_work() -> None:
    assert evaluate("isQueryString('a=1') && isUrl('https://a.example') && isJson('{}')") is True


@pytest.mark.parametrize(
    ("expression", "today"),
    [
        ("isQueryString('a=1')", "text.isQueryString()"),
        ("isUrl('a')", "isURL"),
        ("isJson('1')", "text.isJson()"),
        ("'1'.isJson()", None),
    ],
)
def test_legacy_forms_name_the_spelling_of_today(expression: str, today: str | None) -> None:
    report = Report()
    node_of(expression, TRAFFIC, report=report)
    assert [d.hint for d in report] == ([f"write `{today}`"] if today else [])
