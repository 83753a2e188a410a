"""spec/actions.md §3.11."""

from __future__ import annotations

import pytest
from tests.engine.exchanges import checked, config_of, exchange, response, result, run

from policyc.engine.actions.restrict_ips import unavailable
from policyc.engine.outcome import Close, Fail, Respond

LISTS = 'restrict-ips { allow: ["203.0.113.0/24", "2001:db8::/32"], deny: ["203.0.113.66/32"] }'


@pytest.mark.parametrize(
    ("client", "action", "matched"),
    [
        ("203.0.113.5", "allow", "203.0.113.0/24"),
        ("203.0.113.66", "deny", "203.0.113.66/32"),
        ("198.51.100.1", "deny", ""),
        ("2001:db8::1", "allow", "2001:db8::/32"),
        ("2001:db9::1", "deny", ""),
        ("::ffff:203.0.113.5", "allow", "203.0.113.0/24"),
    ],
)
def test_allowed_is_who_is_in_an_allow_range_and_in_no_deny_range(
    client: str, action: str, matched: str
) -> None:
    x = exchange(client_ip=client)
    outcome = run(f"on_http_request {{ {LISTS} }}", x)
    assert (outcome is None) == (action == "allow")
    assert result(x, "restrict_ips")["action"] == action
    assert result(x, "restrict_ips")["matched_cidr"] == matched


def test_a_refusal_is_a_final_403_with_3203() -> None:
    outcome = run(f"on_http_request {{ {LISTS} }}", exchange())
    assert isinstance(outcome, Respond)
    assert (outcome.status, outcome.final, outcome.code) == (403, True, 3203)
    assert b"ERR_NGROK_3203" in outcome.body


def test_in_the_response_phase_the_response_is_dropped() -> None:
    outcome = run(f"on_http_response {{ {LISTS} }}", exchange(response=response()))
    assert isinstance(outcome, Respond)
    assert (outcome.status, outcome.final) == (403, True)


def test_on_connect_a_refusal_closes() -> None:
    assert run(f"on_tcp_connect {{ {LISTS} }}", exchange()) == Close("restrict-ips", 3203)


def test_the_address_is_the_connections_and_never_a_headers() -> None:
    x = exchange(lines=[("x-forwarded-for", "203.0.113.5")])
    assert isinstance(run(f"on_http_request {{ {LISTS} }}", x), Respond)


def test_without_enforce_everybody_goes_on_and_the_variables_are_set() -> None:
    x = exchange()
    assert run('on_http_request { restrict-ips { enforce: false, allow: ["10.0.0.0/8"] } }', x) is None
    assert result(x, "restrict_ips")["action"] == "deny"
    assert result(x, "restrict_ips")["error"]["code"] == "ERR_NGROK_3203"


def test_the_longest_prefix_is_the_one_that_matched() -> None:
    x = exchange(client_ip="10.1.2.3")
    run('on_http_request { restrict-ips { allow: ["0.0.0.0/0", "10.1.0.0/16", "10.0.0.0/8"] } }', x)
    assert result(x, "restrict_ips")["matched_cidr"] == "10.1.0.0/16"


def test_a_bare_address_stands_for_itself() -> None:
    for client, is_allowed in (("192.0.2.7", True), ("192.0.2.8", False)):
        outcome = run('on_http_request { restrict-ips { allow: ["192.0.2.7"] } }', exchange(client_ip=client))
        assert (outcome is None) == is_allowed


def test_ranges_may_come_from_templates_and_lets() -> None:
    text = "on_http_request { restrict-ips { allow: [req.headers['x-net'][0], \"192.0.2.0/24\"] } }"
    x = exchange(lines=[("x-net", "198.51.100.0/24")])
    assert run(text, x) is None
    assert result(x, "restrict_ips")["matched_cidr"] == "198.51.100.0/24"
    whole = 'let office = ["198.51.100.0/24"]\non_http_request { restrict-ips { allow: office } }'
    assert run(whole, exchange()) is None
    listed = "on_http_request { restrict-ips { allow: req.headers['x-net'] } }"
    assert run(listed, exchange(lines=[("x-net", "198.51.100.0/24")])) is None


def test_a_template_that_gives_no_range_fails_closed() -> None:
    x = exchange(lines=[("x-net", "everybody")])
    outcome = run("on_http_request { restrict-ips { allow: [req.headers['x-net'][0]] } }", x)
    assert isinstance(outcome, Fail)
    assert outcome.status == 500
    assert result(x, "restrict_ips")["action"] == "deny"


def test_deny_without_allow_is_an_error_that_says_the_fix() -> None:
    found = config_of("restrict-ips", '{ deny: ["10.0.0.0/8"] }').only
    assert (found.code.name, found.severity) == ("nobody-allowed", "error")
    assert found.path == "on_http_request[0].actions[0].config.deny"
    assert found.hint is not None
    assert '"0.0.0.0/0", "::/0"' in found.hint


def test_empty_lists_are_the_same_error() -> None:
    assert config_of("restrict-ips", "{ allow: [] }").errors == ["nobody-allowed"]
    assert checked("on_http_request { restrict-ips }").errors == ["nobody-allowed"]


@pytest.mark.parametrize(
    "cidr",
    [
        "10.0.0.0/33",
        "10.0.0",
        "300.1.1.1",
        "2001:db8::/129",
        "all",
        "",
        "10.0.0.0/",
        "fe80::1%eth0",
        "1.2.3.4/a",
    ],
)
def test_what_is_no_range_is_2217(cidr: str) -> None:
    found = config_of("restrict-ips", f'{{ allow: ["{cidr}"] }}').only
    assert (found.ngrok, found.path) == (2217, "on_http_request[0].actions[0].config.allow[0]")


def test_ip_policies_are_ids_and_make_it_unavailable_here() -> None:
    found = config_of("restrict-ips", "{ ip_policies: [ipp_2CqwBpOFFGQXBDzxRGKnMgzoXIz] }")
    assert (found.only.code.name, found.only.severity) == ("no-ip-policies", "warning")
    assert unavailable(found.config()) == "this installation has no IP policies"
    assert config_of("restrict-ips", "{ ip_policies: [office] }").only.ngrok == 2216
    plain = config_of("restrict-ips", '{ allow: ["10.0.0.0/8"] }')
    assert plain.action().unavailable is unavailable
    assert unavailable(plain.config()) is None
