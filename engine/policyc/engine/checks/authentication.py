"""More than one action that authenticates in a phase (2239): which of them a client satisfied is unclear."""

from __future__ import annotations

from policyc.engine.draft import DraftPolicy, report_on
from policyc.grammar.codes import declare
from policyc.grammar.diagnostic import Label, Report

TWO_AUTHENTICATIONS = declare(
    "P0606",
    "two-authentications",
    "a phase authenticates twice",
    explanation="ngrok allows one authentication action per endpoint. Here a second one is allowed, as it "
    "may be meant for other paths; a request that both rules apply to must satisfy both.",
    wrong='on_http_request { basic-auth { credentials: ["ops:long enough"] } '
    'basic-auth { credentials: ["dev:long enough"] } }',
    right='on_http_request { basic-auth { credentials: ["ops:long enough", "dev:long enough"] } }',
    severity="warning",
    ngrok=2239,
)


def check_authentication(policies: list[DraftPolicy], report: Report) -> None:
    """Warn of each authentication action after the first in a phase."""
    for policy in policies:
        for phase in policy.in_order():
            first = None
            for rule in phase.rules:
                for action in rule.actions:
                    if action.declared is None or not action.declared.authenticates:
                        continue
                    if first is None:
                        first = action
                        continue
                    report_on(
                        rule, report, TWO_AUTHENTICATIONS,
                        f"`{action.declared.name}` is the second authentication of this phase",
                        action.span,
                        labels=[Label(first.span, "the first one")],
                        hint="make sure that the rules apply to different requests",
                        path=action.path,
                    )  # fmt: skip
