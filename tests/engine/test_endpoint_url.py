from __future__ import annotations

import pytest

from policyc.engine.endpoint_url import (
    EndpointUrl,
    Upstream,
    UrlProblem,
    parse_endpoint_url,
    parse_forward_target,
    parse_upstream,
)
from policyc.engine.phases import Binding, Protocol


def url(text: str, binding: Binding | None = None) -> EndpointUrl:
    parsed = parse_endpoint_url(text, binding)
    assert isinstance(parsed, EndpointUrl), parsed
    return parsed


def problem(text: str, binding: Binding | None = None) -> UrlProblem:
    parsed = parse_endpoint_url(text, binding)
    assert isinstance(parsed, UrlProblem), parsed
    return parsed


@pytest.mark.parametrize(
    ("text", "shown", "addr"),
    [
        ("https://example.internal", "https://example.internal", "example.internal:443"),
        (
            "https://example.foo.bar.internal",
            "https://example.foo.bar.internal",
            "example.foo.bar.internal:443",
        ),
        ("https://example.internal:12345", "https://example.internal:12345", "example.internal:12345"),
        ("http://example.internal", "http://example.internal", "example.internal:80"),
        ("tls://example.internal", "tls://example.internal", "example.internal:443"),
        ("tls://example.internal:12345", "tls://example.internal:12345", "example.internal:12345"),
        ("tcp://example.internal:12345", "tcp://example.internal:12345", "example.internal:12345"),
        ("https://a.b.c.d.e.internal", "https://a.b.c.d.e.internal", "a.b.c.d.e.internal:443"),
        ("https://*.internal", "https://*.internal", "*.internal:443"),
        ("https://*.b.c.d.e.internal:1", "https://*.b.c.d.e.internal:1", "*.b.c.d.e.internal:1"),
    ],
)
def test_internal_urls_of_the_specification(text: str, shown: str, addr: str) -> None:
    parsed = url(text)
    assert (parsed.url, parsed.addr, parsed.binding) == (shown, addr, Binding.INTERNAL)


@pytest.mark.parametrize(
    "spelling",
    [
        "https://API.Internal",
        "HTTPS://api.internal",
        "https://api.internal.",
        "https://api.internal:443",
        "https://api.internal:00443",
        "https://api。internal",
        "https://\uff41\uff50\uff49.internal",
        "api.internal",
    ],
)
def test_every_spelling_of_an_endpoint_has_one_key_and_is_internal(spelling: str) -> None:
    assert url(spelling).key == (Binding.INTERNAL, Protocol.HTTPS, "api.internal", 443)


def test_international_names_become_a_labels() -> None:
    assert url("https://Bücher.example").host == "xn--bcher-kva.example"
    assert url("https://*.bücher.example").host == "*.xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("text", "number", "place"),
    [
        ("ftp://app.internal", 9036, "ftp"),
        ("://app.internal", 9036, ":"),
        ("https://app.internal/", 9038, "/"),
        ("https://app.internal/api", 9037, "/api"),
        ("https://app.internal?a=1", 9037, "?a=1"),
        ("https://app.internal#top", 9037, "#top"),
        ("https://me:pw@app.internal", 9037, "me:pw@"),
        ("https://app internal", 9034, " "),
        ("https://app.internal\n", 9034, "\n"),
        ("https:\\\\app.internal", 9034, "\\"),
        ("https://app.internal:x", 9033, "x"),
        ("https://app.internal:", 9033, ":"),
        ("https://app.internal:٣", 9033, "٣"),
        ("https://app.internal:+80", 9033, "+80"),
        ("https://app.internal:0", 9030, "0"),
        ("https://app.internal:65536", 9030, "65536"),
        ("https://app.internal:99999999999999999999", 9030, "99999999999999999999"),
        ("https://a:1:2", 9034, "a:1:2"),
        ("tcp://db.internal", 18003, "tcp://db.internal"),
        ("https://", 9028, "https://"),
        ("https://a.b.c.d.e.f.internal", 9031, "a.b.c.d.e.f.internal"),
        ("https://*.b.c.d.e.f.internal", 9031, "*.b.c.d.e.f.internal"),
        ("https://my_app.internal", 355, "my_app.internal"),
        ("https://-a.internal", 327, "-a.internal"),
        ("https://a-.internal", 328, "a-.internal"),
        ("https://a..internal", 9032, "a..internal"),
        ("https://.internal", 9032, ".internal"),
        ("https://a.internal..", 9032, "a.internal.."),
        ("https://a.*.internal", 402, "a.*.internal"),
        ("https://*-a.internal", 402, "*-a.internal"),
        ("https://a%2e.internal", 326, "a%2e.internal"),
        ("https://xn--0.internal", 330, "xn--0.internal"),
        ("https://1.2.3", 9032, "1.2.3"),
        ("https://1.2.3.256", 9032, "1.2.3.256"),
        ("https://[::1", 9032, "[::1"),
        ("https://[::g]", 9032, "[::g]"),
        ("https://internal", 331, "internal"),
    ],
)
def test_what_is_wrong_is_told_by_number_and_place(text: str, number: int, place: str) -> None:
    wrong = problem(text)
    assert (wrong.ngrok, text[wrong.start : wrong.end]) == (number, place)
    assert wrong.message[0].islower() or wrong.message[0] == "`"
    assert not wrong.message.endswith(".")


def test_labels_and_names_have_limits() -> None:
    assert url(f"https://{'a' * 63}.internal").host.startswith("aaa")
    assert problem(f"https://{'a' * 64}.internal").ngrok == 396
    assert problem(f"https://{'.'.join(['a' * 60] * 5)}.example").ngrok == 397


@pytest.mark.parametrize(
    ("text", "binding", "number"),
    [
        ("https://app.example.com", Binding.INTERNAL, 9029),
        ("https://*", Binding.INTERNAL, 9029),
        ("https://127.0.0.1", Binding.INTERNAL, 9029),
        ("https://internal", Binding.INTERNAL, 9028),
        ("https://app.internal", Binding.PUBLIC, 331),
        ("http://name", Binding.KUBERNETES, 9039),
        ("http://a.b.c", Binding.KUBERNETES, 9039),
        ("http://*.b", Binding.KUBERNETES, 9039),
        ("tcp://name.namespace", Binding.KUBERNETES, 18003),
    ],
)
def test_a_binding_that_does_not_fit_the_host_is_refused(text: str, binding: Binding, number: int) -> None:
    assert problem(text, binding).ngrok == number


def test_binding_is_inferred_from_the_host_and_only_kubernetes_must_be_given() -> None:
    assert url("https://app.internal").binding is Binding.INTERNAL
    assert url("https://app.internal.example.com").binding is Binding.PUBLIC
    assert url("https://notinternal").binding is Binding.PUBLIC
    assert url("http://name.namespace", Binding.KUBERNETES).binding is Binding.KUBERNETES


def test_public_hosts_may_be_addresses_and_any_port() -> None:
    assert url("http://127.0.0.1:8080").addr == "127.0.0.1:8080"
    assert url("http://[0:0::1]:8080").addr == "[::1]:8080"
    assert url("tcp://*:9000").host == "*"
    assert url("https://shop.example.com:8443").url == "https://shop.example.com:8443"


def test_a_missing_scheme_is_https_and_noted() -> None:
    assert url("foo.internal").url == "https://foo.internal"
    assert url("foo.internal").is_partial
    assert not url("https://foo.internal").is_partial


# --- targets of forward-internal ---------------------------------------------------------------------


def test_a_target_is_a_concrete_internal_endpoint() -> None:
    target = parse_forward_target("http://API.internal:8080")
    assert isinstance(target, EndpointUrl)
    assert target.key == (Binding.INTERNAL, Protocol.HTTP, "api.internal", 8080)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("https://www.example.com", 9029),
        ("https://*.internal", 9032),
        ("api.internal", 18022),
        ("https://api.internal@evil.example", 9037),
        ("https://evil.example/.internal", 9037),
        ("https://evil.example#.internal", 9037),
        ("https://api.internal/", 9038),
        ("https://api.internal\r\n", 9034),
        ("https://" + "a" * 2000 + ".internal", 9034),
        ("", 9028),
    ],
)
def test_no_spelling_of_a_target_leads_elsewhere(text: str, number: int) -> None:
    target = parse_forward_target(text)
    assert isinstance(target, UrlProblem)
    assert target.ngrok == number


# --- upstreams -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("8080", "http://localhost:8080"),
        ("443", "https://localhost:443"),
        ("localhost:443", "https://localhost:443"),
        ("host:1234", "http://host:1234"),
        ("example.org", "http://example.org:80"),
        ("https://", "https://localhost:443"),
        ("http://", "http://localhost:80"),
        ("https://h", "https://h:443"),
        ("http://h/", "http://h:80"),
        ("http://my_app:80", "http://my_app:80"),
        ("http://[::1]:9000", "http://[::1]:9000"),
        ("tcp://h:1", "tcp://h:1"),
        ("unix:/run/app.sock", "unix:/run/app.sock"),
        ("unix:///run/app.sock", "unix:/run/app.sock"),
        ("file:///srv/www", "file:/srv/www"),
    ],
)
def test_upstreams_in_every_form(text: str, shown: str) -> None:
    upstream = parse_upstream(text)
    assert isinstance(upstream, Upstream)
    assert upstream.url == shown


@pytest.mark.parametrize(
    ("text", "protocol", "number"),
    [
        ("", None, 18014),
        ("ftp://h", None, 9036),
        ("tcp://h", None, 9034),
        ("tls://h", None, 9034),
        ("http://h/base", None, 9037),
        ("http://h?q", None, 9037),
        ("http://u@h", None, 9037),
        ("http://a..b", None, 9032),
        ("http://*", None, 9032),
        ("http://h:0", None, 9030),
        ("http://a b", None, 9034),
        ("http://api.internal", None, 9034),
        ("unix:relative", None, 9034),
        ("http://h:1", Protocol.TCP, 15003),
        ("tcp://h:1", Protocol.HTTPS, 15003),
    ],
)
def test_upstreams_that_are_refused(text: str, protocol: Protocol | None, number: int) -> None:
    upstream = parse_upstream(text, protocol)
    assert isinstance(upstream, UrlProblem)
    assert upstream.ngrok == number


def test_an_upstream_without_scheme_is_read_for_its_endpoint() -> None:
    assert parse_upstream("5432", Protocol.TCP) == Upstream("tcp", "localhost", 5432)
    assert parse_upstream("db:5432", Protocol.TLS) == Upstream("tcp", "db", 5432)
    assert parse_upstream("unix:/run/db.sock", Protocol.TCP) == Upstream("unix", path="/run/db.sock")
