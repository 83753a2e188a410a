"""From the tree to drafts: endpoints with their URLs, upstreams and settings, phases with their rules put in.

Legacy names of phases become those of today (spec/policy-language.md §1.2), a policy in a file of its own
is read through the loader, and every `use` is replaced by the rules that it names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from policyc.engine.draft import DraftEndpoint, DraftPhase, DraftPolicy, DraftRule, Kind, Reuse
from policyc.engine.endpoint_url import UrlProblem, parse_endpoint_url, parse_upstream
from policyc.engine.options import Loader, Options
from policyc.engine.phases import Binding, Phase
from policyc.engine.resolve import Names, Resolver
from policyc.grammar import syntax
from policyc.grammar.codes import Code, declare
from policyc.grammar.diagnostic import Label, Report
from policyc.grammar.shape import LEGACY_PHASE as BOTH_SPELLINGS
from policyc.grammar.shape import UNKNOWN_TOP_KEY
from policyc.grammar.source import Source, Span, Text

if TYPE_CHECKING:
    from policyc.engine.settings import Given

BAD_URL = declare(
    "P0501",
    "bad-endpoint-url",
    "a text is not the URL of an endpoint",
    explanation="An endpoint is `scheme://host[:port]` with the scheme `http`, `https`, `tcp` or `tls` and "
    "nothing behind the port. The host of an internal endpoint ends with `.internal` and has at most five "
    "labels before it; a tcp endpoint must name its port.",
    wrong='endpoint "https://app.internal/api" -> "http://127.0.0.1:9000"',
    right='endpoint "https://app.internal" -> "http://127.0.0.1:9000"',
    ngrok=18001,
)
BAD_UPSTREAM = declare(
    "P0502",
    "bad-upstream",
    "a text is not an upstream",
    explanation="An upstream is an address such as `http://127.0.0.1:9000`, `tcp://10.0.0.5:5432` or "
    "`unix:/run/app.sock`, without a path. http and https endpoints have http and https upstreams, tcp and "
    "tls endpoints tcp and tls ones.",
    wrong='endpoint "https://app.internal" -> "http://127.0.0.1:9000/base"',
    right='endpoint "https://app.internal" -> "http://127.0.0.1:9000"',
    ngrok=18014,
)
INCOMPLETE_URL = declare(
    "P0503",
    "incomplete-url",
    "the URL of a cloud endpoint lacks its scheme",
    explanation="An endpoint with an upstream may leave its scheme out, which is then https. An endpoint "
    "without an upstream must say it.",
    wrong='endpoint "shop.example.com" { on_http_request { deny } }',
    right='endpoint "https://shop.example.com" { on_http_request { deny } }',
    ngrok=18022,
)
MISSING_URL = declare(
    "P0504",
    "missing-url",
    "an endpoint has no URL",
    explanation="Random hosts are not given out here, so each endpoint must say under which URL it is "
    "served.",
    wrong="version: 3\nendpoints:\n  - name: app\n    upstream: { url: 9000 }",
    right="version: 3\nendpoints:\n  - name: app\n    url: https://app.internal\n    upstream: { url: 9000 }",
    ngrok=9028,
)
MISSING_NAME = declare(
    "P0507",
    "missing-name",
    "an endpoint of an agent file has no name",
    explanation="In an agent file each endpoint has a name, under which it is started; it is unique in its "
    "file.",
    wrong="version: 3\nendpoints:\n  - url: https://app.internal\n    upstream: { url: 9000 }",
    right="version: 3\nendpoints:\n  - name: app\n    url: https://app.internal\n    upstream: { url: 9000 }",
    ngrok=18015,
)
POLICY_FILE = declare(
    "P0505",
    "bad-policy-file",
    "the policy file of an endpoint cannot be used",
    explanation="`traffic_policy_file` names a file with a policy, relative to the file that names it. "
    "There is no such file, it cannot be read from here, or it declares endpoints of its own.",
    wrong='endpoint "https://app.internal" -> "http://127.0.0.1:9000" { traffic_policy_file: "none.yaml" }',
    right='endpoint "https://app.internal" -> "http://127.0.0.1:9000" { on_http_request { deny } }',
)
TWO_POLICIES = declare(
    "P0506",
    "two-policies",
    "an endpoint has its policy twice",
    explanation="The policy of an endpoint stands in its own block or in the file that it names, not in "
    "both.",
    wrong='endpoint "https://app.internal" -> "http://127.0.0.1:9000" { traffic_policy_file: "a.yaml" '
    "on_http_request { deny } }",
    right='endpoint "https://app.internal" -> "http://127.0.0.1:9000" { on_http_request { deny } }',
    ngrok=9025,
)
LEGACY_PHASE = declare(
    "P0403",
    "legacy-phase",
    "a phase has its old name",
    explanation="`inbound` and `outbound` are the names that `on_http_request` and `on_http_response` had "
    "before; on tcp and tls endpoints `inbound` was what is now `on_tcp_connect`.",
    wrong="inbound:\n  - actions: [{ type: deny }]",
    right="on_http_request:\n  - actions: [{ type: deny }]",
    severity="warning",
)
PHASE_TWICE = declare(
    "P0404",
    "phase-twice",
    "a policy has a phase twice",
    explanation="The rules of a phase run in the order written, and that order is only clear in one block.",
    wrong="on_http_request { when req.method == 'TRACE' { deny } }\non_http_request { deny }",
    right="on_http_request { when req.method == 'TRACE' { deny } deny }",
)

TEST_NOT_RUN = declare(
    "P0508",
    "test-not-run",
    "tests are not run",
    explanation="`test` is a word of the language, and its block will hold tests of the policies in the "
    "file. This version reads over it.",
    wrong='on_http_request { deny }\ntest "is closed" { }',
    right="on_http_request { deny }",
    severity="warning",
)

_PHASES = frozenset(phase.value for phase in Phase)
_LEGACY = {"inbound": Phase.HTTP_REQUEST, "outbound": Phase.HTTP_RESPONSE}


class Lowering:
    """Makes the drafts of a set of documents."""

    def __init__(
        self,
        options: Options,
        resolver: Resolver,
        report: Report,
        loader: Loader | None,
        read: Callable[[Source, Report], syntax.Document],
    ) -> None:
        """`read` parses a policy that an endpoint names."""
        self._options = options
        self._resolver = resolver
        self._report = report
        self._loader = loader
        self._read = read
        self._members: dict[str, int] = {}
        self.policies: list[DraftPolicy] = []
        self.endpoints: list[DraftEndpoint] = []

    def document(self, document: syntax.Document) -> None:
        """Add what a document declares."""
        names = self._resolver.names(document)
        phases = [item for item in document.items if isinstance(item, syntax.Phase)]
        # Nothing at all is a policy too where the caller says what it is for: a cloud endpoint needs one.
        is_nothing = not document.items and document.form != "agent" and not self._report.has_errors
        if phases or (is_nothing and self._options.type == "cloud"):
            self._bare(document, names, phases)
        for item in document.items:
            if isinstance(item, syntax.Endpoint):
                self._endpoint(item, document, names)
            elif isinstance(item, syntax.Test):
                self._report.add(TEST_NOT_RUN, "tests are not run by this version", item.name.span)

    def _bare(self, document: syntax.Document, names: Names, phases: list[syntax.Phase]) -> None:
        url, kind = self._options.endpoint, self._options.type
        policy = DraftPolicy(
            document,
            Kind(
                None if url is None else url.scheme,
                None if url is None else url.binding,
                None if kind is None else kind == "cloud",
            ),
            phases[0].key.span if phases else document.source.span(0, 0),
            document.source.name if url is None else f"{self._options.account}/{url.url}",
        )
        policy.host = None if url is None else url.host
        self._phases(policy, phases, names)
        self.policies.append(policy)

    # --- endpoints -----------------------------------------------------------------------------------------

    def _endpoint(self, node: syntax.Endpoint, document: syntax.Document, names: Names) -> None:
        from policyc.engine.cel.scope import Scope
        from policyc.engine.settings import read_settings

        where = f"{node.path}." if node.path else ""
        given = read_settings(node.settings, Scope.traffic(lets=names.scope_lets()), self._report, where)
        binding = given.get("binding")
        bound = None if binding is None or binding.value is None else Binding(str(binding.value))
        if document.form == "agent" and "name" not in given:
            self._report.add(
                MISSING_NAME, "the endpoint has no name", _head(node),
                hint="add `name: …`; it is unique in its file", path=node.path,
            )  # fmt: skip
        policy = DraftPolicy(document, Kind(is_cloud=node.upstream is None), node.span, "")
        endpoint = DraftEndpoint(node, policy)
        policy.place = endpoint.url_span
        endpoint.account = str(given["account"].value) if "account" in given else self._options.account
        endpoint.settings = {name: each.value for name, each in given.items()}
        endpoint.spans = {name: each.span for name, each in given.items()}
        self._url(endpoint, bound, binding)
        self._upstream(endpoint)
        protocol = None if endpoint.url is None else endpoint.url.scheme
        policy.kind = Kind(
            protocol, None if endpoint.url is None else endpoint.url.binding, not endpoint.has_upstream
        )
        policy.label = self._label(endpoint)
        policy.host = None if endpoint.url is None else endpoint.url.host
        self._phases(policy, node.phases, names)
        if "traffic_policy_file" in given:
            self._policy_file(policy, given["traffic_policy_file"], node, document.source, where)
        self.policies.append(policy)
        self.endpoints.append(endpoint)

    def _label(self, endpoint: DraftEndpoint) -> str:
        """Return a name for keys: that of the endpoint, and of its place in the pool."""
        name = f"{endpoint.account}/{endpoint.url.url if endpoint.url else '?'}"
        member = self._members[name] = self._members.get(name, -1) + 1
        return name if member == 0 else f"{name}#{member}"

    def _url(self, endpoint: DraftEndpoint, bound: Binding | None, binding: Given | None) -> None:
        node, path = endpoint.node, f"{endpoint.where}url" if endpoint.where else None
        if node.url is None:
            hint = "add a `url`, such as `https://app.internal`"
            self._report.add(MISSING_URL, "the endpoint has no URL", _head(node), hint=hint, path=node.path)
            return
        parsed = parse_endpoint_url(node.url.value, bound)
        if isinstance(parsed, UrlProblem):
            labels = () if binding is None else (Label(binding.span, "the binding is given here"),)
            self._problem(BAD_URL, parsed, node.url, path, labels)
            return
        if not endpoint.has_upstream and any(parsed.key == each.key for each in self._options.registered):
            endpoint.has_upstream = True  # the caller brings one
        if parsed.is_partial and not endpoint.has_upstream:
            message = "an endpoint without an upstream must give its scheme"
            hint = f"write `https://{node.url.value}`"
            self._report.add(INCOMPLETE_URL, message, node.url.span, hint=hint, path=path)
        endpoint.url = parsed

    def _upstream(self, endpoint: DraftEndpoint) -> None:
        node = endpoint.node
        if node.upstream is None:
            # Missing in an agent file (which has been reported), meant so in `.policy`.
            endpoint.has_upstream |= endpoint.policy.document.form == "agent"
            return
        parsed = parse_upstream(node.upstream.value, endpoint.url.scheme if endpoint.url else None)
        if isinstance(parsed, UrlProblem):
            where = f"{endpoint.where}upstream.url" if endpoint.where else None
            self._problem(BAD_UPSTREAM, parsed, node.upstream, where, ())
            return
        endpoint.upstream = parsed

    def _problem(
        self, code: Code, problem: UrlProblem, text: Text, path: str | None, labels: Iterable[Label]
    ) -> None:
        end = min(problem.end, len(text.value))
        span = text.part(problem.start, end) if problem.start < end else text.span
        self._report.add(
            code, problem.message, span, hint=problem.hint, ngrok=problem.ngrok, path=path, labels=labels
        )

    def _policy_file(
        self, policy: DraftPolicy, given: Given, node: syntax.Endpoint, source: Source, where: str
    ) -> None:
        name = str(given.value)
        path = f"{where}traffic_policy_file"
        if node.phases:
            label = Label(node.phases[0].key.span, "the policy stands here already")
            self._report.add(
                TWO_POLICIES, "the endpoint has a policy of its own", given.key, labels=[label], path=path
            )
            return
        found = None if self._loader is None else self._loader(name, source)
        if found is None:
            hint = "the path is relative to this file"
            self._report.add(POLICY_FILE, f"cannot read `{name}`", given.span, hint=hint, path=path)
            return
        document = self._read(found, self._report)
        if any(isinstance(item, syntax.Endpoint) for item in document.items):
            message = f"`{name}` declares endpoints, so it is no policy of one"
            self._report.add(POLICY_FILE, message, given.span, path=path)
            return
        self._resolver.load(document)
        policy.document = document
        phases = [item for item in document.items if isinstance(item, syntax.Phase)]
        self._phases(policy, phases, self._resolver.names(document))

    # --- phases --------------------------------------------------------------------------------------------

    def _phases(self, policy: DraftPolicy, nodes: Iterable[syntax.Phase], names: Names) -> None:
        for node in nodes:
            phase = self._phase_named(node.key, policy)
            if phase is None:
                continue
            draft = policy.phases.get(phase)
            if draft is None:
                draft = policy.phases[phase] = DraftPhase(phase, node)
            else:
                self._again(draft, node, policy)
            self._rules(draft, node, names)

    def _again(self, draft: DraftPhase, node: syntax.Phase, policy: DraftPolicy) -> None:
        """Report a phase that was there already; its rules come after those."""
        label = Label(draft.key, "the first one")
        name = node.key.value
        if name != draft.node.key.value:
            message = f"`{name}` is the same phase as `{draft.node.key.value}`"
            hint = "move the rules into one list"
            self._report.add(BOTH_SPELLINGS, message, node.key.span, labels=[label], hint=hint, path=name)
        elif policy.document.form == "policy":
            hint = "move the rules into one block"
            self._report.add(
                PHASE_TWICE, f"`{name}` is there twice", node.key.span, labels=[label], hint=hint
            )

    def _rules(self, draft: DraftPhase, node: syntax.Phase, names: Names) -> None:
        for rule, uses, owner in self._resolver.expand(node.rules, names):
            path = rule.path or f"{node.key.value}[{len(draft.rules)}]"
            reuses = tuple(Reuse(use.name, use.span) for use in uses)
            draft.rules.append(DraftRule(rule, path, reuses, owner.scope_lets()))

    def _phase_named(self, key: Text, policy: DraftPolicy) -> Phase | None:
        name = key.value
        if name in _PHASES:
            return Phase(name)
        if name not in _LEGACY:
            # The readers of YAML and JSON refuse every other key; recovery in `.policy` may leave one behind.
            from policyc.grammar.nearest import nearest

            near = nearest(name, _PHASES)
            is_told = policy.document.form != "policy" and self._report.has_errors
            if not is_told and (near is not None or not self._report.has_errors):
                hint = f"did you mean `{near}`?" if near else None
                self._report.add(UNKNOWN_TOP_KEY, f"`{name}` is no phase", key.span, hint=hint, path=name)
            return None
        phase = _LEGACY[name]
        protocol = policy.kind.protocol
        if name == "inbound" and protocol is not None and not protocol.is_http:
            phase = Phase.TCP_CONNECT
        message = f"`{name}` is the old name of `{phase.value}`"
        self._report.add(LEGACY_PHASE, message, key.span, hint=f"write `{phase.value}`", path=name)
        return phase


def _head(node: syntax.Endpoint) -> Span:
    """Return a short place for what is wrong with a whole endpoint."""
    if node.url is not None:
        return node.url.span
    first = [entry.key.span for entry in node.settings] + [phase.key.span for phase in node.phases]
    return min(first, key=lambda span: span.start) if first else node.span


def unused_rules(names: Names) -> list[syntax.Rules]:
    """Return the `rules` of a file that nothing uses."""
    own = ((name, block) for name, block in names.rules.items() if names.rule_owners[name] is names)
    return [block for name, block in own if name not in names.used_rules]


def drafts_of(block: syntax.Rules, names: Names) -> list[DraftRule]:
    """Return the rules of a block as drafts, by themselves: uses inside of it are left out."""
    rules = [rule for rule in block.rules if isinstance(rule, syntax.Rule)]
    lets = names.scope_lets()
    return [DraftRule(rule, rule.path or f"{block.name}[{i}]", (), lets) for i, rule in enumerate(rules)]
