from __future__ import annotations

import pytest
from tests.engine.policies import codes, found, only

POOL = "pooling_enabled: true"


def agent(settings: str = "", url: str = "https://a.internal") -> str:
    return f'endpoint "{url}" -> "http://127.0.0.1:1" {{ {settings} }}\n'


def cloud(settings: str = "", url: str = "https://a.internal") -> str:
    return f'endpoint "{url}" {{ {settings} on_http_request {{ deny }} }}\n'


@pytest.mark.parametrize(
    ("first", "second", "number"),
    [
        (agent(), agent(), 334),
        (agent(POOL), agent(), 334),
        (agent(), agent(POOL), 334),
        (cloud(), agent(), 334),
        (cloud(), cloud(), 18009),
        (cloud(), cloud(POOL), 18016),
        (cloud(POOL), cloud(), 18017),
        (agent(POOL), cloud(), 18017),
    ],
)
def test_one_url_without_pooling_is_refused_by_the_number_of_the_case(
    first: str, second: str, number: int
) -> None:
    diagnostic = only(found(first + second))
    assert (diagnostic.code.name, diagnostic.ngrok, diagnostic.severity) == (
        "endpoint-twice",
        number,
        "error",
    )
    assert (diagnostic.span.line, diagnostic.labels[0].span.line) == (2, 1)


@pytest.mark.parametrize(
    "second", [agent(POOL), cloud(POOL), agent(POOL, "https://A.INTERNAL.:443"), agent(POOL, "a.internal")]
)
def test_endpoints_that_all_pool_share_a_url(second: str) -> None:
    assert found(agent(POOL) + second) == []


@pytest.mark.parametrize(
    "other", ["http://a.internal", "https://a.internal:444", "https://*.internal", "https://b.internal"]
)
def test_other_urls_are_other_endpoints(other: str) -> None:
    assert found(agent() + agent(url=other)) == []


def test_an_internal_url_belongs_to_its_account() -> None:
    assert found(agent() + agent('account: "other"')) == []


def test_a_public_url_has_one_account() -> None:
    url = "https://a.example.com"
    diagnostic = only(found(agent(POOL, url) + agent(f'account: "other", {POOL}', url)))
    assert diagnostic.code.name == "url-of-two-accounts"


def test_names_are_unique_in_a_file() -> None:
    diagnostic = only(found(agent('name: "a"') + agent('name: "a"', "https://b.internal")))
    assert (diagnostic.code.name, diagnostic.span.line, diagnostic.labels[0].span.line) == (
        "endpoint-name-twice",
        2,
        1,
    )


def test_tls_settings_are_for_tls_endpoints() -> None:
    setting = 'agent_tls_termination: { server_certificate: "a.crt" }'
    assert "tls-settings-on-other-protocol" in codes(found(agent(setting)))
    fine = f'endpoint "tls://a.internal" -> "tcp://127.0.0.1:1" {{ {setting} }}'
    assert "tls-settings-on-other-protocol" not in codes(found(fine))
