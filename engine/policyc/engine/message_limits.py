"""How large a message can be when a policy sees it: what the static bounds of expressions come from.

The figures are the defaults of spec/endpoints.md §8.4. The gateway refuses larger messages, so a gateway
whose limits are set higher must say so when it compiles (`Options.message_limits`).
"""

from __future__ import annotations

from typing import NamedTuple


class MessageLimits(NamedTuple):
    """The limits of a head, in octets; `fields` counts its field lines."""

    head: int = 64 * 1024
    target: int = 16 * 1024
    fields: int = 100
    line: int = 16 * 1024


DEFAULTS = MessageLimits()
