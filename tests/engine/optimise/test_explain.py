"""What `check --explain-plan` shows."""

from __future__ import annotations

from collections.abc import Callable

from policyc.engine.compiler import checked
from policyc.engine.optimise.explain import explain
from policyc.grammar.diagnostic import Report
from policyc.grammar.files import read_document
from policyc.grammar.source import Source

POLICY = r"""
on_tcp_connect {
  when inCidrRanges(conn.client_ip, ["10.66.0.0/16", "192.0.2.0/24", "2001:db8::/32"]) { deny }
}
on_http_request {
  rule "bots" when req.headers["user-agent"].exists(u, u.matches("(?i)curl|bot")) { deny 403 }
  rule "old or new" when req.host == "a.example" || (req.host == "b.example" || req.host in ["c.example"]) {
    redirect { from: "^https?://[^/]+", to: "https://new.example" }
  }
  rule "admins" when req.url.path.startsWith("/admin/") && !inCidrRange(conn.client_ip, "10.0.0.0/8") { deny }
  rule "writing admins" when size(getReqHeader("x-user")) > 0 && req.url.path.startsWith("/admin/") {
    add-headers { headers: { "x-role": "admin" } }
  }
  rule "never" when 1 + 1 > 2 && req.method == "GET" { deny }
  rule "r1" when req.url.path == "/one" { custom-response 200 { body: "1" } }
  rule "r2" when req.url.path == "/two" && req.method == "GET" { custom-response 200 { body: "2" } }
  rule "r3" when req.url.path in ["/three", "/tres"] { custom-response 200 { body: "3" } }
  rule "r4" when req.url.path == "/four" { custom-response 200 { body: "4" } }
  rule "r5" when req.url.path == "/five" { custom-response 200 { body: "5" } }
  rule "r6" when req.url.path == "/six" { custom-response 200 { body: "6" } }
  rule "rest" { forward-internal "https://app.internal" }
}
on_http_response { remove-headers { headers: ["server"] } }
"""


def plan(text: str) -> str:
    report = Report()
    work = checked([read_document(Source("shop.policy", text), report)], report=report)
    assert not report.has_errors, list(report)
    return explain(work.policies)


def test_plan_shows_every_rule_and_what_each_pass_made_of_it(golden: Callable[[str, str], None]) -> None:
    golden("cli/explain-plan.txt", plan(POLICY))


def test_policy_without_rules_has_no_plan() -> None:
    assert plan("let x = 1\n") == ""


def test_phase_that_an_endpoint_lacks_is_not_shown() -> None:
    text = 'endpoint "https://a.example" -> "http://127.0.0.1:1" { on_http_request { deny } }'
    assert plan(text).startswith("on_http_request of https://a.example: 1 rule\n")


def test_networks_are_shown_as_addresses_and_values_as_literals() -> None:
    rules = "\n".join(f"when inCidrRange(conn.client_ip, '10.{i}.0.0/16') {{ deny }}" for i in range(5))
    assert "found by conn.client_ip (number) from 10.4.0.0 to 10.4.255.255" in plan(
        f"on_http_request {{ {rules} }}"
    )
    rules = "\n".join(f"when getReqHeader('x-k')[0] == 'it\\'s {i}' {{ deny }}" for i in range(5))
    assert r"found by req.headers['x-k'][0] being 'it\'s 4'" in plan(f"on_http_request {{ {rules} }}")
