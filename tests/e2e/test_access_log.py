"""What the access log says of an exchange, and what it never says."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from tests.e2e.world import endpoint, run, world

from policyc.engine.model import Program
from policyc.engine.outcome import Forward, Outcome, Respond
from policyc.engine.phases import Phase
from policyc.engine.traffic import Exchange
from policyc.runtime.gateway import Gateway
from policyc.runtime.observe import AccessLog

pytestmark = pytest.mark.e2e


def test_record_tells_the_way_through() -> None:
    def outer(exchange: Exchange) -> Outcome | None:
        exchange.acted.append("log it")
        exchange.logs.append({"metadata": {"path": exchange.req.target, "n": 1}})
        return Forward("https://b.internal")

    async def scenario() -> None:
        async with world() as made:
            origin = await made.upstream()
            await made.serve(
                endpoint("https://a.example", {Phase.HTTP_REQUEST: outer}),
                endpoint("https://b.internal", to=origin.url),
            )
            await made.get("/p?token=secret", "A.example:80", "Cookie: secret", "Authorization: Basic secret")
            record = await made.record()
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record.pop("ts"))
            assert record.pop("duration_ms") >= 0
            logs = record.pop("logs")
            assert record == {
                "client": "127.0.0.1",
                "method": "GET",
                "host": "A.example:80",
                "path": "/p",
                "status": 200,
                "bytes": 2,
                "endpoints": ["https://a.example", "https://b.internal"],
                "rules": ["log it"],
                "upstream": origin.url,
            }
            assert logs == [{"metadata": {"path": "/p?token=secret", "n": 1}}]

    run(scenario())


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "no_host"),
        (b"GET / HTTP/1.1\r\nHost: a%2e\r\n\r\n", "bad_host"),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n",
            "cl_and_te",
        ),
    ],
)
def test_refused_message_is_logged_by_its_reason(octets: bytes, reason: str) -> None:
    async def scenario() -> None:
        async with world() as made:
            await made.serve(endpoint("https://a.example", {Phase.HTTP_REQUEST: lambda x: Respond(200)}))
            client = await made.client()
            client.send(octets)
            assert (await client.reply()).status == 400
            assert (await made.record())["reason"] == reason

    run(scenario())


def test_lines_are_json_and_are_written_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "access.log"

    async def scenario() -> None:
        program = Program((endpoint("https://a.example", {Phase.HTTP_REQUEST: lambda x: Respond(200)}),))
        async with world() as made:
            log = AccessLog(path=str(path))
            made.gateway = Gateway(program, log=log)
            await made.gateway.start("127.0.0.1", 0)
            await made.get("/\x7e", "a.example")
            await made.get("/two", "nobody.example")
            await made.gateway.close(1)
            log.close()

    run(scenario())
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["path"] for line in lines] == ["/~", "/two"]
    assert lines[1]["reason"] == "no_endpoint"
    assert lines[1]["error"] == "ERR_NGROK_3200"


def test_stream_that_takes_nothing_stops_no_request() -> None:
    async def scenario() -> None:
        stream = io.StringIO()
        stream.close()
        log = AccessLog(stream)
        program = Program((endpoint("https://a.example", {Phase.HTTP_REQUEST: lambda x: Respond(200)}),))
        async with world() as made:
            made.gateway = Gateway(program, log=log)
            await made.gateway.start("127.0.0.1", 0)
            assert (await made.get("/", "a.example")).status == 200
            await made.gateway.close(1)
        assert log.lost == 1

    run(scenario())


def test_trace_is_passed_on_and_in_the_record() -> None:
    number = "4bf92f3577b34da6a3ce929d0e0e4736"

    async def scenario() -> None:
        async with world() as w:
            up = await w.upstream()
            await w.serve(endpoint("http://a.example.com", to=up.url))
            await w.get(
                "/", "a.example.com", f"traceparent: 00-{number}-00f067aa0ba902b7-01", "tracestate: a=1"
            )
            await w.get("/", "a.example.com", f"traceparent: 00-{number}-0", "tracestate: a=1")
            assert (await w.record(1))["trace"] == number
            assert "trace" not in await w.record(2)
            assert up.seen[0].get("traceparent") == [f"00-{number}-00f067aa0ba902b7-01"]
            assert up.seen[0].get("tracestate") == ["a=1"]
            assert up.seen[1].get("traceparent") == up.seen[1].get("tracestate") == []

    run(scenario())
