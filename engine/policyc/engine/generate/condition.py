"""Conditions as Python: one expression that gives True, False, or None for an error.

Three values make CEL's absorption plain control flow: `a && b` is

    False if (t1 := A) is False or (t2 := B) is False else t1 and t2

where A and B give None for an error, and just `A and B` where neither can fail. An operand that can fail in a
foreseeable way (a missing key, an index past the end) is guarded, so that no exception is raised:

    None if (t1 := headers.get('x', MISSING)) is MISSING or len(t1) <= 0 else t1[0] == 'k'

Whatever else can fail goes into a function of its own with a `try`, which asks the plain evaluator after an
exception.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from policyc.engine.cel import ir, select
from policyc.engine.generate import fallback
from policyc.engine.generate.expression import DEPTH, Value, Written, locals_of
from policyc.engine.generate.fallback import Slow
from policyc.engine.generate.module import Body
from policyc.engine.generate.safety import is_key_known, is_position, is_safe, is_sure_map, is_total
from policyc.engine.optimise.same import is_repeatable
from policyc.engine.types import BOOL, HEADERS, INT
from policyc.engine.values import EvalError

if TYPE_CHECKING:
    from policyc.engine.traffic import Exchange


class Verdict:
    """The plain evaluator of a condition: True, False, or None for an error; made when first needed."""

    __slots__ = ("_run",)

    def __init__(self, node: ir.Node) -> None:
        """Remember the node."""
        self._run = Slow(node)

    def __call__(self, x: Exchange | None, env: Mapping[str, Any]) -> bool | None:
        """Return the verdict."""
        try:
            value = self._run(x, env)
        except EvalError:
            return None
        return value if isinstance(value, bool) else None


class Condition:
    """Writes conditions as code of a function."""

    __slots__ = ("_bound", "_depth", "_value", "body", "module")

    def __init__(self, body: Body, known: frozenset[str] = frozenset()) -> None:
        """Write into `body`; `known` are the locals that the functions around it have."""
        self.body = body
        self.module = body.module
        self._value = Value(body, known)
        self._bound = known
        self._depth = 0

    def of(self, node: ir.Node) -> tuple[str, bool]:
        """Return code that gives True, False or None, and whether it may give None. It raises nothing."""
        if is_safe(node, self._bound) and node.type == BOOL:
            return self._value.of(node), False
        if id(node) in self.body.shared:
            # An Ellipsis is no verdict, so it can stand for none yet.
            return self._value.kept(node, "verdict", "...", self._unsure), True
        return self._unsure(node), True

    def _unsure(self, node: ir.Node) -> str:
        if self._depth >= DEPTH and not isinstance(node, ir.Const | ir.Var):
            return self._outlined(node)
        self._depth += 1
        try:
            return self._failing(node)
        finally:
            self._depth -= 1

    def _failing(self, node: ir.Node) -> str:
        match node:
            case ir.Not():
                name = self.body.temp()
                return f"(None if ({name} := {self.of(node.operand)[0]}) is None else not {name})"
            case ir.And() if node.operands:
                return self._joined(node.operands, decisive=False)
            case ir.Or() if node.operands:
                return self._joined(node.operands, decisive=True)
            case ir.If():
                return self._if(node)
            case ir.Loop() if node.kind in ("all", "exists"):
                return self._loop(node)
            case ir.Bind() if is_safe(node.value, self._bound):
                return self._bind(node)
        if node.type == BOOL and self._can_guard(node):
            return self._leaf(node)
        return self._tried(node)

    def _joined(self, operands: tuple[ir.Node, ...], *, decisive: bool) -> str:
        tests = []
        names = []
        held: dict[object, str] | None = None
        for operand in operands:
            code, may_fail = self.of(operand)
            if may_fail:
                name = self.body.temp()
                names.append(name)
                code = f"({name} := {code})"
                tests.append(code if decisive else f"{code} is False")
            else:
                tests.append(code if decisive else f"not {code}")
            if held is None:
                held = dict(self.body.held)
        self.body.held = held or {}
        decided = " or ".join(tests)
        if decisive:
            unknown = " or ".join(f"{name} is None" for name in names)
            return f"(True if {decided} else None if {unknown} else False)"
        return f"(False if {decided} else {' and '.join(names)})"

    def _if(self, node: ir.If) -> str:
        test, may_fail = self.of(node.test)
        yes = self._value.maybe(node.yes, lambda n: self.of(n)[0])
        no = self._value.maybe(node.no, lambda n: self.of(n)[0])
        if not may_fail:
            return f"({yes} if {test} else {no})"
        name = self.body.temp()
        return f"({yes} if ({name} := {test}) else None if {name} is None else {no})"

    def _bind(self, node: ir.Bind) -> str:
        value = self._value.of(node.value)
        name = self.body.bind(node.name)
        self._bound |= {node.name}
        return f"(({name} := {value}), {self.of(node.body)[0]})[1]"

    def _loop(self, node: ir.Loop) -> str:
        over = node.over
        if not (over.type.name == "list" or is_sure_map(over)) or not self._can_guard(over):
            return self._tried(node)
        self.body.still += 1
        guards, source = self._guarded(over)
        self.body.still -= 1
        inner = self._inner(node.key) if node.value is None else self._inner(node.key, node.value)
        head = inner._value.loop_head(node)
        inner.body.still += 1
        test, may_fail = inner.of(node.body)
        decisive = node.kind == "exists"
        found = inner.body.temp()
        if may_fail:
            statements = [
                "unknown = False",
                f"{head}:",
                f"    {found} = {test}",
                f"    if {found} is {decisive}:",
                f"        return {decisive}",
                f"    if {found} is None:",
                "        unknown = True",
                f"return None if unknown else {not decisive}",
            ]
        else:
            statements = [
                f"{head}:",
                f"    if {'' if decisive else 'not '}{test}:",
                f"        return {decisive}",
                f"return {not decisive}",
            ]
        call = self._value.function(inner.body, ["over"], statements, [source])
        return _unless(guards, call)

    def _inner(self, *names: str) -> Condition:
        return Condition(Body(self.module), self._bound | set(names))

    def _outlined(self, node: ir.Node) -> str:
        inner = self._inner()
        code, _ = inner.of(node)
        return self._value.function(inner.body, [], [f"return {code}"], [])

    def _tried(self, node: ir.Node) -> str:
        inner = self._inner()
        used = sorted(locals_of(node) & self._bound)
        values = "".join(f", {name!r}: {inner.body.local(name)}" for name in used)
        env = f"{{**env{values}}}" if used else "env"
        slow = f"return {self.module.capture(Verdict(node))}(x, {env})"
        if not is_repeatable(node):  # after plain code that gave up, it would draw again
            return self._value.function(inner.body, [], [slow], [])
        code = inner._value.bool_of(node)
        statements = [
            "try:",
            f"    return {code}",
            f"except {self.module.capture(fallback.CATCH)}:",
            f"    {slow}",
        ]
        return self._value.function(inner.body, [], statements, [])

    # Guards

    def _leaf(self, node: ir.Node) -> str:
        # What a guard reads runs before what the value reads, whatever the order in the source: so no read
        # may count on a local that another one here leaves behind.
        self.body.still += 1
        guards, value = self._guarded(node)
        self.body.still -= 1
        return _unless(guards, value)

    def _can_guard(self, node: ir.Node) -> bool:
        if is_safe(node, self._bound):
            return True
        match node:
            case ir.Var():
                return True
            case ir.Field() | ir.HasField():
                return is_sure_map(node.operand) and self._can_guard(node.operand) and not _is_optional(node)
            case ir.At():
                is_known = is_key_known(node) or (node.operand.type.name == "list" and node.index.type == INT)
                return (
                    is_known
                    and not node.optional
                    and self._can_guard(node.operand)
                    and self._can_guard(node.index)
                )
            case ir.Apply():
                return is_total(node) and all(map(self._can_guard, node.args))
        return False

    def _guarded(self, node: ir.Node) -> tuple[list[str], str]:
        """Return tests that are true where the node fails, in order, and the code of its value after them."""
        if is_safe(node, self._bound):
            return [], self._value.of(node)
        if id(node) in self.body.shared:
            missing = self.module.capture(select.MISSING)
            kept = self._value.kept(node, "guarded", "None", self._or_missing)
            return [f"{kept} is {missing}"], self.body.cell(("guarded", id(node))).name
        return self._guarded_anew(node)

    def _or_missing(self, node: ir.Node) -> str:
        guards, value = self._guarded_anew(node)
        missing = self.module.capture(select.MISSING)
        return f"({missing} if {' or '.join(guards)} else {value})" if guards else value

    def _guarded_anew(self, node: ir.Node) -> tuple[list[str], str]:
        match node:
            case ir.Var():
                return self._guarded_var(node)
            case ir.Field():
                return self._guarded_key(node.operand, lambda: repr(node.name))
            case ir.HasField():
                return self._replaced((node.operand,), lambda parts: _with(node, parts))
            case ir.At() if node.operand.type.name == "list":
                return self._guarded_position(node)
            case ir.At():
                guards, key = self._guarded(node.index)
                if isinstance(node.index, ir.Const) and isinstance(node.index.value, str):
                    name = node.index.value
                    key = repr(name.lower() if node.operand.type == HEADERS else name)
                elif node.operand.type == HEADERS:
                    key = f"{key}.lower()"
                more, value = self._guarded_key(node.operand, lambda: key)
                return guards + more, value
            case ir.Apply():
                return self._replaced(node.args, lambda parts: _with(node, parts))
        raise AssertionError(node)

    def _guarded_var(self, node: ir.Var) -> tuple[list[str], str]:
        held = self.body.held.get(node.variable.path)
        if held is not None:
            return [], held
        tests, name = self._value.slot(node.variable)
        if not tests:
            return ["True"], "None"
        return [" and ".join(f"({test}) is None" for test in tests)], name

    def _guarded_key(self, operand: ir.Node, key: Callable[[], str]) -> tuple[list[str], str]:
        guards, code = self._guarded(operand)
        name = self.body.temp()
        missing = self.module.capture(select.MISSING)
        return [*guards, f"({name} := {code}.get({key()}, {missing})) is {missing}"], name

    def _guarded_position(self, node: ir.At) -> tuple[list[str], str]:
        guards, items = self._guarded(node.operand)
        more, index = self._guarded(node.index)
        name = self.body.temp()
        guards = [*guards, *more]
        if is_position(node.index):
            assert isinstance(node.index, ir.Const)
            if node.index.value == 0:
                return [*guards, f"not ({name} := {items})"], f"{name}[0]"
            return [*guards, f"len({name} := {items}) <= {index}"], f"{name}[{index}]"
        at = self.body.temp()
        return [*guards, f"not 0 <= ({at} := {index}) < len({name} := {items})"], f"{name}[{at}]"

    def _replaced(
        self, nodes: tuple[ir.Node, ...], write: Callable[[tuple[ir.Node, ...]], ir.Node]
    ) -> tuple[list[str], str]:
        """Guard the parts of a node; the node is then written with names in the place of what was guarded."""
        guards: list[str] = []
        parts: list[ir.Node] = []
        for part in nodes:
            if is_safe(part, self._bound):
                parts.append(part)
                continue
            more, code = self._guarded(part)
            guards += more
            parts.append(Written(code, part))
        return guards, self._value.of(write(tuple(parts)))


def _is_optional(node: ir.Field | ir.HasField) -> bool:
    return isinstance(node, ir.Field) and node.optional


def _with(node: ir.Node, parts: tuple[ir.Node, ...]) -> ir.Node:
    """Return the node with other parts."""
    if isinstance(node, ir.Apply):
        return ir.Apply(node.function, node.overloads, parts, node.type, node.span)
    assert isinstance(node, ir.HasField)
    return ir.HasField(parts[0], node.name, node.type, node.span)


def _unless(guards: list[str], value: str) -> str:
    return f"(None if {' or '.join(guards)} else {value})" if guards else value
