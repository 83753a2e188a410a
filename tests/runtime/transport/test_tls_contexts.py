"""Contexts by certificate and terms, and the door that hands a ClientHello in."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress

import pytest
from tests.e2e.authority import Authority, Signed

from policyc.engine.outcome import TlsTerms
from policyc.runtime.transport import tls_contexts
from policyc.runtime.transport.certificates import CertificateError, NamedCertificates
from policyc.runtime.transport.tls_contexts import Contexts, Ready, Session, door_to

AUTHORITY = Authority()
SERVER, OTHER = AUTHORITY.sign("a.example"), AUTHORITY.sign("b.example")
OPS, STRANGER = AUTHORITY.sign("ops.example"), Authority().sign("ops.example")


def client_of(authority: Authority, client: Signed | None, protocols: Sequence[str] = ()) -> ssl.SSLContext:
    context = authority.trusted()
    if protocols:
        context.set_alpn_protocols(list(protocols))
    if client is not None:
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
            file.write(client.certificate + client.private_key)
            file.flush()
            context.load_cert_chain(file.name)
    return context


def ready_of(signed: Signed, terms: TlsTerms | None = None, name: str = "a.example") -> Ready:
    return Contexts(NamedCertificates([signed.pair]), ["http/1.1"]).get(name, terms, is_http=True)


def shaken(
    server: Signed,
    authority: Authority,
    terms: TlsTerms | None = None,
    *,
    client: Signed | None = None,
    protocols: Sequence[str] = (),
    on_failure: Callable[[ssl.SSLError], None] | None = None,
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Return both ends after a handshake in memory, the server's through a door. Raises ssl.SSLError."""
    c_in, c_out, s_in, s_out = (ssl.MemoryBIO() for _ in range(4))
    asking = client_of(authority, client, protocols).wrap_bio(c_in, c_out, server_hostname="a.example")
    with pytest.raises(ssl.SSLWantReadError):
        asking.do_handshake()
    failures: list[ssl.SSLError] = []
    context = ready_of(server, terms).context
    answering = door_to(context, c_out.read(), on_failure or failures.append).wrap_bio(
        s_in, s_out, server_side=True
    )
    left = [answering, asking]
    for _ in range(6):
        for end in list(left):
            try:
                end.do_handshake()
                left.remove(end)
            except ssl.SSLWantReadError:
                pass
            c_in.write(s_out.read())
            s_in.write(c_out.read())
    if asking not in left:
        with suppress(ssl.SSLWantReadError):
            asking.read()  # tickets, and alerts that came behind the client's own end of the handshake
    if failures:
        raise failures[0]
    return answering, asking


def test_a_handshake_begins_with_the_octets_that_were_read_before() -> None:
    answering, asking = shaken(SERVER, AUTHORITY, protocols=["http/1.1"])
    assert isinstance(answering, Session)
    assert answering.version() == asking.version() == "TLSv1.3"
    assert asking.selected_alpn_protocol() == "http/1.1"


def test_doors_are_used_again() -> None:
    shaken(SERVER, AUTHORITY)
    count = len(tls_contexts._doors)
    shaken(SERVER, AUTHORITY)
    assert len(tls_contexts._doors) == count


@pytest.mark.parametrize(
    ("terms", "version"), [(TlsTerms("1.2", "1.2"), "TLSv1.2"), (TlsTerms("1.3"), "TLSv1.3")]
)
def test_versions(terms: TlsTerms, version: str) -> None:
    assert shaken(SERVER, AUTHORITY, terms)[0].version() == version


@pytest.mark.parametrize(
    ("client", "is_required", "works"),
    [(OPS, True, True), (None, True, False), (STRANGER, True, False), (OPS, False, True), (None, False, True),
     (STRANGER, False, False)],
)  # fmt: skip
def test_mutual_tls(client: Signed | None, is_required: bool, works: bool) -> None:
    terms = TlsTerms(authorities=(AUTHORITY.pem,), asks_client=True, is_required=is_required)
    if works:
        session, _ = shaken(SERVER, AUTHORITY, terms, client=client)
        assert (session.getpeercert(binary_form=True) is not None) is (client is not None)
        return
    failures: list[ssl.SSLError] = []
    with pytest.raises(ssl.SSLError) as raised:
        shaken(SERVER, AUTHORITY, terms, client=client, on_failure=failures.append)
    assert raised.value.reason in ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "TLSV1_ALERT_UNKNOWN_CA")
    assert len(failures) == 1


def test_authorities_of_which_none_is_known_let_nobody_in() -> None:
    with pytest.raises(ssl.SSLError):
        shaken(SERVER, AUTHORITY, TlsTerms(asks_client=True), client=OPS)


def test_a_policy_may_bring_its_own_certificate() -> None:
    terms = TlsTerms(certificate=SERVER.certificate, private_key=SERVER.private_key)
    contexts = Contexts(NamedCertificates(()), [])
    ready = contexts.get("a.example", terms, is_http=False)
    assert ready.certificate.der == SERVER.pair.leaf
    with pytest.raises(CertificateError, match=r"there is no certificate for a\.example"):
        contexts.get("a.example", None, is_http=False)


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (
            TlsTerms(certificate=SERVER.certificate, private_key=OTHER.private_key),
            "terminate-tls: the key is not",
        ),
        (TlsTerms(certificate="x", private_key="x"), "terminate-tls: there is no certificate"),
        (TlsTerms(authorities=("x",), asks_client=True), "an authority for clients cannot be read"),
    ],
)
def test_terms_that_cannot_be_met(terms: TlsTerms, words: str) -> None:
    with pytest.raises(CertificateError, match=words):
        ready_of(SERVER, terms)


def test_contexts_are_made_once_and_the_oldest_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    contexts = Contexts(NamedCertificates([SERVER.pair, OTHER.pair]), ["http/1.1"])
    first = contexts.get("a.example", None, is_http=True)
    assert contexts.get("a.example", TlsTerms(), is_http=True) is first
    assert contexts.get("a.example", None, is_http=False) is not first
    assert contexts.get("b.example", None, is_http=True) is not first
    monkeypatch.setattr(tls_contexts, "CONTEXTS_LIMIT", 3)
    contexts.get("a.example", None, is_http=True)
    contexts.get("a.example", TlsTerms("1.3"), is_http=True)
    assert contexts.get("a.example", None, is_http=True) is first


def test_a_client_cannot_renegotiate_and_tickets_are_on() -> None:
    context = ready_of(SERVER).context
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert not context.options & ssl.OP_NO_TICKET
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
