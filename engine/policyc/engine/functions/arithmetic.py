"""Arithmetic: `+ - * / %` and the unary minus, on numbers, texts, lists and times."""

from __future__ import annotations

from typing import Any

from policyc.engine.cel import extent, numbers, times
from policyc.engine.cel.limits import ITEMS_LIMIT, TEXT_LIMIT, items_limit_passed, text_limit_passed
from policyc.engine.cel.prices import characters, price
from policyc.engine.function import Function, Overload
from policyc.engine.types import BYTES, DOUBLE, DURATION, INT, STRING, TIMESTAMP, UINT, list_of, param
from policyc.engine.values import Duration, Timestamp

_T = param("T")
_LIST = list_of(_T)


def _join_text(a: Any, b: Any) -> Any:
    if len(a) + len(b) > TEXT_LIMIT:
        text_limit_passed()
    return a + b


def _join_lists(a: list[Any], b: list[Any]) -> list[Any]:
    if len(a) + len(b) > ITEMS_LIMIT:
        items_limit_passed()
    return [*a, *b]


def _add_double(a: float, b: float) -> float:
    return a + b


def _subtract_double(a: float, b: float) -> float:
    return a - b


def _multiply_double(a: float, b: float) -> float:
    return a * b


def _negate_double(a: float) -> float:
    return -a


def _move_timestamp(a: Any, b: Any) -> Timestamp:
    return times.timestamp(a.ns + b.ns)


def _move_timestamp_back(a: Timestamp, b: Duration) -> Timestamp:
    return times.timestamp(a.ns - b.ns)


def _add_durations(a: Duration, b: Duration) -> Duration:
    return times.duration(a.ns + b.ns)


def _time_between(a: Any, b: Any) -> Duration:
    return times.duration(a.ns - b.ns)


FUNCTIONS = (
    Function(
        "_+_",
        "The sum of two numbers, two texts or lists one after the other, or a time moved by a duration. "
        "Integers that leave 64 bits are an error.",
        (
            Overload(
                "add_string",
                (STRING, STRING),
                STRING,
                _join_text,
                cost=price(8, 0.005, 0.005),
                size=characters(0, 1, 1),
            ),
            Overload("add_int64", (INT, INT), INT, numbers.add_int, size=extent.added),
            Overload("add_uint64", (UINT, UINT), UINT, numbers.add_uint, size=extent.added),
            Overload("add_double", (DOUBLE, DOUBLE), DOUBLE, _add_double, inline="({0} + {1})"),
            Overload(
                "add_bytes",
                (BYTES, BYTES),
                BYTES,
                _join_text,
                cost=price(8, 0.005, 0.005),
                size=characters(0, 1, 1),
            ),
            Overload(
                "add_list", (_LIST, _LIST), _LIST, _join_lists, cost=price(values=0.2), size=extent.chained
            ),
            Overload("add_timestamp_duration", (TIMESTAMP, DURATION), TIMESTAMP, _move_timestamp),
            Overload("add_duration_timestamp", (DURATION, TIMESTAMP), TIMESTAMP, _move_timestamp),
            Overload("add_duration_duration", (DURATION, DURATION), DURATION, _add_durations),
        ),
        (
            ("1 + 2", "3"),
            ("'a' + 'b'", "'ab'"),
            ("[1] + [2]", "[1, 2]"),
            ("timestamp('2024-01-01T00:00:00Z') + duration('90s')", "timestamp('2024-01-01T00:01:30Z')"),
        ),
    ),
    Function(
        "_-_",
        "The difference of two numbers, or the duration between two times.",
        (
            Overload("subtract_int64", (INT, INT), INT, numbers.subtract_int, size=extent.subtracted),
            Overload("subtract_uint64", (UINT, UINT), UINT, numbers.subtract_uint),
            Overload("subtract_double", (DOUBLE, DOUBLE), DOUBLE, _subtract_double, inline="({0} - {1})"),
            Overload("subtract_timestamp_timestamp", (TIMESTAMP, TIMESTAMP), DURATION, _time_between),
            Overload("subtract_timestamp_duration", (TIMESTAMP, DURATION), TIMESTAMP, _move_timestamp_back),
            Overload("subtract_duration_duration", (DURATION, DURATION), DURATION, _time_between),
        ),
        (("5 - 7", "-2"), ("duration('3s') - duration('1s')", "duration('2s')")),
    ),
    Function(
        "_*_",
        "The product of two numbers.",
        (
            Overload("multiply_int64", (INT, INT), INT, numbers.multiply_int, size=extent.multiplied),
            Overload("multiply_uint64", (UINT, UINT), UINT, numbers.multiply_uint, size=extent.multiplied),
            Overload("multiply_double", (DOUBLE, DOUBLE), DOUBLE, _multiply_double, inline="({0} * {1})"),
        ),
        (("6 * 7", "42"), ("1.5 * 2.0", "3.0")),
    ),
    Function(
        "_/_",
        "The quotient of two numbers; of integers cut off towards zero, and a zero divisor is an error.",
        (
            Overload("divide_int64", (INT, INT), INT, numbers.divide_int),
            Overload("divide_uint64", (UINT, UINT), UINT, numbers.divide_uint),
            Overload("divide_double", (DOUBLE, DOUBLE), DOUBLE, numbers.divide_double),
        ),
        (("7 / 2", "3"), ("-7 / 2", "-3"), ("7.0 / 2.0", "3.5")),
    ),
    Function(
        "_%_",
        "The remainder of two integers, with the sign of the first.",
        (
            Overload("modulo_int64", (INT, INT), INT, numbers.modulo_int, size=extent.left_over),
            Overload("modulo_uint64", (UINT, UINT), UINT, numbers.modulo_uint, size=extent.left_over),
        ),
        (("7 % 3", "1"), ("-7 % 3", "-1")),
    ),
    Function(
        "-_",
        "The number with its sign turned.",
        (
            Overload("negate_int64", (INT,), INT, numbers.negate_int),
            Overload("negate_double", (DOUBLE,), DOUBLE, _negate_double, inline="(-{0})"),
        ),
        (("-(3)", "-3"), ("-(1.5)", "-1.5")),
    ),
)
