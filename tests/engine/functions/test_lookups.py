import pytest
from tests.engine.functions.evaluation import TRAFFIC, RefusedError, evaluate, node_of

from policyc.engine.phases import Phase
from policyc.engine.traffic import Connection, EndpointInfo, Exchange, Headers, Request, Response


@pytest.fixture
def x() -> Exchange:
    headers = Headers(
        [(b"X-Tag", b"a"), (b"x-tag", b"b"), (b"Cookie", b"s=1; t=2; s=3"), (b"Accept", b"*/*")]
    )
    req = Request("GET", "https", "shop.example:8443", "/p?q=a%20b&q=c&empty", headers)
    made = Exchange(
        Connection("192.0.2.1"),
        EndpointInfo("https://shop.example", "https", "shop.example", 443),
        None,  # type: ignore[arg-type]
        req,
    )
    made.res = Response(
        200,
        Headers(
            [
                (b"Set-Cookie", b"s=short; Path=/"),
                (b"Set-Cookie", b"s=long; Path=/deep/er; Secure; HttpOnly"),
                (b"X-Served-By", b"b1"),
            ]
        ),
    )
    return made


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("getReqHeader('X-TAG')", ["a", "b"]),
        ("getReqHeader('x-none')", []),
        ("hasReqHeader('accept')", True),
        ("hasReqHeader('x-none')", False),
        ("getReqHeader('Host')", ["shop.example:8443"]),
        ("getReqHeader('host')[0].split(':', 1)[0]", "shop.example"),
        ("hasReqHeader('HOST')", True),
        ("getQueryParam('q')", ["a b", "c"]),
        ("getQueryParam('none')", []),
        ("hasQueryParam('empty')", True),
        ("hasQueryParam('Q')", False),
        ("hasReqCookie('s')", True),
        ("hasReqCookie('S')", False),
        ("getReqCookie('s').value", "1"),
        ("getReqCookie('none').value == 'x'", False),
        ("getReqCookie('none').name", ""),
        ("getReqCookie('s').secure", False),
        ("getResHeader('x-served-BY')", ["b1"]),
        ("getResHeader('x-none')", []),
        ("hasResHeader('X-Served-By')", True),
        ("hasResCookie('s')", True),
        ("getResCookie('s').value", "long"),
        ("getResCookie('s').secure && getResCookie('s').http_only", True),
        ("getResCookie('none').max_age == duration('0s')", True),
        ("has(getResCookie('none').expires)", False),
    ],
)
def test_look_ups(x: Exchange, expression: str, value: object) -> None:
    assert evaluate(expression, TRAFFIC, x) == value


def test_no_host_is_no_header() -> None:
    req = Request("GET", "https", "", "/", Headers())
    endpoint = EndpointInfo("https://a.example", "https", "a.example", 443)
    x = Exchange(Connection("192.0.2.1"), endpoint, None, req)  # type: ignore[arg-type]
    assert evaluate("hasReqHeader('host') || getReqHeader('host') != []", TRAFFIC, x) is False


@pytest.mark.parametrize(
    ("expression", "phase"),
    [("hasResHeader('a')", Phase.HTTP_REQUEST), ("hasReqHeader('a')", Phase.TCP_CONNECT)],
)
def test_look_ups_are_refused_where_there_is_nothing_to_look_up(expression: str, phase: Phase) -> None:
    with pytest.raises(RefusedError):
        node_of(expression, TRAFFIC, phase)
