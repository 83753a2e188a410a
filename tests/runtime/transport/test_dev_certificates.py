"""The authority for development: where it lies, what it signs, whom it is for."""

from __future__ import annotations

import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from tests.e2e.authority import Authority, Signed
from tests.runtime.transport.test_tls_contexts import shaken

from policyc.runtime.protocol.certificate_names import names_of
from policyc.runtime.transport import dev_certificates
from policyc.runtime.transport.certificates import CertificateError
from policyc.runtime.transport.dev_certificates import DevAuthority, default_place

OTHER = Authority().sign("a.example")


@pytest.fixture
def authority(tmp_path: Path) -> DevAuthority:
    return DevAuthority(tmp_path / "policyc" / "dev-tls")


class Trusting(Authority):
    """A client that trusts the root."""

    def __init__(self, authority: DevAuthority) -> None:
        self.pem = authority.root.read_text()


def test_a_client_that_trusts_the_root_trusts_what_is_presented(authority: DevAuthority) -> None:
    pair = authority.load().find("a.example")
    assert pair is not None
    session, _ = shaken(Signed(pair.certificate, pair.private_key), Trusting(authority))
    assert session.version() == "TLSv1.3"
    assert names_of(pair.leaf) == ("a.example",)


def test_addresses_and_long_names_have_certificates_too(authority: DevAuthority) -> None:
    made = authority.load()
    long = "a" * 60 + "." + "b" * 60 + ".example"
    for name in ("127.0.0.1", "::1", long):
        pair = made.find(name)
        assert pair is not None
        assert names_of(pair.leaf) == (name,)


def test_it_lies_in_private_and_is_used_again(authority: DevAuthority) -> None:
    first = authority.load()
    assert authority.load() is first
    assert authority.root.is_file()
    for path, mode in (
        (authority.place, 0o700),
        (authority.root, 0o600),
        (authority.place / "root.key", 0o600),
    ):
        assert path.stat().st_mode & 0o777 == mode
    assert sorted(each.name for each in authority.place.iterdir()) == ["root.crt", "root.key"]
    root = authority.root.read_bytes()
    DevAuthority(authority.place).load()
    assert authority.root.read_bytes() == root


def test_a_certificate_is_made_once_per_name_and_the_oldest_go_first(
    authority: DevAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = authority.load()
    first = made.find("a.example")
    assert made.find("a.example") is first
    assert made.find("b.example") is not first
    monkeypatch.setattr(dev_certificates, "NAMES_LIMIT", 2)
    made.find("a.example")
    made.find("c.example")
    assert made.find("a.example") is first


def test_a_certificate_is_renewed_before_it_expires(
    authority: DevAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = authority.load()
    first = made.find("a.example")
    later = datetime.now(UTC) + timedelta(days=29, minutes=1)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return later

    monkeypatch.setattr(dev_certificates, "datetime", Clock)
    second = made.find("a.example")
    assert second is not None
    assert second is not first
    assert x509.load_der_x509_certificate(second.leaf).not_valid_after_utc > later + timedelta(days=29)


def test_a_key_that_others_may_read_is_refused(authority: DevAuthority) -> None:
    authority.load()
    os.chmod(authority.place / "root.key", 0o644)
    with pytest.raises(CertificateError, match="not yours alone"):
        DevAuthority(authority.place).load()


@pytest.mark.parametrize("text", ["", "hello", OTHER.private_key, OTHER.private_key + Authority().pem])
def test_a_damaged_authority_is_one_line(authority: DevAuthority, text: str) -> None:
    authority.load()
    (authority.place / "root.key").write_text(text)
    with pytest.raises(CertificateError, match=r"damaged: remove .*dev-tls and start again"):
        DevAuthority(authority.place).load()


@pytest.mark.parametrize("text", [None, "hello"])
def test_the_file_for_clients_is_written_again(authority: DevAuthority, text: str | None) -> None:
    authority.load()
    root = authority.root.read_text()
    authority.root.unlink()
    if text is not None:
        authority.root.write_text(text)
    DevAuthority(authority.place).load()
    assert authority.root.read_text() == root


def test_of_two_processes_both_use_what_the_first_one_made(authority: DevAuthority) -> None:
    second = DevAuthority(authority.place)
    second._make()
    authority._make()
    authority.load()
    key = (authority.place / "root.key").read_text()
    assert authority.root.read_text() in key
    assert sorted(each.name for each in authority.place.iterdir()) == ["root.crt", "root.key"]
    DevAuthority(authority.place).load()
    assert (authority.place / "root.key").read_text() == key


def test_an_authority_near_its_end_is_not_used(
    authority: DevAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev_certificates, "_ROOT_LIFE", timedelta(days=20))
    with pytest.raises(CertificateError, match="has expired"):
        authority.load()


def test_a_place_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CertificateError, match="file"):
        DevAuthority(tmp_path / "file" / "dev-tls").load()


def test_it_lies_in_the_data_directory_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_place() == tmp_path / "policyc" / "dev-tls"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_place() == tmp_path / ".local" / "share" / "policyc" / "dev-tls"


def test_without_the_extra_its_name_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(dev_certificates, "is_installed", lambda: False)
    with pytest.raises(CertificateError, match=r"pip install 'policyc\[tls\]'"):
        DevAuthority(tmp_path)


def test_the_root_signs_no_other_authority(authority: DevAuthority) -> None:
    authority.load()
    root = x509.load_pem_x509_certificate(authority.root.read_bytes())
    assert root.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0
    assert ssl.PEM_cert_to_DER_cert(authority.root.read_text())
