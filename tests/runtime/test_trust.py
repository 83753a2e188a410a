"""`upstream.tls_verify` and `upstream.tls_verify_cas`: spec/endpoints.md §8.2."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.e2e.authority import Authority

from policyc.runtime.trust import UntrustedError, trust_of

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
