from __future__ import annotations

import pytest
from tests.engine.policies import codes, found

from policyc.engine.options import Options

NGROK = Options(target="ngrok")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('endpoint "https://a.example.com:8443" -> "http://127.0.0.1:1"', "port-not-at-ngrok"),
        ('endpoint "http://a.example.com:8080" -> "http://127.0.0.1:1"', "port-not-at-ngrok"),
        ('endpoint "http://127.0.0.1" -> "http://127.0.0.1:1"', "host-not-at-ngrok"),
        ('endpoint "http://localhost" -> "http://127.0.0.1:1"', "host-not-at-ngrok"),
        (
            'endpoint "tls://a.internal" { on_tcp_connect { forward-internal "tcp://b.internal:1" } }\n'
            'endpoint "tcp://b.internal:1" -> "tcp://127.0.0.1:1"',
            "protocols-differ-at-ngrok",
        ),
    ],
)
def test_what_ngrok_would_refuse_is_said_only_if_asked_for(text: str, code: str) -> None:
    assert code not in codes(found(text))
    refused = [each for each in found(text, NGROK) if each.code.name == code]
    assert [each.severity for each in refused] == ["error"]


def test_internal_endpoints_have_any_port_there_too() -> None:
    assert found('endpoint "https://a.internal:8443" -> "http://127.0.0.1:1"', NGROK) == []
