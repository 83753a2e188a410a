"""ngrok's look-ups of constant names, in the maps that they read."""

from __future__ import annotations

import pytest
from tests.evaluation import exchange, node_of

from policyc.engine.cel.plan import plan
from policyc.engine.cel.scope import Scope
from policyc.engine.cel.show import show
from policyc.engine.generate.expression import compile_value
from policyc.engine.optimise.lookups import read_maps
from policyc.engine.phases import Phase
from policyc.engine.traffic import Headers


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("hasReqHeader('X-A')", "'x-a' in req.headers"),
        ("getReqHeader('X-A')", "values of 'x-a' in req.headers"),
        ("hasQueryParam('Q')", "'Q' in req.url.query_params"),
        ("getQueryParam('Q')", "values of 'Q' in req.url.query_params"),
        ("hasReqCookie('k')", "'k' in req.cookies"),
    ],
)
def test_constant_names_are_looked_up_in_the_map(text: str, want: str) -> None:
    assert show(read_maps(node_of(text))) == want


@pytest.mark.parametrize(
    "text",
    ["hasReqHeader('Host')", "getReqHeader('host')", "hasReqHeader(req.method)", "getReqCookie('k').value"],
)
def test_host_and_names_from_traffic_are_asked_for(text: str) -> None:
    node = node_of(text)
    assert read_maps(node) is node


@pytest.mark.parametrize(
    "text",
    [
        "hasReqHeader('X-A')",
        "getReqHeader('X-A')",
        "hasQueryParam('q')",
        "getQueryParam('q')",
        "hasReqCookie('k')",
        "hasResHeader('X-A')",
        "getResHeader('X-A')",
        "hasResCookie('k')",
    ],
)
def test_maps_give_what_the_functions_gave(text: str) -> None:
    node = node_of(text, Scope.traffic(Phase.HTTP_RESPONSE, results={}))
    made = read_maps(node)
    assert made is not node
    for lines in ([], [("x-A", "1"), ("X-a", "2")], [("cookie", "k=v"), ("set-cookie", "k=v; Path=/")]):
        for target in ("/", "/?q=1&q=2", "/?Q=1"):
            x = exchange(target=target, headers=lines)
            x.res.headers = Headers([(name.encode(), value.encode()) for name, value in lines])
            want = plan(node)(x, {})
            assert plan(made)(x, {}) == want
            assert compile_value(made)(x) == want
