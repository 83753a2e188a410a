"""Action types: unknown ones (2201), those that the phase (2202) or the protocol (2205) does not have."""

from __future__ import annotations

from policyc.engine.draft import DraftAction, DraftPolicy, DraftRule, report_on
from policyc.engine.phases import Phase, Protocol
from policyc.grammar.codes import declare
from policyc.grammar.diagnostic import Report

UNKNOWN_ACTION = declare(
    "P0301",
    "unknown-action",
    "there is no such action",
    explanation="The type of an action is one of a fixed list; `policyc explain` and the manual name them "
    "all. An action that is not known cannot be skipped: it may be the one that protects something.",
    wrong='on_http_request { add-header { headers: { "x-a": "1" } } }',
    right='on_http_request { add-headers { headers: { "x-a": "1" } } }',
    ngrok=2201,
)
ACTION_NOT_IN_PHASE = declare(
    "P0302",
    "action-not-in-phase",
    "the action does not exist in this phase",
    explanation="Each action works on what a phase has: a connection, a request or a response. What an "
    "action can do only with a request is not possible before there is one, nor after it was sent.",
    wrong='on_tcp_connect { add-headers { headers: { "x-a": "1" } } }',
    right='on_http_request { add-headers { headers: { "x-a": "1" } } }',
    ngrok=2202,
)
ACTION_OF_OTHER_PROTOCOL = declare(
    "P0303",
    "action-of-other-protocol",
    "the action does not work with the protocol of the endpoint",
    explanation="The phase exists on the endpoint, but the action needs another protocol.",
    wrong='endpoint "tcp://1.tcp.example.com:9000" -> "tcp://127.0.0.1:9000" { on_tcp_connect { '
    "terminate-tls } }",
    right='endpoint "tls://db.example.com" -> "tcp://127.0.0.1:9000" { on_tcp_connect { terminate-tls } }',
    ngrok=2205,
)


def check_actions(policies: list[DraftPolicy], report: Report) -> None:
    """Look up every action's type, and report what is not there or not possible."""
    for policy in policies:
        for phase in policy.in_order():
            for rule in phase.rules:
                # A phase that the protocol lacks is one finding (checks/phases.py), not one per action.
                protocol = policy.kind.protocol if policy.kind.has(phase.phase) else None
                check_rule(rule, phase.phase, protocol, report)


def check_rule(rule: DraftRule, phase: Phase, protocol: Protocol | None, report: Report) -> None:
    """Look up the types of a rule's actions, and report what is not there or not possible in the phase."""
    for action in rule.actions:
        if _look_up(action, rule, report):
            _check_place(action, rule, phase, protocol, report)


def _look_up(action: DraftAction, rule: DraftRule, report: Report) -> bool:
    """Find the declaration of an action's type; return whether there is one."""
    from policyc.engine.action import Action
    from policyc.engine.actions import find

    name = action.node.type.value
    found = find(name)
    if isinstance(found, Action):
        action.declared = found
        return True
    hint = f"did you mean `{found.name}`?" if found.name else None
    message = f"there is no action `{name}`" if name else "the type of the action is empty"
    report_on(rule, report, UNKNOWN_ACTION, message, action.span, hint=hint, path=action.path)
    return False


def _check_place(
    action: DraftAction, rule: DraftRule, phase: Phase, protocol: Protocol | None, report: Report
) -> None:
    declared = action.declared
    assert declared is not None
    if phase not in declared.phases:
        where = [each for each in Phase if each in declared.phases]
        report_on(
            rule, report, ACTION_NOT_IN_PHASE,
            f"`{declared.name}` does not exist in `{phase.value}`",
            action.span,
            hint="it exists in " + " and ".join(f"`{each.value}`" for each in where),
            path=action.path,
        )  # fmt: skip
    elif protocol is not None and protocol not in declared.protocols:
        protocols = ", ".join(each.value for each in Protocol if each in declared.protocols)
        report_on(
            rule, report, ACTION_OF_OTHER_PROTOCOL,
            f"`{declared.name}` does not work on a {protocol.value} endpoint",
            action.span,
            hint=f"it works on {protocols}",
            path=action.path,
        )  # fmt: skip
