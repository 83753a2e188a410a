"""spec/actions.md §5.2."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import checked, config_of

GOOD = "issuer_url: 'https://id.example.com', client_id: gw, client_secret: \"${secrets.get('v', 's')}\""


def test_a_client_is_required() -> None:
    assert config_of("openid-connect", f"{{ {GOOD} }}").found == []
    found = config_of("openid-connect", "{ issuer_url: 'https://id.example.com' }")
    assert [each.ngrok for each in found.found] == [2234, 2234]


def test_oidc_is_another_name_of_it() -> None:
    found = config_of("oidc", f"{{ {GOOD} }}")
    assert found.found == []
    assert found.action().name == "openid-connect"


def test_both_names_of_the_idle_limit_are_accepted_not_together() -> None:
    for name in ("idle_session_duration", "idle_session_timeout"):
        found = config_of("openid-connect", f"{{ {GOOD}, {name}: 1h }}")
        assert found.found == []
        assert found.config()["idle_session_duration"].value == 3600 * 10**9
    both = config_of("openid-connect", f"{{ {GOOD}, idle_session_duration: 1h, idle_session_timeout: 1h }}")
    assert both.errors == ["field-given-twice"]


@pytest.mark.parametrize("url", ["id.example.com", "https://", "'{issuer}'"])
def test_the_issuer_is_a_url(url: str) -> None:
    found = config_of(
        "openid-connect", f"{{ {GOOD.replace('https://id.example.com', url.strip(chr(39)))} }}"
    ).only
    assert found.ngrok == 2226


def test_the_result_is_under_oidc_with_both_spellings_of_the_flag() -> None:
    text = (
        'on_http_request { openid-connect { issuer_url: "https://id.example.com", client_id: "a", '
        'client_secret: secrets.get("v", "s") } when actions.ngrok.oidc.identity.current_session_id != "" && '
        "(actions.ngrok.oidc.user_info_refreshed || actions.ngrok.oidc.userinfo_refreshed) && "
        'actions.ngrok.oidc.identity_token == "" { deny } }'
    )
    assert checked(text).errors == []
