import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyc.engine.cel import times
from policyc.engine.values import (
    DURATION_MAX_NS,
    DURATION_MIN_NS,
    TIMESTAMP_MAX_NS,
    TIMESTAMP_MIN_NS,
    Duration,
    EvalError,
    Timestamp,
)


@given(st.integers(TIMESTAMP_MIN_NS, TIMESTAMP_MAX_NS))
def test_timestamp_survives_its_text(ns: int) -> None:
    assert times.parse_timestamp(times.timestamp_to_text(Timestamp(ns))).ns == ns


@given(st.integers(DURATION_MIN_NS, DURATION_MAX_NS))
def test_duration_survives_its_text(ns: int) -> None:
    assert times.parse_duration(times.duration_to_text(Duration(ns))).ns == ns


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2024-02-29T12:00:00+02:00", "2024-02-29T10:00:00Z"),
        ("2024-02-29T00:00:00-00:30", "2024-02-29T00:30:00Z"),
        ("2024-01-01T00:00:00.1234567899Z", "2024-01-01T00:00:00.123456789Z"),
    ],
)
def test_timestamps_in_other_spellings(text: str, same: str) -> None:
    assert times.timestamp_to_text(times.parse_timestamp(text)) == same


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024-01-01",
        "2024-01-01T00:00:00",
        "2024-01-01 00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:00:60Z",
        "2024-01-01T00:00:00.Z",
        "2024-01-01T00:00:00+25:00",
        "2024-01-01T00:00:00Z\n",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "٢٠٢٤-01-01T00:00:00Z",
        "9999-12-31T23:59:59-01:00",
    ],
)
def test_what_is_no_timestamp_is_an_error(text: str) -> None:
    with pytest.raises(EvalError):
        times.parse_timestamp(text)


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("0", 0),
        ("-0", 0),
        ("1h30m", 5_400_000_000_000),
        ("+1.5s", 1_500_000_000),
        ("-.5s", -500_000_000),
        ("1.s", 1_000_000_000),
        ("100ms1us1µs1μs7ns", 100_003_007),
        ("0.0000000001s", 0),
        ("1s1h", 3_601_000_000_000),
    ],
)
def test_durations(text: str, ns: int) -> None:
    assert times.parse_duration(text).ns == ns


@pytest.mark.parametrize(
    "text", ["", "-", "5", "s", "1 s", "1d", "1s ", "--1s", "1e3s", "9" * 40 + "s", "2562048h", "1.5", ".s"]
)
def test_what_is_no_duration_is_an_error(text: str) -> None:
    with pytest.raises(EvalError):
        times.parse_duration(text)


@pytest.mark.parametrize(
    ("zone", "hour"),
    [
        (None, 12),
        ("UTC", 12),
        ("Z", 12),
        ("+05:30", 17),
        ("-02:30", 9),
        ("02:00", 14),
        ("Asia/Kathmandu", 17),
    ],
)
def test_hour_in_a_zone(zone: str | None, hour: int) -> None:
    assert times.calendar(times.parse_timestamp("2024-06-01T12:00:00Z"), zone).hour == hour


def test_zone_offset_follows_the_season() -> None:
    winter, summer = (times.parse_timestamp(f"2024-{month}-01T12:00:00Z") for month in ("01", "07"))
    assert [times.calendar(moment, "Europe/Berlin").hour for moment in (winter, summer)] == [13, 14]


def test_zone_is_found_where_the_system_has_no_zones() -> None:
    script = "from policyc.engine.cel.times import _zone; print(_zone('Europe/Berlin'))"
    told = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONTZPATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == "Europe/Berlin\n"
