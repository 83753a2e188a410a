"""ClientHello: what is read, what is refused, and that no split and no garbage changes that."""

from __future__ import annotations

import ssl
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policyc.runtime.protocol.client_hello import (
    HELLO_LIMIT_BYTES,
    Hello,
    HelloReader,
    NotTls,
    alert,
    parse,
)


def vector(size: int, octets: bytes) -> bytes:
    return len(octets).to_bytes(size) + octets


def numbers(*values: int) -> bytes:
    return b"".join(value.to_bytes(2) for value in values)


def extension(kind: int, octets: bytes) -> bytes:
    return kind.to_bytes(2) + vector(2, octets)


def name(text: bytes, kind: int = 0) -> bytes:
    return extension(0, vector(2, bytes([kind]) + vector(2, text)))


def message(*extensions: bytes, ciphers: bytes = numbers(0x1301), legacy: int = 0x0303) -> bytes:
    body = legacy.to_bytes(2) + bytes(32) + vector(1, b"s" * 32) + vector(2, ciphers) + vector(1, b"\0")
    if extensions:
        body += vector(2, b"".join(extensions))
    return b"\x01" + vector(3, body)


def records(octets: bytes, size: int = 16384) -> bytes:
    pieces = [octets[at : at + size] for at in range(0, len(octets), size)]
    return b"".join(b"\x16\x03\x01" + vector(2, piece) for piece in pieces)


def from_openssl(server_name: str | None = "shop.example.com", alpn: tuple[str, ...] = ("h2",)) -> bytes:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.set_alpn_protocols(list(alpn))
    out = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=server_name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return out.read()


def read(octets: bytes) -> Hello:
    hello = parse(octets)
    assert hello is not None
    return hello


def test_hello_of_openssl_is_read() -> None:
    hello = read(from_openssl(alpn=("h2", "http/1.1")))
    assert hello.sni == "shop.example.com"
    assert hello.alpn == ("h2", "http/1.1")
    assert 0x0304 in hello.versions
    assert hello.ja4.startswith("t13d")
    assert hello.ja4[8:10] == "h2"


def test_hello_without_a_name_has_an_empty_sni() -> None:
    hello = read(from_openssl(None))
    assert hello.sni == ""
    assert hello.ja4.startswith("t13i")


def test_name_is_in_lower_case_and_has_no_trailing_dot() -> None:
    assert read(records(message(name(b"Shop.Example.COM.")))).sni == "shop.example.com"


def test_ja4_is_that_of_the_published_example() -> None:
    # The worked example of FoxIO's technical details, with GREASE where Chrome has it.
    ciphers = numbers(
        0x2A2A, 0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8,
        0xC013, 0xC014, 0x009C, 0x009D, 0x002F, 0x0035,
    )  # fmt: skip
    signatures = vector(2, numbers(0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601))
    plain = (0x001B, 0x0033, 0x4469, 0x0017, 0x002D, 0x0005, 0x0023, 0x0012, 0xFF01, 0x000B, 0x000A, 0x0015)
    hello = read(
        records(
            message(
                extension(0x8A8A, b""),
                name(b"a.example"),
                extension(16, vector(2, vector(1, b"h2") + vector(1, b"http/1.1"))),
                extension(13, signatures),
                extension(43, vector(1, numbers(0xFAFA, 0x0304, 0x0303))),
                *(extension(kind, b"") for kind in plain),
                ciphers=ciphers,
            )
        )
    )
    assert hello.ja4 == "t13d1516h2_8daaf6152771_e5627efa2ab1"
    assert hello.versions == (0x0304, 0x0303)


@pytest.mark.parametrize(
    ("octets", "start"),
    [
        (message(), "t12i010000_"),
        (message(legacy=0x0301), "t10i010000_"),
        (message(legacy=0x9999), "t00i010000_"),
        (message(extension(16, vector(2, vector(1, b"\xab")))), "t12i0101ab_"),
        (message(extension(16, vector(2, vector(1, b"x\x30\xcd")))), "t12i01017d_"),
        (message(extension(16, vector(2, vector(1, b"h")))), "t12i0101hh_"),
        (message(ciphers=b""), "t12i000000_000000000000_000000000000"),
        (message(ciphers=numbers(*range(0x4000, 0x4000 + 120))), "t12i990000_"),
    ],
)
def test_ja4_of_odd_hellos(octets: bytes, start: str) -> None:
    assert read(records(octets)).ja4.startswith(start)


@pytest.mark.parametrize(
    "octets",
    [
        b"GET / HTTP/1.1\r\n",
        b"\x80\x2e\x01\x00\x02",
        b"\x16\x02",
        b"\x17\x03\x03\x00\x01a",
        b"\x16\x03\x01\x00\x01\x02",
        b"\x16\x03\x01\x00\x04\x02\x00\x00\x00",
    ],
)
def test_what_is_no_tls_gets_no_alert(octets: bytes) -> None:
    with pytest.raises(NotTls) as caught:
        parse(octets)
    assert caught.value.alert is None


@pytest.mark.parametrize(
    "octets",
    [
        b"\x16\x03\x01\x00\x00",
        b"\x16\x03\x01\x40\x01",
        b"\x16\x03\x01\x40\x00\x01\x01\x00\x01",
        records(b"\x01" + vector(3, bytes(10))),
        records(message(name(b"a.example"), name(b"b.example"))),
        records(message(extension(0, vector(2, b"\0" + vector(2, b"a") + b"\0" + vector(2, b"b"))))),
        records(message(extension(0, b""))),
        records(message(extension(0, vector(2, b"")))),
        records(message(extension(0, vector(2, b"\0" + vector(2, b"a")) + b"x"))),
        records(message(name(b"a", kind=1))),
        records(message(name(b""))),
        records(message(name(b"a\0b.example"))),
        records(message(name(b"a..example"))),
        records(message(name("ä.example".encode()))),
        records(message(name(b".".join([b"a" * 63] * 4)))),
        records(message(extension(16, b""))),
        records(message(extension(16, vector(2, b"\0")))),
        records(message(extension(16, vector(2, b"\x02h2") + b"x"))),
        records(message(extension(43, b"\x03\x03\x04\x03"))),
        records(message(extension(43, b"\x02\x03\x04\x03"))),
        records(message(extension(13, b"\x00\x03\x03\x04\x03"))),
        records(message(extension(21, b"")[:-1])),
        records(message(ciphers=b"\x13")),
        records(b"\x01" + vector(3, message(extension(21, b""))[4:] + b"x")),
        records(b"\x01" + vector(3, b"\x03\x03" + bytes(32) + vector(1, bytes(33)) + bytes(9))),
        records(b"\x01" + vector(3, b"\x03\x03" + bytes(32) + b"\0" + vector(2, b"\x13\x01") + b"\0")),
    ],
)
def test_malformed_hello_is_refused_with_an_alert(octets: bytes) -> None:
    with pytest.raises(NotTls) as caught:
        parse(octets)
    assert caught.value.alert == 50


def test_another_record_type_between_fragments_is_refused() -> None:
    octets = records(message(name(b"a.example")), 20)
    with pytest.raises(NotTls):
        parse(octets[:25] + b"\x14\x03\x01\x00\x01\x01" + octets[25:])


def test_hello_may_be_as_long_as_the_limit_and_no_longer() -> None:
    room = HELLO_LIMIT_BYTES - len(message(extension(21, b""))) + 4
    assert read(records(message(extension(21, bytes(room))))).sni == ""
    with pytest.raises(NotTls):
        parse(records(message(extension(21, bytes(room)), ciphers=numbers(0x1301, 0x1302))))


def test_too_long_is_known_before_it_has_arrived() -> None:
    reader = HelloReader()
    with pytest.raises(NotTls):
        reader.feed(b"\x16\x03\x01\x02\x00\x01\xff\xff\xff")


def test_what_follows_the_hello_is_not_looked_at() -> None:
    assert read(records(message(name(b"a.example"))) + b"\x17\x03\x03garbage").sni == "a.example"


def test_alert_is_a_fatal_record() -> None:
    assert alert(112) == b"\x15\x03\x03\x00\x02\x02\x70"


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_any_split_and_any_fragmentation_gives_the_same_hello(data: st.DataObject) -> None:
    whole = message(name(b"a.example"), extension(16, vector(2, vector(1, b"h2"))), extension(21, bytes(90)))
    octets = records(whole, data.draw(st.integers(1, len(whole))))
    reader, at, hello = HelloReader(), 0, None
    while at < len(octets):
        assert hello is None
        size = data.draw(st.integers(1, len(octets) - at))
        hello = reader.feed(octets[at : at + size])
        at += size
    assert hello == read(records(whole))


@given(st.binary(max_size=400), st.integers(0, 160), st.integers(0, 80))
@settings(max_examples=500, deadline=None)
def test_hostile_octets_are_a_hello_or_refused_and_nothing_else(junk: bytes, at: int, skip: int) -> None:
    good = records(message(name(b"a.example"), extension(43, vector(1, numbers(0x0304)))))
    for octets in (junk, good[:at] + junk + good[at + skip :], b"\x16\x03\x01" + vector(2, b"\x01" + junk)):
        with suppress(NotTls):  # any other exception would be a defect
            hello = parse(octets)
            assert hello is None or len(hello.ja4) == 36
