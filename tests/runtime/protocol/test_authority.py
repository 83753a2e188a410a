"""Hosts are read once, strictly."""

from __future__ import annotations

from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyc.runtime.protocol.authority import read_authority


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"a.example", ("a.example", None)),
        (b"A.EXAMPLE.", ("a.example", None)),
        (b"a.example:8080", ("a.example", 8080)),
        (b"a.example:", ("a.example", None)),
        (b"a_b-c.d", ("a_b-c.d", None)),
        (b"10.0.0.1:1", ("10.0.0.1", 1)),
        (b"[2001:DB8::1]:443", ("[2001:db8::1]", 443)),
        (
            b"[::FFFF:0A00:1]",
            (f"[{IPv6Address('::ffff:10.0.0.1')}]", None),
        ),  # as this Python has it
    ],
)
def test_host_is_normalised(octets: bytes, expected: tuple[str, int | None]) -> None:
    assert read_authority(octets) == expected


@pytest.mark.parametrize(
    "octets",
    [
        b"", b".", b"a..b", b".a", b"a..", b"a%2eb", b"a b", b"u@a", b"a/b", b"a:65536", b"a:x", b"[::1",
        b"[a]", b"[]", b"a,b", b"a;x", b"\xc3\xa9", b"*.a", b"a\0", b"a\n", b"x" * 254,
    ],
)  # fmt: skip
def test_anything_else_is_no_host(octets: bytes) -> None:
    assert read_authority(octets) is None


@given(st.binary(max_size=40))
def test_what_comes_out_is_lower_case_ascii_without_escapes(octets: bytes) -> None:
    read = read_authority(octets)
    if read is not None:
        host = read[0]
        assert host == host.lower()
        assert host.isascii()
        assert not set(host) & set("%@/ ,;?#\\*")
        assert not host.endswith(".")
        assert read_authority(host.encode()) == (host, None)
