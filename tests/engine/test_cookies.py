import pytest

from policyc.engine import cookies
from policyc.engine.cel.times import parse_timestamp
from policyc.engine.traffic import Headers, Request, Response
from policyc.engine.types import COOKIE
from policyc.engine.values import DURATION_MAX_NS, DURATION_MIN_NS, Duration


def test_a_cookie_has_every_field_of_its_type_but_the_date() -> None:
    assert set(cookies.cookie()) == set(COOKIE.fields) - {"expires"}


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([], {}),
        (["a=1; b=2"], {"a": ["1"], "b": ["2"]}),
        (["a=1; a=2"], {"a": ["1", "2"]}),
        (["a=1", "a=2"], {"a": ["1", "2"]}),
        (['a="x y"'], {"a": ["x y"]}),
        (["a=b=c"], {"a": ["b=c"]}),
        (["  a = 1 ;b=;nothing;=x;"], {"a": ["1"], "b": [""]}),
        (["A=1; a=2"], {"A": ["1"], "a": ["2"]}),
    ],
)
def test_cookies_of_a_request(lines: list[str], found: dict[str, list[str]]) -> None:
    read = cookies.parse_cookies(lines)
    assert {name: [one["value"] for one in some] for name, some in read.items()} == found


def test_the_cookies_of_a_message_are_read_once_until_its_headers_change() -> None:
    request = Request("GET", "http", "a", "/", Headers([(b"Cookie", b"a=1")]))
    first = cookies.of_request(request)
    assert cookies.of_request(request) is first
    request.headers.add("cookie", "b=2")
    assert list(cookies.of_request(request)) == ["a", "b"]
    request.headers.remove("cookie")
    assert cookies.of_request(request) == {}


def test_the_cookies_of_a_response_with_one_name_come_longest_path_first() -> None:
    lines = [(b"set-cookie", line) for line in (b"a=1; Path=/", b"a=2; Path=/long", b"a=3")]
    read = cookies.of_response(Response(200, Headers(lines)))
    assert [one["value"] for one in read["a"]] == ["2", "1", "3"]


def test_all_attributes_are_read() -> None:
    line = (
        "id=x; Domain=.Example.com; Path=/p; SameSite=Lax; Expires=Wed, 21 Oct 2015 07:28:00 GMT; "
        "Max-Age=60; Secure; HttpOnly; Partitioned; Priority=High"
    )
    assert cookies.parse_set_cookie(line) == {
        "name": "id",
        "value": "x",
        "domain": "example.com",
        "path": "/p",
        "same_site": "Lax",
        "expires": parse_timestamp("2015-10-21T07:28:00Z"),
        "max_age": Duration(60 * 10**9),
        "http_only": True,
        "secure": True,
        "unparsed_attributes": {"Partitioned": "", "Priority": "High"},
    }


@pytest.mark.parametrize("line", ["", "novalue", "=x", " ; Secure"])
def test_what_sets_no_cookie_is_none(line: str) -> None:
    assert cookies.parse_set_cookie(line) is None


@pytest.mark.parametrize(
    ("age", "ns"),
    [
        ("0", 0),
        ("-5", -5 * 10**9),
        ("x", 0),
        ("1.5", 0),
        ("", 0),
        ("9" * 400, DURATION_MAX_NS),
        ("-" + "9" * 400, DURATION_MIN_NS),
        ("0" * 400 + "7", 7 * 10**9),
    ],
)
def test_the_age_is_a_bounded_duration(age: str, ns: int) -> None:
    made = cookies.parse_set_cookie(f"a=1; max-age={age}")
    assert made is not None
    assert made["max_age"] == Duration(ns)


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("Wed, 21 Oct 2015 07:28:00 GMT", "2015-10-21T07:28:00Z"),
        ("Wednesday, 21-Oct-15 07:28:00 GMT", "2015-10-21T07:28:00Z"),
        ("Wed Oct 21 07:28:00 2015", "2015-10-21T07:28:00Z"),
        ("21 oct 70 1:2:3", "1970-10-21T01:02:03Z"),
        ("21 oct 69 1:2:3", "2069-10-21T01:02:03Z"),
    ],
)
def test_dates_are_read_in_all_customary_forms(text: str, date: str) -> None:
    assert cookies.parse_date(text) == parse_timestamp(date)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "tomorrow",
        "21 Oct 2015",
        "31 Feb 2015 00:00:00",
        "21 Oct 1500 00:00:00",
        "21 Oct 2015 24:00:00",
        "21 Oct 2015 00:60:00",
        "99 Oct 2015 00:00:00",
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert cookies.parse_date(text) is None
