"""What this installation cannot execute: `run` refuses it, `check` only mentions it."""

from __future__ import annotations

from policyc.engine.draft import DraftAction, DraftEndpoint, DraftPolicy, report_on
from policyc.engine.options import Options
from policyc.engine.phases import Binding
from policyc.grammar.codes import declare
from policyc.grammar.diagnostic import Label, Report, Severity

ACTION_NOT_BUILT = declare(
    "P0901",
    "action-not-built",
    "this version cannot execute the action",
    explanation="The action is known and its fields are checked, but the gateway has no code for it yet, or "
    "cannot do what this one asks for. "
    "`check` accepts the policy; `run` refuses it, because skipping an action could open a door.",
    wrong='on_http_request { circuit-breaker { volume_threshold: 10, window_duration: "10s" } }',
    right='on_http_request { when req.url.path == "/old" { deny 410 } }',
    severity="hint",
)
SETTING_NOT_BUILT = declare(
    "P0902",
    "setting-not-built",
    "this version cannot honour the setting",
    explanation="The setting is known and accepted, but the gateway does not act on it yet. `run` refuses "
    "it rather than to serve the endpoint in another way than its author wanted.",
    wrong='endpoint "https://app.internal" -> "file:///srv/www"',
    right='endpoint "https://app.internal" -> "http://127.0.0.1:9000"',
    severity="hint",
)
ENDPOINT_NOT_SERVED = declare(
    "P0903",
    "endpoint-not-served",
    "this version cannot serve the endpoint",
    explanation="Endpoints of this kind are checked like all others, but the gateway has no listener for "
    "them: Kubernetes endpoints need the Kubernetes operator.",
    wrong='endpoint "http://shop.default" -> "http://127.0.0.1:9000" { binding: "kubernetes" }',
    right='endpoint "https://shop.example.com" -> "http://127.0.0.1:9000"',
    severity="hint",
)
SEVERAL_POLICIES = declare(
    "P0904",
    "several-policies",
    "several policies without an endpoint",
    explanation="A policy that stands in a file by itself is run for the upstream given on the command "
    "line, and there is only one. `check` judges each by itself.",
    wrong="policyc run a.yaml b.yaml --upstream 9000  # each with phases and no endpoint",
    right="policyc run a.yaml --upstream 9000",
    severity="hint",
)
IDLE_POLICY = declare(
    "P0905",
    "policy-beside-endpoints",
    "a policy without an endpoint beside endpoints",
    explanation="Phases that stand outside of an endpoint are run for the upstream given on the command "
    "line. Where endpoints are declared there is no such upstream, so the phases would guard nothing. "
    "`check` judges them by themselves.",
    wrong='on_http_request { deny }  endpoint "https://a.example.com" -> "http://127.0.0.1:9000"  # run',
    right='endpoint "https://a.example.com" -> "http://127.0.0.1:9000" { on_http_request { deny } }',
    severity="hint",
)


def check_availability(
    policies: list[DraftPolicy], endpoints: list[DraftEndpoint], options: Options, report: Report
) -> None:
    """Report what cannot be executed: an error for a run, else a hint."""
    severity = Severity.ERROR if options.for_run else Severity.HINT
    for policy in policies:
        _check_actions(policy, severity, report)
    for endpoint in endpoints:
        _check_endpoint(endpoint, severity, report)
    if options.for_run:
        owned = {id(endpoint.policy) for endpoint in endpoints}
        bare = [policy for policy in policies if id(policy) not in owned]
        for policy in bare[1:]:
            report.add(
                SEVERAL_POLICIES, "there is more than one policy without an endpoint", policy.place,
                severity=severity, labels=[Label(bare[0].place, "the first one")],
            )  # fmt: skip
        if endpoints and bare and bare[0].has_rules:
            report.add(
                IDLE_POLICY, "the policy belongs to no endpoint, so nothing would run it", bare[0].place,
                severity=severity, labels=[Label(endpoints[0].url_span, "an endpoint is declared here")],
                hint="put the phases into an endpoint, or run the policy by itself with --upstream",
            )  # fmt: skip


def _check_actions(policy: DraftPolicy, severity: Severity, report: Report) -> None:
    for phase in policy.in_order():
        for rule in phase.rules:
            for action in rule.actions:
                why = _why_not(action)
                if why is not None:
                    report_on(
                        rule, report, ACTION_NOT_BUILT, why, action.span, severity=severity, path=action.path
                    )


def _why_not(action: DraftAction) -> str | None:
    """Return why an action cannot be executed here, None if it can."""
    declared = action.declared
    if declared is None:
        return None
    if declared.compile is None:
        return f"this version cannot execute `{declared.name}`"
    if declared.unavailable is None or action.config is None:
        return None
    return declared.unavailable(action.config)


def _check_endpoint(endpoint: DraftEndpoint, severity: Severity, report: Report) -> None:
    path = f"{endpoint.where}url" if endpoint.where else None
    url = endpoint.url
    if url is not None:
        refused = None
        if url.binding is Binding.KUBERNETES:
            refused = "needs the Kubernetes operator and is not served here"
        if refused is not None:
            message = f"`{url.url}` {refused}"
            report.add(ENDPOINT_NOT_SERVED, message, endpoint.url_span, severity=severity, path=path)
    if endpoint.upstream is not None and endpoint.upstream.scheme == "file":
        span = endpoint.url_span if endpoint.node.upstream is None else endpoint.node.upstream.span
        message = "the built-in file server does not exist in this version"
        report.add(SETTING_NOT_BUILT, message, span, severity=severity)
