from __future__ import annotations

from policyc.engine.endpoint_url import EndpointUrl, UrlProblem, parse_endpoint_url, parse_upstream
from policyc.engine.model import EMPTY_POLICY, EndpointDef, Program
from policyc.runtime.cli.banner import endpoints, listening, notices, streams
from policyc.runtime.transport.listeners import Place


def url(text: str) -> EndpointUrl:
    parsed = parse_endpoint_url(text)
    assert not isinstance(parsed, UrlProblem)
    return parsed


def made(text: str, upstream: str | None = None, account: str = "default") -> EndpointDef:
    where = None if upstream is None else parse_upstream(upstream)
    assert not isinstance(where, UrlProblem)
    return EndpointDef(url(text), EMPTY_POLICY, where, account)


def test_addresses_are_urls() -> None:
    assert list(listening([("127.0.0.1", 80), ("::1", 81)])) == [
        "listening on http://127.0.0.1:80",
        "listening on http://[::1]:81",
    ]


def test_endpoints_are_listed_public_ones_first() -> None:
    program = Program(
        (
            made("https://b.internal", "http://127.0.0.1:9001"),
            made("https://b.internal", "http://127.0.0.1:9002"),
            made("https://a.example.com"),
            made("https://c.example.com", "http://127.0.0.1:1", "other"),
        )
    )
    assert list(
        endpoints(program, {"https://app.internal": 2, "https://a.example.com": 1}, None, "default")
    ) == [
        "account default",
        "  public    https://a.example.com -> application",
        "  public    https://c.example.com -> http://127.0.0.1:1 of account other",
        "  internal  https://app.internal pool of 2 -> application",
        "  internal  https://b.internal pool of 2 -> http://127.0.0.1:9001, -> http://127.0.0.1:9002",
    ]


def test_plain_proxy_is_listed() -> None:
    lines = list(endpoints(Program(), {}, "http://127.0.0.1:9", "acme"))
    assert lines == ["account acme", "  public    any host -> http://127.0.0.1:9"]


def test_public_https_in_clear_is_noticed_and_nothing_else_is() -> None:
    (line,) = notices(Program((made("https://a.example.com"),)), [])
    assert "served in clear" in line
    assert list(notices(Program((made("http://a.example.com"), made("https://b.internal"))), [])) == []


def test_what_others_notice_is_passed_on() -> None:
    assert list(notices(Program(notices=("no data for `conn.geo`",)), ["http://a.com is left out"])) == [
        "notice: http://a.com is left out",
        "notice: no data for `conn.geo`",
    ]


def test_listeners_of_streams_have_a_line_each() -> None:
    places = [Place("tcp", "::1", 5432), Place("tls", "127.0.0.1", 8443)]
    assert list(streams(places)) == [
        "listening on tcp://[::1]:5432",
        "listening on tls://127.0.0.1:8443",
    ]
