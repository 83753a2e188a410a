"""Trailers that a recipient could take for something else are not passed on."""

from __future__ import annotations

import pytest

from policyc.runtime.protocol.trailers import allowed


@pytest.mark.parametrize(
    "name",
    [
        "Content-Length",
        "Transfer-Encoding",
        "Host",
        "TE",
        "Trailer",
        "Connection",
        "Authorization",
        "Set-Cookie",
        "Content-Type",
        "Content-Encoding",
        "Cache-Control",
        "If-Match",
        "Location",
        "X-Forwarded-For",
        "x_forwarded_for",
        "X.Forwarded.Host",
        "Forwarded",
        "ngrok-error-code",
        "traceparent",
    ],
)
def test_trailer_with_a_meaning_in_the_head_is_dropped(name: str) -> None:
    assert allowed([(name.encode(), b"1")]) == []


def test_other_trailers_pass_in_order_with_lower_case_names() -> None:
    lines = [(b"Grpc-Status", b"0"), (b"Host", b"x"), (b"Repr-Digest", b"a"), (b"grpc-status", b"1")]
    assert allowed(lines) == [(b"grpc-status", b"0"), (b"repr-digest", b"a"), (b"grpc-status", b"1")]
