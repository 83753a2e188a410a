"""spec/actions.md §3.1."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import checked, config_of, exchange, response, result, run

from policyc.engine.outcome import Fail

CLIENT = 'on_http_request { add-headers { headers: { "X-Trace": "${conn.client_ip}-${req.method}" } } }'


def test_one_line_per_entry_is_appended_and_nothing_replaced() -> None:
    x = exchange(lines=[("x-a", "1")])
    assert run('on_http_request { add-headers { headers: { "x-a": "2", "x-b": "3" } } }', x) is None
    assert x.req.headers.lines[1:] == [(b"x-a", b"1"), (b"x-a", b"2"), (b"x-b", b"3")]


def test_templates_are_evaluated_and_names_sent_in_lower_case() -> None:
    x = exchange()
    run(CLIENT, x)
    assert x.req.headers.lines[-1] == (b"x-trace", b"198.51.100.7-GET")
    assert result(x, "add_headers") == {"headers_added": {"x-trace": "198.51.100.7-GET"}}


def test_in_the_response_phase_the_client_gets_them() -> None:
    x = exchange(response=response())
    run('on_http_response { add-headers { headers: { "x-a": "${res.status_code}" } } }', x)
    assert x.res.headers.lines == [(b"x-a", b"200")]


def test_later_actions_and_expressions_see_what_was_added() -> None:
    x = exchange()
    run(
        'on_http_request { add-headers { headers: { "x-a": "1" } } '
        "when req.headers['x-a'][0] == '1' { add-headers { headers: { \"x-b\": "
        "\"${req.headers['x-a'][0]}2\" } } } }",
        x,
    )
    assert x.req.headers.get("x-b") == ["12"]


def test_host_is_replaced_and_the_url_follows() -> None:
    x = exchange("https://shop.example.com/a")
    run(
        'on_http_request { add-headers { headers: { host: "other.example.com" } } '
        'add-headers { headers: { "x-url": "${req.url}", "x-host": "${req.host}" } } }',
        x,
    )
    assert x.req.headers.get("host") == ["other.example.com"]
    assert x.req.headers.get("x-url") == ["https://other.example.com/a"]
    assert x.req.headers.get("x-host") == ["other.example.com"]


def test_a_host_that_is_none_is_refused() -> None:
    assert checked('on_http_request { add-headers { headers: { host: "a b" } } }').errors == [
        "bad-header-value"
    ]
    x = exchange(lines=[("x-a", "a b")])
    outcome = run("on_http_request { add-headers { headers: { host: \"${req.headers['x-a'][0]}\" } } }", x)
    assert isinstance(outcome, Fail)
    assert x.req.headers.get("host") == ["shop.example.com"]


@pytest.mark.parametrize(
    "name",
    [
        "user-agent",
        "User-Agent",
        "ngrok-skip-browser-warning",
        "connection",
        "transfer-encoding",
        "content-length",
        "upgrade",
        "keep-alive",
        "te",
        "trailer",
        "proxy-authorization",
        "ngrok-error-code",
    ],
)
def test_refused_names_are_2219(name: str) -> None:
    found = config_of("add-headers", f'{{ headers: {{ {name}: "1" }} }}').only
    assert (found.code.name, found.ngrok) == ("refused-header", 2219)
    assert found.path == "on_http_request[0].actions[0].config.headers"
    assert found.span.text == name


@pytest.mark.parametrize("name", ['"x y"', '"x:y"', '""', '"x.y"', '"ü"', '"x\\r\\ny"'])
def test_a_name_is_made_of_letters_digits_hyphen_and_underscore(name: str) -> None:
    found = config_of("add-headers", f'{{ headers: {{ {name}: "1" }} }}').only
    assert (found.code.name, found.ngrok) == ("bad-header-name", 2210)


@pytest.mark.parametrize("sign", ["\\r", "\\n", "\\0"])
def test_a_literal_line_break_or_nul_is_refused_at_compile_time(sign: str) -> None:
    found = config_of("add-headers", f'{{ headers: {{ x-a: "1{sign}2" }} }}').only
    assert (found.code.name, found.ngrok) == ("bad-header-value", 2211)
    assert found.path == "on_http_request[0].actions[0].config.headers.x-a"


def test_one_from_a_template_fails_the_request_and_adds_nothing() -> None:
    x = exchange("https://shop.example.com/?a=1%0d%0ax-b:2")
    outcome = run(
        'on_http_request { add-headers { headers: { "x-a": "${req.url.query_params[\'a\'][0]}", "x-c": '
        '"1" } } }',
        x,
    )
    assert isinstance(outcome, Fail)
    assert (outcome.status, outcome.code) == (500, 3900)
    assert "\n" not in outcome.message
    assert len(x.req.headers.lines) == 1


def test_a_missing_key_fails_the_request_with_3900_naming_action_and_field() -> None:
    outcome = run(
        "on_http_request { add-headers { headers: { \"x-a\": req.headers['none'][0] } } }", exchange()
    )
    assert isinstance(outcome, Fail)
    assert (outcome.status, outcome.code) == (500, 3900)
    assert "add-headers" in outcome.message
    assert "headers.x-a" in outcome.message


def test_the_number_of_headers_is_one_to_ten() -> None:
    many = ", ".join(f'x-{i}: "1"' for i in range(11))
    assert config_of("add-headers", f"{{ headers: {{ {many} }} }}").only.ngrok == 2212
    assert config_of("add-headers", "{ headers: {} }").only.code.name == "empty-value"
    assert config_of("add-headers", "{}").only.code.name == "missing-field"


def test_two_spellings_of_one_name_are_a_duplicate() -> None:
    assert config_of("add-headers", '{ headers: { X-A: "1", x-a: "2" } }').errors == ["duplicate-values"]


def test_a_number_is_taken_as_its_text_with_a_warning_and_null_is_refused() -> None:
    found = config_of("add-headers", "{ headers: { x-a: 1, x-b: true } }")
    assert found.names == ["scalar-as-text", "scalar-as-text"]
    x = exchange()
    found.run()(x)
    assert result(x, "add_headers")["headers_added"] == {"x-a": "1", "x-b": "true"}
    assert config_of("add-headers", "{ headers: { x-a: null } }").only.code.name == "null-value"


def test_a_template_that_does_not_compile_is_2224_at_its_place() -> None:
    found = config_of("add-headers", '{ headers: { x-a: "${req.nothing}" } }').only
    assert found.ngrok == 2224
    assert found.path == "on_http_request[0].actions[0].config.headers.x-a"
    assert found.span.text in "req.nothing"


def test_octets_of_a_request_survive_in_a_template() -> None:
    x = exchange()
    x.req.headers.lines.append((b"x-raw", b"\xff\xfe"))
    run("on_http_request { add-headers { headers: { \"x-copy\": req.headers['x-raw'][0] } } }", x)
    assert x.req.headers.lines[-1] == (b"x-copy", b"\xff\xfe")
