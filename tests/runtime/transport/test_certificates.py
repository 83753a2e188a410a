"""Which certificate is presented, and what cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.e2e.authority import Authority, Signed

from policyc.runtime.transport.certificates import (
    CertificateError,
    CertificateFiles,
    NamedCertificates,
    key_pair,
    leaf_of,
)

AUTHORITY = Authority()
FIRST = AUTHORITY.sign("a.example", "127.0.0.1")
WILD = AUTHORITY.sign("*.example", "*.b.example")
OTHER = AUTHORITY.sign("a.example", "c.b.example")


@pytest.mark.parametrize(
    ("name", "found", "fits"),
    [
        ("a.example", FIRST, True),
        ("127.0.0.1", FIRST, True),
        ("b.example", WILD, True),
        ("a.b.example", WILD, True),
        ("c.b.example", OTHER, True),
        ("a.c.b.example", FIRST, False),
        ("example", FIRST, False),
        ("a.other", FIRST, False),
        ("*.example", FIRST, True),
        ("*.other", FIRST, False),
        ("*", FIRST, True),
    ],
)
def test_a_name_finds_its_certificate(name: str, found: Signed, fits: bool) -> None:
    certificates = NamedCertificates([each.pair for each in (FIRST, WILD, OTHER)])
    if not name.startswith("*"):
        pair = certificates.find(name)
        assert pair is not None
        assert pair.certificate == found.certificate
    assert certificates.is_for(name) is fits


def test_of_nothing_there_is_nothing() -> None:
    assert NamedCertificates(()).find("a.example") is None


def test_files_are_read_at_every_load(tmp_path: Path) -> None:
    certificate, key = tmp_path / "a.crt", tmp_path / "a.key"
    FIRST.write(certificate, key)
    source = CertificateFiles([(str(certificate), str(key))])
    assert source.load().find("a.example") == FIRST.pair
    OTHER.write(certificate, key)
    assert source.load().find("a.example") == OTHER.pair


def test_a_directory_holds_pairs_in_the_usual_ways(tmp_path: Path) -> None:
    FIRST.write(tmp_path / "first.crt", tmp_path / "first.key")
    WILD.write(tmp_path / "wild.pem")
    (tmp_path / "live").mkdir()
    OTHER.write(tmp_path / "live" / "fullchain.pem", tmp_path / "live" / "privkey.pem")
    (tmp_path / "live" / "chain.pem").write_text(AUTHORITY.pem)
    (tmp_path / "ca.pem").write_text(AUTHORITY.pem)
    (tmp_path / "README").write_text("hello")
    found = CertificateFiles([], [str(tmp_path)]).load()
    for name, signed in (("127.0.0.1", FIRST), ("b.example", WILD), ("c.b.example", OTHER)):
        pair = found.find(name)
        assert pair is not None
        assert pair.leaf == signed.pair.leaf


def test_all_that_is_read_is_named(tmp_path: Path) -> None:
    for name in ("a", "b"):
        FIRST.write(tmp_path / f"{name}.crt", tmp_path / f"{name}.key")
    none = str(tmp_path / "none")
    source = CertificateFiles([("x.crt", "x.key")], [str(tmp_path), none])
    inside = [str(tmp_path / name) for name in ("a.crt", "a.key", "b.crt", "b.key")]
    assert list(source.files()) == ["x.crt", "x.key", str(tmp_path), *inside, none]


def test_what_cannot_be_used_is_one_line_that_names_the_file(tmp_path: Path) -> None:
    certificate, key, other = tmp_path / "a.crt", tmp_path / "a.key", tmp_path / "b.key"
    FIRST.write(certificate, key)
    other.write_text(WILD.private_key)
    empty = tmp_path / "empty"
    empty.mkdir()
    damaged = tmp_path / "damaged.crt"
    damaged.write_text(FIRST.certificate.replace("MII", "!II"))
    cut = tmp_path / "cut.crt"
    cut.write_text(FIRST.certificate[:200])
    half = tmp_path / "half.key"
    half.write_text(FIRST.private_key.replace("A", "B"))
    cases = {
        (certificate, other): "the key is not that of the certificate",
        (tmp_path / "no.crt", key): "no such file or directory",
        (certificate, certificate): "cannot be read",
        (key, key): "there is no certificate in PEM form",
        (damaged, key): "",
        (cut, key): "there is no certificate in PEM form",
        (certificate, half): "",
        (empty, key): "is a directory",
    }
    for (one, two), words in cases.items():
        with pytest.raises(CertificateError) as raised:
            CertificateFiles([(str(one), str(two))]).load()
        message = str(raised.value)
        assert str(one) in message
        assert words in message
        assert "\n" not in message
    for directory, words in ((empty, "no certificate with its key"), (tmp_path / "none", "no such file")):
        with pytest.raises(CertificateError, match=words):
            CertificateFiles([], [str(directory)]).load()


def test_an_encrypted_key_is_refused_and_nobody_is_asked_for_a_password() -> None:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(FIRST.private_key.encode(), None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    ).decode()
    with pytest.raises(CertificateError, match="it: the key is encrypted"):
        key_pair(FIRST.certificate, encrypted, "it")


def test_the_leaf_comes_first() -> None:
    assert leaf_of(FIRST.certificate + AUTHORITY.pem, "it") == FIRST.pair.leaf
    with pytest.raises(CertificateError, match="it: there is no certificate"):
        leaf_of("", "it")
