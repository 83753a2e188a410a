"""What the gateway logs of itself, one line each, on standard error: the only place that sets up logs."""

from __future__ import annotations

import logging
import sys

_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class LineFormatter(logging.Formatter):
    """`policyc: warning: upstream connect failed endpoint=https://api.internal`, never more than a line.

    An exception is its type, message and place; its traceback is shown only by a log of level debug.
    """

    def __init__(self, *, tracebacks: bool, worker: int | None = None) -> None:
        """`tracebacks`: show them. A worker's lines begin with its number, `policyc[2]`."""
        super().__init__()
        self._tracebacks = tracebacks
        self._name = "policyc" if worker is None else f"policyc[{worker}]"

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record, with its extra fields."""
        parts = [f"{self._name}: {record.levelname.lower()}: {record.getMessage()}"]
        parts += [f"{name}={value}" for name, value in vars(record).items() if name not in _PLAIN]
        if record.exc_info and record.exc_info[1] is not None:
            parts.append(_place(record.exc_info[1]))
        line = " ".join(" ".join(parts).split())
        if self._tracebacks and record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def set_up_logs(level: str, worker: int | None = None) -> None:
    """Send the log to standard error from `level` on; `worker` is this process' number, if it is one."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(tracebacks=level == "debug", worker=worker))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def _place(error: BaseException) -> str:
    from traceback import extract_tb

    trace = extract_tb(error.__traceback__)
    where = f" at {trace[-1].filename}:{trace[-1].lineno}" if trace else ""
    return f"({type(error).__name__}: {error}{where})"
