"""A worker, asked as its supervisor does. What becomes of several is in test_workers.py."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvloop

from policyc.engine.options import Options
from policyc.grammar.diagnostic import Report
from policyc.grammar.source import Source
from policyc.runtime.cli.compiling import child_command
from policyc.runtime.cli.worker import Worker
from policyc.runtime.program import build_parcel
from policyc.runtime.transport.channel import Channel, Refusal

pytestmark = pytest.mark.e2e

ARGV = ["run", "--access-log", "/dev/null"]


def parcel(word: str) -> tuple[Any, ...]:
    text = f'endpoint "http://a.com" {{ on_http_request {{ custom-response 200 {{ body: "{word}" }} }} }}'
    return tuple(build_parcel([Source("a.policy", text)], Options(for_run=True), Report()))


async def body(port: int) -> str:
    async with httpx.AsyncClient() as client:
        return (await client.get(f"http://127.0.0.1:{port}", headers={"host": "a.com"})).text


def test_a_worker_does_what_it_is_asked_for() -> None:
    async def scenario() -> None:
        ours, its = socket.socketpair()
        working = asyncio.ensure_future(Worker().run(its))
        channel = Channel()
        await channel.connect(ours)
        serving = asyncio.ensure_future(channel.serve())
        with pytest.raises(Refusal, match="has not started"):
            await channel.ask("samples")
        with socket.create_server(("127.0.0.1", 0), reuse_port=True) as kept:
            port = kept.getsockname()[1]
        lines = await channel.ask("start", ARGV, 1, {"http": ("127.0.0.1", port), "https": []}, parcel("one"))
        assert f"listening on http://127.0.0.1:{port}" in lines
        with socket.create_server(("127.0.0.1", port), reuse_port=True):
            pass  # the port can be shared
        assert await body(port) == "one"
        await channel.ask("prepare", parcel("two"))
        assert await body(port) == "one"
        await channel.ask("drop")
        asked = [channel.ask("prepare", parcel("no")), channel.ask("drop")]
        await asyncio.gather(*asked, channel.ask("prepare", parcel("three")))  # nobody waited for the first
        assert "  public    http://a.com (policy only)" in await channel.ask("adopt")
        assert await body(port) == "three"
        while await channel.ask("connections"):
            pass  # until the ends of the three have arrived
        await channel.ask("reopen_log")
        assert (await channel.ask("samples"))["policyc_connections_total"] == {(): 3}
        assert (await channel.ask("close"))["policyc_connections_total"] == {(): 3}
        assert await working == 0
        await serving
        channel.close()

    uvloop.run(asyncio.wait_for(scenario(), 20))


def test_only_sigterm_and_its_supervisor_end_a_worker(tmp_path: Path) -> None:
    async def scenario() -> int | None:
        ours, its = socket.socketpair()
        process = await asyncio.create_subprocess_exec(
            *child_command("policyc.runtime.cli.worker", str(its.fileno())), pass_fds=(its.fileno(),)
        )
        its.close()
        channel = Channel()
        await channel.connect(ours)
        serving = asyncio.ensure_future(channel.serve())
        with pytest.raises(Refusal):  # it listens to us, so it has set up its signals
            await channel.ask("samples")
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
            os.kill(process.pid, number)
        with pytest.raises(Refusal):
            await channel.ask("samples")
        os.kill(process.pid, signal.SIGTERM)
        await serving
        channel.close()
        return await process.wait()

    assert uvloop.run(asyncio.wait_for(scenario(), 20)) == 0
