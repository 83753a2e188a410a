"""spec/actions.md §5.5."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import checked, config_of

from policyc.engine.action import Ends


def test_it_is_deprecated() -> None:
    found = checked("on_http_request { ai-gateway }").only
    assert (found.code.name, found.severity) == ("ai-gateway-deprecated", "warning")


def test_it_always_ends_with_halt_and_may_with_continue() -> None:
    for on_error, ends in (("halt", Ends.ALWAYS), ("continue", Ends.MAY)):
        found = config_of("ai-gateway", f"{{ on_error: {on_error} }}")
        assert found.action().ends_with(found.config()) is ends


@pytest.mark.parametrize(
    ("config", "ngrok"),
    [
        ("max_input_tokens: 500001", 2215),
        ("total_timeout: forever", 2228),
        ("providers: [{ base_url: 'https://a.example.com' }]", 2234),
        ("providers: [{ id: a, base_url: 'http://a.example.com' }]", 2226),
        ("providers: [{ id: a, models: [{ name: b }] }]", 2203),
        ("providers: [{ id: a, supported_api_surfaces: [{ format: other, surface: responses }] }]", 2222),
        ("model_selection: { strategy: ['ai.models.'] }", 2200),
        ("headers: { 'x y': a }", 2210),
    ],
)
def test_mistakes(config: str, ngrok: int) -> None:
    found = config_of("ai-gateway", f"{{ {config} }}")
    assert ngrok in [each.ngrok for each in found.found if each.severity == "error"]


def test_strategies_read_names_of_their_own() -> None:
    strategy = "{ strategy: ['ai.models.onlyProviders([\"local\"])'] }"
    config = f"{{ model_selection: {strategy}, body: {{ a: [1, '${{req.method}}'] }} }}"
    assert config_of("ai-gateway", config).errors == []


def test_http_is_fine_for_internal_providers() -> None:
    config = "{ providers: [{ id: local, base_url: 'http://ollama.internal', models: [{ id: llama3 }] }] }"
    assert config_of("ai-gateway", config).errors == []
