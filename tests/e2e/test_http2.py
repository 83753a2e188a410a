"""HTTP/2 through the whole gateway: real clients over TLS, upstreams of either version, limits and ends."""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from h2.settings import SettingCodes
from tests.e2e.h2_server import H2Server
from tests.e2e.h2_server import ok as h2_ok
from tests.e2e.tls_world import AUTHORITY, TlsWorld
from tests.e2e.world import Seen, endpoint, ok, run, upstream, url, world
from tests.runtime.protocol.h2_peer import Line, Peer, request
from tests.runtime.protocol.test_http2_frames import frame

from policyc.engine.model import EndpointDef, Policy, Program
from policyc.engine.outcome import Close, Forward, Outcome, Respond
from policyc.engine.phases import Phase
from policyc.engine.traffic import Exchange
from policyc.runtime.gateway import Gateway, GatewayError
from policyc.runtime.program import compile_program
from policyc.runtime.settings import Settings

pytestmark = pytest.mark.e2e


def http2_endpoint(text: str, to: str, **settings: object) -> EndpointDef:
    """Return an endpoint whose upstream speaks HTTP/2."""
    given = {"upstream.protocol": "http2", **{f"upstream.{name}": value for name, value in settings.items()}}
    return EndpointDef(url(text), Policy({}), upstream(to), "default", settings=given)


@asynccontextmanager
async def secure() -> AsyncIterator[TlsWorld]:
    async with world() as made:
        yield TlsWorld(made)


def trusted(*offered: str) -> ssl.SSLContext:
    context = AUTHORITY.trusted()
    context.set_alpn_protocols(list(offered or ("h2",)))
    return context


class Client:
    """A connection of the h2 library's."""

    def __init__(self, made: TlsWorld, *, opens: bool = True) -> None:
        self.made = made
        self.peer = Peer(opens=opens)
        self.closed = False

    async def connect(self, sni: str = "a.example") -> None:
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", self.made.port, ssl=trusted(), server_hostname=sni
        )
        self.made.world.on_close(self.writer.close)
        session = self.writer.get_extra_info("ssl_object")
        assert session.selected_alpn_protocol() == "h2"

    async def turn(self) -> None:
        """Say what there is to say, and hear what comes."""
        self.writer.write(self.peer.take())
        try:
            octets = await self.reader.read(1 << 16)
        except ConnectionError:
            octets = b""
        if not octets:
            self.closed = True
            raise ConnectionResetError
        self.peer.hear(octets)
        self.writer.write(self.peer.take())

    async def until(self, done: Callable[[], bool]) -> None:
        while not done():
            await self.turn()

    async def fetch(self, *more: Line, body: bytes | None = None, host: bytes = b"a.example") -> int:
        """Ask and wait for the whole answer; return its stream."""
        method = b"GET" if body is None else b"POST"
        stream = self.peer.ask(request(*more, method=method, host=host), body=body)
        await self.until(lambda: stream in self.peer.ended or stream in self.peer.resets)
        return stream

    async def ends(self) -> None:
        """Read until the gateway closes."""
        try:
            while True:
                await self.turn()
        except ConnectionResetError:
            pass


async def connected(made: TlsWorld, *, opens: bool = True) -> Client:
    client = Client(made, opens=opens)
    await client.connect()
    return client


def test_browser_like_client_gets_http_2_and_others_http_1() -> None:
    async def scenario() -> None:
        async with secure() as made:
            origin = await made.world.upstream(lambda seen: ok(seen.body or b"none")(seen))
            await made.serve(endpoint("https://a.example", to=origin.url))
            host = f"https://a.example:{made.port}"
            for http2, version in ((True, "HTTP/2"), (False, "HTTP/1.1")):
                transport = _to_loopback(made.port, http2=http2)
                async with httpx.AsyncClient(transport=transport, cookies={"a": "1"}) as client:
                    answers = await asyncio.gather(
                        *(client.post(f"{host}/{n}", content=b"body %d" % n) for n in range(20))
                    )
                assert [answer.content for answer in answers] == [b"body %d" % n for n in range(20)]
                assert {answer.http_version for answer in answers} == {version}
            assert {seen.get("host")[0] for seen in origin.seen} == {f"a.example:{made.port}"}
            assert [record.get("version") for record in made.world.log[:20]] == ["HTTP/2.0"] * 20

    run(scenario())


def _to_loopback(port: int, *, http2: bool) -> httpx.AsyncHTTPTransport:
    """Return a transport of httpx that finds every name here."""

    class Here(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            request.extensions["sni_hostname"] = request.url.host
            request.url = request.url.copy_with(host="127.0.0.1", port=port)
            return await super().handle_async_request(request)

    return Here(verify=AUTHORITY.trusted(), http2=http2)


def test_client_without_alpn_or_with_http_1_only_speaks_http_1() -> None:
    async def scenario() -> None:
        async with secure() as made:
            await made.serve(endpoint("https://a.example", {Phase.HTTP_REQUEST: lambda x: Respond(204)}))
            assert (await made.get(context=AUTHORITY.trusted())).status == 204
            assert (await made.get(context=trusted("http/1.1"))).status == 204

    run(scenario())


def test_policy_sees_the_version_and_what_was_negotiated() -> None:
    async def scenario() -> None:
        async with secure() as made:
            await made.run(
                'endpoint "https://a.example" { on_http_request { custom-response { status_code: 200, '
                'body: "${req.version} ${conn.tls.version} ${req.url.host} ${req.cookies.b[0].value}" } } }'
            )
            client = await connected(made)
            stream = await client.fetch((b"cookie", b"a=1"), (b"cookie", b"b=2"))
            assert client.peer.bodies[stream] == b"HTTP/2.0 1.3 a.example 2"

    run(scenario())


def test_large_bodies_pass_both_ways_to_either_version() -> None:
    async def scenario() -> None:
        async with secure() as made:
            size = 500_000
            old = await made.world.upstream(lambda seen: ok(seen.body)(seen))
            new = H2Server(
                lambda connection, stream: h2_ok(connection.peer.bodies[stream])(connection, stream)
            )
            await new.start()
            made.world._closers.append(new.close)
            await made.serve(
                endpoint("https://a.example", to=old.url), http2_endpoint("https://b.example", new.url)
            )
            for sni in ("a.example", "b.example"):
                client = Client(made)
                await client.connect(sni)
                stream = client.peer.ask(request(method=b"POST", host=sni.encode()), end=False)
                left = size
                while left:
                    room = min(client.peer.h2.local_flow_control_window(stream), 16_384, left)
                    if room:
                        client.peer.h2.send_data(stream, b"x" * room, end_stream=room == left)
                        left -= room
                    else:
                        await client.turn()
                await client.until(lambda: stream in client.peer.ended)  # noqa: B023
                assert client.peer.bodies[stream] == b"x" * size
            assert old.seen[0].get("transfer-encoding") == ["chunked"]

    run(scenario())


def test_request_reaches_an_http_1_upstream_as_one_request() -> None:
    async def scenario() -> None:
        async with secure() as made:
            origin = await made.world.upstream()
            await made.serve(endpoint("https://a.example", to=origin.url))
            client = await connected(made)
            stream = await client.fetch(
                (b"content-length", b"5"),
                (b"x-forwarded-for", b"6.6.6.6"),
                (b"te", b"trailers"),
                body=b"hello",
            )
            assert client.peer.status(stream) == 200
            seen = origin.seen[0]
            assert (seen.method, seen.target, seen.body) == ("POST", "/", b"hello")
            assert seen.get("content-length") == ["5"]
            assert (seen.get("x-forwarded-for"), seen.get("x-forwarded-proto")) == (["127.0.0.1"], ["https"])
            assert (seen.get("te"), seen.get("connection")) == (["trailers"], ["te"])

    run(scenario())


def test_trailers_and_interim_responses_pass_between_the_versions() -> None:
    async def scenario() -> None:
        async with secure() as made:
            heard: list[bytes] = []

            async def old(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.readuntil(b"\r\n\r\n")
                heard.append(await reader.readuntil(b"0\r\nx-sum: 1\r\n\r\n"))
                writer.write(
                    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                    b"2\r\nok\r\n0\r\nX-Sum: 2\r\nSet-Cookie: a=b\r\n\r\n"
                )
                await reader.read()
                writer.close()

            await made.serve(endpoint("https://a.example", to=await made.world.server(old)))
            client = await connected(made)
            stream = client.peer.ask(request((b"te", b"trailers"), method=b"POST"), body=b"hello", end=False)
            client.peer.h2.send_headers(stream, [(b"x-sum", b"1"), (b"host", b"b")], end_stream=True)
            await client.until(lambda: stream in client.peer.ended or stream in client.peer.resets)
            assert heard == [b"5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n"]
            assert client.peer.interim[stream] == [[(b":status", b"103"), (b"link", b"</a>")]]
            assert (client.peer.bodies[stream], client.peer.trailers[stream]) == (b"ok", [(b"x-sum", b"2")])

    run(scenario())


def test_answers_without_body_are_told_as_such_by_either_version() -> None:
    def new(connection: Any, stream: int) -> None:
        status = dict(connection.peer.fields[stream])[b":path"][1:]
        length = [] if status == b"204" else [(b"content-length", b"5")]
        connection.send(stream, [(b":status", status), *length])

    def old(seen: Seen) -> bytes:
        length = "" if seen.target == "/204" else "content-length: 5\r\n"
        return f"HTTP/1.1 {seen.target[1:]} X\r\n{length}\r\n".encode()

    async def scenario() -> None:
        async with secure() as made:
            server = H2Server(new)
            await server.start()
            made.world._closers.append(server.close)
            await made.serve(
                http2_endpoint("https://a.example", server.url),
                endpoint("https://b.example", to=(await made.world.upstream(old)).url),
            )
            for host in (b"a.example", b"b.example"):
                client = Client(made)
                await client.connect(host.decode())
                for method, path, length in (
                    (b"HEAD", b"/200", [b"5"]),
                    (b"GET", b"/204", []),
                    (b"GET", b"/304", [b"5"]),
                ):
                    stream = client.peer.ask(request(method=method, path=path, host=host))
                    await client.until(lambda: stream in client.peer.ended)  # noqa: B023
                    assert client.peer.status(stream) == int(path[1:])
                    assert client.peer.get(stream, b"content-length") == length
                    assert stream not in client.peer.bodies
            reply = await (await made.client()).get("/200", "a.example", method="HEAD")
            assert (reply.status, reply.get("content-length")) == (200, ["5"])

    run(scenario())


SMUGGLED: list[list[Line]] = [
    request((b"transfer-encoding", b"chunked"), method=b"POST"),
    request((b"x", b"1\r\ntransfer-encoding: chunked"), method=b"POST"),
    request((b"x", b"1\r\n\r\nGET /admin HTTP/1.1\r\nhost: a.example\r\n\r\n"), method=b"POST"),
    request((b"x\r\nhost: b.example\r\ny", b"1")),
    request((b"content-length", b"0"), (b"content-length", b"44"), method=b"POST"),
    request(path=b"/ HTTP/1.1\r\nhost: b.example\r\n\r\nGET /admin"),
    request(method=b"GET / HTTP/1.1\r\nhost: b.example\r\n\r\nGET"),
    request(host=b"a.example\r\ntransfer-encoding: chunked"),
    request((b"host", b"b.example")),
    request((b"connection", b"content-length"), (b"content-length", b"5"), method=b"POST"),
    request((b"upgrade", b"h2c"), (b"http2-settings", b"AAMAAABkAAQAAP__")),
    request((b"Content-Length", b"5"), method=b"POST"),
]


@pytest.mark.parametrize("fields", SMUGGLED)
def test_nothing_is_smuggled_to_an_http_1_upstream(fields: list[Line]) -> None:
    async def scenario() -> None:
        async with secure() as made:
            origin = await made.world.upstream()
            await made.serve(endpoint("https://a.example", to=origin.url))
            client = await connected(made)
            stream = client.peer.ask(fields, body=b"GET /admin HTTP/1.1\r\nhost: a.example\r\n\r\n")
            peer = client.peer
            await client.until(lambda: stream in peer.ended or stream in peer.resets or bool(peer.goaways))
            assert peer.goaways or peer.status(stream) in (400, 501)
            if not client.peer.goaways:
                assert client.peer.status(await client.fetch()) == 200  # the connection goes on
            assert all(seen.target == "/" for seen in origin.seen)
            assert len(origin.seen) <= 1

    run(scenario())


def test_close_connection_takes_every_stream_along() -> None:
    async def scenario() -> None:
        async with secure() as made:
            stuck = asyncio.Event()

            async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.readuntil(b"\r\n\r\n")
                stuck.set()
                assert await reader.read() == b""
                writer.close()

            def decide(exchange: Exchange) -> Outcome:
                return (
                    Close("close-connection")
                    if exchange.req.method == "POST"
                    else Forward("https://b.internal")
                )

            await made.serve(
                endpoint("https://a.example", {Phase.HTTP_REQUEST: decide}),
                endpoint("https://b.internal", to=await made.world.server(silent)),
            )
            client = await connected(made)
            client.peer.ask(request())
            client.writer.write(client.peer.take())
            await stuck.wait()
            client.peer.ask(request(method=b"POST"))
            await client.ends()
            assert {record["reason"] for record in made.world.log} == {"close-connection", "client_gone"}

    run(scenario())


def test_upstream_that_breaks_off_resets_the_stream() -> None:
    async def scenario() -> None:
        async with secure() as made:
            origin = await made.world.upstream(
                lambda seen: (
                    b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\nconnection: close\r\n\r\nhalf"
                    if seen.target == "/"
                    else ok()(seen)
                )
            )
            await made.serve(endpoint("https://a.example", to=origin.url))
            client = await connected(made)
            stream = await client.fetch()
            assert (client.peer.resets[stream], client.peer.bodies[stream]) == (2, b"half")
            other = client.peer.ask(request(path=b"/fine"))
            await client.until(lambda: other in client.peer.ended)

    run(scenario())


def test_client_that_gives_up_lets_go_of_the_upstream() -> None:
    async def scenario() -> None:
        async with secure() as made:
            gone = asyncio.Event()
            stuck = asyncio.Event()

            async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.readuntil(b"\r\n\r\n")
                stuck.set()
                await reader.read()
                writer.close()
                gone.set()

            await made.serve(endpoint("https://a.example", to=await made.world.server(silent)))
            client = await connected(made)
            stream = client.peer.ask(request())
            client.writer.write(client.peer.take())
            await stuck.wait()
            client.peer.h2.reset_stream(stream, 8)
            client.writer.write(client.peer.take())
            await gone.wait()
            assert (await made.world.record())["reason"] == "client_gone"

    run(scenario())


def test_stop_lets_streams_end() -> None:
    async def scenario() -> None:
        async with secure() as made:
            stuck, go = asyncio.Event(), asyncio.Event()

            async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.readuntil(b"\r\n\r\n")
                stuck.set()
                await go.wait()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                await reader.read()
                writer.close()

            await made.serve(endpoint("https://a.example", to=await made.world.server(slow)))
            client = await connected(made)
            stream = client.peer.ask(request())
            client.writer.write(client.peer.take())
            await stuck.wait()
            closing = asyncio.create_task(made.world.gateway.close())
            await client.until(lambda: len(client.peer.goaways) == 2)
            assert client.peer.goaways == [(0, 2**31 - 1), (0, stream)]
            go.set()
            await client.until(lambda: stream in client.peer.ended)
            await client.ends()
            await closing
            assert client.peer.bodies[stream] == b"ok"

    run(scenario())


def test_reload_under_streams_changes_what_comes_next() -> None:
    async def scenario() -> None:
        async with secure() as made:
            old, new = await made.world.upstream(ok(b"old")), await made.world.upstream(ok(b"new"))
            await made.serve(endpoint("https://a.example", to=old.url))
            client = await connected(made)
            assert client.peer.bodies[await client.fetch()] == b"old"
            made.world.gateway.reload(Program((endpoint("https://a.example", to=new.url),)))
            assert client.peer.bodies[await client.fetch()] == b"new"

    run(scenario())


def test_application_is_told_the_version_and_no_coding() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message["body"]
            if not message["more_body"]:
                break
        names = b",".join(name for name, _ in scope["headers"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-names", names)]})
        await send({"type": "http.response.body", "body": scope["http_version"].encode() + b" " + body})

    async def scenario() -> None:
        async with secure() as made:
            await made.serve(apps={"https://a.example": app})
            client = await connected(made)
            stream = await client.fetch(body=b"hello")
            assert client.peer.bodies[stream] == b"2 hello"
            assert b"transfer-encoding" not in client.peer.get(stream, b"x-names")[0]

    run(scenario())


def test_host_of_another_endpoint_on_the_connection_is_misdirected_or_served() -> None:
    async def scenario() -> None:
        async with secure() as made:
            await made.serve(
                endpoint("https://a.example", {Phase.HTTP_REQUEST: lambda x: Respond(200, body=b"a")}),
                endpoint("https://b.example", {Phase.HTTP_REQUEST: lambda x: Respond(200, body=b"b")}),
                endpoint(
                    "https://c.wild.example",
                    {Phase.TCP_CONNECT: lambda x: None, Phase.HTTP_REQUEST: lambda x: Respond(200)},
                ),
            )
            client = await connected(made)
            for host, status in ((b"a.example", 200), (b"b.example", 200), (b"c.wild.example", 421)):
                assert client.peer.status(await client.fetch(host=host)) == status
            assert client.peer.status(await client.fetch()) == 200

    run(scenario())


# --- upstreams --------------------------------------------------------------------------------------------


def test_http_1_client_reaches_an_http_2_upstream_with_a_proxy_header() -> None:
    async def scenario() -> None:
        async with world() as made:
            server = H2Server(h2_ok(b"two", (b"x-a", b"1")), proxied=True)
            await server.start()
            made._closers.append(server.close)
            await made.serve(http2_endpoint("http://a.example", server.url, proxy_protocol="1"))
            reply = await made.get("/p", "a.example")
            assert (reply.status, reply.body, reply.get("x-a")) == (200, b"two", ["1"])
            assert reply.get("transfer-encoding") == ["chunked"]
            assert server.connections[0].preamble.startswith(b"PROXY TCP4 127.0.0.1 127.0.0.1 ")
            samples = made.gateway.collect()
            assert set(samples["policyc_upstream_connections"].values()) == {1}

    run(scenario())


POLICY = 'endpoint "http://a.example" -> "{url}" {{ upstream: {{ protocol: "http2" }} }}'
AGENT = """
version: 3
endpoints:
  - name: a
    url: http://a.example
    upstream: {{ url: "{url}", protocol: http2 }}
"""


@pytest.mark.parametrize(("text", "filename"), [(POLICY, "a.policy"), (AGENT, "ngrok.yml")])
def test_files_ask_for_http_2(text: str, filename: str) -> None:
    async def scenario() -> None:
        async with world() as made:
            server = H2Server(h2_ok(b"two"))
            await server.start()
            made._closers.append(server.close)
            await made.serve(program=compile_program(text.format(url=server.url), filename=filename))
            assert (await made.get("/", "a.example")).body == b"two"

    run(scenario())


def test_endpoint_that_needs_the_extra_says_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "policyc.runtime.transport.upstream_http2", None)
    with pytest.raises(GatewayError, match=r"https://a.example: .* pip install 'policyc\[http2\]'"):
        Gateway(Program((http2_endpoint("https://a.example", "http://127.0.0.1:1"),)))


def test_upstream_that_speaks_http_1_only_is_a_bad_gateway() -> None:
    async def scenario() -> None:
        async with world() as made:

            async def old(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                writer.write(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")
                await reader.read()
                writer.close()

            await made.serve(http2_endpoint("http://a.example", await made.server(old)))
            reply = await made.get("/", "a.example")
            assert (reply.status, reply.get("ngrok-error-code")) == (502, ["ERR_NGROK_3004"])
            assert (await made.record())["reason"] == "bad_response"

    run(scenario())


# --- limits -----------------------------------------------------------------------------------------------


async def _too_many(client: Client) -> None:
    client.peer.h2.remote_settings[SettingCodes.MAX_CONCURRENT_STREAMS] = 1000
    client.peer.h2.remote_settings.acknowledge()
    for _ in range(12):
        client.peer.ask(request(method=b"POST"), end=False)


async def _resets(client: Client) -> None:
    for _ in range(12):
        client.peer.h2.reset_stream(client.peer.ask(request()), 8)


async def _pings(client: Client) -> None:
    for _ in range(40):
        client.peer.h2.ping(bytes(8))


async def _continuations(client: Client) -> None:
    client.writer.write(client.peer.take() + frame(1, b"\x82", 0, 1) + frame(9, b"\x87", 0, 1) * 5)


LIMITS: dict[str, Callable[[Client], Awaitable[None]]] = {
    "http2_streams_limit": _too_many,
    "http2_resets_limit": _resets,
    "http2_control_limit": _pings,
    "http2_continuations_limit": _continuations,
}


@pytest.mark.parametrize("name", LIMITS)
def test_limit_of_a_connection_is_told_and_counted_and_others_are_served(name: str) -> None:
    async def scenario() -> None:
        async with secure() as made:
            settings = Settings(
                http2_streams_limit=2,
                http2_resets_limit=5,
                http2_control_limit=20,
                http2_continuations_limit=3,
            )
            stuck = await made.world.server(_silent)
            await made.serve(
                endpoint("https://a.example", {Phase.HTTP_REQUEST: _ok_to_get}, stuck), settings=settings
            )
            client, other = await connected(made), await connected(made)
            await client.turn()
            await LIMITS[name](client)
            await client.ends()
            assert client.peer.goaways[-1][0] == 11
            assert other.peer.status(await other.fetch()) == 200
            assert made.world.gateway.collect()["policyc_limit_hits_total"][name,] == 1

    run(scenario())


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


def _ok_to_get(exchange: Exchange) -> Outcome | None:
    return Respond(200, body=b"ok") if exchange.req.method == "GET" else None


def test_window_that_stays_closed_ends_the_stream() -> None:
    async def scenario() -> None:
        async with secure() as made:
            origin = await made.world.upstream(ok(b"x" * 300_000))
            await made.serve(
                endpoint("https://a.example", to=origin.url), settings=Settings(write_timeout_s=0.2)
            )
            client = await connected(made, opens=False)
            stream = await client.fetch()
            assert client.peer.resets == {stream: 8}
            assert (await made.world.record())["reason"] == "write_timeout"

    run(scenario())
