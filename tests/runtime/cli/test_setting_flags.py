from __future__ import annotations

import argparse

import pytest

from policyc.runtime.cli.failure import CommandError
from policyc.runtime.cli.setting_flags import add_setting_flags, flag_of, settings_from, shown_default
from policyc.runtime.settings import MAY_BE_0, SETTINGS, Settings


def parsed(*argv: str) -> Settings:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_setting_flags(parser)
    return settings_from(parser.parse_args(argv))


def test_without_flags_all_settings_have_their_defaults() -> None:
    assert parsed() == Settings()


@pytest.mark.parametrize(
    ("argv", "name", "value"),
    [
        (["--idle-timeout", "75s"], "idle_timeout_s", 75.0),
        (["--idle-timeout", "1m30s"], "idle_timeout_s", 90.0),
        (["--idle-timeout", "250ms"], "idle_timeout_s", 0.25),
        (["--idle-timeout", "2"], "idle_timeout_s", 2.0),
        (["--head-limit", "64KB"], "head_limit_bytes", 64_000),
        (["--head-limit", "1MiB"], "head_limit_bytes", 1_048_576),
        (["--head-limit", "100"], "head_limit_bytes", 100),
        (["--hops-limit", "2"], "hops_limit", 2),
        (["--no-retry-stale"], "retry_stale", False),
        (["--account", "acme"], "account", "acme"),
        (["--upgrades", "websocket,tcp"], "upgrades", ("websocket", "tcp")),
        (["--upgrades", ""], "upgrades", ()),
        (["--trusted-proxies", "10.0.0.0/8, ::1"], "trusted_proxies", ("10.0.0.0/8", "::1")),
    ],
)
def test_flag_sets_its_setting(argv: list[str], name: str, value: object) -> None:
    assert getattr(parsed(*argv), name) == value


@pytest.mark.parametrize(
    "argv",
    [
        ["--idle-timeout", "soon"],
        ["--idle-timeout", "-1s"],
        ["--head-limit", "64XB"],
        ["--hops-limit", "1.5"],
    ],
)
def test_value_that_does_not_fit_is_wrong_usage(argv: list[str]) -> None:
    with pytest.raises((argparse.ArgumentError, SystemExit)):
        parsed(*argv)


@pytest.mark.parametrize("flag", ["--idle-timeout", "--body-rate", "--buffer", "--connections-limit"])
def test_nothing_is_no_limit_that_can_be_kept(flag: str) -> None:
    with pytest.raises(CommandError, match=f"{flag} 0: it has to be more"):
        parsed(flag, "0")


def test_nothing_is_a_limit_where_it_means_not_at_all() -> None:
    assert parsed("--idle-upstreams", "0").idle_upstreams == 0
    assert {setting.name for setting in SETTINGS} >= MAY_BE_0


def test_upgrade_that_goes_past_the_policies_is_wrong_usage() -> None:
    with pytest.raises(CommandError, match="--upgrades: `h2c` would carry requests past the policies"):
        parsed("--upgrades", "websocket,h2c")


def test_every_setting_has_a_flag_of_its_own() -> None:
    assert len({flag_of(setting) for setting in SETTINGS}) == len(SETTINGS)


def test_defaults_are_shown_as_a_user_writes_them() -> None:
    by_name = {setting.name: shown_default(setting) for setting in SETTINGS}
    assert by_name["head_limit_bytes"] == "64KiB"
    assert by_name["idle_timeout_s"] == "75s"
    assert by_name["retry_stale"] == "on"
    assert by_name["trusted_proxies"] == "none"
    assert by_name["upgrades"] == "websocket"
