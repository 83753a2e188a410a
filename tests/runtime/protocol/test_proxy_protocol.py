"""PROXY headers: both versions, both ways, and what is refused."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyc.runtime.protocol.proxy_protocol import (
    SIGNATURE,
    V2_LIMIT_BYTES,
    BadProxyHeader,
    Told,
    header,
    is_header,
    parse,
)

A4, B4 = ("192.0.2.1", 51234), ("198.51.100.2", 443)
A6, B6 = ("2001:db8::1", 1), ("2001:db8::2", 65535)


def v2(command: int, kind: int, body: bytes, version: int = 2) -> bytes:
    return SIGNATURE + bytes((version << 4 | command, kind)) + len(body).to_bytes(2) + body


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("ends", [(A4, B4), (A6, B6)])
def test_what_is_written_is_what_is_read(version: int, ends: tuple[tuple[str, int], tuple[str, int]]) -> None:
    octets = header(version, *ends)
    assert parse(octets + b"hello") == Told(len(octets), *ends)
    assert is_header(octets)
    assert not is_header(b"GET / HTTP/1.1\r\n")


def test_written_octets_are_those_of_the_document() -> None:
    assert header(1, A4, B4) == b"PROXY TCP4 192.0.2.1 198.51.100.2 51234 443\r\n"
    assert header(2, A4, B4) == SIGNATURE + bytes.fromhex("2111000cc0000201c6336402c82201bb")


@pytest.mark.parametrize("version", [1, 2])
def test_two_families_meet_as_ipv6_and_are_read_as_they_were(version: int) -> None:
    octets = header(version, A4, B6)
    told = parse(octets)
    assert told == Told(len(octets), A4, B6)


@pytest.mark.parametrize(
    "octets",
    [
        b"PROXY UNKNOWN\r\n",
        b"PROXY UNKNOWN ffff::1 whatever 1 2\r\n",
        v2(0, 0x00, b""),
        v2(0, 0x11, bytes(12)),
        v2(1, 0x00, b""),
        v2(1, 0x31, bytes(216)),
    ],
)
def test_header_may_tell_nothing(octets: bytes) -> None:
    assert parse(octets + b"x") == Told(len(octets))


def test_extensions_of_version_2_are_passed_over() -> None:
    body = bytes.fromhex("c0000201c6336402c82201bb") + b"\x04\x00\x03abc"
    assert parse(v2(1, 0x11, body)) == Told(16 + len(body), A4, B4)


@pytest.mark.parametrize(
    "octets",
    [
        b"GET",
        b"PROXI",
        b"proxy TCP4 192.0.2.1 198.51.100.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n",
        b"PROXY TCP4 192.0.2.1  198.51.100.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.256 198.51.100.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.01 198.51.100.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 1 65536\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n",
        b"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
        b"PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n",
        b"PROXY UNKNOWNX\r\n",
        b"PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n",
        b"PROXY UNKNOWN " + b"x" * 100,
        SIGNATURE + b"\x11",
        v2(2, 0x11, bytes(12)),
        v2(1, 0x41, bytes(12)),
        v2(1, 0x13, bytes(12)),
        v2(1, 0x12, bytes(12)),
        v2(1, 0x11, bytes(11)),
        v2(1, 0x21, bytes(35)),
        v2(1, 0x11, bytes(V2_LIMIT_BYTES)),
    ],
)
def test_anything_else_is_refused(octets: bytes) -> None:
    with pytest.raises(BadProxyHeader):
        parse(octets)


@pytest.mark.parametrize("octets", [header(1, A4, B4), header(2, A6, B6), b"PROXY UNKNOWN\r\n"])
def test_every_beginning_of_a_header_waits_for_more(octets: bytes) -> None:
    for size in range(len(octets)):
        assert parse(octets[:size]) is None


@given(st.binary(max_size=300), st.integers(0, 30))
def test_hostile_octets_are_a_header_or_refused_and_nothing_else(junk: bytes, at: int) -> None:
    for good in (header(1, A4, B4), header(2, A4, B4)):
        for octets in (junk, good[:at] + junk):
            with suppress(BadProxyHeader):  # any other exception would be a defect
                told = parse(octets)
                assert told is None or told.length <= len(octets)
