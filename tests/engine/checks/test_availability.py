from __future__ import annotations

import pytest
from tests.engine.policies import found

from policyc.engine.options import Options

RUN = Options(for_run=True)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (
            'on_http_request { circuit-breaker { volume_threshold: 10, window_duration: "10s" } }',
            "action-not-built",
        ),
        ('endpoint "http://a.b" -> "http://127.0.0.1:1" { binding: "kubernetes" }', "endpoint-not-served"),
        ('endpoint "https://a.internal" -> "file:///srv"', "setting-not-built"),
    ],
)
def test_check_hints_at_what_run_refuses(text: str, code: str) -> None:
    assert [each.severity for each in found(text) if each.code.name == code] == ["hint"]
    assert [each.severity for each in found(text, RUN) if each.code.name == code] == ["error"]


@pytest.mark.parametrize(
    "text",
    [
        'endpoint "https://a.internal" -> "http://127.0.0.1:1" { upstream: { protocol: "http1" } '
        "on_http_request { deny } }",
        'endpoint "tcp://a.example.com:1" -> "tcp://127.0.0.1:1" { upstream: { proxy_protocol: 2 } '
        "on_tcp_connect { deny } }",
        'endpoint "https://a.internal" -> "http://127.0.0.1:1" { upstream: { proxy_protocol: 2 } '
        "on_http_request { deny } }",
        'endpoint "https://a.internal" -> "http://127.0.0.1:1" { upstream: { protocol: "http2" } '
        "on_http_request { deny } }",
        'endpoint "tls://a.example.com" -> "tcp://127.0.0.1:1"',
    ],
)
def test_what_can_be_executed_is_not_mentioned(text: str) -> None:
    assert found(text, RUN) == []


def test_a_run_has_one_policy_without_an_endpoint() -> None:
    from policyc.engine.compiler import check
    from policyc.grammar.diagnostic import Report
    from policyc.grammar.files import read_document
    from policyc.grammar.source import Source

    report = Report()
    documents = [
        read_document(Source(name, "on_http_request { deny }"), report) for name in ("a.policy", "b.policy")
    ]
    assert len(check(documents)) == 0
    assert [each.code.name for each in check(documents, RUN)] == ["several-policies"]


def test_a_run_has_no_policy_that_guards_nothing() -> None:
    text = 'on_http_request { deny } endpoint "https://a.example" -> "http://127.0.0.1:1"'
    assert found(text) == []
    assert [each.code.name for each in found(text, RUN)] == ["policy-beside-endpoints"]
    assert found('let a = 1 endpoint "https://a.example" -> "http://127.0.0.1:1"', RUN) == []
