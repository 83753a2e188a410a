from __future__ import annotations

import logging

from policyc.runtime.cli.logs import LineFormatter


def record(*, error: BaseException | None = None, **fields: object) -> logging.LogRecord:
    values = {"levelname": "WARNING", "msg": "upstream connect failed", **fields}
    made = logging.makeLogRecord(values)
    if error is not None:
        try:
            raise error
        except BaseException as raised:
            made.exc_info = (type(raised), raised, raised.__traceback__)
    return made


def test_record_is_a_line_with_its_fields() -> None:
    line = LineFormatter(tracebacks=False).format(record(endpoint="https://a.internal", after_s=5))
    assert line == "policyc: warning: upstream connect failed endpoint=https://a.internal after_s=5"


def test_record_stays_one_line_whatever_it_holds() -> None:
    assert "\n" not in LineFormatter(tracebacks=False).format(record(error=ValueError("a\nb"), path="a\nb"))


def test_exception_is_its_type_message_and_place() -> None:
    line = LineFormatter(tracebacks=False).format(record(error=ValueError("no")))
    assert "(ValueError: no at " in line
    assert "test_logs.py:" in line


def test_traceback_is_for_debugging() -> None:
    assert "Traceback" in LineFormatter(tracebacks=True).format(record(error=ValueError("no")))
