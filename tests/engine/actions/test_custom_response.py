"""spec/actions.md §3.7."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import checked, config_of, exchange, response, run

from policyc.engine.outcome import Fail, Respond


def answer(text: str, **given: object) -> Respond:
    x = exchange(response=response() if "on_http_response" in text else None)
    outcome = run(text, x)
    assert isinstance(outcome, Respond), outcome
    return outcome


def test_it_answers_and_is_not_final_so_the_response_phase_runs() -> None:
    made = answer(
        'on_http_request { custom-response 201 { body: "ok", headers: { "Cache-Control": "no-store" } } }'
    )
    assert (made.status, made.body, made.final, made.code) == (201, b"ok", False, None)
    assert ("cache-control", "no-store") in made.headers


def test_the_default_is_an_empty_200() -> None:
    made = answer("on_http_request { custom-response }")
    assert (made.status, made.body, made.headers) == (200, b"", [])


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        ("hello", "text/plain; charset=utf-8"),
        ('{"a": 1}', "application/json"),
        (" [1, 2]", "application/json"),
        ("{not json", "text/plain; charset=utf-8"),
        ("<!DOCTYPE html><p>", "text/html; charset=utf-8"),
        ("<html lang=en>", "text/html; charset=utf-8"),
        ("<p>x</p>", "text/plain; charset=utf-8"),
        ("3", "text/plain; charset=utf-8"),
    ],
)
def test_the_content_type_is_told_from_the_body(body: str, media_type: str) -> None:
    made = answer(f"on_http_request {{ custom-response 200 {{ body: '{body}' }} }}")
    assert made.headers == [("content-type", media_type)]


def test_a_given_content_type_stays() -> None:
    made = answer('on_http_request { custom-response { body: "{}", headers: { "Content-Type": "text/x" } } }')
    assert made.headers == [("content-type", "text/x")]


def test_maps_and_lists_in_the_body_become_json() -> None:
    made = answer('on_http_request { custom-response { body: "${req.headers}" } }')
    assert made.body == b'{"host":["shop.example.com"]}'
    assert made.headers == [("content-type", "application/json")]


def test_templates_are_evaluated_in_body_and_headers() -> None:
    made = answer(
        'on_http_request { custom-response { body: "hi ${conn.client_ip}", headers: { "x-m": '
        '"${req.method}" } } }'
    )
    assert made.body == b"hi 198.51.100.7"
    assert ("x-m", "GET") in made.headers


def test_in_the_response_phase_it_replaces_the_response() -> None:
    made = answer('on_http_response { when res.status_code == 200 { custom-response 404 { body: "no" } } }')
    assert (made.status, made.body) == (404, b"no")
    assert made.headers == [("content-type", "text/plain; charset=utf-8")]


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_body_may_have_none(status: int) -> None:
    found = checked(f'on_http_request {{ custom-response {status} {{ body: "x" }} }}').only
    assert (found.ngrok, found.path) == (3604, "on_http_request[0].actions[0].config.body")
    assert checked(f"on_http_request {{ custom-response {status} }}").errors == []
    assert checked(f'on_http_request {{ custom-response {status} {{ body: "" }} }}').errors == []


@pytest.mark.parametrize("status", ["100", "101", "199", "600", "99"])
def test_interim_and_impossible_statuses_are_2215(status: str) -> None:
    assert config_of("custom-response", f"{{ status_code: {status} }}").only.ngrok == 2215


def test_content_is_an_older_name_of_body() -> None:
    found = config_of("custom-response", "{ content: ok }")
    assert (found.only.code.name, found.only.severity) == ("old-field-name", "warning")
    outcome = found.run()(exchange())
    assert isinstance(outcome, Respond)
    assert outcome.body == b"ok"
    assert config_of("custom-response", "{ content: a, body: b }").errors == ["field-given-twice"]


def test_headers_that_the_gateway_sets_are_dropped_with_a_warning() -> None:
    dropped = '{ "content-length": "9", "ngrok-error-code": "x" }'
    text = f'on_http_request {{ custom-response {{ body: "ok", headers: {dropped} }} }}'
    assert checked(text).names == ["managed-header", "managed-header"]
    assert answer(text).headers == [("content-type", "text/plain; charset=utf-8")]


def test_at_most_ten_headers() -> None:
    many = ", ".join(f'x-{i}: "1"' for i in range(11))
    assert config_of("custom-response", f"{{ headers: {{ {many} }} }}").only.ngrok == 2212


def test_a_header_from_a_template_cannot_split_the_answer() -> None:
    x = exchange("https://shop.example.com/?a=1%0d%0aset-cookie:x")
    outcome = run(
        'on_http_request { custom-response { headers: { "x-a": "${req.url.query_params[\'a\'][0]}" } } }', x
    )
    assert isinstance(outcome, Fail)
    assert outcome.status == 500


def test_answers_do_not_share_their_headers() -> None:
    step = checked('on_http_request { custom-response { body: "ok" } }').run()
    first, second = step(exchange()), step(exchange())
    assert isinstance(first, Respond)
    assert isinstance(second, Respond)
    first.headers.append(("x-a", "1"))
    assert second.headers == [("content-type", "text/plain; charset=utf-8")]
