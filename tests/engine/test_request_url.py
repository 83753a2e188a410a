import pytest

from policyc.engine import request_url
from policyc.engine.traffic import Headers, Request


def request(target: str = "/", host: str = "example.com", scheme: str = "https") -> Request:
    return Request("GET", scheme, host, target, Headers([(b"host", host.encode())]))


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        ("", "/"),
        ("/", "/"),
        ("*", "*"),
        ("/a/b", "/a/b"),
        ("/a/./b", "/a/b"),
        ("/a/../b", "/b"),
        ("/a/b/..", "/a/"),
        ("/a/b/.", "/a/b/"),
        ("/../../etc", "/etc"),
        ("/a/%2e%2e/b", "/b"),
        ("/a/%2E%2e%2f..", "/a/..%2F.."),
        ("/%7euser", "/~user"),
        ("/a%2fb", "/a%2Fb"),
        ("/100%", "/100%"),
        ("/%zz%4", "/%zz%4"),
        ("/a//b", "/a//b"),
        ("/.hidden", "/.hidden"),
        ("/...", "/..."),
        ("/%E2%82%ac", "/%E2%82%AC"),
        ("a", "/a"),
    ],
)
def test_paths_are_normalized(path: str, normal: str) -> None:
    assert request_url.normalize_path(path) == normal


@pytest.mark.parametrize("path", ["/a/%2e%2e/b", "/a/./../%7e", "/x/.", "/a%2fb/../c"])
def test_normalizing_twice_changes_nothing(path: str) -> None:
    once = request_url.normalize_path(path)
    assert request_url.normalize_path(once) == once


@pytest.mark.parametrize(
    ("query", "pairs"),
    [
        ("", []),
        ("a=1&b=2", [("a", "1"), ("b", "2")]),
        ("a=1&a=2", [("a", "1"), ("a", "2")]),
        ("a", [("a", "")]),
        ("a=", [("a", "")]),
        ("=a", [("", "a")]),
        ("a=b=c", [("a", "b=c")]),
        ("&&a=1&", [("a", "1")]),
        ("a+b=c+d", [("a b", "c d")]),
        ("a=%2B%20%c3%a9", [("a", "+ é")]),
        ("a=100%&b=%zz", [("a", "100%"), ("b", "%zz")]),
        ("a=1;b=2", [("a", "1;b=2")]),
        ("a=%ff", [("a", "\udcff")]),
    ],
)
def test_queries_are_decoded(query: str, pairs: list[tuple[str, str]]) -> None:
    assert request_url.decode_query(query) == pairs


@pytest.mark.parametrize(
    ("authority", "parts"),
    [
        ("Example.com", ("", "example.com", None)),
        ("example.com:8080", ("", "example.com", 8080)),
        ("u:p@example.com:1", ("u:p", "example.com", 1)),
        ("[2001:DB8::1]:443", ("", "2001:db8::1", 443)),
        ("[::1]", ("", "::1", None)),
        ("a:", ("", "a", None)),
        ("a:x", ("", "a", None)),
        ("", ("", "", None)),
    ],
)
def test_authorities_are_split(authority: str, parts: tuple[str, str, int | None]) -> None:
    assert request_url.split_authority(authority) == parts


def test_the_parts_of_a_url() -> None:
    made = request("/a/%7e/../b?x=1&x=2&y", "u:p@Example.com:8443")
    assert request_url.fill_url(made) == "https://u:p@example.com:8443/a/b?x=1&x=2&y"
    assert request_url.fill_uri(made) == "/a/b?x=1&x=2&y"
    assert request_url.fill_path(made) == "/a/b"
    assert request_url.fill_query(made) == "x=1&x=2&y"
    assert request_url.fill_query_params(made) == {"x": ["1", "2"], "y": [""]}
    assert request_url.authority(made) == "u:p@example.com:8443"
    assert request_url.host(made) == "example.com"
    assert (request_url.port(made), request_url.has_port(made)) == (8443, True)
    assert (request_url.user_password(made), request_url.has_user_password(made)) == ("u:p", True)
    assert request_url.raw(made) == "https://u:p@Example.com:8443/a/%7e/../b?x=1&x=2&y"
    assert request_url.raw_path(made) == "/a/%7e/../b"
    assert request_url.has_query(made)


def test_what_a_url_does_not_have_is_zero() -> None:
    made = request("/")
    assert (request_url.port(made), request_url.has_port(made)) == (0, False)
    assert (request_url.user_password(made), request_url.has_user_password(made)) == ("", False)
    assert (request_url.fill_query(made), request_url.has_query(made)) == ("", False)
    assert request_url.fill_query_params(made) == {}
    assert request_url.fill_url(made) == "https://example.com/"


def test_an_empty_query_is_there() -> None:
    made = request("/a?")
    assert request_url.has_query(made)
    assert request_url.fill_uri(made) == "/a?"


def test_what_was_worked_out_is_kept_until_a_rewrite() -> None:
    made = request("/a?b=1")
    request_url.fill_url(made)
    request_url.fill_query_params(made)
    assert made.url == "https://example.com/a?b=1"
    request_url.rewrite(made, "/c", host="other.com", scheme="http")
    kept = [made.url, made.url_path, made.url_uri, made.url_query, made.url_query_params]
    assert kept == [None] * 5
    assert request_url.fill_url(made) == "http://other.com/c"
    assert made.headers.get("host") == ["other.com"]
    assert made.received_target == "/a?b=1"


def test_a_rewrite_of_the_target_keeps_the_rest() -> None:
    made = request("/a")
    request_url.rewrite(made, "/b?c")
    assert request_url.fill_url(made) == "https://example.com/b?c"
