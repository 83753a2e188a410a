"""spec/actions.md §4.1."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import checked, config_of

GOOD = (
    "{ issuer: { allow_list: [{ value: 'https://id.example.com/' }] }, audience: { allow_list: [{ value: "
    "api }] }, "
    "http: { tokens: [{ type: jwt, method: header, name: Authorization, prefix: 'Bearer ' }] }, "
    "jws: { allowed_algorithms: [RS256, ES256], "
    "keys: { sources: { additional_jkus: ['https://id.example.com/jwks.json'] } } } }"
)


def test_the_shape_of_the_examples() -> None:
    found = config_of("jwt-validation", GOOD)
    assert found.found == []
    jws = found.config().object("jws")
    (keys,) = jws.items("keys")
    assert keys.value == {"sources": [{"additional_jkus": ["https://id.example.com/jwks.json"]}]}


def test_the_shape_of_the_reference_with_lists() -> None:
    listed = GOOD.replace("keys: { sources: {", "keys: [{ sources: [{").replace("] } } } }", "] }] }] } }")
    assert listed != GOOD
    found = config_of("jwt-validation", listed)
    assert found.found == []
    assert found.config().value == config_of("jwt-validation", GOOD).config().value


@pytest.mark.parametrize(
    ("change", "to", "ngrok", "path"),
    [
        ("type: jwt", "type: bearer", 2222, "http.tokens[0].type"),
        ("method: header", "method: query", 2222, "http.tokens[0].method"),
        ("name: Authorization, ", "", 2234, "http.tokens[0].name"),
        ("RS256, ES256", "", 2223, "jws.allowed_algorithms"),
        ("RS256, ES256", "none", 2222, "jws.allowed_algorithms[0]"),
        ("RS256, ES256", "RS257", 2222, "jws.allowed_algorithms[0]"),
        ("RS256, ES256", "RS256, RS256", 2231, "jws.allowed_algorithms[1]"),
        ("'https://id.example.com/jwks.json'", "", 2223, "jws.keys.sources.additional_jkus"),
        ("'https://id.example.com/jwks.json'", "jwks", 2226, "jws.keys.sources.additional_jkus[0]"),
        ("[{ value: 'https://id.example.com/' }]", "[]", 2223, "issuer.allow_list"),
        (
            "[{ value: 'https://id.example.com/' }]",
            "[{ value: a }, { value: a }]",
            2231,
            "issuer.allow_list[1]",
        ),
        ("audience: { allow_list: [{ value: api }] }", "audience: [api]", 2228, "audience"),
        ("{ sources:", "{ source:", 2203, "jws.keys.source"),
    ],
)
def test_mistakes_are_found_at_their_place(change: str, to: str, ngrok: int, path: str) -> None:
    assert change in GOOD
    found = config_of("jwt-validation", GOOD.replace(change, to))
    assert (ngrok, f"on_http_request[0].actions[0].config.{path}") in [
        (each.ngrok, each.path) for each in found.found
    ]


def test_what_is_missing_and_what_is_unknown_is_all_reported() -> None:
    found = config_of("jwt-validation", "{ issuer_url: a }")
    paths = {each.path.rpartition(".")[2] for each in found.found if each.path is not None}
    assert paths == {"issuer_url", "issuer", "http", "jws"}


def test_one_token_is_asked_for_once_whatever_the_case_of_its_name() -> None:
    token = "{ type: jwt, method: header, name: Authorization, prefix: 'Bearer ' }"
    twice = GOOD.replace(token, f"{token}, {token.replace('Authorization', 'authorization')}")
    assert config_of("jwt-validation", twice).only.ngrok == 2231
    body = GOOD.replace(token, f"{token}, {token.replace('method: header', 'method: body')}")
    assert config_of("jwt-validation", body).found == []


def test_claims_can_be_read_by_later_rules() -> None:
    text = (
        "on_http_request { jwt-validation { issuer: { allow_list: [{ value: 'a' }] }, "
        "http: { tokens: [{ type: 'jwt', method: 'header', name: 'x' }] }, "
        "jws: { allowed_algorithms: ['RS256'], keys: { sources: { additional_jkus: ['https://a/k'] } } } } "
        "when actions.ngrok.jwt_validation.tokens[0].payload.sub != 'a' { deny } }"
    )
    assert checked(text).errors == []
    assert checked(text).action().authenticates
