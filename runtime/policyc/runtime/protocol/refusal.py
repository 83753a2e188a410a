"""Why a message is not accepted: every decision of the readers has one name, for logs, metrics and docs.

This table is the only place that knows the status of a refusal. Sources: RFC 9112, spec/endpoints.md §8.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

REASONS: Final[Mapping[str, tuple[int, str]]] = {
    "bad_request_line": (400, "the request line is malformed"),
    "bad_version": (505, "only HTTP/1.0 and HTTP/1.1 are spoken here"),
    "bad_method": (400, "the method is malformed"),
    "unknown_method": (501, "the method is not implemented"),
    "connect_refused": (501, "CONNECT is not implemented"),
    "bad_target": (400, "the request target is malformed"),
    "target_too_long": (414, "the request target is too long"),
    "no_host": (400, "the Host field is missing"),
    "two_hosts": (400, "there is more than one Host field"),
    "bad_host": (400, "the Host field is malformed"),
    "bad_field": (400, "a field line is malformed"),
    "obs_fold": (400, "a field line is folded"),
    "bare_newline": (400, "a line ends in something else than CR LF"),
    "nul_octet": (400, "there is a NUL octet in the head"),
    "field_too_long": (431, "a field line is too long"),
    "too_many_fields": (431, "there are too many fields"),
    "head_too_long": (431, "the request head is too long"),
    "cl_and_te": (400, "there are both Content-Length and Transfer-Encoding"),
    "two_content_lengths": (400, "there is more than one Content-Length field"),
    "bad_content_length": (400, "the Content-Length field is malformed"),
    "two_transfer_encodings": (400, "there is more than one Transfer-Encoding field"),
    "bad_transfer_encoding": (400, "the transfer coding is not `chunked`"),
    "te_in_http10": (400, "there is a Transfer-Encoding field in HTTP/1.0"),
    "trace_with_body": (400, "a TRACE request has a body"),
    "bad_expect": (417, "the expectation cannot be met"),
    "bad_chunk": (400, "the chunked body is malformed"),
    "chunk_extensions_too_long": (400, "the chunk extensions are too long"),
    "trailers_too_long": (400, "the trailer section is too long"),
    "bad_pseudo_field": (400, "a pseudo-header field is missing, doubled, unknown or misplaced"),
    "connection_field": (400, "there is a field that HTTP/2 has no use for, as Connection"),
    "malformed": (400, "the message is malformed"),
    "head_timeout": (408, "the request head did not arrive in time"),
    "body_timeout": (408, "the request body arrives too slowly"),
    # What upstreams do wrong; the client is told 502 and nothing more.
    "bad_status_line": (502, "the status line is malformed"),
    "too_many_interim": (502, "there are too many interim responses"),
    "surplus_response": (502, "there are octets that belong to no response"),
    "unexpected_upgrade": (502, "the upstream changes protocols unasked"),
    "cut_off": (502, "the message ends too early"),
}


class Refused(Exception):  # noqa: N818  # an outcome of reading, not a mistake of ours
    """A message that must not be processed; `reason` is a key of REASONS."""

    def __init__(self, reason: str) -> None:
        """Refuse for `reason`."""
        self.reason = reason
        self.status, self.message = REASONS[reason]
        super().__init__(f"{reason}: {self.message}")
