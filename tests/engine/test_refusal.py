"""Refusals."""

from __future__ import annotations

from policyc.engine.outcome import Close
from policyc.engine.refusal import closed, refused


def test_over_http_it_is_a_final_line_of_text_with_its_number() -> None:
    made = refused(403, 3203, "Not allowed", "restrict-ips")
    assert (made.status, made.code, made.final, made.reason) == (403, 3203, True, "restrict-ips")
    assert made.body == b"Not allowed (ERR_NGROK_3203)\n"
    assert ("cache-control", "no-store") in made.headers


def test_elsewhere_it_is_a_closed_connection() -> None:
    assert closed("restrict-ips", 3203) == Close("restrict-ips", 3203)
