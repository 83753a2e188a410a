from __future__ import annotations

import pytest
from tests.engine.policies import found, only

from policyc.grammar.diagnostic import Diagnostic

SEARCH = '{ replacements: [{ from: "a" }] }'
COMMON_NAME = 'conn.tls.client.subject.common_name == "ops"'


def told(text: str) -> list[Diagnostic]:
    """Return the findings of this check."""
    return [each for each in found(text) if each.code.id in ("P0610", "P0611", "P0612", "P0613")]


@pytest.mark.parametrize(
    ("rules", "severity"),
    [
        ("terminate-tls terminate-tls", "error"),
        ("when conn.tls.sni == 'a' { terminate-tls terminate-tls }", "error"),
        ("when conn.tls.sni == 'a' { terminate-tls } terminate-tls", "error"),
        ("rule 'a' { terminate-tls } when conn.tls.sni == 'a' { terminate-tls }", "error"),
        ("when conn.tls.sni == 'a' { terminate-tls } when conn.tls.sni == 'b' { terminate-tls }", "warning"),
    ],
)
def test_one_connection_ends_tls_once(rules: str, severity: str) -> None:
    diagnostic = only(told(f"on_tcp_connect {{ {rules} }}"))
    assert (diagnostic.code.name, diagnostic.severity) == ("two-handshakes", severity)
    assert diagnostic.labels[0].span.text == "terminate-tls"


def test_certificates_are_not_known_before_the_handshake() -> None:
    diagnostic = only(told(f"on_tcp_connect {{ when {COMMON_NAME} {{ deny }} terminate-tls }}"))
    assert (diagnostic.code.name, diagnostic.severity) == ("before-handshake", "error")
    assert diagnostic.path == "on_tcp_connect[0].expressions[0]"
    own = only(told(f"on_tcp_connect {{ when {COMMON_NAME} {{ terminate-tls }} }}"))
    assert own.code.name == "before-handshake"


@pytest.mark.parametrize(
    "rules",
    [
        f"terminate-tls when {COMMON_NAME} {{ deny }}",
        "when conn.tls.sni == 'a' { deny } terminate-tls",
        f"when {COMMON_NAME} {{ deny }}",  # nothing here makes the handshake, so the gateway has made it
    ],
)
def test_what_the_hello_says_is_known_before_the_handshake(rules: str) -> None:
    assert told(f"on_tcp_connect {{ {rules} }}") == []


def test_a_body_is_not_searched_once_it_is_compressed() -> None:
    text = "on_http_response {{ {} }}"
    search = f"response-body-find-replace {SEARCH}"
    diagnostic = only(told(text.format(f"compress-response when res.status_code == 200 {{ {search} }}")))
    assert (diagnostic.code.name, diagnostic.severity) == ("searches-compressed-body", "warning")
    assert diagnostic.path == "on_http_response[1].actions[0]"
    assert told(text.format(f"{search} compress-response")) == []


def test_a_signature_is_verified_before_the_body_changes() -> None:
    text = "on_http_request {{ {} }}"
    search, verify = f"request-body-find-replace {SEARCH}", 'verify-webhook { provider: "sns" }'
    diagnostic = only(told(text.format(f"{search} {verify}")))
    assert (diagnostic.code.name, diagnostic.severity) == ("breaks-signature", "warning")
    assert told(text.format(f"{verify} {search}")) == []


def test_rules_that_are_reused_are_told_at_the_use() -> None:
    diagnostic = only(told("rules twice { terminate-tls terminate-tls }\non_tcp_connect { use twice }"))
    assert diagnostic.span.text == "use twice"
