"""spec/actions.md §3.3, spec/policy-language.md §5.1."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import checked, config_of, exchange, run

from policyc.engine.outcome import Fail
from policyc.engine.values import Duration, UInt


def test_a_later_entry_sees_earlier_ones_and_may_overwrite() -> None:
    x = exchange()
    run(
        "on_http_request { set-vars { vars: [{ tenant: \"${req.host.split('.')[0]}\" }, "
        '{ backend: "https://${vars.tenant}.internal" }, { tenant: "${vars.tenant}!" }] } }',
        x,
    )
    assert x.vars == {"tenant": "shop!", "backend": "https://shop.internal"}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('"${uint(1) + 10u}"', UInt(11)),
        ('"${size(req.method)}"', 3),
        ('"${[req.method]}"', ["GET"]),
        ('"a${1}b"', "a1b"),
        ('"${req.method}${1}"', "GET1"),
        ("1.5", 1.5),
        ("true", True),
        ("null", None),
        ("7", 7),
        ('"x"', "x"),
        ('{ a: [1, "${req.method}"], b: { c: null } }', {"a": [1, "GET"], "b": {"c": None}}),
    ],
)
def test_a_value_keeps_its_type(written: str, value: object) -> None:
    x = exchange()
    config_of("set-vars", f"{{ vars: [{{ a: {written} }}] }}").run()(x)
    assert x.vars["a"] == value
    assert type(x.vars["a"]) is type(value)


def test_in_policy_files_values_are_expressions_and_durations_literals() -> None:
    x = exchange()
    run("on_http_request { set-vars { vars: [{ a: req.method }, { b: 90s }, { c: 1 + 1 }] } }", x)
    assert x.vars == {"a": "GET", "b": Duration(90 * 10**9), "c": 2}


def test_the_type_of_a_variable_is_known_to_what_follows() -> None:
    wrong = checked(
        'on_http_request { set-vars { vars: [{ n: size(req.host) }] } when vars.n == "x" { deny } }'
    )
    assert len(wrong.errors) == 1
    assert checked("on_http_request { set-vars { vars: [{ n: 1 }] } when vars.n > 0 { deny } }").errors == []


def test_a_value_is_computed_once_when_it_is_set() -> None:
    x = exchange(lines=[("x-a", "1")])
    run(
        "on_http_request { set-vars { vars: [{ a: req.headers['x-a'][0] }] } "
        'remove-headers { headers: ["x-a"] } add-headers { headers: { "x-b": vars.a } } }',
        x,
    )
    assert x.req.headers.get("x-b") == ["1"]


def test_a_value_that_fails_stops_the_policy_and_later_ones_are_not_set() -> None:
    x = exchange()
    outcome = run(
        "on_http_request { set-vars { vars: [{ a: 1 }, { b: req.headers['none'][0] }, { c: 1 }] } }", x
    )
    assert isinstance(outcome, Fail)
    assert outcome.code == 3900
    assert x.vars == {"a": 1}


def test_a_mapping_instead_of_the_list_is_2252_with_a_hint() -> None:
    found = config_of("set-vars", "{ vars: { a: 1 } }").only
    assert (found.ngrok, found.path) == (2252, "on_http_request[0].actions[0].config.vars")
    assert found.hint is not None
    assert "[{ a: 1 }" in found.hint


def test_each_mapping_has_exactly_one_name() -> None:
    found = config_of("set-vars", "{ vars: [{ a: 1, b: 2 }] }").only
    assert (found.ngrok, found.path) == (2252, "on_http_request[0].actions[0].config.vars[0]")
    assert config_of("set-vars", "{ vars: [{}] }").only.ngrok == 2252


def test_names_beside_vars_get_the_hint_to_use_the_list() -> None:
    found = config_of("set-vars", "{ subdomain: a }")
    assert sorted(found.errors) == ["missing-field", "unknown-field"]
    assert any("vars: [{ subdomain" in (each.hint or "") for each in found.found)


@pytest.mark.parametrize("name", ['"my-var"', '"1a"', '""', "in", '"a b"', "package"])
def test_a_name_is_a_cel_identifier(name: str) -> None:
    assert config_of("set-vars", f"{{ vars: [{{ {name}: 1 }}] }}").errors == ["bad-variable-name"]


def test_nesting_is_limited() -> None:
    deep = "[" * 17 + "1" + "]" * 17
    assert config_of("set-vars", f"{{ vars: [{{ a: {deep} }}] }}").only.ngrok == 2250


def test_there_is_no_result_record() -> None:
    x = exchange()
    run("on_http_request { set-vars { vars: [{ a: 1 }] } }", x)
    assert x.results == {}


def test_the_place_of_a_bad_template_is_that_of_the_variable() -> None:
    found = config_of("set-vars", '{ vars: [{ a: "${request.method}" }] }').only
    assert (found.ngrok, found.path) == (2224, "on_http_request[0].actions[0].config.vars[0].a")
