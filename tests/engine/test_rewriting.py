"""URLs that replacing makes."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import exchange

from policyc.engine.rewriting import NotUrlError, encode, resolve, subject_of


@pytest.mark.parametrize(
    ("result", "url"),
    [
        ("https://h.example.com/a?b#c", "https://h.example.com/a?b#c"),
        ("https://h.example.com", "https://h.example.com/"),
        ("https://h.example.com?a", "https://h.example.com/?a"),
        ("/a", "https://shop.example.com/a"),
        ("?a", "https://shop.example.com/p?a"),
        ("//h.example.com/a", "https://shop.example.com//h.example.com/a"),
        ("/a b", "https://shop.example.com/a%20b"),
        ("https://h/[x]", "https://h/%5Bx%5D"),
        ("https://[::1]/x", "https://[::1]/x"),
    ],
)
def test_results(result: str, url: str) -> None:
    x = exchange("https://shop.example.com/p?q=1")
    subject_of(x)
    assert resolve(result, x.req).text == url


@pytest.mark.parametrize(
    "result", ["", "a", "#x", "https://", "https:///a", "mailto:a", "/a\r\nb", "/\x00", "/\x7f"]
)
def test_what_is_no_url(result: str) -> None:
    with pytest.raises(NotUrlError):
        resolve(result, exchange().req)


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("a b", "a%20b"),
        ("100%", "100%25"),
        ("%2f%zz", "%2f%25zz"),
        ("ü", "%C3%BC"),
        ('"<>\\^`{|}', "%22%3C%3E%5C%5E%60%7B%7C%7D"),
    ],
)
def test_encoding_leaves_escapes_alone(text: str, encoded: str) -> None:
    assert encode(text) == encoded


def test_raw_octets_are_encoded_as_they_are() -> None:
    assert encode(b"\xff".decode("utf-8", "surrogateescape")) == "%FF"


def test_the_subject_is_the_url_of_the_request() -> None:
    assert subject_of(exchange("https://Shop.example.com/a/../b?c")) == "https://shop.example.com/b?c"
