import pytest

from policyc.engine import message
from policyc.engine.traffic import Connection, EndpointInfo, Exchange, Headers, Request, Response


def response(*lines: tuple[str, str]) -> Response:
    return Response(200, Headers((name.encode(), value.encode()) for name, value in lines))


def test_a_header_is_read_by_its_first_value() -> None:
    made = response(("Location", "/a"), ("location", "/b"))
    assert message.header("location")(made) == "/a"
    assert message.has("location")(made)
    assert message.header("server")(made) == ""
    assert not message.has("server")(made)


def test_maps_have_lower_case_names_and_every_line() -> None:
    made = response(("X-A", "1, 2"), ("x-a", "3"))
    assert message.header_map(made) == {"x-a": ["1, 2", "3"]}
    assert message.trailer_map(made) == {}
    made.trailers = Headers([(b"X-Sum", b"9")])
    assert message.trailer_map(made) == {"x-sum": ["9"]}


@pytest.mark.parametrize(
    ("values", "codings"),
    [([], []), (["gzip"], ["gzip"]), (["GZIP, br", "identity"], ["gzip", "br", "identity"]), ([" ,"], [])],
)
def test_content_encodings(values: list[str], codings: list[str]) -> None:
    assert message.content_encoding(response(*(("content-encoding", v) for v in values))) == codings


@pytest.mark.parametrize(
    ("value", "media_type", "parameters"),
    [
        ("text/html", "text/html", {}),
        ("Text/HTML; Charset=UTF-8", "text/html", {"charset": "UTF-8"}),
        ('multipart/x; boundary="a;b"; q', "multipart/x", {"boundary": "a;b"}),
        ('a/b; x="say \\"hi\\"\\\\"', "a/b", {"x": 'say "hi"\\'}),
        ("a/b; x=1; X=2", "a/b", {"x": "1"}),
        ("a/b;=1;;", "a/b", {}),
        ('a/b; x="open', "a/b", {"x": '"open'}),
    ],
)
def test_media_types(value: str, media_type: str, parameters: dict[str, str]) -> None:
    made = response(("content-type", value))
    assert message.media_type(made) == media_type
    assert message.media_type_parameters(made) == parameters


def test_without_a_content_type_it_is_empty() -> None:
    assert message.media_type(response()) == ""
    assert message.media_type_parameters(response()) == {}


class Clock:
    def __init__(self) -> None:
        self.read = 0

    def now_ns(self) -> int:
        self.read += 1
        return 1_700_000_000_500_000_000


def test_the_clock_is_read_once_for_a_phase_run() -> None:
    clock = Clock()
    request = Request("GET", "http", "a", "/", Headers())
    x = Exchange(Connection("1.2.3.4"), EndpointInfo("http://a", "http", "a", 80), clock, request)  # type: ignore[arg-type]
    assert message.fill_now(x) == "2023-11-14T22:13:20.5Z"
    assert x.now == "2023-11-14T22:13:20.5Z"
    assert clock.read == 1
