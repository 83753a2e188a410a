"""W3C Trace Context, only passed on: a valid `traceparent` stays, what is not valid goes.

Source: Trace Context §3.2 (traceparent), §3.3 (tracestate), §4.1 (an intermediary that does not take part).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

Line = tuple[bytes, bytes]

NAMES = frozenset({b"traceparent", b"tracestate"})

# Version ff is none; version 00 ends after the flags, later ones may go on behind a `-`.
_PARENT = re.compile(
    rb"(?:00-(?P<id>[0-9a-f]{32})-(?P<parent>[0-9a-f]{16})-[0-9a-f]{2}"
    rb"|(?!ff|00)[0-9a-f]{2}-(?P<later>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?)"
)
_MEMBER = re.compile(
    rb"(?:[a-z0-9][a-z0-9_\-*/]{0,240}@)?[a-z0-9][a-z0-9_\-*/]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{1,256}"
)
_MEMBERS_LIMIT = 32


def trace_id(lines: Sequence[Line]) -> str:
    """Return the trace that a request belongs to, empty if it names none that is valid."""
    parents = [value.strip(b" \t") for name, value in lines if name.lower() == b"traceparent"]
    found = _PARENT.fullmatch(parents[0]) if len(parents) == 1 else None
    if found is None:
        return ""
    number, parent = found["id"] or found["later"], found["parent"] or found["span"]
    return number.decode() if number.strip(b"0") and parent.strip(b"0") else ""


def passed_on(lines: Sequence[Line]) -> list[Line]:
    """Return which of the fields in NAMES go on: none without a valid `traceparent`."""
    if not trace_id(lines):
        return []
    states = [value for name, value in lines if name.lower() == b"tracestate"]
    members = [each.strip(b" \t") for value in states for each in value.split(b",")]
    members = [each for each in members if each]
    keys = {each.partition(b"=")[0] for each in members}
    are_valid = len(members) <= _MEMBERS_LIMIT and len(keys) == len(members)
    if are_valid and all(map(_MEMBER.fullmatch, members)):
        return list(lines)
    return [line for line in lines if line[0].lower() == b"traceparent"]
