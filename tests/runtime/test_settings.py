"""Settings are listed once, with the defaults that the specification recommends."""

from __future__ import annotations

from dataclasses import fields

from policyc.runtime.settings import SETTINGS, Settings


def test_every_field_is_listed_with_its_default_and_a_doc() -> None:
    assert [each.name for each in SETTINGS] == [each.name for each in fields(Settings)]
    for each in SETTINGS:
        assert each.default == getattr(Settings(), each.name)
        assert each.doc
        assert each.unit in ("octets", "seconds", "count", "switch", "text", "list")


def test_defaults_are_the_recommended_ones() -> None:
    settings = Settings()
    assert settings.limits()[:7] == (65536, 16384, 100, 16384, 16384, 16384, 10)
    assert (settings.head_timeout_s, settings.idle_timeout_s, settings.write_timeout_s) == (10, 75, 30)
    assert (settings.body_rate_bytes_s, settings.body_grace_s, settings.connect_timeout_s) == (500, 10, 5)
    assert settings.requests_per_connection == 1000
    # Enough for whoever stands behind one address, and never all that there are.
    assert 10_000 < settings.connections_per_address < settings.connections_limit * 2 // 3
    assert (settings.hops_limit, settings.replay_limit_bytes, settings.drain_limit_bytes) == (5, 65536, 65536)


def test_units_are_in_the_names() -> None:
    for each in SETTINGS:
        if each.unit == "seconds":
            assert each.name.endswith("_s")
        if each.unit == "octets":
            assert "bytes" in each.name
