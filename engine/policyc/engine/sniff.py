"""The media type of a body that came without one (spec/actions.md#custom-response)."""

from __future__ import annotations

JSON = "application/json"
HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"


def media_type(body: str) -> str:
    """Return the content-type of a text: JSON objects and arrays, HTML by its first tag, else plain text."""
    start = body.lstrip()
    if start[:1] in ("{", "["):
        import json

        try:
            json.loads(body)
        except ValueError:
            return TEXT
        except RecursionError:
            return TEXT
        return JSON
    head = start[:14].lower()
    return HTML if head.startswith(("<!doctype html", "<html")) else TEXT
