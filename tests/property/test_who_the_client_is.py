"""Whatever a stranger sends, upstreams are told of it what the connection shows.

Through the whole gateway: heads go in at a client's connection and come out at an upstream's, on the short
way and on the long one, in one piece and in many.
"""

from __future__ import annotations

import asyncio
import random

import pytest
from tests.property.test_any_split import ROUNDS, UPSTREAM, Cuts, Wire

from policyc.runtime.gateway import Gateway
from policyc.runtime.settings import Settings
from policyc.runtime.transport.server import ClientConnection
from policyc.runtime.transport.upstream import UpstreamConnection

Line = tuple[bytes, bytes]

FAMILY = (
    "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix",
    "X-Forwarded-", "X-Forwarded-Client-Cert", "Forwarded",
)  # fmt: skip
OTHERS = ("Accept", "X-Forwarde", "XForwarded-For", "X-Real", "Cookie", "Via", "User-Agent", "Forwarded-For")
VALUES = ("203.0.113.9", "for=203.0.113.9", "evil.example", "https", "", "a, b", "\xff")
SEPARATORS = "-_.!#$%&'*+^`|~"
OURS = {
    (b"x-forwarded-for", b"192.0.2.1"),
    (b"x-forwarded-proto", b"http"),
    (b"x-forwarded-host", b"a.example"),
}


def is_of_family(name: bytes) -> bool:
    """By its own rule, not the gateway's: what CGI would make of it."""
    folded = "".join(each if each.isalnum() else "_" for each in name.decode("latin-1").upper())
    return folded.startswith("X_FORWARDED_") or folded == "FORWARDED"


def spelling(name: str, chance: random.Random) -> str:
    cased = "".join(chance.choice((each.upper(), each.lower())) for each in name)
    if chance.random() < 0.5:
        cased = "".join(chance.choice(SEPARATORS) if each == "-" else each for each in cased)
    return cased


def a_request(chance: random.Random) -> bytes:
    rows = ["GET /x HTTP/1.1", "Host: a.example"]
    for _ in range(chance.randrange(6)):
        name = chance.choice(FAMILY if chance.random() < 0.7 else OTHERS)
        rows.append(f"{spelling(name, chance)}: {chance.choice(VALUES)}")
    if chance.random() < 0.4:  # whatever it names, ours are added after that
        rows.append(f"Connection: {', '.join(chance.choices([*FAMILY, 'Host', 'keep-alive'], k=2))}")
    body = b""
    if chance.random() < 0.3:
        rows[0] = "POST /x HTTP/1.1"
        rows += ["TE: trailers", "Transfer-Encoding: chunked"]
        body = f"1\r\nx\r\n0\r\n{spelling(chance.choice(FAMILY), chance)}: 203.0.113.9\r\n\r\n".encode(
            "latin-1"
        )
    head = [rows[0], *chance.sample(rows[1:], len(rows) - 1)]
    return "\r\n".join([*head, "", ""]).encode("latin-1") + body


async def seen_upstream(octets: bytes, cuts: Cuts, settings: Settings) -> list[Line]:
    """Return every field and trailer line that the upstream gets."""
    gateway = Gateway(None, settings, upstream="http://127.0.0.1:9")
    wire, its_wire = Wire(), Wire()
    client = ClientConnection(gateway)
    connection = UpstreamConnection(gateway.upstreams, UPSTREAM)
    client.connection_made(wire)
    connection.connection_made(its_wire)
    gateway.upstreams.put(connection)
    for piece in cuts(octets):
        client.data_received(piece)
    await asyncio.sleep(0)
    said = its_wire.said
    assert said, wire.said
    client.connection_lost(None)
    connection.connection_lost(None)
    lines = []
    for row in said.split(b"\r\n")[1:]:
        name, colon, value = row.partition(b": ")
        if colon:
            lines.append((name.lower(), value))
    return lines


@pytest.mark.parametrize("seed", range(2))
def test_family_that_upstreams_see_is_a_function_of_the_connection(seed: int) -> None:
    async def scenario() -> None:
        chance = random.Random(seed)
        for number in range(ROUNDS):
            octets = a_request(chance)
            lines = await seen_upstream(octets, Cuts(None if number % 2 else number), Settings())
            family = [line for line in lines if is_of_family(line[0])]
            assert len(family) == 3, octets
            assert set(family) == OURS, octets

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "settings", [Settings(forwarded="append"), Settings(trusted_proxies=("192.0.2.0/24",))]
)
def test_listed_peers_and_append_mode_end_in_what_the_connection_shows(settings: Settings) -> None:
    async def scenario() -> None:
        chance = random.Random(7)
        for number in range(ROUNDS):
            octets = a_request(chance)
            lines = await seen_upstream(octets, Cuts(None if number % 2 else number), settings)
            for name, ours in ((b"x-forwarded-for", b"192.0.2.1"), (b"x-forwarded-proto", b"http")):
                [value] = [value for known, value in lines if known == name]
                assert value.split(b", ")[-1] == ours, octets
            assert [name for name, _ in lines].count(b"x-forwarded-host") == 1
            twins = [
                name for name, _ in lines if is_of_family(name) and name.strip(b"-abcdefghijklmnopqrstuvwxyz")
            ]
            assert twins == [], octets

    asyncio.run(scenario())
