"""Lists, mappings and objects."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import checked, config_of, exchange, result, run

from policyc.engine.outcome import Fail


def test_every_bad_item_is_reported() -> None:
    found = config_of("remove-headers", "{ headers: ['a b', ok, 'c d', 1, null] }")
    assert [each.path for each in found.found] == [
        "on_http_request[0].actions[0].config.headers[0]",
        "on_http_request[0].actions[0].config.headers[2]",
        "on_http_request[0].actions[0].config.headers[3]",
        "on_http_request[0].actions[0].config.headers[4]",
    ]


def test_a_let_may_be_a_whole_list_or_mapping() -> None:
    text = 'let names = ["a", "b"]\non_http_request { remove-headers { headers: names } }'
    assert checked(text).config()["headers"].value == ["a", "b"]
    text = 'let lines = {"x-a": "1"}\non_http_request { add-headers { headers: lines } }'
    assert checked(text).config()["headers"].value == {"x-a": "1"}


def test_what_a_let_gives_is_checked_like_what_is_written() -> None:
    text = 'let names = ["a b"]\non_http_request { remove-headers { headers: names } }'
    assert checked(text).errors == ["bad-header-name"]
    text = 'let one = "a"\non_http_request { remove-headers { headers: one } }'
    assert checked(text).errors == ["wrong-field-type"]


def test_a_text_in_a_let_is_no_template() -> None:
    x = exchange()
    run("let lines = {'x-a': '$' + '{req.method}'}\non_http_request { add-headers { headers: lines } }", x)
    assert result(x, "add_headers")["headers_added"] == {"x-a": "${req.method}"}


def test_a_list_that_takes_no_interpolation_must_be_constant() -> None:
    assert checked("on_http_request { remove-headers { headers: [req.method] } }").errors == ["not-constant"]
    text = "on_http_request { remove-headers { headers: req.headers['x'] } }"
    assert checked(text).errors == ["not-constant"]


def test_a_whole_mapping_from_an_expression_is_checked_at_run_time() -> None:
    text = "on_http_request { add-headers { headers: {(req.method): 'a'} } }"
    assert checked(text).errors == ["not-constant"]
    setting = "set-vars { vars: [{ m: { 'x-a': req.method } }] }"
    whole = f"on_http_request {{ {setting} add-headers {{ headers: vars.m }} }}"
    x = exchange()
    assert run(whole, x) is None
    assert x.req.headers.get("x-a") == ["GET"]
    bad = exchange()
    assert isinstance(run(whole.replace("'x-a'", "'x a'"), bad), Fail)
    assert len(bad.req.headers.lines) == 1


def test_an_expression_of_another_type_is_refused() -> None:
    assert checked("on_http_request { add-headers { headers: req.method } }").errors == ["wrong-field-type"]
    assert checked("on_http_request { restrict-ips { allow: req.host } }").errors == ["wrong-field-type"]


def test_an_object_may_be_a_constant_expression() -> None:
    use = "request-body-find-replace { replacements: [rule] }"
    text = f'let rule = {{"from": "a", "to": "b"}}\non_http_request {{ {use} }}'
    found = checked(text)
    assert found.found == []
    assert found.config()["replacements"].value == [{"from": "a", "to": "b"}]


@pytest.mark.parametrize("value", ["text", "[a]", "1", "null"])
def test_an_object_is_a_mapping(value: str) -> None:
    assert config_of("jwt-validation", f"{{ issuer: {value} }}").found[0].ngrok in (2228, 2234)


def test_all_headers_of_a_request_are_no_header_map() -> None:
    assert checked("on_http_request { add-headers { headers: req.headers } }").errors == ["wrong-field-type"]


def test_an_item_that_has_no_text_fails_the_action() -> None:
    text = (
        "on_http_request { set-vars { vars: [{ m: { 'x-a': bytes('a') } }, { n: b'\\xff' }] } "
        "set-vars { vars: [{ o: {'x-b': vars.n} }] } add-headers { headers: vars.o } }"
    )
    outcome = run(text, exchange())
    assert isinstance(outcome, Fail)
    assert outcome.code == 3900
