"""Trailers: which of them may travel on.

A recipient may take a trailer for a field of the head, whatever the rules say, so nothing passes here that
would mean something there: how the message is framed, where it goes, who sent it, how it is to be read
(RFC 9110 §6.5.1). What is left is passed on as trailers, never as fields.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from policyc.runtime.forwarded import is_told_by_us
from policyc.runtime.protocol.hopbyhop import HOP_BY_HOP, Line
from policyc.runtime.trace import NAMES as TRACE

# Framing, routing, modifiers, authentication, control of responses, and how the content is to be read.
_FORBIDDEN: Final = (
    HOP_BY_HOP
    | TRACE
    | frozenset(
        b"accept-ranges age authentication-info authorization cache-control clear-site-data content-encoding "
        b"content-length content-location content-range content-security-policy content-type cookie cookie2 "
        b"date expect expires from host if-match if-modified-since if-none-match if-range "
        b"if-unmodified-since last-modified location max-forwards origin pragma proxy-authentication-info "
        b"range refresh retry-after set-cookie set-cookie2 strict-transport-security vary via warning "
        b"www-authenticate".split()
    )
)


def allowed(lines: Iterable[Line]) -> list[Line]:
    """Return the trailers that may travel on, with names in lower case."""
    named = [(name.lower(), value) for name, value in lines]
    return [line for line in named if line[0] not in _FORBIDDEN and not is_told_by_us(line[0])]
