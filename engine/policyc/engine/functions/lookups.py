"""ngrok's look-ups of headers, query parameters and cookies (spec/variables.md §9.1).

What is missing is never an error: no header gives an empty list, no cookie one with zero fields. Header
names may be written in any case. Host is a header like the others here, wherever the message keeps it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policyc.engine import cookies, request_url
from policyc.engine.cel.prices import price
from policyc.engine.function import Dialect, Function, Overload
from policyc.engine.phases import Phase
from policyc.engine.types import BOOL, COOKIE, STRING, Type, list_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from policyc.engine.traffic import Exchange

_STRINGS = list_of(STRING)
_REQUEST = frozenset({Phase.HTTP_REQUEST, Phase.HTTP_RESPONSE, Phase.EVENT_STREAM_MESSAGE})
_RESPONSE = frozenset({Phase.HTTP_RESPONSE, Phase.EVENT_STREAM_MESSAGE})


def _get_req_header(x: Exchange, name: str) -> list[str]:
    req = x.req
    name = name.lower()
    found = req.headers.as_map().get(name)
    if found is None:
        return [req.host] if name == "host" and req.host else []
    return found


def _has_req_header(x: Exchange, name: str) -> bool:
    return bool(_get_req_header(x, name))


def _get_res_header(x: Exchange, name: str) -> list[str]:
    return x.res.headers.get(name)


def _has_res_header(x: Exchange, name: str) -> bool:
    return name.lower() in x.res.headers.as_map()


def _query(x: Exchange) -> dict[str, list[str]]:
    known = x.req.url_query_params
    return request_url.fill_query_params(x.req) if known is None else known


def _get_query(x: Exchange, name: str) -> list[str]:
    return _query(x).get(name, [])


def _has_query(x: Exchange, name: str) -> bool:
    return name in _query(x)


def _has_req_cookie(x: Exchange, name: str) -> bool:
    return name in cookies.of_request(x.req)


def _has_res_cookie(x: Exchange, name: str) -> bool:
    return name in cookies.of_response(x.res)


def _get_req_cookie(x: Exchange, name: str) -> cookies.Cookie:
    found = cookies.of_request(x.req).get(name)
    return found[0] if found else cookies.cookie()


def _get_res_cookie(x: Exchange, name: str) -> cookies.Cookie:
    # Of several with one name the longest path comes first.
    found = cookies.of_response(x.res).get(name)
    return found[0] if found else cookies.cookie()


def _look_up(
    name: str, doc: str, result: Type, body: Callable[[Exchange, str], Any], phases: frozenset[Phase], of: str
) -> Function:
    """Declare a look-up; `of` is the path of the variable that it looks in."""
    overload = Overload(
        name,
        (STRING,),
        result,
        body,
        pure=False,
        needs_exchange=True,
        dialect=Dialect.TRAFFIC,
        cost=price(30, 0.2),
        size=None if result == BOOL else of,
    )
    return Function(name, doc, (overload,), phases=phases)


FUNCTIONS = (
    _look_up(
        "hasReqHeader", "Whether the request has the header.", BOOL, _has_req_header, _REQUEST, "req.headers"
    ),
    _look_up(
        "getReqHeader",
        "All values of the request header, in order; an empty list if there is none.",
        _STRINGS,
        _get_req_header,
        _REQUEST,
        "req.headers",
    ),
    _look_up(
        "hasQueryParam",
        "Whether the URL's query has the parameter.",
        BOOL,
        _has_query,
        _REQUEST,
        "req.url.query_params",
    ),
    _look_up(
        "getQueryParam",
        "All values of the query parameter, decoded; an empty list if there is none.",
        _STRINGS,
        _get_query,
        _REQUEST,
        "req.url.query_params",
    ),
    _look_up(
        "hasReqCookie",
        "Whether the request brings the cookie.",
        BOOL,
        _has_req_cookie,
        _REQUEST,
        "req.cookies",
    ),
    _look_up(
        "getReqCookie",
        "The first cookie of that name in the request; one with empty fields if there is none.",
        COOKIE,
        _get_req_cookie,
        _REQUEST,
        "req.cookies",
    ),
    _look_up(
        "hasResHeader",
        "Whether the response has the header.",
        BOOL,
        _has_res_header,
        _RESPONSE,
        "res.headers",
    ),
    _look_up(
        "getResHeader",
        "All values of the response header, in order; an empty list if there is none.",
        _STRINGS,
        _get_res_header,
        _RESPONSE,
        "res.headers",
    ),
    _look_up(
        "hasResCookie",
        "Whether the response sets the cookie.",
        BOOL,
        _has_res_cookie,
        _RESPONSE,
        "res.cookies",
    ),
    _look_up(
        "getResCookie",
        "The cookie of that name which the response sets, of several the one with the longest path; one with "
        "empty fields if there is none.",
        COOKIE,
        _get_res_cookie,
        _RESPONSE,
        "res.cookies",
    ),
)
