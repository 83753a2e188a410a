"""A client that reads responses by the letter of RFC 9112, and calls out everything that could be read in two
ways: what reaches it is what the gateway let through."""

from __future__ import annotations

import re
from asyncio import IncompleteReadError, LimitOverrunError, StreamReader
from dataclasses import dataclass, field

_STATUS_LINE = re.compile(r"HTTP/1\.1 ([1-5][0-9][0-9]) [\t\x20-\x7e\x80-\xff]*")
_FIELD = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*")
_SIZE = re.compile(r"[0-9A-Fa-f]{1,15}")
# What concerns one connection, and what only the gateway may say.
_FOREIGN = frozenset({"keep-alive", "proxy-authenticate", "proxy-connection", "te", "trailer", "upgrade"})


class Unclear(Exception):  # noqa: N818  # a verdict
    """The gateway sent something that two readers may read differently."""


class Cut(Exception):  # noqa: N818  # a verdict
    """The stream ended within a response; `reply` is what there was of it."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        super().__init__(f"cut after {len(reply.body)} octets of the body")


@dataclass
class Reply:
    """A response, with the interim ones before it."""

    status: int = 0
    fields: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)
    interim: list[int] = field(default_factory=list)

    def get(self, name: str) -> list[str]:
        return [value for known, value in self.fields if known == name]

    @property
    def closes(self) -> bool:
        """Whether no other response will follow on the connection."""
        return "close" in self.get("connection")


class StrictClient:
    """Reads the responses of one connection, in order."""

    def __init__(self, reader: StreamReader) -> None:
        self._reader = reader

    async def reply(self, method: str = "GET") -> Reply:
        """Return the next response; raises Unclear or Cut."""
        reply = Reply()
        try:
            await self._read(reply, method)
        except (IncompleteReadError, ConnectionError):
            raise Cut(reply) from None
        except LimitOverrunError:
            raise Unclear("a line without end") from None
        return reply

    async def is_at_end(self) -> bool:
        """Whether the gateway says nothing more before it closes."""
        try:
            return await self._reader.read(1) == b""
        except ConnectionError:
            return True

    async def _read(self, reply: Reply, method: str) -> None:
        while True:
            status, fields = await self._head()
            if status >= 200:
                break
            if status == 101 or any(name in ("content-length", "transfer-encoding") for name, _ in fields):
                raise Unclear(f"an interim response {status} with {fields}")
            reply.interim.append(status)
        reply.status, reply.fields = status, fields
        strangers = _FOREIGN & {name for name, _ in fields}
        if strangers:
            raise Unclear(f"hop-by-hop fields: {strangers}")
        lengths, codings = reply.get("content-length"), reply.get("transfer-encoding")
        if len(lengths) + len(codings) > 1:
            raise Unclear(f"framed twice: {lengths} {codings}")
        if codings and codings != ["chunked"]:
            raise Unclear(f"transfer coding {codings}")
        if lengths and not re.fullmatch("0|[1-9][0-9]{0,17}", lengths[0]):
            raise Unclear(f"length {lengths[0]!r}")
        if method == "HEAD" or status in (204, 304):
            if status == 204 and (lengths or codings):
                raise Unclear("a 204 that is framed")
        elif codings:
            await self._chunks(reply)
        elif lengths:
            await self._octets(reply, int(lengths[0]))
        else:
            raise Unclear("an answer to HTTP/1.1 whose end is that of the connection")

    async def _head(self) -> tuple[int, list[tuple[str, str]]]:
        found = _STATUS_LINE.fullmatch(line := await self._line())
        if found is None:
            raise Unclear(f"status line {line!r}")
        fields = []
        while line := await self._line():
            fields.append(_field(line))
        return int(found[1]), fields

    async def _line(self) -> str:
        octets = await self._reader.readuntil(b"\n")
        if not octets.endswith(b"\r\n") or b"\r" in octets[:-2] or b"\0" in octets:
            raise Unclear(f"line {octets!r}")
        return octets[:-2].decode("latin-1")

    async def _octets(self, reply: Reply, count: int) -> None:
        while count:
            piece = await self._reader.read(min(count, 1 << 16))
            if not piece:
                raise IncompleteReadError(b"", count)
            reply.body += piece
            count -= len(piece)

    async def _chunks(self, reply: Reply) -> None:
        while True:
            line = await self._line()
            if _SIZE.fullmatch(line) is None:
                raise Unclear(f"chunk size {line!r}")
            size = int(line, 16)
            if not size:
                break
            await self._octets(reply, size)
            if await self._reader.readexactly(2) != b"\r\n":
                raise Unclear("chunk without an end")
        while line := await self._line():
            reply.trailers.append(_field(line))


def _field(line: str) -> tuple[str, str]:
    found = _FIELD.fullmatch(line)
    if found is None:
        raise Unclear(f"field line {line!r}")
    return found[1].lower(), found[2]
