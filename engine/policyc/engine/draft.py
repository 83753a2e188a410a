"""The policies of a set of documents while they are checked: what each stage adds to.

A draft is made by `lower` from the tree (uses put in, legacy names translated), and then filled: actions
looked up, conditions and configs typed. A part that is wrong stays None, and the later stages go round it.

A finding in text that was reused by `use` is reported at the use, with the text as a labelled second place,
once for each use that is wrong (design/architecture.md §6): `report_on` does that for every stage.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from policyc.engine.endpoint_url import EndpointUrl, Upstream
from policyc.engine.phases import Binding, Phase, Protocol, phases_of
from policyc.grammar import syntax
from policyc.grammar.codes import Code
from policyc.grammar.diagnostic import Label, Report, Severity
from policyc.grammar.frozen import replace
from policyc.grammar.source import Span

if TYPE_CHECKING:
    from policyc.engine.action import Action, Site
    from policyc.engine.cel.ir import Node
    from policyc.engine.schema import Config


class Reuse(NamedTuple):
    """One `use`: the name and where it is used."""

    name: str
    span: Span


class DraftAction:
    """An action of a rule; `declared` is None for an unknown type, `config` for one with mistakes."""

    __slots__ = ("config", "declared", "node", "path", "site")

    def __init__(self, node: syntax.Action, path: str) -> None:
        """Take the node; `path` is its place in the document."""
        self.node = node
        self.path = path
        self.declared: Action | None = None
        self.config: Config | None = None
        self.site: Site | None = None

    @property
    def span(self) -> Span:
        """The action's name, which is what findings about the whole action point at."""
        return self.node.type.span

    @property
    def always_ends(self) -> bool:
        """Whether nothing after it can run."""
        from policyc.engine.action import Ends

        if self.declared is None:
            return False
        if isinstance(self.declared.ends, Ends):
            return self.declared.ends is Ends.ALWAYS
        return self.config is not None and self.declared.ends_with(self.config) is Ends.ALWAYS


class DraftRule:
    """A rule in a phase; `reuses` are the uses that put it there, the outermost first.

    `lets` are those of the file that the rule was written in. `conditions` are typed and folded; `written`
    are those that are right, as they were typed.
    """

    __slots__ = ("actions", "conditions", "lets", "node", "path", "reuses", "written")

    def __init__(
        self, node: syntax.Rule, path: str, reuses: tuple[Reuse, ...], lets: Mapping[str, syntax.Let]
    ) -> None:
        """Take the node; `path` is its place in the document."""
        self.lets = lets
        self.node = node
        self.path = path
        self.reuses = reuses
        self.actions = [
            DraftAction(action, action.path or f"{path}.actions[{i}]")
            for i, action in enumerate(node.actions)
        ]
        self.conditions: list[Node | None] = []
        self.written: list[Node] = []

    @property
    def constant(self) -> bool | None:
        """What the conditions are known to be together: True without any, None where traffic decides."""
        from policyc.engine.cel import ir

        if len(self.conditions) != len(self.node.conditions):
            return None
        known = True
        for condition in self.conditions:
            value = condition.value if isinstance(condition, ir.Const) else None
            if value is False:
                return False
            known = known and value is True
        return True if known else None

    @property
    def is_unconditional(self) -> bool:
        """Whether it applies to all traffic."""
        return not self.node.conditions or self.constant is True

    @property
    def span(self) -> Span:
        """What findings about the whole rule point at: its name, else its first action."""
        if self.node.name is not None:
            return self.node.name.span
        return self.actions[0].span if self.actions else self.node.span


class DraftPhase:
    """A phase of a policy; `key` is where it was named."""

    __slots__ = ("key", "node", "phase", "rules")

    def __init__(self, phase: Phase, node: syntax.Phase) -> None:
        """Take the node; rules are added by `lower`."""
        self.phase = phase
        self.node = node
        self.key = node.key.span
        self.rules: list[DraftRule] = []

    @property
    def path(self) -> str:
        """Its place in the document, as the paths of its rules begin."""
        first = next((rule.path for rule in self.rules if not rule.reuses), None)
        return first.rpartition("[")[0] if first else self.node.key.value


class Kind(NamedTuple):
    """What is known of the endpoint that a policy is for; None where nothing is."""

    protocol: Protocol | None = None
    binding: Binding | None = None
    is_cloud: bool | None = None

    def has(self, phase: Phase) -> bool:
        """Return whether the endpoint has a phase, as far as is known."""
        if self.protocol is None or self.binding is None:
            return True
        return phase in phases_of(self.protocol, self.binding)


class DraftPolicy:
    """A policy: the phases of an endpoint, or those at the top of a document."""

    __slots__ = ("document", "host", "kind", "label", "phases", "place")

    def __init__(self, document: syntax.Document, kind: Kind, place: Span, label: str) -> None:
        """`place` is for findings about the whole policy, `label` names it in keys; see also `host`."""
        self.document = document
        self.host: str | None = None  # of the endpoint, where it is known
        self.kind = kind
        self.place = place
        self.label = label
        self.phases: dict[Phase, DraftPhase] = {}

    def in_order(self) -> list[DraftPhase]:
        """Return the phases in the order in which they run."""
        return [self.phases[phase] for phase in Phase if phase in self.phases]

    @property
    def has_rules(self) -> bool:
        """Whether there is anything to run."""
        return any(phase.rules for phase in self.phases.values())


class DraftEndpoint:
    """An endpoint of a file; `url` is None if it was missing or wrong, `upstream` also if there is none."""

    __slots__ = (
        "account",
        "has_upstream",
        "node",
        "policy",
        "settings",
        "spans",
        "upstream",
        "url",
        "url_span",
    )

    def __init__(self, node: syntax.Endpoint, policy: DraftPolicy) -> None:
        """Take the node; `lower` fills in the rest."""
        self.node = node
        self.policy = policy
        self.url: EndpointUrl | None = None
        self.url_span = node.span if node.url is None else node.url.span
        self.upstream: Upstream | None = None
        self.has_upstream = node.upstream is not None
        self.account = ""
        self.settings: dict[str, object] = {}
        self.spans: dict[str, Span] = {}

    @property
    def is_pooled(self) -> bool:
        """Whether it may share its URL."""
        return self.settings.get("pooling_enabled") is True

    @property
    def where(self) -> str:
        """The path of its keys in the document, with a dot behind; empty in a `.policy` file."""
        return f"{self.node.path}." if self.node.path else ""


def deliver(inner: Report, rule: DraftRule, report: Report) -> None:
    """Pass on what was found in a rule; of a rule that was put in by `use`, the place is the use."""
    if not rule.reuses:
        report.extend(inner)
        return
    use = rule.reuses[0]
    via = [Label(each.span, f"through `use {each.name}`") for each in rule.reuses[1:]]
    for found in inner:
        definition = Label(found.span, f"in the rules `{use.name}`")
        report.append(replace(found, span=use.span, labels=(definition, *via, *found.labels)))


def report_on(
    rule: DraftRule,
    report: Report,
    code: Code,
    message: str,
    span: Span,
    *,
    severity: Severity | None = None,
    labels: Iterable[Label] = (),
    hint: str | None = None,
    path: str | None = None,
    ngrok: int | None = None,
) -> None:
    """Report a finding about a rule or a part of it."""
    inner = Report()
    inner.add(
        code, message, span, severity=severity, labels=labels, hint=hint, path=path or rule.path, ngrok=ngrok
    )
    deliver(inner, rule, report)
