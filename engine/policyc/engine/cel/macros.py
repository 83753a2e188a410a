"""The macros: calls whose arguments are not simply evaluated.

`expand` gives the node of a call that is a macro, None of any other. A macro is known by its name, its number
of arguments and whether it has a target, as the specification says; a call of that name in another shape is
reported unless a function takes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from policyc.engine.cel import ir, members, names
from policyc.engine.cel.unify import is_free, is_open
from policyc.engine.types import (
    BOOL,
    DYN,
    ERROR,
    HEADERS,
    INT,
    STRING,
    Record,
    Type,
    list_of,
    map_of,
    optional_of,
)
from policyc.grammar import syntax

if TYPE_CHECKING:
    from policyc.engine.cel.check import Checker

# name → number of arguments → kind of loop (ir.Loop)
_LOOPS: Mapping[str, Mapping[int, str]] = {
    "all": {2: "all"},
    "exists": {2: "exists"},
    "exists_one": {2: "exists_one"},
    "existsOne": {2: "exists_one"},
    "filter": {2: "filter"},
    "map": {2: "map", 3: "map_filter"},
    "sortBy": {2: "sort_by"},
}
_TWO_VARIABLE_LOOPS: Mapping[str, Mapping[int, str]] = {
    "all": {3: "all"},
    "exists": {3: "exists"},
    "exists_one": {3: "exists_one"},
    "existsOne": {3: "exists_one"},
    "transformList": {3: "transform_list", 4: "transform_list"},
    "transformMap": {3: "transform_map", 4: "transform_map"},
    "transformMapEntry": {3: "transform_map_entry", 4: "transform_map_entry"},
}
_SHAPES: Mapping[str, str] = {
    "all": "list.all(x, condition)",
    "exists": "list.exists(x, condition)",
    "exists_one": "list.exists_one(x, condition)",
    "existsOne": "list.existsOne(x, condition)",
    "filter": "list.filter(x, condition)",
    "map": "list.map(x, value)",
    "sortBy": "list.sortBy(x, key)",
}
_SORTABLE = frozenset({"int", "uint", "double", "bool", "duration", "timestamp", "string", "bytes"})


def expand(checker: Checker, call: syntax.Call) -> ir.Node | None:
    """Return what a macro call means, None if the call is none."""
    name = call.function
    if call.target is None:
        return _has(checker, call) if name == "has" else None
    if _is_optional_namespace(checker, call.target):
        checker.faults.not_in_policies("optional values", call.target.span)
        return checker.error(call.span)
    if isinstance(call.target, syntax.Name) and call.target.name in ("cel", "math"):
        special = _NAMESPACED.get(f"{call.target.name}.{name}")
        if special is not None and call.target.name not in checker.locals:
            return special(checker, call)
    if name in ("optMap", "optFlatMap"):
        return _opt_map(checker, call)
    count = len(call.args)
    kind = _TWO_VARIABLE_LOOPS.get(name, {}).get(count)
    if kind is not None:
        if checker.scope.is_traffic:
            checker.faults.not_in_policies("two-variable macros", call.function_span)
            return checker.error(call.span)
        return _two_variable_loop(checker, call, kind)
    loops = _LOOPS.get(name)
    if loops is None:
        if name in _TWO_VARIABLE_LOOPS and checker.scope.is_traffic:
            checker.faults.not_in_policies("two-variable macros", call.function_span)
            return checker.error(call.span)
        return None
    kind = loops.get(count)
    if kind is not None:
        return _loop(checker, call, kind)
    if checker.scope.function(name) is None and not checker.scope.is_loose:
        message = f"`{name}` does not take {count} argument{'' if count == 1 else 's'}"
        checker.faults.macro_shape(message, call.function_span, f"write `{_SHAPES[name]}`")
        return checker.error(call.span)
    return None


def _is_optional_namespace(checker: Checker, target: syntax.Expr) -> bool:
    """Tell whether this is the `optional` of `optional.of(x)` in a policy, which knows no such thing."""
    return (
        checker.scope.is_traffic
        and isinstance(target, syntax.Name)
        and target.name == "optional"
        and "optional" not in checker.locals
        and "optional" not in checker.scope.lets
    )


# --- has ----------------------------------------------------------------------------------------------------


def _has(checker: Checker, call: syntax.Call) -> ir.Node:
    if len(call.args) != 1:
        checker.faults.macro_shape("`has` takes one argument", call.function_span, "write `has(a.b)`")
        return checker.error(call.span)
    (arg,) = call.args
    if isinstance(arg, syntax.Select):
        chain = names.chain_of(arg)
        if checker.scope.is_traffic and chain is not None and not checker.is_local(chain[0]):
            path = names.path_of(checker, chain)
            if path is not None:
                return _has_path(checker, path, call)
            outer = names.chain_of(arg.operand)
            inner = None if outer is None else names.path_of(checker, outer)
            if inner is not None and names.has_fixed_fields(checker, inner):
                checker.faults.unknown_field(inner, (arg,), checker.scope)
                return checker.error(call.span)
        return _has_field(checker, arg, call)
    if isinstance(arg, syntax.Index) and checker.scope.is_traffic:
        return _has_item(checker, arg, call)
    if isinstance(arg, syntax.Name) and checker.scope.is_traffic and not checker.is_local(arg):
        path = names.path_of(checker, (arg,))
        if path is not None and "." in path:  # a let that is a path
            return _has_path(checker, path, call)
    checker.faults.macro_shape("`has` takes a selection like `a.b`", arg.span)
    return checker.error(call.span)


def _has_path(checker: Checker, path: str, call: syntax.Call) -> ir.Node:
    """Return the test of a variable, or of a namespace: whether anything below it is there."""
    scope = checker.scope
    variable = scope.variable(path)
    if variable is not None:
        checker.faults.check_variable(path, variable, call.args[0].span, scope)
        return ir.HasVar(variable, BOOL, call.span)
    operands = tuple([_has_path(checker, f"{path}.{name}", call) for name in scope.below(path)])
    return operands[0] if len(operands) == 1 else ir.Or(operands, BOOL, call.span)


def _has_field(checker: Checker, arg: syntax.Select, call: syntax.Call) -> ir.Node:
    operand = checker.value(arg.operand)
    # Selecting checks the field; the node it makes is dropped, but for its operand and name.
    before = checker.scope.vars, checker.scope.acted
    if checker.scope.is_traffic:
        checker.scope.vars = checker.scope.acted = (
            None  # asking is no reading: no warning of what nothing set
        )
    try:
        field = members.select(checker, operand, arg)
    finally:
        checker.scope.vars, checker.scope.acted = before
    if not isinstance(field, ir.Field):
        return checker.error(call.span)
    return ir.HasField(field.operand, field.name, BOOL, call.span)


def _has_item(checker: Checker, arg: syntax.Index, call: syntax.Call) -> ir.Node:
    """`has(m[k])` is `k in m`, `has(l[i])` is whether there are so many items (spec/variables.md §9.7)."""
    operand, index = checker.value(arg.operand), checker.value(arg.index)
    type = checker.types.resolve(operand.type)
    if type.name == "list":
        size = checker.apply("size", (operand,), arg.span, arg.span)
        return checker.apply("_<_", (index, size), call.span, arg.span, operator=True)
    has_names = is_open(type) or isinstance(type, Record) or type == HEADERS or type.name == "map"
    if has_names and isinstance(index, ir.Const) and isinstance(index.value, str):
        name = index.value.lower() if type == HEADERS else index.value
        if isinstance(type, Record) and members.field_type(checker, type, name, index.span) is None:
            return checker.error(call.span)
        if type.name == "map" and not checker.types.fit((STRING,), (type.params[0],)):
            checker.faults.wrong_index(checker.shown(type), STRING, index.span)
            return checker.error(call.span)
        return ir.HasField(operand, name, BOOL, call.span)
    return checker.apply("_in_", (index, operand), call.span, arg.span, operator=True)


# --- loops --------------------------------------------------------------------------------------------------


def _variable(checker: Checker, call: syntax.Call, expr: syntax.Expr) -> str | None:
    """Return the name of a loop's variable, None if it was reported that there is none."""
    if isinstance(expr, syntax.Name) and not expr.rooted:
        return expr.name
    made = _made_name(expr)
    if made is not None:
        return made
    hint = f"write `{_SHAPES[call.function]}`" if call.function in _SHAPES else None
    checker.faults.macro_shape(f"`{call.function}` wants the name of a variable here", expr.span, hint)
    return None


def _made_name(expr: syntax.Expr) -> str | None:
    """Return the name that `cel.iterVar(0, 1)` and `cel.accuVar(0, 1)` stand for."""
    if (
        isinstance(expr, syntax.Call)
        and expr.function in ("iterVar", "accuVar")
        and isinstance(expr.target, syntax.Name)
        and expr.target.name == "cel"
        and len(expr.args) == 2
        and all(isinstance(a, syntax.Literal) and a.kind == "int" for a in expr.args)
    ):
        numbers = "_".join(str(a.value) for a in expr.args if isinstance(a, syntax.Literal))
        return f"{expr.function}_{numbers}"
    return None


def _range(checker: Checker, call: syntax.Call, over: ir.Node) -> tuple[Type, Type]:
    """Return the types of (index or key, item or value) of what a loop goes over."""
    type = checker.types.resolve(over.type)
    if type.name == "list":
        return INT, type.params[0]
    if type.name == "map":
        return type.params[0], type.params[1]
    if type == HEADERS:
        return STRING, list_of(STRING)
    if isinstance(type, Record) and not type.is_text:
        return STRING, DYN
    if not (is_open(type) or is_free(type) or checker.scope.is_loose):
        assert call.target is not None
        checker.faults.cannot_loop(call.function, checker.shown(type), call.target.span)
        return ERROR, ERROR
    if is_free(type):
        checker.types.fit((DYN,), (type,))
    return DYN, DYN


def _is_list(checker: Checker, over: ir.Node) -> bool:
    return checker.types.resolve(over.type).name == "list"


def _enter(checker: Checker, call: syntax.Call) -> bool:
    from policyc.engine.cel.check import NEST_LIMIT

    if checker.nest >= NEST_LIMIT and checker.scope.is_traffic:
        checker.faults.too_nested(NEST_LIMIT, call.function_span)
        return False
    return True


def _loop(checker: Checker, call: syntax.Call, kind: str) -> ir.Node:
    assert call.target is not None
    over = checker.value(call.target)
    name = _variable(checker, call, call.args[0])
    if name is None or not _enter(checker, call):
        return checker.error(call.span)
    index, item = _range(checker, call, over)
    local = checker.fresh(name, item if _is_list(checker, over) else index, call.args[0].span)
    guard = None
    checker.nest += 1
    with checker.bound({name: local}):
        if kind == "map_filter":
            guard = _condition(checker, call, call.args[1])
        last = call.args[-1]
        body = (
            checker.value(last)
            if kind in ("map", "map_filter", "sort_by")
            else _condition(checker, call, last)
        )
    checker.nest -= 1
    return ir.Loop(
        kind, over, local.name, None, guard, body, _loop_type(checker, kind, local, body), call.span
    )


def _loop_type(checker: Checker, kind: str, local: ir.Local, body: ir.Node) -> Type:
    if kind in ("all", "exists", "exists_one"):
        return BOOL
    if kind == "filter":
        return list_of(local.type)
    if kind == "sort_by":
        key = checker.types.resolve(body.type)
        if not (is_open(key) or is_free(key) or key.name in _SORTABLE):
            checker.faults.cannot_sort(checker.shown(key), body.span)
        return list_of(local.type)
    return list_of(body.type)


def _condition(checker: Checker, call: syntax.Call, expr: syntax.Expr) -> ir.Node:
    node = checker.value(expr)
    if not checker.types.fit((node.type,), (BOOL,)) and not checker.scope.is_loose:
        checker.faults.wrong_operand(call.function, node, checker.shown(node.type), expr.span)
    return node


def _two_variable_loop(checker: Checker, call: syntax.Call, kind: str) -> ir.Node:
    assert call.target is not None
    over = checker.value(call.target)
    key, value = (_variable(checker, call, arg) for arg in call.args[:2])
    if key is None or value is None or not _enter(checker, call):
        return checker.error(call.span)
    if key == value:
        checker.faults.macro_shape("the two variables have one name", call.args[1].span)
        return checker.error(call.span)
    key_type, value_type = _range(checker, call, over)
    locals_ = {
        key: checker.fresh(key, key_type, call.args[0].span),
        value: checker.fresh(value, value_type, call.args[1].span),
    }
    guard = None
    checker.nest += 1
    with checker.bound(locals_):
        if len(call.args) == 4:
            guard = _condition(checker, call, call.args[2])
        last = call.args[-1]
        body = checker.value(last) if kind.startswith("transform") else _condition(checker, call, last)
    checker.nest -= 1
    type = BOOL
    if kind == "transform_list":
        type = list_of(body.type)
    elif kind == "transform_map":
        type = map_of(key_type, body.type)
    elif kind == "transform_map_entry":
        made = map_of(checker.types.free(), checker.types.free())
        checker.expect(body, made, call.args[-1].span)
        type = checker.types.resolve(made)
    return ir.Loop(kind, over, locals_[key].name, locals_[value].name, guard, body, type, call.span)


# --- optionals, cel.*, math.* -------------------------------------------------------------------------------


def _opt_map(checker: Checker, call: syntax.Call) -> ir.Node | None:
    if checker.scope.is_traffic:
        checker.faults.not_in_policies("optional values", call.function_span)
        return checker.error(call.span)
    if len(call.args) != 2:
        return None
    assert call.target is not None
    operand = checker.value(call.target)
    name = _variable(checker, call, call.args[0])
    if name is None:
        return checker.error(call.span)
    inner = checker.types.free()
    checker.expect(operand, optional_of(inner), call.target.span)
    local = checker.fresh(name, checker.types.resolve(inner), call.args[0].span)
    with checker.bound({name: local}):
        body = checker.value(call.args[1])
    flat = call.function == "optFlatMap"
    if flat:
        result = checker.types.free()
        checker.expect(body, optional_of(result), call.args[1].span)
        type = optional_of(checker.types.resolve(result))
    else:
        type = optional_of(body.type)
    return ir.OptMap(operand, local.name, body, flat, type, call.span)


def _bind(checker: Checker, call: syntax.Call) -> ir.Node | None:
    if checker.scope.is_traffic or len(call.args) != 3:
        return None
    name = _variable(checker, call, call.args[0])
    if name is None:
        return checker.error(call.span)
    value = checker.value(call.args[1])
    local = checker.fresh(name, value.type, call.args[0].span)
    with checker.bound({name: local}):
        body = checker.value(call.args[2])
    return ir.Bind(local.name, value, body, body.type, call.span)


def _block(checker: Checker, call: syntax.Call) -> ir.Node | None:
    """`cel.block([a, b], body)`: `cel.index(i)` in `body`, and in later items, is item i, evaluated once."""
    if checker.scope.is_traffic or len(call.args) != 2 or not isinstance(call.args[0], syntax.ListLiteral):
        return None
    items: list[tuple[ir.Local, ir.Node]] = []
    names: dict[str, ir.Local] = {}
    for number, item in enumerate(call.args[0].items):
        with checker.bound(names):
            value = checker.value(item)
        local = checker.fresh(f"index_{number}", value.type, item.span)
        names[f"@index{number}"] = local
        items.append((local, value))
    with checker.bound(names):
        node = checker.value(call.args[1])
    for local, value in reversed(items):
        node = ir.Bind(local.name, value, node, node.type, call.span)
    return node


def _block_name(checker: Checker, call: syntax.Call) -> ir.Node | None:
    """`cel.index(i)`, `cel.iterVar(i, j)`, `cel.accuVar(i, j)` where they are read."""
    if checker.scope.is_traffic:
        return None
    name = _made_name(call)
    if name is None and len(call.args) == 1 and isinstance(call.args[0], syntax.Literal):
        name = f"@index{call.args[0].value!r}"
    local = checker.locals.get(name) if name is not None else None
    if local is None:
        checker.faults.macro_shape("nothing in the block has this number", call.span)
        return checker.error(call.span)
    return ir.Local(local.name, local.type, call.span)


def _extreme(checker: Checker, call: syntax.Call) -> ir.Node | None:
    """`math.greatest(a, b, c, …)` and `math.least`: any number of arguments, from three on as one list."""
    name = f"math.{call.function}"
    if checker.scope.function(name) is None:
        return None
    if not call.args:
        checker.faults.macro_shape(f"`{name}` takes at least one argument", call.function_span)
        return checker.error(call.span)
    args = checker.values(call.args)
    for arg in args:
        type = checker.types.resolve(arg.type)
        simple = type.name in ("int", "uint", "double") or is_open(type) or is_free(type)
        if not simple and not (len(args) == 1 and type.name == "list"):
            checker.faults.macro_shape(f"`{name}` takes numbers or one list of numbers", arg.span)
            return checker.error(call.span)
    if len(args) > 2:
        item: Type | None = None
        for arg in args:
            joined = arg.type if item is None else checker.types.join(item, arg.type)
            item = DYN if joined is None else joined
        args = (ir.MakeList(args, (False,) * len(args), list_of(item or DYN), call.span),)
    return checker.apply(name, args, call.span, call.function_span)


_NAMESPACED: Mapping[str, Callable[[Checker, syntax.Call], ir.Node | None]] = {
    "cel.accuVar": _block_name,
    "cel.bind": _bind,
    "cel.block": _block,
    "cel.index": _block_name,
    "cel.iterVar": _block_name,
    "math.greatest": _extreme,
    "math.least": _extreme,
}
