"""What running an action (or a whole phase) may answer: a closed set. None means "go on".

The runtime carries an outcome out; it never decides one. Sources: spec/actions.md §2,
spec/policy-language.md §6.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from policyc.engine.traffic import Exchange


class _Answer:
    """What all outcomes have: they are compared and shown by what they hold."""

    __slots__: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None  # type: ignore[assignment]  # what it holds may change

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"{type(self).__name__}({shown})"


class Respond(_Answer):
    """Answer the client with this.

    `headers` are (name, value) in order, without content-length, which the runtime computes. `final` is true
    for refusals and errors: then `on_http_response` of the endpoint does not run. `code` is the ERR_NGROK
    number for the header `ngrok-error-code`, None for none. `reason` is a stable name for logs and metrics.
    `message` is that of a refusal with a code: the runtime writes it in the form that the client prefers,
    `headers` and `body` are its plain form. A refusal in `on_tcp_connect` is a `Close`.
    """

    __slots__ = ("status", "headers", "body", "final", "code", "reason", "message")  # noqa: RUF023 — as given

    def __init__(
        self,
        status: int,
        headers: list[tuple[str, str]] | None = None,
        body: bytes = b"",
        final: bool = False,
        code: int | None = None,
        reason: str = "",
        message: str = "",
    ) -> None:
        """Answer with `status`."""
        self.status = status
        self.headers: list[tuple[str, str]] = [] if headers is None else headers
        self.body = body
        self.final = final
        self.code = code
        self.reason = reason
        self.message = message


class Forward(_Answer):
    """Hand the traffic to an internal endpoint.

    `url` is the target as evaluated; the runtime parses it with `engine.endpoint_url` and looks it up among
    the internal endpoints of the account. If that fails and `resume` is set (`on_error: continue`), the
    runtime calls `resume(exchange, failure)`, which sets the result variables and runs what follows in the
    phase.
    """

    __slots__ = ("url", "resume")  # noqa: RUF023 — as given

    def __init__(self, url: str, resume: Callable[[Exchange, Fail], Outcome | None] | None = None) -> None:
        """Forward to `url`."""
        self.url = url
        self.resume = resume


class Close(_Answer):
    """Drop the client's connection without an answer; `code` is set if a policy refused the client."""

    __slots__ = ("reason", "code")  # noqa: RUF023 — as given

    def __init__(self, reason: str = "close-connection", code: int | None = None) -> None:
        """Close for a `reason`, a stable name for logs and metrics."""
        self.reason = reason
        self.code = code


class Fail(_Answer):
    """Something broke: an error answer over HTTP, a closed connection over tcp and tls.

    `code` is an ERR_NGROK number (2254: a condition failed), `message` goes to the client and must hold
    nothing secret, `detail` goes to the log only. `reason` is a stable name for logs and metrics where the
    code says too little.
    """

    __slots__ = ("code", "message", "status", "detail", "reason")  # noqa: RUF023 — as given

    def __init__(
        self, code: int, message: str, status: int = 500, detail: str = "", reason: str = ""
    ) -> None:
        """Fail with `code`."""
        self.code = code
        self.message = message
        self.status = status
        self.detail = detail
        self.reason = reason


class TlsTerms(NamedTuple):
    """How a handshake is to be made: spec/actions.md#terminate-tls.

    Versions are `1.2` or `1.3`. `certificate` (with its chain) and `private_key` are PEM, both empty where
    the gateway presents its own. `asks_client`: the client is asked for a certificate that one of the
    `authorities` (PEM) vouches for; `is_required`: it must give one.
    """

    min_version: str = "1.2"
    max_version: str = "1.3"
    certificate: str = ""
    private_key: str = ""
    authorities: tuple[str, ...] = ()
    asks_client: bool = False
    is_required: bool = True


class Terminate(_Answer):
    """Make the TLS handshake of the client's connection.

    Then, with `conn.tls` filled, the runtime calls `resume(exchange)`, which runs what follows in the phase.
    If the handshake fails the connection is over, and nothing of the policy runs any more.
    """

    __slots__ = ("terms", "resume")  # noqa: RUF023 — as given

    def __init__(self, terms: TlsTerms, resume: Callable[[Exchange], Outcome | None]) -> None:
        """Shake hands on `terms`."""
        self.terms = terms
        self.resume = resume


Outcome = Respond | Forward | Close | Fail | Terminate
