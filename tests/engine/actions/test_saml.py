"""spec/actions.md §5.3."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import checked, config_of


@pytest.mark.parametrize(
    ("config", "ngrok"),
    [
        ("idp_metadata: '<EntityDescriptor/>'", []),
        ("idp_metadata_url: 'https://id.example.com/metadata'", []),
        ("idp_metadata_url: metadata", [2226]),
        ("force_authn: true", [2234]),
        ("idp_metadata: '<EntityDescriptor/>', idp_metadata_url: 'https://id.example.com/metadata'", [7081]),
        ("idp_metadata: '<EntityDescriptor/>', authorized_groups: ops", [2228]),
    ],
)
def test_one_source_of_metadata(config: str, ngrok: list[int]) -> None:
    assert [each.ngrok for each in config_of("saml", f"{{ {config} }}").found] == ngrok


def test_the_identity_can_be_read_by_later_rules() -> None:
    text = (
        'on_http_request { saml { idp_metadata_url: "https://id.example.com/metadata" } '
        "when actions.ngrok.saml.attributes['groups'][0] != 'ops' || actions.ngrok.saml.identity.email "
        "== '' { deny } }"
    )
    assert checked(text).errors == []
    assert checked(text).action().authenticates
