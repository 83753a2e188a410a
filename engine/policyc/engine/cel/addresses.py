"""IP addresses and networks as the functions of expressions read them.

Two readings. `parse_ip` and `parse_cidr` are the CEL network library's: errors for what is no address, for
zones and for IPv4-mapped IPv6 in dotted form. `in_range` is ngrok's: no errors, host bits masked,
IPv4-mapped addresses taken as IPv4 (spec/variables.md §9.2).
"""

from __future__ import annotations

from functools import lru_cache

from policyc.engine.values import Cidr, EvalError, Ip

_CACHED = 4096


def _number(text: str) -> tuple[int, int] | None:
    """Return (number, bits) of an address without zone, None if it is none."""
    if ":" not in text:
        parts = text.split(".")
        if len(parts) != 4:
            return None
        number = 0
        for part in parts:
            if not (part.isascii() and part.isdigit() and len(part) <= 3 and (part[0] != "0" or part == "0")):
                return None
            octet = int(part)
            if octet > 255:
                return None
            number = number << 8 | octet
        return number, 32
    from ipaddress import AddressValueError, IPv6Address

    if "%" in text or "/" in text:
        return None
    try:
        return int(IPv6Address(text)), 128
    except AddressValueError:
        return None


def _refused(text: str) -> EvalError | None:
    if "%" in text:
        return EvalError("invalid_argument", f"`{text[:64]}` has a zone, which is not allowed")
    if ":" in text and "." in text:
        return EvalError(
            "invalid_argument", f"`{text[:64]}` is an IPv4-mapped IPv6 address, which is not allowed"
        )
    return None


def parse_ip(text: str) -> Ip:
    """Return the address; raises EvalError."""
    refused = _refused(text)
    found = None if refused else _number(text)
    if found is None:
        raise refused or EvalError("invalid_argument", f"`{text[:64]}` is no IP address")
    return Ip(*found)


def parse_cidr(text: str) -> Cidr:
    """Return the network; raises EvalError. Host bits stay as they are."""
    refused = _refused(text)
    address, slash, length = text.partition("/")
    found = None if refused or not slash else _number(address)
    prefix = _length(length)
    if found is None or prefix is None or prefix > found[1]:
        raise refused or EvalError("invalid_argument", f"`{text[:64]}` is no network, such as `10.0.0.0/8`")
    made = Ip(*found)
    if made.bits < found[1]:
        prefix = max(prefix - 96, 0)
    return Cidr(made, prefix)


def _length(text: str) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and (text[0] != "0" or text == "0")):
        return None
    return int(text)


def ip_to_text(value: Ip) -> str:
    """Return the address in its canonical form (RFC 5952 for IPv6)."""
    if value.bits == 32:
        return ".".join(str(value.number >> shift & 255) for shift in (24, 16, 8, 0))
    from ipaddress import IPv6Address

    return str(IPv6Address(value.number))


def cidr_to_text(value: Cidr) -> str:
    """Return the network as address, slash and length."""
    return f"{ip_to_text(value.address)}/{value.prefix}"


def masked(value: Cidr) -> Cidr:
    """Return the network with its host bits cleared."""
    return Cidr(
        Ip(value.address.number & _mask(value.address.bits, value.prefix), value.address.bits), value.prefix
    )


def _mask(bits: int, prefix: int) -> int:
    return (1 << bits) - (1 << (bits - prefix))


def holds_ip(network: Cidr, address: Ip) -> bool:
    """Return whether the address is in the network."""
    at = network.address
    return at.bits == address.bits and (at.number ^ address.number) >> (at.bits - network.prefix) == 0


def holds_cidr(network: Cidr, other: Cidr) -> bool:
    """Return whether all of the other network is in this one."""
    return network.prefix <= other.prefix and holds_ip(network, other.address)


@lru_cache(_CACHED)
def read_address(text: str) -> Ip | None:
    """Return the address that a text names, None if it names none; IPv4-mapped ones as IPv4."""
    found = _number(text)
    return None if found is None else Ip(*found)


@lru_cache(_CACHED)
def read_range(text: str) -> Cidr | None:
    """Return the network that a text names, None if it names none; IPv4-mapped ones as IPv4."""
    address, slash, length = text.partition("/")
    found = _number(address)
    prefix = _length(length) if slash else None
    if found is None or prefix is None or prefix > found[1]:
        return None
    made = Ip(*found)
    if made.bits < found[1]:
        if prefix < 96:
            return None
        prefix -= 96
    return Cidr(made, prefix)


NO_ADDRESS = -1  # the number of a text that is no address


@lru_cache(_CACHED)
def address_number(text: str) -> int:
    """Return a number for the address: all of IPv4 below all of IPv6; NO_ADDRESS if it is none."""
    ip = read_address(text)
    return NO_ADDRESS if ip is None else _place(ip)


def range_numbers(text: str) -> tuple[int, int] | None:
    """Return the numbers of a network's first and last address, None if the text names none."""
    network = read_range(text)
    if network is None:
        return None
    ip = network.address
    size = 1 << (ip.bits - network.prefix)
    first = _place(Ip(ip.number & _mask(ip.bits, network.prefix), ip.bits))
    return first, first + size - 1


def _place(ip: Ip) -> int:
    return ip.number if ip.bits == 32 else ip.number + (1 << 32)


def number_to_text(number: int) -> str:
    """Return the address that has a number."""
    return ip_to_text(Ip(number, 32) if number < 1 << 32 else Ip(number - (1 << 32), 128))


def in_range(address: str, network: str) -> bool:
    """Return whether the address is in the network; false where one of them is none."""
    range_ = read_range(network)
    if range_ is None:
        return False
    ip = read_address(address)
    return ip is not None and holds_ip(range_, ip)


_PRIVATE = (Cidr(Ip(0x0A00_0000, 32), 8), Cidr(Ip(0xAC10_0000, 32), 12), Cidr(Ip(0xC0A8_0000, 32), 16))


def is_private(text: str) -> bool:
    """Return whether the text is an IPv4 address of RFC 1918."""
    found = _number(text)
    return found is not None and found[1] == 32 and any(holds_ip(range_, Ip(*found)) for range_ in _PRIVATE)


def is_loopback(ip: Ip) -> bool:
    """Return whether the address is the machine's own."""
    return ip.number >> 24 == 127 if ip.bits == 32 else ip.number == 1


def is_link_local(ip: Ip) -> bool:
    """Return whether the address is a unicast address of the link."""
    return ip.number >> 16 == 0xA9FE if ip.bits == 32 else ip.number >> 118 == 0x3FA


def is_link_local_multicast(ip: Ip) -> bool:
    """Return whether the address is a multicast group of the link."""
    return (
        ip.number >> 8 == 0xE00000
        if ip.bits == 32
        else ip.number >> 112 & 0xFF0F == 0xFF02 and ip.number >> 120 == 0xFF
    )


def is_multicast(ip: Ip) -> bool:
    """Return whether the address is a multicast group."""
    return ip.number >> 28 == 0xE if ip.bits == 32 else ip.number >> 120 == 0xFF


def is_global_unicast(ip: Ip) -> bool:
    """Return whether it is neither unspecified, broadcast, loopback, multicast nor link-local, as Go says."""
    if ip.number == 0 or (ip.bits == 32 and ip.number == 0xFFFF_FFFF):
        return False
    return not (is_loopback(ip) or is_multicast(ip) or is_link_local(ip))
