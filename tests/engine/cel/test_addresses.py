from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyc.engine.cel import addresses
from policyc.engine.values import Cidr, Ip

addresses_of_any_kind = st.ip_addresses()


@given(addresses_of_any_kind)
def test_address_reads_as_python_reads_it(address: IPv4Address | IPv6Address) -> None:
    found = addresses.read_address(str(address))
    assert found is not None
    mapped = getattr(address, "ipv4_mapped", None)
    expected = mapped or address
    assert (found.number, found.bits) == (int(expected), expected.max_prefixlen)


@given(addresses_of_any_kind)
def test_address_is_written_as_python_writes_it(address: IPv4Address | IPv6Address) -> None:
    made = Ip(int(address), address.max_prefixlen)
    assert addresses.ip_to_text(made) == str(getattr(address, "ipv4_mapped", None) or address)


@given(st.ip_addresses(v=4), st.ip_addresses(v=4), st.integers(0, 32))
def test_membership_is_pythons(address: IPv4Address, base: IPv4Address, prefix: int) -> None:
    network = f"{base}/{prefix}"
    wanted = ip_address(str(address)) in ip_network(network, strict=False)
    assert addresses.in_range(str(address), network) is wanted


def test_masked_network_has_no_host_bits() -> None:
    assert addresses.cidr_to_text(addresses.masked(addresses.parse_cidr("10.1.2.3/8"))) == "10.0.0.0/8"
    assert addresses.masked(Cidr(Ip(1, 128), 0)) == Cidr(Ip(0, 128), 0)


def test_network_holds_narrower_ones_only() -> None:
    wide, narrow = addresses.parse_cidr("10.0.0.0/8"), addresses.parse_cidr("10.1.0.0/16")
    assert addresses.holds_cidr(wide, narrow)
    assert addresses.holds_cidr(wide, wide)
    assert not addresses.holds_cidr(narrow, wide)


@pytest.mark.parametrize(
    ("text", "loopback", "link", "link_multicast", "global_unicast"),
    [
        ("127.0.0.1", True, False, False, False),
        ("::1", True, False, False, False),
        ("169.254.1.1", False, True, False, False),
        ("fe80::1", False, True, False, False),
        ("febf::1", False, True, False, False),
        ("fec0::1", False, False, False, True),
        ("224.0.0.5", False, False, True, False),
        ("224.0.1.1", False, False, False, False),
        ("ff02::1", False, False, True, False),
        ("ff12::1", False, False, True, False),
        ("ff05::1", False, False, False, False),
        ("255.255.255.255", False, False, False, False),
        ("0.0.0.0", False, False, False, False),
        ("::", False, False, False, False),
        ("8.8.8.8", False, False, False, True),
        ("2001:db8::1", False, False, False, True),
    ],
)
def test_kinds_of_addresses(
    text: str, loopback: bool, link: bool, link_multicast: bool, global_unicast: bool
) -> None:
    ip = addresses.parse_ip(text)
    assert addresses.is_loopback(ip) is loopback
    assert addresses.is_link_local(ip) is link
    assert addresses.is_link_local_multicast(ip) is link_multicast
    assert addresses.is_global_unicast(ip) is global_unicast
