"""spec/actions.md §3.5."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import checked, config_of, exchange, run

from policyc.engine.outcome import Close, Respond


@pytest.mark.parametrize(
    ("text", "status"), [("deny", 403), ("deny 401", 401), ("deny { status_code: 503 }", 503)]
)
def test_it_answers_with_a_bare_status_that_is_final(text: str, status: int) -> None:
    outcome = run(f"on_http_request {{ {text} }}", exchange())
    assert outcome == Respond(status, [], b"", final=True, code=None, reason="deny")


def test_on_connect_it_closes_without_a_word() -> None:
    assert run("on_tcp_connect { deny }", exchange()) == Close("deny")


def test_nothing_after_it_runs() -> None:
    x = exchange()
    run("on_http_request { when true { deny log { metadata: { a: 1 } } } log { metadata: { a: 2 } } }", x)
    assert x.logs == []


def test_a_status_on_connect_is_2204() -> None:
    found = checked("on_tcp_connect { deny 403 }").only
    assert (found.ngrok, found.path) == (2204, "on_tcp_connect[0].actions[0].config.status_code")


@pytest.mark.parametrize("status", ["399", "600", "0", "-1"])
def test_the_status_is_400_to_599(status: str) -> None:
    found = config_of("deny", f"{{ status_code: {status} }}").only
    assert (found.code.name, found.ngrok) == ("out-of-range", 2215)


@pytest.mark.parametrize("status", ['"401"', "true", "401.5", "[401]", "{}", "null"])
def test_the_status_is_a_whole_number(status: str) -> None:
    found = config_of("deny", f"{{ status_code: {status} }}").only
    assert found.ngrok == 2228
    if status == '"401"':
        assert found.hint == "write 401 without quotes"


def test_the_status_must_be_constant_but_may_be_a_let() -> None:
    assert checked("on_http_request { deny (size(req.host)) }").only.code.name == "not-constant"
    outcome = run("let teapot = 400 + 18\non_http_request { deny (teapot) }", exchange())
    assert isinstance(outcome, Respond)
    assert outcome.status == 418


def test_the_config_may_be_absent_empty_or_null() -> None:
    for config in ("", "        config: {}\n", "        config:\n"):
        found = checked(f"on_http_request:\n  - actions:\n      - type: deny\n{config}")
        assert found.found == []


def test_unknown_fields_get_a_suggestion() -> None:
    found = config_of("deny", "{ status: 401 }").only
    assert (found.code.name, found.ngrok) == ("unknown-field", 2203)
    assert found.path == "on_http_request[0].actions[0].config.status"
    assert found.hint is not None
    assert "status_code" in found.hint


def test_a_config_that_is_no_mapping_is_2203() -> None:
    found = config_of("deny", '"401"').only
    assert (found.code.name, found.ngrok, found.path) == (
        "config-shape",
        2203,
        "on_http_request[0].actions[0].config",
    )
