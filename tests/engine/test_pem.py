"""What can be seen of a certificate or a key without a TLS library."""

from __future__ import annotations

import pytest
from tests.e2e.certificate import CERTIFICATE, KEY

from policyc.engine.pem import certificate_fault, key_fault


@pytest.mark.parametrize(
    "text",
    [
        CERTIFICATE,
        CERTIFICATE + CERTIFICATE,
        "subject=CN = a\n" + CERTIFICATE,
        CERTIFICATE.replace("\n", "\r\n"),
        KEY + CERTIFICATE,
    ],
)
def test_certificates_with_what_may_stand_around_them(text: str) -> None:
    assert certificate_fault(text) is None


@pytest.mark.parametrize("label", ["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"])
def test_keys_in_all_their_forms(label: str) -> None:
    assert key_fault(KEY.replace("PRIVATE KEY", label)) is None


LINES = CERTIFICATE.splitlines(keepends=True)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "there is no certificate in it"),
        (KEY, "there is no certificate in it"),
        (CERTIFICATE.replace("END CERTIFICATE", "END X"), "there is no certificate in it"),
        ("".join(LINES[:4] + LINES[5:]), "the certificate is damaged"),
        (CERTIFICATE.replace("MIIB", "MI…B"), "the certificate is damaged"),
        (CERTIFICATE.replace("MIIB", "AIIB"), "the certificate is damaged"),
        (CERTIFICATE + CERTIFICATE.replace("=\n", "\n"), "the certificate is damaged"),
        (
            "-----BEGIN CERTIFICATE-----\n... snip ...\n-----END CERTIFICATE-----\n",
            "the certificate is damaged",
        ),
        ("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "the certificate is damaged"),
        ("-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n", "the certificate is damaged"),
    ],
)
def test_certificates_that_are_none(text: str, why: str) -> None:
    assert certificate_fault(text) == why


@pytest.mark.parametrize(
    "text",
    [
        KEY.replace("PRIVATE", "ENCRYPTED PRIVATE"),
        KEY.replace("KEY-----\nM", "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nM"),
    ],
)
def test_keys_with_a_password(text: str) -> None:
    assert key_fault(text) == "the private key is encrypted: give one that is not"
