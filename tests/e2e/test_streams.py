"""tcp and tls endpoints with real sockets: what passes, what is refused, and how it ends."""

from __future__ import annotations

import asyncio
import os
import socket
import struct

import pytest
from tests.e2e.stream_world import (
    Peer,
    StreamWorld,
    client_hello,
    echo,
    free_port,
    on_connect,
    with_settings,
)
from tests.e2e.world import endpoint, run, world

from policyc.engine.model import Program
from policyc.engine.outcome import Close, Forward
from policyc.engine.traffic import Exchange
from policyc.runtime.gateway import GatewayError
from policyc.runtime.protocol.proxy_protocol import header
from policyc.runtime.settings import Settings
from policyc.runtime.transport.acceptor import Descriptors

MIB = 1 << 20

pytestmark = pytest.mark.e2e


def test_ten_megabytes_pass_both_ways_unchanged() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, port = StreamWorld(made), free_port()
            upstream = await streams.upstream(echo)
            await streams.serve(endpoint(f"tcp://db.example.com:{port}", to=upstream))
            client = await streams.connect(port)
            octets = os.urandom(10 * MIB)
            received, _ = await asyncio.gather(client.all(), client.say(octets, end=True))
            assert received == octets
            record = await made.record()
            assert record["protocol"] == "tcp"
            assert record["bytes_in"] == record["bytes_out"] == 10 * MIB
            assert record["endpoints"] == [f"tcp://db.example.com:{port}"]
            assert record["upstream"] == upstream
            assert "reason" not in record

    run(scenario())


def test_end_of_one_direction_is_passed_on_and_the_other_goes_on() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, port = StreamWorld(made), free_port()
            await streams.serve(endpoint(f"tcp://db.example.com:{port}", to=await streams.upstream()))
            client = await streams.connect(port)
            await client.say(b"ask", end=True)
            upstream = await streams.accepted.get()
            assert await upstream.all() == b"ask"
            await upstream.say(b"answer")
            assert await client.reader.readexactly(6) == b"answer"
            await upstream.say(b", more", end=True)
            assert await client.all() == b", more"
            assert "reason" not in await made.record()
            assert made.gateway.connection_count == 0

    run(scenario())


def test_upstream_may_speak_first_and_end_first() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, port = StreamWorld(made), free_port()
            await streams.serve(endpoint(f"tcp://db.example.com:{port}", to=await streams.upstream()))
            client = await streams.connect(port)
            upstream = await streams.accepted.get()
            await upstream.say(b"220 hello", end=True)
            assert await client.all() == b"220 hello"
            await client.say(b"still here", end=True)
            assert await upstream.all() == b"still here"
            assert "reason" not in await made.record()

    run(scenario())


def test_slow_reader_holds_the_sender_back_and_memory_stays_level() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, port = StreamWorld(made), free_port()
            settings = Settings(buffer_bytes=64 * 1024)
            target = await streams.upstream()
            await streams.serve(endpoint(f"tcp://db.example.com:{port}", to=target), settings=settings)
            client = await streams.connect(port)
            client.stop_reading()
            upstream = await streams.accepted.get()
            octets = os.urandom(64 * MIB)
            sending = asyncio.ensure_future(upstream.say(octets, end=True))
            sides = streams.relay()
            largest = 0
            while sides.upstream.transport.is_reading() or not largest:
                await asyncio.sleep(0)
                largest = max(largest, sides.client.transport.get_write_buffer_size())
            for _ in range(100):
                await asyncio.sleep(0)
                largest = max(largest, sides.client.transport.get_write_buffer_size())
            assert 0 < largest <= 64 * 1024 + 256 * 1024  # what is let wait, and the piece that was read
            assert not sending.done()
            client.go_on_reading()
            assert await client.all() == octets
            await sending

    run(scenario())


def test_broken_upstream_breaks_the_client_and_is_not_made_an_end() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, port = StreamWorld(made), free_port()
            await streams.serve(endpoint(f"tcp://db.example.com:{port}", to=await streams.upstream()))
            client = await streams.connect(port)
            upstream = await streams.accepted.get()
            upstream.reset()
            assert await client.is_reset()
            assert (await made.record())["reason"] == "upstream_reset"

    run(scenario())


def test_broken_client_breaks_the_upstream() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, port = StreamWorld(made), free_port()
            await streams.serve(endpoint(f"tcp://db.example.com:{port}", to=await streams.upstream()))
            client = await streams.connect(port)
            upstream = await streams.accepted.get()
            client.reset()
            assert await upstream.is_reset()
            assert (await made.record())["reason"] == "client_reset"

    run(scenario())


def test_nothing_moves_for_five_minutes_and_the_connection_is_closed() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, port = StreamWorld(made), free_port()
            await streams.serve(endpoint(f"tcp://db.example.com:{port}", to=await streams.upstream(echo)))
            client = await streams.connect(port)
            clock = streams.hold_clock()
            for _ in range(2):  # what moves once starts the time anew
                await client.say(b"x")
                assert await client.reader.readexactly(1) == b"x"
                for _ in range(9):
                    clock.forward(30)
                assert made.gateway.connection_count == 1
            for _ in range(3):
                clock.forward(30)
            assert await client.is_reset()
            assert (await made.record())["reason"] == "idle_timeout"

    run(scenario())


# --- policies -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ("deny", "deny"),
        ('restrict-ips { allow: ["203.0.113.0/24"] }', "restrict-ips"),
        (
            "when conn.client_ip == '127.0.0.1' && conn.server_port > 0 { close-connection }",
            "close-connection",
        ),
        ("when int(conn.client_ip) == 1 { deny }", "policy_error"),
    ],
)
def test_policy_that_refuses_closes_without_a_word(policy: str, reason: str) -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, port = StreamWorld(made), free_port()
            upstream = await streams.upstream()
            text = (
                f'endpoint "tcp://db.example.com:{port}" -> "{upstream}" {{ on_tcp_connect {{ {policy} }} }}'
            )
            await streams.serve_policy(text)
            client = await streams.connect(port)
            assert await client.gets_nothing()
            record = await made.record()
            assert record["reason"] == reason
            assert record["endpoints"] == [f"tcp://db.example.com:{port}"]
            assert streams.accepted.empty()

    run(scenario())


def test_log_and_variables_of_the_policy_are_in_the_record() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, port = StreamWorld(made), free_port()
            upstream = await streams.upstream(echo)
            await streams.serve_policy(
                f"""
                endpoint "tcp://db.example.com:{port}" -> "{upstream}" {{ on_tcp_connect {{ rule "mark" {{
                    set-vars {{ vars: [{{ who: "${{conn.client_ip}}" }}] }}
                    log {{ metadata: {{ who: "${{vars.who}}", at: "${{endpoint.url}}" }} }}
                }} }} }}
                """
            )
            client = await streams.connect(port)
            await client.say(b"hello", end=True)
            assert await client.all() == b"hello"
            record = await made.record()
            assert record["rules"] == ["mark"]
            (entry,) = record["logs"]
            assert "127.0.0.1" in str(entry)
            assert f"tcp://db.example.com:{port}" in str(entry)

    run(scenario())


def test_forwards_go_through_internal_endpoints_and_their_policies() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, port = StreamWorld(made), free_port()
            upstream = await streams.upstream(echo)
            await streams.serve_policy(
                f"""
                endpoint "tcp://db.example.com:{port}" {{
                    on_tcp_connect {{ forward-internal "tcp://a.internal:1" }}
                }}
                endpoint "tcp://a.internal:1" {{ on_tcp_connect {{
                    log {{ metadata: {{ at: "${{endpoint.url}}" }} }}
                    forward-internal "tcp://${{'b'}}.internal:2"
                }} }}
                endpoint "tcp://*.internal:2" -> "{upstream}"
                """
            )
            client = await streams.connect(port)
            await client.say(b"hello", end=True)
            assert await client.all() == b"hello"
            record = await made.record()
            assert record["endpoints"] == [
                f"tcp://db.example.com:{port}",
                "tcp://a.internal:1",
                "tcp://*.internal:2",
            ]
            assert "tcp://a.internal:1" in str(record["logs"])

    run(scenario())


def test_inner_refusal_is_final_whatever_on_error_says() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, port = StreamWorld(made), free_port()
            upstream = await streams.upstream()
            await streams.serve_policy(
                f"""
                endpoint "tcp://db.example.com:{port}" -> "{upstream}" {{ on_tcp_connect {{
                    forward-internal "tcp://a.internal:1" {{ on_error: "continue" }}
                }} }}
                endpoint "tcp://a.internal:1" {{ on_tcp_connect {{ deny }} }}
                """
            )
            client = await streams.connect(port)
            assert await client.gets_nothing()
            assert (await made.record())["reason"] == "deny"
            assert streams.accepted.empty()

    run(scenario())


def test_dead_upstream_of_a_forward_leads_on_with_on_error_continue() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, port = StreamWorld(made), free_port()
            upstream = await streams.upstream(echo)
            await streams.serve_policy(
                f"""
                endpoint "tcp://db.example.com:{port}" -> "{upstream}" {{ on_tcp_connect {{
                    forward-internal "tcp://none.internal:1" {{ on_error: "continue" }}
                    log {{ metadata: {{ first: "${{actions.ngrok.forward_internal.error.code}}" }} }}
                    forward-internal "tcp://dead.internal:1" {{ on_error: "continue" }}
                    log {{ metadata: {{ second: "${{actions.ngrok.forward_internal.error.code}}" }} }}
                }} }}
                endpoint "tcp://dead.internal:1" -> "tcp://127.0.0.1:{free_port()}"
                """
            )
            client = await streams.connect(port)
            await client.say(b"hello", end=True)
            assert await client.all() == b"hello"
            record = await made.record()
            assert "ERR_NGROK_3200" in str(record["logs"])
            assert "ERR_NGROK_8012" in str(record["logs"])
            assert record["upstream"] == upstream
            assert "reason" not in record

    run(scenario())


def test_dead_upstream_closes_the_connection() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, port = StreamWorld(made), free_port()
            await streams.serve(endpoint(f"tcp://db.example.com:{port}", to=f"tcp://127.0.0.1:{free_port()}"))
            client = await streams.connect(port)
            assert await client.gets_nothing()
            record = await made.record()
            assert (record["reason"], record["error"]) == ("upstream_unreachable", "ERR_NGROK_8012")
            assert made.gateway.connection_count == 0

    run(scenario())


def test_forward_in_circles_ends_at_the_hop_limit() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, port = StreamWorld(made), free_port()
            circle = on_connect(lambda x: Forward("tcp://a.internal:1"))
            await streams.serve(
                endpoint(f"tcp://db.example.com:{port}", circle), endpoint("tcp://a.internal:1", circle)
            )
            client = await streams.connect(port)
            assert await client.gets_nothing()
            record = await made.record()
            assert record["reason"] == "hop_limit"
            assert len(record["endpoints"]) == 6

    run(scenario())


def test_pool_is_chosen_from_per_connection() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, port = StreamWorld(made), free_port()
            url = f"tcp://db.example.com:{port}"

            async def one(peer: Peer) -> None:
                await peer.say(b"1", end=True)

            async def two(peer: Peer) -> None:
                await peer.say(b"2", end=True)

            await streams.serve(
                endpoint(url, to=await streams.upstream(one), pooled=True),
                endpoint(url, to=await streams.upstream(two), pooled=True),
            )
            answers = set()
            for _ in range(20):
                answers.add(await (await streams.connect(port)).all())
            assert answers == {b"1", b"2"}

    run(scenario())


def test_internal_endpoint_has_no_listener() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, port = StreamWorld(made), free_port()
            await streams.serve(
                endpoint(f"tcp://a.internal:{port}", to=await streams.upstream()),
                endpoint("tls://a.internal", to=await streams.upstream()),
            )
            assert made.gateway.stream_places == []
            with pytest.raises(ConnectionRefusedError):
                await streams.connect(port)

    run(scenario())


# --- tls ------------------------------------------------------------------------------------------------


def test_tls_is_routed_by_name_and_passed_on_as_it_is() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams = StreamWorld(made)
            one, two = await streams.upstream(), await streams.upstream()
            seen = []

            def note(x: Exchange) -> None:
                assert x.conn.tls is not None
                seen.append((x.conn.tls.sni, x.conn.tls.ja4, x.conn.tls.version))

            await streams.serve(
                endpoint("tls://one.example.com", on_connect(note), to=one),
                endpoint("tls://*.example.com", to=two),
            )
            for name, target in [
                ("one.example.com", one),
                ("ONE.example.com", one),
                ("x.y.example.com", two),
            ]:
                client = await streams.connect(streams.tls_port)
                hello = client_hello(name)
                for at in range(0, len(hello), 100):
                    await client.say(hello[at : at + 100])
                await client.say(b"and more", end=True)
                upstream = await streams.accepted.get()
                assert await upstream.all() == hello + b"and more"
                await upstream.say(b"answer", end=True)
                assert await client.all() == b"answer"
                record = await made.record(len(made.log) + (not seen))
                assert record["upstream"] == target
                assert record["sni"] == name.lower()
            assert [each[0] for each in seen] == ["one.example.com"] * 2
            assert seen[0][1].startswith("t13d")
            assert seen[0][2] == ""

    run(scenario())


@pytest.mark.parametrize(
    ("octets", "answer", "reason"),
    [
        (client_hello("other.example.org"), b"\x15\x03\x03\x00\x02\x02\x70", "no_endpoint"),
        (client_hello("a.internal"), b"\x15\x03\x03\x00\x02\x02\x70", "no_endpoint"),
        (client_hello(None), b"\x15\x03\x03\x00\x02\x02\x6d", "no_sni"),
        (b"GET / HTTP/1.1\r\nHost: one.example.com\r\n\r\n", b"", "not_tls"),
        (b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n" + client_hello("one.example.com"), b"", "not_tls"),
        (b"\x16\x03\x01\x00\x00", b"\x15\x03\x03\x00\x02\x02\x32", "bad_hello"),
    ],
)
def test_what_cannot_be_routed_is_refused(octets: bytes, answer: bytes, reason: str) -> None:
    async def scenario() -> None:
        async with world() as made:
            streams = StreamWorld(made)
            upstream = await streams.upstream()
            await streams.serve(
                endpoint("tls://one.example.com", to=upstream), endpoint("tls://a.internal", to=upstream)
            )
            client = await streams.connect(streams.tls_port)
            await client.say(octets)
            assert await client.answer() == answer
            client.close()
            record = await made.record()
            assert record["reason"] == reason
            assert record["endpoints"] == []
            assert streams.accepted.empty()

    run(scenario())


def test_late_hello_is_waited_for_in_all_and_not_per_piece() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams = StreamWorld(made)
            await streams.serve(endpoint("tls://one.example.com", to=await streams.upstream()))
            client = await streams.connect(streams.tls_port)
            clock = streams.hold_clock()
            for octet in client_hello("one.example.com")[:4]:
                await client.say(bytes([octet]))
                await streams.settled()
                clock.forward(1)
            assert await client.gets_nothing()
            assert (await made.record())["reason"] == "hello_timeout"

    run(scenario())


def test_tls_and_tcp_endpoints_forward_to_each_other() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, port = StreamWorld(made), free_port()
            upstream = await streams.upstream(echo)
            await streams.serve(
                endpoint("tls://one.example.com", on_connect(lambda x: Forward("tcp://a.internal:1"))),
                endpoint(f"tcp://db.example.com:{port}", on_connect(lambda x: Forward("tls://b.internal"))),
                endpoint("tcp://a.internal:1", to=upstream),
                endpoint("tls://b.internal", to=upstream),
            )
            hello = client_hello("one.example.com")
            for at in (streams.tls_port, port):
                client = await streams.connect(at)
                await client.say(hello, end=True)
                assert await client.all() == hello

    run(scenario())


# --- PROXY protocol -------------------------------------------------------------------------------------

LISTED = Settings(proxy_protocol_from=("127.0.0.0/8",))
NOT_LISTED = Settings(proxy_protocol_from=("203.0.113.0/24",))
ENDS = (("192.0.2.1", 51234), ("198.51.100.2", 443))


@pytest.mark.parametrize("version", [1, 2])
def test_listed_peer_says_who_the_client_is_and_the_upstream_is_told(version: int) -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, port = StreamWorld(made), free_port()
            seen = []
            upstream = await streams.upstream()
            settings = {"upstream.proxy_protocol": version}
            await streams.serve(
                with_settings(
                    endpoint(
                        f"tcp://db.example.com:{port}",
                        on_connect(lambda x: seen.append((x.conn.client_ip, x.conn.server_port))),
                        to=upstream,
                    ),
                    settings,
                ),
                settings=LISTED,
            )
            client = await streams.connect(port)
            told = header(version, *ENDS)
            for at in range(len(told)):
                await client.say(told[at : at + 1])
            await client.say(b"hello", end=True)
            peer = await streams.accepted.get()
            assert await peer.all() == told + b"hello"
            peer.close()
            assert seen == [("192.0.2.1", 443)]
            assert (await made.record())["client"] == "192.0.2.1"

    run(scenario())


def test_listed_peer_must_send_a_header() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, port = StreamWorld(made), free_port()
            await streams.serve(
                endpoint(f"tcp://db.example.com:{port}", to=await streams.upstream()), settings=LISTED
            )
            client = await streams.connect(port)
            await client.say(b"hello")
            assert await client.gets_nothing()
            assert (await made.record())["reason"] == "bad_proxy_header"
            late = await streams.connect(port)
            clock = streams.hold_clock()
            await streams.settled()
            clock.forward(4)
            assert await late.gets_nothing()
            assert (await made.record(2))["reason"] == "proxy_header_timeout"
            assert streams.accepted.empty()
            assert made.gateway.connection_count == 0

    run(scenario())


def test_header_of_a_peer_that_is_not_listed_is_refused() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, port = StreamWorld(made), free_port()
            await streams.serve(
                endpoint(f"tcp://db.example.com:{port}", to=await streams.upstream()), settings=NOT_LISTED
            )
            client = await streams.connect(port)
            await client.say(header(2, *ENDS))
            assert await client.gets_nothing()
            assert (await made.record())["reason"] == "proxy_not_trusted"
            assert await (await streams.accepted.get()).gets_nothing()
            other = await streams.connect(port)
            await other.say(b"hello", end=True)
            assert await (await streams.accepted.get()).all() == b"hello"

    run(scenario())


def test_header_counts_on_tls_and_http_listeners_too() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams = StreamWorld(made)
            web = await made.upstream()
            seen = []

            def note(x: Exchange) -> None:
                seen.append(x.conn.client_ip)

            await streams.serve(
                endpoint("tls://one.example.com", on_connect(note), to=await streams.upstream(echo)),
                endpoint("http://web.example.com", on_connect(note), to=web.url),
                settings=LISTED,
            )
            client = await streams.connect(streams.tls_port)
            hello = client_hello("one.example.com")
            await client.say(header(1, *ENDS) + hello, end=True)
            assert await client.all() == hello
            browser = await made.client()
            browser.send(header(2, *ENDS))
            assert (await browser.get("/", "web.example.com")).status == 200
            assert web.seen[0].get("x-forwarded-for") == ["192.0.2.1"]
            assert seen == ["192.0.2.1"] * 2
            assert made.gateway.collect()["policyc_connections_total"] == {(): 2}

    run(scenario())


def test_connections_without_a_header_are_held_to_the_limit_and_counted_as_none() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, port = StreamWorld(made), free_port()
            await streams.serve(
                endpoint(f"tcp://db.example.com:{port}", to=await streams.upstream(echo)),
                settings=Settings(proxy_protocol_from=("127.0.0.0/8",), connections_limit=1),
            )
            first = await streams.connect(port)
            await first.say(b"PROXY ")
            await streams.settled()
            second = await streams.connect(port)
            assert await second.gets_nothing()
            assert (await made.record())["reason"] == "too_many_connections"
            assert made.gateway.collect()["policyc_connections_total"] == {(): 0}
            await first.say(header(1, *ENDS)[6:] + b"hello", end=True)
            assert await first.all() == b"hello"
            assert made.gateway.collect()["policyc_connections_total"] == {(): 1}

    run(scenario())


def test_http_listener_takes_no_header_from_others() -> None:
    async def scenario() -> None:
        async with world() as made:
            web = await made.upstream()
            await made.serve(endpoint("http://web.example.com", to=web.url), settings=NOT_LISTED)
            browser = await made.client()
            browser.send(header(1, *ENDS))
            assert (await browser.get("/", "web.example.com")).status == 400
            assert web.seen == []

    run(scenario())


# --- operation ------------------------------------------------------------------------------------------


def test_connections_of_one_address_are_limited() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, port = StreamWorld(made), free_port()
            await streams.serve(
                endpoint(f"tcp://db.example.com:{port}", to=await streams.upstream(echo)),
                settings=Settings(connections_per_address=1),
            )
            first = await streams.connect(port)
            await first.say(b"x")
            assert await first.reader.readexactly(1) == b"x"
            assert await (await streams.connect(port)).gets_nothing()
            assert (await made.record())["reason"] == "address_connections"
            await first.say(b"", end=True)
            await first.all()
            await made.record(2)
            again = await streams.connect(port)
            await again.say(b"y", end=True)
            assert await again.all() == b"y"

    run(scenario())


def test_connection_keeps_what_it_began_with_and_listeners_follow_a_reload() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, old, new = StreamWorld(made), free_port(), free_port()
            upstream = await streams.upstream(echo)
            await streams.serve(endpoint(f"tcp://db.example.com:{old}", to=upstream))
            client = await streams.connect(old)
            await client.say(b"a")
            assert await client.reader.readexactly(1) == b"a"
            made.gateway.reload(
                Program(
                    (
                        endpoint(
                            f"tcp://db.example.com:{new}", on_connect(lambda x: Close("deny")), to=upstream
                        ),
                        endpoint("tls://one.example.com", to=upstream),
                    )
                )
            )
            await client.say(b"b", end=True)
            assert await client.all() == b"b"
            with pytest.raises(ConnectionRefusedError):
                await streams.connect(old)
            assert await (await streams.connect(new)).gets_nothing()
            assert {place.scheme for place in made.gateway.stream_places} == {"tcp", "tls"}

    run(scenario())


def test_reload_that_cannot_listen_changes_nothing() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, port = StreamWorld(made), free_port()
            upstream = await streams.upstream(echo)
            await streams.serve(endpoint(f"tcp://db.example.com:{port}", to=upstream))
            taken = int(upstream.rpartition(":")[2])
            with pytest.raises(GatewayError, match=f"cannot listen on tcp://127.0.0.1:{taken}: "):
                made.gateway.reload(
                    Program(
                        (
                            endpoint(f"tcp://db.example.com:{free_port()}", to=upstream),
                            endpoint(f"tcp://db.example.com:{taken}", to=upstream),
                        )
                    )
                )
            client = await streams.connect(port)
            await client.say(b"x", end=True)
            assert await client.all() == b"x"
            assert [place.port for place in made.gateway.stream_places] == [port]

    run(scenario())


def test_stop_lets_connections_end_and_cuts_them_at_the_deadline() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, port = StreamWorld(made), free_port()
            await streams.serve(endpoint(f"tcp://db.example.com:{port}", to=await streams.upstream(echo)))
            ends, stays = await streams.connect(port), await streams.connect(port)
            for client in (ends, stays):
                await client.say(b"x")
                assert await client.reader.readexactly(1) == b"x"
            closing = asyncio.ensure_future(made.gateway.close(0.2))
            await streams.settled()
            with pytest.raises(ConnectionRefusedError):
                await streams.connect(port)
            await ends.say(b"last", end=True)
            assert await ends.all() == b"last"
            assert "reason" not in await made.record()
            await closing
            assert await stays.is_reset()
            assert (await made.record(2))["reason"] == "drain_timeout"

    run(scenario())


def test_nothing_is_left_of_connections_however_they_end() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, good, dead = StreamWorld(made), free_port(), free_port()
            await streams.serve(
                endpoint(f"tcp://db.example.com:{good}", to=await streams.upstream()),
                endpoint(f"tcp://dead.example.com:{dead}", to=f"tcp://127.0.0.1:{free_port()}"),
                endpoint("tls://one.example.com", to=await streams.upstream()),
            )
            before = len(asyncio.all_tasks())
            count = 0
            for _ in range(20):
                for how in ("ends", "client breaks", "upstream breaks"):
                    client = await streams.connect(good)
                    await client.say(b"x")
                    upstream = await streams.accepted.get()
                    if how == "client breaks":
                        client.reset()
                    elif how == "upstream breaks":
                        upstream.reset()
                    else:
                        client.writer.write_eof()
                        upstream.writer.write_eof()
                    await asyncio.gather(client.answer(), upstream.answer())
                    client.close()
                    upstream.close()
                assert await (await streams.connect(dead)).gets_nothing()
                late = await streams.connect(streams.tls_port)
                await late.say(b"\x16")
                late.close()
                early = await streams.connect(good)
                early.reset()
                (await streams.accepted.get()).close()
                count += 6
            await made.record(count)
            assert len(made.log) == count
            assert made.gateway.connection_count == 0
            assert made.gateway._by_address == {}
            await streams.settled()
            assert len(asyncio.all_tasks()) <= before
            waiting = {type(each) for slot in made.gateway.wheel._slots.values() for each in slot}
            assert not {each.__name__ for each in waiting} & {"Relay", "TcpConnection", "TlsConnection"}

    run(scenario())


def test_client_that_is_gone_before_it_is_accepted_is_not_kept() -> None:
    async def scenario() -> None:
        async with world() as made:
            streams, port = StreamWorld(made), free_port()
            web = await made.upstream()
            await streams.serve(
                endpoint(f"tcp://db.example.com:{port}", to=await streams.upstream(echo)),
                endpoint("http://web.example.com", to=web.url),
            )
            for where in (port, made.gateway.addresses[0][1]):
                with socket.create_connection(("127.0.0.1", where)) as client:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            probe = await streams.connect(port)
            await probe.say(b"hello", end=True)
            assert await probe.all() == b"hello"
            browser = await made.client()
            assert (await browser.get("/", "web.example.com")).status == 200
            probe.close()
            await streams.settled()
            assert made.gateway.connection_count == 1

    run(scenario())


def test_listeners_of_streams_pause_with_the_others_while_descriptors_are_short(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario() -> None:
        short = False
        monkeypatch.setattr(Descriptors, "are_short", lambda _, newest: short)
        monkeypatch.setattr(Descriptors, "are_free", lambda _: not short)
        async with world() as made:
            streams, port = StreamWorld(made), free_port()
            web = await made.upstream()
            await streams.serve(
                endpoint(f"tcp://db.example.com:{port}", to=await streams.upstream(echo)),
                endpoint("http://web.example.com", to=web.url),
            )
            first = await streams.connect(port)
            await streams.settled()
            short = True
            last = await streams.connect(port)
            for peer in (first, last):
                await peer.say(b"hello", end=True)
                assert await peer.all() == b"hello"
            waiting, browser = await streams.connect(port), await made.client()
            await waiting.say(b"hello", end=True)
            browser.send(b"GET / HTTP/1.1\r\nhost: web.example.com\r\n\r\n")
            await streams.settled()
            assert made.gateway.connection_count == 0
            assert made.gateway.collect()["policyc_accept_pauses_total"] == {(): 1}
            short = False
            assert await waiting.all() == b"hello"
            assert (await browser.reply()).status == 200

    run(scenario())
