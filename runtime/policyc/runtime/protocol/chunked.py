"""The chunked coding, read by the letter of RFC 9112 §7.1 and nothing beside it.

Extensions are read and dropped; of trailers the lines are kept for whoever wants them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from policyc.runtime.protocol.hopbyhop import Line
from policyc.runtime.protocol.refusal import Refused

# No space around the size: an upstream may read it otherwise. Quoted strings are closed.
_PLAIN = rb"[^\x00-\x08\x0a-\x1f\x7f\";]"
_QUOTED = rb"\"[^\x00-\x08\x0a-\x1f\x7f\"]*\""
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})((?:;%b+(?:%b)?)*)" % (_PLAIN, _QUOTED))
_LINE_LIMIT = 4096


class ChunkedReader:
    """Reads one chunked body; `done` says that it ended, `rest` then holds what follows it."""

    __slots__ = (
        "_buffer",
        "_extensions",
        "_extensions_limit",
        "_left",
        "_state",
        "_trailer_limit",
        "_trailer_size",
        "done",
        "trailers",
    )

    def __init__(self, extensions_limit: int, trailer_limit: int) -> None:
        """Take the limits in octets: of all extensions together, and of the trailer section."""
        self._buffer = b""
        self._state = "size"
        self._left = 0
        self._extensions = 0
        self._extensions_limit = extensions_limit
        self._trailer_limit = trailer_limit
        self._trailer_size = 0
        self.trailers: list[bytes] = []
        self.done = False

    def feed(self, octets: bytes) -> tuple[list[bytes], int]:
        """Return the pieces of content in `octets`, and how many of the octets belong to this body.

        Raises Refused.
        """
        data = self._buffer + octets if self._buffer else octets
        held = len(self._buffer)
        self._buffer = b""
        pieces: list[bytes] = []
        at = 0
        while not self.done:
            if self._state == "data":
                piece = data[at : at + self._left]
                if not piece:
                    break
                pieces.append(piece)
                at += len(piece)
                self._left -= len(piece)
                if not self._left:
                    self._state = "end"
                continue
            if self._state == "end":
                end = data[at : at + 2]
                if end != b"\r\n":
                    if end == b"\r" or not end:
                        break
                    raise Refused("bad_chunk")
                at += 2
                self._state = "size"
                continue
            line, following = self._line(data, at)
            if line is None:
                break
            at = following
            if self._state == "size":
                self._begin_chunk(line)
            elif line:
                self._trailer_size += len(line) + 2
                if self._trailer_size > self._trailer_limit:
                    raise Refused("trailers_too_long")
                self.trailers.append(line)
            else:
                self.done = True
        if not self.done:
            self._buffer = data[at:]
            return pieces, len(octets)
        return pieces, at - held

    def _begin_chunk(self, line: bytes) -> None:
        found = _SIZE.fullmatch(line)
        if found is None:
            raise Refused("bad_chunk")
        size = int(found[1], 16)
        if size >> 63:
            raise Refused("bad_chunk")
        self._extensions += len(found[2])
        if self._extensions > self._extensions_limit:
            raise Refused("chunk_extensions_too_long")
        self._left = size
        self._state = "data" if size else "trailers"

    def _line(self, data: bytes, at: int) -> tuple[bytes | None, int]:
        end = data.find(b"\n", at)
        limit = _LINE_LIMIT if self._state == "size" else self._trailer_limit
        if end < 0:
            if len(data) - at > limit:
                raise Refused("bad_chunk" if self._state == "size" else "trailers_too_long")
            # The longest thing that may still become a line; a stray CR can be refused at once.
            if b"\r" in data[at:-1]:
                raise Refused("bad_chunk")
            return None, at
        line = data[at:end]
        if not line.endswith(b"\r") or b"\r" in line[:-1] or b"\0" in line:
            raise Refused("bad_chunk")
        if len(line) > limit:
            raise Refused("chunk_extensions_too_long" if self._state == "size" else "trailers_too_long")
        return line[:-1], end + 1


def chunk(data: bytes) -> bytes:
    """Return `data` (not empty) as one chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"


def last_chunk(trailers: Sequence[Line]) -> bytes:
    """Return the end of a chunked body with these trailers, which are well formed (trailers.py)."""
    return b"0\r\n%b\r\n" % b"".join([b"%b: %b\r\n" % line for line in trailers])
