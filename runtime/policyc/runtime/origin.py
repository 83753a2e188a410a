"""Where an endpoint's traffic goes: one interface for upstream servers and for applications in this process.

An exchange calls `Origin.begin` and gets a `Call`; what happens to the call comes back as method calls on the
`Listener`. After `abort`, or after `on_end` or `on_failure`, nothing comes any more. After `on_upgrade` the
call is a tunnel: whoever takes its end with `tunnel` hears the rest, and the listener nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Protocol as Interface

from policyc.engine.outcome import Fail
from policyc.engine.traffic import Connection, Headers
from policyc.runtime.protocol.hopbyhop import Line
from policyc.runtime.protocol.http1 import Framing

if TYPE_CHECKING:
    from policyc.runtime.transport.relay import Side
    from policyc.runtime.transport.splice import Splice


class Outgoing:
    """A request on its way to an origin. `headers` hold no hop-by-hop field; `length` is the body's.

    `upgrade` is the protocol that the client asks to go on in, empty for nearly all requests;
    `accepts_trailers` whether it takes trailers (`TE: trailers`); `expects_continue` whether it holds the
    body back until the origin says that it wants it: `Listener.on_ready`, once.
    """

    upgrade: str = ""
    accepts_trailers: bool = False
    expects_continue: bool = False

    __slots__ = ("conn", "framing", "headers", "length", "method", "minor", "path", "scheme", "target")

    def __init__(
        self,
        method: str,
        target: str,
        scheme: str,
        headers: Headers,
        framing: Framing,
        length: int,
        conn: Connection,
        minor: int,
    ) -> None:
        """Take everything that an origin may need."""
        self.method = method
        self.target = target
        self.scheme = scheme
        self.headers = headers
        self.framing = framing
        self.length = length
        self.conn = conn
        self.minor = minor


class OutgoingAsking(Outgoing):
    """A request with wishes; all others do without the room for them."""

    __slots__ = ("accepts_trailers", "expects_continue", "upgrade")

    def __init__(
        self, request: Outgoing, upgrade: str, accepts_trailers: bool, expects_continue: bool
    ) -> None:
        """Take `request` over."""
        super().__init__(
            request.method, request.target, request.scheme, request.headers, request.framing, request.length,
            request.conn, request.minor,
        )  # fmt: skip
        self.upgrade = upgrade
        self.accepts_trailers = accepts_trailers
        self.expects_continue = expects_continue


class Listener(Interface):
    """Who hears about a call."""

    def on_ready(self) -> None:
        """The origin takes the body: the client may send it."""

    def on_interim(self, status: int, lines: list[Line]) -> None:
        """An interim response came."""

    def on_response(self, status: int, headers: Headers, framing: Framing, length: int) -> None:
        """The head of the response came; `length` is -1 where unknown."""

    def on_data(self, data: bytes | memoryview) -> None:
        """A piece of the body came."""

    def on_end(self, trailers: Sequence[Line] = ()) -> None:
        """The response is complete; `trailers` are those that may travel on (protocol/trailers.py)."""

    def on_splice(self, splice: Splice) -> bool:
        """Much of the body is to come: begin `splice`, or return False to have it come by `on_data`."""
        ...

    def on_upgrade(self, headers: Headers) -> None:
        """The origin goes on in the protocol that the request asked for (101): see `Call.tunnel`."""

    def on_failure(self, failure: Fail) -> None:
        """The call failed: before the head, or (the answer being cut off) after it."""

    def on_flush(self) -> None:
        """What was received so far was delivered; now is the time to write it."""

    def pause_body(self) -> None:
        """The origin takes no more of the request body for now."""

    def resume_body(self) -> None:
        """It takes more again."""


class Call(Interface):
    """A request under way."""

    def write(self, data: bytes) -> None:
        """Send a piece of the request body."""

    def end(self, trailers: Sequence[Line] = ()) -> None:
        """The request body is complete; `trailers` go along where the body is in chunks."""

    def tunnel(self) -> Side:
        """After `on_upgrade`: hand over the origin's end of the tunnel, not to be read before its relay."""
        ...

    def abort(self) -> None:
        """Forget the call; nothing is heard of it any more."""

    def pause(self) -> None:
        """Deliver no more of the response for now."""

    def resume(self) -> None:
        """Deliver again."""


class Origin(Interface):
    """An endpoint's upstream."""

    name: str

    def begin(self, request: Outgoing, listener: Listener) -> Call:
        """Begin a call. Nothing is heard of it before this has returned."""
        ...
