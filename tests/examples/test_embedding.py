"""The embedding examples do what they say, and stay as short as promised."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest

from policyc.engine.errors import PolicycError
from policyc.runtime.gateway import Gateway

EXAMPLES = Path(__file__).parents[2] / "examples"
EMBEDDING = ("decide.py", "gateway_in_loop.py", "register_endpoint.py", "middleware.py")


@pytest.fixture(autouse=True)
def in_project(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand where a reader of the README stands."""
    monkeypatch.chdir(EXAMPLES.parent)
    monkeypatch.syspath_prepend(str(EXAMPLES))


@pytest.mark.parametrize("name", EMBEDDING)
def test_example_has_at_most_twenty_lines(name: str) -> None:
    assert len((EXAMPLES / name).read_text().splitlines()) <= 20


@pytest.mark.parametrize("name", EMBEDDING)
def test_readme_shows_the_example_as_it_is(name: str) -> None:
    code = (EXAMPLES / name).read_text()
    assert code in (EXAMPLES.parent / "README.md").read_text()


def test_decide_prints_what_its_comments_say() -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLES / "decide.py"], capture_output=True, text=True, timeout=20
    )
    wanted = [line.partition("  # ")[2] for line in (EXAMPLES / "decide.py").read_text().splitlines()]
    assert done.stdout.splitlines() == [line for line in wanted if line]
    assert done.stderr == ""


@asynccontextmanager
async def started(main: object, gateways: list[Gateway]) -> AsyncIterator[str]:
    """Run an example's `main` until its gateway listens; give its address; cancel it in the end."""
    assert callable(main)
    task = asyncio.ensure_future(main())
    async with asyncio.timeout(10):
        while not (gateways and gateways[0].addresses):
            assert not task.done(), task.exception()
            await asyncio.sleep(0)
    host, port = gateways[0].addresses[0]
    try:
        yield f"http://{host}:{port}"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def gateways(monkeypatch: pytest.MonkeyPatch) -> list[Gateway]:
    """Return the list of gateways that examples start, all on a port that the system chooses."""
    found: list[Gateway] = []
    start = Gateway.start

    async def on_any_port(self: Gateway, host: str = "127.0.0.1", port: int = 8080) -> None:
        await start(self, host, 0)
        found.append(self)

    monkeypatch.setattr(Gateway, "start", on_any_port)
    return found


@pytest.mark.e2e
def test_gateway_runs_in_a_loop_of_ones_own(gateways: list[Gateway]) -> None:
    import gateway_in_loop

    async def scenario() -> None:
        async with started(gateway_in_loop.main, gateways) as url, httpx.AsyncClient() as client:
            answer = await client.get(f"{url}/healthz", headers={"host": "api.example.test"})
            assert (answer.status_code, answer.text) == (200, "ok")
            assert answer.headers["x-served-by"] == "gw"

    asyncio.run(scenario())


@pytest.mark.e2e
def test_registered_application_is_an_internal_endpoint(gateways: list[Gateway]) -> None:
    import register_endpoint

    async def scenario() -> None:
        async with started(register_endpoint.main, gateways) as url, httpx.AsyncClient() as client:
            answer = await client.get(f"{url}/tea", headers={"host": "shop.localhost"})
            assert answer.status_code == 200
            assert "x-visitor: 127.0.0.1" in answer.text
            hidden = await client.get(f"{url}/tea", headers={"host": "app.internal"})
            assert hidden.status_code == 404

    asyncio.run(scenario())


@pytest.mark.e2e
def test_many_endpoints_share_a_policy_that_tells_them_apart(gateways: list[Gateway]) -> None:
    import gc

    import many_endpoints

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        shop = head.partition(b"x-shop: ")[2].partition(b"\r\n")[0]
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + shop)
        writer.close()

    async def scenario() -> None:
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as upstream:
            port = upstream.sockets[0].getsockname()[1]
            main = partial(many_endpoints.main, 300, str(port))
            async with started(main, gateways) as url, httpx.AsyncClient() as client:
                found = await client.get(f"{url}/", headers={"host": "shop299.example.com"})
                assert (found.status_code, found.text) == (200, "shop299.example.com")
                missing = await client.get(f"{url}/", headers={"host": "shop300.example.com"})
                assert missing.status_code == 404

    try:
        asyncio.run(scenario())
    finally:
        gc.unfreeze()


def test_middleware_guards_the_application() -> None:
    import middleware

    async def get(path: str, client: str) -> httpx.Response:
        transport = httpx.ASGITransport(middleware.guarded, client=(client, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://shop.example.com") as http:
            return await http.get(path)

    async def scenario() -> None:
        assert (await get("/admin/", "203.0.113.9")).status_code == 403
        inside = await get("/admin/", "127.0.0.1")
        assert inside.status_code == 200
        assert "server" not in inside.headers
        assert (await get("/tea", "203.0.113.9")).status_code == 200

    asyncio.run(scenario())


def test_middleware_refuses_a_policy_for_connections() -> None:
    from policyc.runtime.embed import compile_policy
    from policyc.runtime.middleware import PolicyMiddleware
    from shop_app import app

    with pytest.raises((PolicycError, ValueError), match="on_tcp_connect"):
        PolicyMiddleware(app, compile_policy("on_tcp_connect { deny }"))
