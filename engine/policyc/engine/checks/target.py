"""What `--target ngrok` adds: rules of the hosted service that a gateway of one's own does not need.

Source: spec/endpoints.md §1.2, §6; design/architecture.md §6 ("ngrok's own narrowness").
"""

from __future__ import annotations

from policyc.engine.draft import DraftEndpoint, DraftPolicy, report_on
from policyc.engine.endpoint_url import UrlProblem, parse_forward_target
from policyc.engine.options import Options
from policyc.engine.phases import Binding, Protocol
from policyc.grammar.codes import declare
from policyc.grammar.diagnostic import Report

NGROK_PORT = declare(
    "P0540",
    "port-not-at-ngrok",
    "ngrok does not serve this port",
    explanation="At ngrok a public http endpoint has port 80, a public https or tls endpoint port 443. "
    "Here any port is fine; this is only said with `--target ngrok`.",
    wrong='endpoint "https://shop.example.com:8443" -> "http://127.0.0.1:9000"',
    right='endpoint "https://shop.example.com" -> "http://127.0.0.1:9000"',
    ngrok=9035,
)
NGROK_HOST = declare(
    "P0541",
    "host-not-at-ngrok",
    "ngrok does not serve this host",
    explanation="At ngrok a public endpoint has a domain name; addresses and `*` alone exist only here. "
    "This is only said with `--target ngrok`.",
    wrong='endpoint "https://localhost" -> "http://127.0.0.1:9000"',
    right='endpoint "https://shop.example.com" -> "http://127.0.0.1:9000"',
    ngrok=18006,
)
NGROK_FORWARD = declare(
    "P0542",
    "protocols-differ-at-ngrok",
    "ngrok forwards to the same protocol only",
    explanation="Here tcp and tls endpoints may forward to each other. This is only said with `--target "
    "ngrok`.",
    wrong='endpoint "tls://a.internal" { on_tcp_connect { forward-internal "tcp://b.internal:1" } }\n'
    'endpoint "tcp://b.internal:1" -> "tcp://127.0.0.1:5432"',
    right='endpoint "tls://a.internal" { on_tcp_connect { forward-internal "tls://b.internal" } }\n'
    'endpoint "tls://b.internal" -> "tcp://127.0.0.1:5432"',
    ngrok=2205,
)


def check_target(
    policies: list[DraftPolicy], endpoints: list[DraftEndpoint], options: Options, report: Report
) -> None:
    """Report what ngrok would refuse and we do not, if that was asked for."""
    if options.target != "ngrok":
        return
    for endpoint in endpoints:
        _check_url(endpoint, report)
    for policy in policies:
        _check_forwards(policy, report)


def _check_url(endpoint: DraftEndpoint, report: Report) -> None:
    url = endpoint.url
    if url is None or url.binding is not Binding.PUBLIC:
        return
    path = f"{endpoint.where}url" if endpoint.where else None
    wanted = url.scheme.default_port
    if wanted is not None and url.port != wanted:
        message = f"a public {url.scheme.value} endpoint has port {wanted} at ngrok, not {url.port}"
        report.add(NGROK_PORT, message, endpoint.url_span, path=path)
    if url.host == "*" or url.host.startswith("[") or url.host[-1].isdigit() or "." not in url.host:
        report.add(NGROK_HOST, f"`{url.host}` is no domain that ngrok serves", endpoint.url_span, path=path)


def _check_forwards(policy: DraftPolicy, report: Report) -> None:
    protocol = policy.kind.protocol
    if protocol is None or protocol.is_http:
        return
    for phase in policy.in_order():
        for rule in phase.rules:
            for action in rule.actions:
                if (
                    action.declared is None
                    or action.declared.name != "forward-internal"
                    or action.config is None
                ):
                    continue
                url = action.config["url"]
                target = parse_forward_target(str(url.value)) if url.is_constant else None
                if target is None or isinstance(target, UrlProblem):
                    continue
                if target.scheme is not protocol and target.scheme in (Protocol.TCP, Protocol.TLS):
                    message = f"a {protocol.value} endpoint forwards to a {protocol.value} endpoint at ngrok"
                    report_on(rule, report, NGROK_FORWARD, message, url.span, path=url.path)
