"""design/architecture.md §6: Host differs from SNI on one connection."""

from __future__ import annotations

import pytest

from policyc.engine.endpoint_url import EndpointUrl, parse_endpoint_url
from policyc.engine.model import EndpointKey
from policyc.engine.outcome import Outcome
from policyc.engine.phases import Phase
from policyc.engine.traffic import Exchange
from policyc.runtime.endpoints import Endpoint, InternalEndpoint, PublicEndpoint, Snapshot, make_snapshot
from policyc.runtime.secure_table import SessionTable, session_view


def _pass(exchange: Exchange) -> Outcome | None:
    return None


def made(text: str, *, guarded: bool = False) -> Endpoint:
    url = parse_endpoint_url(text)
    assert isinstance(url, EndpointUrl)
    key = EndpointKey("default", url.binding, url.scheme, url.host, url.port)
    kind = InternalEndpoint if url.host.endswith(".internal") else PublicEndpoint
    return kind(key, url.url, {Phase.TCP_CONNECT: _pass} if guarded else {}, None)


def snapshot(*endpoints: Endpoint, any_secure: PublicEndpoint | None = None) -> Snapshot:
    return make_snapshot(endpoints, has_tls=True, any_secure=any_secure)


OPEN, OTHER = made("https://a.example"), made("https://b.example")
GUARDED = made("https://c.example", guarded=True)
SERVED = snapshot(OPEN, OTHER, GUARDED, made("http://d.example"), made("https://e.internal"))


@pytest.mark.parametrize(
    ("sni", "host", "found"),
    [
        ("a.example", "a.example", True),
        ("a.example", "b.example", True),
        ("a.example", "c.example", False),
        ("c.example", "c.example", True),
        ("c.example", "a.example", False),
        ("a.example", "d.example", None),
        ("a.example", "e.internal", None),
        ("a.example", "f.example", None),
        ("a.example", None, None),
        ("gone.example", "a.example", False),
    ],
)
def test_a_request_for_another_endpoint(sni: str, host: str | None, found: bool | None) -> None:
    table = SessionTable(SERVED.secure, sni)
    pool = table.find(host)
    if found:
        assert pool is not None
        assert pool.key.host == host
        return
    assert pool is None
    failure = table.missing(host, host or "")
    assert (failure.status, failure.reason) == ((421, "misdirected") if found is False else (404, ""))


def test_names_under_one_wildcard_are_one_endpoint() -> None:
    table = SessionTable(snapshot(made("https://*.example", guarded=True)).secure, "a.example")
    assert table.find("b.example") is table.find("a.example") is not None


def test_a_view_differs_in_what_is_reached_only() -> None:
    view = session_view(SERVED, "a.example")
    assert isinstance(view.public, SessionTable)
    assert (view.internal, view.streams) == (SERVED.internal, SERVED.streams)


def test_https_endpoints_are_served_in_clear_only_where_there_is_no_tls() -> None:
    both = [made("http://a.example"), made("https://a.example"), made("https://b.example")]
    clear = make_snapshot(both)
    assert [pool.key.scheme.value for pool in clear.public] == ["https", "https"]
    assert list(clear.secure) == []
    with_tls = make_snapshot(both, has_tls=True)
    assert [pool.key.scheme.value for pool in with_tls.public] == ["http"]
    assert [pool.key.host for pool in with_tls.secure] == ["a.example", "b.example"]
    assert with_tls.notices == []
