"""Secrets that are written out."""

from __future__ import annotations

from tests.engine.exchanges import config_of


def test_the_warning_points_at_the_secret_and_does_not_repeat_it() -> None:
    found = config_of("verify-webhook", "{ provider: github, secret: hunter2 }").only
    assert found.code.name == "secret-in-clear"
    assert found.span.text == "hunter2"
    assert "hunter2" not in found.message + (found.hint or "")
