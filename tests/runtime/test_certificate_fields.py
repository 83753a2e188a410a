"""spec/variables.md §2.3: what `conn.tls.client` shows of a certificate."""

from __future__ import annotations

import ssl

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from tests.e2e.authority import Authority, Signed

from policyc.engine.variables import VARIABLES, certificate_fields
from policyc.runtime import certificate_fields as fields
from policyc.runtime.certificate_fields import client_fields, is_installed, reads_certificates, server_fields

SUBJECT = x509.Name(
    [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
        x509.NameAttribute(NameOID.STATE_OR_PROVINCE_NAME, "Berlin"),
        x509.NameAttribute(NameOID.LOCALITY_NAME, "Berlin"),
        x509.NameAttribute(NameOID.STREET_ADDRESS, "Street 1"),
        x509.NameAttribute(NameOID.POSTAL_CODE, "10115"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example, Inc"),
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "one"),
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "two"),
        x509.NameAttribute(NameOID.COMMON_NAME, "ops"),
    ]
)
SIGNED = Authority("The CA").sign("a.example", "192.0.2.1", "me@a.example", "spiffe://a/b", subject=SUBJECT)


def der(signed: Signed) -> bytes:
    return ssl.PEM_cert_to_DER_cert(signed.certificate)


def test_every_field_that_is_declared_is_filled() -> None:
    found = client_fields(der(SIGNED))
    assert set(found) == {path for path, _, _ in certificate_fields("client")}
    assert set(server_fields(der(SIGNED))) == {path for path, _, _ in certificate_fields("server")}
    assert all(f"conn.tls.client.{path}" in VARIABLES for path in found)


def test_the_fields_of_a_certificate() -> None:
    found = client_fields(der(SIGNED))
    assert found["subject.common_name"] == "ops"
    assert found["subject.organization"] == ["Example, Inc"]
    assert found["subject.organizational_unit"] == ["one", "two"]
    assert found["subject.country"] == ["DE"]
    assert found["subject.province"] == found["subject.locality"] == ["Berlin"]
    assert found["subject.street_address"] == ["Street 1"]
    assert found["subject.postal_code"] == ["10115"]
    assert str(found["subject"]).startswith("CN=ops,OU=two,OU=one,O=Example\\, Inc,")
    assert found["issuer"] == "CN=The CA"
    assert found["issuer.common_name"] == "The CA"
    assert found["san"] == "DNS:a.example, IP Address:192.0.2.1, email:me@a.example, URI:spiffe://a/b"
    assert found["san.dns_names"] == ["a.example"]
    assert found["san.ip_addresses"] == ["192.0.2.1"]
    assert found["san.email_addresses"] == ["me@a.example"]
    assert found["san.uris"] == ["spiffe://a/b"]
    assert found["signature_algorithm"] == "ECDSA-SHA256"
    assert found["pem"] == ssl.DER_cert_to_PEM_cert(der(SIGNED))
    loaded = x509.load_der_x509_certificate(der(SIGNED))
    assert found["serial_number"] == f"{loaded.serial_number:x}"
    assert found["validity.not_after"].ns == int(loaded.not_valid_after_utc.timestamp()) * 10**9  # type: ignore[attr-defined]
    extensions = found["extensions"]
    assert isinstance(extensions, list)
    assert {"id": "2.5.29.19", "critical": True, "value": b"0\x00"} in extensions


def test_a_certificate_without_alternative_names_has_empty_ones() -> None:
    found = server_fields(der(Authority().sign(subject=SUBJECT)))
    assert (found["san"], found["san.dns_names"]) == ("", [])
    assert "pem" not in found


def test_octets_that_are_no_certificate_have_no_fields() -> None:
    assert client_fields(b"x") == {}


def test_without_the_extra_there_are_no_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fields, "is_installed", lambda: False)
    assert server_fields(der(SIGNED)) == {}


def test_policies_that_look_into_certificates_are_known() -> None:
    assert is_installed()
    assert reads_certificates({"conn.tls.sni", "conn.tls.client.subject.common_name"})
    assert reads_certificates({"conn.tls.server.san"})
    assert not reads_certificates({"conn.tls.sni", "conn.tls.version", "req.method"})
