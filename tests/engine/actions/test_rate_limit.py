"""spec/actions.md §3.12."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import FakeServices, checked, config_of, exchange, result, run

from policyc.engine.outcome import Respond

KEY = '{ name: a, algorithm: sliding_window, capacity: 30, rate: 60s, bucket_key: ["conn.client_ip"] }'


def limited(bucket_key: str, more: str = "") -> str:
    return (
        'on_http_request { rate-limit "per client" { algorithm: "sliding_window", capacity: 30, rate: 60s, '
        f"bucket_key: {bucket_key} {more} }} }}"
    )


def test_under_capacity_the_chain_goes_on() -> None:
    x = exchange()
    assert run(limited("[conn.client_ip]"), x) is None
    assert result(x, "rate_limit") == {
        "bucket_key": '["198.51.100.7"]',
        "limited": False,
        "error": {"code": "", "message": ""},
    }


def test_over_it_the_answer_is_a_final_429_with_retry_after_and_no_code() -> None:
    services = FakeServices()
    services.waits = [17]
    x = exchange(services=services)
    outcome = run(limited("[conn.client_ip]"), x)
    assert outcome == Respond(429, [("retry-after", "17")], b"", final=True, code=None, reason="rate-limit")
    assert result(x, "rate_limit")["limited"] is True


def test_without_enforce_it_counts_and_refuses_nothing() -> None:
    services = FakeServices()
    services.waits = [17]
    x = exchange(services=services)
    assert run(limited("[conn.client_ip]", "enforce: false"), x) is None
    assert result(x, "rate_limit")["limited"] is True
    assert len(services.taken) == 1


def test_a_bucket_belongs_to_its_position_name_and_key() -> None:
    x = exchange(method="PUT")
    text = (
        'on_http_request { rate-limit "a" { algorithm: "sliding_window", capacity: 1, rate: 60s, '
        "bucket_key: [req.method] } "
        'rate-limit "a" { algorithm: "sliding_window", capacity: 2, rate: 2m, bucket_key: [req.method] } }'
    )
    run(text, x)
    services = x.services
    assert isinstance(services, FakeServices)
    (first, *one), (second, *two) = services.taken
    assert one == [1, 60]
    assert two == [2, 120]
    assert first != second
    assert first.endswith('a\0["PUT"]')


def test_the_key_is_canonical_json_of_the_whole_tuple() -> None:
    x = exchange(lines=[("x-a", "1"), ("x-a", "2")])
    run(limited("[req.headers['x-a'], true ? 'x' : 'y', 1]"), x)
    assert result(x, "rate_limit")["bucket_key"] == '[["1","2"],"x",1]'


def test_an_expression_that_fails_becomes_null_and_sets_the_error() -> None:
    x = exchange()
    assert run(limited("[req.headers['x-key'][0], req.method]"), x) is None
    assert result(x, "rate_limit")["bucket_key"] == '[null,"GET"]'
    assert result(x, "rate_limit")["error"]["code"] == "ERR_NGROK_2253"


def test_in_yaml_the_elements_are_bare_expressions() -> None:
    x = exchange()
    config_of("rate-limit", KEY).run()(x)
    assert result(x, "rate_limit")["bucket_key"] == '["198.51.100.7"]'


def test_a_bad_expression_is_2200_at_its_element() -> None:
    found = config_of("rate-limit", KEY.replace("conn.client_ip", "req.path")).only
    assert (found.ngrok, found.path) == (2200, "on_http_request[0].actions[0].config.bucket_key[0]")
    syntax = config_of("rate-limit", KEY.replace("conn.client_ip", "conn.client_ip +")).only
    assert syntax.ngrok == 2200


def test_a_quoted_expression_in_a_policy_file_is_warned_of() -> None:
    found = checked(limited('["conn.client_ip"]')).only
    assert (found.code.name, found.severity) == ("quoted-expression", "warning")
    x = exchange()
    run(limited('["conn.client_ip"]'), x)
    assert result(x, "rate_limit")["bucket_key"] == '["conn.client_ip"]'


def test_a_template_in_a_policy_file_is_an_expression_too() -> None:
    x = exchange()
    run(limited('["${conn.client_ip}", "a-${req.method}"]'), x)
    assert result(x, "rate_limit")["bucket_key"] == '["198.51.100.7","a-GET"]'


@pytest.mark.parametrize(
    ("change", "to", "ngrok"),
    [
        ("capacity: 30", "capacity: 0", 2215),
        ("capacity: 30", "capacity: 2000000001", 2215),
        ("capacity: 30", "capacity: 1.5", 2228),
        ("rate: 60s", "rate: 50s", 2215),
        ("rate: 60s", "rate: 25h", 2225),
        ("rate: 60s", "rate: 65s", 2204),
        ("rate: 60s", "rate: 60", 2228),
        ("rate: 60s", "rate: soon", 2228),
        ("algorithm: sliding_window", "algorithm: token_bucket", 2222),
        ("name: a", 'name: ""', 2223),
        ("name: a", f"name: {'n' * 1025}", 2221),
        ('bucket_key: ["conn.client_ip"]', "bucket_key: []", 2223),
        ('bucket_key: ["conn.client_ip"]', f"bucket_key: {['1'] * 11}", 2218),
        ('bucket_key: ["conn.client_ip"]', "bucket_key: conn.client_ip", 2228),
        (', bucket_key: ["conn.client_ip"]', "", 2234),
        ("name: a, ", "", 2234),
        ("rate: 60s, ", "", 2234),
        ("algorithm: sliding_window, ", "", 2234),
    ],
)
def test_limits(change: str, to: str, ngrok: int) -> None:
    assert change in KEY
    assert config_of("rate-limit", KEY.replace(change, to)).only.ngrok == ngrok


@pytest.mark.parametrize("rate", ["60s", "1m", "1m30s", "24h", "90000ms"])
def test_durations_are_sums_of_units(rate: str) -> None:
    assert config_of("rate-limit", KEY.replace("60s", rate)).found == []
