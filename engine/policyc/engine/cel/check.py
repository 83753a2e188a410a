"""From the syntax tree to typed nodes: names resolved, macros expanded, overloads chosen, mistakes reported.

The rules are the CEL specification's, as cel-go's checker has them, plus what policies need: variables that
exist in some phases only, lets, headers that ignore case, texts with fields. Rules. 1. Every mistake is
reported at its place, and the node made instead has the type `error`, which fits everywhere, so that
nothing is said twice. 2. `check` gives None exactly if it reported an error. 3. Names are read in names.py,
fields and items in members.py, overloads in overloads.py, macros in macros.py; mistakes are worded in
errors.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from policyc.engine.cel import constants, ir, legacy, macros, members, names, overloads
from policyc.engine.cel.depth import DEPTH_LIMIT, room
from policyc.engine.cel.errors import Faults
from policyc.engine.cel.unify import Unifier, is_free, is_open
from policyc.engine.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DYN,
    ERROR,
    HEADERS,
    INT,
    NULL,
    STRING,
    UINT,
    Record,
    Type,
    list_of,
    map_of,
    optional_of,
)
from policyc.engine.values import UInt
from policyc.grammar import syntax
from policyc.grammar.source import Span

if TYPE_CHECKING:
    from policyc.engine.cel.scope import Scope
    from policyc.grammar.diagnostic import Report

NODE_LIMIT = 20_000  # nodes of one expression with its lets put in
NEST_LIMIT = 4  # comprehensions within comprehensions

_LITERALS: Mapping[str, Type] = {
    "null": NULL,
    "bool": BOOL,
    "int": INT,
    "uint": UINT,
    "double": DOUBLE,
    "string": STRING,
    "bytes": BYTES,
}


def check(
    expr: syntax.Expr,
    scope: Scope,
    report: Report,
    *,
    path: str | None = None,
    want: Type | None = None,
    ngrok: int = 2200,
) -> ir.Node | None:
    """Return the typed expression, or None if errors were reported.

    `want` is the type that the place asks for (a dyn value fits, and is tested at run time). `ngrok` is the
    number for mistakes that have none of their own: 2200 for expressions, 2224 for templates.
    """
    faults = Faults(report, path, ngrok)
    with room():
        checker = Checker(scope, faults)
        node = checker.value(expr)
        if want is not None:
            checker.expect(node, want, expr.span)
        checker.finish(node)
    return None if faults.failed else node


class Checker:
    """The checking of one expression."""

    __slots__ = (
        "_depth",
        "_nodes",
        "_serial",
        "expanding",
        "faults",
        "locals",
        "nest",
        "scope",
        "texts",
        "types",
    )

    def __init__(self, scope: Scope, faults: Faults) -> None:
        """Check in `scope`, report to `faults`."""
        self.scope = scope
        self.faults = faults
        self.types = Unifier()
        self.locals: dict[str, ir.Local] = {}
        self.nest = 0
        self._serial = 0
        self._depth = 0
        self._nodes = 0
        self.expanding: list[str] = []
        self.texts: dict[int, tuple[ir.Node, Record]] = {}

    # --- the walk -------------------------------------------------------------------------------------------

    def value(self, expr: syntax.Expr) -> ir.Node:
        """Return the node of an expression; of type `error` where something was reported."""
        if self._nodes >= NODE_LIMIT or self._depth >= DEPTH_LIMIT:
            return self.too_large(expr.span)
        self._nodes += 1
        self._depth += 1
        try:
            match expr:
                case syntax.Literal():
                    return self._literal(expr)
                case syntax.Name():
                    return names.name(self, expr)
                case syntax.Select():
                    return names.selection(self, expr)
                case syntax.Index():
                    return members.index(self, expr)
                case syntax.Call():
                    return self._call(expr)
                case syntax.Unary():
                    return self._unary(expr)
                case syntax.Binary():
                    return self._binary(expr)
                case syntax.Logic():
                    return self._logic(expr)
                case syntax.Conditional():
                    return self._conditional(expr)
                case syntax.ListLiteral():
                    return self._list(expr)
                case syntax.MapLiteral():
                    return self._map(expr)
        finally:
            self._depth -= 1

    def error(self, span: Span) -> ir.Node:
        """Return the node that stands for what has been reported."""
        return ir.Const(None, ERROR, span)

    def too_large(self, span: Span) -> ir.Node:
        """Report that the lets of an expression make too much of it."""
        self.faults.too_large(span)
        return self.error(span)

    def expect(self, node: ir.Node, want: Type, span: Span) -> None:
        """Report it at `span` if the value does not fit where `want` is wanted."""
        if not self.types.fit((node.type,), (want,)):
            self.faults.wrong_type(node, self.shown(node.type), want, span)

    def shown(self, type: Type) -> Type:
        """Return a type as far as it is decided, for messages."""
        return self.types.resolve(type, final=True)

    def fresh(self, name: str, type: Type, span: Span) -> ir.Local:
        """Return a new local; its name is like `name` and unique in the expression."""
        while True:
            self._serial += 1
            unique = f"{name}_{self._serial}"
            if unique not in self.scope.free:
                return ir.Local(unique, type, span)

    @contextmanager
    def bound(self, names: Mapping[str, ir.Local]) -> Iterator[None]:
        """Make locals visible under the names that the author gave them."""
        before = self.locals
        self.locals = {**before, **names}
        try:
            yield
        finally:
            self.locals = before

    def finish(self, root: ir.Node) -> None:
        """Put the decided types into all nodes; what nothing decided is dyn."""
        todo = [root]
        while todo:
            node = todo.pop()
            node.type = self.types.resolve(node.type, final=True)
            todo.extend(ir.children(node))

    def is_local(self, name: syntax.Name) -> bool:
        """Tell whether a name is a macro's variable here."""
        return not name.rooted and name.name in self.locals

    # --- literals and operators -----------------------------------------------------------------------------

    def _literal(self, expr: syntax.Literal) -> ir.Node:
        value = expr.value
        if expr.kind == "uint":
            assert isinstance(value, int)
            value = UInt(value)
        return ir.Const(value, _LITERALS[expr.kind], expr.span)

    def _binary(self, expr: syntax.Binary) -> ir.Node:
        left, right = self.value(expr.left), self.value(expr.right)
        if (
            expr.op == "in"
            and right.type == HEADERS
            and isinstance(left, ir.Const)
            and isinstance(left.value, str)
        ):
            left = ir.Const(left.value.lower(), left.type, left.span)
        return self.apply(f"_{expr.op}_", (left, right), expr.span, expr.op_span, operator=True)

    def _unary(self, expr: syntax.Unary) -> ir.Node:
        operand = self.value(expr.operand)
        if expr.op == "-":
            return self.apply("-_", (operand,), expr.span, expr.span, operator=True)
        if not self._is_bool(operand):
            self.faults.wrong_operand("!", operand, self.shown(operand.type), expr.operand.span)
            return self.error(expr.span)
        return ir.Not(operand, BOOL, expr.span)

    def _is_bool(self, node: ir.Node) -> bool:
        return self.types.fit((node.type,), (BOOL,)) or self.scope.is_loose

    def _logic(self, expr: syntax.Logic) -> ir.Node:
        operands = tuple(self.value(operand) for operand in expr.operands)
        for operand, written in zip(operands, expr.operands, strict=True):
            if not self._is_bool(operand):
                self.faults.wrong_operand(expr.op, operand, self.shown(operand.type), written.span)
        return (ir.And if expr.op == "&&" else ir.Or)(operands, BOOL, expr.span)

    def _conditional(self, expr: syntax.Conditional) -> ir.Node:
        test, yes, no = self.value(expr.test), self.value(expr.yes), self.value(expr.no)
        if not self._is_bool(test):
            self.faults.wrong_operand("?:", test, self.shown(test.type), expr.test.span)
        type = self.types.join(yes.type, no.type)
        if type is None:
            if not self.scope.is_loose:
                self.faults.unlike_branches(self.shown(yes.type), self.shown(no.type), expr.span)
            type = DYN
        return ir.If(test, yes, no, type, expr.span)

    def _list(self, expr: syntax.ListLiteral) -> ir.Node:
        items = []
        type: Type | None = None
        for item, optional in zip(expr.items, expr.optional, strict=True):
            node = self.value(item)
            items.append(node)
            type = self._joined(type, self._maybe(node, optional))
        return ir.MakeList(tuple(items), expr.optional, list_of(type or self.types.free()), expr.span)

    def _map(self, expr: syntax.MapLiteral) -> ir.Node:
        entries = []
        key_type: Type | None = None
        value_type: Type | None = None
        for key, value, optional in expr.entries:
            key_node = self._map_key(key)
            value_node = self.value(value)
            entries.append((key_node, value_node, optional))
            key_type = self._joined(key_type, key_node.type)
            value_type = self._joined(value_type, self._maybe(value_node, optional))
        type = map_of(key_type or self.types.free(), value_type or self.types.free())
        return ir.MakeMap(entries, type, expr.span)

    def _map_key(self, expr: syntax.Expr) -> ir.Node:
        if (
            isinstance(expr, syntax.Name)
            and self.scope.is_traffic
            and expr.name not in self.locals
            and expr.name not in self.scope.lets
            and not self.scope.is_path(expr.name)
        ):
            self.faults.bare_key(expr)
            return self.error(expr.span)
        node = self.value(expr)
        type = self.types.resolve(node.type)
        if (
            not (is_open(type) or is_free(type) or type in (STRING, INT, UINT, BOOL))
            and not self.scope.is_loose
        ):
            self.faults.wrong_key(self.shown(type), expr.span)
        return node

    def _maybe(self, node: ir.Node, optional: bool) -> Type:
        """Return the type of an item, of what is in it if it was written with `?`."""
        if not optional:
            return node.type
        if self.scope.is_traffic:
            self.faults.not_in_policies("optional items `?`", node.span)
            return ERROR
        inner = self.types.free()
        if not self.types.fit((node.type,), (optional_of(inner),)):
            if not self.scope.is_loose:
                self.faults.wrong_type(node, self.shown(node.type), optional_of(DYN), node.span)
            return DYN
        return inner

    def _joined(self, so_far: Type | None, type: Type) -> Type:
        if so_far is None:
            return type
        joined = self.types.join(so_far, type)
        return DYN if joined is None else joined

    # --- calls ----------------------------------------------------------------------------------------------

    def _call(self, expr: syntax.Call) -> ir.Node:
        expanded = macros.expand(self, expr)
        if expanded is not None:
            return expanded
        target = expr.target
        if target is None:
            full = self._known_function(expr.function, expr.rooted)
            if full is None:
                return self._unknown_function(expr)
            return self.apply(full, self.values(expr.args), expr.span, expr.function_span)
        chain = names.chain_of(target)
        if chain is not None and not self.is_local(chain[0]) and chain[0].name not in self.scope.lets:
            name = ".".join([chain[0].name, *(s.field for s in chain[1:]), expr.function])
            full = self._known_function(name, chain[0].rooted)
            if full is not None:
                return self.apply(full, self.values(expr.args), expr.span, target.span.to(expr.function_span))
            if self._is_namespace_of_functions(name) or self._is_told_of(chain[0].name, name, expr):
                return self._unknown_function(expr, name)
        node = self.value(target)
        if self.scope.function(expr.function) is None or legacy.is_no_such_call(expr):
            if node.type == ERROR:
                return node
            return self._unknown_function(expr, target=node)
        return self.apply(
            expr.function, (node, *self.values(expr.args)), expr.span, expr.function_span, method=True
        )

    def values(self, exprs: Iterable[syntax.Expr]) -> tuple[ir.Node, ...]:
        """Return the nodes of several expressions."""
        return tuple(self.value(e) for e in exprs)

    def _known_function(self, name: str, rooted: bool) -> str | None:
        for full in [name] if rooted else self.scope.candidates(name):
            if self.scope.function(full) is not None:
                return full
        return None

    def _is_namespace_of_functions(self, name: str) -> bool:
        """Tell whether `rand.nt` misses in `rand`, which is no variable but has functions."""
        head = name.rpartition(".")[0]
        if self.scope.is_traffic and self.scope.is_path(name.partition(".")[0]):
            return False
        return any(known.startswith(f"{head}.") for known in self.scope.functions)

    def _is_told_of(self, root: str, name: str, call: syntax.Call) -> bool:
        """Tell whether `cel.bind` or `http.header`, whose root is no variable, is known from elsewhere."""
        is_known = not self.scope.is_traffic or self.scope.is_path(root) or root in names.TYPE_NAMES
        return not is_known and legacy.function_hint(name, call) is not None

    def _unknown_function(
        self, expr: syntax.Call, name: str | None = None, target: ir.Node | None = None
    ) -> ir.Node:
        if self.scope.is_loose:
            args = self.values(expr.args)
            operands = args if target is None else (target, *args)
            return ir.Apply(name or expr.function, (), operands, DYN, expr.span)
        shown = None if target is None else self.shown(target.type)
        self.faults.unknown_function(name or expr.function, expr, self.scope, shown)
        if not any(isinstance(arg, syntax.Name) for arg in expr.args):
            self.values(expr.args)  # a name may be the variable of what was meant as a macro
        return self.error(expr.span)

    def apply(
        self,
        name: str,
        args: tuple[ir.Node, ...],
        span: Span,
        name_span: Span,
        *,
        method: bool = False,
        operator: bool = False,
    ) -> ir.Node:
        """Return the call of a known function or operator; reports where no overload fits."""
        function = self.scope.function(name)
        assert function is not None, name
        chosen, result = overloads.resolve(self.types, function, args, method)
        if result is None:
            if self.scope.is_loose:
                same = tuple(
                    o for o in function.overloads if o.method is method and len(o.params) == len(args)
                )
                return ir.Apply(name, same, args, DYN, span)
            if not any(arg.type == ERROR for arg in args):
                types = [self.shown(arg.type) for arg in args]
                fits = overloads.slip(self.types, function, args, method)
                self.faults.no_overload(function, args, types, fits, span, name_span, method, operator)
            return self.error(span)
        self.faults.check_function(function, chosen, name_span, self.scope)
        node = ir.Apply(name, chosen, args, result, span)
        if self.scope.is_traffic:
            constants.look(node, self.faults)
        return node
