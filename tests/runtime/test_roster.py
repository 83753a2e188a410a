"""What a gateway serves: applications join while it runs, and many endpoints cost each of them nothing."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.authority import Authority

from policyc.engine.model import Program
from policyc.runtime.declare import declare
from policyc.runtime.endpoints import Endpoint, Snapshot
from policyc.runtime.gateway import Gateway, GatewayError
from policyc.runtime.program import load_program

FEW, MANY = 500, 2000


async def app(scope: Any, receive: Any, send: Any) -> None:
    return


async def other(scope: Any, receive: Any, send: Any) -> None:
    return


def internal(snapshot: Snapshot, url: str) -> list[Endpoint]:
    """Return the members of the pool at a URL."""
    pool = snapshot.internal.remembered("default", url)
    return [] if pool is None else list(pool.members)


def origins(members: list[Endpoint]) -> list[str]:
    return [each.origin.name for each in members if each.origin is not None]


def test_application_that_is_added_is_served_and_what_was_served_before_still_is() -> None:
    gateway = Gateway(Program((declare("https://a.internal", upstream="9000"), declare("https://a.example"))))
    before = gateway.snapshot
    assert gateway.snapshot is before
    gateway.endpoint("https://b.internal", app=app)
    gateway.endpoint("https://B.internal:443", app=other)
    gateway.endpoint("http://w.example", app=app)
    after = gateway.snapshot
    assert gateway.snapshot is after
    assert internal(before, "https://b.internal") == []
    assert origins(internal(after, "https://b.internal")) == ["app:https://b.internal"] * 2
    assert len({each.info.id for each in internal(after, "https://b.internal")}) == 2
    assert internal(after, "https://a.internal") == internal(before, "https://a.internal")
    assert before.public.find("w.example") is None
    assert {pool.key.host for pool in after.public} == {"a.example", "w.example"}


def test_application_takes_the_place_of_a_cloud_endpoint_and_keeps_its_policy() -> None:
    definition = declare("https://a.internal")
    gateway = Gateway(Program((definition,)))
    (cloud,) = internal(gateway.snapshot, "https://a.internal")
    assert cloud.origin is None
    for count in (1, 2):
        gateway.endpoint("https://a.internal", app=app)
        members = internal(gateway.snapshot, "https://a.internal")
        assert origins(members) == ["app:https://a.internal"] * count
        assert {each.meaning for each in members} == {cloud.meaning}


def test_what_nothing_was_found_for_is_found_when_it_is_added() -> None:
    gateway = Gateway(apps={"https://a.internal": app})
    assert internal(gateway.snapshot, "https://B.internal") == []
    gateway.endpoint("https://b.internal", app=app)
    assert origins(internal(gateway.snapshot, "https://B.internal")) == ["app:https://b.internal"]


def test_endpoint_that_another_one_hides_is_named_whichever_came_first() -> None:
    notice = "http://a.example is not served: https://a.example has the same host"
    for first, second in (("http", "https"), ("https", "http")):
        gateway = Gateway(apps={f"{first}://a.example": app})
        assert gateway.notices == []
        for _ in range(2):
            gateway.endpoint(f"{second}://a.example", app=app)
            pool = gateway.snapshot.public.find("a.example")
            assert pool is not None
            assert pool.key.scheme.value == "https"
            assert gateway.notices == [notice]


def test_key_of_another_certificate_in_a_policy_is_found_at_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    ours, other = Authority().sign("a.example"), Authority().sign("a.example")
    pair = {"server_certificate": ours.certificate, "server_private_key": other.private_key}
    rule = {"actions": [{"type": "terminate-tls", "config": pair}]}
    endpoint = {
        "name": "a",
        "url": "https://a.example",
        "traffic_policy": {"on_tcp_connect": [rule]},
        "upstream": {"url": "9000"},
    }
    config = tmp_path / "agent.json"
    config.write_text(json.dumps({"version": 3, "endpoints": [endpoint]}))
    for _ in range(2):  # compiled, and from the cache
        with pytest.raises(GatewayError, match=r"a.example: .*not that of the certificate"):
            Gateway(load_program(str(config)))
    pair["server_private_key"] = ours.private_key
    config.write_text(json.dumps({"version": 3, "endpoints": [endpoint]}))
    assert Gateway(load_program(str(config))).snapshot.public.find("a.example") is not None


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://a.internal", "has both an upstream and an application"),
        ("https://a.internal/x", "is no endpoint"),
        ("tcp://a.internal:1", "applications serve http and https endpoints only"),
    ],
)
def test_application_that_cannot_be_added_changes_nothing(url: str, words: str) -> None:
    gateway = Gateway(Program((declare("https://a.internal", upstream="9000"),)))
    before = gateway.snapshot
    with pytest.raises(GatewayError, match=words):
        gateway.endpoint(url, app=app)
    assert gateway.snapshot is before


def test_applications_outlive_a_reload_even_those_added_while_it_was_prepared() -> None:
    gateway = Gateway(Program((declare("https://a.internal", upstream="9000"),)))
    gateway.endpoint("https://b.internal", app=app)
    prepared = gateway.prepare(Program((declare("https://c.internal"),)))
    gateway.endpoint("https://c.internal", app=app)
    assert internal(gateway.snapshot, "https://a.internal") != []
    gateway.adopt(prepared)
    assert internal(gateway.snapshot, "https://a.internal") == []
    for name in ("b", "c"):
        assert origins(internal(gateway.snapshot, f"https://{name}.internal")) == [
            f"app:https://{name}.internal"
        ]
    with pytest.raises(GatewayError, match="both an upstream and an application"):
        gateway.reload(Program((declare("https://b.internal", upstream="9000"),)))
    assert origins(internal(gateway.snapshot, "https://b.internal")) == ["app:https://b.internal"]


def test_an_application_starts_and_stops_once_wherever_it_is_served() -> None:
    seen: list[str] = []

    async def counting(scope: Any, receive: Any, send: Any) -> None:
        while True:
            kind = (await receive())["type"]
            seen.append(kind)
            await send({"type": f"{kind}.complete"})

    async def scenario() -> None:
        async with Gateway(apps={"https://a.internal": counting}) as gateway:
            gateway.endpoint("https://b.internal", app=counting)
            await gateway.start("127.0.0.1", 0)
            gateway.endpoint("https://c.internal", app=counting)
            await asyncio.sleep(0.01)

    asyncio.run(scenario())
    assert seen == ["lifespan.startup", "lifespan.shutdown"]


# --- many of them: what is done is counted, for time says little ------------------------------------------


def work(do: Callable[[], object]) -> int:
    """Return how many calls, of Python and of C, `do` makes."""
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        do()
    finally:
        sys.setprofile(None)
    return calls


def declared(count: int) -> Gateway:
    public = [declare(f"https://shop{n}.example.com") for n in range(count // 2)]
    inner = [declare(f"https://shop{n}.internal", upstream=f"{9000 + n}") for n in range(count // 2)]
    return Gateway(Program((*public, *inner)))


def behind_cloud_endpoints(count: int) -> Gateway:
    definitions = tuple(declare(f"https://shop{n}.internal") for n in range(count))
    return Gateway(Program(definitions), apps={f"https://shop{n}.internal": app for n in range(count)})


def in_one_pool(count: int) -> Gateway:
    definitions = [declare("https://shop.internal", pooling_enabled=True) for _ in range(count)]
    return Gateway(Program(tuple(definitions)), apps={"https://shop.internal": [app] * count})


def added(count: int) -> Gateway:
    gateway = Gateway(apps={"https://front.example.com": app})
    for n in range(count):
        gateway.endpoint(f"https://shop{n}.internal", app=app)
    assert gateway.snapshot.internal.remembered("default", f"https://shop{count - 1}.internal") is not None
    return gateway


@pytest.mark.parametrize("make", [declared, behind_cloud_endpoints, in_one_pool, added])
def test_loading_grows_with_the_endpoints_and_no_faster(make: Callable[[int], Gateway]) -> None:
    make(FEW)
    few, many = (work(lambda count=count: make(count)) for count in (FEW, MANY))  # type: ignore[misc]
    assert many < few * (MANY / FEW) * 1.1


def test_a_reload_and_an_application_that_is_added_grow_no_faster_either() -> None:
    found = []
    for count in (FEW, MANY):
        gateway = declared(count)
        program = Program(tuple(declare(f"https://new{n}.example.com") for n in range(count)))
        reload = work(lambda gateway=gateway, program=program: gateway.reload(program))  # type: ignore[misc]
        gateway.endpoint("https://first.internal", app=app)
        assert gateway.snapshot.notices == []
        gateway.endpoint("https://one.internal", app=app)
        found.append((reload, work(lambda gateway=gateway: gateway.snapshot)))  # type: ignore[misc]
    assert found[1][0] < found[0][0] * (MANY / FEW) * 1.1
    assert found[1][1] == found[0][1]  # an addition is as much work, however many there are


def test_looking_up_is_the_same_work_however_many_there_are() -> None:
    def look_up(gateway: Gateway, n: int) -> None:
        snapshot = gateway.snapshot
        assert snapshot.public.find(f"shop{n}.example.com") is not None
        assert snapshot.internal.remembered("default", f"https://shop{n}.internal") is not None

    few, many = declared(10), declared(MANY)
    assert work(lambda: look_up(few, 3)) == work(lambda: look_up(many, MANY // 2 - 1))
