"""CEL's conformance tests that we do not pass, each with a reason. One that passes fails the run."""

from __future__ import annotations

# (file, section, name) → reason
EXCEPTIONS: dict[tuple[str, str, str], str] = {}
