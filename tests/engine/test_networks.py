"""Address ranges."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyc.engine.networks import NetworkSet, parse_address, parse_network


def lookup(ranges: list[str], address: str) -> str | None:
    networks = [parse_network(text) for text in ranges]
    parsed = parse_address(address)
    assert parsed is not None
    return NetworkSet([network for network in networks if network is not None]).match(*parsed)


@pytest.mark.parametrize(
    ("text", "version", "prefix"),
    [
        ("10.0.0.0/8", 4, 8),
        ("10.0.0.1/8", 4, 8),
        ("192.0.2.1", 4, 32),
        ("2001:db8::/32", 6, 32),
        ("::1", 6, 128),
        ("::ffff:192.0.2.0/120", 4, 24),
        ("::ffff:192.0.2.1", 4, 32),
        ("0.0.0.0/0", 4, 0),
        ("::/0", 6, 0),
    ],
)
def test_ranges(text: str, version: int, prefix: int) -> None:
    network = parse_network(text)
    assert network is not None
    assert (network.version, network.prefix, network.text) == (version, prefix, text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10.0.0.0/255.0.0.0",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/",
        " 10.0.0.0/8",
        "fe80::1%1",
        "a",
        "1",
    ],
)
def test_what_is_no_range(text: str) -> None:
    assert parse_network(text) is None


def test_the_most_specific_range_is_found() -> None:
    ranges = ["10.0.0.0/8", "0.0.0.0/0", "10.1.0.0/16", "10.1.2.0/24", "192.0.2.0/24"]
    assert lookup(ranges, "10.1.2.3") == "10.1.2.0/24"
    assert lookup(ranges, "10.1.3.3") == "10.1.0.0/16"
    assert lookup(ranges, "10.2.0.0") == "10.0.0.0/8"
    assert lookup(ranges, "11.0.0.0") == "0.0.0.0/0"
    assert lookup(ranges, "2001:db8::1") is None
    assert lookup([], "10.0.0.1") is None


def test_the_last_address_has_nothing_after_it() -> None:
    assert lookup(["255.255.255.255"], "255.255.255.255") == "255.255.255.255"
    assert lookup(["255.255.255.254"], "255.255.255.255") is None


def test_mapped_addresses_are_those_they_map() -> None:
    assert lookup(["192.0.2.0/24"], "::ffff:192.0.2.9") == "192.0.2.0/24"
    assert parse_address("nowhere") is None
    assert parse_address("192.0.2.1%eth0") is None
    assert parse_address("fe80::1%") is None
    assert parse_address("fe80::1%eth0") == parse_address("fe80::1")


networks = st.builds(
    lambda number, prefix: str(ipaddress.ip_network((number >> 24 << 24, prefix), strict=False)),
    st.integers(0, 2**32 - 1),
    st.integers(0, 32),
)


@given(st.lists(networks, max_size=12), st.integers(0, 2**32 - 1))
def test_it_agrees_with_looking_at_each_range(ranges: list[str], number: int) -> None:
    address = ipaddress.ip_address(number)
    holding = [text for text in ranges if address in ipaddress.ip_network(text)]
    best = max(holding, key=lambda text: ipaddress.ip_network(text).prefixlen, default=None)
    assert lookup(ranges, str(address)) == best
