"""The admin listener: one request per connection, few at a time, each read within seconds."""

from __future__ import annotations

import asyncio
import errno
import logging
import os

from policyc.runtime.admin import Overseen, Page, answer
from policyc.runtime.protocol.http1 import Framing, Limits, RequestHead, RequestReader, response_octets
from policyc.runtime.protocol.refusal import Refused

_log = logging.getLogger(__name__)

_PATIENCE_S = 5.0
_AT_ONCE = 32
_HEAD_LIMIT_BYTES = 16 * 1024


def check_listens(server: asyncio.Server) -> None:
    """Raise OSError where a server that was just made does not listen; it is closed then.

    uvloop does not say when another process has begun to listen between its own bind and listen: the server
    has no socket then.
    """
    if any(each is None for each in server.sockets):
        server.close()
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


class AdminListener:
    """Answers /healthz, /readyz and /metrics for `overseen`."""

    def __init__(self, overseen: Overseen, limits: Limits) -> None:
        """Nothing listens before `start`."""
        self._overseen = overseen
        self._limits = limits
        self._server: asyncio.Server | None = None
        self._is_loopback = True
        self._open = 0

    async def start(self, host: str, port: int) -> None:
        """Listen. Raises OSError."""
        server = await asyncio.start_server(self._serve, host, port, limit=_HEAD_LIMIT_BYTES)
        check_listens(server)
        self._server = server
        self._is_loopback = host == "localhost" or host.startswith("127.") or host == "::1"

    @property
    def address(self) -> tuple[str, int] | None:
        """Where it listens."""
        if self._server is None or not self._server.sockets:
            return None
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._open >= _AT_ONCE:
            writer.transport.abort()
            return
        self._open += 1
        try:
            async with asyncio.timeout(_PATIENCE_S):
                head = self._parse(await reader.readuntil(b"\r\n\r\n"))
                page = await answer(head, self._overseen, is_loopback=self._is_loopback)
                writer.write(_octets(page, bodiless=head.method == "HEAD"))
                await writer.drain()
        except Refused as refused:
            writer.write(_octets(Page(refused.status, f"{refused.message}\n")))
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            _log.debug("an admin connection ended early")
        except Exception:
            _log.exception("the admin listener failed")
        finally:
            self._open -= 1
            writer.close()

    def _parse(self, octets: bytes) -> RequestHead:
        reader = RequestReader(self._limits)
        reader.feed(octets)
        head = reader.next()
        if not isinstance(head, RequestHead):
            raise Refused("malformed")
        return head


def _octets(page: Page, bodiless: bool = False) -> bytes:
    body = page.body.encode()
    lines = [
        (b"content-type", page.kind.encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    if page.status == 405:
        lines.append((b"allow", b"GET, HEAD"))  # RFC 9110 §15.5.6
    head = response_octets(page.status, lines, Framing.LENGTH, len(body), keep_alive=False)
    return head if bodiless else head + body
