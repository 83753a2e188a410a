"""Which tcp or tls endpoint gets a connection."""

from __future__ import annotations

from typing import Any

import pytest
from tests.runtime.test_endpoints import made

from policyc.runtime.endpoints import make_snapshot
from policyc.runtime.stream_table import StreamPool, StreamTable


def table(*urls: str, **options: Any) -> StreamTable:
    return make_snapshot(made(url, **options) for url in urls).streams


def shown(pool: StreamPool | None) -> str | None:
    return None if pool is None else pool.members[0].info.url


def test_tcp_endpoint_is_known_by_its_port() -> None:
    streams = table("tcp://a.example:1", "tcp://*:2", "tcp://0.0.0.0:3")
    assert streams.ports == [1, 2, 3]
    assert shown(streams.by_port(1, "127.0.0.1")) == "tcp://a.example:1"
    assert shown(streams.by_port(2, "::1")) == "tcp://*:2"
    assert shown(streams.by_port(3, "192.0.2.1")) == "tcp://0.0.0.0:3"
    assert streams.by_port(4, "127.0.0.1") is None
    assert not streams.has_tls


def test_addresses_tell_endpoints_of_one_port_apart() -> None:
    streams = table("tcp://192.0.2.1:1", "tcp://[2001:db8::1]:1", "tcp://a.example:1", "tcp://192.0.2.2:2")
    assert shown(streams.by_port(1, "192.0.2.1")) == "tcp://192.0.2.1:1"
    assert shown(streams.by_port(1, "2001:db8::1")) == "tcp://[2001:db8::1]:1"
    assert shown(streams.by_port(1, "192.0.2.9")) == "tcp://a.example:1"
    assert streams.by_port(2, "192.0.2.9") is None
    assert streams.ports == [1, 2]
    assert len(list(streams)) == 4


def test_two_names_at_one_port_are_refused() -> None:
    with pytest.raises(ValueError, match=r"tcp://a\.example:1 and tcp://b\.example:1 have one port"):
        table("tcp://a.example:1", "tcp://b.example:1")


def test_tls_endpoint_is_known_by_name_exact_ones_first() -> None:
    streams = table("tls://a.example", "tls://*.example", "tls://*.b.example:9000", "tls://*:1")
    assert shown(streams.by_name("a.example")) == "tls://a.example"
    assert shown(streams.by_name("x.b.example")) == "tls://*.b.example:9000"
    assert shown(streams.by_name("x.y.example")) == "tls://*.example"
    assert shown(streams.by_name("other")) == "tls://*:1"
    assert streams.has_tls
    assert streams.ports == []


def test_port_of_a_tls_endpoint_counts_for_nothing() -> None:
    snapshot = make_snapshot([made("tls://a.example:9000"), made("tls://a.example:443")])
    assert shown(snapshot.streams.by_name("a.example")) == "tls://a.example:443"
    assert snapshot.notices == ["tls://a.example:9000 is not served: tls://a.example:443 has the same host"]


def test_internal_endpoints_and_http_are_not_in_it() -> None:
    streams = table("tcp://a.internal:1", "tls://a.internal", "https://a.example")
    assert list(streams) == []
    assert streams.by_name("a.internal") is None


def test_pool_is_one_entry() -> None:
    snapshot = make_snapshot([made("tcp://a.example:1", pooled=True), made("tcp://a.example:1", pooled=True)])
    pool = snapshot.streams.by_port(1, "")
    assert pool is not None
    assert len(pool.members) == 2
