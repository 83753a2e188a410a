"""What upstreams are told of the client is a function of the connection, for any peer that is not listed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyc.engine.traffic import Connection
from policyc.runtime.forwarded import Forwarding

CONN = Connection("192.0.2.7", 5)
OURS = [
    (b"x-forwarded-for", b"192.0.2.7"),
    (b"x-forwarded-proto", b"https"),
    (b"x-forwarded-host", b"a.example"),
]
FAMILY = [
    b"X-Forwarded-For", b"x_forwarded_for", b"X.Forwarded.Host", b"X-Forwarded-Prefix", b"x-forwarded_proto",
    b"Forwarded", b"FORWARDED", b"X-FORWARDED-PORT", b"X~Forwarded'For", b"x|forwarded!host",
]  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from([*FAMILY, b"x-a", b"Host", b"xforwarded"]), st.binary(max_size=9))))
def test_family_of_a_stranger_is_ours(lines: list[tuple[bytes, bytes]]) -> None:
    made = Forwarding().rebuild(lines, CONN, "https", "a.example", known=False)
    assert made == [line for line in lines if line[0] not in FAMILY] + OURS


def test_listed_peer_is_appended_to() -> None:
    forwarding = Forwarding(["10.0.0.0/8", "2001:db8::/32"])
    assert forwarding.trusts("10.1.2.3")
    assert forwarding.trusts("2001:db8::1")
    assert not forwarding.trusts("192.0.2.7")
    assert not forwarding.trusts("")
    lines = [
        (b"X-Forwarded-For", b"1.1.1.1"),
        (b"x-forwarded-for", b"2.2.2.2"),
        (b"X-Forwarded-Proto", b"http"),
        (b"X-Forwarded-Host", b"shown.example"),
        (b"X_Forwarded_For", b"twin"),
        (b"Forwarded", b"for=1.1.1.1"),
    ]
    assert forwarding.rebuild(lines, CONN, "https", "a.example", known=True) == [
        (b"Forwarded", b"for=1.1.1.1"),
        (b"x-forwarded-for", b"1.1.1.1, 2.2.2.2, 192.0.2.7"),
        (b"x-forwarded-proto", b"http, https"),
        (b"x-forwarded-host", b"shown.example"),
    ]


def test_append_mode_keeps_everybodys() -> None:
    assert Forwarding(keep_all=True).trusts("192.0.2.7")


def test_reserved_fields_go_but_for_the_browser_warning() -> None:
    lines = [
        (b"Ngrok-Auth-User-Email", b"a@b"),
        (b"ngrok_trace_id", b"1"),
        (b"ngrok-skip-browser-warning", b"1"),
    ]
    for known in (True, False):
        made = Forwarding().rebuild(lines, CONN, "https", "a.example", known=known)
        assert made == [(b"ngrok-skip-browser-warning", b"1"), *OURS]


def test_request_without_host_gets_no_forwarded_host() -> None:
    assert Forwarding().rebuild([], CONN, "https", "", known=False) == OURS[:2]


def test_network_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="does not appear"):
        Forwarding(["10.0.0.0/99"])


@pytest.mark.parametrize("host", ["a.example", "a.example:8080", ""])
def test_the_short_way_tells_what_the_long_way_tells(host: str) -> None:
    forwarding = Forwarding()
    lines = forwarding.rebuild((), CONN, "https", host, known=False)
    for _ in range(2):
        told = forwarding.told(CONN, "https", host)
        assert told == b"".join(b"%b: %b\r\n" % line for line in lines)
