"""The layer: two of them talk to each other through plain octets."""

from __future__ import annotations

import os
import ssl

import pytest
from tests.e2e.certificate import client_context, server_context

from policyc.runtime.protocol.tls_layer import TlsLayer


def pair(context: ssl.SSLContext | None = None) -> tuple[TlsLayer, TlsLayer]:
    """Return client and server after their handshake."""
    client = TlsLayer(context or client_context(), server_side=False, server_name="one.example.com")
    server = TlsLayer(server_context(), server_side=True)
    while not (client.is_ready and server.is_ready):
        assert server.receive(client.take()) == b""
        assert client.receive(server.take()) == b""
    client.receive(server.take())
    return client, server


def test_handshake_is_made_and_octets_pass_both_ways() -> None:
    client, server = pair()
    octets = os.urandom(300_000)
    client.send(octets)
    assert server.receive(client.take()) == octets
    server.send(b"answer")
    assert client.receive(server.take()) == b"answer"
    assert client.session.version() == "TLSv1.3"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_end_of_one_direction_leaves_the_other(version: ssl.TLSVersion) -> None:
    context = client_context()
    context.minimum_version = context.maximum_version = version
    client, server = pair(context)
    client.send(b"ask")
    client.shut()
    assert server.receive(client.take()) == b"ask"
    assert server.at_end
    assert not client.at_end
    server.send(b"answer")
    server.shut()
    assert client.receive(server.take()) == b"answer"
    assert client.at_end


def test_any_split_of_the_octets_gives_the_same_text() -> None:
    client, server = pair()
    client.send(b"hello, world")
    got = b"".join(server.receive(bytes([each])) for each in client.take())
    assert got == b"hello, world"


def test_octets_that_are_no_tls_are_an_error_and_an_alert() -> None:
    server = TlsLayer(server_context(), server_side=True)
    with pytest.raises(ssl.SSLError):
        server.receive(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    server = pair()[1]
    with pytest.raises(ssl.SSLError):
        server.receive(b"\x17\x03\x03\x00\x20" + bytes(32))
    assert server.take()


def test_certificate_that_is_not_trusted_fails_the_handshake() -> None:
    client = TlsLayer(ssl.create_default_context(), server_side=False, server_name="one.example.com")
    server = TlsLayer(server_context(), server_side=True)
    server.receive(client.take())
    with pytest.raises(ssl.SSLCertVerificationError):
        client.receive(server.take())
