"""What a policy does not read is not worked out: counted over a request through the real gateway."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType

import pytest
from tests.e2e.world import endpoint, run, world

from policyc.engine import cookies, message, request_url, traffic
from policyc.engine.embed import compile_policy

pytestmark = pytest.mark.e2e

# Where all that a policy may read of a message is worked out.
SOURCES = {module.__file__: module.__name__.rpartition(".")[2] for module in (cookies, message, request_url)}

LINES = (
    "Cookie: session=abc; theme=dark",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64)",
    "Content-Type: text/plain; charset=utf-8",
    "X-Tenant: a",
    "X-Role: b",
)


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count the calls of functions that work something out, and of the one that makes the map of headers."""
    calls: Counter[str] = Counter()

    def called(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            code = frame.f_code
            name = SOURCES.get(code.co_filename)
            if name is not None:
                calls[f"{name}.{_outermost(code)}"] += 1
            elif code is traffic.Headers.as_map.__code__:
                calls["map of headers"] += frame.f_locals["self"].map is None

    sys.setprofile(called)
    try:
        yield calls
    finally:
        sys.setprofile(None)


def _outermost(code: CodeType) -> str:
    return code.co_qualname.partition(".<locals>")[0]


def calls_of(policy: str, target: str = "/api/x?a=1&b=2") -> Counter[str]:
    """Return what one request through a gateway with this policy calls."""
    phases = compile_policy(policy).phases

    async def scenario() -> Counter[str]:
        async with world() as made:
            origin = await made.upstream()
            await made.serve(endpoint("https://a.example", phases, to=origin.url))
            await made.get(target, "a.example", *LINES)
            with counted() as calls:
                reply = await made.get(target, "a.example", *LINES)
            assert reply.status == 200
            return calls

    return run(scenario())


def test_two_headers_and_the_path_parse_nothing_else() -> None:
    calls = calls_of(
        "on_http_request { when req.url.path.startsWith('/a') && req.headers['x-tenant'][0] == 'z' { deny }"
        " when getReqHeader('x-role')[0] == 'z' && req.url.path == '/other' { deny } }"
    )
    assert calls == {
        "map of headers": 1,
        "message.header_map": 1,
        "request_url.fill_path": 1,
    }


def test_policy_that_reads_the_connection_parses_nothing() -> None:
    assert not calls_of("on_http_request { when inCidrRange(conn.client_ip, '203.0.113.0/24') { deny } }")


@pytest.mark.parametrize(
    ("condition", "function"),
    [
        ("'session' in req.cookies && size(req.cookies) > 9", "cookies.of_request"),
        ("'a' in req.url.query_params && size(req.url.query_params) > 9", "request_url.fill_query_params"),
        ("req.user_agent == 'x'", "message.header"),
        ("req.content_type == 'text/html'", "message.media_type"),
    ],
)
def test_what_is_read_is_counted(condition: str, function: str) -> None:
    assert calls_of(f"on_http_request {{ when {condition} {{ deny }} }}")[function] == 1


def test_what_stands_behind_a_false_term_is_not_worked_out() -> None:
    condition = "req.method == 'POST' && 'session' in req.cookies && 'a' in req.url.query_params"
    assert not calls_of(f"on_http_request {{ when {condition} {{ deny }} }}")


def test_sources_are_the_files_that_run() -> None:
    assert all(Path(name).is_file() for name in SOURCES if name)
