"""spec/actions.md §3.10."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import checked, config_of, exchange, result, run

from policyc.engine.action import Ends
from policyc.engine.outcome import Fail, Forward, Respond
from policyc.engine.phases import Protocol

CONTINUE = (
    'on_http_request { forward-internal "https://app.internal" { on_error: "continue" } '
    'custom-response 503 { body: "down: ${actions.ngrok.forward_internal.error.code} '
    '${actions.ngrok.forward_internal.url}" } }'
)


def test_it_hands_over_and_nothing_after_it_runs() -> None:
    outcome = run('on_http_request { forward-internal "https://app.internal" }', exchange())
    assert outcome == Forward("https://app.internal", None)


def test_the_target_may_be_a_template() -> None:
    x = exchange("https://eu.example.com/")
    outcome = run("on_http_request { forward-internal \"https://${req.host.split('.')[0]}.internal\" }", x)
    assert isinstance(outcome, Forward)
    assert outcome.url == "https://eu.internal"


def test_with_continue_a_failure_sets_the_variables_and_runs_what_follows() -> None:
    x = exchange()
    outcome = run(CONTINUE, x)
    assert isinstance(outcome, Forward)
    assert x.results == {}
    assert outcome.resume is not None
    after = outcome.resume(x, Fail(3200, "the endpoint is offline", 404))
    assert isinstance(after, Respond)
    assert after.body == b"down: ERR_NGROK_3200 https://app.internal:443"
    assert result(x, "forward_internal") == {
        "url": "https://app.internal:443",
        "error": {"code": "ERR_NGROK_3200", "message": "the endpoint is offline"},
    }


def test_what_follows_includes_later_rules_and_may_fall_through() -> None:
    x = exchange()
    text = (
        'on_http_request { when true { forward-internal "https://a.internal" { on_error: "continue" } } '
        'add-headers { headers: { "x-a": "1" } } }'
    )
    outcome = run(text, x)
    assert isinstance(outcome, Forward)
    assert outcome.resume is not None
    assert outcome.resume(x, Fail(3005, "x", 502)) is None
    assert x.req.headers.get("x-a") == ["1"]


def test_several_targets_are_tried_in_turn() -> None:
    x = exchange()
    text = (
        'on_http_request { forward-internal "https://a.internal" { on_error: "continue" } '
        'forward-internal "https://b.internal" { on_error: "continue" } deny 502 }'
    )
    first = run(text, x)
    assert isinstance(first, Forward)
    assert first.resume is not None
    second = first.resume(x, Fail(3200, "x"))
    assert isinstance(second, Forward)
    assert second.url == "https://b.internal"
    assert second.resume is not None
    last = second.resume(x, Fail(3200, "x"))
    assert isinstance(last, Respond)
    assert last.status == 502


def test_a_failing_template_follows_on_error() -> None:
    text = "on_http_request { forward-internal \"https://${req.headers['none'][0]}.internal\" %s }"
    halted = run(text % "", exchange())
    assert isinstance(halted, Fail)
    assert halted.code == 3900
    x = exchange()
    assert run(text % '{ on_error: "continue" }', x) is None
    assert result(x, "forward_internal")["error"]["code"] == "ERR_NGROK_3900"


def test_it_always_ends_with_halt_and_may_with_continue() -> None:
    halting = checked('on_http_request { forward-internal "https://a.internal" }')
    assert halting.action().ends_with(halting.config()) is Ends.ALWAYS
    continuing = checked('on_http_request { forward-internal "https://a.internal" { on_error: "continue" } }')
    assert continuing.action().ends_with(continuing.config()) is Ends.MAY


@pytest.mark.parametrize(
    "url",
    [
        "https://www.example.com",
        "https://app.internal/path",
        "https://app.internal?x=1",
        "https://app.internal.example.com",
        "app.internal",
        "ftp://app.internal",
        "https://*.internal",
        "https://app.internal:0",
        "https:// app.internal",
        "https://user@app.internal",
        "https://",
    ],
)
def test_the_target_is_an_internal_endpoint_and_nothing_more(url: str) -> None:
    found = config_of("forward-internal", f"{{ url: '{url}' }}")
    assert found.errors == ["bad-forward-target"]
    assert found.only.path == "on_http_request[0].actions[0].config.url"


def test_the_finding_points_at_the_part_that_is_wrong() -> None:
    found = config_of("forward-internal", "{ url: 'https://app.internal/path' }").only
    assert found.span.text == "/path"


@pytest.mark.parametrize("url", ["https://app.internal", "http://app.internal:8080", "https://APP.internal."])
def test_http_and_https_count_as_one(url: str) -> None:
    assert config_of("forward-internal", f"{{ url: '{url}' }}").errors == []


@pytest.mark.parametrize(
    "url", ["tcp://db.internal:5432", "tls://db.internal:8443", "tcp://${req.host}.internal:1"]
)
def test_http_phases_do_not_forward_to_tcp_or_tls(url: str) -> None:
    found = config_of("forward-internal", f'{{ url: "{url}" }}').only
    assert (found.code.name, found.path) == (
        "forward-to-other-protocol",
        "on_http_request[0].actions[0].config.url",
    )


@pytest.mark.parametrize("protocol", [None, Protocol.HTTPS, Protocol.TCP])
def test_on_connect_does_not_forward_to_http(protocol: Protocol | None) -> None:
    found = checked('on_tcp_connect { forward-internal "https://app.internal" }', protocol=protocol).only
    assert found.code.name == "forward-to-other-protocol"
    assert found.hint == "forward in `on_http_request`"


def test_on_connect_of_an_http_endpoint_forwards_nothing() -> None:
    found = checked('on_tcp_connect { forward-internal "tcp://db.internal:1" }', protocol=Protocol.HTTP)
    assert found.errors == ["forward-to-other-protocol"]
    hidden = checked("on_tcp_connect { forward-internal (conn.tls.sni) }", protocol=Protocol.HTTPS)
    assert hidden.errors == ["forward-to-other-protocol"]


def test_tcp_forwards_to_tcp_and_to_tls_with_a_warning() -> None:
    assert (
        checked('on_tcp_connect { forward-internal "tcp://db.internal:1" }', protocol=Protocol.TCP).names
        == []
    )
    found = checked('on_tcp_connect { forward-internal "tls://db.internal" }', protocol=Protocol.TCP).only
    assert (found.code.name, found.severity) == ("forward-across-tls", "warning")


def test_a_tcp_target_names_its_port() -> None:
    assert checked('on_tcp_connect { forward-internal "tcp://db.internal" }').errors == ["bad-forward-target"]


def test_binding_is_ignored_with_a_warning_and_can_only_be_internal() -> None:
    found = config_of("forward-internal", "{ url: 'https://a.internal', binding: internal }").only
    assert (found.code.name, found.severity) == ("binding-ignored", "warning")
    assert config_of("forward-internal", "{ url: 'https://a.internal', binding: public }").only.ngrok == 2222


def test_on_error_is_halt_or_continue() -> None:
    found = config_of("forward-internal", "{ url: 'https://a.internal', on_error: contine }").only
    assert (found.ngrok, found.hint) == (2222, "did you mean `continue`?")


def test_url_is_required() -> None:
    found = checked("on_http_request { forward-internal }").only
    assert (found.ngrok, found.path) == (2234, "on_http_request[0].actions[0].config")
