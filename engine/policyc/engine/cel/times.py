"""Timestamps and durations as text and as calendar fields: RFC 3339, Go's duration syntax, time zones.

Nanoseconds are kept throughout; Python's datetime, which has none, only turns days into dates. The zone data
comes from the system (or the tzdata package) through zoneinfo, loaded when a policy first names a zone.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from policyc.engine.values import (
    DURATION_MAX_NS,
    DURATION_MIN_NS,
    TIMESTAMP_MAX_NS,
    TIMESTAMP_MIN_NS,
    Duration,
    EvalError,
    Timestamp,
)

if TYPE_CHECKING:
    import re
    from datetime import tzinfo

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
_EPOCH_DAY = 719_163  # the ordinal of 1970-01-01
_ERA_DAYS = 146_097  # 400 years, after which the calendar repeats
_UNITS = {
    "h": 3600 * SECOND,
    "m": 60 * SECOND,
    "s": SECOND,
    "ms": 1_000_000,
    "us": 1000,
    "µs": 1000,
    "μs": 1000,
    "ns": 1,
}


class Calendar(NamedTuple):
    """A timestamp in some zone, field by field; `month` and `day` count from 1, `weekday` from Sunday = 0."""

    year: int
    month: int
    day: int
    weekday: int
    day_of_year: int
    hour: int
    minute: int
    second: int
    millisecond: int


def timestamp(ns: int) -> Timestamp:
    """Return the timestamp, or raise EvalError outside of the years 1 to 9999."""
    if TIMESTAMP_MIN_NS <= ns <= TIMESTAMP_MAX_NS:
        return Timestamp(ns)
    raise EvalError("range", "timestamp out of range: years 0001 to 9999")


def duration(ns: int) -> Duration:
    """Return the duration, or raise EvalError where 64 bits of nanoseconds do not hold it."""
    if DURATION_MIN_NS <= ns <= DURATION_MAX_NS:
        return Duration(ns)
    raise EvalError("range", "duration out of range: about 292 years")


@cache
def _timestamp_pattern() -> re.Pattern[str]:
    import re

    return re.compile(
        r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
        r"(?:Z|([+-])([0-9]{2}):([0-9]{2}))\Z"
    )


@cache
def _duration_pattern() -> re.Pattern[str]:
    import re

    return re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(h|ms|m|s|us|µs|μs|ns)")


def parse_timestamp(text: str) -> Timestamp:
    """Return the timestamp that RFC 3339 `text` says; raises EvalError."""
    match = _timestamp_pattern().match(text)
    if match is None:
        raise EvalError("invalid_argument", f"`{text[:64]}` is no timestamp as in RFC 3339")
    import datetime

    year, month, day, hour, minute, second = map(int, match.group(1, 2, 3, 4, 5, 6))
    fraction, sign, zone_hour, zone_minute = match.group(7, 8, 9, 10)
    offset = 0
    if sign is not None:
        if int(zone_hour) > 23 or int(zone_minute) > 59:
            raise EvalError("invalid_argument", f"`{text[:64]}` has no valid offset from UTC")
        offset = (int(zone_hour) * 3600 + int(zone_minute) * 60) * (-1 if sign == "-" else 1)
    if hour > 23 or minute > 59 or second > 59:
        raise EvalError("invalid_argument", f"`{text[:64]}` has no valid time of day")
    if year == 0:
        raise EvalError("range", "timestamp out of range: years 0001 to 9999")
    try:
        days = datetime.date(year, month, day).toordinal() - _EPOCH_DAY
    except ValueError:
        raise EvalError("invalid_argument", f"`{text[:64]}` has no valid date") from None
    nanoseconds = int((fraction or "0")[:9].ljust(9, "0"))
    return timestamp((days * 86_400 + hour * 3600 + minute * 60 + second - offset) * SECOND + nanoseconds)


def timestamp_to_text(value: Timestamp) -> str:
    """Return RFC 3339 in UTC, with as many digits of the second as there are."""
    c = calendar(value, None)
    nanoseconds = value.ns % SECOND
    fraction = f".{nanoseconds:09d}".rstrip("0") if nanoseconds else ""
    return f"{c.year:04d}-{c.month:02d}-{c.day:02d}T{c.hour:02d}:{c.minute:02d}:{c.second:02d}{fraction}Z"


def parse_duration(text: str) -> Duration:
    """Return the duration that `text` says, such as `1h30m`, `-1.5s`, `0`; raises EvalError."""
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return Duration(0)
    pattern = _duration_pattern()
    total = at = 0
    while at < len(rest):
        match = pattern.match(rest, at)
        if match is None:
            break
        number, unit = match.groups()
        whole, _, fraction = number.partition(".")
        if len(whole) > 32:
            raise EvalError("range", "duration out of range: about 292 years")
        total += int(whole or "0") * _UNITS[unit]
        fraction = fraction[:18]
        if fraction:
            total += int(fraction) * _UNITS[unit] // 10 ** len(fraction)
        at = match.end()
    if at == 0 or at < len(rest):
        raise EvalError("invalid_argument", f"`{text[:64]}` is no duration, such as `1h30m` or `2.5s`")
    return duration(-total if text[0] == "-" else total)


def duration_to_text(value: Duration) -> str:
    """Return the duration in seconds with `s`: `90s`, `-0.25s`."""
    seconds, nanoseconds = divmod(abs(value.ns), SECOND)
    fraction = f".{nanoseconds:09d}".rstrip("0") if nanoseconds else ""
    return f"{'-' if value.ns < 0 else ''}{seconds}{fraction}s"


def calendar(value: Timestamp, zone: str | None) -> Calendar:
    """Return the fields of the timestamp in a zone: an IANA name, an offset (`+02:00`), None for UTC."""
    import datetime

    ns = value.ns if zone is None else value.ns + _offset_s(value, zone) * SECOND
    days, rest = divmod(ns, DAY)
    ordinal = days + _EPOCH_DAY
    # A zone can carry the ends of the range into the years 0 and 10000, which `date` does not know.
    era = -1 if ordinal < 1 else 1 if ordinal > 3_652_059 else 0
    ordinal -= era * _ERA_DAYS
    day = datetime.date.fromordinal(ordinal)
    second = rest // SECOND
    return Calendar(
        day.year + era * 400,
        day.month,
        day.day,
        ordinal % 7,
        ordinal - datetime.date(day.year, 1, 1).toordinal(),
        second // 3600,
        second // 60 % 60,
        second % 60,
        rest // 1_000_000 % 1000,
    )


def _offset_s(value: Timestamp, zone: str) -> int:
    fixed = _fixed_offset_s(zone)
    if fixed is not None:
        return fixed
    import datetime

    # The ends of the range are clamped by two days, which datetime needs to move between zones.
    seconds = min(max(value.ns // SECOND, -62_135_596_800 + 172_800), 253_402_300_799 - 172_800)
    moment = datetime.datetime.fromordinal(_EPOCH_DAY + seconds // 86_400).replace(
        hour=seconds % 86_400 // 3600, minute=seconds % 3600 // 60, second=seconds % 60, tzinfo=datetime.UTC
    )
    offset = moment.astimezone(_zone(zone)).utcoffset()
    return 0 if offset is None else offset.days * 86_400 + offset.seconds


@lru_cache(256)
def _fixed_offset_s(zone: str) -> int | None:
    if zone in ("UTC", "Z", ""):
        return 0
    sign = -1 if zone[0] == "-" else 1
    hour, colon, minute = zone.lstrip("+-").partition(":") if zone[1:2].isdigit() else ("", "", "")
    if (
        colon
        and hour.isdigit()
        and minute.isdigit()
        and zone.isascii()
        and len(hour) <= 2
        and len(minute) == 2
    ):
        if int(hour) > 23 or int(minute) > 59:
            raise EvalError("invalid_argument", f"`{zone[:64]}` is no offset from UTC")
        return sign * (int(hour) * 3600 + int(minute) * 60)
    return None


@lru_cache(256)
def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not there; not a name at all; a directory of zones
        raise EvalError("invalid_argument", f"unknown time zone `{name[:64]}`") from None
