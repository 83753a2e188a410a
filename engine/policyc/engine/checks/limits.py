"""How many rules a phase may have once every `use` is put in (2264); those written out the reader counts."""

from __future__ import annotations

from policyc.engine.draft import DraftPolicy
from policyc.grammar.codes import declare
from policyc.grammar.diagnostic import Report
from policyc.grammar.limits import DEFAULTS

TOO_MANY_RULES = declare(
    "P0850",
    "too-many-rules-used",
    "a phase has too many rules with those that it uses",
    explanation=f"A phase may have {DEFAULTS.rules_per_phase} rules, those put in by `use` counted each "
    "time.",
    wrong="on_http_request { use hardening use hardening }  # hardening has 600 rules",
    right="on_http_request { use hardening }",
    ngrok=2264,
)


def check_limits(policies: list[DraftPolicy], report: Report) -> None:
    """Report phases that grew too long by reuse."""
    most = report.limits.rules_per_phase
    for policy in policies:
        for phase in policy.in_order():
            count = len(phase.rules)
            if count > most and any(rule.reuses for rule in phase.rules):
                message = f"the phase has {count} rules with those that it uses, more than {most}"
                report.add(TOO_MANY_RULES, message, phase.key, path=phase.path)
