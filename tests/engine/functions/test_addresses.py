import pytest
from tests.engine.functions.evaluation import CEL, TRAFFIC, error_of, evaluate


@pytest.mark.parametrize(
    ("address", "network", "inside"),
    [
        ("66.249.66.7", "66.249.66.1/24", True),
        ("66.249.67.7", "66.249.66.1/24", False),
        ("::ffff:10.0.0.1", "10.0.0.0/8", True),
        ("10.0.0.1", "::ffff:10.0.0.0/104", True),
        ("10.0.0.1", "::/0", False),
        ("2001:db8::1", "2001:db8::/32", True),
        ("10.0.0.1", "0.0.0.0/0", True),
        ("10.0.0.1", "10.0.0.1/32", True),
        ("10.0.0.1", "10.0.0.1", False),
        ("10.0.0.1", "10.0.0.0/33", False),
        ("10.0.0.1", "10.0.0.0/08", False),
        ("10.0.0.1", "10.0.0.0/255.0.0.0", False),
        ("10.0.0.01", "10.0.0.0/8", False),
        ("nonsense", "10.0.0.0/8", False),
        ("fe80::1%eth0", "fe80::/10", False),
        ("", "", False),
    ],
)
def test_in_cidr_range_never_fails(address: str, network: str, inside: bool) -> None:
    assert evaluate(f"inCidrRange('{address}', '{network}')", TRAFFIC) is inside
    assert evaluate(f"inCidrRanges('{address}', ['bad', '{network}'])", TRAFFIC) is inside


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("10.255.255.255", True),
        ("172.16.0.1", True),
        ("172.32.0.1", False),
        ("192.168.1.1", True),
        ("127.0.0.1", False),
        ("fd00::1", False),
        ("10.0.0", False),
        ("", False),
    ],
)
def test_private_addresses_are_those_of_rfc_1918(text: str, private: bool) -> None:
    assert evaluate(f"'{text}'.isPrivateIp()") is private


@pytest.mark.parametrize(
    "text", ["1.2.3", "1.2.3.256", "01.2.3.4", "fe80::1%en0", "::ffff:1.2.3.4", "", "g::"]
)
def test_what_is_no_address_is_an_error(text: str) -> None:
    assert error_of(f"ip('{text}')", CEL) == "invalid_argument"
    assert evaluate(f"isIP('{text}')", CEL) is False


@pytest.mark.parametrize(
    "text", ["10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "::/129", "10.0.0.0/1a"]
)
def test_what_is_no_network_is_an_error(text: str) -> None:
    assert error_of(f"cidr('{text}')", CEL) == "invalid_argument"
    assert evaluate(f"isCIDR('{text}')", CEL) is False
