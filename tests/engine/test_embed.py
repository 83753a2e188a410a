from __future__ import annotations

import pytest
from tests.engine.exchanges import FakeServices

from policyc.engine.embed import Decision, compile_policy, decide
from policyc.engine.errors import PolicycError
from policyc.engine.phases import Phase

SHOP = """
on_tcp_connect { when conn.client_ip == "203.0.113.9" { close-connection } }
on_http_request {
  rule "no trace" when req.method == "TRACE" { deny 405 }
  set-vars { vars: [{ tenant: req.host.split(".")[0] }] }
  add-headers { headers: { "x-tenant": vars.tenant } }
  when req.url.path == "/hello" { custom-response 200 { body: "hi" } }
  when req.url.path == "/api" { forward-internal "https://api.internal" }
  when req.url.path == "/boom" && req.headers["x-none"][0] == "a" { deny }
  log { metadata: { path: req.url.path } }
}
on_http_response { add-headers { headers: { "x-served": "policyc" } } }
"""
POLICY = compile_policy(SHOP)


def ask(**request: object) -> Decision:
    return decide(POLICY, FakeServices(), **request)  # type: ignore[arg-type]


def test_a_request_that_passes_shows_what_the_policy_did() -> None:
    decision = ask(url="https://shop.example.com/", headers={"accept": ["a", "b"]})
    assert decision.outcome == "continue"
    assert decision.request_headers == {
        "host": ["shop.example.com"],
        "accept": ["a", "b"],
        "x-tenant": ["shop"],
    }
    assert decision.vars == {"tenant": "shop"}
    assert decision.logs == [{"metadata": {"path": "/"}}]
    assert decision.status is None


def test_a_refusal_does_not_pass_the_response_phase_and_an_answer_does() -> None:
    refused = ask(method="TRACE")
    assert (refused.outcome, refused.status, refused.rules) == ("respond", 405, ["no trace"])
    assert ("x-served", "policyc") not in refused.headers
    answered = ask(url="https://shop.example.com/hello")
    assert (answered.outcome, answered.status, answered.body) == ("respond", 200, b"hi")
    assert ("x-served", "policyc") in answered.headers


def test_a_forward_names_its_target() -> None:
    decision = ask(url="https://shop.example.com/api")
    assert (decision.outcome, decision.target) == ("forward", "https://api.internal")


def test_a_connection_can_be_closed() -> None:
    assert ask(client_ip="203.0.113.9").outcome == "close"


def test_a_condition_that_fails_is_a_failure_and_never_false() -> None:
    decision = ask(url="https://shop.example.com/boom")
    assert (decision.outcome, decision.status, decision.code) == ("fail", 500, 2254)


def test_a_response_from_the_upstream_passes_the_response_phase() -> None:
    decision = ask(response=(201, [("server", "x")]))
    assert (decision.outcome, decision.status) == ("continue", 201)
    assert decision.headers == [("server", "x"), ("x-served", "policyc")]


def test_connect_phase_never_runs_for_an_internal_http_endpoint() -> None:
    assert Phase.TCP_CONNECT in POLICY.phases
    assert ask(client_ip="203.0.113.9", endpoint="https://shop.internal").outcome == "continue"


def test_compiling_for_an_internal_http_endpoint_refuses_the_connect_phase() -> None:
    with pytest.raises(PolicycError) as raised:
        compile_policy(SHOP, endpoint="https://shop.internal")
    assert [each.ngrok for each in raised.value.diagnostics if each.severity == "error"] == [2262]


def test_the_file_name_says_which_language_it_is() -> None:
    policy = compile_policy("on_http_request:\n  - actions: [{ type: deny }]\n", filename="p.yaml")
    assert decide(policy, FakeServices()).status == 403
    policy = compile_policy('{"on_http_request": [{"actions": [{"type": "deny"}]}]}', filename="p.json")
    assert decide(policy, FakeServices()).status == 403


def test_an_empty_policy_lets_everything_through() -> None:
    assert decide(compile_policy(""), FakeServices()).outcome == "continue"


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("on_http_request { bogus }", {}, "there is no action `bogus`"),
        ('endpoint "https://a.internal" -> "http://127.0.0.1:1"', {}, "declares endpoints"),
        ("", {"endpoint": "ftp://a"}, "is no URL of an endpoint"),
        (
            'on_http_request { circuit-breaker { volume_threshold: 1, window_duration: "10s" } }',
            {},
            "circuit-breaker",
        ),
    ],
)
def test_what_cannot_be_compiled_is_an_error_that_says_why(
    text: str, options: dict[str, str], message: str
) -> None:
    with pytest.raises(PolicycError, match=message):
        compile_policy(text, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "request_", [{"url": "ftp://a"}, {"url": "nothing"}, {"endpoint": "tcp://a.internal:1"}]
)
def test_what_cannot_be_asked_is_an_error(request_: dict[str, str]) -> None:
    with pytest.raises(PolicycError):
        ask(**request_)


def test_lengths_and_times_are_those_of_a_gateway() -> None:
    policy = compile_policy("""
        on_http_request {
          when req.content_length == 5 && has(req.ts.header_received) {
            add-headers { headers: { "x-a": "1" } }
          }
        }
        on_http_response {
          when res.content_length == 2 && !hasResHeader("ngrok-error-code") && endpoint.id.startsWith("ep_") {
            custom-response 201
          }
        }
    """)
    answered = decide(
        policy,
        FakeServices(),
        headers={"content-length": "5"},
        response=(200, {"content-length": "2", "ngrok-error-code": "ERR_NGROK_1"}),
    )
    assert answered.request_headers["x-a"] == ["1"]
    assert answered.status == 201


def test_whatever_ends_the_connect_phase_closes() -> None:
    policy = compile_policy("on_tcp_connect { when int(conn.client_ip) == 1 { deny } }")
    closed = decide(policy, FakeServices())
    assert (closed.outcome, closed.status, closed.code) == ("close", None, 2254)
    assert closed.detail
