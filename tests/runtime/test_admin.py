"""What the admin listener answers, without a socket."""

from __future__ import annotations

import asyncio

import pytest

from policyc.runtime.admin import Page, answer
from policyc.runtime.metrics import Samples
from policyc.runtime.protocol.http1 import Limits, RequestHead, RequestReader


class Gateway:
    def __init__(self, state: str = "ready") -> None:
        self.state = state

    async def samples(self) -> Samples:
        return {"policyc_connections": {(): 7}}


def ask(
    target: str,
    host: str = "127.0.0.1:9901",
    *,
    method: str = "GET",
    state: str = "ready",
    local: bool = True,
) -> Page:
    reader = RequestReader(Limits())
    reader.feed(f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    head = reader.next()
    assert isinstance(head, RequestHead)
    return asyncio.run(answer(head, Gateway(state), is_loopback=local))


@pytest.mark.parametrize(("state", "status"), [("ready", 200), ("starting", 503), ("draining", 503)])
def test_readiness_is_the_state_and_health_is_not(state: str, status: int) -> None:
    assert ask("/readyz", state=state)[:2] == (status, f"{state}\n")
    assert ask("/healthz", state=state).status == 200


def test_metrics_are_prometheus_text() -> None:
    page = ask("/metrics?x=1")
    assert page.kind.startswith("text/plain; version=0.0.4")
    assert "policyc_connections 7\n" in page.body


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9901", "127.0.0.1", "[::1]:9901", "192.0.2.1"])
def test_addresses_and_localhost_are_served(host: str) -> None:
    assert ask("/healthz", host).status == 200


@pytest.mark.parametrize("host", ["evil.example.com", "evil.example.com:9901", "127.0.0.1.evil.example.com"])
def test_name_that_points_here_is_not_served_on_loopback(host: str) -> None:
    assert ask("/metrics", host).status == 421
    assert ask("/metrics", host, local=False).status == 200


def test_other_paths_and_methods_are_refused() -> None:
    assert ask("/").status == 404
    assert ask("/metrics", method="POST").status == 405
    assert ask("/healthz", method="HEAD").status == 200
