"""gRPC through the gateway, over TLS and out of an internal endpoint: all four kinds of calls, their ends."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import pytest
from tests.e2e.tls_world import AUTHORITY, TlsWorld
from tests.e2e.world import run, upstream, url, world

from policyc.engine.model import EndpointDef, Policy
from policyc.engine.outcome import Forward
from policyc.engine.phases import Phase
from policyc.engine.traffic import Exchange
from policyc.runtime.settings import Settings

grpc = pytest.importorskip("grpc", reason="grpcio is not installed")

pytestmark = pytest.mark.e2e

WITHIN_S = 10.0


class Service:
    """Echoes; what it saw of cancelled calls is kept."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()

    def unary(self, request: bytes, context: Any) -> bytes:
        seen = dict(context.invocation_metadata())
        context.send_initial_metadata((("x-first", "1"),))
        context.set_trailing_metadata((("x-seen", seen.get("x-mine", "")),))
        if request == b"fail":
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not today: ä")
        return request

    def to_many(self, request: bytes, context: Any) -> Iterator[bytes]:
        for n in range(5):
            yield request + b"%d" % n

    def from_many(self, requests: Iterator[bytes], context: Any) -> bytes:
        return b",".join(requests)

    def both(self, requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        for each in requests:
            yield each * 2

    def endless(self, request: bytes, context: Any) -> Iterator[bytes]:
        context.add_callback(self.cancelled.set)
        while context.is_active():
            yield b"x" * 1000

    def handler(self) -> Any:
        return grpc.method_handlers_generic_handler(
            "test.Echo",
            {
                "Unary": grpc.unary_unary_rpc_method_handler(self.unary),
                "ToMany": grpc.unary_stream_rpc_method_handler(self.to_many),
                "FromMany": grpc.stream_unary_rpc_method_handler(self.from_many),
                "Both": grpc.stream_stream_rpc_method_handler(self.both),
                "Endless": grpc.unary_stream_rpc_method_handler(self.endless),
            },
        )


@contextmanager
def serving(service: Service) -> Iterator[int]:
    server = grpc.server(futures.ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((service.handler(),))
    port: int = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(0).wait()


class Call:
    """A channel through the gateway."""

    def __init__(self, port: int) -> None:
        credentials = grpc.ssl_channel_credentials(AUTHORITY.pem.encode())
        options = [
            ("grpc.ssl_target_name_override", "a.example"),
            ("grpc.default_authority", "a.example"),
            ("grpc.max_receive_message_length", -1),
        ]
        self.channel = grpc.secure_channel(f"127.0.0.1:{port}", credentials, options)

    def unary(self, method: str, request: bytes, **more: Any) -> Any:
        return self.channel.unary_unary(f"/test.Echo/{method}")(request, timeout=WITHIN_S, **more)


def through(scenario: Any, settings: Settings | None = None) -> None:
    """Serve gRPC behind a forward, and run `scenario(call, service)` in a thread."""

    async def bounded() -> None:
        service = Service()
        with serving(service) as port:
            async with world() as made:
                tls = TlsWorld(made)
                await tls.serve(
                    EndpointDef(
                        url("https://a.example"), Policy({Phase.HTTP_REQUEST: _inside}), None, "default"
                    ),
                    EndpointDef(
                        url("https://b.internal"),
                        Policy({}),
                        upstream(f"http://127.0.0.1:{port}"),
                        "default",
                        settings={"upstream.protocol": "http2"},
                    ),
                    settings=settings,
                )
                call = Call(tls.port)
                try:
                    await asyncio.to_thread(scenario, call, service)
                finally:
                    call.channel.close()

    run(bounded())


def _inside(exchange: Exchange) -> Forward:
    return Forward("https://b.internal")


def test_one_to_one_with_metadata_at_both_ends() -> None:
    def scenario(call: Call, service: Service) -> None:
        given = call.channel.unary_unary("/test.Echo/Unary")
        response, done = given.with_call(b"hello", timeout=WITHIN_S, metadata=(("x-mine", "yes"),))
        assert response == b"hello"
        assert ("x-first", "1") in [(each.key, each.value) for each in done.initial_metadata()]
        assert ("x-seen", "yes") in [(each.key, each.value) for each in done.trailing_metadata()]
        assert done.code() is grpc.StatusCode.OK

    through(scenario)


def test_one_to_many() -> None:
    def scenario(call: Call, service: Service) -> None:
        made = call.channel.unary_stream("/test.Echo/ToMany")(b"n", timeout=WITHIN_S)
        assert list(made) == [b"n0", b"n1", b"n2", b"n3", b"n4"]

    through(scenario)


def test_many_to_one() -> None:
    def scenario(call: Call, service: Service) -> None:
        made = call.channel.stream_unary("/test.Echo/FromMany")
        assert made(iter([b"a", b"b", b"c"]), timeout=WITHIN_S) == b"a,b,c"

    through(scenario)


def test_many_to_many_one_by_one() -> None:
    def scenario(call: Call, service: Service) -> None:
        asked: queue.Queue[bytes | None] = queue.Queue()
        made = call.channel.stream_stream("/test.Echo/Both")(iter(asked.get, None), timeout=WITHIN_S)
        for n in range(5):  # each is answered before the next is asked
            asked.put(b"%d" % n)
            assert next(made) == b"%d" % n * 2
        asked.put(None)
        assert list(made) == []
        assert made.code() is grpc.StatusCode.OK

    through(scenario)


def test_failure_comes_with_its_code_and_words() -> None:
    def scenario(call: Call, service: Service) -> None:
        for method, code in (
            ("Unary", grpc.StatusCode.FAILED_PRECONDITION),
            ("None", grpc.StatusCode.UNIMPLEMENTED),
        ):
            with pytest.raises(grpc.RpcError) as caught:
                call.unary(method, b"fail")
            assert caught.value.code() is code
        assert call.unary("Unary", b"again") == b"again"

    through(scenario)


def test_large_messages_pass() -> None:
    def scenario(call: Call, service: Service) -> None:
        assert call.unary("Unary", b"x" * 2_000_000) == b"x" * 2_000_000

    through(scenario)


def test_call_that_is_cancelled_is_cancelled_at_the_server() -> None:
    def scenario(call: Call, service: Service) -> None:
        made = call.channel.unary_stream("/test.Echo/Endless")(b"n", timeout=WITHIN_S)
        for _ in range(10):
            next(made)
        made.cancel()
        assert service.cancelled.wait(WITHIN_S)
        assert call.unary("Unary", b"again") == b"again"

    through(scenario)


def test_many_calls_at_a_time() -> None:
    def scenario(call: Call, service: Service) -> None:
        made = [
            call.channel.unary_unary("/test.Echo/Unary").future(b"%d" % n, timeout=WITHIN_S)
            for n in range(150)
        ]
        assert [each.result() for each in made] == [b"%d" % n for n in range(150)]

    through(scenario)


def test_no_call_is_lost_where_connections_end_after_a_few() -> None:
    def scenario(call: Call, service: Service) -> None:
        for n in range(30):
            assert call.unary("Unary", b"%d" % n) == b"%d" % n
        made = [
            call.channel.unary_unary("/test.Echo/Unary").future(b"x", timeout=WITHIN_S) for _ in range(100)
        ]
        assert {each.result() for each in made} == {b"x"}

    through(scenario, Settings(requests_per_connection=4, http2_streams_limit=10))
