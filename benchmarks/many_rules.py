"""Policies of many rules as people write them: a condition and an action with two fields, 190 octets or so.

The same rules in `.policy` and in YAML. Every rule asks and does something of its own, so that nothing that
is kept for equal texts makes the measured work smaller than that of a real policy.
"""

from __future__ import annotations

CONDITIONS = (
    'req.url.path.startsWith("/api/v{v}/team-{n}/") && req.method in ["POST", "PUT", "DELETE"]',
    'req.host == "shop-{n}.example.com" && !hasReqHeader("x-api-key-{n}")',
    'req.headers["user-agent"].exists(agent, agent.contains("bot-{n}")) && req.url.path != "/robots.txt"',
    'conn.client_ip in ["203.0.113.{b}", "198.51.100.{b}"] || inCidrRange(conn.client_ip, "10.{b}.0.0/16")',
    'req.url.path.matches("^/old/{n}/[0-9]+$") && size(req.url.query) > {b}',
    '"tenant" in req.url.query_params && req.url.query_params["tenant"][0] == "customer-{n}"',
    'hasReqCookie("session-{n}") == false && req.url.path.endsWith("/account/{n}")',
    'getReqHeader("x-plan")[0].lowerAscii() == "plan-{n}" && req.content_length > {n} * 1024',
)
# (action, its fields)
ACTIONS = (
    ("custom-response", (("status_code", "403"), ("body", '"team {n} may not do this here"'))),
    ("redirect", (("from", '"/old/{n}/(.*)"'), ("to", '"https://www.example.com/new/{n}/$1"'))),
    ("custom-response", (("status_code", "429"), ("body", '"slow down, ${{conn.client_ip}}: {n}"'))),
    ("url-rewrite", (("from", '"/shop/{n}/(.*)$"'), ("to", '"/tenants/customer-{n}/$1"'))),
)


def rules_as_policy(count: int) -> str:
    """Return `count` rules of `on_http_request` as `.policy`."""
    lines = ["on_http_request {"]
    for n in range(count):
        action, fields = ACTIONS[n % len(ACTIONS)]
        given = ", ".join(f"{name}: {_filled(value, n)}" for name, value in fields)
        lines.append(f'  rule "{_name(n)}" when {_condition(n)} {{')
        lines.append(f"    {action} {{ {given} }}")
        lines.append("  }")
    return "\n".join([*lines, "}", ""])


def rules_as_yaml(count: int) -> str:
    """Return the same rules as YAML."""
    lines = ["on_http_request:"]
    for n in range(count):
        action, fields = ACTIONS[n % len(ACTIONS)]
        lines.append(f"  - name: {_name(n)}")
        lines.append("    expressions:")
        lines.append(f"      - '{_condition(n)}'")
        lines.append("    actions:")
        lines.append(f"      - type: {action}")
        lines.append("        config:")
        lines.extend(f"          {name}: {_filled(value, n)}" for name, value in fields)
    return "\n".join([*lines, ""])


def _name(n: int) -> str:
    return f"rule {n} of the shop"


def _condition(n: int) -> str:
    return _filled(CONDITIONS[n // len(ACTIONS) % len(CONDITIONS)], n)


def _filled(text: str, n: int) -> str:
    return text.format(n=n, b=n % 256, v=n % 7)
