"""spec/actions.md §3.8."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import checked, config_of, exchange, result, run

from policyc.engine.outcome import Fail, Respond

HTTPS = (
    "on_http_request { redirect { from: '^http://([^/]+)(.*)$', to: \"https://$1$2\", status_code: 308 } }"
)


def location(text: str, url: str = "http://shop.example.com/a?b=1") -> str | None:
    outcome = run(text, exchange(url))
    if outcome is None:
        return None
    assert isinstance(outcome, Respond), outcome
    return dict(outcome.headers)["location"]


def test_the_matched_part_of_the_url_is_replaced() -> None:
    x = exchange("http://shop.example.com/a?b=1")
    outcome = run(HTTPS, x)
    assert outcome == Respond(308, [("location", "https://shop.example.com/a?b=1")], reason="redirect")
    assert result(x, "redirect") == {
        "matches": ["http://shop.example.com/a?b=1", "shop.example.com", "/a?b=1"],
        "url": "https://shop.example.com/a?b=1",
        "error": {"code": "", "message": ""},
    }


def test_it_is_an_ordinary_answer_with_302_by_default() -> None:
    outcome = run('on_http_request { redirect { from: "/a", to: "/b" } }', exchange("https://h/a"))
    assert isinstance(outcome, Respond)
    assert (outcome.status, outcome.final, outcome.code) == (302, False, None)


def test_without_a_match_the_chain_goes_on() -> None:
    x = exchange("https://shop.example.com/a")
    assert run(HTTPS, x) is None
    assert result(x, "redirect")["matches"] == []
    assert result(x, "redirect")["url"] == "https://shop.example.com/a"


def test_the_same_url_is_no_redirect() -> None:
    assert location('on_http_request { redirect { from: "^http://(.*)$", to: "http://$1" } }') is None
    assert location('on_http_request { redirect { to: "http://shop.example.com/a?b=1" } }') is None


@pytest.mark.parametrize(
    ("from_", "to", "expected"),
    [
        ("/a", "/x", "http://shop.example.com/x?b=1"),
        ("a", "z", "http://shop.exzmple.com/z?b=1"),
        ("/a", "https://other.example.com", "http://shop.example.comhttps://other.example.com?b=1"),
        ("^http://([^/]+)/(?P<rest>.*)", "https://$1/new/$rest", "https://shop.example.com/new/a?b=1"),
        ("^http://([^/]+)(.*)", "https://h$1x$2", "https://h/a?b=1"),  # there is no group `1x`
        ("/a", "/$$1", "http://shop.example.com/$1?b=1"),
        ("/a", "/$9", "http://shop.example.com/?b=1"),
        ("/a", "/$0", "http://shop.example.com//a?b=1"),
        ("^.*$", "/only-path", "http://shop.example.com/only-path"),
        ("/a", "/a b", "http://shop.example.com/a%20b?b=1"),
    ],
)
def test_replacements_follow_go(from_: str, to: str, expected: str) -> None:
    text = f"on_http_request {{ redirect {{ from: '{from_}', to: \"{to}\" }} }}"
    assert location(text) == expected


def test_without_from_to_replaces_everything() -> None:
    assert (
        location('on_http_request { redirect { to: "https://other.example.com/x" } }')
        == "https://other.example.com/x"
    )
    assert location('on_http_request { redirect { to: "/login" } }') == "http://shop.example.com/login"
    assert location('on_http_request { redirect { to: "?c=2" } }') == "http://shop.example.com/a?c=2"


def test_a_client_cannot_choose_the_host() -> None:
    text = "on_http_request { redirect { from: '^https://[^/]+/old(.*)', to: \"$1\" } }"
    assert (
        location(text, "https://shop.example.com/old//evil.example")
        == "https://shop.example.com//evil.example"
    )


def test_templates_come_first_then_the_pattern() -> None:
    fields = 'from: "^http://${req.host}/(.*)", to: "https://${req.host}/${req.method}/$1"'
    text = f"on_http_request {{ redirect {{ {fields} }} }}"
    assert location(text) == "https://shop.example.com/GET/a?b=1"


def test_a_blank_from_a_template_is_percent_encoded() -> None:
    text = "on_http_request { redirect { to: \"https://o.example.com/${req.url.query_params['q'][0]}\" } }"
    assert location(text, "http://h/?q=a+b%C3%BC") == "https://o.example.com/a%20b%C3%BC"


def test_a_line_break_from_a_template_is_an_error_not_a_header() -> None:
    x = exchange("http://h/?q=a%0d%0ax:1")
    outcome = run(
        "on_http_request { redirect { to: \"https://o.example.com/${req.url.query_params['q'][0]}\" } }", x
    )
    assert isinstance(outcome, Fail)
    assert outcome.status == 500
    assert result(x, "redirect")["error"]["code"] == "ERR_NGROK_3900"


def test_a_pattern_from_a_template_that_is_none_is_3901() -> None:
    x = exchange(lines=[("x-p", "(")])
    outcome = run('on_http_request { redirect { from: "${req.headers[\'x-p\'][0]}", to: "/x" } }', x)
    assert isinstance(outcome, Fail)
    assert (outcome.code, outcome.status) == (3901, 500)
    assert result(x, "redirect")["error"]["code"] == "ERR_NGROK_3901"


def test_a_failing_template_sets_the_variables_and_answers_500() -> None:
    x = exchange()
    outcome = run("on_http_request { redirect { to: req.headers['none'][0] } }", x)
    assert isinstance(outcome, Fail)
    assert outcome.code == 3900
    assert result(x, "redirect")["url"] == "https://shop.example.com/"
    assert result(x, "redirect")["error"]["code"] == "ERR_NGROK_3900"


def test_a_result_that_is_no_url_is_an_error() -> None:
    outcome = run('on_http_request { redirect { to: "other" } }', exchange())
    assert isinstance(outcome, Fail)
    assert outcome.status == 500


def test_further_headers_are_sent_and_location_cannot_be_overridden() -> None:
    sent = '{ "X-A": "${req.method}", location: "https://evil" }'
    text = f'on_http_request {{ redirect {{ to: "/x", headers: {sent} }} }}'
    assert checked(text).names == ["managed-header"]
    outcome = run(text, exchange())
    assert isinstance(outcome, Respond)
    assert outcome.headers == [("location", "https://shop.example.com/x"), ("x-a", "GET")]


@pytest.mark.parametrize("status", ["200", "300", "304", "309", "400"])
def test_the_status_is_one_of_five(status: str) -> None:
    assert config_of("redirect", f"{{ to: /x, status_code: {status} }}").only.ngrok == 2222


def test_location_is_hinted_to_be_to() -> None:
    found = config_of("redirect", "{ location: /x }")
    assert sorted(found.errors) == ["missing-field", "unknown-field"]
    assert "the field is called `to`" in [each.hint for each in found.found]


@pytest.mark.parametrize("pattern", ["(", "(?=a)b", r"(a)\\1", "[z-a]"])
def test_a_pattern_that_is_not_re2_is_2261(pattern: str) -> None:
    found = config_of("redirect", f'{{ from: "{pattern}", to: /x }}').only
    assert (found.ngrok, found.path) == (2261, "on_http_request[0].actions[0].config.from")


def test_a_literal_line_break_is_an_error_and_what_is_no_url_a_warning() -> None:
    found = config_of("redirect", '{ to: "/a\\r\\nx: 1" }').only
    assert (found.ngrok, found.severity) == (2226, "error")
    found = config_of("redirect", "{ to: other.example.com }").only
    assert (found.ngrok, found.severity) == (2226, "warning")


def test_an_unknown_group_is_warned_of() -> None:
    assert config_of("redirect", "{ from: '/(a)', to: '/$2' }").only.code.name == "named-variable"
    assert config_of("redirect", "{ from: '/(a)', to: '/$1$$x' }").names == []
