"""spec/actions.md §3.9."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import config_of, exchange, result, run

from policyc.engine.outcome import Fail


def rewritten(text: str, url: str = "https://shop.example.com/old/a?b=/old/") -> str:
    x = exchange(url)
    assert run(text, x) is None
    return x.req.target


def test_every_occurrence_in_the_url_is_replaced() -> None:
    x = exchange("https://shop.example.com/old/a?b=/old/")
    assert run('on_http_request { url-rewrite { from: "/old/", to: "/new/" } }', x) is None
    assert x.req.target == "/new/a?b=/new/"
    assert result(x, "url_rewrite") == {
        "matches": ["/old/"],
        "url": "https://shop.example.com/new/a?b=/new/",
        "error": {"code": "", "message": ""},
    }


def test_groups_and_templates_work() -> None:
    text = "on_http_request { url-rewrite { from: '/old/(\\w+)', to: \"/${req.method}/$1\" } }"
    text = text.replace("\\w", "[a-z]")
    assert rewritten(text, "https://h/old/a") == "/GET/a"


def test_without_a_match_nothing_changes() -> None:
    x = exchange("https://shop.example.com/a")
    assert run('on_http_request { url-rewrite { from: "/old/", to: "/new/" } }', x) is None
    assert x.req.target == "/a"
    assert result(x, "url_rewrite")["matches"] == []
    assert result(x, "url_rewrite")["url"] == "https://shop.example.com/a"


def test_later_expressions_see_the_new_url() -> None:
    x = exchange("https://shop.example.com/old/a?b=1")
    run(
        "on_http_request { when req.url.path.startsWith('/old') { url-rewrite { from: '/old/a.b=1', to: "
        "'/new?c=2' } } "
        "when req.url.path == '/new' && req.url.query_params['c'][0] == '2' { add-headers { headers: { "
        "'x-u': req.url.uri } } } }",
        x,
    )
    assert x.req.headers.get("x-u") == ["/new?c=2"]


def test_a_result_without_authority_keeps_scheme_and_authority() -> None:
    assert (
        rewritten("on_http_request { url-rewrite { from: '^https://[^/]+/old', to: '/x' } }")
        == "/x/a?b=/old/"
    )
    assert rewritten('on_http_request { url-rewrite { to: "/all" } }') == "/all"
    assert rewritten('on_http_request { url-rewrite { to: "?c=1" } }', "https://h/p?x=1") == "/p?c=1"


def test_a_changed_host_neither_reroutes_nor_changes_host_and_is_warned_of() -> None:
    found = config_of("url-rewrite", "{ from: '^https://[^/]+', to: 'https://other.example.com' }")
    assert found.only.code.name == "rewritten-host"
    x = exchange("https://shop.example.com/a")
    found.run()(x)
    assert (x.req.host, x.req.target, x.req.headers.get("host")) == (
        "shop.example.com",
        "/a",
        ["shop.example.com"],
    )
    assert result(x, "url_rewrite")["url"] == "https://shop.example.com/a"


def test_a_fragment_does_not_reach_the_upstream() -> None:
    assert rewritten('on_http_request { url-rewrite { to: "/a#b" } }') == "/a"


@pytest.mark.parametrize("to", ["new", "https://", "mailto:x"])
def test_a_result_that_does_not_parse_is_500_with_the_variables_set(to: str) -> None:
    x = exchange("https://shop.example.com/a")
    outcome = run(f'on_http_request {{ url-rewrite {{ to: "{to}" }} }}', x)
    assert isinstance(outcome, Fail)
    assert outcome.status == 500
    assert x.req.target == "/a"
    assert result(x, "url_rewrite")["error"]["code"] == "ERR_NGROK_3900"


def test_a_line_break_from_the_client_cannot_reach_the_request_line() -> None:
    x = exchange("https://h/?q=a%0d%0ab")
    outcome = run("on_http_request { url-rewrite { to: \"/${req.url.query_params['q'][0]}\" } }", x)
    assert isinstance(outcome, Fail)


def test_what_may_not_stand_in_a_url_is_encoded() -> None:
    assert rewritten('on_http_request { url-rewrite { to: "/a b\\"<>ü" } }') == "/a%20b%22%3C%3E%C3%BC"


@pytest.mark.parametrize(
    ("pattern", "is_warned"),
    [
        ("^/old", True),
        ("^shop", True),
        ("^https?://x", False),
        ("^(http)", False),
        ("/old", False),
        ("^.*$", False),
    ],
)
def test_an_anchor_before_anything_but_a_scheme_is_warned_of(pattern: str, is_warned: bool) -> None:
    names = config_of("url-rewrite", f"{{ from: '{pattern}', to: '/x' }}").names
    assert names == (["anchored-without-scheme"] if is_warned else [])


@pytest.mark.parametrize("to", ["/x$args", "/x?$arg_name", "$uri"])
def test_variables_of_other_proxies_are_warned_of(to: str) -> None:
    found = config_of("url-rewrite", f"{{ from: '/a', to: '{to}' }}").only
    assert (found.code.name, found.severity) == ("named-variable", "warning")
    assert found.hint is not None
    assert "${" in found.hint


def test_to_is_required() -> None:
    assert config_of("url-rewrite", "{ from: /a }").only.ngrok == 2234
