"""What a session negotiated, by the names that policies know."""

from __future__ import annotations

import shutil
import ssl
import subprocess

import pytest
from tests.e2e.authority import Authority
from tests.runtime.transport.test_tls_contexts import shaken

from policyc.engine.outcome import TlsTerms
from policyc.engine.traffic import Certificate, Tls
from policyc.runtime.certificate_fields import client_fields
from policyc.runtime.transport.session import IANA_NAMES, fill

AUTHORITY = Authority()
SERVER = AUTHORITY.sign("a.example")
OPS = AUTHORITY.sign("ops.example")


def test_every_suite_that_can_be_negotiated_has_an_iana_name() -> None:
    names = [each["name"] for each in ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).get_ciphers()]
    assert [name for name in names if not IANA_NAMES.get(name, name).startswith("TLS_")] == []


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl knows the names, and is not installed")
def test_the_names_are_those_that_openssl_knows() -> None:
    listed = subprocess.run(
        ["openssl", "ciphers", "-stdname", "ALL"], capture_output=True, text=True, check=True
    ).stdout
    known = {row.split()[2]: row.split()[0] for row in listed.splitlines()}
    assert {name: known.get(name) for name in IANA_NAMES} == dict(IANA_NAMES)


@pytest.mark.parametrize(
    ("version", "suites"),
    [("1.2", "TLS_ECDHE_ECDSA_WITH_"), ("1.3", "TLS_AES_")],
)
def test_a_session_fills_what_it_knows(version: str, suites: str) -> None:
    session, _ = shaken(SERVER, AUTHORITY, TlsTerms(version, version), protocols=["http/1.1"])
    tls = Tls("a.example", ja4="t13")
    server = Certificate(b"", client_fields)
    fill(tls, session, server)
    assert (tls.sni, tls.ja4, tls.version, tls.alpn) == ("a.example", "t13", version, "http/1.1")
    assert tls.cipher_suite.startswith(suites)
    assert tls.server is server
    assert tls.client is None


def test_a_client_that_shows_a_certificate_is_known() -> None:
    terms = TlsTerms(authorities=(AUTHORITY.pem,), asks_client=True)
    session, _ = shaken(SERVER, AUTHORITY, terms, client=OPS)
    tls = Tls()
    fill(tls, session, Certificate(b"", client_fields))
    assert tls.alpn == ""
    assert tls.client is not None
    assert tls.client.fields["subject.common_name"] == "ops.example"
