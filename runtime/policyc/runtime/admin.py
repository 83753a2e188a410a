"""What the admin listener answers: health, readiness, metrics. No socket; transport/admin.py has it.

| path | 200 | else |
| --- | --- | --- |
| /healthz | the process answers | |
| /readyz | it serves | 503 while it starts or drains |
| /metrics | the samples, in Prometheus' text format | |

A web page must not read this through a name that it points at the loopback address (DNS rebinding): on a
loopback address only an IP address or `localhost` is accepted as Host.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple
from typing import Protocol as Interface

from policyc.runtime.metrics import Samples, exposition
from policyc.runtime.protocol.http1 import RequestHead

_TEXT = "text/plain; charset=utf-8"
_METRICS = "text/plain; version=0.0.4; charset=utf-8"


class Overseen(Interface):
    """What the admin listener shows: a gateway, or the workers of one."""

    @property
    def state(self) -> str:
        """`ready`, or what it does instead: `starting`, `draining`."""

    async def samples(self) -> Samples:
        """Return the metrics of this moment."""


class Page(NamedTuple):
    """An answer."""

    status: int
    body: str
    kind: str = _TEXT


async def answer(head: RequestHead, overseen: Overseen, *, is_loopback: bool) -> Page:
    """Return the answer to a request."""
    if is_loopback and not _is_address(head.host or ""):
        return Page(421, "this Host is not served here: use an IP address or localhost\n")
    if head.method not in ("GET", "HEAD"):
        return Page(405, "only GET and HEAD are answered here\n")
    page = _PAGES.get(head.target.partition("?")[0])
    if page is None:
        return Page(404, "there is /healthz, /readyz and /metrics\n")
    return await page(overseen)


async def _health(overseen: Overseen) -> Page:
    return Page(200, "ok\n")


async def _readiness(overseen: Overseen) -> Page:
    state = overseen.state
    return Page(200 if state == "ready" else 503, f"{state}\n")


async def _metrics(overseen: Overseen) -> Page:
    return Page(200, exposition(await overseen.samples()), _METRICS)


_PAGES: dict[str, Callable[[Overseen], Awaitable[Page]]] = {
    "/healthz": _health,
    "/readyz": _readiness,
    "/metrics": _metrics,
}


def _is_address(host: str) -> bool:
    from ipaddress import ip_address

    if host == "localhost":
        return True
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
