"""The access log as text: lines that begin as web servers have written them since NCSA httpd, for tools that
read these, then what else there is to say, as `name=value`.

    192.0.2.1 - - [25/Nov/2026:09:30:00 +0000] "GET /a HTTP/1.1" 200 512 host=shop.example.com ms=1.234
    endpoints=https://shop.example.com>https://api.internal rules="per client" upstream=http://127.0.0.1:9001

(one line). Names and values are those of the records (observe.py), in that order; a value that is no plain
word is quoted as in JSON. A connection that is no request has `-` in place of what only requests have.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from json.encoder import encode_basestring_ascii as _quote
from typing import Any

from policyc.runtime.observe import AccessLog, Frame, Record, plain, timestamp

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WORD = re.compile(r"[!#-+\--=?-\[\]-~]+")  # what can be printed, without space " , > \
_IN_FRONT = frozenset({"ts", "client", "method", "path", "version", "status", "bytes"})
_SHORT = {"duration_ms": "ms"}


class TextLog(AccessLog):
    """An access log whose lines are text."""

    def add(self, record: Record) -> None:
        """Take a record."""
        self._waiting.append(text_line(record))
        if len(self._waiting) >= self.BATCH:
            self.flush()

    def closing(self, endpoints: Sequence[str], rules: Sequence[str], upstream: str) -> str:
        """Return how the lines of requests end that went this way."""
        acted = f" rules={_texts(rules, ',')}" if rules else ""
        went = f" upstream={_value(upstream)}" if upstream else ""
        return f" endpoints={_texts(endpoints, '>')}{acted}{went}\n"

    def frame(self, client: str, host: str, closing: str) -> Frame:
        """Return what the lines of many requests have in common."""
        return f"{client} - - [", f" host={_value(host)} ms=", closing

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
        date, asked = _date(timestamp(started)[:19]), _request(method, path)
        self._waiting.append(
            f'{opening}{date}] "{asked}" {status} {octets}{middle}{duration_ms:.3f}{closing}'
        )
        if len(self._waiting) >= self.BATCH:
            self.flush()


def text_line(record: Record) -> str:
    """Return the line of a record."""
    client, date = record.get("client") or "-", _date(record["ts"][:19])
    asked = "-"
    if "method" in record:
        asked = _request(record["method"], record.get("path", ""), record.get("version", "HTTP/1.1"))
    status, octets = record.get("status") or "-", record.get("bytes", "-")
    rest = "".join(f" {name}={value}" for name, value in _rest(record))
    return f'{client} - - [{date}] "{asked}" {status} {octets}{rest}\n'


def _rest(record: Record) -> Iterator[tuple[str, str]]:
    for name, value in record.items():
        if name in _IN_FRONT or value in ("", []):
            continue
        if name == "logs":
            yield name, _quote(json.dumps(value, default=plain, separators=(",", ":")))
        elif isinstance(value, list | tuple):
            yield name, _texts(value, ">" if name == "endpoints" else ",")
        else:
            yield _SHORT.get(name, name), _value(value)


def _request(method: str, path: str, version: str = "HTTP/1.1") -> str:
    """Return the request as it began; HTTP/1.1 stands for HTTP/1.0 too."""
    return _quote(f"{method} {path} {version}")[1:-1]


def _texts(texts: Iterable[Any], between: str) -> str:
    return between.join(map(_value, texts))


def _value(value: Any) -> str:
    text = str(value)
    return text if _WORD.fullmatch(text) else _quote(text)


@lru_cache(4)
def _date(second: str) -> str:
    """Return `25/Nov/2026:09:30:00 +0000` of `2026-11-25T09:30:00`."""
    year, month, day, time = second[:4], int(second[5:7]), second[8:10], second[11:19]
    return f"{day}/{_MONTHS[month - 1]}/{year}:{time} +0000"
