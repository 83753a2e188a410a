"""Conversions between the scalar types, `type` and `dyn`. What does not fit the new type is an error."""

from __future__ import annotations

from typing import Any

from policyc.engine.cel import coerce, numbers, times
from policyc.engine.cel.prices import characters, price, same
from policyc.engine.function import Dialect, Function, Overload
from policyc.engine.types import (
    BOOL,
    BYTES,
    CIDR,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    IP,
    STRING,
    TIMESTAMP,
    UINT,
    param,
    type_of,
)
from policyc.engine.values import EvalError, Timestamp, TypeValue

_T = param("T")

_TRUE = frozenset({"1", "t", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "false", "FALSE", "False"})


def _same(value: Any) -> Any:
    return value


def _bool(text: str) -> bool:
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise EvalError("invalid_argument", f"cannot read `{text[:64]}` as a bool")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _double(value: int) -> float:
    return float(value)


def _seconds(value: Timestamp) -> int:
    return value.ns // 1_000_000_000


def _timestamp(seconds: int) -> Timestamp:
    return times.timestamp(seconds * times.SECOND)


def _type(value: object) -> TypeValue:
    return TypeValue(coerce.type_name(value))


FUNCTIONS = (
    Function(
        "bool",
        "The bool that a text says: `true`, `True`, `TRUE`, `t`, `1` or `false`, `False`, `FALSE`, `f`, `0`.",
        (
            Overload("bool_to_bool", (BOOL,), BOOL, _same, inline="{0}"),
            Overload("string_to_bool", (STRING,), BOOL, _bool, cost=price(8)),
        ),
        (("bool('true')", "true"), ("bool('f')", "false")),
    ),
    Function(
        "int",
        "The value as an int: a double is cut off towards zero, a timestamp gives seconds since 1970.",
        (
            Overload("int64_to_int64", (INT,), INT, _same, inline="{0}", size=same()),
            Overload("uint64_to_int64", (UINT,), INT, numbers.uint_to_int, size=same()),
            Overload("double_to_int64", (DOUBLE,), INT, numbers.double_to_int),
            Overload("string_to_int64", (STRING,), INT, numbers.text_to_int, cost=price(20, 0.5)),
            Overload("timestamp_to_int64", (TIMESTAMP,), INT, _seconds, inline="({0}.ns // 1000000000)"),
        ),
        (("int('42')", "42"), ("int(-1.9)", "-1"), ("int(timestamp('1970-01-01T00:01:00Z'))", "60")),
    ),
    Function(
        "uint",
        "The value as a uint.",
        (
            Overload("uint64_to_uint64", (UINT,), UINT, _same, inline="{0}", size=same()),
            Overload("int64_to_uint64", (INT,), UINT, numbers.int_to_uint, size=same()),
            Overload("double_to_uint64", (DOUBLE,), UINT, numbers.double_to_uint),
            Overload("string_to_uint64", (STRING,), UINT, numbers.text_to_uint, cost=price(20, 0.5)),
        ),
        (("uint(7)", "7u"), ("uint(1.5)", "1u")),
    ),
    Function(
        "double",
        "The value as a double.",
        (
            Overload("double_to_double", (DOUBLE,), DOUBLE, _same, inline="{0}"),
            Overload("int64_to_double", (INT,), DOUBLE, _double),
            Overload("uint64_to_double", (UINT,), DOUBLE, _double),
            Overload("string_to_double", (STRING,), DOUBLE, numbers.text_to_double, cost=price(20, 0.1)),
        ),
        (("double('1.5')", "1.5"), ("double(2)", "2.0")),
    ),
    Function(
        "string",
        "The value as text: a timestamp as in RFC 3339, a duration in seconds, bytes read as UTF-8.",
        (
            Overload("string_to_string", (STRING,), STRING, _same, inline="{0}", cost=price(0), size=same()),
            Overload(
                "int64_to_string",
                (INT,),
                STRING,
                coerce.to_text,
                inline="str({0})",
                cost=price(7),
                size=characters(20),
            ),
            Overload(
                "uint64_to_string", (UINT,), STRING, coerce.to_text, cost=price(20), size=characters(20)
            ),
            Overload(
                "double_to_string",
                (DOUBLE,),
                STRING,
                numbers.double_to_text,
                cost=price(60),
                size=characters(25),
            ),
            Overload("bool_to_string", (BOOL,), STRING, coerce.to_text, cost=price(12), size=characters(5)),
            Overload(
                "bytes_to_string", (BYTES,), STRING, coerce.bytes_to_text, cost=price(12, 0.1), size=same()
            ),
            Overload(
                "timestamp_to_string",
                (TIMESTAMP,),
                STRING,
                coerce.to_text,
                cost=price(300),
                size=characters(35),
            ),
            Overload(
                "duration_to_string", (DURATION,), STRING, coerce.to_text, cost=price(80), size=characters(32)
            ),
            Overload(
                "ip_to_string",
                (IP,),
                STRING,
                coerce.to_text,
                dialect=Dialect.CEL,
                cost=price(300),
                size=characters(45),
            ),
            Overload(
                "cidr_to_string",
                (CIDR,),
                STRING,
                coerce.to_text,
                dialect=Dialect.CEL,
                cost=price(320),
                size=characters(49),
            ),
        ),
        (("string(1.5)", "'1.5'"), ("string(duration('1m'))", "'60s'"), ("string(b'a')", "'a'")),
    ),
    Function(
        "bytes",
        "The text as UTF-8 octets.",
        (
            Overload("bytes_to_bytes", (BYTES,), BYTES, _same, inline="{0}", cost=price(0), size=same()),
            Overload("string_to_bytes", (STRING,), BYTES, _bytes, cost=price(12, 0.1), size=characters(0, 4)),
        ),
        (("bytes('abc')", "b'abc'"),),
    ),
    Function(
        "timestamp",
        "The time that an RFC 3339 text or a number of seconds since 1970 says.",
        (
            Overload("timestamp_to_timestamp", (TIMESTAMP,), TIMESTAMP, _same, inline="{0}"),
            Overload(
                "string_to_timestamp", (STRING,), TIMESTAMP, times.parse_timestamp, cost=price(300, 0.1)
            ),
            Overload("int64_to_timestamp", (INT,), TIMESTAMP, _timestamp),
        ),
        (("timestamp(0) == timestamp('1970-01-01T00:00:00Z')", "true"),),
    ),
    Function(
        "duration",
        "The duration that a text such as `1h30m`, `-2.5s` or `100ms` says.",
        (
            Overload("duration_to_duration", (DURATION,), DURATION, _same, inline="{0}"),
            Overload("string_to_duration", (STRING,), DURATION, times.parse_duration, cost=price(60, 31)),
        ),
        (("duration('1m') == duration('60s')", "true"),),
    ),
    Function(
        "dyn",
        "The value, taken as one of a type that is only known at run time.",
        (Overload("to_dyn", (_T,), DYN, _same, inline="{0}", cost=price(0), size=same()),),
        (("dyn(1) == 1u", "true"),),
    ),
    Function(
        "type",
        "The type of the value.",
        (Overload("type", (_T,), type_of(_T), _type, cost=price(12)),),
        (("type(1) == int", "true"), ("type('a') == type(b'a')", "false")),
    ),
)
