"""Error answers: three forms, chosen by Accept."""

from __future__ import annotations

import json

import pytest

from policyc.engine.outcome import Fail
from policyc.runtime.errors import error_answer, reason_of


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "text/plain"),
        ("*/*", "text/plain"),
        ("image/png", "text/plain"),
        ("text/html", "text/html"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("application/json", "application/json"),
        ("application/json, text/plain;q=0.5", "application/json"),
        ("text/plain, text/html", "text/plain"),
        ("application/*;q=0.9, text/*;q=0.1", "application/json"),
        ("text/html;q=0", "text/plain"),
        ("text/html;q=x", "text/plain"),
        (",;,", "text/plain"),
    ],
)
def test_form_follows_accept(accept: str, kind: str) -> None:
    answer = error_answer(502, "it broke", 3004, accept)
    assert dict(answer.lines)[b"content-type"].decode().partition(";")[0] == kind


def test_code_stands_in_header_and_text() -> None:
    answer = error_answer(500, "no", 2254, "")
    assert answer.body == b"no (ERR_NGROK_2254)\n"
    assert (b"ngrok-error-code", b"ERR_NGROK_2254") in answer.lines
    assert (b"cache-control", b"no-store") in answer.lines


def test_without_a_code_there_is_none() -> None:
    answer = error_answer(400, "bad", None, "")
    assert answer.body == b"bad\n"
    assert b"ngrok-error-code" not in dict(answer.lines)


def test_page_escapes_what_it_shows() -> None:
    assert b"<script>" not in error_answer(404, "<script>", 3200, "text/html").body


def test_json_has_the_documented_fields() -> None:
    known = json.loads(error_answer(404, "gone", 3200, "application/json").body)
    assert known == {"error_code": "ERR_NGROK_3200", "status_code": 404, "msg": "gone", "details": {}}


def test_failures_have_names() -> None:
    assert reason_of(Fail(3200, "")) == "no_endpoint"
    assert reason_of(Fail(2254, "")) == "policy_error"
