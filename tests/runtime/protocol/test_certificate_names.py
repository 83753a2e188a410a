"""Names of certificates, against what a library made."""

from __future__ import annotations

import ssl
from contextlib import suppress

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from tests.e2e.authority import Authority
from tests.e2e.certificate import CERTIFICATE

from policyc.runtime.protocol.certificate_names import NoCertificate, names_of

AUTHORITY = Authority()
DER = ssl.PEM_cert_to_DER_cert(CERTIFICATE)


def names(*given: str, subject: x509.Name | None = None) -> tuple[str, ...]:
    return names_of(ssl.PEM_cert_to_DER_cert(AUTHORITY.sign(*given, subject=subject).certificate))


def test_alternative_names_in_lower_case() -> None:
    assert names_of(DER) == ("one.example.com", "*.example.com", "localhost", "127.0.0.1")
    assert names("A.Example", "*.b.example") == ("a.example", "*.b.example")


def test_names_of_other_kinds_are_left_out() -> None:
    assert names("a.example", "https://x.example/a", "me@x.example") == ("a.example",)


def test_the_common_name_counts_only_where_there_is_no_other() -> None:
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example"),
            x509.NameAttribute(NameOID.COMMON_NAME, "Old.Example"),
        ]
    )
    assert names(subject=subject) == ("old.example",)
    assert names("new.example", subject=subject) == ("new.example",)


@given(st.integers(0, len(DER) - 1), st.binary(max_size=4))
def test_damaged_octets_are_no_certificate_or_name_something(at: int, octets: bytes) -> None:
    damaged = DER[:at] + octets + DER[at + len(octets) :]
    with suppress(NoCertificate):
        assert all(isinstance(name, str) for name in names_of(damaged))


@pytest.mark.parametrize(
    "octets", [b"", b"\x30", b"\x30\x80", b"\x30\x00", DER[:-1], DER + b"\x00", b"x" * 40]
)
def test_no_certificate(octets: bytes) -> None:
    with pytest.raises(NoCertificate):
        names_of(octets)
