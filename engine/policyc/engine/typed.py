"""Conditions and configs of every rule, typed in the order in which they run.

The order matters: what an action publishes, and what `set-vars` sets, is known to the rules after it.
`vars` are empty at the start of each phase; results stay readable in the later phases of the same policy
(spec/policy-language.md §5.2).
"""

from __future__ import annotations

from collections.abc import Mapping

from policyc.engine.action import Form, Site
from policyc.engine.cel.check import check
from policyc.engine.cel.fold import fold
from policyc.engine.cel.scope import Scope
from policyc.engine.draft import DraftAction, DraftPhase, DraftPolicy, DraftRule, Kind, deliver
from policyc.engine.lower import drafts_of, unused_rules
from policyc.engine.phases import Phase
from policyc.engine.resolve import Names
from policyc.engine.types import BOOL
from policyc.grammar import syntax
from policyc.grammar.diagnostic import Report
from policyc.grammar.limits import Limits
from policyc.grammar.source import Text


def type_policies(policies: list[DraftPolicy], report: Report) -> None:
    """Type all rules of all policies; conditions and configs with mistakes stay None."""
    for policy in policies:
        acted: set[str] = set()
        for phase in policy.in_order():
            acted |= _type_phase(
                phase, policy.kind, policy.label, acted, report, policy.document.form, policy.host
            )


def type_unused(names: list[Names], report: Report) -> None:
    """Type `let`s and `rules` of the files that nothing uses, as far as that is possible without a phase."""
    for each in names:
        used = _used_lets(each)
        for name, let in each.lets.items():
            if each.owners[name] is each and name not in used:
                check(let.expr, Scope.traffic(lets=each.scope_lets()), report)
        for block in unused_rules(each):
            # Nobody said where the rules are meant to run: they are right if they are right in any phase.
            attempts = [_attempt(block, each, phase, report.limits) for phase in Phase]
            report.extend(min(attempts, key=lambda found: sum(each.severity == "error" for each in found)))


def _attempt(block: syntax.Rules, names: Names, phase: Phase, limits: Limits) -> Report:
    """Return what is wrong with rules that nothing uses, were they used in a phase."""
    from policyc.engine.checks.actions import check_rule

    report = Report(limits)
    draft = DraftPhase(phase, syntax.Phase(_text_of(block), (), block.span))
    draft.rules = drafts_of(block, names)
    for rule in draft.rules:
        check_rule(rule, phase, None, report)
    _type_phase(draft, Kind(), "", set(), report)
    return report


def _text_of(block: syntax.Rules) -> Text:
    return Text(block.name, block.name_span, block.name_span.start)


def _used_lets(names: Names) -> set[str]:
    """Return the names that rules and other `let`s of a file mention."""
    from policyc.engine.resolve import names_in

    return names_in(tuple(item for item in names.document.items if not isinstance(item, syntax.Import)))


def _type_phase(
    phase: DraftPhase,
    kind: Kind,
    label: str,
    acted: set[str],
    report: Report,
    form: Form = "policy",
    host: str | None = None,
) -> set[str]:
    """Type the rules of a phase; return the results that its actions may have published."""
    scope = Scope.traffic(phase.phase, kind.protocol, kind.binding, acted=acted)
    for index, rule in enumerate(phase.rules):
        inner = Report(report.limits)
        here = _with_lets(scope, rule.lets)
        _type_rule(rule, here, inner)
        for number, action in enumerate(rule.actions):
            key = f"{label}/{phase.phase.value}/{index}/{number}"
            _type_action(action, Site(
                phase.phase, here, inner, action.path, key, kind.protocol, kind.binding, kind.is_cloud, form,
                host,
            ))  # fmt: skip
        deliver(inner, rule, report)
    return set(scope.acted or ())


def _with_lets(scope: Scope, lets: Mapping[str, syntax.Let]) -> Scope:
    """Return the scope as the rule's own file sees it; what the rules before it set is shared, not copied."""
    if scope.lets is lets:
        return scope
    other = scope.copy()
    other.lets = lets
    other.vars, other.acted = scope.vars, scope.acted
    return other


def _type_rule(rule: DraftRule, scope: Scope, report: Report) -> None:
    for condition in rule.node.conditions:
        if condition.expr is None:
            rule.conditions.append(None)
            continue
        node = check(condition.expr, scope, report, path=condition.path, want=BOOL)
        rule.conditions.append(None if node is None else fold(node))
        if node is not None:
            rule.written.append(node)


def _type_action(action: DraftAction, site: Site) -> None:
    declared = action.declared
    if declared is None:
        return
    action.site = site
    action.config = declared.read(action.node, site)
    if action.config is not None and declared.check is not None:
        declared.check(action.config, site)
    site.scope.ran(declared.result_name)
