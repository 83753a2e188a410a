"""Tables: two types, exact before wildcard, most labels first, accounts apart."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyc.engine.endpoint_url import parse_forward_target
from policyc.engine.model import EndpointKey
from policyc.engine.phases import Binding, Phase, Protocol
from policyc.runtime import endpoints
from policyc.runtime.endpoints import (
    Endpoint,
    InternalEndpoint,
    InternalTable,
    Pool,
    PublicEndpoint,
    PublicTable,
    make_snapshot,
)


def key(url: str, account: str = "default") -> EndpointKey:
    scheme, _, rest = url.partition("://")
    host, port = (rest, "") if rest.endswith("]") or ":" not in rest else rest.rsplit(":", 1)
    protocol = Protocol(scheme)
    binding = Binding.INTERNAL if host.endswith(".internal") else Binding.PUBLIC
    return EndpointKey(account, binding, protocol, host, int(port or protocol.default_port or 0))


def made(url: str, account: str = "default", pooled: bool = False, phases: Any = None) -> Any:
    at = key(url, account)
    kind = InternalEndpoint if at.binding is Binding.INTERNAL else PublicEndpoint
    return kind(at, url, phases or {}, None, pooled=pooled)


def public_url(table: PublicTable, host: str | None) -> str | None:
    pool = table.find(host)
    return None if pool is None else pool.members[0].info.url


def test_exact_host_wins_then_the_wildcard_with_most_labels() -> None:
    table = make_snapshot(
        made(url) for url in ("https://*.example", "https://*.a.example", "https://b.a.example")
    ).public
    assert public_url(table, "b.a.example") == "https://b.a.example"
    assert public_url(table, "c.a.example") == "https://*.a.example"
    assert public_url(table, "d.c.a.example") == "https://*.a.example"
    assert public_url(table, "a.example") == "https://*.example"
    assert public_url(table, "example") is None
    assert public_url(table, None) is None


def test_any_host_endpoint_is_the_last_resort() -> None:
    table = make_snapshot([made("https://a.example")], any_host=made("http://*:80")).public
    assert public_url(table, "a.example") == "https://a.example"
    assert public_url(table, "b.example") == "http://*:80"
    assert public_url(table, None) == "http://*:80"


def test_https_and_the_default_port_come_first_with_a_notice() -> None:
    urls = ("http://a.example", "https://a.example:8443", "https://a.example")
    snapshot = make_snapshot(made(url) for url in urls)
    assert public_url(snapshot.public, "a.example") == "https://a.example"
    assert snapshot.notices == [
        "https://a.example:8443 is not served: https://a.example has the same host",
        "http://a.example is not served: https://a.example has the same host",
    ]


def test_internal_look_up_is_by_account_scheme_host_and_port() -> None:
    table: InternalTable = make_snapshot(
        [
            made("https://a.internal"),
            made("https://a.internal", "other"),
            made("http://a.internal:81"),
            made("https://*.b.internal"),
        ]
    ).internal
    found = table.find("default", Protocol.HTTPS, "a.internal", 443)
    assert found is not None
    assert found.key.account == "default"
    assert table.find("third", Protocol.HTTPS, "a.internal", 443) is None
    assert table.find("default", Protocol.HTTP, "a.internal", 80) is None
    assert table.find("default", Protocol.HTTP, "a.internal", 81) is not None
    assert table.find("default", Protocol.HTTPS, "x.b.internal", 443) is not None
    assert table.find("other", Protocol.HTTPS, "x.b.internal", 443) is None


def test_endpoint_of_the_wrong_binding_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="is not public"):
        PublicEndpoint(key("https://a.internal"), "https://a.internal", {}, None)
    with pytest.raises(TypeError, match="is not internal"):
        InternalEndpoint(key("https://a.example"), "https://a.example", {}, None)


@given(st.text(max_size=30))
def test_no_text_finds_an_internal_endpoint_in_the_public_table(host: str) -> None:
    urls = ("https://*.example", "https://api.internal", "https://*.w.internal")
    table = make_snapshot(made(url) for url in urls).public
    for spelling in (host, host + ".internal", "api.internal" + host, host + ".w.internal"):
        pool = table.find(spelling)
        assert pool is None or pool.key.binding is Binding.PUBLIC


def test_phases_that_the_endpoint_does_not_have_are_left_out() -> None:
    phases = {phase: (lambda exchange: None) for phase in Phase}
    assert made("https://a.internal", phases=phases).on_tcp_connect is None
    assert made("https://a.internal", phases=phases).on_http_request is not None
    assert made("https://a.example", phases=phases).on_tcp_connect is not None


def test_endpoints_of_one_url_must_all_pool() -> None:
    with pytest.raises(ValueError, match="not all of them pool"):
        make_snapshot([made("https://a.internal", pooled=True), made("https://a.internal")])
    with pytest.raises(ValueError, match="two accounts claim"):
        make_snapshot([made("https://a.example"), made("https://a.example", "other")])


def test_choice_is_uniform_and_repeatable() -> None:
    members = [made("https://a.internal", pooled=True) for _ in range(4)]
    pool: Pool[Endpoint] = Pool(members, random.Random(5))
    counts = Counter(members.index(pool.choose()) for _ in range(4000))
    assert all(800 < counts[n] < 1200 for n in range(4))
    again: Pool[Endpoint] = Pool(members, random.Random(5))
    third: Pool[Endpoint] = Pool(members, random.Random(5))
    assert [again.choose() for _ in range(20)] == [third.choose() for _ in range(20)]


def test_targets_without_end_are_not_remembered_and_push_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def note(url: str) -> object:
        read.append(url)
        return parse_forward_target(url)

    monkeypatch.setattr(endpoints, "_TARGETS_REMEMBERED", 2)
    monkeypatch.setattr(endpoints, "parse_forward_target", note)
    table = make_snapshot(made(url) for url in ("https://a.internal", "https://*.b.internal")).internal
    strangers = [f"https://n{n}.b.internal" for n in range(4)]
    for url in (*strangers, *strangers):
        pool = table.remembered("default", url)
        assert pool is not None
        assert pool.key.host == "*.b.internal"
    assert read == [*strangers, *strangers[2:]]
    for account, found in (("default", True), ("other", False)):
        assert (table.remembered(account, "https://a.internal") is not None) is found
    assert read[6:] == ["https://a.internal"]  # the other account's, of which nothing was known
