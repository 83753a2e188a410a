from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvloop

from policyc.engine.options import Options
from policyc.grammar.diagnostic import Report
from policyc.grammar.source import Source
from policyc.runtime.cli.arguments import parse
from policyc.runtime.cli.failure import CommandError
from policyc.runtime.cli.one_process import OneProcess
from policyc.runtime.cli.run import loader_of, service_of
from policyc.runtime.parcel import Parcel
from policyc.runtime.program import build_parcel

pytestmark = pytest.mark.e2e


def run(scenario: Coroutine[Any, Any, None]) -> None:
    uvloop.run(asyncio.wait_for(scenario, 15))


def parcel(word: str, host: str = "a.example.com") -> Parcel:
    text = f'endpoint "http://{host}" {{ on_http_request {{ custom-response 200 {{ body: "{word}" }} }} }}'
    return build_parcel([Source("a.policy", text)], Options(for_run=True), Report())


def site_of(first: Parcel, *flags: str) -> OneProcess:
    arguments = parse(["run", "--http", "127.0.0.1:0", "--access-log", "/dev/null", *flags])
    return OneProcess(service_of(arguments, loader_of(arguments), {}), first)


async def body(site: OneProcess) -> str:
    host, port = site.gateway.addresses[0]
    async with httpx.AsyncClient() as client:
        return (await client.get(f"http://{host}:{port}", headers={"host": "a.example.com"})).text


def test_a_change_serves_another_program() -> None:
    async def scenario() -> None:
        site = site_of(parcel("one"))
        assert (site.state, await site.connections(), await site.samples()) == ("starting", 0, {})
        lines = await site.start()
        assert any(line.startswith("listening on http://127.0.0.1:") for line in lines)
        assert (site.state, await body(site)) == ("ready", "one")
        lines = await site.change(parcel("two"))
        assert "  public    http://a.example.com (policy only)" in lines
        assert await body(site) == "two"
        assert (await site.samples())["policyc_connections_total"][()] == 2
        await site.close()

    run(scenario())


def test_what_is_prepared_changes_nothing_until_it_is_adopted() -> None:
    async def scenario() -> None:
        site = site_of(parcel("one"))
        await site.start()
        await site.prepare(parcel("two"))
        assert await body(site) == "one"
        site.drop()
        await site.prepare(parcel("three"))
        site.adopt()
        assert await body(site) == "three"
        await site.close()

    run(scenario())


def test_what_does_not_fit_changes_nothing() -> None:
    async def scenario() -> None:
        bare = build_parcel([Source("a", "on_http_request { deny }")], Options(for_run=True), Report())
        site = site_of(parcel("one"))
        await site.start()
        with pytest.raises(CommandError, match="needs --upstream"):
            await site.change(bare)
        with pytest.raises(CommandError, match="cannot be read"):
            await site.change(parcel("two")._replace(image=b""))
        assert await body(site) == "one"
        await site.close()

    run(scenario())


def test_programs_that_are_not_served_any_more_go() -> None:
    import gc

    from policyc.engine.model import Program
    from policyc.runtime.endpoints import Snapshot

    def programs() -> int:
        return sum(isinstance(each, Program | Snapshot) for each in gc.get_objects())

    async def scenario() -> None:
        site = site_of(parcel("0"))
        await site.start()
        host, port = site.gateway.addresses[0]
        reader, writer = await asyncio.open_connection(host, port)  # stays open, and idle
        before, aside = programs(), gc.get_freeze_count()
        for n in range(5):
            writer.write(b"GET / HTTP/1.1\r\nhost: a.example.com\r\n\r\n")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
            assert await reader.readexactly(1) == str(max(n - 1, 0)).encode()
            await site.change(parcel(str(n)))
        assert programs() == before
        assert gc.get_freeze_count() <= aside  # whatever is set aside is never freed, should it be a circle
        writer.close()
        await site.close()

    run(scenario())


def test_a_stop_waits_and_a_cut_does_not(tmp_path: Path) -> None:
    async def scenario() -> None:
        site = site_of(parcel("one"))
        await site.start()
        host, port = site.gateway.addresses[0]
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET / HT")
        while not await site.connections():
            await asyncio.sleep(0)
        closing = asyncio.ensure_future(site.close())
        await site.cut()
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        await closing
        writer.close()

    run(scenario())
