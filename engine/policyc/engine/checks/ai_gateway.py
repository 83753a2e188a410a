"""More than one `ai-gateway` action in a policy (2266)."""

from __future__ import annotations

from policyc.engine.draft import DraftPolicy, report_on
from policyc.grammar.codes import declare
from policyc.grammar.diagnostic import Label, Report

TWO_AI_GATEWAYS = declare(
    "P0607",
    "two-ai-gateways",
    "a policy has two `ai-gateway` actions",
    explanation="A policy has one action that speaks to language models; its config chooses between them.",
    wrong='on_http_request { when req.host == "a" { ai-gateway {} } ai-gateway {} }',
    right="on_http_request { ai-gateway {} }",
    ngrok=2266,
)


def check_ai_gateway(policies: list[DraftPolicy], report: Report) -> None:
    """Report each `ai-gateway` after the first of a policy."""
    for policy in policies:
        first = None
        for phase in policy.in_order():
            for rule in phase.rules:
                for action in rule.actions:
                    if action.declared is None or action.declared.name != "ai-gateway":
                        continue
                    if first is None:
                        first = action
                        continue
                    report_on(
                        rule, report, TWO_AI_GATEWAYS, "a policy has one `ai-gateway`, this is another",
                        action.span, labels=[Label(first.span, "the first one")], path=action.path,
                    )  # fmt: skip
