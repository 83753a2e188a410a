from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyc.engine.cel import web_text
from policyc.engine.types import URL_PARTS
from policyc.engine.values import EvalError

texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(texts)
def test_escape_is_undone_by_unescape(text: str) -> None:
    escaped = web_text.escape(text)
    assert web_text.unescape(escaped) == text
    assert escaped.isascii()
    assert not set(escaped) & set(" /;$&?#")


@given(st.dictionaries(texts.filter(lambda t: t), texts))
def test_query_string_reads_back(parameters: dict[str, str]) -> None:
    assert web_text.decode_query(web_text.encode_query(parameters)) == parameters


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("", {}),
        ("?a=1", {"a": "1"}),
        ("a=1&a=2&b", {"a": "1", "b": ""}),
        ("a=b=c&&%20=+", {"a": "b=c", " ": " "}),
    ],
)
def test_query_strings(text: str, parameters: dict[str, str]) -> None:
    assert web_text.decode_query(text) == parameters


@pytest.mark.parametrize("text", ["a=%", "a=%4", "%xy=1", "a=1;b=2"])
def test_bad_query_strings_are_an_error(text: str) -> None:
    with pytest.raises(EvalError):
        web_text.decode_query(text)


def test_query_values_become_text() -> None:
    assert web_text.encode_query({"n": [1, True], "e": None, "a": 1.5}) == "a=1.5&e=&n=1&n=true"


@pytest.mark.parametrize(
    ("text", "is_query"),
    [
        ("a=1&b=", True),
        ("?a=1", True),
        ("a", False),
        ("=1", False),
        ("a b=1", False),
        ("a=%", False),
        ("", False),
    ],
)
def test_what_reads_as_a_query_string(text: str, is_query: bool) -> None:
    assert web_text.is_query(text) is is_query


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "HTTPS://user:pw@Example.com:8443/a%20b?x=1#f%20g",
            {
                "scheme": "https",
                "host": "Example.com:8443",
                "hostname": "Example.com",
                "port": "8443",
                "path": "/a b",
                "raw_path": "/a%20b",
                "query": "x=1",
                "fragment": "f g",
                "user": "user:pw",
            },
        ),
        ("http://[::1]:80/", {"scheme": "http", "host": "[::1]:80", "hostname": "::1", "port": "80"}),
        ("/only/path?q", {"scheme": "", "host": "", "path": "/only/path", "query": "q"}),
        ("//host/p", {"scheme": "", "host": "host", "path": "/p"}),
        ("mailto:a@b", {"scheme": "mailto", "host": "", "path": "a@b"}),
        ("", {"scheme": "", "path": ""}),
    ],
)
def test_parts_of_urls(text: str, parts: dict[str, Any]) -> None:
    found = web_text.parse_url(text)
    assert {name: found[name] for name in parts} == parts
    assert set(found) == set(URL_PARTS.fields)


@pytest.mark.parametrize(
    "text",
    [
        "http://[::1",
        "http://h:port/",
        "http://a b/",
        "http://h/%zz",
        ":x",
        "1a:b",
        "http://h/\n",
        "http://[::1]x/",
    ],
)
def test_what_is_no_url_is_an_error(text: str) -> None:
    with pytest.raises(EvalError):
        web_text.parse_url(text)
    assert web_text.is_url(text) is False


@pytest.mark.parametrize(
    ("text", "is_url"),
    [
        ("https://example.com", True),
        ("ftp://h/x", True),
        ("example.com", False),
        ("//example.com", False),
        ("mailto:a@b", False),
        ("https://", False),
        ("https://a/b c", False),
    ],
)
def test_absolute_urls(text: str, is_url: bool) -> None:
    assert web_text.is_url(text) is is_url
