"""`upstream.tls_verify` and `upstream.tls_verify_cas`: spec/endpoints.md §8.2."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.e2e.authority import Authority

from policyc.engine.outcome import TlsTerms
from policyc.runtime.trust import UntrustedError, agent_terms, check_terms, trust_of

PEM = Authority().pem
VERIFY, CAS = "upstream.tls_verify", "upstream.tls_verify_cas"


@pytest.mark.parametrize(
    ("settings", "trust"),
    [
        ({}, (False, "")),
        ({VERIFY: False}, (False, "")),
        ({VERIFY: True}, (True, "")),
        ({CAS: PEM}, (True, PEM)),
        ({VERIFY: True, CAS: PEM}, (True, PEM)),
        ({VERIFY: False, CAS: PEM}, (False, "")),
        ({CAS: ""}, (False, "")),
    ],
)
def test_whom_an_upstream_is_verified_by(settings: dict[str, object], trust: tuple[bool, str]) -> None:
    assert trust_of(settings) == trust


def test_a_path_is_relative_to_the_file_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(PEM)
    assert trust_of({CAS: "ca.pem"}, str(tmp_path / "a.policy")) == (True, PEM)
    assert trust_of({CAS: str(tmp_path / "ca.pem")}, "elsewhere/a.policy") == (True, PEM)


@pytest.mark.parametrize(
    ("name", "words"), [("none.pem", "no such file"), ("text", "cannot be read"), (".", "is a directory")]
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "text").write_text("hello")
    with pytest.raises(UntrustedError, match=words) as raised:
        trust_of({CAS: name}, str(tmp_path / "a.policy"))
    assert name in str(raised.value)


def test_pem_that_is_none_is_refused() -> None:
    with pytest.raises(UntrustedError, match="cannot be read"):
        trust_of({CAS: "-----BEGIN CERTIFICATE-----\nhello"})


CERT, KEY, CLIENTS = (
    f"agent_tls_termination.{name}"
    for name in ("server_certificate", "server_private_key", "mutual_tls_certificate_authorities")
)
SERVER, OTHER = Authority().sign("a.example"), Authority().sign("a.example")


def test_settings_of_the_agent_end_tls_behind_the_policy(tmp_path: Path) -> None:
    assert agent_terms({}) is None
    assert agent_terms({CERT: "", KEY: None}) is None
    SERVER.write(tmp_path / "a.crt", tmp_path / "a.key")
    terms = agent_terms({CERT: "a.crt", KEY: SERVER.private_key, CLIENTS: PEM}, str(tmp_path / "agent.yaml"))
    assert terms == TlsTerms(
        certificate=SERVER.certificate, private_key=SERVER.private_key, authorities=(PEM,), asks_client=True
    )
    assert agent_terms({CLIENTS: [PEM, PEM]}) == TlsTerms(authorities=(PEM, PEM), asks_client=True)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({CERT: SERVER.certificate}, "server_certificate.*go together"),
        ({KEY: SERVER.private_key}, "server_private_key.*go together"),
        ({CERT: SERVER.certificate, KEY: OTHER.private_key}, "the key is not that of the certificate"),
        ({CERT: "none.crt", KEY: "none.key"}, "none.crt: no such file"),
        ({CLIENTS: [PEM, "-----BEGIN CERTIFICATE-----"]}, "cannot be read"),
    ],
)
def test_settings_of_the_agent_that_cannot_be_honoured(settings: dict[str, object], words: str) -> None:
    with pytest.raises(UntrustedError, match=words):
        agent_terms(settings)


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (
            TlsTerms(certificate=SERVER.certificate, private_key=OTHER.private_key),
            "not that of the certificate",
        ),
        (TlsTerms(authorities=(PEM, PEM.replace("MII", "MIA", 1))), "`terminate-tls`: .*cannot be read"),
    ],
)
def test_handshakes_that_nobody_could_make_are_refused(terms: TlsTerms, words: str) -> None:
    with pytest.raises(UntrustedError, match=words):
        check_terms(terms)


def test_handshakes_that_can_be_made_are_not() -> None:
    check_terms(
        TlsTerms(certificate=SERVER.certificate, private_key=SERVER.private_key, authorities=(PEM, PEM))
    )
