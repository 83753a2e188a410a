"""What the expressions of a policy read: paths of variables, and `secrets`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from policyc.engine.cel import ir
from policyc.engine.draft import DraftPolicy

SECRETS = "secrets"
_SECRET_FUNCTIONS = frozenset({"secrets.get", "security.secret"})


def nodes_of(policy: DraftPolicy) -> Iterator[ir.Node]:
    """Give every typed expression of a policy: conditions, and what stands in configs."""
    for phase in policy.in_order():
        for rule in phase.rules:
            yield from (condition for condition in rule.conditions if condition is not None)
            for action in rule.actions:
                if action.config is not None:
                    yield from action.config.nodes()


def reads_of(nodes: Iterable[ir.Node]) -> frozenset[str]:
    """Return the paths of the variables that the expressions read, and `secrets` if they ask for one."""
    found: set[str] = set()
    todo = list(nodes)
    while todo:
        node = todo.pop()
        if isinstance(node, ir.Var | ir.HasVar):
            found.add(node.variable.path)
        elif isinstance(node, ir.Apply) and node.function in _SECRET_FUNCTIONS:
            found.add(SECRETS)
        todo.extend(ir.children(node))
    return frozenset(found)


def sources_of(nodes: Iterable[ir.Node]) -> dict[str, set[str]]:
    """Return the data sources that the expressions need, each with what needs it."""
    found: dict[str, set[str]] = {}
    todo = list(nodes)
    while todo:
        node = todo.pop()
        if isinstance(node, ir.Var | ir.HasVar) and node.variable.source is not None:
            found.setdefault(node.variable.source, set()).add(node.variable.path)
        elif isinstance(node, ir.Apply) and node.function in _SECRET_FUNCTIONS:
            found.setdefault(SECRETS, set()).add(node.function)
        todo.extend(ir.children(node))
    return found
