from __future__ import annotations

import pytest
from tests.engine.policies import codes, found, only

from policyc.engine.endpoint_url import EndpointUrl, parse_endpoint_url
from policyc.engine.options import Options


def forwards(url: str, to: str, condition: str = "") -> str:
    body = f'forward-internal "{to}"'
    if condition:
        body = f"when {condition} {{ {body} }} deny"
    return f'endpoint "{url}" {{ on_http_request {{ {body} }} }}\n'


def serves(url: str) -> str:
    return f'endpoint "{url}" -> "http://127.0.0.1:1"\n'


PUBLIC = "https://shop.example.com"


def test_an_undeclared_target_is_a_warning_if_endpoints_are_declared_at_all() -> None:
    diagnostic = only(found(forwards(PUBLIC, "https://ap.internal") + serves("https://app.internal")))
    assert (diagnostic.code.name, diagnostic.severity) == ("undeclared-target", "warning")
    assert diagnostic.hint == "did you mean `https://app.internal`?"
    assert diagnostic.path == "on_http_request[0].actions[0].config.url"
    assert found('on_http_request { forward-internal "https://ap.internal" }') == []


@pytest.mark.parametrize(
    ("target", "declared"),
    [
        ("https://app.internal", "https://app.internal:443"),
        ("https://APP.internal", "https://app.internal"),
        ("https://a.b.internal", "https://*.b.internal"),
        ("https://a.b.c.internal", "https://*.internal"),
        ("http://app.internal:8080", "http://app.internal:8080"),
    ],
)
def test_declared_targets_are_found_as_the_gateway_finds_them(target: str, declared: str) -> None:
    assert found(forwards(PUBLIC, target) + serves(declared)) == []


@pytest.mark.parametrize(
    ("target", "declared"),
    [
        ("http://app.internal", "https://app.internal"),
        ("https://app.internal:444", "https://app.internal"),
        ("https://b.internal", "https://*.b.internal"),
        ("http://a.b.internal", "https://*.b.internal"),
    ],
)
def test_another_scheme_or_port_is_another_endpoint(target: str, declared: str) -> None:
    assert codes(found(forwards(PUBLIC, target) + serves(declared))) == ["undeclared-target"]


def test_the_sibling_of_another_scheme_is_suggested() -> None:
    diagnostic = only(found(forwards(PUBLIC, "http://app.internal") + serves("https://app.internal")))
    assert diagnostic.hint == "did you mean `https://app.internal`?"


def test_a_target_that_the_caller_registers_is_declared() -> None:
    url = parse_endpoint_url("https://app.internal")
    assert isinstance(url, EndpointUrl)
    assert found(forwards(PUBLIC, "https://app.internal"), Options(registered=(url,))) == []


def test_targets_are_those_of_the_same_account() -> None:
    other = 'endpoint "https://app.internal" -> "http://127.0.0.1:1" { account: "other" }'
    assert codes(found(forwards(PUBLIC, "https://app.internal") + other)) == ["undeclared-target"]


def test_interpolated_targets_are_left_to_the_look_up() -> None:
    assert found(forwards(PUBLIC, "https://${req.host}.internal")) == []


def test_a_circle_that_all_traffic_takes_is_an_error() -> None:
    text = forwards("https://a.internal", "https://b.internal") + forwards(
        "https://b.internal", "https://a.internal"
    )
    diagnostic = only(found(text))
    assert (diagnostic.code.name, diagnostic.severity, diagnostic.ngrok) == ("forward-circle", "error", 3501)
    assert "`https://a.internal` → `https://b.internal` → `https://a.internal`" in diagnostic.message
    assert [label.span.line for label in diagnostic.labels] == [2]


def test_a_circle_that_a_condition_decides_is_a_warning() -> None:
    text = forwards("https://a.internal", "https://b.internal", 'req.method == "A"')
    text += forwards("https://b.internal", "https://a.internal")
    diagnostic = only(found(text))
    assert (diagnostic.code.name, diagnostic.severity) == ("forward-circle", "warning")


def test_a_circle_behind_a_rule_that_may_end_is_a_warning() -> None:
    guarded = (
        'endpoint "https://a.internal" { on_http_request { when req.method == "A" { deny } '
        'forward-internal "https://a.internal" } }'
    )
    assert [(each.code.name, each.severity) for each in found(guarded)] == [("forward-circle", "warning")]


def test_an_endpoint_that_forwards_to_itself_is_a_circle() -> None:
    assert only(found(forwards("https://a.internal", "https://a.internal"))).severity == "error"


def test_a_wildcard_can_be_part_of_a_circle() -> None:
    text = forwards("https://*.b.internal", "https://a.b.internal")
    assert only(found(text)).code.name == "forward-circle"
