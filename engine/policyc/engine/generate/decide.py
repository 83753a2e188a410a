"""A request phase as a function that decides (engine/decision.py): rules look, and nothing is done.

    def d(x):
        req = x.req
        try:
            m = 0
            if …condition of a rule that does more…: return None
            if …condition of a rule that is known…: m += 1
            m += 2                                             # an unconditional one
        except Exception: return None
        return k7(m)

What goes wrong is no decision: then the phase runs, and answers for it as it always does.

Conditions that look at nothing but the connection and what a client says again with each request (its Host,
its fields) need not be asked each time: `clear` tells whether none of them holds, and then `rest`, which is
without them, decides the same.

The conditions are those of the phase's function, written again. They must give what they would give there:
so they may not draw by chance, read the time or what actions did; and one that looks at field lines is not
asked any more once a known rule has added some.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from policyc.engine.additions import AddToRequest
from policyc.engine.cel import ir
from policyc.engine.decision import Decisions, ForwardTo, Known
from policyc.engine.generate.condition import Condition
from policyc.engine.generate.dispatch import Dispatch
from policyc.engine.generate.expression import Value, reads
from policyc.engine.generate.module import Body
from policyc.engine.generate.rule import RuleCode
from policyc.engine.generate.unit import Unit

_OF_REQUEST = frozenset({"req.method", "req.version", "req.content_length", "req.url"})
_SAID_AT_ONCE = _OF_REQUEST | {"req.host"}
_COUNTED = frozenset({"conn.bytes_in", "conn.bytes_out"})


class Piece(NamedTuple):
    """A rule, or several that are dispatched, in the order of the phase."""

    number: int
    rule: RuleCode | None
    dispatch: Dispatch | None = None


class Decider:
    """Writes the functions, if the phase is one that decides."""

    def __init__(
        self, unit: Unit, pieces: Sequence[Piece], read: Sequence[ir.Node | None], shared: frozenset[int]
    ) -> None:
        """`read` are all the conditions and subjects of the phase, `shared` what they have in common."""
        self._unit = unit
        self._pieces = pieces
        self._read = [node for node in read if node is not None]
        self._shared = shared
        self._decisions = Decisions()
        self._of = self._decisions.of
        self._worth: dict[int, int] = {}  # of the known rules, by number
        self._lines: list[str] = []
        self._adding = 0  # what the known rules are worth, so far, that add lines

    @property
    def sees_fields(self) -> bool:
        """Whether a condition looks at field lines."""
        return any(map(_sees_fields, self._read))

    def write(self) -> tuple[str, ...]:
        """Write the functions `decide`, and `clear` and `rest` where there is something to be clear of.

        Returns their names; an empty tuple, and none is there, where the phase does not decide.
        """
        if not all(map(_only_looks, self._read)) or not self._write("d0", self._pieces):
            return ()
        of_client, others = self._apart()
        if not of_client:
            return ("d0",)
        self._write_clear("d1", of_client)
        self._write("d2", others)
        return "d0", "d1", "d2"

    def _apart(self) -> tuple[list[ir.Node], list[Piece]]:
        """Return the conditions that ask only what a client says again, and the rules with other ones.

        A rule that looks at fields behind one that adds some is among the others.
        """
        of_client: list[ir.Node] = []
        others: list[Piece] = []
        added = False
        for piece in self._pieces:
            rule = piece.rule
            condition = None if rule is None else rule.condition
            is_plain = condition is None or isinstance(condition, ir.Const)
            if condition is None or is_plain or _changes(condition) or (added and _sees_fields(condition)):
                others.append(piece)
            else:
                of_client.append(condition)
            added = added or (rule is not None and any(isinstance(step, AddToRequest) for step in rule.steps))
        return of_client, others

    def _body(self) -> Body:
        body = Body(self._unit.module, shared=self._shared)
        for node in self._read:
            body.reads.update(reads(node))
        return body

    def _write(self, name: str, pieces: Sequence[Piece]) -> bool:
        body = self._body()
        self._lines = []
        self._adding = 0
        for piece in pieces:
            if not self._add(piece, body):
                return False
            if piece.rule is not None and piece.rule.condition is None and piece.rule.ends:
                break
        self._finish(name, body, ["m = 0", *self._lines, self._decided()])
        return True

    def _write_clear(self, name: str, conditions: Sequence[ir.Node]) -> None:
        body = self._body()
        lines = []
        for condition in conditions:
            code, may_fail = Condition(body).of(condition)
            lines += [f"if {f'({code}) is not False' if may_fail else code}:", "    return False"]
        self._finish(name, body, [*lines, "return True"])

    def _finish(self, name: str, body: Body, lines: Sequence[str]) -> None:
        statements = ["try:", *(f"    {line}" for line in lines), "except Exception:", "    return None"]
        self._unit.module.write(name, ["x"], body, statements)

    def _add(self, piece: Piece, body: Body) -> bool:
        lines, dispatch, rule = self._lines, piece.dispatch, piece.rule
        if dispatch is not None:
            self._guard(any(map(_sees_fields, dispatch.subjects)))
            code = dispatch.code(Value(body, frozenset()).of, self._unit.module)
            lines += [f"if {code}:", "    return None"]
            return True
        assert rule is not None
        known = _known(self._unit.names[piece.number], rule)
        condition = rule.condition
        if condition is None or (isinstance(condition, ir.Const) and condition.value is True):
            if known is None:
                return False  # it always comes to more than a decision
            lines += self._act(piece.number, known, "")
            return True
        self._guard(_sees_fields(condition))
        code, may_fail = Condition(body).of(condition)
        if known is None:
            # A condition that failed is None, and no decision either.
            lines += [f"if {f'({code}) is not False' if may_fail else code}:", "    return None"]
            return True
        lines.append(f"if {f'(c := {code})' if may_fail else code}:")
        lines += self._act(piece.number, known, "    ")
        if may_fail:
            lines += ["elif c is None:", "    return None"]
        return True

    def _guard(self, sees_fields: bool) -> None:
        if sees_fields and self._adding:
            self._lines += [f"if m & {self._adding}:", "    return None"]

    def _act(self, number: int, known: Known, indent: str) -> list[str]:
        if number not in self._worth:
            self._worth[number] = self._decisions.add(known)
        worth = self._worth[number]
        if known.additions:
            self._adding |= worth
        lines = [f"{indent}m += {worth}"]
        if known.forward is not None:
            lines.append(f"{indent}{self._decided()}")
        return lines

    def _decided(self) -> str:
        return f"return {self._unit.module.capture(self._of)}(m)"


def _known(name: str, rule: RuleCode) -> Known | None:
    """Return a rule whose steps are known beforehand, None if one is not."""
    steps = rule.steps
    forward = steps[-1] if steps and rule.ends and isinstance(steps[-1], ForwardTo) else None
    additions = steps if forward is None else steps[:-1]
    if rule.ends and forward is None:
        return None
    found = tuple(
        step for step in additions if isinstance(step, AddToRequest) and step.lines.block is not None
    )
    return Known(name, found, forward) if len(found) == len(additions) else None


def _only_looks(node: ir.Node) -> bool:
    """Whether an expression reads nothing but what was received, and gives the same every time."""
    if isinstance(node, ir.Apply):
        if not node.overloads or not all(each.pure and not each.needs_exchange for each in node.overloads):
            return False
    elif isinstance(node, ir.Var | ir.HasVar):
        variable = node.variable
        if variable.record not in ("conn", "endpoint", "req") or variable.path.startswith("req.ts."):
            return False
    return all(map(_only_looks, ir.children(node)))


def _sees_fields(node: ir.Node) -> bool:
    """Whether an expression looks at field lines of the request."""
    if isinstance(node, ir.Var | ir.HasVar) and node.variable.record == "req":
        path = node.variable.path
        if path not in _SAID_AT_ONCE and not path.startswith("req.url."):
            return True
    return any(map(_sees_fields, ir.children(node)))


def _changes(node: ir.Node) -> bool:
    """Whether an expression may give another value for the next request with the same fields."""
    if isinstance(node, ir.Var | ir.HasVar):
        variable = node.variable
        if variable.path in _COUNTED or (variable.record == "req" and variable.path in _OF_REQUEST):
            return True
        if variable.path.startswith("req.url."):
            return True
    return any(map(_changes, ir.children(node)))
