"""spec/actions.md §5.1."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import checked, config_of

from policyc.engine.actions.oauth import unavailable

OWN = "client_id: abc, client_secret: \"${secrets.get('v', 's')}\""


@pytest.mark.parametrize(
    "provider", ["amazon", "facebook", "github", "gitlab", "google", "linkedin", "microsoft", "twitch"]
)
def test_eight_providers(provider: str) -> None:
    assert config_of("oauth", f"{{ provider: {provider}, {OWN} }}").found == []


def test_without_an_own_client_it_is_a_warning_at_each_missing_field() -> None:
    found = config_of("oauth", "{ provider: google }")
    assert found.errors == []
    assert [(each.code.name, each.path) for each in found.found] == [
        ("no-own-client", "on_http_request[0].actions[0].config.client_id"),
        ("no-own-client", "on_http_request[0].actions[0].config.client_secret"),
    ]
    assert found.action().unavailable is unavailable
    assert "client_id" in (unavailable(found.config()) or "")
    assert unavailable(config_of("oauth", f"{{ provider: google, {OWN} }}").config()) is None


@pytest.mark.parametrize(
    "name",
    [
        "email_addresses",
        "email_domains",
        "allow_domains",
        "allow_emails",
        "allowed_emails",
        "allowed_domains",
    ],
)
def test_allow_lists_are_refused_with_a_hint_to_an_expression(name: str) -> None:
    found = config_of("oauth", f"{{ provider: google, {OWN}, {name}: [a] }}").only
    assert found.code.name == "unknown-field"
    assert "expression" in (found.hint or "")


@pytest.mark.parametrize(
    ("more", "ngrok"),
    [
        ("provider: okta", 2222),
        ("provider: google, max_session_duration: 1 day", 2228),
        ("provider: google, idle_session_timeout: 60", 2228),
        ("provider: google, allow_cors_preflight: yes please", 2228),
        ("provider: google, auth_cookie_domain: 'https://example.com'", 2243),
        ("provider: google, scopes: openid", 2228),
        ("provider: google, authz_url_params: [a]", 2228),
    ],
)
def test_mistakes(more: str, ngrok: int) -> None:
    assert config_of("oauth", f"{{ {more}, {OWN} }}").only.ngrok == ngrok


def test_scopes_need_an_own_client() -> None:
    assert "scopes-without-client" in config_of("oauth", "{ provider: github, scopes: [repo] }").names


def test_a_literal_secret_is_warned_of() -> None:
    assert config_of("oauth", "{ provider: github, client_id: a, client_secret: b }").names == [
        "secret-in-clear"
    ]


def test_the_identity_can_be_read_by_later_rules() -> None:
    text = (
        'on_http_request { oauth { provider: "github", client_id: "a", client_secret: secrets.get("v", '
        '"s") } '
        "when !actions.ngrok.oauth.identity.email.endsWith('@example.com') || "
        "actions.ngrok.oauth.identity.current_provider_session_id == '' { deny } }"
    )
    assert checked(text).errors == []
    assert checked(text).action().authenticates
