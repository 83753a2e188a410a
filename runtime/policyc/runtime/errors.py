"""Answers that the gateway makes when something was refused or broke: one place, three forms by Accept.

Source: spec/policy-language.md §6.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, NamedTuple

from policyc.engine.outcome import Fail

Line = tuple[bytes, bytes]

# Stable names of failures, for logs and metrics; a code that is not here is a policy's.
REASONS: Final[Mapping[int, str]] = {
    2300: "internal_error",
    3004: "bad_response",
    3005: "upstream_failed",
    3006: "upstream_refused",
    3008: "upstream_timeout",
    3200: "no_endpoint",
    3501: "hop_limit",
    6029: "not_terminated",
    6030: "not_pooled",
    8012: "upstream_unreachable",
}


class Answer(NamedTuple):
    """A complete response of the gateway's own."""

    status: int
    lines: list[Line]
    body: bytes


def reason_of(failure: Fail) -> str:
    """Return the stable name of a failure."""
    return failure.reason or REASONS.get(failure.code, "policy_error")


def error_answer(status: int, message: str, code: int | None, accept: str) -> Answer:
    """Return the error answer in the form that `accept` (the value of Accept, may be empty) prefers."""
    shown = f"{message} (ERR_NGROK_{code})" if code is not None else message
    kind = _preferred(accept)
    if kind == "application/json":
        import json

        known = {"error_code": f"ERR_NGROK_{code}" if code is not None else "", "status_code": status}
        body = json.dumps({**known, "msg": message, "details": {}}).encode()
    elif kind == "text/html":
        body = _page(status, shown)
    else:
        body = shown.encode() + b"\n"
    lines = [
        (b"content-type", kind.encode() + (b"" if kind == "application/json" else b"; charset=utf-8")),
        (b"cache-control", b"no-store"),
    ]
    if code is not None:
        lines.append((b"ngrok-error-code", b"ERR_NGROK_%d" % code))
    return Answer(status, lines, body)


def _page(status: int, shown: str) -> bytes:
    import html

    try:
        title = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        title = str(status)
    page = (
        f"<!doctype html>\n<html><head><title>{title}</title></head>"
        f"<body><h1>{title}</h1><p>{html.escape(shown)}</p></body></html>\n"
    )
    return page.encode()


def _preferred(accept: str) -> str:
    """Return the media type for an error: text/plain unless HTML or JSON is preferred."""
    best, best_quality = "text/plain", 0.0
    if not accept:
        return best
    wanted: dict[str, float] = {}
    for part in accept.split(","):
        media, *parameters = [each.strip().lower() for each in part.split(";")]
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    quality = float(parameter[2:])
                except ValueError:
                    quality = 0.0
        wanted[media] = max(quality, wanted.get(media, 0.0))
    for kind in ("text/plain", "text/html", "application/json"):
        family = kind.partition("/")[0] + "/*"
        quality = wanted.get(kind, wanted.get(family, wanted.get("*/*", 0.0)))
        if quality > best_quality:
            best, best_quality = kind, quality
    return best
