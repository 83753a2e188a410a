"""Answers to clients that a policy refuses: the same form for every action that refuses.

Over HTTP a final answer with a line of text, over tcp and tls a closed connection (spec/policy-language.md
§6).
"""

from __future__ import annotations

from policyc.engine.outcome import Close, Respond


def refused(status: int, code: int, message: str, reason: str) -> Respond:
    """Return the final answer of a refusal that has an ERR_NGROK number."""
    return Respond(
        status,
        [("content-type", "text/plain; charset=utf-8"), ("cache-control", "no-store")],
        f"{message} (ERR_NGROK_{code})\n".encode(),
        final=True,
        code=code,
        reason=reason,
        message=message,
    )


def closed(reason: str, code: int | None = None) -> Close:
    """Return what a refusal is before there is HTTP."""
    return Close(reason, code)
