"""From drafts without mistakes to a `Program`: each phase becomes one function.

A phase that the endpoint does not have is not even compiled (`--lenient` lets one through the checks).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from types import MappingProxyType

from policyc.engine.cel import ir
from policyc.engine.draft import DraftEndpoint, DraftPolicy, DraftRule
from policyc.engine.generate.phase import RuleCode, compile_phase
from policyc.engine.model import EMPTY_POLICY, EndpointDef, Policy, Program, Run
from policyc.engine.outcome import TlsTerms
from policyc.engine.phases import Phase
from policyc.engine.reads import nodes_of, reads_of, sources_of
from policyc.engine.types import BOOL
from policyc.grammar.source import Source

_WITHOUT = {
    "geo": "there is no geographic database, so what they read is empty",
    "categories": "there are no lists of addresses, so what they read is empty",
    "kubernetes": "there is no Kubernetes operator, so what they read is empty",
    "user_agent": "there is no database of user agents, so what they read is empty",
    "secrets": "there is no store of secrets, so every such call fails",
}


def assemble(
    policies: list[DraftPolicy],
    endpoints: list[DraftEndpoint],
    sources: Iterable[Source],
    *,
    optimised: bool = True,
) -> Program:
    """Return the program; the drafts have no errors."""
    digest = _digest(sources)
    compiled = {id(policy): _policy(policy, digest, optimised) for policy in policies}
    owned = {id(endpoint.policy) for endpoint in endpoints}
    bare = next((compiled[id(policy)] for policy in policies if id(policy) not in owned), None)
    return Program(
        tuple(_endpoint(endpoint, compiled[id(endpoint.policy)]) for endpoint in endpoints if endpoint.url),
        bare,
        notices(policies),
    )


def notices(policies: list[DraftPolicy]) -> tuple[str, ...]:
    """Return a line for each kind of data that the policies read and this installation does not have."""
    needed: dict[str, set[str]] = {}
    for policy in policies:
        for source, names in sources_of(nodes_of(policy)).items():
            needed.setdefault(source, set()).update(names)
    lines = []
    for source in sorted(needed):
        read = ", ".join(f"`{name}`" for name in sorted(needed[source]))
        lines.append(f"the policies read {read}: {_WITHOUT.get(source, 'there is no such data')}")
    return tuple(lines)


def _digest(sources: Iterable[Source]) -> str:
    from hashlib import sha256

    hashed = sha256()
    for source in sorted(sources, key=lambda each: each.name):
        hashed.update(
            f"{len(source.name)}:{source.name}:{len(source.text)}:".encode("utf-8", "surrogatepass")
        )
        hashed.update(source.text.encode("utf-8", "surrogatepass"))
    return hashed.hexdigest()[:16]


def _endpoint(draft: DraftEndpoint, policy: Policy) -> EndpointDef:
    assert draft.url is not None
    settings = dict(draft.settings)
    texts = {name: str(settings.pop(name, "") or "") for name in ("name", "description", "metadata")}
    for name in ("account", "binding", "traffic_policy_file"):
        settings.pop(name, None)
    pooled = settings.pop("pooling_enabled", False) is True
    return EndpointDef(
        draft.url,
        policy,
        draft.upstream,
        draft.account,
        pooled,
        texts["name"],
        texts["description"],
        texts["metadata"],
        MappingProxyType(settings),
        draft.url_span,
    )


def _policy(draft: DraftPolicy, digest: str, optimised: bool) -> Policy:
    phases: dict[Phase, Run] = {}
    for phase in draft.in_order():
        if not draft.kind.has(phase.phase):
            continue
        rules = [code for code in map(_rule, phase.rules) if code is not None]
        if rules:
            phases[phase.phase] = compile_phase(
                rules, optimised=optimised, decides=phase.phase is Phase.HTTP_REQUEST
            )
    if not phases:
        return EMPTY_POLICY
    key = f"{draft.label} {digest}"
    return Policy(MappingProxyType(phases), reads_of(nodes_of(draft)), key, tuple(_handshakes(draft)))


def _handshakes(draft: DraftPolicy) -> Iterator[TlsTerms]:
    for phase in draft.in_order():
        for rule in phase.rules:
            for action in rule.actions:
                declared, config = action.declared, action.config
                if declared is None or declared.handshake is None or config is None:
                    continue
                terms = declared.handshake(config)
                if terms is not None:
                    yield terms


def _rule(rule: DraftRule) -> RuleCode | None:
    """Return a rule ready to be generated; None if it never applies."""
    known = rule.constant
    if known is False:
        return None
    steps, resumes = [], []
    ends = False
    for action in rule.actions:
        declared, config, site = action.declared, action.config, action.site
        assert declared is not None
        assert declared.compile is not None
        assert config is not None
        assert site is not None
        steps.append(declared.compile(config, site))
        resumes.append(declared.resumes)
        ends = action.always_ends
        if ends:
            break
    condition = None if known else joined([node for node in rule.conditions if node is not None])
    return RuleCode(condition, tuple(steps), tuple(resumes), name_of(rule), ends)


def name_of(rule: DraftRule) -> str:
    """Return what a rule is called where it acts: its name, or its place in the document."""
    return rule.node.name.value if rule.node.name is not None else rule.path


def joined(conditions: Sequence[ir.Node]) -> ir.Node | None:
    """Return the expressions of a rule as one conjunction, so that CEL's absorption covers the whole list."""
    if len(conditions) <= 1:
        return conditions[0] if conditions else None
    span = conditions[0].span
    return ir.And(tuple(conditions), BOOL, span.to(conditions[-1].span))
