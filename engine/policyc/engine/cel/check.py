"""From the syntax tree to typed nodes: names resolved, macros expanded, overloads chosen, mistakes reported.

The rules are the CEL specification's, as cel-go's checker has them, plus what policies need: variables that
exist in some phases only, lets, headers that ignore case, texts with fields. Rules. 1. Every mistake is
reported at its place, and the node made instead has the type `error`, which fits everywhere, so that nothing
is said twice. 2. `check` gives None exactly if it reported an error. 3. Fault texts stand in errors.py,
macros in macros.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from policyc.engine.cel import constants, ir, legacy, macros
from policyc.engine.cel.depth import DEPTH_LIMIT, room
from policyc.engine.cel.dispatch import is_certain
from policyc.engine.cel.errors import Faults
from policyc.engine.cel.unify import Unifier, is_free, is_open
from policyc.engine.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    ERROR,
    HEADERS,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    UINT,
    Record,
    Type,
    list_of,
    map_of,
    optional_of,
    type_of,
)
from policyc.engine.values import TypeValue, UInt
from policyc.grammar import syntax
from policyc.grammar.source import Span

if TYPE_CHECKING:
    from policyc.engine.cel.scope import Scope
    from policyc.engine.function import Function, Overload
    from policyc.engine.variables import Variable
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

# Types that can be named as values: `type(x) == int`.
TYPE_NAMES: Mapping[str, Type] = {
    "bool": BOOL,
    "bytes": BYTES,
    "double": DOUBLE,
    "google.protobuf.Duration": DURATION,
    "google.protobuf.Timestamp": TIMESTAMP,
    "int": INT,
    "list": list_of(DYN),
    "map": map_of(DYN, DYN),
    "null_type": NULL,
    "string": STRING,
    "type": type_of(DYN),
    "uint": UINT,
}
_CEL_TYPE_NAMES: Mapping[str, Type] = {
    "net.CIDR": Type("net.CIDR"),
    "net.IP": Type("net.IP"),
    "optional_type": optional_of(DYN),
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
        "_expanding",
        "_nodes",
        "_serial",
        "_texts",
        "faults",
        "locals",
        "nest",
        "scope",
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
        self._expanding: list[str] = []
        self._texts: dict[int, tuple[ir.Node, Record]] = {}

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
                    return self._name(expr)
                case syntax.Select():
                    return self._select(expr)
                case syntax.Index():
                    return self._index(expr)
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

    # --- names ----------------------------------------------------------------------------------------------

    def _name(self, expr: syntax.Name) -> ir.Node:
        local = None if expr.rooted else self.locals.get(expr.name)
        if local is not None:
            return ir.Local(local.name, local.type, expr.span)
        if self.scope.is_traffic:
            return self._path(expr.name, (), expr)
        found = self._free(expr.name, expr.rooted, expr.span)
        return found if found is not None else self._unknown_free(expr.name, expr.span)

    def _select(self, expr: syntax.Select) -> ir.Node:
        if not self.scope.is_traffic:
            return self._select_free(expr)
        chain = chain_of(expr)
        if chain is not None and not self.is_local(chain[0]):
            return self._path(chain[0].name, chain[1:], expr)
        return self.select(self.value(expr.operand), expr)

    def is_local(self, name: syntax.Name) -> bool:
        """Tell whether a name is a macro's variable here."""
        return not name.rooted and name.name in self.locals

    # The cel environment: names may be dotted, and are looked for in the container.

    def _select_free(self, expr: syntax.Select) -> ir.Node:
        chain = chain_of(expr)
        if chain is not None and not self.is_local(chain[0]):
            name = ".".join([chain[0].name, *(s.field for s in chain[1:])])
            found = self._free(name, chain[0].rooted, expr.span)
            if found is not None:
                return found
        return self.select(self.value(expr.operand), expr)

    def _free(self, name: str, rooted: bool, span: Span) -> ir.Node | None:
        for full in [name] if rooted else self.scope.candidates(name):
            type = self.scope.free.get(full)
            if type is not None:
                return ir.Local(full, type, span)
            named = TYPE_NAMES.get(full) or _CEL_TYPE_NAMES.get(full)
            if named is not None:
                return ir.Const(TypeValue(full), type_of(named), span)
        return None

    def _unknown_free(self, name: str, span: Span) -> ir.Node:
        if self.scope.is_loose:
            return ir.Local(name, DYN, span)
        self.faults.unknown_variable(name, span, self.scope)
        return self.error(span)

    # Policies: the roots are lets and the namespaces of the variables.

    def _path(self, root: str, rest: Sequence[syntax.Select], expr: syntax.Expr) -> ir.Node:
        first = rest[0].operand.span if rest else expr.span
        let = self.scope.lets.get(root)
        if let is not None:
            return self._let(let, rest, first)
        if root in TYPE_NAMES:
            named: ir.Node = ir.Const(TypeValue(root), type_of(TYPE_NAMES[root]), first)
            return self._selects(named, rest)
        if root == "google":
            full = ".".join([root, *(s.field for s in rest)])
            if full in TYPE_NAMES:
                return ir.Const(TypeValue(full), type_of(TYPE_NAMES[full]), expr.span)
        if not self.scope.is_path(root):
            self.faults.unknown_variable(".".join([root, *(s.field for s in rest)]), expr.span, self.scope)
            return self.error(expr.span)
        path = root
        taken = 0
        for step in rest:
            longer = f"{path}.{step.field}"
            if not self.scope.is_path(longer):
                break
            path = longer
            taken += 1
        rest = rest[taken:]
        span = rest[0].operand.span if rest else expr.span
        variable = self.scope.variable(path)
        if rest and (variable is None or (self.scope.below(path) and not isinstance(variable.type, Record))):
            self.faults.unknown_field(path, rest[0], self.scope)
            return self.error(expr.span)
        if variable is None:
            self.faults.check_variable(path, self._any_below(path), span, self.scope)
            return self._namespace(path, span)
        self.faults.check_variable(path, variable, span, self.scope)
        return self._selects(ir.Var(variable, variable.type, span), rest)

    def _selects(self, node: ir.Node, rest: Iterable[syntax.Select]) -> ir.Node:
        for step in rest:
            node = self.select(node, step)
        return node

    def _let(self, let: syntax.Let, rest: Sequence[syntax.Select], use: Span) -> ir.Node:
        """Put a let in where it is used; its names are looked up as at the top of the file."""
        if let.name in self._expanding:
            return self.too_large(use)  # a circle, which the compiler reports as such
        before, self.locals = self.locals, {}
        self._expanding.append(let.name)
        try:
            with self.faults.inside(let, use):
                inner = chain_of(let.expr)
                if rest and inner is not None:  # `let ip = conn.client_ip`, then `ip.geo`: still one path
                    node = self._path(inner[0].name, (*inner[1:], *rest), rest[-1])
                    rest = ()
                else:
                    node = self.value(let.expr)
        finally:
            self._expanding.pop()
            self.locals = before
        return self._selects(node, rest)

    def path_of(self, chain: Sequence[syntax.Name | syntax.Select]) -> str | None:
        """Return the traffic path that a chain means, through lets that are paths; None if it is none."""
        first, *rest = chain
        assert isinstance(first, syntax.Name)
        path = first.name
        seen: set[str] = set()
        while (let := self.scope.lets.get(path.partition(".")[0])) is not None and let.name not in seen:
            seen.add(let.name)
            inner = chain_of(let.expr)
            if inner is None:
                return None
            path = ".".join([inner[0].name, *(s.field for s in inner[1:]), *path.split(".")[1:]])
        path = ".".join([path, *(s.field for s in rest if isinstance(s, syntax.Select))])
        return path if self.scope.is_path(path) else None

    def _any_below(self, path: str) -> Variable:
        """Return a variable of a namespace: those of one have the same phases."""
        while (variable := self.scope.variable(path)) is None:
            path = f"{path}.{self.scope.below(path)[0]}"
        return variable

    def _namespace(self, path: str, span: Span) -> ir.Node:
        """Return a map of what is below a namespace, as far as it always has a value."""
        entries: list[tuple[ir.Node, ir.Node, bool]] = []
        for name in self.scope.below(path):
            inner = f"{path}.{name}"
            variable = self.scope.variable(inner)
            if variable is None:
                value = self._namespace(inner, span)
            elif variable.may_fail:
                continue  # who asks for everything does not ask for an error
            else:
                value = ir.Var(variable, variable.type, span)
            entries.append((ir.Const(name, STRING, span), value, False))
        return ir.MakeMap(entries, map_of(STRING, DYN), span)

    # --- selection ------------------------------------------------------------------------------------------

    def select(self, operand: ir.Node, expr: syntax.Select) -> ir.Node:
        """Return `operand.field`."""
        type = self.types.resolve(operand.type)
        optional = expr.optional or type.name == "optional_type"
        if expr.optional and self.scope.is_traffic:
            self.faults.not_in_policies("optional field selection `.?`", expr.field_span)
            return self.error(expr.span)
        whole = self._texts.get(id(operand))
        if whole is not None and isinstance(operand, ir.Field):
            # A text with fields inside of a record: its fields lie beside it, under the longer name.
            found = whole[1].fields.get(expr.field)
            if found is None:
                self.faults.no_such_field(whole[1], expr.field, expr.field_span)
                return self.error(expr.span)
            return self._field_node(
                operand.operand, f"{operand.name}.{expr.field}", False, found.type, expr.span
            )
        inner = type.params[0] if type.name == "optional_type" and type.params else type
        result = self.field_type(inner, expr.field, expr.field_span)
        if result is None:
            return self.error(expr.span)
        name = expr.field.lower() if inner == HEADERS else expr.field
        if isinstance(operand, ir.Var):
            self.faults.check_made_by_policy(operand.variable, name, expr, self.scope)
            if operand.variable.path == "vars" and self.scope.vars:
                result = self.scope.vars.get(name, result)
        return self._field_node(
            operand, name, expr.optional, optional_of(result) if optional else result, expr.span
        )

    def _field_node(self, operand: ir.Node, name: str, optional: bool, type: Type, span: Span) -> ir.Node:
        if isinstance(type, Record) and type.is_text:
            node = ir.Field(operand, name, optional, STRING, span)
            self._texts[id(node)] = (node, type)
            return node
        return ir.Field(operand, name, optional, type, span)

    def field_type(self, type: Type, name: str, span: Span) -> Type | None:
        """Return the type of a field of a value, None if it was reported that there is none."""
        if is_open(type) or is_free(type):
            if is_free(type):
                self.types.fit((DYN,), (type,))
            return DYN
        if type == HEADERS:
            return list_of(STRING)
        if type.name == "map":
            return type.params[1]
        if isinstance(type, Record):
            if name in type.fields:
                return type.fields[name].type
            self.faults.no_such_field(type, name, span)
            return None
        if self.scope.is_loose:
            return DYN
        self.faults.no_fields(self.shown(type), name, span)
        return None

    def _index(self, expr: syntax.Index) -> ir.Node:
        operand, index = self.value(expr.operand), self.value(expr.index)
        if expr.optional and self.scope.is_traffic:
            self.faults.not_in_policies("optional indexing `[?…]`", expr.span)
            return self.error(expr.span)
        type = self.types.resolve(operand.type)
        optional = expr.optional or type.name == "optional_type"
        inner = type.params[0] if type.name == "optional_type" and type.params else type
        result = self._item_type(inner, index, expr)
        if result is None:
            return self.error(expr.span)
        if inner == HEADERS and isinstance(index, ir.Const) and isinstance(index.value, str):
            index = ir.Const(index.value.lower(), index.type, index.span)
        if isinstance(operand, ir.Var) and isinstance(index, ir.Const) and isinstance(index.value, str):
            self.faults.check_made_by_policy(operand.variable, index.value, expr, self.scope)
            if operand.variable.path == "vars" and self.scope.vars:
                result = self.scope.vars.get(index.value, result)
        if isinstance(result, Record) and result.is_text:
            result = STRING
        node_type = optional_of(result) if optional else result
        return ir.At(operand, index, expr.optional, node_type, expr.span)

    def _item_type(self, type: Type, index: ir.Node, expr: syntax.Index) -> Type | None:
        if is_open(type) or is_free(type):
            return DYN
        if type.name == "list":
            if self.types.fit((index.type,), (INT,)) or self.scope.is_loose:
                return type.params[0]
        elif type.name == "map":
            if self.types.fit((index.type,), (type.params[0],)) or self.scope.is_loose:
                return type.params[1]
        elif type == HEADERS:
            if self.types.fit((index.type,), (STRING,)):
                return list_of(STRING)
        elif isinstance(type, Record):
            if isinstance(index, ir.Const) and isinstance(index.value, str):
                return self.field_type(type, index.value, index.span)
            if self.types.fit((index.type,), (STRING,)):
                return DYN
        elif self.scope.is_loose:
            return DYN
        else:
            self.faults.no_items(self.shown(type), expr.span)
            return None
        self.faults.wrong_index(self.shown(type), self.shown(index.type), index.span)
        return None

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
        chain = chain_of(target)
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
        is_known = not self.scope.is_traffic or self.scope.is_path(root) or root in TYPE_NAMES
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
        chosen, result = self.resolve(function, args, method)
        if result is None:
            if self.scope.is_loose:
                same = tuple(
                    o for o in function.overloads if o.method is method and len(o.params) == len(args)
                )
                return ir.Apply(name, same, args, DYN, span)
            if not any(arg.type == ERROR for arg in args):
                types = [self.shown(arg.type) for arg in args]
                fits = self._could_fit(function, args, method)
                self.faults.no_overload(function, args, types, fits, span, name_span, method, operator)
            return self.error(span)
        self.faults.check_function(function, chosen, name_span, self.scope)
        node = ir.Apply(name, chosen, args, result, span)
        if self.scope.is_traffic:
            constants.look(node, self.faults)
        return node

    def resolve(
        self, function: Function, args: Sequence[ir.Node], method: bool
    ) -> tuple[tuple[Overload, ...], Type | None]:
        """Return the overloads that the arguments allow, and the type of the result; None if none fits."""
        have = [arg.type for arg in args]
        chosen: list[Overload] = []
        result: Type | None = None
        for overload in function.overloads:
            if overload.method is not method or len(overload.params) != len(have):
                continue
            *want, gives = self.types.renamed((*overload.params, overload.result))
            if not self.types.fit(have, want):
                continue
            gives = self.types.resolve(gives)
            if any(h == HEADERS and w == HEADERS for h, w in zip(have, want, strict=True)):
                return (overload,), gives
            # No later one can be meant; but headers, which are a map too, wait for their own overload.
            sure = map(is_certain, map(self.types.resolve, have), overload.params)
            if not chosen and HEADERS not in have and all(sure):
                return (overload,), gives
            chosen.append(overload)
            if result is None:
                result = gives
            elif not is_open(result) and result != gives:
                result = DYN
        return tuple(chosen), result

    def _could_fit(self, function: Function, args: Sequence[ir.Node], method: bool) -> str | None:
        """Return which slip explains that nothing fits: a list where its item would do, …; None if none."""
        for at, arg in enumerate(args):
            type = self.types.resolve(arg.type)
            if type.name == "list" and self._fits_with(function, args, method, at, type.params[0]):
                return f"item {at}"
        for at, arg in enumerate(args):
            if isinstance(arg, ir.Const) and isinstance(arg.value, str):
                for kind in (INT, DOUBLE, BOOL):
                    if _reads_as(arg.value, kind) and self._fits_with(function, args, method, at, kind):
                        return f"unquote {at}"
            if isinstance(arg, ir.Const) and arg.type in (INT, DOUBLE, BOOL, UINT):
                if self._fits_with(function, args, method, at, STRING):
                    return f"quote {at}"
                if arg.type == INT and self._fits_with(function, args, method, at, DOUBLE):
                    return f"double {at}"
        for kind in (BYTES, STRING, INT, DOUBLE):
            for at, arg in enumerate(args):
                pair = (self.types.resolve(arg.type), kind)
                if pair in _CONVERTIBLE and self._fits_with(function, args, method, at, kind):
                    return f"convert.{kind.name} {at}"
        if self.resolve(function, args, not method)[1] is not None:
            return "as function" if method else "as method"
        return None

    def _fits_with(
        self, function: Function, args: Sequence[ir.Node], method: bool, at: int, type: Type
    ) -> bool:
        tried = [*args[:at], ir.Const(None, type, args[at].span), *args[at + 1 :]]
        return self.resolve(function, tried, method)[1] is not None


# What a hint may propose to convert, where nothing simpler explains the mistake.
_CONVERTIBLE = frozenset(
    {(STRING, BYTES), (INT, STRING), (UINT, STRING), (DOUBLE, STRING), (BOOL, STRING), (STRING, INT)}
    | {(UINT, INT), (INT, DOUBLE), (UINT, DOUBLE)}
)


def _reads_as(text: str, type: Type) -> bool:
    if type == BOOL:
        return text in ("true", "false")
    digits = text.removeprefix("-")
    if type == DOUBLE:
        whole, _, part = digits.partition(".")
        return whole.isdecimal() and part.isdecimal()
    return digits.isascii() and digits.isdecimal()


def chain_of(expr: syntax.Expr) -> tuple[syntax.Name, *tuple[syntax.Select, ...]] | None:
    """Return `a.b.c` as its name and its selections, None if the expression is no such chain."""
    steps: list[syntax.Select] = []
    while isinstance(expr, syntax.Select) and not expr.optional:
        steps.append(expr)
        expr = expr.operand
    return (expr, *reversed(steps)) if isinstance(expr, syntax.Name) else None
