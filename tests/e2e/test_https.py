"""https endpoints over TLS: who is let in, on which terms, and what policies know of the session."""

from __future__ import annotations

import asyncio
import os
import ssl
from typing import Any

import pytest
from tests.e2e.authority import Authority, Signed
from tests.e2e.tls_world import AUTHORITY, NAMES, SERVER, TlsWorld
from tests.e2e.world import Client, ok, run, world
from tests.runtime.transport.test_tls_contexts import client_of

from policyc.runtime.gateway import GatewayError
from policyc.runtime.program import compile_program
from policyc.runtime.settings import Settings

pytestmark = pytest.mark.e2e

OPS, STRANGER = AUTHORITY.sign("ops.example"), Authority().sign("ops.example")


def pem(text: str) -> str:
    """Return a text of several lines as it stands in a policy."""
    return text.replace("\n", "\\n")


def echo(expression: str) -> str:
    """Return an endpoint that answers with what an expression gives."""
    return f'on_http_request {{ custom-response 200 {{ body: "${{{expression}}}" }} }}'


def test_requests_over_tls_reach_the_upstream() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls, upstream = TlsWorld(made), await made.upstream(ok(b"x" * 100_000))
            await tls.run(f'endpoint "https://a.example" -> "{upstream.url}"')
            client = await tls.client()
            for _ in range(2):
                reply = await client.get("/", "a.example")
                assert (reply.status, len(reply.body)) == (200, 100_000)
            body = os.urandom(200_000)
            assert (await client.get("/", "a.example", method="POST", body=body)).status == 200
            assert upstream.seen[2].body == body
            assert upstream.seen[0].get("x-forwarded-proto") == ["https"]
            assert {record["endpoints"][0] for record in made.log} == {"https://a.example"}

    run(scenario())


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_comes_back_with_a_ticket(version: ssl.TLSVersion) -> None:
    async def scenario() -> None:
        async with world() as made:
            tls = TlsWorld(made)
            await tls.run(f'endpoint "https://a.example" {{ {echo("conn.tls.version")} }}')
            context = AUTHORITY.trusted()
            context.minimum_version = context.maximum_version = version
            reply = await tls.get(context=context)
            assert reply.body == version.name.removeprefix("TLSv").replace("_", ".").encode()
            assert context.session_stats()["hits"] == 0

    run(scenario())


def test_the_session_is_known_to_policies() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls = TlsWorld(made)
            shown = "conn.tls.sni + ' ' + conn.tls.version + ' ' + conn.tls.negotiated_alpn + ' ' + " \
                "conn.tls.cipher_suite + ' ' + conn.tls.server.subject.common_name + ' ' + " \
                "conn.tls.ja4_fingerprint + ' ' + string(has(conn.tls.client))"  # fmt: skip
            await tls.run(f'endpoint "https://*.wild.example" {{ {echo(shown)} }}')
            context = AUTHORITY.trusted()
            context.set_alpn_protocols(["http/1.1"])
            reply = await tls.get(host="x.wild.example", context=context)
            words = reply.body.decode().split()
            assert words[:3] == ["x.wild.example", "1.3", "http/1.1"]
            assert words[3].startswith("TLS_")
            assert words[4] == NAMES[0]
            assert words[5].startswith("t13d")
            assert words[6:] == ["false"]

    run(scenario())


def test_who_names_no_endpoint_is_told_so_by_an_alert() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls = TlsWorld(made)
            await tls.run(f'endpoint "https://a.example" {{ {echo("1")} }} endpoint "https://e.internal" {{ '
                          f'{echo("2")} }}')  # fmt: skip
            anybody = AUTHORITY.trusted()
            anybody.check_hostname = False
            assert await tls.alert("b.example", anybody) == "TLSV1_UNRECOGNIZED_NAME"
            assert await tls.alert("e.internal", anybody) == "TLSV1_UNRECOGNIZED_NAME"
            assert await tls.alert("", anybody) == "TLSV13_ALERT_MISSING_EXTENSION"
            reasons = [(await made.record(count))["reason"] for count in (1, 2, 3)]
            assert reasons == ["no_endpoint", "no_endpoint", "no_sni"]
            assert made.log[2]["error"] == "ERR_NGROK_3003"

    run(scenario())


def test_a_client_that_speaks_nothing_that_is_spoken_here_is_told_so() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls = TlsWorld(made)
            await tls.run(f'endpoint "https://a.example" {{ {echo("1")} }}')
            context = AUTHORITY.trusted()
            context.set_alpn_protocols(["imap"])
            assert "no application protocol" in await tls.alert(context=context)
            assert (await made.record())["reason"] == "no_protocol"

    run(scenario())


def test_a_policy_may_refuse_a_connection_by_its_hello() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls = TlsWorld(made)
            await tls.run(
                'endpoint "https://*.wild.example" { on_tcp_connect { when conn.tls.sni == '
                f'"no.wild.example" && conn.tls.version == "" {{ deny }} }} {echo("conn.tls.version")} }}'
            )
            assert (await tls.get(host="yes.wild.example")).body == b"1.3"
            with pytest.raises(ConnectionError):
                await tls.client("no.wild.example")
            record = await made.record(2)
            assert (record["protocol"], record["reason"]) == ("https", "deny")

    run(scenario())


def test_on_tcp_connect_runs_once_per_connection() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls = TlsWorld(made)
            await tls.run(
                'endpoint "https://a.example" { on_tcp_connect { log { metadata: { sni: '
                '"${conn.tls.sni}" } } } '
                f"{echo('1')} }}"
            )
            client = await tls.client()
            for _ in range(3):
                assert (await client.get("/", "a.example")).status == 200
            assert len(made.log) == 4
            assert made.log[0]["protocol"] == "https"
            assert made.log[0]["logs"] == [{"metadata": {"sni": "a.example"}}]

    run(scenario())


MUTUAL = (
    'endpoint "https://a.example" {{ on_tcp_connect {{ terminate-tls {{ min_version: "1.3", '
    'mutual_tls_certificate_authorities: ["{ca}"]{more} }} '
    'when conn.tls.client.subject.common_name == "stranger" {{ deny }} }} '
    'on_http_request {{ custom-response 200 {{ body: "${{conn.tls.client.subject.common_name}} '
    '${{conn.tls.client.san.dns_names.size()}} ${{has(conn.tls.client)}}" }} }} }}'
)


def mutual(more: str = "") -> str:
    return MUTUAL.format(ca=pem(AUTHORITY.pem), more=more)


def test_clients_show_a_certificate_where_the_policy_asks_for_one() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls = TlsWorld(made)
            await tls.run(mutual())
            assert (await tls.get(context=client_of(AUTHORITY, OPS))).body == b"ops.example 1 true"
            nobody, stranger = client_of(AUTHORITY, None), client_of(AUTHORITY, STRANGER)
            assert await tls.alert(context=nobody) == "TLSV13_ALERT_CERTIFICATE_REQUIRED"
            assert await tls.alert(context=stranger) == "TLSV1_ALERT_UNKNOWN_CA"
            old = client_of(AUTHORITY, OPS)
            old.maximum_version = ssl.TLSVersion.TLSv1_2
            assert await tls.alert(context=old) == "TLSV1_ALERT_PROTOCOL_VERSION"
            await made.record(5)  # one tells of the rule that asked for the certificate
            refused = [record for record in made.log if record.get("reason") == "bad_tls"]
            assert len(refused) == 3
            assert {record["error"] for record in refused} == {"ERR_NGROK_3002"}

    run(scenario())


def test_a_certificate_may_be_asked_for_and_not_required() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls = TlsWorld(made)
            await tls.run(mutual(', mutual_tls_verification_strategy: "request"'))
            assert (await tls.get(context=client_of(AUTHORITY, None))).body == b" 0 false"
            assert (await tls.get(context=client_of(AUTHORITY, OPS))).body == b"ops.example 1 true"
            assert await tls.alert(context=client_of(AUTHORITY, STRANGER)) == "TLSV1_ALERT_UNKNOWN_CA"

    run(scenario())


def test_a_rule_behind_the_handshake_knows_the_certificate() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls = TlsWorld(made)
            await tls.run(mutual())
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await tls.get(context=client_of(AUTHORITY, AUTHORITY.sign("stranger")))
            assert (await made.record())["reason"] == "deny"

    run(scenario())


def test_a_policy_may_bring_its_own_certificate() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls, other = TlsWorld(made), Authority()
            own: Signed = other.sign("c.example")
            await tls.run(
                'endpoint "https://c.example" { on_tcp_connect { terminate-tls { server_certificate: '
                f'"{pem(own.certificate)}", server_private_key: "{pem(own.private_key)}" }} }} '
                f"{echo('actions.ngrok.terminate_tls.server.subject.common_name')} }}"
            )
            reply = await tls.get(host="c.example", context=other.trusted())
            assert reply.body == b"c.example"

    run(scenario())


def test_a_certificate_of_a_policy_that_cannot_be_used_closes_with_an_alert() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls = TlsWorld(made)
            await tls.run(
                'endpoint "https://a.example" { on_tcp_connect { terminate-tls { server_certificate: '
                f'"{pem(SERVER.certificate)}", server_private_key: "{pem(OPS.private_key)}'
                "${conn.tls.ja4_fingerprint == '' ? 'x' : ''}"
                f'" }} }} {echo("1")} }}'
            )
            assert await tls.alert() == "TLSV1_ALERT_INTERNAL_ERROR"
            record = await made.record()
            assert record["reason"] == "bad_certificate"
            assert "not that of the certificate" in record["detail"]

    run(scenario())


async def status_of(client: Client, host: str) -> int:
    return (await client.get("/", host)).status


def test_a_request_for_another_endpoint_of_the_connection() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls = TlsWorld(made)
            guard = 'on_tcp_connect { when conn.client_ip == "192.0.2.1" { deny } }'
            await tls.run(
                f'endpoint "https://a.example" {{ {echo("1")} }} '
                f'endpoint "https://b.example" {{ {echo("2")} }} '
                f'endpoint "https://c.wild.example" {{ {guard} {echo("3")} }}'
            )
            client = await tls.client("a.example")
            hosts = ["a.example", "b.example", "c.wild.example", "b.example", "none.example"]
            assert [await status_of(client, host) for host in hosts] == [200, 200, 421, 200, 404]
            client = await tls.client("c.wild.example")
            hosts = ["c.wild.example", "a.example", "c.wild.example", "C.Wild.Example:443"]
            assert [await status_of(client, host) for host in hosts] == [200, 421, 200, 200]
            assert [each["reason"] for each in made.log if each["status"] == 421] == ["misdirected"] * 2

    run(scenario())


def test_a_reload_keeps_connections_whose_terms_are_the_same() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls = TlsWorld(made)
            await tls.run(mutual())
            client = await tls.client(context=client_of(AUTHORITY, OPS))
            assert await status_of(client, "a.example") == 200
            made.gateway.reload(compile_program(mutual() + "\n# changed\n"))
            assert await status_of(client, "a.example") == 200
            made.gateway.reload(compile_program(mutual(', max_version: "1.3"')))
            assert await status_of(client, "a.example") == 200
            made.gateway.reload(compile_program(mutual(', mutual_tls_verification_strategy: "request"')))
            assert await status_of(client, "a.example") == 421
            assert made.log[-1]["reason"] == "tls_terms"

    run(scenario())


def test_terms_of_tls_are_not_passed_by_in_clear() -> None:
    async def scenario() -> None:
        async with world() as made:
            await made.serve(program=compile_program(mutual()))
            reply = await made.get("/", "a.example")
            assert reply.status == 421
            assert (await made.record())["reason"] == "tls_terms"

    run(scenario())


def test_with_tls_https_endpoints_are_not_served_in_clear() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls = TlsWorld(made)
            await tls.run(
                f'endpoint "https://a.example" {{ {echo("endpoint.url")} }} '
                f'endpoint "http://a.example" {{ {echo("endpoint.url")} }} '
                f'endpoint "https://b.example" {{ {echo("1")} }}'
            )
            assert (await made.get("/", "a.example")).body == b"http://a.example"
            assert (await tls.get()).body == b"https://a.example"
            assert (await made.get("/", "b.example")).status == 404

    run(scenario())


def test_a_bare_policy_is_served_for_every_name() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls, upstream = TlsWorld(made), await made.upstream()
            await tls.serve(upstream=upstream.url)
            context = AUTHORITY.trusted()
            context.check_hostname = False
            reply = await tls.get(host="any.example", context=context)
            assert reply.status == 200
            assert upstream.seen[0].get("x-forwarded-proto") == ["https"]

    run(scenario())


def test_certificates_are_loaded_anew_and_a_bad_one_changes_nothing() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls, other = TlsWorld(made), Authority()
            program = compile_program(f'endpoint "https://a.example" {{ {echo("1")} }}')
            await tls.serve(program=program)
            kept = await tls.client()
            tls.given.pairs = [Signed(SERVER.certificate, OPS.private_key)]
            with pytest.raises(GatewayError, match="not that of the certificate"):
                made.gateway.reload(
                    compile_program('endpoint "https://b.example" { on_http_request { deny } }')
                )
            assert (await tls.get()).status == 200
            tls.given.pairs = [other.sign("a.example")]
            made.gateway.reload(program)
            assert (await tls.get(context=other.trusted())).status == 200
            assert (await kept.get("/", "a.example")).status == 200

    run(scenario())


def test_a_listed_peer_tells_the_client_before_the_handshake() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls = TlsWorld(made)
            await tls.run(
                f'endpoint "https://a.example" {{ {echo("conn.client_ip")} }}',
                Settings(proxy_protocol_from=("127.0.0.0/8",)),
            )
            reader, writer = await asyncio.open_connection("127.0.0.1", tls.port)
            made.on_close(writer.close)
            writer.write(b"PROXY TCP4 192.0.2.7 192.0.2.8 4711 443\r\n")
            await writer.start_tls(AUTHORITY.trusted(), server_hostname="a.example")
            assert (await Client(reader, writer).get("/", "a.example")).body == b"192.0.2.7"
            assert await tls.alert() == "ConnectionResetError"
            assert (await made.record(2))["reason"] == "bad_proxy_header"

    run(scenario())


def test_an_application_is_told_of_https() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls = TlsWorld(made)
            seen = []

            async def app(scope: Any, receive: Any, send: Any) -> None:
                if scope["type"] == "http":
                    seen.append((scope["scheme"], scope["client"][0]))
                    await send({"type": "http.response.start", "status": 204, "headers": []})
                    await send({"type": "http.response.body", "body": b""})

            await tls.serve(apps={"https://a.example": app})
            assert (await tls.get()).status == 204
            assert seen == [("https", "127.0.0.1")]

    run(scenario())


def test_many_handshakes_at_once_and_all_that_is_left_is_let_go() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls = TlsWorld(made)
            await tls.run(mutual(', mutual_tls_verification_strategy: "request"'))
            good, bad = client_of(AUTHORITY, OPS), client_of(AUTHORITY, STRANGER)

            async def one(number: int) -> str:
                if number % 3:
                    client = await tls.client(context=good)
                    reply = await client.get("/", "a.example")
                    await client.close()
                    return str(reply.status)
                return await tls.alert(context=bad)

            said = await asyncio.gather(*map(one, range(60)))
            assert {each for at, each in enumerate(said) if at % 3} == {"200"}
            assert {each for at, each in enumerate(said) if not at % 3} == {"TLSV1_ALERT_UNKNOWN_CA"}
            while made.gateway.connection_count:
                await asyncio.sleep(0.01)
            assert made.gateway.metrics.connections == 60

    run(scenario())


def test_the_loop_of_the_standard_library_does_as_well() -> None:
    async def scenario() -> None:
        async with world() as made:
            tls = TlsWorld(made)
            await tls.run(mutual())
            for _ in range(3):
                assert (await tls.get(context=client_of(AUTHORITY, OPS))).body == b"ops.example 1 true"
            assert await tls.alert(context=client_of(AUTHORITY, None)) == "TLSV13_ALERT_CERTIFICATE_REQUIRED"
            assert [record.get("reason") for record in made.log if "status" not in record][-1] == "bad_tls"

    asyncio.run(asyncio.wait_for(scenario(), 15))
