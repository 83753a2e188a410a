"""spec/actions.md §3.2."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import config_of, exchange, response, result, run


def test_every_line_of_a_name_goes_whatever_its_case() -> None:
    x = exchange(lines=[("X-A", "1"), ("x-a", "2"), ("x-b", "3")])
    assert run('on_http_request { remove-headers { headers: ["x-A"] } }', x) is None
    assert x.req.headers.lines[1:] == [(b"x-b", b"3")]


def test_the_result_lists_those_really_removed() -> None:
    x = exchange(response=response(lines=[("Server", "nginx")]))
    run('on_http_response { remove-headers { headers: ["server", "x-powered-by"] } }', x)
    assert result(x, "remove_headers") == {"headers_removed": ["server"]}
    assert x.res.headers.lines == []


def test_later_expressions_no_longer_see_it() -> None:
    x = exchange(lines=[("x-a", "1")])
    run(
        'on_http_request { remove-headers { headers: ["x-a"] } '
        'when !(\'x-a\' in req.headers) { add-headers { headers: { "x-a": "new" } } } }',
        x,
    )
    assert x.req.headers.get("x-a") == ["new"]


@pytest.mark.parametrize(
    "name", ["user-agent", "Host", "connection", "content-length", "proxy-connection", "te"]
)
def test_some_names_may_not_be_removed(name: str) -> None:
    found = config_of("remove-headers", f"{{ headers: [{name}] }}").only
    assert (found.code.name, found.ngrok) == ("refused-header", 2219)
    assert found.path == "on_http_request[0].actions[0].config.headers[0]"


def test_names_take_no_interpolation() -> None:
    assert config_of("remove-headers", '{ headers: ["${req.method}"] }').errors == ["bad-header-name"]


@pytest.mark.parametrize("headers", ["[]", str([f"x-{i}" for i in range(11)])])
def test_there_are_one_to_ten_names(headers: str) -> None:
    assert config_of("remove-headers", f"{{ headers: {headers} }}").only.code.name in (
        "empty-value",
        "too-many-entries",
    )


def test_a_single_name_gets_the_hint_to_write_a_list() -> None:
    found = config_of("remove-headers", "{ headers: server }").only
    assert (found.code.name, found.hint) == ("wrong-field-type", "put it in a list")
