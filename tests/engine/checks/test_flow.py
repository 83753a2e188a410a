from __future__ import annotations

import pytest
from tests.engine.policies import codes, found, only

from policyc.engine.options import Options

LOG = "log { metadata: {} }"
CLOUD = 'endpoint "https://a.example.com" {{ {} }}'


@pytest.mark.parametrize(
    "end", ["deny", "close-connection", "custom-response 200", 'forward-internal "https://a.internal"']
)
def test_what_follows_an_ending_action_in_its_rule_is_unreachable(end: str) -> None:
    diagnostic = only(found(f"on_http_request {{ when req.method == 'A' {{ {end} {LOG} }} }}"))
    assert (diagnostic.code.name, diagnostic.ngrok, diagnostic.severity) == ("unreachable", 2207, "error")
    assert (diagnostic.path, diagnostic.span.text) == ("on_http_request[0].actions[1]", "log")
    assert diagnostic.labels[0].span.text == end.split()[0]


@pytest.mark.parametrize("condition", ["", "when true", "when 1 < 2 && true"])
def test_rules_after_an_unconditional_end_are_unreachable(condition: str) -> None:
    rule = f"{condition} {{ deny }}" if condition else "deny"
    diagnostics = found(f"on_http_request {{ {rule} when req.method == 'A' {{ {LOG} }} {LOG} }}")
    unreachable = only([each for each in diagnostics if each.code.name == "unreachable"])
    assert unreachable.path == "on_http_request[1]"


@pytest.mark.parametrize(
    "rules",
    [
        f"when req.method == 'A' {{ deny }} {LOG}",
        f'redirect {{ to: "https://a/" }} {LOG}',
        f'forward-internal "https://a.internal" {{ on_error: "continue" }} {LOG}',
        f"rule 'a' {{ {LOG} }} deny",
    ],
)
def test_what_may_go_on_makes_nothing_unreachable(rules: str) -> None:
    assert "unreachable" not in codes(found(f"on_http_request {{ {rules} }}"))


def test_an_end_in_one_phase_says_nothing_of_another() -> None:
    assert found(f"on_http_request {{ deny }} on_http_response {{ {LOG} }}") == []


def test_lenient_makes_a_warning_of_what_is_unreachable() -> None:
    diagnostic = only(found(f"on_http_request {{ deny {LOG} }}", Options(lenient=True)))
    assert (diagnostic.code.name, diagnostic.severity) == ("unreachable", "warning")


@pytest.mark.parametrize(("condition", "code"), [("1 == 1", "always-true"), ('"a" == "b"', "always-false")])
def test_conditions_that_traffic_does_not_decide_are_warnings(condition: str, code: str) -> None:
    diagnostic = only(found(f"on_http_request {{ when {condition} {{ {LOG} }} }}"))
    assert (diagnostic.code.name, diagnostic.severity, diagnostic.span.text) == (code, "warning", condition)
    assert diagnostic.path == "on_http_request[0].expressions[0]"


@pytest.mark.parametrize(
    "policy",
    [
        "on_http_request { deny }",
        "on_http_request { when true { deny } }",
        'on_http_request { redirect { to: "https://b.example.com/" } }',
        'on_http_request { redirect { from: ".*", to: "https://b.example.com/" } }',
        'on_http_request { when req.method == "A" { deny } custom-response 200 }',
        "on_tcp_connect { deny }",
    ],
)
def test_a_cloud_endpoint_that_ends_all_traffic_is_fine(policy: str) -> None:
    assert not {"falls-off", "no-policy"} & set(codes(found(CLOUD.format(policy))))


@pytest.mark.parametrize(
    "policy",
    [
        'on_http_request { when req.method == "A" { deny } }',
        "on_http_request { when false { deny } }",
        'on_http_request { redirect { from: "/a", to: "/b" } }',
        'on_http_request { forward-internal "https://a.internal" { on_error: "continue" } }',
        f"on_http_request {{ {LOG} }}",
        "on_http_response { custom-response 200 }",
        'on_tcp_connect { when conn.client_ip == "a" { deny } }',
    ],
)
def test_a_cloud_endpoint_that_can_fall_off_its_end_is_refused(policy: str) -> None:
    diagnostics = [each for each in found(CLOUD.format(policy)) if each.code.name == "falls-off"]
    assert (only(diagnostics).ngrok, only(diagnostics).severity) == (2235, "error")


def test_the_same_holds_for_internal_and_tcp_cloud_endpoints() -> None:
    assert "falls-off" in codes(
        found('endpoint "https://a.internal" { on_http_request { when req.method == "A" { deny } } }')
    )
    assert "falls-off" in codes(found(f'endpoint "tcp://a.internal:1" {{ on_tcp_connect {{ {LOG} }} }}'))
    assert "falls-off" not in codes(found('endpoint "tcp://a.internal:1" { on_tcp_connect { deny } }'))


@pytest.mark.parametrize("body", ["", "{}", "{ on_http_request {} }"])
def test_a_cloud_endpoint_without_policy_is_refused(body: str) -> None:
    diagnostic = only(found(f'endpoint "https://a.example.com" {body}'))
    assert (diagnostic.code.name, diagnostic.ngrok) == ("no-policy", 18011)


def test_an_endpoint_with_an_upstream_may_let_traffic_through() -> None:
    assert found('endpoint "https://a.internal" -> "http://127.0.0.1:1"') == []


def test_a_policy_by_itself_is_judged_only_if_it_is_for_a_cloud_endpoint() -> None:
    text = 'on_http_request { when req.method == "A" { deny } }'
    assert found(text) == []
    assert found(text, Options(type="agent")) == []
    assert codes(found(text, Options(type="cloud"))) == ["falls-off"]
    assert codes(found(f"on_tcp_connect {{ {LOG} }}", Options(type="cloud"))) == ["falls-off"]
