"""The gateway's settings as flags of `policyc run`: one per setting, made from the table of settings.

A flag is the setting's name without its unit (`idle_timeout_s` → `--idle-timeout`); the unit is part of the
value (`75s`, `64KB`).
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable

from policyc.runtime.cli.failure import CommandError
from policyc.runtime.protocol.upgrades import checked
from policyc.runtime.settings import MAY_BE_0, SETTINGS, Setting, Settings

_UNITS = re.compile(r"(_bytes)?(_s)?$")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_OCTETS = {
    "": 1,
    "b": 1,
    "kb": 1000,
    "mb": 1000**2,
    "gb": 1000**3,
    "kib": 1024,
    "mib": 1024**2,
    "gib": 1024**3,
}


def flag_of(setting: Setting) -> str:
    """Return the flag of a setting."""
    return "--" + _UNITS.sub("", setting.name).replace("_", "-")


def add_setting_flags(parser: argparse.ArgumentParser) -> None:
    """Declare one flag for each setting."""
    group = parser.add_argument_group("limits, time-outs and switches")
    for setting in SETTINGS:
        text = f"{setting.doc} (default {shown_default(setting)})".replace("%", "%%")
        if setting.unit == "switch":
            group.add_argument(
                flag_of(setting), dest=setting.name, action=argparse.BooleanOptionalAction, help=text
            )
        else:
            metavar, read = _READERS[setting.unit]
            group.add_argument(flag_of(setting), dest=setting.name, type=read, metavar=metavar, help=text)


def settings_from(arguments: argparse.Namespace) -> Settings:
    """Return the settings that were given, with the defaults of all others. Raises CommandError."""
    given = {setting.name: getattr(arguments, setting.name) for setting in SETTINGS}
    for setting in SETTINGS:
        if given[setting.name] in (0, 0.0) and setting.name not in MAY_BE_0:
            raise CommandError(f"{flag_of(setting)} 0: it has to be more than that")
    settings = Settings(**{name: value for name, value in given.items() if value is not None})
    if settings.forwarded not in ("replace", "append"):
        raise CommandError(f"--forwarded {settings.forwarded}: write `replace` or `append`")
    for name in ("trusted_proxies", "proxy_protocol_from"):
        for network in getattr(settings, name):
            _check_network(f"--{name.replace('_', '-')}", network)
    try:
        checked(settings.upgrades)
    except ValueError as error:
        raise CommandError(f"--upgrades: {error}") from None
    return settings


def shown_default(setting: Setting) -> str:
    """Return a setting's default as a user would write it."""
    value = setting.default
    if setting.unit == "octets" and isinstance(value, int):
        return f"{value // 1024}KiB" if value >= 1024 and value % 1024 == 0 else str(value)
    if setting.unit == "seconds":
        return f"{value:g}s"
    if setting.unit == "switch":
        return "on" if value else "off"
    if value is None or value == ():
        return "none"
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value)


def _check_network(flag: str, text: str) -> None:
    from ipaddress import ip_network

    try:
        ip_network(text)
    except ValueError as error:
        raise CommandError(f"{flag} {text}: {error}") from None


def _seconds(text: str) -> float:
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    raise argparse.ArgumentTypeError(f"`{text}` is no duration: write 10s, 250ms or 1m30s")


def _octets(text: str) -> int:
    match = re.fullmatch(r"(\d+)\s*([kmg]i?b|b|)", text.lower())
    if match is None:
        raise argparse.ArgumentTypeError(f"`{text}` is no size: write 65536, 64KB or 1MiB")
    return int(match[1]) * _OCTETS[match[2]]


def _count(text: str) -> int:
    if not re.fullmatch(r"\d{1,18}", text):
        raise argparse.ArgumentTypeError(f"`{text}` is no whole number")
    return int(text)


def _list(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(",") if each.strip())


_READERS: dict[str, tuple[str, Callable[[str], object]]] = {
    "seconds": ("DURATION", _seconds),
    "octets": ("SIZE", _octets),
    "count": ("N", _count),
    "text": ("TEXT", str),
    "list": ("A,B", _list),
}
