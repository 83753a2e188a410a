"""spec/actions.md §4.4."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import checked, config_of


def test_every_field_has_a_default() -> None:
    found = checked("on_http_request { circuit-breaker }")
    assert found.found == []
    config = found.config()
    assert config.value == {
        "error_threshold": 0.5,
        "volume_threshold": 10,
        "window_duration": 10 * 10**9,
        "tripped_duration": 10 * 10**9,
        "num_buckets": 10,
        "enforce": True,
    }


@pytest.mark.parametrize(
    ("config", "ngrok"),
    [
        ("error_threshold: 1.1", 2215),
        ("error_threshold: -0.1", 2215),
        ('error_threshold: "0.5"', 2228),
        ("volume_threshold: 0", 2215),
        ("window_duration: 500ms", 2215),
        ("window_duration: 121s", 2225),
        ("tripped_duration: 3m", 2225),
        ("num_buckets: 129", 2215),
        ("enforce: 1", 2228),
    ],
)
def test_limits(config: str, ngrok: int) -> None:
    assert config_of("circuit-breaker", f"{{ {config} }}").only.ngrok == ngrok


@pytest.mark.parametrize("config", ["error_threshold: 0", "error_threshold: 1", "error_threshold: 0.25"])
def test_a_threshold_is_a_share(config: str) -> None:
    assert config_of("circuit-breaker", f"{{ {config} }}").found == []


@pytest.mark.parametrize(
    ("old", "new"), [("rolling_window", "window_duration"), ("error_threshold_percentage", "error_threshold")]
)
def test_names_of_the_migration_guide_are_hinted(old: str, new: str) -> None:
    found = config_of("circuit-breaker", f"{{ {old}: 10s }}").only
    assert found.code.name == "unknown-field"
    assert new in (found.hint or "")


def test_it_publishes_nothing() -> None:
    assert checked("on_http_request { circuit-breaker }").action().result is None
