"""spec/actions.md §4.5."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import FakeServices, checked, config_of, exchange, result, run
from tests.engine.policies import found, program

from policyc.engine.options import Options
from policyc.engine.outcome import Close, Fail, Terminate, TlsTerms
from policyc.engine.phases import Phase, Protocol
from policyc.engine.traffic import Certificate, Exchange, Tls
from policyc.engine.values import Timestamp

PEM = '"-----BEGIN CERTIFICATE-----\\nMAA=\\n-----END CERTIFICATE-----\\n"'
KEY = PEM.replace("CERTIFICATE", "PRIVATE KEY")


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
        (f"server_private_key: {KEY}", [2240]),
        (f"server_certificate: {PEM}", [2240]),
        (f"server_certificate: {PEM}, server_private_key: {KEY}", []),
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


ONE = "-----BEGIN X-----\nMA==\n-----END X-----\n"


def shaken(x: Exchange, common_name: str = "") -> None:
    """Fill `conn.tls` as a handshake does."""
    x.conn.tls = Tls("a.example.com", "1.3", "TLS_AES_128_GCM_SHA256")
    if common_name:
        values = {
            "subject": f"CN={common_name}",
            "subject.common_name": common_name,
            "validity.not_after": Timestamp(10**9),
            "pem": ONE,
        }
        x.conn.tls.client = Certificate(b"", lambda der: values)


def test_the_step_asks_for_a_handshake_and_what_follows_runs_after_it() -> None:
    x = exchange()
    outcome = run(
        "on_tcp_connect { terminate-tls when conn.tls.client.subject.common_name != 'ops' { deny } }", x
    )
    assert isinstance(outcome, Terminate)
    assert outcome.terms == TlsTerms()
    assert x.results == {}
    shaken(x, "ops")
    assert outcome.resume(x) is None
    shaken(x, "dev")
    assert outcome.resume(x) == Close("deny")


def test_the_result_is_what_the_session_has() -> None:
    x = exchange()
    outcome = run(
        "on_tcp_connect { terminate-tls when actions.ngrok.terminate_tls.client.subject.common_name == 'ops' "
        "&& actions.ngrok.terminate_tls.client.validity.not_after < timestamp('2000-01-01T00:00:00Z') "
        "{ deny } }",
        x,
    )
    assert isinstance(outcome, Terminate)
    shaken(x, "ops")
    assert outcome.resume(x) == Close("deny")
    assert result(x, "terminate_tls") == {
        "version": "1.3",
        "cipher_suite": "TLS_AES_128_GCM_SHA256",
        "sni": "a.example.com",
        "warnings": [],
        "client": {
            "subject": "CN=ops",
            "subject.common_name": "ops",
            "validity": {"not_after": Timestamp(10**9)},
        },
        "server": {},
        "error": {"code": "", "message": ""},
    }


def test_keys_and_authorities_are_worked_out_for_each_connection() -> None:
    services = FakeServices()
    services.secrets = {("v", "key"): ONE, ("v", "cert"): ONE, ("v", "ca"): ONE}
    x = exchange(services=services)
    outcome = run(
        'on_tcp_connect { terminate-tls { server_private_key: secrets.get("v", "key"), '
        'server_certificate: secrets.get("v", "cert"), '
        "mutual_tls_certificate_authorities: [\"${secrets.get('v', 'ca')}\", 'ca_2abc'], "
        'mutual_tls_verification_strategy: "request" } }',
        x,
    )
    assert isinstance(outcome, Terminate)
    assert outcome.terms == TlsTerms("1.2", "1.3", ONE, ONE, (ONE,), asks_client=True, is_required=False)
    shaken(x)
    assert outcome.resume(x) is None
    assert result(x, "terminate_tls")["warnings"] == ["there is no certificate authority `ca_2abc`"]


def test_authorities_of_which_none_is_known_still_ask_for_a_certificate() -> None:
    text = 'on_tcp_connect { terminate-tls { mutual_tls_certificate_authorities: ["ca_2abc"] } }'
    outcome = run(text, exchange())
    assert isinstance(outcome, Terminate)
    assert outcome.terms == TlsTerms(authorities=(), asks_client=True)


def test_a_secret_that_is_missing_fails_the_action() -> None:
    text = (
        'on_tcp_connect { terminate-tls { server_private_key: secrets.get("v", "key"), '
        'server_certificate: secrets.get("v", "cert") } }'
    )
    outcome = run(text, exchange())
    assert isinstance(outcome, Fail)
    assert outcome.code == 3900


def test_require_any_is_refused_by_run() -> None:
    text = (
        'endpoint "https://a.example.com" -> "http://127.0.0.1:1" { on_tcp_connect { terminate-tls { '
        f"mutual_tls_certificate_authorities: [{PEM}], "
        'mutual_tls_verification_strategy: "require-any" } } }'
    )
    assert [(each.code.name, each.severity) for each in found(text)] == [("action-not-built", "hint")]
    assert [each.severity for each in found(text, Options(for_run=True))] == ["error"]
    assert found(text.replace("require-any", "request"), Options(for_run=True)) == []


def not_built(config: str, options: Options) -> list[tuple[str, str]]:
    start = 'endpoint "https://a.example.com" -> "http://127.0.0.1:1" { on_tcp_connect { terminate-tls'
    every = found(f"{start} {{ {config} }} }} }}", options)
    return [(each.message, each.severity) for each in every if each.code.name == "action-not-built"]


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (
            f"server_certificate: {KEY}, server_private_key: {KEY}",
            "`server_certificate` cannot be used: there is no certificate in it",
        ),
        (
            f"server_certificate: {PEM}, server_private_key: {PEM}",
            "`server_private_key` cannot be used: there is no private key in it",
        ),
        (
            f"mutual_tls_certificate_authorities: ['ca_2abc', {PEM}, {PEM.replace('MAA=', 'M')}]",
            "`mutual_tls_certificate_authorities` cannot be used: the certificate is damaged",
        ),
    ],
)
def test_what_no_handshake_could_be_made_with_is_found_before_there_is_one(config: str, why: str) -> None:
    for options, severity in ((Options(), "hint"), (Options(for_run=True), "error")):
        assert not_built(config, options) == [(why, severity)]


def test_pem_that_can_be_used_is_found_no_fault_with() -> None:
    config = (
        f"server_certificate: {PEM}, server_private_key: {KEY}, mutual_tls_certificate_authorities: [{PEM}]"
    )
    assert not_built(config, Options(for_run=True)) == []


def test_what_is_known_of_handshakes_is_in_the_policy() -> None:
    def known(config: str) -> tuple[TlsTerms, ...]:
        start = 'endpoint "https://a.example.com" -> "http://127.0.0.1:1" { on_tcp_connect { terminate-tls'
        return program(f"{start} {{ {config} }} }} }}").endpoints[0].policy.handshakes

    pem, key = (text.strip('"').replace("\\n", "\n") for text in (PEM, KEY))
    pair = f"server_certificate: {PEM}, server_private_key: {KEY}"
    asked = f"mutual_tls_certificate_authorities: ['ca_2abc', {PEM}, secrets.get('v', 'ca')]"
    assert known('min_version: "1.3"') == ()
    assert known(pair) == (TlsTerms(certificate=pem, private_key=key),)
    assert known(f"{pair}, {asked}") == (TlsTerms(certificate=pem, private_key=key, authorities=(pem,)),)
    assert known(f"server_certificate: {PEM}, server_private_key: secrets.get('v', 'k'), {asked}") == (
        TlsTerms(authorities=(pem,)),
    )


def test_a_strategy_without_authorities_asks_nobody() -> None:
    text = 'on_tcp_connect { terminate-tls { mutual_tls_verification_strategy: "require-and-verify" } }'
    assert checked(text).names == ["strategy-without-authorities"]
