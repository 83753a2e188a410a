"""What running an action (or a whole phase) may answer: a closed set. None means "go on".

The runtime carries an outcome out; it never decides one. Sources: spec/actions.md §2,
spec/policy-language.md §6.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from policyc.engine.traffic import Exchange


@dataclass(slots=True)
class Respond:
    """Answer the client with this.

    `headers` are (name, value) in order, without content-length, which the runtime computes. `final` is true
    for refusals and errors: then `on_http_response` of the endpoint does not run. `code` is the ERR_NGROK
    number for the header `ngrok-error-code`, None for none. `reason` is a stable name for logs and metrics.
    `message` is that of a refusal with a code: the runtime writes it in the form that the client prefers,
    `headers` and `body` are its plain form. A refusal in `on_tcp_connect` is a `Close`.
    """

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    final: bool = False
    code: int | None = None
    reason: str = ""
    message: str = ""


@dataclass(slots=True)
class Forward:
    """Hand the traffic to an internal endpoint.

    `url` is the target as evaluated; the runtime parses it with `engine.endpoint_url` and looks it up among
    the internal endpoints of the account. If that fails and `resume` is set (`on_error: continue`), the
    runtime calls `resume(exchange, failure)`, which sets the result variables and runs what follows in the
    phase.
    """

    url: str
    resume: Callable[[Exchange, Fail], Outcome | None] | None = None


@dataclass(slots=True)
class Close:
    """Drop the client's connection without an answer; `refused` if a policy refused the client."""

    reason: str = "close-connection"
    code: int | None = None


@dataclass(slots=True)
class Fail:
    """Something broke: an error answer over HTTP, a closed connection over tcp and tls.

    `code` is an ERR_NGROK number (2254: a condition failed), `message` goes to the client and must hold
    nothing secret, `detail` goes to the log only.
    """

    code: int
    message: str
    status: int = 500
    detail: str = ""


Outcome = Respond | Forward | Close | Fail
