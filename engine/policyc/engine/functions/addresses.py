"""Addresses: ngrok's tests on texts (spec/variables.md §9.2, §9.3), and the CEL network library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from policyc.engine.cel import addresses as net
from policyc.engine.cel.extent import Amount, Extent
from policyc.engine.cel.prices import price
from policyc.engine.function import Dialect, Function, Overload
from policyc.engine.types import BOOL, CIDR, INT, IP, STRING, Type, list_of
from policyc.engine.values import Cidr, EvalError, Ip


def _in_ranges(address: str, networks: Any) -> bool:
    return any(net.in_range(address, network) for network in networks)


def _is_ip(text: str) -> bool:
    try:
        net.parse_ip(text)
    except EvalError:
        return False
    return True


def _is_cidr(text: str) -> bool:
    try:
        net.parse_cidr(text)
    except EvalError:
        return False
    return True


def _is_canonical(text: str) -> bool:
    return net.ip_to_text(net.parse_ip(text)) == text


def _family(ip: Ip) -> int:
    return 4 if ip.bits == 32 else 6


def _is_unspecified(ip: Ip) -> bool:
    return ip.number == 0


def _contains_ip(network: Cidr, address: Any) -> bool:
    return net.holds_ip(network, net.parse_ip(address) if type(address) is str else address)


def _contains_cidr(network: Cidr, other: Any) -> bool:
    return net.holds_cidr(network, net.parse_cidr(other) if type(other) is str else other)


def _address(network: Cidr) -> Ip:
    return network.address


def _prefix_length(network: Cidr) -> int:
    return network.prefix


def _of_ip(
    name: str, result: Type, body: Callable[[Ip], Any], doc: str, example: tuple[str, str]
) -> Function:
    return Function(
        name, doc, (Overload(f"ip_{name}", (IP,), result, body, True, dialect=Dialect.CEL),), (example,)
    )


def _of_ranges(address: Extent, networks: Extent) -> Amount:
    return Amount(400) + networks.length * 400 + networks.characters * 0.1


_TRAFFIC = Dialect.TRAFFIC
_CEL = Dialect.CEL

FUNCTIONS = (
    Function(
        "inCidrRange",
        "Whether the address is in the network; false if one of them is none.",
        (
            Overload(
                "in_cidr_range",
                (STRING, STRING),
                BOOL,
                net.in_range,
                dialect=_TRAFFIC,
                cost=price(400, 0.1, 0.1),
            ),
        ),
        (("inCidrRange('10.1.2.3', '10.0.0.0/8')", "true"), ("inCidrRange('10.1.2.3', 'nonsense')", "false")),
    ),
    Function(
        "inCidrRanges",
        "Whether the address is in one of the networks; those that are none are passed over.",
        (
            Overload(
                "in_cidr_ranges",
                (STRING, list_of(STRING)),
                BOOL,
                _in_ranges,
                dialect=_TRAFFIC,
                cost=_of_ranges,
            ),
        ),
        (("inCidrRanges('66.249.66.7', ['10.0.0.0/8', '66.249.66.1/24'])", "true"),),
    ),
    Function(
        "isPrivateIp",
        "Whether the text is an IPv4 address of a private network (RFC 1918).",
        (
            Overload(
                "string_is_private_ip",
                (STRING,),
                BOOL,
                net.is_private,
                True,
                dialect=_TRAFFIC,
                cost=price(300, 0.1),
            ),
            Overload(
                "is_private_ip",
                (STRING,),
                BOOL,
                net.is_private,
                dialect=_TRAFFIC,
                replaced_by="text.isPrivateIp()",
                cost=price(300, 0.1),
            ),
        ),
        (("'192.168.0.1'.isPrivateIp()", "true"), ("'8.8.8.8'.isPrivateIp()", "false")),
    ),
    Function(
        "ip",
        "The address that a text names, or that a network was written with.",
        (
            Overload("string_to_ip", (STRING,), IP, net.parse_ip, dialect=_CEL, cost=price(350, 0.1)),
            Overload("cidr_ip", (CIDR,), IP, _address, True, dialect=_CEL, cost=price()),
        ),
        (("ip('127.0.0.1') == cidr('127.0.0.1/8').ip()", "true"),),
    ),
    Function(
        "cidr",
        "The network that a text names.",
        (Overload("string_to_cidr", (STRING,), CIDR, net.parse_cidr, dialect=_CEL, cost=price(350, 0.1)),),
        (("string(cidr('10.0.0.0/8'))", "'10.0.0.0/8'"),),
    ),
    Function(
        "isIP",
        "Whether the text is an address.",
        (Overload("is_ip", (STRING,), BOOL, _is_ip, dialect=_CEL, cost=price(350, 0.1)),),
        (("isIP('1.2.3.4')", "true"),),
    ),
    Function(
        "isCIDR",
        "Whether the text is a network.",
        (Overload("is_cidr", (STRING,), BOOL, _is_cidr, dialect=_CEL, cost=price(350, 0.1)),),
        (("isCIDR('1.2.3.4')", "false"),),
    ),
    Function(
        "ip.isCanonical",
        "Whether the text is an address in its canonical form.",
        (Overload("ip_is_canonical", (STRING,), BOOL, _is_canonical, dialect=_CEL, cost=price(600, 0.1)),),
        (("ip.isCanonical('2001:DB8::68')", "false"),),
    ),
    _of_ip("family", INT, _family, "4 or 6.", ("ip('::1').family()", "6")),
    _of_ip(
        "isUnspecified",
        BOOL,
        _is_unspecified,
        "Whether it is the zero address.",
        ("ip('::').isUnspecified()", "true"),
    ),
    _of_ip(
        "isLoopback",
        BOOL,
        net.is_loopback,
        "Whether it is the machine's own address.",
        ("ip('127.0.0.1').isLoopback()", "true"),
    ),
    _of_ip(
        "isGlobalUnicast",
        BOOL,
        net.is_global_unicast,
        "Whether it is an ordinary address of one host.",
        ("ip('192.168.0.1').isGlobalUnicast()", "true"),
    ),
    _of_ip(
        "isLinkLocalUnicast",
        BOOL,
        net.is_link_local,
        "Whether it is an address of the link.",
        ("ip('fe80::1').isLinkLocalUnicast()", "true"),
    ),
    _of_ip(
        "isLinkLocalMulticast",
        BOOL,
        net.is_link_local_multicast,
        "Whether it is a multicast group of the link.",
        ("ip('224.0.0.1').isLinkLocalMulticast()", "true"),
    ),
    Function(
        "containsIP",
        "Whether the address is in the network.",
        (
            Overload("cidr_contains_ip", (CIDR, IP), BOOL, _contains_ip, True, dialect=_CEL),
            Overload(
                "cidr_contains_ip_string",
                (CIDR, STRING),
                BOOL,
                _contains_ip,
                True,
                dialect=_CEL,
                cost=price(360, 0, 0.1),
            ),
        ),
        (("cidr('10.0.0.0/8').containsIP('10.1.2.3')", "true"),),
    ),
    Function(
        "containsCIDR",
        "Whether all of the other network is in this one.",
        (
            Overload("cidr_contains_cidr", (CIDR, CIDR), BOOL, _contains_cidr, True, dialect=_CEL),
            Overload(
                "cidr_contains_cidr_string",
                (CIDR, STRING),
                BOOL,
                _contains_cidr,
                True,
                dialect=_CEL,
                cost=price(360, 0, 0.1),
            ),
        ),
        (("cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')", "true"),),
    ),
    Function(
        "masked",
        "The network with its host bits cleared.",
        (Overload("cidr_masked", (CIDR,), CIDR, net.masked, True, dialect=_CEL),),
        (("cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8')", "true"),),
    ),
    Function(
        "prefixLength",
        "The length of the network's prefix.",
        (Overload("cidr_prefix_length", (CIDR,), INT, _prefix_length, True, dialect=_CEL),),
        (("cidr('10.0.0.0/8').prefixLength()", "8"),),
    ),
)
