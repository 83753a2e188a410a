"""No name that a client can send leads to an internal endpoint."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.e2e.authority import Authority
from tests.e2e.tls_world import TlsWorld
from tests.e2e.world import Client, UpstreamServer, World, endpoint, run, url, world

pytestmark = pytest.mark.e2e

ATTEMPTS = {
    "by its name": b"GET / HTTP/1.1\r\nHost: api.internal\r\n\r\n",
    "upper case": b"GET / HTTP/1.1\r\nHost: API.INTERNAL\r\n\r\n",
    "trailing dot": b"GET / HTTP/1.1\r\nHost: api.internal.\r\n\r\n",
    "two trailing dots": b"GET / HTTP/1.1\r\nHost: api.internal..\r\n\r\n",
    "default port": b"GET / HTTP/1.1\r\nHost: api.internal:443\r\n\r\n",
    "its own port": b"GET / HTTP/1.1\r\nHost: other.internal:12345\r\n\r\n",
    "empty port": b"GET / HTTP/1.1\r\nHost: api.internal:\r\n\r\n",
    "absolute form": b"GET http://api.internal/ HTTP/1.1\r\nHost: shop.example\r\n\r\n",
    "absolute form, https": b"GET https://API.internal:443/ HTTP/1.1\r\nHost: shop.example\r\n\r\n",
    "absolute form, user": b"GET http://shop.example@api.internal/ HTTP/1.1\r\nHost: shop.example\r\n\r\n",
    "escaped dot": b"GET / HTTP/1.1\r\nHost: api%2einternal\r\n\r\n",
    "escaped letter": b"GET / HTTP/1.1\r\nHost: %61pi.internal\r\n\r\n",
    "full-width letters": "GET / HTTP/1.1\r\nHost: \uff41\uff50\uff49.internal\r\n\r\n".encode(),
    "full-width dot": "GET / HTTP/1.1\r\nHost: api\uff0einternal\r\n\r\n".encode(),
    "ideographic dot": "GET / HTTP/1.1\r\nHost: api\u3002internal\r\n\r\n".encode(),
    "kelvin sign": "GET / HTTP/1.1\r\nHost: \u212aey.internal\r\n\r\n".encode(),
    "second Host": b"GET / HTTP/1.1\r\nHost: shop.example\r\nHost: api.internal\r\n\r\n",
    "second Host first": b"GET / HTTP/1.1\r\nHost: api.internal\r\nHost: shop.example\r\n\r\n",
    "list of hosts": b"GET / HTTP/1.1\r\nHost: shop.example, api.internal\r\n\r\n",
    "CONNECT": b"CONNECT api.internal:443 HTTP/1.1\r\nHost: api.internal:443\r\n\r\n",
    "wildcard itself": b"GET / HTTP/1.1\r\nHost: *.wild.internal\r\n\r\n",
    "under a wildcard": b"GET / HTTP/1.1\r\nHost: a.wild.internal\r\n\r\n",
    "HTTP/1.0": b"GET / HTTP/1.0\r\nHost: api.internal\r\n\r\n",
    "no Host": b"GET / HTTP/1.0\r\n\r\n",
}


SERVER_NAMES = (
    "api.internal",
    "API.Internal",
    "api.internal.",
    "other.internal",
    "a.wild.internal",
    "wild.internal",
    "internal",
)
AUTHORITY = Authority()


async def _world(made: World, serve: Callable[..., Awaitable[None]] | None = None) -> UpstreamServer:
    inner = await made.upstream()
    await (serve or made.serve)(
        endpoint("https://shop.example", to=(await made.upstream()).url),
        endpoint("https://api.internal", to=inner.url),
        endpoint("http://api.internal", to=inner.url),
        endpoint("https://key.internal", to=inner.url),
        endpoint("https://other.internal:12345", to=inner.url),
        endpoint("https://*.wild.internal", to=inner.url),
    )
    return inner


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_internal_endpoint_is_not_reached(attempt: str) -> None:
    async def scenario() -> None:
        async with world() as made:
            inner = await _world(made)
            client: Client = await made.client()
            client.send(ATTEMPTS[attempt])
            reply = await client.reply()
            assert reply.status in (400, 404, 501)
            assert inner.connections == 0

    run(scenario())


async def _over_tls(made: World) -> tuple[UpstreamServer, TlsWorld]:
    tls = TlsWorld(made)
    tls.given.pairs = [AUTHORITY.sign("shop.example", "*.internal", "internal", "*.wild.internal")]
    return await _world(made, tls.serve), tls


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_internal_endpoint_is_not_reached_over_tls_by_another_host(attempt: str) -> None:
    async def scenario() -> None:
        async with world() as made:
            inner, tls = await _over_tls(made)
            client: Client = await tls.client("shop.example", AUTHORITY.trusted())
            client.send(ATTEMPTS[attempt])
            reply = await client.reply()
            assert reply.status in (400, 404, 421, 501)
            assert inner.connections == 0

    run(scenario())


@pytest.mark.parametrize("name", SERVER_NAMES)
def test_internal_endpoint_is_not_reached_by_sni(name: str) -> None:
    async def scenario() -> None:
        async with world() as made:
            inner, tls = await _over_tls(made)
            context = AUTHORITY.trusted()
            context.check_hostname = False
            assert await tls.alert(name, context) == "TLSV1_UNRECOGNIZED_NAME"
            assert (await made.record())["reason"] == "no_endpoint"
            assert inner.connections == 0

    run(scenario())


def test_other_headers_do_not_choose_an_endpoint() -> None:
    async def scenario() -> None:
        async with world() as made:
            inner = await _world(made)
            reply = await made.get(
                "/", "shop.example", "X-Forwarded-Host: api.internal", "Forwarded: host=api.internal"
            )
            assert reply.status == 200
            assert inner.seen == []

    run(scenario())


def test_any_host_mode_serves_the_bare_policy_and_not_the_internal_endpoint() -> None:
    async def scenario() -> None:
        async with world() as made:
            outer = await made.upstream()
            calls = []

            async def inner(scope: Any, receive: Any, send: Any) -> None:
                calls.append(scope["type"])

            await made.serve(apps={"https://api.internal": inner}, upstream=outer.url)
            assert (await made.get("/", "api.internal")).status == 200
            assert len(outer.seen) == 1
            assert "http" not in calls

    run(scenario())


def test_public_table_holds_no_internal_endpoint() -> None:
    async def scenario() -> None:
        async with world() as made:
            await _world(made)
            assert {pool.key.host for pool in made.gateway.snapshot.public} == {"shop.example"}
            for host in ("api.internal", "a.wild.internal", "other.internal"):
                assert made.gateway.snapshot.public.find(host) is None
                assert made.gateway.snapshot.secure.find(host) is None
            found = made.gateway.snapshot.internal.find(
                "default", url("https://x").scheme, "api.internal", 443
            )
            assert found is not None

    run(scenario())
