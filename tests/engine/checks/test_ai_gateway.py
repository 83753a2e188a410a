from __future__ import annotations

from tests.engine.policies import codes, found


def test_a_second_ai_gateway_in_a_policy_is_an_error() -> None:
    text = 'on_http_request { when req.host == "a" { ai-gateway {} } ai-gateway {} }'
    refused = [each for each in found(text) if each.code.name == "two-ai-gateways"]
    assert [(each.severity, each.ngrok, each.path) for each in refused] == [
        ("error", 2266, "on_http_request[1].actions[0]")
    ]


def test_two_endpoints_may_have_one_each() -> None:
    endpoint = 'endpoint "https://{}.internal" {{ on_http_request {{ ai-gateway {{}} }} }}\n'
    assert "two-ai-gateways" not in codes(found(endpoint.format("a") + endpoint.format("b")))
