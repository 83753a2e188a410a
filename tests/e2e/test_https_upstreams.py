"""https upstreams: verified or not, by whom, and what a client is told if they are not to be trusted."""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from pathlib import Path

import pytest
from tests.e2e.authority import Authority, Signed
from tests.e2e.certificate import CERTIFICATE
from tests.e2e.stream_world import StreamWorld, free_port, with_settings
from tests.e2e.test_https import pem
from tests.e2e.world import World, endpoint, read_request, run, world
from tests.runtime.transport.test_streams import tls_server

from policyc.runtime.program import compile_program

pytestmark = pytest.mark.e2e

AUTHORITY = Authority()
SERVER = AUTHORITY.sign("localhost", "127.0.0.1")
FAULTY: dict[str, tuple[Signed, str]] = {
    "other name": (AUTHORITY.sign("other.example"), "mismatch"),
    "expired": (AUTHORITY.sign("localhost", days=(-5, -2)), "expired"),
    "not yet valid": (AUTHORITY.sign("localhost", days=(2, 5)), "not yet valid"),
    "untrusted": (Authority().sign("localhost"), "local issuer"),
}


async def server(made: World, signed: Signed, host: str = "localhost") -> str:
    """Start an https server that answers with what ALPN and SNI were; return its URL."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(signed.certificate + signed.private_key)
        file.flush()
        context.load_cert_chain(file.name)
    context.set_alpn_protocols(["h2", "http/1.1"])

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.on_close(writer.close)
        session = writer.get_extra_info("ssl_object")
        while await read_request(reader) is not None:
            body = f"{session.selected_alpn_protocol()} {session.version()}".encode()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
            await writer.drain()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    made.on_close(listener.close)
    return f"https://{host}:{listener.sockets[0].getsockname()[1]}"


def policy(to: str, settings: str = "") -> str:
    return (
        f'endpoint "https://a.example" -> "{to}" {{ upstream: {{ {settings} }} }}'
        if settings
        else (f'endpoint "https://a.example" -> "{to}"')
    )


async def serve(made: World, text: str) -> None:
    await made.serve(program=compile_program(text))


@pytest.mark.parametrize("case", ["good", *FAULTY])
def test_an_upstream_is_not_verified_unless_that_is_asked_for(case: str) -> None:
    async def scenario() -> None:
        async with world() as made:
            signed = SERVER if case == "good" else FAULTY[case][0]
            await serve(made, policy(await server(made, signed)))
            for _ in range(2):
                reply = await made.get("/", "a.example")
                assert (reply.status, reply.body) == (200, b"http/1.1 TLSv1.3")

    run(scenario())


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_an_upstream_is_verified_by_the_authorities_of_the_endpoint(host: str) -> None:
    async def scenario() -> None:
        async with world() as made:
            to = await server(made, SERVER, host)
            await serve(made, policy(to, f'tls_verify: true, tls_verify_cas: "{pem(AUTHORITY.pem)}"'))
            assert (await made.get("/", "a.example")).status == 200

    run(scenario())


def test_authorities_may_lie_in_a_file_that_a_reload_reads_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world() as made:
            path = tmp_path / "ca.pem"
            path.write_text(Authority().pem)
            text = policy(await server(made, SERVER), f'tls_verify_cas: "{path}"')
            await serve(made, text)
            assert (await made.get("/", "a.example")).status == 502
            path.write_text(AUTHORITY.pem)
            made.gateway.reload(compile_program(text))
            assert (await made.get("/", "a.example")).status == 200

    run(scenario())


@pytest.mark.parametrize("case", FAULTY)
def test_an_upstream_that_is_not_to_be_trusted_is_a_failure(case: str) -> None:
    async def scenario() -> None:
        async with world() as made:
            signed, words = FAULTY[case]
            to = await server(made, signed)
            await serve(made, policy(to, f'tls_verify_cas: "{pem(AUTHORITY.pem)}"'))
            reply = await made.get("/", "a.example")
            assert reply.status == 502
            assert reply.get("ngrok-error-code") == ["ERR_NGROK_8012"]
            assert b"certificate" not in reply.body
            record = await made.record()
            assert record["reason"] == "upstream_untrusted"
            assert words in record["detail"]
            assert made.gateway.upstreams.open_count == 0

    run(scenario())


def test_the_systems_authorities_do_not_vouch_for_a_test() -> None:
    async def scenario() -> None:
        async with world() as made:
            await serve(made, policy(await server(made, SERVER), "tls_verify: true"))
            assert (await made.get("/", "a.example")).status == 502
            assert (await made.record())["reason"] == "upstream_untrusted"

    run(scenario())


def test_an_upstream_that_speaks_no_tls_is_a_failure() -> None:
    async def scenario() -> None:
        async with world() as made:
            upstream = await made.upstream()

            async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                writer.write(b"220 hello, this is no TLS\r\n")
                await reader.read(1)
                writer.close()

            to = (await made.server(garbage)).replace("http:", "https:")
            await serve(made, policy(to))
            assert (await made.get("/", "a.example")).status == 502
            assert (await made.record())["reason"] == "upstream_bad_tls"
            assert upstream.connections == 0

    run(scenario())


def test_connections_that_are_verified_in_different_ways_are_not_shared() -> None:
    async def scenario() -> None:
        async with world() as made:
            to = await server(made, SERVER)
            await serve(
                made,
                f'endpoint "https://a.example" -> "{to}" '
                f'endpoint "https://b.example" -> "{to}" {{ upstream: {{ tls_verify: true }} }}',
            )
            assert (await made.get("/", "a.example")).status == 200
            assert (await made.get("/", "b.example")).status == 502
            assert (await made.get("/", "a.example")).status == 200

    run(scenario())


def test_tls_upstream_may_be_verified_by_authorities_of_the_endpoint() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, port = StreamWorld(made), free_port()
            served = endpoint(f"tcp://db.example.com:{port}", to=await tls_server(made))
            await streams.serve(with_settings(served, {"upstream.tls_verify_cas": CERTIFICATE}))
            client = await streams.connect(port)
            await client.say(b"hello")
            assert await client.reader.readexactly(5) == b"hello"

    run(scenario())
