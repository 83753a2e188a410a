"""Policies that others wrote, unchanged, through the real gateway.

Each is the `traffic_policy_file` of an endpoint that has an upstream; what it forwards to are internal
endpoints with one upstream of their own. Both upstreams record what they see.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.e2e.world import Reply, Seen, ok, run, world

from policyc.runtime.program import load_program
from policyc.runtime.settings import Settings

pytestmark = pytest.mark.e2e

CORPUS = Path(__file__).parents[2].parent / "shared" / "corpus" / "dev"
HOST = "front.example"


class Ask(NamedTuple):
    """A request, and what must come of it.

    `headers` (None for any value) and `lacks` are of the answer; `seen` is the target that the upstream saw,
    None if it must see nothing; `saw` and `blind` are fields that it saw and did not see; `inner` says that
    an internal endpoint's upstream answers.
    """

    target: str
    status: int
    body: bytes | None = None
    method: str = "GET"
    lines: tuple[str, ...] = ()
    payload: bytes = b""
    headers: Mapping[str, str | None] = {}
    lacks: tuple[str, ...] = ()
    seen: str | None = None
    saw: Mapping[str, str] = {}
    blind: tuple[str, ...] = ()
    inner: bool = False


def basic(credentials: str) -> str:
    return "Authorization: Basic " + base64.b64encode(credentials.encode()).decode()


ROUTE = "https://e3b0c-test-service-1-default-8080.internal"
NOT_FOUND = b"No route was found for this ngrok Endpoint"

# file → (internal endpoints, requests in order)
CASES: dict[str, tuple[Sequence[str], Sequence[Ask]]] = {
    "165f594ab6f0": (
        (),
        [
            Ask("/admin/x", 403, b"", lacks=("x-processed-by",)),
            Ask("/shop", 200, b"outer", headers={"x-processed-by": "ngrok"}, seen="/shop"),
        ],
    ),
    "0f1a84695dc6": (
        ("https://nyc.internal", "https://sydney.internal", "https://frankfurt.internal"),
        [Ask("/w", 200, b"inner", seen="/w", inner=True)],
    ),
    "15c26a1b1496": (
        ("http://example-service.internal",),
        [
            Ask("/", 200, b"outer", seen="/"),
            Ask("/", 200, b"outer", lines=("x-request-header: bar",), seen="/"),
            Ask("/", 200, b"inner", lines=("X-Request-Header: foo",), seen="/", inner=True),
        ],
    ),
    "2af470d038e4": ((), [Ask("/app", 200, b"outer", seen="/app"), Ask("/x", 200, b"outer", seen="/x")]),
    "436e7ded6494": (
        (ROUTE,),
        [
            Ask(
                "/test-service-1",
                200,
                b"inner",
                lines=("X-Route-Removed-Header: 1", "X-BackendRef-Set-Header: old"),
                seen="/test-service-1",
                saw={"x-route-added-headder": "set", "x-backendref-set-header": "add"},
                blind=("x-route-removed-header",),
                inner=True,
            ),
            Ask("/other", 404, NOT_FOUND, headers={"content-type": "text/plain"}),
        ],
    ),
    "5c51e8a3ba58": (
        (ROUTE,),
        [
            Ask("/test-service-1", 404, NOT_FOUND),
            Ask(
                "/test-service-1?exact-query-param=exact-val&regex-query-param=z",
                200,
                b"inner",
                method="POST",
                payload=b"{}",
                lines=("exact-header: exact-val", "regex-header: anything"),
                seen="/test-service-1?exact-query-param=exact-val&regex-query-param=z",
                inner=True,
            ),
        ],
    ),
    "3a090a0b48c6": (
        (ROUTE,),
        [
            Ask("/service1/a", 200, b"inner", seen="/service1/a", inner=True),
            Ask("/service2", 200, b"outer", seen="/service2"),
            Ask("/service3", 404, NOT_FOUND),
        ],
    ),
    "bfa0352f72a6": (
        (),
        [Ask("/rewrite-prefix/one?a=b", 404, NOT_FOUND), Ask("/rewrite-hostname", 404, NOT_FOUND)],
    ),
    "b499da9c4d92": (
        (ROUTE, "https://e3b0c-test-service-2-default-8080.internal"),
        [Ask("/plain", 404, NOT_FOUND)],
    ),
    "93ef056fbd68": (
        (),
        [Ask("/", 200, b"outer", seen="/")] * 10
        + [Ask("/", 429, headers={"retry-after": None}), Ask("/", 200, lines=("tier: bronze",), seen="/")],
    ),
    "95fd90f80a80": (
        (),
        [
            Ask("/admin", 401, headers={"www-authenticate": 'Basic realm="race-timing"'}),
            Ask("/admin", 401, lines=(basic("race:change-you"),)),
            Ask("/admin", 200, b"outer", lines=(basic("race:change-me"),), seen="/admin"),
            Ask("/api/laps", 200, b"outer", seen="/api/laps"),
            Ask("/api/laps", 401, method="POST", payload=b"1"),
        ],
    ),
    "dd7d594c2e12": (
        (),
        [
            Ask("/", 401),
            Ask("/", 200, b"outer", lines=(basic("ngrok:SCRUBBED"),), seen="/", saw={"x-req-yup": "true"}),
        ],
    ),
    "eaa4f8bd3eb4": (
        (),
        [
            Ask(
                "/",
                200,
                lines=("X-Trace-Id: 7", "x-client-version: 2", "x-kept: 3"),
                seen="/",
                saw={"x-kept": "3"},
                blind=("x-trace-id", "x-client-version"),
            )
        ],
    ),
    "f7d391784b90": (
        (),
        [
            Ask("/.env", 404, b'{"error":"not_found"}', headers={"content-type": "application/json"}),
            Ask("/jobs", 401, b'{"error":"unauthorized"}'),
            Ask("/health", 200, b"outer", seen="/health"),
            Ask("/jobs", 405, method="PATCH", lines=("x-webhook-secret-token: s",)),
            Ask("/jobs", 200, b"outer", lines=("x-webhook-secret-token: s",), seen="/jobs"),
            Ask("/jobs", 413, method="POST", lines=("x-webhook-secret-token: s",), payload=b"x" * 65537),
        ],
    ),
    "862e686c21bc": (
        (),
        [
            Ask("/api/v2/geo", 302, headers={"location": f"https://{HOST}/api/v2/geo?city="}),
            Ask("/api/v2/geo/x", 200, b"outer", seen="/api/v2/geo/x"),
        ],
    ),
    "d80b6f14081a": (
        ("http://foo-service.internal:80",),
        [
            Ask("/foo-service", 200, b"inner", seen="/foo-service", inner=True),
            Ask("/bar-service", 404, headers={"ngrok-error-code": "ERR_NGROK_3200"}),
            Ask("/baz", 200, b"outer", seen="/baz"),
        ],
    ),
}


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of real policies is not beside this checkout")
@pytest.mark.parametrize("name", CASES)
def test_policy_of_the_corpus_runs_unchanged(name: str, tmp_path: Path) -> None:
    internal, asks = CASES[name]
    policy = next(CORPUS.glob(f"{name}.*"))

    async def scenario() -> None:
        async with world() as made:
            outer, inner = await made.upstream(ok(b"outer")), await made.upstream(ok(b"inner"))
            rows = [
                "version: 3",
                "endpoints:",
                f"  - {{name: front, url: 'https://{HOST}', traffic_policy_file: '{policy}',",
                f"     upstream: {{url: '{outer.url}'}}}}",
            ]
            for number, url in enumerate(internal):
                rows.append(f"  - {{name: i{number}, url: '{url}', upstream: {{url: '{inner.url}'}}}}")
            config = tmp_path / "agent.yaml"
            config.write_text("\n".join(rows))
            await made.serve(program=load_program(config), settings=Settings(seed=1))
            for ask in asks:
                outer.seen.clear()
                inner.seen.clear()
                reply = await made.get(ask.target, HOST, *ask.lines, method=ask.method, body=ask.payload)
                judge(
                    ask,
                    reply,
                    inner.seen if ask.inner else outer.seen,
                    outer.seen if ask.inner else inner.seen,
                )

    run(scenario())


def judge(ask: Ask, reply: Reply, seen: list[Seen], unseen: list[Seen]) -> None:
    assert reply.status == ask.status
    if ask.body is not None:
        assert reply.body == ask.body
    for name, value in ask.headers.items():
        assert len(reply.get(name)) == 1
        assert value is None or reply.get(name) == [value]
    assert not [name for name in ask.lacks if reply.get(name)]
    assert unseen == []
    if ask.seen is None:
        assert seen == []
        return
    (request,) = seen
    assert (request.method, request.target, request.body) == (ask.method, ask.seen, ask.payload)
    assert request.get("host") == [HOST]
    assert request.get("x-forwarded-for") == ["127.0.0.1"]
    for name, value in ask.saw.items():
        assert request.get(name) == [value]
    assert not [name for name in ask.blind if request.get(name)]


def test_there_are_at_least_ten_policies() -> None:
    assert len(CASES) >= 10
