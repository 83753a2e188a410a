"""What a gateway refuses to serve, and that it says why; traffic is in tests/e2e."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from policyc.engine.endpoint_url import EndpointUrl, Upstream, parse_endpoint_url, parse_upstream
from policyc.engine.model import EndpointDef, Policy, Program
from policyc.engine.outcome import Respond
from policyc.engine.phases import Binding, Phase
from policyc.runtime.gateway import Gateway, GatewayError
from policyc.runtime.settings import Settings


def endpoint(url: str, to: str | None = None, **more: Any) -> EndpointDef:
    binding = more.pop("binding", None)
    parsed = parse_endpoint_url(url, binding)
    assert isinstance(parsed, EndpointUrl)
    upstream = parse_upstream(to) if to else None
    assert upstream is None or isinstance(upstream, Upstream)
    return EndpointDef(parsed, more.pop("policy", Policy({})), upstream, **more)


async def app(scope: Any, receive: Any, send: Any) -> None:
    return


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: Gateway(Program((endpoint("tcp://a.example:1"), endpoint("tcp://b.example:1")))),
            "have one port",
        ),
        (lambda: Gateway(Program((endpoint("tcp://a.example:1", "http://db:1"),))), "carry no tcp"),
        (lambda: Gateway(apps={"tcp://a.example:1": app}), "applications serve http and https"),
        (lambda: Gateway(settings=Settings(proxy_protocol_from=("x",))), "`x` is no network"),
        (
            lambda: Gateway(Program((endpoint("http://a.b:80", binding=Binding.KUBERNETES),))),
            "needs the Kubernetes operator",
        ),
        (lambda: Gateway(Program((endpoint("https://a.example", "file:///srv"),))), "file upstreams"),
        (lambda: Gateway(Program(policy=Policy({}))), "a policy without endpoints needs an upstream"),
        (
            lambda: Gateway(
                Program((endpoint("https://a.example"),), Policy({Phase.HTTP_REQUEST: lambda x: None}))
            ),
            "a policy without endpoints needs an upstream",
        ),
        (lambda: Gateway(upstream="ftp://x"), "`ftp://x` is no upstream"),
        (
            lambda: Gateway(Program((endpoint("https://a.example"),)), upstream="8080"),
            "an upstream is for a policy without endpoints",
        ),
        (lambda: Gateway(apps={"https://a.internal/x": app}), "is no endpoint"),
        (lambda: Gateway(settings=Settings(trusted_proxies=("10.0.0.0/99",))), "is no network"),
        (
            lambda: Gateway(
                Program((endpoint("https://a.internal", "8080"),)), apps={"https://a.internal": app}
            ),
            "both an upstream and an application",
        ),
        (
            lambda: Gateway(Program((endpoint("https://a.internal"), endpoint("https://a.internal")))),
            "not all of them pool",
        ),
    ],
)
def test_what_cannot_be_served_is_refused_with_a_reason(make: Callable[[], Gateway], words: str) -> None:
    with pytest.raises(GatewayError, match=words):
        make()


def test_failed_reload_changes_nothing() -> None:
    gateway = Gateway(Program((endpoint("https://a.example"),)))
    before = gateway.snapshot
    with pytest.raises(GatewayError):
        gateway.reload(Program((endpoint("tcp://a.example:1"), endpoint("tcp://b.example:1"))))
    assert gateway.snapshot is before
    gateway.reload(Program((endpoint("https://b.example"),)))
    assert gateway.snapshot.public.find("b.example") is not None
    assert gateway.snapshot.public.find("a.example") is None


def test_tls_that_would_be_encrypted_twice_gets_a_notice() -> None:
    gateway = Gateway(
        Program((endpoint("tls://a.example", "tls://db:1"), endpoint("tls://b.example", "tcp://db:1")))
    )
    assert gateway.notices == [
        "tls://a.example is not decrypted here, and its upstream tls://db:1 gets it encrypted once more: "
        "write `tcp://` there to pass it on as it is"
    ]


def test_applications_fill_the_pool_that_the_program_declares() -> None:
    pooled = [endpoint("https://a.internal", pooling_enabled=True) for _ in range(2)]
    gateway = Gateway(Program(tuple(pooled)), apps={"https://a.internal": [app, app, app]})
    key = pooled[0].url
    pool = gateway.snapshot.internal.find("default", key.scheme, key.host, key.port)
    assert pool is not None
    assert len(pool.members) == 3
    assert all(member.origin is not None for member in pool.members)


def test_serve_forever_ends_when_the_gateway_is_closed() -> None:
    async def scenario() -> None:
        async with Gateway(Program((endpoint("https://a.example"),))) as gateway:
            await gateway.start("127.0.0.1", 0)
            await gateway.start("127.0.0.1", 0)
            assert len({port for _, port in gateway.addresses}) == 2
            serving = asyncio.ensure_future(gateway.serve_forever())
            await asyncio.sleep(0)
            assert not serving.done()
            await gateway.close()
            await serving

    asyncio.run(scenario())


def test_gateway_serves_on_the_loop_of_the_standard_library() -> None:
    async def scenario() -> bytes:
        policy = Policy({Phase.HTTP_REQUEST: lambda exchange: Respond(200, body=b"plain asyncio")})
        async with Gateway(Program((endpoint("https://a.example", policy=policy),))) as gateway:
            await gateway.start("127.0.0.1", 0)
            reader, writer = await asyncio.open_connection(*gateway.addresses[0])
            writer.write(b"GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n")
            answer = await reader.read(-1)
            writer.close()
            await writer.wait_closed()
            return answer

    assert asyncio.run(scenario()).endswith(b"plain asyncio")
