"""Who is at the ends of a connection, and who may say so."""

from __future__ import annotations

import pytest

from policyc.runtime.protocol.proxy_protocol import Told
from policyc.runtime.transport.accepted import Ends, Proxies, socket_end


@pytest.mark.parametrize(
    ("name", "end"),
    [
        (("127.0.0.1", 80), ("127.0.0.1", 80)),
        (("::ffff:192.0.2.1", 80, 0, 0), ("192.0.2.1", 80)),
        (("fe80::1%eth0", 80, 0, 2), ("fe80::1", 80)),
        ("/run/socket", ("", 0)),
        (None, ("", 0)),
    ],
)
def test_socket_names_are_read(name: object, end: tuple[str, int]) -> None:
    assert socket_end(name) == end


def test_header_tells_ends_but_not_where_the_connection_came_to() -> None:
    ends = Ends(("10.0.0.1", 1), ("10.0.0.2", 2), ("10.0.0.2", 2))
    told = ends.told(Told(0, ("192.0.2.1", 3), ("198.51.100.2", 4)))
    assert told == Ends(("192.0.2.1", 3), ("198.51.100.2", 4), ("10.0.0.2", 2))
    assert ends.told(Told(0)) == ends


def test_listed_networks_are_known() -> None:
    proxies = Proxies(["10.0.0.0/8", "2001:db8::1"])
    assert proxies.are_any
    assert proxies.has("10.1.2.3")
    assert proxies.has("2001:db8::1")
    assert not proxies.has("192.0.2.1")
    assert not proxies.has("")
    assert not Proxies([]).has("10.1.2.3")
    assert not Proxies([]).are_any


def test_text_that_is_no_network_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`10\.0\.0\.0/99` is no network"):
        Proxies(["10.0.0.0/99"])
