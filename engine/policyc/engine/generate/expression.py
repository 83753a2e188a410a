"""Value expressions as Python: plain code that is exact as long as it raises nothing.

Every node becomes one Python expression; loops become functions beside it. CEL has no side effects, so
whatever goes wrong (a missing key, an overflow, a wrong type in a dyn) may raise anything in `CATCH`: then
the whole expression is evaluated again by the plain evaluator (cel/plan.py), which knows how `&&`, `||` and
`?:` absorb errors, and gives the value or the error.

A variable that is read several times is kept in a local from its first read on, where that read certainly
comes first.
"""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, assert_never, cast

from policyc.engine.cel import ir, plan, select
from policyc.engine.cel.coerce import item, type_name
from policyc.engine.cel.depth import room
from policyc.engine.cel.dispatch import known_overload, plain
from policyc.engine.cel.order import sort_by
from policyc.engine.generate import fallback
from policyc.engine.generate.fallback import Slow
from policyc.engine.generate.module import Body, Module
from policyc.engine.generate.safety import (
    has_plain_keys,
    is_key_known,
    is_map,
    is_position,
    is_safe,
)
from policyc.engine.optimise.same import is_repeatable
from policyc.engine.types import BOOL, HEADERS, INT, STRING
from policyc.engine.values import NONE, EvalError, Optional, make_map
from policyc.engine.variables import NEVER_SET

if TYPE_CHECKING:
    from policyc.engine.variables import Variable

# Brackets nest at most 200 deep in Python; deeper code is put into a function of its own.
DEPTH = 20


def compile_value(node: ir.Node) -> Callable[..., Any]:
    """Return a function of the exchange (and the values of free locals, if any) that gives the node's value.

    It raises EvalError.
    """
    if isinstance(node, ir.Const):
        value = node.value
        return lambda x, env=None: value
    return cast("Callable[..., Any]", value_module(node).load("value")["value"])


def value_module(node: ir.Node) -> Module:
    """Return the module whose function `value` is the expression."""
    module = Module()
    with room():
        if not is_repeatable(node) and not is_safe(node):
            # A second evaluation would draw again.
            statements = [f"return {module.capture(Slow(node))}(x, env)"]
            module.write("value", _parameters(module), Body(module), statements)
            return module
        body = Body(module, reads(node))
        code = Value(body, frozenset()).of(node)
    statements = [
        "try:",
        f"    return {code}",
        f"except {module.capture(fallback.CATCH)}:",
        f"    return {module.capture(Slow(node))}(x, env)",
    ]
    module.write("value", _parameters(module), body, statements)
    return module


def _parameters(module: Module) -> list[str]:
    return ["x", f"env={module.capture(fallback.NO_LOCALS)}"]


def reads(node: ir.Node) -> Counter[str]:
    """Return how often an expression reads each variable, not counting what is inside loops."""
    found: Counter[str] = Counter()

    def visit(n: ir.Node) -> None:
        if isinstance(n, ir.Var):
            found[n.variable.path] += 1
        for child in ir.children(n):
            if not (isinstance(n, ir.Loop) and child is not n.over):
                visit(child)

    visit(node)
    return found


def locals_of(node: ir.Node) -> frozenset[str]:
    """Return the names of the locals that an expression reads."""
    found = {node.name} if isinstance(node, ir.Local) else set()
    for child in ir.children(node):
        found |= locals_of(child)
    return frozenset(found)


class Written(ir.Node):
    """A node whose value is there already, under a name."""

    __slots__ = ("code",)

    def __init__(self, code: str, node: ir.Node) -> None:
        """Stand for `node`."""
        super().__init__(node.type, node.span)
        self.code = code


def as_bool(value: Any) -> bool:
    """Return a dyn value that must be a bool; raises EvalError."""
    if value is True or value is False:
        return bool(value)
    raise EvalError("no_such_overload", f"no such overload: {type_name(value)} where a bool is wanted")


def as_optional(value: Any) -> Optional:
    """Return a dyn value that must be an optional; raises EvalError."""
    if type(value) is Optional:
        return value
    raise EvalError("no_such_overload", f"no such overload: {type_name(value)} where an optional is wanted")


def as_range(value: Any) -> Iterable[Any]:
    """Return a dyn value that a loop goes over; raises EvalError."""
    if isinstance(value, list | tuple | dict):
        return value
    raise EvalError("no_such_overload", f"no such overload: cannot loop over {type_name(value)}")


def as_pairs(value: Any) -> Iterable[tuple[Any, Any]]:
    """Return the pairs of a dyn value that a loop with two variables goes over; raises EvalError."""
    return value.items() if isinstance(value, dict) else enumerate(as_range(value))


class Value:
    """Writes nodes as code of a function; `known` are the locals that the functions around it have."""

    __slots__ = ("_depth", "body", "known", "module")

    def __init__(self, body: Body, known: frozenset[str]) -> None:
        """Write into `body`."""
        self.body = body
        self.module = body.module
        self.known = known
        self._depth = 0

    def of(self, node: ir.Node) -> str:
        """Return code that gives the node's value, or raises something in CATCH."""
        if isinstance(node, Written):
            return node.code
        if id(node) in self.body.shared:
            return self.kept(node, "value", "None", self._of)
        return self._of(node)

    def _of(self, node: ir.Node) -> str:
        if self._depth >= DEPTH and not isinstance(node, ir.Const | ir.Var | ir.Local):
            return self._outlined(node)
        self._depth += 1
        try:
            return self._plain(cast("ir.AnyNode", node))
        finally:
            self._depth -= 1

    def bool_of(self, node: ir.Node) -> str:
        """Return code that gives True or False, or raises."""
        code = self.of(node)
        return code if node.type == BOOL else f"{self.module.capture(as_bool)}({code})"

    def kept(self, node: ir.Node, kind: str, empty: str, write: Callable[[ir.Node], str]) -> str:
        """Return the code of a shared node, which `write` writes: evaluated once, and then kept in a local.

        One node may be kept in several kinds of ways; `empty` is what a local of the kind holds at first.
        """
        key = (kind, id(node))
        held = self.body.held.get(key)
        if held is not None:
            return held
        cell = self.body.cell(key, empty)
        code = self.maybe(node, write) if cell.is_touched else write(node)
        asked = self.body.fill(key, cell)
        filled = f"({cell.name} := {code})"
        return filled if asked is None else f"({cell.name} if {asked} else {filled})"

    def maybe(self, node: ir.Node, write: Callable[[ir.Node], str] | None = None) -> str:
        """Return the code of something that may not run: it leaves nothing in locals for what follows."""
        held = dict(self.body.held)
        code = (write or self.of)(node)
        self.body.held = held
        return code

    def function(self, inner: Body, params: list[str], statements: list[str], arguments: list[str]) -> str:
        """Write an inner function and return its call."""
        name = self.module.new_name()
        self.module.write(name, ["x", *params, *inner.free.values()], inner, statements)
        return f"{name}({', '.join(['x', *arguments, *self.body.arguments(inner)])})"

    def inner(self, *names: str) -> Value:
        """Return a writer for a function inside this one, where `names` are bound already."""
        return Value(Body(self.module), self.known | set(names) | self.body.own)

    def _outlined(self, node: ir.Node) -> str:
        inner = self.inner()
        code = inner.of(node)
        return self.function(inner.body, [], [f"return {code}"], [])

    def _plain(self, node: ir.AnyNode) -> str:
        match node:
            case ir.Const():
                return self.module.constant(node.value)
            case ir.Var():
                return self._var(node.variable)
            case ir.Local():
                return self._local(node)
            case ir.Field():
                return self._field(node)
            case ir.At():
                return self._at(node)
            case ir.HasVar():
                return self._has_var(node.variable)
            case ir.HasField():
                return self._has_field(node)
            case ir.Apply():
                return self._apply(node)
            case ir.Not():
                return f"(not {self.bool_of(node.operand)})"
            case ir.And():
                return self._joined(node.operands, "and")
            case ir.Or():
                return self._joined(node.operands, "or")
            case ir.If():
                return self._if(node)
            case ir.MakeList():
                return self._make_list(node)
            case ir.MakeMap():
                return self._make_map(node)
            case ir.Loop():
                return self._loop(node)
            case ir.Bind():
                return self._bind(node)
            case ir.OptMap():
                return self._opt_map(node)
        assert_never(node)

    # Leaves

    def _var(self, variable: Variable) -> str:
        body = self.body
        held = body.held.get(variable.path)
        if held is not None:
            return held
        if variable.slot == NEVER_SET and variable.fill is None and variable.zero is not None:
            return self.module.constant(variable.zero)
        cell = body.cell(variable.path) if body.reads[variable.path] > 1 else None
        assigns, name = self.slot(variable, None if cell is None else cell.name)
        tests = [f"({assign}) is not None" for assign in assigns]
        if variable.zero is None:
            otherwise = f"{self.module.capture(fallback.fail_absent)}({variable.path!r})"
        else:
            otherwise = self.module.constant(variable.zero)
        if cell is not None:
            otherwise = f"({name} := {otherwise})"
            asked = body.fill(variable.path, cell)
            if asked is not None:
                tests.insert(0, asked)
        return f"({name} if {' or '.join(tests)} else {otherwise})" if tests else otherwise

    def slot(self, variable: Variable, name: str | None = None) -> tuple[list[str], str]:
        """Return assignments to try until one is not None, and the name they assign."""
        record = self.body.record(variable.record)
        name = name or self.body.temp()
        tests = []
        if variable.slot != NEVER_SET:
            tests.append(f"{name} := {record}.{variable.slot}")
        if variable.fill is not None:
            tests.append(f"{name} := {self.module.capture(variable.fill)}({record})")
        return tests, name

    def _has_var(self, variable: Variable) -> str:
        record = self.body.record(variable.record)
        if variable.present is not None:
            return f"{self.module.capture(variable.present)}({record})"
        if variable.fill is not None:
            return "True"
        return f"({record}.{variable.slot} is not None)"

    def _local(self, node: ir.Local) -> str:
        if node.name in self.known or node.name in self.body.own:
            return self.body.local(node.name)
        return f"{self.body.env()}[{node.name!r}]"

    # Selection

    def _field(self, node: ir.Field) -> str:
        operand = self.of(node.operand)
        if node.optional:
            return f"{self.module.capture(select.optional_field)}({operand}, {node.name!r})"
        if is_map(node.operand.type):
            return f"{operand}[{node.name!r}]"
        return f"{self.module.capture(select.field)}({operand}, {node.name!r})"

    def _has_field(self, node: ir.HasField) -> str:
        operand = self.of(node.operand)
        has = plan.has_test(node)
        if is_map(node.operand.type) and has is select.has_field:
            return f"({node.name!r} in {operand})"
        return f"{self.module.capture(has)}({operand}, {node.name!r})"

    def _at(self, node: ir.At) -> str:
        operand = self.of(node.operand)
        key = self.key(node)
        if node.optional:
            return f"{self.module.capture(select.optional_at)}({operand}, {key})"
        if is_key_known(node):
            return f"{operand}[{key}]"
        if node.operand.type.name == "list" and node.index.type == INT:
            if is_position(node.index):
                return f"{operand}[{key}]"
            return f"{self.module.capture(item)}({operand}, {key})"
        return f"{self.module.capture(select.at)}({operand}, {key})"

    def key(self, node: ir.At) -> str:
        """Return the code of an index; a header's name in lower case."""
        if node.operand.type != HEADERS:
            return self.of(node.index)
        if isinstance(node.index, ir.Const) and isinstance(node.index.value, str):
            return repr(node.index.value.lower())
        key = self.of(node.index)
        if plain(node.index.type) != STRING:
            key = f"{self.module.capture(select.text_of)}({key}, 'a header name')"
        return f"{key}.lower()"

    # Calls

    def _apply(self, node: ir.Apply) -> str:
        overload = known_overload(node.overloads, node.args)
        if overload is None:
            args = [self.of(arg) for arg in node.args]
            return f"{self.module.capture(plan.applied(node))}({', '.join(['x', *args])})"
        if overload.id == "in_headers" and isinstance(node.args[0], ir.Const):
            return f"({str(node.args[0].value).lower()!r} in {self.of(node.args[1])})"
        template = overload.python([plain(arg.type) for arg in node.args])
        if template is not None and " for " not in template and "lambda" not in template:
            return self._inlined(template, node.args)
        args = [self.of(arg) for arg in node.args]
        if overload.needs_exchange:
            args.insert(0, "x")
        return f"{self.module.capture(overload.body)}({', '.join(args)})"

    def _inlined(self, template: str, nodes: tuple[ir.Node, ...]) -> str:
        pieces = [(text, name) for text, name, _, _ in string.Formatter().parse(template)]
        order = [int(name) for _, name in pieces if name is not None]
        # Where not all arguments run, or not from left to right, none may leave locals behind.
        firsts = list(dict.fromkeys(order))
        in_order = firsts == list(range(len(nodes))) and not any(
            word in template for word in (" if ", " and ", " or ")
        )
        self.body.still += not in_order
        # Python warns of `1 is None`.
        named = " is " in template
        args = [
            self.module.capture(node.value) if named and isinstance(node, ir.Const) else self.of(node)
            for node in nodes
        ]
        self.body.still -= not in_order
        made = []
        seen: set[int] = set()
        for text, name in pieces:
            made.append(text)
            if name is None:
                continue
            i = int(name)
            if i not in seen and order.count(i) > 1 and not _may_stand_twice(args[i]):
                temp = self.body.temp()
                made.append(f"({temp} := {args[i]})")
                args[i] = temp
            else:
                made.append(args[i])
            seen.add(i)
        return f"({''.join(made)})"

    # Logic

    def _joined(self, operands: tuple[ir.Node, ...], word: str) -> str:
        if not operands:
            return repr(word == "and")
        first = self.bool_of(operands[0])
        held = dict(self.body.held)
        rest = [self.bool_of(operand) for operand in operands[1:]]
        self.body.held = held
        return f"({f' {word} '.join([first, *rest])})"

    def _if(self, node: ir.If) -> str:
        test = self.bool_of(node.test)
        return f"({self.maybe(node.yes)} if {test} else {self.maybe(node.no)})"

    # Making

    def _make_list(self, node: ir.MakeList) -> str:
        items = [self.of(n) for n in node.items]
        if not any(node.optional):
            return f"[{', '.join(items)}]"
        return f"{self.module.capture(plan.make_list)}([{', '.join(items)}], {node.optional!r})"

    def _make_map(self, node: ir.MakeMap) -> str:
        entries = [(self.of(key), self.of(value), maybe) for key, value, maybe in node.entries]
        if has_plain_keys(node):
            return f"{{{', '.join(f'{key}: {value}' for key, value, _ in entries)}}}"
        listed = ", ".join(f"({key}, {value}, {maybe!r})" for key, value, maybe in entries)
        return f"{self.module.capture(plan.make_map_of)}([{listed}])"

    # Locals

    def _bind(self, node: ir.Bind) -> str:
        value = self.of(node.value)
        name = self.body.bind(node.name)
        return f"(({name} := {value}), {self.of(node.body)})[1]"

    def _opt_map(self, node: ir.OptMap) -> str:
        operand = self.of(node.operand)
        if node.operand.type.name != "optional_type":
            operand = f"{self.module.capture(as_optional)}({operand})"
        there = self.body.temp()
        name = self.body.bind(node.name)
        made = self.maybe(node.body)
        if not node.flat:
            made = f"{self.module.capture(Optional)}(True, {made})"
        elif node.body.type.name != "optional_type":
            made = f"{self.module.capture(as_optional)}({made})"
        none = self.module.capture(NONE)
        return f"((({name} := {there}.value), {made})[1] if ({there} := {operand}).present else {none})"

    # Loops

    def _loop(self, node: ir.Loop) -> str:
        over = self.of(node.over)
        inner = self.inner()
        head = inner.loop_head(node)
        statements = inner.loop_statements(node, head)
        return self.function(inner.body, ["over"], statements, [over])

    def loop_head(self, node: ir.Loop) -> str:
        """Bind the loop's variables and return `for … in …` over the parameter `over`."""
        key = self.body.bind(node.key)
        kind = node.over.type
        is_known = kind.name == "list" or is_map(kind)
        if node.value is None:
            return f"for {key} in {'over' if is_known else f'{self.module.capture(as_range)}(over)'}"
        value = self.body.bind(node.value)
        if not is_known:
            return f"for {key}, {value} in {self.module.capture(as_pairs)}(over)"
        return f"for {key}, {value} in {'enumerate(over)' if kind.name == 'list' else 'over.items()'}"

    def loop_statements(self, node: ir.Loop, head: str) -> list[str]:
        """Return the statements of a loop's function."""
        self.body.still += 1
        only = "" if node.guard is None else f" if {self.bool_of(node.guard)}"
        key = self.body.local(node.key)
        match node.kind:
            case "all":
                test = self.bool_of(node.body)
                return [f"{head}:", f"    if not {test}:", "        return False", "return True"]
            case "exists":
                test = self.bool_of(node.body)
                return [f"{head}:", f"    if {test}:", "        return True", "return False"]
            case "exists_one":
                test = self.bool_of(node.body)
                count = [f"{head}:", f"    if {test}:", "        found += 1"]
                return ["found = 0", *count, "return found == 1"]
            case "filter":
                return [f"return [{key} {head} if {self.bool_of(node.body)}]"]
            case "map" | "map_filter" | "transform_list":
                return [f"return [{self.of(node.body)} {head}{only}]"]
            case "transform_map":
                pairs = f"[({key}, {self.of(node.body)}) {head}{only}]"
                return [f"return {self.module.capture(make_map)}({pairs})"]
            case "transform_map_entry":
                return [f"return {self.module.capture(plan.merge)}([{self.of(node.body)} {head}{only}])"]
            case "sort_by":
                keys = f"[{self.of(node.body)} {head}]"
                return [f"return {self.module.capture(sort_by)}(list(over), {keys})"]
        raise AssertionError(node.kind)


def _may_stand_twice(code: str) -> bool:
    """Return whether code is a name or a number, which may stand twice without a temporary."""
    return code.isidentifier() or code.strip("()").isdigit()
