"""spec/actions.md §4.5."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import checked, config_of

from policyc.engine.phases import Phase, Protocol

PEM = '"-----BEGIN X-----\\nMA==\\n-----END X-----\\n"'


def tls(config: str) -> list[int | None]:
    found = config_of("terminate-tls", f"{{ {config} }}", "on_tcp_connect").found
    return [each.ngrok for each in found if each.severity == "error"]


def test_an_empty_config_is_fine() -> None:
    found = checked("on_tcp_connect { terminate-tls }")
    assert found.found == []
    assert found.config()["min_version"].value == "1.2"
    assert found.config()["mutual_tls_verification_strategy"].value == "require-and-verify"


def test_it_is_for_connections_of_https_and_tls() -> None:
    action = checked("on_tcp_connect { terminate-tls }").action()
    assert action.phases == {Phase.TCP_CONNECT}
    assert action.protocols == {Protocol.HTTPS, Protocol.TLS}


@pytest.mark.parametrize(
    ("config", "ngrok"),
    [
        ('min_version: "1.1"', [2222]),
        ('max_version: "1.4"', [2222]),
        ('min_version: "1.3", max_version: "1.2"', [2204]),
        (f"server_private_key: {PEM}", [2240]),
        (f"server_certificate: {PEM}", [2240]),
        (f"server_certificate: {PEM}, server_private_key: {PEM}", []),
        ("server_certificate: cert.pem, server_private_key: key.pem", [14001, 14001]),
        ("mutual_tls_certificate_authorities: [ca.pem]", [14001]),
        (f"mutual_tls_certificate_authorities: [{PEM}, ca_2abc]", []),
        ("mutual_tls_verification_strategy: none", [2222]),
    ],
)
def test_fields(config: str, ngrok: list[int]) -> None:
    assert tls(config) == ngrok


def test_a_version_without_quotes_is_taken_with_a_warning() -> None:
    found = config_of("terminate-tls", "{ min_version: 1.3 }", "on_tcp_connect")
    assert found.names == ["scalar-as-text"]
    assert found.config()["min_version"].value == "1.3"


def test_keys_come_from_secrets() -> None:
    text = (
        'on_tcp_connect { terminate-tls { server_private_key: secrets.get("v", "key"), '
        "server_certificate: \"${secrets.get('v', 'cert')}\" } }"
    )
    assert checked(text).found == []


def test_names_in_certificates_are_text_with_fields() -> None:
    text = (
        "on_tcp_connect { terminate-tls when actions.ngrok.terminate_tls.client.subject == 'CN=a' && "
        "actions.ngrok.terminate_tls.client.subject.common_name == 'a' && "
        "actions.ngrok.terminate_tls.client.san.dns_names.size() > 0 { deny } }"
    )
    assert checked(text).errors == []
