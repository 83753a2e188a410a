"""What policies become, as text: for each phase what every pass did to every rule, and how rules are found.

on_http_request of https://shop.example.com: 3 rules, 2 of them dispatched

  1  block bots: tried
       written   req.headers['user-agent'].exists(u, u == 'a' || u == 'b')
       sets      req.headers['user-agent'].exists(u, u in {'a', 'b'})
       loops     any of req.headers['user-agent'] in {'a', 'b'}
  2  home: found by req.url.path being '/'
  3  health: found by req.url.path being '/healthz'
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from policyc.engine.assemble import joined, name_of
from policyc.engine.cel import ir
from policyc.engine.cel.addresses import number_to_text
from policyc.engine.cel.show import listed, show, value_text
from policyc.engine.draft import DraftPhase, DraftPolicy
from policyc.engine.generate.phase import PhaseCode, RuleCode
from policyc.engine.optimise.atoms import Alternative, Atom
from policyc.engine.optimise.passes import PASSES, changes
from policyc.engine.optimise.probe import Probe
from policyc.engine.options import DEFAULT_ACCOUNT

_WIDTH = max(len(each.name) for each in PASSES) + 2
_MARGIN = " " * 7


def explain(policies: Sequence[DraftPolicy]) -> str:
    """Return the plan of policies without errors; empty if none has rules."""
    blocks = [
        "\n".join(_phase(policy, phase))
        for policy in policies
        for phase in policy.in_order()
        if phase.rules and policy.kind.has(phase.phase)
    ]
    return "\n\n".join(blocks) + "\n" if blocks else ""


def _phase(policy: DraftPolicy, phase: DraftPhase) -> Iterator[str]:
    rules = [
        RuleCode(joined(rule.written), (), (), name_of(rule), any(a.always_ends for a in rule.actions))
        for rule in phase.rules
    ]
    code = PhaseCode(rules)
    atoms = {
        code.rules.numbers[stretch.first + at]: atom
        for stretch in code.rules.stretches
        for at, atom in enumerate(stretch.atoms)
    }
    count = f"{len(rules)} rule{'' if len(rules) == 1 else 's'}"
    found = f", {len(atoms)} of them dispatched" if atoms else ""
    whose = policy.label.removeprefix(f"{DEFAULT_ACCOUNT}/")
    yield f"{phase.phase.value} of {whose}: {count}{found}\n"
    kept = set(code.rules.numbers)
    for number, rule in enumerate(rules):
        how = _how(rule, number in kept, atoms.get(number))
        yield f"{number + 1:>5}  {rule.name}: {how}"
        if rule.condition is not None:
            yield from _passes(rule.condition)
    shared = [line for part, numbers in code.shared for line in _shared(part.conditions, part.nodes, numbers)]
    if shared:
        yield "\n       evaluated once for several rules, until a rule acts:"
        yield from shared


def _how(rule: RuleCode, is_kept: bool, atom: Atom | None) -> str:
    if not is_kept:
        return "dropped, it never acts"
    if atom is not None:
        return f"found by {_atom(atom)}"
    return "always acts" if rule.condition is None else "tried"


def _passes(condition: ir.Node) -> Iterator[str]:
    before = show(condition)
    yield f"{_MARGIN}{'written':<{_WIDTH}}{before}"
    for each, made in changes(condition):
        after = show(made)
        if after != before:
            yield f"{_MARGIN}{each.name:<{_WIDTH}}{after}"
        before = after


def _shared(
    conditions: Sequence[ir.Node | None], nodes: Sequence[ir.Node], numbers: Sequence[int]
) -> Iterator[str]:
    for node in nodes:
        users = [
            str(number + 1)
            for condition, number in zip(conditions, numbers, strict=True)
            if condition is not None and _holds(condition, node)
        ]
        yield f"{_MARGIN}{show(node)}  (rule{'' if len(users) == 1 else 's'} {', '.join(users)})"


def _holds(node: ir.Node, wanted: ir.Node) -> bool:
    return node is wanted or any(_holds(child, wanted) for child in ir.children(node))


def _atom(atom: Atom) -> str:
    by_probe: dict[Probe, list[Alternative]] = {}
    for alternative in atom.alternatives:
        by_probe.setdefault(alternative.probe, []).append(alternative)
    return " or ".join(_alternatives(probe, found) for probe, found in by_probe.items())


def _alternatives(probe: Probe, found: Sequence[Alternative]) -> str:
    subject = show(found[0].subject)
    values = sorted((alternative.value for alternative in found), key=value_text)
    several = f"one of {listed(values)}" if len(values) > 1 else value_text(values[0])
    match probe.kind:
        case "exact":
            return f"{subject} being {several}"
        case "prefix":
            return f"{subject} beginning with {several}"
        case "suffix":
            return f"{subject} ending with {several}"
        case "first":
            return f"{subject}[{value_text(probe.name)}][0] being {several}"
        case "any":
            return f"a value of {subject}[{value_text(probe.name)}] being {several}"
        case "network":
            ranges = cast("list[tuple[int, int]]", values)
            shown = [f"{number_to_text(first)} to {number_to_text(last)}" for first, last in ranges]
            return f"{subject} from {' or '.join(shown[:4])}{' or others' if len(shown) > 4 else ''}"
