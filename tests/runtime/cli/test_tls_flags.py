"""The flags that say where https is served, and as whom."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from tests.e2e.authority import Authority

from policyc.runtime.cli.address import listen_address
from policyc.runtime.cli.failure import CommandError
from policyc.runtime.cli.tls_flags import (
    add_tls_flags,
    certificates_of,
    https_addresses,
    notice_of,
    tls_address,
)
from policyc.runtime.transport import dev_certificates
from policyc.runtime.transport.dev_certificates import DevAuthority


def parsed(*argv: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tls", type=listen_address)
    add_tls_flags(parser)
    return parser.parse_args(argv)


def test_without_flags_there_is_no_tls() -> None:
    arguments = parsed()
    assert https_addresses(arguments) == []
    assert certificates_of(arguments) is None
    assert notice_of(None) == []


@pytest.mark.parametrize(
    ("argv", "addresses"),
    [
        (("--cert", "a", "--key", "b"), [("127.0.0.1", 8443)]),
        (("--certificates", "d"), [("127.0.0.1", 8443)]),
        (("--dev-tls",), [("127.0.0.1", 8443)]),
        (("--dev-tls", "--https", "9443", "--https", "[::1]:443"), [("127.0.0.1", 9443), ("::1", 443)]),
    ],
)
def test_where_https_is_served(argv: tuple[str, ...], addresses: list[tuple[str, int]]) -> None:
    assert https_addresses(parsed(*argv)) == addresses


@pytest.mark.parametrize(
    ("argv", "address"),
    [
        ((), ("127.0.0.1", 8443)),
        (("--tls", "9443"), ("127.0.0.1", 9443)),
        (("--dev-tls",), None),
        (("--dev-tls", "--tls", "8443"), None),
        (("--dev-tls", "--tls", "9443"), ("127.0.0.1", 9443)),
    ],
)
def test_tls_endpoints_are_served_where_https_is(
    argv: tuple[str, ...], address: tuple[str, int] | None
) -> None:
    assert tls_address(parsed(*argv)) == address


def test_certificates_come_from_pairs_and_directories(tmp_path: Path) -> None:
    authority = Authority()
    one, two = authority.sign("a.example"), authority.sign("b.example")
    one.write(tmp_path / "one.crt", tmp_path / "one.key")
    (tmp_path / "more").mkdir()
    two.write(tmp_path / "more" / "two.pem")
    source = certificates_of(
        parsed(
            "--cert", str(tmp_path / "one.crt"), "--key", str(tmp_path / "one.key"),
            "--certificates", str(tmp_path / "more"),
        )
    )  # fmt: skip
    assert source is not None
    found = source.load()
    assert found.is_for("a.example")
    assert found.is_for("b.example")
    assert notice_of(source) == []


def test_the_authority_for_development_says_where_its_root_lies(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    source = certificates_of(parsed("--dev-tls"))
    assert isinstance(source, DevAuthority)
    [line] = notice_of(source)
    assert str(tmp_path / "policyc" / "dev-tls" / "root.crt") in line


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("--https", "8443"), "--https needs certificates"),
        (("--cert", "a"), "every --cert needs its --key: there are 1 and 0"),
        (("--key", "a", "--certificates", "d"), "there are 0 and 1"),
        (("--dev-tls", "--cert", "a", "--key", "b"), "leave --cert"),
        (("--dev-tls", "--certificates", "d"), "leave --cert"),
    ],
)
def test_flags_that_do_not_go_together(argv: tuple[str, ...], words: str) -> None:
    arguments = parsed(*argv)
    with pytest.raises(CommandError, match=words):
        assert (https_addresses(arguments), certificates_of(arguments)) is None


def test_without_the_extra_its_name_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dev_certificates, "is_installed", lambda: False)
    with pytest.raises(CommandError, match=r"policyc\[tls\]"):
        certificates_of(parsed("--dev-tls"))
