"""What the actions that ask an identity provider share."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import config_of

from policyc.engine.identity import ALLOW_LIST_HINTS, identity, session_result


def test_both_spellings_of_the_refresh_flag_are_set() -> None:
    assert {"userinfo_refreshed", "user_info_refreshed"} <= set(session_result("oauth").fields)


def test_both_names_of_the_session_are_set() -> None:
    assert {"current_session_id", "current_provider_session_id"} <= set(identity("oidc").fields)


def test_allow_lists_are_hinted_at() -> None:
    assert "allowed_emails" in ALLOW_LIST_HINTS


@pytest.mark.parametrize(
    ("domain", "is_right"),
    [
        ("example.com", True),
        (".example.com", True),
        ("a.b.example.com", True),
        ("com", False),
        ("a..b", False),
        ("https://example.com", False),
        ("example.com/x", False),
        ("", False),
    ],
)
def test_a_cookie_domain_is_a_domain(domain: str, is_right: bool) -> None:
    client = 'provider: github, client_id: a, client_secret: "${req.host}"'
    config = f'{{ {client}, auth_cookie_domain: "{domain}" }}'
    assert (config_of("oauth", config).errors == []) == is_right
