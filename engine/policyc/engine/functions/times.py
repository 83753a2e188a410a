"""The parts of timestamps and durations (CEL, language definition).

Of a timestamp in UTC, or in a zone given by its IANA name or its offset (`+02:00`). Of a duration the hours,
minutes and seconds are the whole of it, the milliseconds are those beyond the last second.
"""

from __future__ import annotations

from collections.abc import Callable

from policyc.engine.cel.prices import price
from policyc.engine.cel.times import Calendar, calendar
from policyc.engine.function import Function, Overload
from policyc.engine.types import DURATION, INT, STRING, TIMESTAMP
from policyc.engine.values import Duration, Timestamp


def _whole(ns: int, unit: int) -> int:
    return ns // unit if ns >= 0 else -(-ns // unit)


def _part(
    name: str,
    doc: str,
    pick: Callable[[Calendar], int],
    *examples: tuple[str, str],
    of_duration: Callable[[Duration], int] | None = None,
) -> Function:
    def utc(value: Timestamp) -> int:
        return pick(calendar(value, None))

    def in_zone(value: Timestamp, zone: str) -> int:
        return pick(calendar(value, zone))

    overloads = [
        Overload(f"timestamp_{name}", (TIMESTAMP,), INT, utc, True, cost=price(200)),
        Overload(f"timestamp_{name}_with_tz", (TIMESTAMP, STRING), INT, in_zone, True, cost=price(500, 0.6)),
    ]
    if of_duration is not None:
        overloads.append(Overload(f"duration_{name}", (DURATION,), INT, of_duration, True))
    return Function(name, doc, tuple(overloads), examples)


_MOMENT = "timestamp('2009-02-13T23:31:30.125Z')"

FUNCTIONS = (
    _part("getFullYear", "The year.", lambda c: c.year, (f"{_MOMENT}.getFullYear()", "2009")),
    _part("getMonth", "The month, counted from 0.", lambda c: c.month - 1, (f"{_MOMENT}.getMonth()", "1")),
    _part(
        "getDate",
        "The day of the month, counted from 1.",
        lambda c: c.day,
        (f"{_MOMENT}.getDate()", "13"),
        (f"{_MOMENT}.getDate('Australia/Sydney')", "14"),
    ),
    _part(
        "getDayOfMonth",
        "The day of the month, counted from 0.",
        lambda c: c.day - 1,
        (f"{_MOMENT}.getDayOfMonth()", "12"),
    ),
    _part(
        "getDayOfWeek",
        "The day of the week, 0 for Sunday.",
        lambda c: c.weekday,
        (f"{_MOMENT}.getDayOfWeek()", "5"),
    ),
    _part(
        "getDayOfYear",
        "The day of the year, counted from 0.",
        lambda c: c.day_of_year,
        (f"{_MOMENT}.getDayOfYear()", "43"),
    ),
    _part(
        "getHours",
        "The hour of the day, or the whole hours of a duration.",
        lambda c: c.hour,
        (f"{_MOMENT}.getHours('+02:00')", "1"),
        ("duration('90m').getHours()", "1"),
        of_duration=lambda d: _whole(d.ns, 3_600_000_000_000),
    ),
    _part(
        "getMinutes",
        "The minute of the hour, or the whole minutes of a duration.",
        lambda c: c.minute,
        (f"{_MOMENT}.getMinutes()", "31"),
        of_duration=lambda d: _whole(d.ns, 60_000_000_000),
    ),
    _part(
        "getSeconds",
        "The second of the minute, or the whole seconds of a duration.",
        lambda c: c.second,
        (f"{_MOMENT}.getSeconds()", "30"),
        of_duration=lambda d: _whole(d.ns, 1_000_000_000),
    ),
    _part(
        "getMilliseconds",
        "The milliseconds beyond the last second.",
        lambda c: c.millisecond,
        (f"{_MOMENT}.getMilliseconds()", "125"),
        ("duration('1500ms').getMilliseconds()", "500"),
        of_duration=lambda d: _whole(d.ns, 1_000_000) - _whole(d.ns, 1_000_000_000) * 1000,
    ),
)
