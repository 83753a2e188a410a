"""Every refusal has a name, a status and a text."""

from __future__ import annotations

import re

import pytest

from policyc.runtime.protocol.refusal import REASONS, Refused


def test_reasons_are_slugs_with_error_statuses_and_house_messages() -> None:
    for reason, (status, message) in REASONS.items():
        assert re.fullmatch(r"[a-z0-9_]+", reason)
        assert 400 <= status < 600
        assert not message.endswith(".")


def test_refusal_of_an_unknown_name_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        Refused("no_such_reason")
    assert Refused("bad_host").status == 400
