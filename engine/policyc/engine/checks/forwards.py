"""Where `forward-internal` leads, as far as the files say: targets that nothing declares, and circles.

Only constant targets are followed; the rest is found out while traffic flows, by the look-up and the hop
limit (spec/endpoints.md §6).
"""

from __future__ import annotations

from typing import NamedTuple

from policyc.engine.draft import DraftAction, DraftEndpoint, DraftPolicy, DraftRule, report_on
from policyc.engine.endpoint_url import EndpointUrl, UrlProblem, parse_forward_target
from policyc.engine.options import Options
from policyc.engine.phases import Binding
from policyc.engine.resolve import circles
from policyc.grammar.codes import declare
from policyc.grammar.diagnostic import Label, Report, Severity
from policyc.grammar.source import Span

UNDECLARED_TARGET = declare(
    "P0530",
    "undeclared-target",
    "no checked file declares the target of a forward",
    explanation="The files declare endpoints, but not the one that traffic is forwarded to. It may be "
    "registered while the gateway runs; otherwise requests fail with 3200.",
    wrong='endpoint "https://shop.example.com" { on_http_request { forward-internal "https://ap.internal" '
    '} }\nendpoint "https://app.internal" -> "http://127.0.0.1:9000"',
    right='endpoint "https://shop.example.com" { on_http_request { forward-internal "https://app.internal" '
    '} }\nendpoint "https://app.internal" -> "http://127.0.0.1:9000"',
    severity="warning",
    ngrok=3200,
)
FORWARD_CIRCLE = declare(
    "P0531",
    "forward-circle",
    "endpoints forward to each other in a circle",
    explanation="A request that goes round is stopped by the hop limit (3501). Where every forward of the "
    "circle happens to all traffic that is certain, and an error; where conditions decide it is a warning.",
    wrong='endpoint "https://a.internal" { on_http_request { forward-internal "https://b.internal" } }\n'
    'endpoint "https://b.internal" { on_http_request { forward-internal "https://a.internal" } }',
    right='endpoint "https://a.internal" { on_http_request { forward-internal "https://b.internal" } }\n'
    'endpoint "https://b.internal" { on_http_request { deny } }',
    ngrok=3501,
)


class _Edge(NamedTuple):
    """A forward: from which endpoint's policy to which key, in which rule."""

    source: str
    target: str
    rule: DraftRule
    span: Span
    path: str
    is_certain: bool


def check_forwards(
    policies: list[DraftPolicy], endpoints: list[DraftEndpoint], options: Options, report: Report
) -> None:
    """Report undeclared targets and circles."""
    declared = _Declared(endpoints, options)
    owners = {id(endpoint.policy): endpoint for endpoint in endpoints}
    edges: list[_Edge] = []
    for policy in policies:
        owner = owners.get(id(policy))
        account = options.account if owner is None else owner.account
        source = _name_of(account, options.endpoint if owner is None else owner.url)
        for phase in policy.in_order():
            before = True
            for rule in phase.rules:
                for action in rule.actions:
                    target = _target(action)
                    if target is None:
                        continue
                    found = declared.find(account, target)
                    if found is None:
                        declared.report_missing(account, target, rule, action, report)
                    elif source is not None:
                        url = action.config["url"]  # type: ignore[index]  # _target read it
                        # Another member of a pool may answer where this one forwards.
                        certain = before and rule.is_unconditional and declared.is_alone(source)
                        edges.append(_Edge(source, found, rule, url.span, url.path, certain))
                # What an earlier rule may have ended does not come here for certain.
                before = before and not any(_may_end(action) for action in rule.actions)
    _report_circles(edges, report)


def _may_end(action: DraftAction) -> bool:
    from policyc.engine.action import Ends

    return action.declared is not None and action.declared.ends is not Ends.NEVER


def _target(action: DraftAction) -> EndpointUrl | None:
    if action.declared is None or action.declared.name != "forward-internal" or action.config is None:
        return None
    url = action.config.get("url")
    if url is None or not url.is_constant:
        return None
    parsed = parse_forward_target(str(url.value))
    return None if isinstance(parsed, UrlProblem) else parsed


def _name_of(account: str, url: EndpointUrl | None) -> str | None:
    return None if url is None or url.binding is not Binding.INTERNAL else f"{account} {url.url}"


class _Declared:
    """The internal endpoints that the files declare, or that the caller registers."""

    def __init__(self, endpoints: list[DraftEndpoint], options: Options) -> None:
        self._any = bool(endpoints)
        urls = [(endpoint.account, endpoint.url) for endpoint in endpoints]
        urls += [(options.account, url) for url in options.registered]
        self._names: dict[str, EndpointUrl] = {}
        self._pools: set[str] = set()
        for account, url in urls:
            name = _name_of(account, url)
            if name is not None and url is not None:
                if name in self._names:
                    self._pools.add(name)
                self._names.setdefault(name, url)

    def is_alone(self, name: str) -> bool:
        """Return whether no other endpoint has the URL."""
        return name not in self._pools

    def find(self, account: str, target: EndpointUrl) -> str | None:
        """Return the name of the endpoint that gets the traffic: exact, else the longest wildcard."""
        exact = _name_of(account, target)
        if exact in self._names:
            return exact
        suffix = target.host
        while "." in suffix:
            suffix = suffix.partition(".")[2]
            wildcard = _name_of(account, target._replace(host=f"*.{suffix}"))
            if wildcard in self._names:
                return wildcard
        return None

    def report_missing(
        self, account: str, target: EndpointUrl, rule: DraftRule, action: DraftAction, report: Report
    ) -> None:
        """Warn of a target that is not there, if the files declare endpoints at all."""
        if not self._any or action.config is None:
            return
        from policyc.grammar.nearest import nearest

        # `.internal` and the scheme say nothing about likeness; of one host another scheme or port is likely
        hosts: dict[str, EndpointUrl] = {}
        for name, url in sorted(self._names.items()):
            if name.startswith(f"{account} "):
                hosts.setdefault(url.host.removesuffix(".internal"), url)
        wanted = target.host.removesuffix(".internal")
        near = wanted if wanted in hosts else nearest(wanted, hosts)
        hint = f"did you mean `{hosts[near].url}`?" if near else None
        reading = action.config["url"]
        report_on(
            rule, report, UNDECLARED_TARGET, f"no endpoint `{target.url}` is declared", reading.span,
            hint=hint, path=reading.path,
        )  # fmt: skip


def _report_circles(edges: list[_Edge], report: Report) -> None:
    graph: dict[str, list[str]] = {}
    certain: dict[str, list[str]] = {}
    for edge in edges:
        graph.setdefault(edge.source, []).append(edge.target)
        if edge.is_certain:
            certain.setdefault(edge.source, []).append(edge.target)
    reported: set[str] = set()
    for found, severity in ((certain, Severity.ERROR), (graph, Severity.WARNING)):
        for circle in circles(found):
            if reported & set(circle):
                continue
            reported |= set(circle)
            _report_circle(circle, edges, severity, report)


def _report_circle(circle: tuple[str, ...], edges: list[_Edge], severity: Severity, report: Report) -> None:
    steps = []
    for here, there in zip(circle, (*circle[1:], circle[0]), strict=True):
        between = [edge for edge in edges if edge.source == here and edge.target == there]
        steps.append(next((edge for edge in between if edge.is_certain), between[0]))
    shown = " → ".join(f"`{name.partition(' ')[2]}`" for name in (*circle, circle[0]))
    first, *others = steps
    report_on(
        first.rule, report, FORWARD_CIRCLE, f"the forwards go in a circle: {shown}", first.span,
        severity=severity, labels=[Label(each.span, "and on from here") for each in others], path=first.path,
    )  # fmt: skip
