"""The admin listener on loopback."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable
from typing import cast

import pytest
from tests.e2e.world import endpoint, run, world

from policyc.runtime.metrics import Samples
from policyc.runtime.protocol.http1 import Limits
from policyc.runtime.transport import admin
from policyc.runtime.transport.admin import AdminListener

pytestmark = pytest.mark.e2e


class Gateway:
    state = "ready"

    async def samples(self) -> Samples:
        raise RuntimeError("it broke")


async def ask(port: int, octets: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(octets)
        return await reader.read(-1)
    finally:
        writer.close()


def listening(scenario: Callable[[int], Awaitable[None]]) -> None:
    async def main() -> None:
        listener = AdminListener(Gateway(), Limits())
        await listener.start("127.0.0.1", 0)
        assert listener.address is not None
        try:
            await scenario(listener.address[1])
        finally:
            listener.close()

    run(main())


def test_answer_is_complete_and_the_connection_closes() -> None:
    async def scenario(port: int) -> None:
        answer = await ask(port, b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert body == b"ready\n"
        answer = await ask(port, b"HEAD /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert answer.endswith(b"\r\n\r\n")

    listening(scenario)


def test_malformed_requests_are_refused_as_everywhere() -> None:
    async def scenario(port: int) -> None:
        assert b" 400 " in (await ask(port, b"GET /readyz HTTP/1.1\r\n\r\n"))[:20]
        assert await ask(port, b"x" * 100_000) in (b"",)

    listening(scenario)


def test_refused_method_is_told_which_ones_there_are() -> None:
    async def scenario(port: int) -> None:
        answer = await ask(port, b"DELETE /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 405 ")
        assert b"\r\nallow: GET, HEAD\r\n" in answer

    listening(scenario)


def test_failure_of_a_page_ends_its_connection_only(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(port: int) -> None:
        assert await ask(port, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n") == b""
        assert b"ready" in await ask(port, b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")

    listening(scenario)
    assert "the admin listener failed" in caplog.text


def test_connection_that_says_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "_PATIENCE_S", 0.05)

    async def scenario(port: int) -> None:
        assert await ask(port, b"GET /readyz") == b""

    listening(scenario)


def test_gateway_shows_its_metrics_and_its_state() -> None:
    async def scenario() -> None:
        async with world() as w:
            up = await w.upstream()
            await w.serve(endpoint("http://a.example.com", to=up.url))
            await w.get("/", "a.example.com")
            await w.get("/", "b.example.com")
            await w.record(2)
            samples = await w.gateway.samples()
            assert samples["policyc_requests_total"] == {
                ("http://a.example.com", "2xx"): 1, ("", "4xx"): 1
            }  # fmt: skip
            assert samples["policyc_refusals_total"] == {("no_endpoint",): 1}
            assert samples["policyc_connections_total"] == {(): 2}
            assert samples["policyc_upstream_connections"] == {(up.url, "open"): 1, (up.url, "idle"): 1}
            assert w.gateway.state == "ready"
            await w.gateway.close(0)
            assert w.gateway.state == "draining"

    run(scenario())


def test_upstream_that_cannot_be_reached_is_counted() -> None:
    async def scenario() -> None:
        async with world() as w:
            up = await w.upstream()
            where = up.url
            await up.close()
            await w.serve(endpoint("http://a.example.com", to=where))
            assert (await w.get("/", "a.example.com")).status == 502
            samples = await w.gateway.samples()
            assert samples["policyc_upstream_connect_failures_total"] == {(where,): 1}
            assert samples["policyc_refusals_total"] == {("upstream_unreachable",): 1}
            assert samples["policyc_upstream_failures_total"] == {(where, "upstream_unreachable"): 1}

    run(scenario())


def test_port_that_another_process_took_in_the_last_moment_is_in_use() -> None:
    class Unheard:
        sockets = (None,)  # what uvloop has then
        is_closed = False

        def close(self) -> None:
            self.is_closed = True

    server = Unheard()
    with pytest.raises(OSError, match=os.strerror(errno.EADDRINUSE)):
        admin.check_listens(cast(asyncio.Server, server))
    assert server.is_closed
