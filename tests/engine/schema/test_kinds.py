"""Single values."""

from __future__ import annotations

import pytest

from policyc.engine.schema.evaluate import Unfit
from policyc.engine.schema.kinds import (
    Boolean,
    Choice,
    Cidr,
    Double,
    Duration,
    Enum,
    HeaderName,
    HeaderValue,
    Integer,
    Kind,
    Leaf,
    Pem,
    Regex,
    Text,
    Url,
    parse_duration,
    shown,
    url_problem,
)


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("60s", 60 * 10**9),
        ("1m30s", 90 * 10**9),
        ("250ms", 250 * 10**6),
        ("1.5h", 5400 * 10**9),
        (".5s", 5 * 10**8),
        ("0", 0),
        ("24h", 86400 * 10**9),
    ],
)
def test_durations_of_go(text: str, ns: int) -> None:
    assert parse_duration(text) == ns


@pytest.mark.parametrize("text", ["", "60", "s", "1d", "1 s", "-1s", "1s ", "1sx", "one", "1.2.3s", "٣s"])
def test_what_is_no_duration(text: str) -> None:
    assert parse_duration(text) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "http://example.com:8080/a?b#c",
        "https://u:p@example.com/",
        "https://[2001:db8::1]:443/",
        "HTTPS://EXAMPLE.com",
        "https://ex_ample.internal/x",
    ],
)
def test_urls(url: str) -> None:
    assert url_problem(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "//example.com",
        "ftp://example.com",
        "https://",
        "https:///x",
        "https://a b/",
        "https://a\r\nb/",
        "https://example.com:99999/",
        "https://example.com:x/",
        "https://<host>/",
        "https://{host}/",
        "https://[::1",
        "javascript:alert(1)",
    ],
)
def test_what_is_no_url(url: str) -> None:
    assert url_problem(url) is not None


@pytest.mark.parametrize(
    ("kind", "value", "gives"),
    [
        (Integer(1, 5), 5, 5),
        (Integer(1, 5), 5.0, 5),
        (Double(0, 1), 1, 1.0),
        (Choice(301, 302), 302, 302),
        (Enum("a", "b", aliases={"c": "a"}), "c", "a"),
        (HeaderName(), "X-A", "x-a"),
        (HeaderName(), "x.y!", "x.y!"),
        (HeaderValue(), "a\tb ü", "a\tb ü"),
        (Cidr(), "10.0.0.0/8", "10.0.0.0/8"),
        (Regex(), "a(b)", "a(b)"),
        (Pem(other="ca_"), "ca_1", "ca_1"),
        (Boolean(), True, True),
        (Text(max_length=2), "ab", "ab"),
    ],
)
def test_what_fits(kind: Leaf, value: object, gives: object) -> None:
    assert kind.accept(value) == gives


@pytest.mark.parametrize(
    ("kind", "value", "ngrok"),
    [
        (Integer(1, 5), 6, 2215),
        (Integer(1, 5), True, 2228),
        (Integer(1, 5), "1", 2228),
        (Integer(1, 5), 1.5, 2228),
        (Double(0, 1), float("nan"), 2215),
        (Double(0, 1), True, 2228),
        (Choice(301, 302), 303, 2222),
        (Choice(1), True, 2228),
        (Enum("a", "b"), "c", 2222),
        (Enum("a", "b", ngrok=2214), "c", 2214),
        (Boolean(), 1, 2228),
        (Boolean(), "true", 2228),
        (HeaderName(), "x y", 2210),
        (HeaderName(), "x" * 257, 2208),
        (HeaderName(plain_only=True), "x.y", 2210),
        (HeaderValue(), "a\nb", 2211),
        (HeaderValue(), "a\x7fb", 2211),
        (HeaderValue(), "x" * 8193, 2209),
        (Cidr(), "nowhere", 2217),
        (Regex(), "(", 2261),
        (Pem(), "ca_1", 14001),
        (Pem(), "-----END X-----BEGIN ", 14001),
        (Url(), "x", 2226),
        (Duration("1s", "2s"), "3s", 2225),
        (Duration("1s", "2s"), "0s", 2215),
        (Duration(step="10s"), "15s", 2204),
        (Duration(), 5, 2228),
        (Text(min_length=1), "", 2223),
        (Text(min_length=3), "ab", 2237),
        (Text(max_length=1), "ab", 2221),
        (Text(ascii_only=True), "ü", 2228),
    ],
)
def test_what_does_not_fit_has_its_number(kind: Leaf, value: object, ngrok: int) -> None:
    with pytest.raises(Unfit) as caught:
        kind.accept(value)
    unfit = caught.value
    assert (unfit.ngrok or unfit.code.ngrok) == ngrok


@pytest.mark.parametrize(
    ("kind", "schema", "limits"),
    [
        (Integer(1, 5), {"type": "integer", "minimum": 1, "maximum": 5}, "1 to 5"),
        (Integer(1), {"type": "integer", "minimum": 1}, "at least 1"),
        (Integer(None, 5), {"type": "integer", "maximum": 5}, "at most 5"),
        (Integer(), {"type": "integer"}, ""),
        (Double(0.0, 1.0), {"type": "number", "minimum": 0.0, "maximum": 1.0}, "0.0 to 1.0"),
        (Boolean(), {"type": "boolean"}, ""),
        (Text(min_length=2, max_length=3), {"type": "string", "minLength": 2, "maxLength": 3},
         "at least 2 characters, at most 3 characters"),
        (Enum("a", "b", aliases={"c": "a"}), {"enum": ["a", "b", "c"]}, "`a`, `b`"),
        (Choice(1, 2), {"enum": [1, 2]}, "1, 2"),
        (Url(), {"type": "string", "format": "uri"}, ""),
    ],
)  # fmt: skip
def test_docs_and_json_schema_are_derived(kind: Kind, schema: dict[str, object], limits: str) -> None:
    assert kind.json_schema() == schema
    assert kind.limits() == limits


def test_a_users_text_is_shown_on_one_line() -> None:
    assert shown("a\nb") == "a\\nb"
    assert len(shown("x" * 100)) == 60
