"""The access log: one JSON object per line and exchange, written in batches (as text: text_log.py).

Never in it: bodies, cookies, authorization, query strings. What the `log` action wrote stands under `logs`.
"""

from __future__ import annotations

import io
import json
import logging
import sys
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from json.encoder import encode_basestring_ascii as _quote
from typing import Protocol as Interface
from typing import TypedDict

_log = logging.getLogger(__name__)


class Record(TypedDict, total=False):
    """One line; `reason` only where something was refused or failed, `logs` only where there are entries."""

    ts: str
    client: str
    protocol: str  # of a tcp or tls connection, which has one record in all
    sni: str
    bytes_in: int
    bytes_out: int
    version: str  # of HTTP, where it is not 1
    method: str
    host: str
    path: str
    status: int
    bytes: int
    duration_ms: float
    endpoints: list[str]
    rules: list[str]
    reason: str
    error: str
    detail: str
    upstream: str
    trace: str
    logs: list[object]


class Lines(Interface):
    """Where lines go: a text stream, or what does as much of it."""

    def write(self, text: str, /) -> object:
        """Take lines. Raises OSError."""

    def flush(self) -> None:
        """Let them go."""


Frame = tuple[str, str, str]


class AccessLog:
    """Collects records, and writes them when the gateway flushes (at each tick) or many wait.

    A file gets whole lines in one piece, appended by the system: several processes may share it.
    """

    BATCH = 200

    def __init__(self, stream: Lines | None = None, *, path: str | None = None) -> None:
        """Write to `stream`, to the file at `path`, or to standard error. Raises OSError for a bad path."""
        self._path = path
        self._stream = stream
        self._file = _appending(path) if path is not None else None
        self._waiting: list[str] = []
        self._lost = 0
        self._is_failing = False
        self._is_torn = False

    def add(self, record: Record) -> None:
        """Take a record."""
        self._waiting.append(_line(record))
        if len(self._waiting) >= self.BATCH:
            self.flush()

    def closing(self, endpoints: Sequence[str], rules: Sequence[str], upstream: str) -> str:
        """Return how the lines of requests end that went this way."""
        return f',"endpoints":{_texts(endpoints)},"rules":{_texts(rules)},"upstream":{_quote(upstream)}}}\n'

    def frame(self, client: str, host: str, closing: str) -> Frame:
        """Return what the records of many requests have in common, for `add_framed`."""
        return f'","client":"{client}","method":', f',"host":{_quote(host)},"path":', closing

    def add_framed(
        self,
        frame: Frame,
        started: float,
        method: str,
        path: str,
        status: int,
        octets: int,
        duration_ms: float,
    ) -> None:
        """Take the record of a request that went well, without one being made."""
        opening, middle, closing = frame
        self._waiting.append(
            f'{{"ts":"{timestamp(started)}{opening}{_quote(method)}{middle}{_quote(path)},"status":{status},'
            f'"bytes":{octets},"duration_ms":{duration_ms:.3f}{closing}'
        )
        if len(self._waiting) >= self.BATCH:
            self.flush()

    def flush(self) -> None:
        """Write what waits. A stream that takes nothing (disk full) loses lines, never requests."""
        if not self._waiting:
            return
        lines, self._waiting = self._waiting, []
        try:
            self._write("".join(lines))
        except (OSError, ValueError) as error:
            self._lost += len(lines)
            if not self._is_failing:
                self._is_failing = True
                _log.warning("the access log cannot be written, lines are lost: %s", error)
        else:
            if self._is_failing:
                self._is_failing = False
                _log.warning("the access log is written again, lines lost so far: %d", self._lost)

    def _write(self, text: str) -> None:
        if self._file is None:
            stream = self._stream if self._stream is not None else sys.stderr
            stream.write(text)
            stream.flush()
            return
        octets = text.encode("ascii")
        if self._is_torn:  # what was cut off stays a line by itself
            octets = b"\n" + octets
        written = self._file.write(octets)
        if written != len(octets):  # the disk was full in the middle
            self._is_torn = True
            raise OSError("no space left for all of it")
        self._is_torn = False

    @property
    def lost(self) -> int:
        """How many lines could not be written."""
        return self._lost

    def reopen(self) -> None:
        """Open the file anew, after it was rotated."""
        if self._path is not None:
            self.flush()
            fresh = _appending(self._path)
            if self._file is not None:
                self._file.close()
            self._file, self._is_torn = fresh, False

    def close(self) -> None:
        """Write what waits, and close the file if it is ours."""
        self.flush()
        if self._file is not None:
            self._file.close()


def _appending(path: str) -> io.FileIO:
    """Return a file without a buffer: what cannot be written is not kept, to be tried again with the next."""
    return io.FileIO(path, "a")


def discard(record: Record) -> None:
    """Log nothing."""


Sink = Callable[[Record], None]


def _line(record: Record) -> str:
    # ASCII escapes keep lone surrogates (octets that are no UTF-8) writable.
    return _encode(record) + "\n"


def _texts(texts: Sequence[str]) -> str:
    return f"[{','.join(map(_quote, texts))}]"


def plain(value: object) -> object:
    """Return what JSON can hold of a value that an expression gave."""
    from policyc.engine.cel.coerce import to_text

    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return to_text(value)


_encode = json.JSONEncoder(separators=(",", ":"), default=plain).encode


def timestamp(seconds: float) -> str:
    """Return RFC 3339 in UTC with milliseconds."""
    known = _latest
    milliseconds = int(seconds * 1000)
    return known[1] if known[0] == milliseconds else _read(milliseconds)


# The last one: under load there are many in a millisecond.
_latest = (-1, "")


def _read(milliseconds: int) -> str:
    global _latest
    seconds, rest = divmod(milliseconds, 1000)
    text = f"{_second(seconds)}.{rest:03d}Z"
    _latest = (milliseconds, text)
    return text


@lru_cache(4)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
