"""Contexts towards upstreams, and the names of what goes wrong with them."""

from __future__ import annotations

import ssl

import pytest
from tests.e2e.authority import Authority

from policyc.runtime.transport import upstream_tls
from policyc.runtime.transport.certificates import CertificateError
from policyc.runtime.transport.tls_contexts import Session
from policyc.runtime.transport.upstream_tls import Trust, UpstreamContexts, failure_reason

PEM = Authority().pem


def test_an_upstream_is_verified_where_that_is_asked_for() -> None:
    contexts = UpstreamContexts()
    free, own = contexts.get(Trust()), contexts.get(Trust(verify=True, authorities=PEM), "http/1.1")
    assert (free.verify_mode, free.check_hostname) == (ssl.CERT_NONE, False)
    assert (own.verify_mode, own.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert [each["subject"] for each in own.get_ca_certs()] == [((("commonName", "Test CA"),),)]
    assert free.sslobject_class is Session
    assert free.minimum_version is ssl.TLSVersion.TLSv1_2


def test_contexts_are_shared_and_the_oldest_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    contexts = UpstreamContexts()
    first = contexts.get(Trust(), "h2")
    assert contexts.get(Trust(), "h2") is first
    assert contexts.get(Trust(), "http/1.1") is not first
    monkeypatch.setattr(upstream_tls, "_CONTEXTS_LIMIT", 2)
    contexts.get(Trust(), "h2")
    contexts.get(Trust(verify=True))
    assert contexts.get(Trust(), "h2") is first


def test_authorities_that_cannot_be_read_are_one_line() -> None:
    with pytest.raises(CertificateError, match="cannot be read") as raised:
        UpstreamContexts().get(Trust(verify=True, authorities="-----BEGIN CERTIFICATE-----\nhello"))
    assert "\n" not in str(raised.value)


def test_failures_have_names() -> None:
    assert failure_reason(ssl.SSLCertVerificationError("x")) == "upstream_untrusted"
    assert failure_reason(ssl.SSLError("x")) == "upstream_bad_tls"
    assert failure_reason(ConnectionRefusedError("x")) == ""
