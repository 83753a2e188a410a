"""Actions of one phase that do not go together in the order in which they stand.

`terminate-tls` makes the handshake, so there is one, and what the handshake brings is not known before it
(spec/actions.md#terminate-tls). A body is searched as it is at that moment: not after it was compressed
(#compress-response), and not before its signature was verified (#verify-webhook).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from policyc.engine.draft import DraftAction, DraftPhase, DraftPolicy, DraftRule, report_on
from policyc.engine.phases import Phase
from policyc.engine.reads import reads_of
from policyc.grammar.codes import Code, declare
from policyc.grammar.diagnostic import Label, Report, Severity

TWO_HANDSHAKES = declare(
    "P0610",
    "two-handshakes",
    "a connection would end TLS twice",
    explanation="`terminate-tls` makes the handshake of the connection, and there is one. Two of them in "
    "rules that apply to different connections are a warning.",
    wrong='on_tcp_connect { terminate-tls { min_version: "1.2" } terminate-tls { min_version: "1.3" } }',
    right='on_tcp_connect { terminate-tls { min_version: "1.3" } }',
)
BEFORE_HANDSHAKE = declare(
    "P0611",
    "before-handshake",
    "a condition reads what only the handshake brings",
    explanation="Up to `terminate-tls` only the ClientHello has been read: the server name and the "
    "fingerprint are known, certificates are not. Put the rule behind the one with `terminate-tls`.",
    wrong='on_tcp_connect { when conn.tls.client.subject.common_name != "ops" { deny } terminate-tls }',
    right='on_tcp_connect { terminate-tls when conn.tls.client.subject.common_name != "ops" { deny } }',
)
SEARCHES_COMPRESSED = declare(
    "P0612",
    "searches-compressed-body",
    "a body is searched after it was compressed",
    explanation="What `compress-response` made is no text any more. Search first, then compress.",
    wrong='on_http_response { compress-response response-body-find-replace { replacements: [{ from: "a" }] '
    "} }",
    right='on_http_response { response-body-find-replace { replacements: [{ from: "a" }] } '
    "compress-response }",
    severity="warning",
)
BREAKS_SIGNATURE = declare(
    "P0613",
    "breaks-signature",
    "a body is changed before its signature is verified",
    explanation="A webhook is signed as it was sent, so a body that was changed does not verify. "
    "Verify first.",
    wrong='on_http_request { request-body-find-replace { replacements: [{ from: "a" }] } verify-webhook { '
    'provider: "sns" } }',
    right='on_http_request { verify-webhook { provider: "sns" } request-body-find-replace { '
    'replacements: [{ from: "a" }] } }',
    severity="warning",
)

_OF_CERTIFICATES = ("conn.tls.client", "conn.tls.server")


class _Placed(NamedTuple):
    """An action with its rule and the number of that rule."""

    action: DraftAction
    rule: DraftRule
    number: int


def check_order(policies: list[DraftPolicy], report: Report) -> None:
    """Report what stands before or behind another action in vain."""
    for policy in policies:
        for phase in policy.in_order():
            _check_handshakes(phase, report)
            _warn_pairs(
                phase, "compress-response", "response-body-find-replace", SEARCHES_COMPRESSED,
                "the body is compressed already", report,
            )  # fmt: skip
            _warn_pairs(
                phase, "request-body-find-replace", "verify-webhook", BREAKS_SIGNATURE,
                "the body was changed before, so its signature does not verify", report,
            )  # fmt: skip


def _named(phase: DraftPhase, name: str) -> Iterator[_Placed]:
    for number, rule in enumerate(phase.rules):
        for action in rule.actions:
            if action.declared is not None and action.declared.name == name:
                yield _Placed(action, rule, number)


def _check_handshakes(phase: DraftPhase, report: Report) -> None:
    found = list(_named(phase, "terminate-tls")) if phase.phase is Phase.TCP_CONNECT else []
    if not found:
        return
    first, *others = found
    for other in others:
        meet = other.rule is first.rule or first.rule.is_unconditional or other.rule.is_unconditional
        report_on(
            other.rule, report, TWO_HANDSHAKES, "TLS of the connection is ended twice", other.action.span,
            severity=Severity.ERROR if meet else Severity.WARNING,
            labels=[Label(first.action.span, "the first handshake")], path=other.action.path,
            hint="merge the two" if meet else "make sure that the rules apply to different connections",
        )  # fmt: skip
    for rule in phase.rules[: first.number + 1]:
        for node, condition in zip(rule.node.conditions, rule.conditions, strict=False):
            read = sorted(reads_of([condition])) if condition is not None else []
            early = next((path for path in read if _is_certificate(path)), None)
            if early is not None:
                message = f"`{early}` is not known before `terminate-tls`"
                report_on(
                    rule, report, BEFORE_HANDSHAKE, message, node.span,
                    labels=[Label(first.action.span, "the handshake is made here")], path=node.path,
                    hint="move the rule behind the one with `terminate-tls`",
                )  # fmt: skip


def _is_certificate(path: str) -> bool:
    return any(path == root or path.startswith(f"{root}.") for root in _OF_CERTIFICATES)


def _warn_pairs(
    phase: DraftPhase, earlier: str, later: str, code: Code, message: str, report: Report
) -> None:
    """Report every action `later` that stands behind an action `earlier`, in the same rule or a later one."""
    before: DraftAction | None = None
    for rule in phase.rules:
        for action in rule.actions:
            name = None if action.declared is None else action.declared.name
            if name == earlier:
                before = before or action
            elif name == later and before is not None:
                report_on(
                    rule, report, code, message, action.span,
                    labels=[Label(before.span, f"by `{earlier}`")], path=action.path,
                    hint=f"move `{later}` before `{earlier}`",
                )  # fmt: skip
