"""spec/actions.md §4.6."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import checked, config_of

from policyc.engine.actions.verify_webhook import PROVIDERS


def test_there_are_69_providers() -> None:
    assert len(set(PROVIDERS.split())) == 69


@pytest.mark.parametrize("provider", ["github", "facebook_graph_api", "zoom", "launch_darkly"])
def test_a_provider_needs_a_secret(provider: str) -> None:
    text = f'on_http_request {{ verify-webhook {{ provider: "{provider}", secret: secrets.get("v", "s") }} }}'
    assert checked(text).found == []
    found = config_of("verify-webhook", f"{{ provider: {provider} }}").only
    assert (found.ngrok, found.path) == (2234, "on_http_request[0].actions[0].config.secret")


def test_sns_takes_none() -> None:
    assert config_of("verify-webhook", "{ provider: sns }").found == []
    found = config_of("verify-webhook", "{ provider: sns, secret: x }").only
    assert (found.severity, found.ngrok) == ("warning", 7026)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("signalsciences", "signal_sciences"), ("sonatype_nexus", "sonatype"), ("vmware_workspace", "vmware")],
)
def test_spellings_of_the_guides_are_aliases(written: str, meant: str) -> None:
    found = config_of("verify-webhook", f"{{ provider: {written}, secret: \"${{secrets.get('v', 's')}}\" }}")
    assert found.found == []
    assert found.config()["provider"].value == meant


def test_an_unknown_provider_is_2222_with_a_suggestion() -> None:
    found = config_of("verify-webhook", "{ provider: git-hub, secret: \"${secrets.get('v', 's')}\" }").only
    assert (found.ngrok, found.hint) == (2222, "did you mean `github`?")


def test_an_empty_secret_is_refused_and_a_literal_one_warned_of() -> None:
    assert config_of("verify-webhook", '{ provider: github, secret: "" }').only.ngrok == 2223
    assert config_of("verify-webhook", "{ provider: github, secret: abc }").names == ["secret-in-clear"]


def test_without_config_both_fields_are_named() -> None:
    found = checked("on_http_request { verify-webhook }").only
    assert found.ngrok == 2234
    assert found.path == "on_http_request[0].actions[0].config"
    assert "`provider`" in found.message
