from __future__ import annotations

import pytest
from tests.engine.policies import codes, found, only

from policyc.engine.endpoint_url import EndpointUrl, parse_endpoint_url
from policyc.engine.options import Options

CONNECT = "on_tcp_connect { deny }"


def endpoint(url: str, phase: str) -> str:
    upstream = "http://127.0.0.1:1" if url.startswith("http") else "tcp://127.0.0.1:1"
    return f'endpoint "{url}" -> "{upstream}" {{ {phase} }}'


def url(text: str) -> EndpointUrl:
    parsed = parse_endpoint_url(text)
    assert isinstance(parsed, EndpointUrl)
    return parsed


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_connect_phase_on_an_internal_http_endpoint_is_an_error(scheme: str) -> None:
    diagnostic = only(found(endpoint(f"{scheme}://a.internal", CONNECT)))
    assert (diagnostic.severity, diagnostic.ngrok, diagnostic.path) == ("error", 2262, "on_tcp_connect")


def test_lenient_makes_a_warning_of_it() -> None:
    diagnostic = only(found(endpoint("https://a.internal", CONNECT), Options(lenient=True)))
    assert (diagnostic.severity, diagnostic.ngrok) == ("warning", 2262)


def test_an_empty_connect_phase_there_is_a_warning() -> None:
    text = "version: 3\nendpoints:\n  - name: a\n    url: https://a.internal\n    upstream: { url: 80 }\n"
    diagnostic = only(found(text + "    traffic_policy: { on_tcp_connect: [] }\n", name="a.yaml"))
    assert (diagnostic.severity, diagnostic.ngrok) == ("warning", 2262)


@pytest.mark.parametrize("address", ["https://a.example.com", "tls://a.internal", "tcp://a.internal:1"])
def test_connect_phase_elsewhere_is_fine(address: str) -> None:
    assert "connect-phase-on-internal" not in codes(found(endpoint(address, CONNECT)))


@pytest.mark.parametrize("scheme", ["tcp", "tls"])
@pytest.mark.parametrize("phase", ["on_http_request", "on_http_response", "on_event_stream_message"])
@pytest.mark.parametrize("host", ["a.internal", "a.example.com"])
def test_http_phases_of_tcp_and_tls_endpoints_are_refused(scheme: str, phase: str, host: str) -> None:
    diagnostics = found(endpoint(f"{scheme}://{host}:1", f"{phase} {{ log {{ metadata: {{}} }} }}"))
    refused = next(each for each in diagnostics if each.code.name == "phase-of-other-protocol")
    assert (refused.ngrok, refused.path) == (2230, phase)
    assert f"`{phase}`" in refused.message
    assert scheme in refused.message


def test_a_policy_by_itself_may_mix_phases_until_its_endpoint_is_known() -> None:
    text = f"{CONNECT} on_http_request {{ deny }}"
    assert found(text) == []
    assert codes(found(text, Options(endpoint=url("https://a.internal")))) == ["connect-phase-on-internal"]
    assert codes(found(text, Options(endpoint=url("tcp://a.internal:1")))) == ["phase-of-other-protocol"]
    assert found(text, Options(endpoint=url("https://a.example.com"))) == []
