"""What is said of TLS when a gateway starts."""

from __future__ import annotations

import pytest
from tests.e2e.authority import Authority, Signed

from policyc.runtime import tls_notices as module
from policyc.runtime.program import compile_program
from policyc.runtime.tls_notices import missing_extra, tls_notices
from policyc.runtime.transport.certificates import NamedCertificates

GUARD = "on_tcp_connect { terminate-tls }"
PROGRAM = compile_program(
    'endpoint "https://a.example" -> "http://127.0.0.1:1" '
    'endpoint "https://*.b.example" -> "http://127.0.0.1:1" '
    f'endpoint "https://own.example" -> "http://127.0.0.1:1" {{ {GUARD} }} '
    'endpoint "https://c.internal" -> "http://127.0.0.1:1" '
    'endpoint "http://d.example" -> "http://127.0.0.1:1"'
)
READS = compile_program(
    'endpoint "https://a.example" -> "http://127.0.0.1:1" { on_http_request { when '
    'conn.tls.client.subject.common_name != "ops" || conn.tls.sni == "x" { deny } } }'
)


def said(*signed: Signed) -> list[str]:
    return list(tls_notices(PROGRAM, NamedCertificates([each.pair for each in signed])))


def test_names_without_a_certificate_are_told() -> None:
    authority = Authority()
    assert said(authority.sign("a.example", "*.b.example")) == []
    assert said(authority.sign("x.b.example")) == [
        "no certificate names a.example: clients of https://a.example get the first one",
        "no certificate names *.b.example: clients of https://*.b.example get the first one",
    ]


def test_what_is_empty_in_clear_is_told() -> None:
    assert list(tls_notices(PROGRAM, None)) == []
    assert list(tls_notices(None, None)) == []
    [line] = tls_notices(READS, None)
    assert line.endswith("is empty: `conn.tls.client.subject.common_name`, `conn.tls.sni`")


def test_a_policy_that_looks_into_certificates_needs_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    assert missing_extra(READS) is None
    monkeypatch.setattr(module, "is_installed", lambda: False)
    why = missing_extra(READS)
    assert why is not None
    assert "https://a.example" in why
    assert "policyc[tls]" in why
    assert missing_extra(PROGRAM) is None
    assert missing_extra(None) is None
