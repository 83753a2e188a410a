"""spec/actions.md §4.2."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import checked, config_of

from policyc.engine.action import Ends

URL = "url: 'https://authz.internal/check'"


def test_defaults() -> None:
    found = config_of("http-request", f"{{ {URL} }}")
    assert found.found == []
    config = found.config()
    assert config["method"].value == "GET"
    assert config["max_redirects"].value == 0
    assert config["timeout"].value == 3 * 10**9
    assert config["on_error"].value == "continue"


def test_it_may_end_only_with_halt() -> None:
    for on_error, ends in (("continue", Ends.NEVER), ("halt", Ends.MAY)):
        found = config_of("http-request", f"{{ {URL}, on_error: {on_error} }}")
        assert found.action().ends_with(found.config()) is ends


@pytest.mark.parametrize(
    ("more", "ngrok"),
    [
        ("method: TRACE", 2222),
        ("max_redirects: 101", 2215),
        ("max_redirects: -1", 2215),
        ("timeout: 500ms", 2215),
        ("timeout: 31s", 2225),
        ("on_error: stop", 2222),
        (f"query_params: {[{'key': 'a', 'value': 'b'}] * 33}", 2218),
        ("query_params: [{ key: '', value: b }]", 2223),
        (f"query_params: [{{ key: {'k' * 129}, value: b }}]", 2221),
        ("query_params: { a: b }", 2228),
        ("headers: { 'x y': a }", 2210),
        ("retry_condition: 'attempts <'", 2200),
    ],
)
def test_limits(more: str, ngrok: int) -> None:
    found = config_of("http-request", f"{{ {URL}, {more} }}")
    assert [each.ngrok for each in found.found if each.severity == "error"] == [ngrok]


@pytest.mark.parametrize(
    "url", ["authz.internal", "ftp://authz.internal", "https://", "https://a b", "/check", ""]
)
def test_what_is_no_url_is_2226(url: str) -> None:
    assert config_of("http-request", f"{{ url: '{url}' }}").only.ngrok == 2226


def test_targets_outside_are_warned_of() -> None:
    for url in (
        "https://api.example.com/x",
        "https://api.example.com/${req.method}",
        "https://a.internal.example.com",
    ):
        assert config_of("http-request", f"{{ url: '{url}' }}").names == ["external-target"], url
    for url in ("https://a.INTERNAL./x", "https://${req.host}.internal/x", "http://a.internal:8080"):
        assert config_of("http-request", f"{{ url: '{url}' }}").names == [], url


def test_a_body_goes_with_a_method_that_has_one() -> None:
    assert config_of("http-request", f"{{ {URL}, body: a }}").names == ["body-without-method"]
    assert config_of("http-request", f"{{ {URL}, body: a, method: POST }}").names == []


def test_more_than_five_redirects_are_warned_of() -> None:
    assert config_of("http-request", f"{{ {URL}, max_redirects: 10 }}").only.severity == "warning"


def test_the_retry_condition_reads_names_of_its_own() -> None:
    condition = "attempts < 3 && last_attempt.res.statusCode >= 500"
    assert config_of("http-request", f"{{ {URL}, retry_condition: '{condition}' }}").found == []


def test_a_bare_expression_is_literal_text_with_a_warning() -> None:
    found = config_of("http-request", f"{{ {URL}, headers: {{ x-a: \"req.headers['x-a'][0]\" }} }}").only
    assert (found.code.name, found.severity) == ("bare-expression", "warning")
    assert found.hint is not None
    assert "${req.headers['x-a'][0]}" in found.hint


def test_the_result_is_typed() -> None:
    text = 'on_http_request { http-request { url: "https://a.internal" } when %s { deny } }'
    assert checked(text % "actions.ngrok.http_request.res.status_code != 200").errors == []
    assert checked(text % "actions.ngrok.http_request.res.status_code != '200'").errors != []
    assert checked(text % "actions.ngrok.http_request.attempts[0].response_time_ms == '1'").errors == []
    assert checked(text % "actions.ngrok.http_request.res.header['X-A'][0] == 'a'").errors == []
