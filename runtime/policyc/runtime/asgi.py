"""ASGI applications in this process as origins of endpoints: HTTP scope, streaming both ways, lifespan.

WebSocket is in asgi_websocket.py, which needs the extra `websocket`.

An application runs in one task per request. What it raises before its response is a failed upstream (502);
after that the client's connection is cut, as for any upstream that breaks off.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from policyc.engine.outcome import Fail
from policyc.engine.traffic import Headers
from policyc.runtime.origin import Call, Listener, Outgoing
from policyc.runtime.protocol.hopbyhop import HOP_BY_HOP, Line
from policyc.runtime.protocol.http1 import Framing
from policyc.runtime.protocol.trailers import allowed
from policyc.runtime.protocol.upgrades import WEBSOCKET
from policyc.runtime.settings import Settings

if TYPE_CHECKING:
    from policyc.runtime.transport.relay import Side

_log = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

# By Outgoing.minor.
_HTTP_VERSIONS: Final = ("1.0", "1.1", "2")
_VERSIONS: Final = {"version": "3.0", "spec_version": "2.4"}


class Lifespan:
    """Starts and stops an application as the ASGI lifespan protocol has it: once, wherever it is served."""

    def __init__(self, app: AsgiApp) -> None:
        """Nothing runs before `start`."""
        self._app = app
        self._starting: asyncio.Task[None] | None = None
        self._events: asyncio.Queue[Message] = asyncio.Queue()
        self._answered: asyncio.Future[str] | None = None
        self._task: asyncio.Task[None] | None = None
        self.state: dict[str, Any] = {}

    def start(self) -> None:
        """Begin, in a task. A second call does nothing."""
        if self._starting is None:
            self._starting = asyncio.get_running_loop().create_task(self.startup())

    async def ready(self) -> None:
        """Return when the application has started. Raises RuntimeError if it failed to."""
        self.start()
        assert self._starting is not None
        await asyncio.shield(self._starting)

    async def stop(self) -> None:
        """End it, if it began."""
        if self._starting is not None:
            await asyncio.gather(self._starting, return_exceptions=True)
            await self.shutdown()

    async def startup(self) -> None:
        """Return when the application is ready. Raises RuntimeError if it says that it failed."""
        self._answered = asyncio.get_running_loop().create_future()
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._events.put_nowait({"type": "lifespan.startup"})
        answer = await self._answered
        if answer:
            raise RuntimeError(answer)

    async def shutdown(self) -> None:
        """Return when the application has stopped."""
        task = self._task
        if task is None or task.done():
            return
        self._answered = asyncio.get_running_loop().create_future()
        self._events.put_nowait({"type": "lifespan.shutdown"})
        waiting: set[asyncio.Future[Any]] = {task, self._answered}
        await asyncio.wait(waiting, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            await self._app(
                {"type": "lifespan", "asgi": _VERSIONS, "state": self.state}, self._receive, self._send
            )
        except Exception:
            # An application that knows no lifespan raises; that is no fault (ASGI lifespan specification).
            _log.debug("an application does not support lifespan", exc_info=True)
        finally:
            self._answer("")

    async def _receive(self) -> Message:
        return await self._events.get()

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if kind.endswith(".failed"):
            self._answer(str(message.get("message") or "the application failed to start"))
        elif kind.endswith(".complete"):
            self._answer("")

    def _answer(self, text: str) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(text)


class AsgiOrigin:
    """An application as an upstream: `origin.Origin`."""

    __slots__ = ("_calls", "app", "lifespan", "name", "settings")

    def __init__(self, app: AsgiApp, name: str, settings: Settings, lifespan: Lifespan | None = None) -> None:
        """`name` is what logs show; `lifespan` is the application's, where it is served elsewhere too."""
        self.app = app
        self.name = name
        self.settings = settings
        self.lifespan = lifespan or Lifespan(app)
        self._calls: set[asyncio.Task[None]] = set()

    async def ready(self) -> None:
        """Return when the application has started. Raises RuntimeError if it failed to."""
        await self.lifespan.ready()

    async def stop(self) -> None:
        """End the calls that are left."""
        for task in list(self._calls):
            task.cancel()
        if self._calls:
            await asyncio.gather(*self._calls, return_exceptions=True)

    @property
    def state(self) -> dict[str, Any]:
        """What the application put into the lifespan's state."""
        return self.lifespan.state

    def begin(self, request: Outgoing, listener: Listener) -> Call:
        """Run the application on a request."""
        is_socket = request.upgrade.lower() == WEBSOCKET
        call = _socket(self, request, listener) if is_socket else AsgiCall(self, request, listener)
        task = call.task = asyncio.get_running_loop().create_task(call.run())
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        return call


def _socket(origin: AsgiOrigin, request: Outgoing, listener: Listener) -> AsgiCall:
    try:
        from policyc.runtime.asgi_websocket import SocketCall
    except ImportError:
        return _NoSocket(origin, request, listener)
    return SocketCall(origin, request, listener)


class AsgiCall:
    """One run of an application: `origin.Call`."""

    def __init__(self, origin: AsgiOrigin, request: Outgoing, listener: Listener) -> None:
        """Begin with an empty queue of body pieces."""
        self._origin = origin
        self._request = request
        self._listener: Listener | None = listener
        self._pieces: list[bytes] = []
        self._held = 0
        self._holding = False
        self._ended = request.framing is Framing.NONE or (
            request.framing is Framing.LENGTH and not request.length
        )
        self._told_end = False
        self._news = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._head: tuple[int, list[tuple[bytes, bytes]]] | None = None
        self._head_sent = False
        self._left = -1
        self._done = False
        self._asked = False
        self._awaits_trailers = False
        self._trailers: list[Line] = []
        self.task: asyncio.Task[None] | None = None

    # --- origin.Call ----------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Hold a piece of the body for the application."""
        self._pieces.append(data)
        self._held += len(data)
        self._news.set()
        if (
            self._held > self._origin.settings.buffer_bytes
            and not self._holding
            and self._listener is not None
        ):
            self._holding = True
            self._listener.pause_body()

    def end(self, trailers: Sequence[Line] = ()) -> None:
        """The body is complete; an application hears of no trailers (ASGI has none for requests)."""
        self._ended = True
        self._news.set()

    def tunnel(self) -> Side:
        """Never asked for: HTTP goes on as HTTP."""
        raise AssertionError("there is no tunnel to an application that serves HTTP")

    def abort(self) -> None:
        """The client is gone: the application hears `http.disconnect`; later it is cancelled."""
        self._listener = None
        self._news.set()
        self._writable.set()
        if self.task is not None and not self._done:
            loop = asyncio.get_running_loop()
            loop.call_later(self._origin.settings.write_timeout_s, self.task.cancel)

    def pause(self) -> None:
        """Let `send` wait."""
        self._writable.clear()

    def resume(self) -> None:
        """Let `send` go on."""
        self._writable.set()

    # --- the application ------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Run the application and tell how it went."""
        origin = self._origin
        try:
            await origin.ready()
            await self._serve()
        except asyncio.CancelledError:
            self._fail(Fail(3004, "the application was stopped", status=502))
            raise
        except Exception as error:
            if self._listener is None:
                return
            _log.exception("an application failed: %s", origin.name)
            self._fail(Fail(3004, "the application failed", status=502, detail=repr(error)))
        else:
            self._fail(Fail(3004, "the application ended without a complete response", status=502))
        finally:
            self._done = True

    async def _serve(self) -> None:
        scope = self._scope()
        if self._request.accepts_trailers:
            scope["extensions"] = {"http.response.trailers": {}}
        await self._origin.app(scope, self._receive, self._send)

    def _fail(self, failure: Fail) -> None:
        """Tell of a failure; after a complete response there is nobody to tell."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.on_failure(failure)

    def _scope(self) -> dict[str, Any]:
        from urllib.parse import unquote_to_bytes

        request = self._request
        path, _, query = request.target.partition("?")
        conn = request.conn
        return {
            "type": "http",
            "asgi": _VERSIONS,
            "http_version": _HTTP_VERSIONS[request.minor],
            "method": request.method,
            "scheme": request.scheme,
            "path": unquote_to_bytes(path).decode("utf-8", "replace"),
            "raw_path": path.encode("ascii"),
            "query_string": query.encode("ascii"),
            "root_path": "",
            "headers": self._header_lines(),
            "client": (conn.client_ip, conn.client_port),
            "server": (conn.server_ip, conn.server_port),
            "state": dict(self._origin.state),
        }

    def _header_lines(self) -> list[tuple[bytes, bytes]]:
        lines = [
            (name.lower(), value)
            for name, value in self._request.headers.lines
            if name.lower() != b"content-length"
        ]
        if self._request.framing is Framing.LENGTH:
            lines.append((b"content-length", b"%d" % self._request.length))
        elif self._request.framing is Framing.CHUNKED and self._request.minor < 2:
            lines.append((b"transfer-encoding", b"chunked"))
        return lines

    async def _receive(self) -> Message:
        if not self._asked:
            self._asked = True
            if self._listener is not None:
                self._listener.on_ready()
        while True:
            if self._listener is None:
                return {"type": "http.disconnect"}
            if self._pieces:
                body = b"".join(self._pieces)
                self._pieces.clear()
                self._held = 0
                if self._holding:
                    self._holding = False
                    self._listener.resume_body()
                more = bool(self._pieces) or not self._ended
                self._told_end = not more
                return {"type": "http.request", "body": body, "more_body": more}
            if self._ended and not self._told_end:
                self._told_end = True
                return {"type": "http.request", "body": b"", "more_body": False}
            self._news.clear()
            await self._news.wait()

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            if self._head is not None:
                raise RuntimeError("the response was started before")
            status = int(message["status"])
            if not 200 <= status <= 599:
                raise RuntimeError(f"{status} is not the status of a response")
            self._head = status, [(bytes(n), bytes(v)) for n, v in message.get("headers", ())]
            self._awaits_trailers = self._request.accepts_trailers and bool(message.get("trailers"))
        elif kind == "http.response.body":
            if self._head is None:
                raise RuntimeError("the response was not started")
            await self._writable.wait()
            self._send_body(bytes(message.get("body", b"")), bool(message.get("more_body", False)))
        elif kind == "http.response.trailers" and self._awaits_trailers and self._head_sent:
            self._trailers += [(bytes(n), bytes(v)) for n, v in message.get("headers", ())]
            if not message.get("more_trailers"):
                self._complete(allowed(self._trailers))
        else:
            raise RuntimeError(f"a message of type {kind!r} is not expected here")

    def _send_body(self, body: bytes, more: bool) -> None:
        listener = self._listener
        if listener is None:
            return  # aborted, or already complete: nobody hears it
        assert self._head is not None
        if not self._head_sent:
            self._head_sent = True
            status, given = self._head
            lines = [line for line in given if line[0].lower() not in HOP_BY_HOP]
            declared = [value for name, value in lines if name.lower() == b"content-length"]
            if declared and (len(declared) > 1 or not declared[0].isdigit()):
                raise RuntimeError("the response has a bad content-length")
            length = int(declared[0]) if declared else (-1 if more or self._awaits_trailers else len(body))
            framing = Framing.LENGTH if length >= 0 else Framing.CHUNKED
            if self._request.method == "HEAD" or status in (204, 304):
                framing = Framing.NONE
                length = int(declared[0]) if declared else -1
            self._left = length if framing is Framing.LENGTH else -1
            listener.on_response(status, Headers(lines), framing, length)
            if self._listener is None:  # the exchange answered otherwise
                return
            if framing is Framing.NONE:
                body = b""
        elif self._request.method == "HEAD" or self._head[0] in (204, 304):
            body = b""
        if self._left >= 0:
            self._left -= len(body)
            if self._left < 0 or (not more and self._left):
                raise RuntimeError("the body does not have the length that was declared")
        if body:
            listener.on_data(body)
        if more or self._awaits_trailers:
            listener.on_flush()
        else:
            self._complete(())

    def _complete(self, trailers: Sequence[Line]) -> None:
        listener, self._listener = self._listener, None
        self._news.set()
        if listener is not None:
            listener.on_end(trailers)


class _NoSocket(AsgiCall):
    """The answer to a handshake where nothing is there to speak WebSocket with."""

    async def run(self) -> None:
        """Fail the call."""
        self._done = True
        message = "WebSocket to applications needs `policyc[websocket]`"
        self._fail(Fail(3004, message, status=501, reason="upgrade_not_served"))
