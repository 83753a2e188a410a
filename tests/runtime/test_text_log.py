from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest

from policyc.runtime.observe import Record
from policyc.runtime.text_log import TextLog, text_line

USUAL: Record = {
    "ts": "2026-11-25T09:30:00.120Z",
    "client": "192.0.2.1",
    "method": "GET",
    "host": "shop.example.com",
    "path": "/a",
    "status": 200,
    "bytes": 512,
    "duration_ms": 1.234,
    "endpoints": ["https://shop.example.com", "https://api.internal"],
    "rules": ["api", 'per "client"'],
    "upstream": "http://127.0.0.1:9001",
}
COMMON = re.compile(
    r'(\S+) - - \[(\d\d/[A-Z][a-z]{2}/\d{4}(?::\d\d){3} \+0000)\] "((?:[^"\\]|\\.)*)" (\d{3}|-) (\d+|-)( .*)?'
)


def line(**more: Any) -> str:
    record: Any = {name: value for name, value in {**USUAL, **more}.items() if value is not None}
    return text_line(record)


def test_line_begins_as_those_of_web_servers_and_has_all_of_the_record() -> None:
    assert line() == (
        '192.0.2.1 - - [25/Nov/2026:09:30:00 +0000] "GET /a HTTP/1.1" 200 512 host=shop.example.com ms=1.234 '
        'endpoints=https://shop.example.com>https://api.internal rules=api,"per \\"client\\"" '
        "upstream=http://127.0.0.1:9001\n"
    )


def test_refusal_has_its_reason_and_dashes_for_what_is_not_known() -> None:
    assert text_line({"ts": USUAL["ts"], "client": "2001:db8::1", "status": 400, "reason": "bad_host"}) == (
        '2001:db8::1 - - [25/Nov/2026:09:30:00 +0000] "-" 400 - reason=bad_host\n'
    )
    cut = line(status=0, reason="client_gone", upstream="", rules=[])
    assert '"GET /a HTTP/1.1" - 512 ' in cut
    assert "rules=" not in cut
    assert "upstream=" not in cut


def test_connection_that_is_no_request() -> None:
    record: Record = {
        "ts": USUAL["ts"], "client": "192.0.2.1", "protocol": "tls", "sni": "a.example.com",
        "bytes_in": 10, "bytes_out": 20, "duration_ms": 3.0, "endpoints": ["tls://a.example.com"],
    }  # fmt: skip
    assert text_line(record) == (
        '192.0.2.1 - - [25/Nov/2026:09:30:00 +0000] "-" - - protocol=tls sni=a.example.com bytes_in=10 '
        "bytes_out=20 ms=3.0 endpoints=tls://a.example.com\n"
    )


@pytest.mark.parametrize(
    "text", ['a"b', "a b", "a\nb", "a\\b", "\udc80", "é", "a,b", "a>b", "\x7f", "\x1b[31m", "reason=x y"]
)
def test_what_a_client_sends_stays_in_its_place(text: str) -> None:
    said = line(path=f"/{text}", host=text, rules=[text], upstream=text)
    assert said.isascii()
    assert said.endswith("\n")
    assert said[:-1].isprintable()
    match = COMMON.fullmatch(said[:-1])
    assert match is not None
    assert json.loads(f'"{match[3]}"') == f"GET /{text} HTTP/1.1"
    values = re.findall(r' ([a-z_]+)=((?:"(?:[^"\\]|\\.)*"|[^\s"]+)+)', match[6])
    assert [name for name, _ in values] == ["host", "ms", "endpoints", "rules", "upstream"]
    assert json.loads(dict(values)["host"]) == text


def test_version_and_logs() -> None:
    said = line(version="HTTP/2.0", logs=[{"user": 'a "b"', "raw": b"\xff"}], trace="00-ab")
    assert '"GET /a HTTP/2.0"' in said
    match = re.search(r' logs=("(?:[^"\\]|\\.)*") trace=00-ab\n$', said)
    assert match is not None
    assert json.loads(json.loads(match[1])) == [{"user": 'a "b"', "raw": "\ufffd"}]


def test_the_short_way_of_a_usual_request_says_the_same() -> None:
    stream = io.StringIO()
    log = TextLog(stream)
    log.add({**USUAL, "rules": []})
    passed = ("https://shop.example.com", "https://api.internal")
    frame = log.frame("192.0.2.1", "shop.example.com", log.closing(passed, (), "http://127.0.0.1:9001"))
    log.add_framed(frame, 1795599000.12, "GET", "/a", 200, 512, 1.234)
    frame = log.frame("192.0.2.1", 'a"b', log.closing(("u",), ("r s", "t"), ""))
    log.add_framed(frame, 1795599001.0, "GET", '/a"b', 200, 1, 2.0)
    log.flush()
    first, second, third = stream.getvalue().splitlines()
    assert sorted(first.split(" ")) == sorted(second.split(" "))
    assert third == (
        '192.0.2.1 - - [25/Nov/2026:09:30:01 +0000] "GET /a\\"b HTTP/1.1" 200 1 host="a\\"b" ms=2.000 '
        'endpoints=u rules="r s",t'
    )


def test_many_lines_are_written_at_once() -> None:
    stream = io.StringIO()
    log = TextLog(stream)
    for _ in range(TextLog.BATCH):
        assert stream.getvalue() == ""
        log.add(USUAL)
    assert stream.getvalue().count("\n") == TextLog.BATCH
