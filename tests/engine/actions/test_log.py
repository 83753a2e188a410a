"""spec/actions.md §3.4."""

from __future__ import annotations

from tests.engine.exchanges import config_of, exchange, response, result, run


def test_each_run_adds_one_entry() -> None:
    x = exchange(response=response(503))
    run(
        'on_http_response { log { metadata: { path: req.url.path, level: "error" } } '
        "when res.status_code >= 500 { log { metadata: { status: res.status_code } } } }",
        x,
    )
    assert x.logs == [{"metadata": {"path": "/", "level": "error"}}, {"metadata": {"status": 503}}]
    assert result(x, "log") == {"metadata": {"status": 503}}


def test_any_json_value_is_accepted_and_emitted_as_such() -> None:
    x = exchange()
    config_of(
        "log", '{ metadata: { a: [1, { b: "${req.method}" }], c: null, d: true, e: "${conn.client_port}" } }'
    ).run()(x)
    assert x.logs == [{"metadata": {"a": [1, {"b": "GET"}], "c": None, "d": True, "e": 50_000}}]


def test_what_json_has_not_is_emitted_as_its_text() -> None:
    x = exchange()
    run('on_http_request { log { metadata: { t: timestamp("2026-01-02T03:04:05Z"), d: 90s } } }', x)
    assert x.logs == [{"metadata": {"t": "2026-01-02T03:04:05Z", "d": "90s"}}]


def test_a_template_that_fails_becomes_an_empty_string_and_the_error_is_logged() -> None:
    x = exchange()
    outcome = run("on_http_request { log { metadata: { a: req.headers['none'][0], b: req.method } } }", x)
    assert outcome is None
    (entry,) = x.logs  # one entry per run, with what failed in it
    assert entry["metadata"] == {"a": "", "b": "GET"}
    assert "metadata.a" in str(entry["errors"])


def test_what_json_cannot_say_becomes_text() -> None:
    x = exchange()
    run("on_http_request { log { metadata: { a: double('NaN'), b: [double('-Infinity')], c: 1.5 } } }", x)
    assert x.logs == [{"metadata": {"a": "NaN", "b": ["-Infinity"], "c": 1.5}}]


def test_metadata_is_required_and_a_mapping() -> None:
    assert config_of("log", "{}").only.ngrok == 2234
    assert config_of("log", "{ metadata: text }").only.code.name == "wrong-field-type"


def test_it_logs_connections_too() -> None:
    x = exchange()
    run("on_tcp_connect { log { metadata: { ip: conn.client_ip } } }", x)
    assert x.logs == [{"metadata": {"ip": "198.51.100.7"}}]
