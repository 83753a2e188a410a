"""What can never run (2207), conditions that traffic does not decide, traffic that nothing ends (2235).

Only an action that *always* ends its phase makes what follows unreachable (spec/policy-language.md §3.1).
For the guarantee that a cloud endpoint needs, a `redirect` that cannot miss counts too.
"""

from __future__ import annotations

from policyc.engine.cel import ir
from policyc.engine.draft import DraftAction, DraftPhase, DraftPolicy, DraftRule, report_on
from policyc.engine.options import Options
from policyc.engine.phases import Phase
from policyc.grammar.codes import declare
from policyc.grammar.diagnostic import Label, Report, Severity

UNREACHABLE = declare(
    "P0601",
    "unreachable",
    "a rule or an action can never run",
    explanation="An action before it always ends the phase, and nothing decides whether it runs: what "
    "follows is dead. Often the order is wrong, or the earlier rule lacks its condition.",
    wrong='on_http_request { deny 401 add-headers { headers: { "x-a": "1" } } }',
    right='on_http_request { add-headers { headers: { "x-a": "1" } } deny 401 }',
    ngrok=2207,
)
ALWAYS_TRUE = declare(
    "P0602",
    "always-true",
    "a condition is always true",
    explanation="Whatever the traffic is, the rule applies. Leave the condition out if that is meant.",
    wrong="on_http_request { when 1 < 2 { deny } }",
    right="on_http_request { deny }",
    severity="warning",
)
ALWAYS_FALSE = declare(
    "P0603",
    "always-false",
    "a condition is always false",
    explanation="Whatever the traffic is, the rule does not apply.",
    wrong="on_http_request { when false { deny } }",
    right="on_http_request { when req.method == 'TRACE' { deny } }",
    severity="warning",
)
ALWAYS_FAILS = declare(
    "P0608",
    "always-fails",
    "a condition always fails",
    explanation="The condition reads nothing of the traffic, and working it out is an error every time. A "
    "condition that fails ends the request with an error, whatever the rule would have done.",
    wrong="on_http_request { when 1 / 0 == 1 { deny } }",
    right="on_http_request { when req.content_length / 2 == 1 { deny } }",
    severity="warning",
)
FALLS_OFF = declare(
    "P0604",
    "falls-off",
    "the policy of a cloud endpoint does not end all traffic",
    explanation="An endpoint without an upstream has nothing to send the rest of its traffic to. A rule "
    "without a condition must end it: `deny`, `custom-response`, `close-connection`, `forward-internal` "
    '(with `on_error: "halt"`) or a `redirect` without `from`.',
    wrong="endpoint \"https://shop.example.com\" { on_http_request { when req.method == 'TRACE' { deny } } }",
    right='endpoint "https://shop.example.com" { on_http_request { deny } }',
    ngrok=2235,
)
NO_POLICY = declare(
    "P0605",
    "no-policy",
    "a cloud endpoint has no policy",
    explanation="An endpoint without an upstream is nothing but its policy, so it must have one, with at "
    "least one rule.",
    wrong='endpoint "https://shop.example.com"',
    right='endpoint "https://shop.example.com" { on_http_request { custom-response 200 { body: "hello" } } }',
    ngrok=18011,
)


def check_reach(policies: list[DraftPolicy], options: Options, report: Report) -> None:
    """Report what can never run."""
    severity = Severity.WARNING if options.lenient else Severity.ERROR
    for policy in policies:
        for phase in policy.in_order():
            _reach_in_phase(phase, severity, report)


def _reach_in_phase(phase: DraftPhase, severity: Severity, report: Report) -> None:
    ended: DraftAction | None = None
    for rule in phase.rules:
        if ended is not None:
            report_on(
                rule, report, UNREACHABLE, "this rule can never run", rule.span, severity=severity,
                labels=[Label(ended.span, f"`{_name(ended)}` ends all traffic here")],
                hint=f"move it before, or give a condition to the rule with `{_name(ended)}`",
            )  # fmt: skip
            return  # all that follow are as dead; one finding says it
        last = _ending(rule)
        if last is None:
            continue
        following = rule.actions[rule.actions.index(last) + 1 :]
        if following:
            report_on(
                rule, report, UNREACHABLE,
                f"`{_name(following[0])}` can never run: `{_name(last)}` before it always ends the phase",
                following[0].span, severity=severity,
                labels=[Label(last.span, "the phase ends here")], path=following[0].path,
                hint=f"move it before `{_name(last)}`",
            )  # fmt: skip
        if rule.is_unconditional:
            ended = last


def _ending(rule: DraftRule) -> DraftAction | None:
    return next((action for action in rule.actions if action.always_ends), None)


def _name(action: DraftAction) -> str:
    return action.node.type.value


def check_constants(policies: list[DraftPolicy], report: Report) -> None:
    """Report conditions that are true or false whatever comes."""
    from policyc.engine.cel.fold import constant

    for policy in policies:
        for phase in policy.in_order():
            for rule in phase.rules:
                for node, condition in zip(rule.node.conditions, rule.conditions, strict=False):
                    if condition is None:
                        continue
                    known = constant(condition)
                    why = _failure(condition) if known is None else None
                    if why is not None:
                        message = f"this condition always fails: {why}"
                        report_on(rule, report, ALWAYS_FAILS, message, node.span, path=node.path)
                    if known is None or not isinstance(known.value, bool):
                        continue
                    if known.value:
                        code, message = ALWAYS_TRUE, "this condition is always true"
                        hint = "leave it out if the rule is meant for all traffic"
                    else:
                        code, message = ALWAYS_FALSE, "this condition is always false, the rule never applies"
                        hint = "remove the rule, or say what it is meant for"
                    report_on(rule, report, code, message, node.span, hint=hint, path=node.path)


def _failure(condition: ir.Node) -> str | None:
    """Return why a condition that reads no traffic and no chance fails, None if it does not."""
    todo = [condition]
    while todo:
        node = todo.pop()
        if isinstance(node, ir.Var | ir.HasVar):
            return None
        if isinstance(node, ir.Apply) and not all(o.pure and not o.needs_exchange for o in node.overloads):
            return None
        todo.extend(ir.children(node))
    from policyc.engine.cel.plan import plan
    from policyc.engine.values import EvalError

    try:
        plan(condition)(None, {})
    except EvalError as error:
        return error.message
    return None


# --- cloud endpoints ---------------------------------------------------------------------------------------


def check_ends(policies: list[DraftPolicy], report: Report) -> None:
    """Report cloud endpoints whose traffic can fall off the end of their policy."""
    for policy in policies:
        if policy.kind.is_cloud is not True:
            continue
        if not policy.has_rules:
            hint = "give it a phase that answers, or an upstream"
            report.add(NO_POLICY, "an endpoint without an upstream needs a policy", policy.place, hint=hint)
        elif not _ends_all(policy):
            phase = policy.phases.get(_main_phase(policy))
            report.add(
                FALLS_OFF,
                f"`{_main_phase(policy).value}` does not end all traffic, and no upstream takes the rest",
                policy.place if phase is None else phase.key,
                hint="end it with a rule that has no condition, such as `deny 404`",
                path=None if phase is None else phase.path,
                labels=[]
                if phase is None or phase.key == policy.place
                else [Label(policy.place, "for this endpoint")],
            )


def _main_phase(policy: DraftPolicy) -> Phase:
    protocol = policy.kind.protocol
    if protocol is not None:
        return Phase.HTTP_REQUEST if protocol.is_http else Phase.TCP_CONNECT
    return Phase.HTTP_REQUEST if any(phase.is_http for phase in policy.phases) else Phase.TCP_CONNECT


def _ends_all(policy: DraftPolicy) -> bool:
    wanted = [policy.phases.get(_main_phase(policy)), policy.phases.get(Phase.TCP_CONNECT)]
    return any(phase is not None and policy.kind.has(phase.phase) and ends_phase(phase) for phase in wanted)


def ends_phase(phase: DraftPhase) -> bool:
    """Return whether the phase ends all traffic; what has been reported as wrong is taken to be right."""
    return any(
        rule.is_unconditional and any(action.always_ends or _cannot_miss(action) for action in rule.actions)
        for rule in phase.rules
    )


def _cannot_miss(action: DraftAction) -> bool:
    if action.declared is None or action.config is None:
        return True
    if action.declared.name != "redirect":
        return False
    pattern = action.config.get("from")
    return pattern is None or (pattern.is_constant and _text(pattern.value) in _MATCH_ALL)


def _text(pattern: object) -> str:
    return pattern if isinstance(pattern, str) else str(getattr(pattern, "pattern", ""))


_MATCH_ALL = frozenset({"", ".*", "^", "$", "^.*$", "^.*", ".*$", ".+", "^.+$", "(.*)", "^(.*)$"})
