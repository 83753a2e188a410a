"""The plain evaluator: one closure per node, errors as values.

It is the oracle of the generated code, what that code falls back to when anything raises, and what a trace
watches. Rules. 1. Inside, an `EvalError` is a value: `&&`, `||`, `?:`, `all` and `exists` absorb it as CEL
says, everything else passes it on; it is raised at the top. 2. Arguments are evaluated from left to right,
and the first error is the one that is passed on. 3. Only `EvalError` is an error of the expression; any
other exception is a defect of ours and escapes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, assert_never, cast

from policyc.engine.cel import ir, select
from policyc.engine.cel.coerce import type_name
from policyc.engine.cel.depth import room
from policyc.engine.cel.dispatch import dispatcher, known_overload
from policyc.engine.cel.order import sort_by
from policyc.engine.types import HEADERS, Record
from policyc.engine.values import NONE, EvalError, Optional, make_map

if TYPE_CHECKING:
    from policyc.engine.traffic import Exchange
    from policyc.engine.variables import Variable

Env = dict[str, Any]
Eval = Callable[["Exchange | None", Env], Any]
Watch = Callable[[ir.Node, object], None]


def plan(node: ir.Node, watch: Watch | None = None) -> Callable[[Exchange | None, Mapping[str, Any]], Any]:
    """Return the evaluator of `node`: takes the exchange and the values of free locals, raises EvalError.

    `watch` is called with every node that was evaluated and its value (an EvalError where it failed), inner
    ones first; a node in a loop is reported once per turn.
    """
    with room():
        evaluate = _Planner(watch).of(node)

    def run(x: Exchange | None, env: Mapping[str, Any]) -> Any:
        value = evaluate(x, dict(env))
        if isinstance(value, EvalError):
            raise value
        return value

    return run


def read_variable(variable: Variable, x: Any) -> Any:
    """Return the value of a declared variable, or its zero; raises EvalError if it is absent and has none."""
    record = x if variable.record == "x" else getattr(x, variable.record)
    value = record
    for name in variable.slot.split("."):
        value = getattr(value, name)
    if value is None and variable.fill is not None:
        value = variable.fill(record)
    if value is None:
        value = variable.zero
    if value is None:
        raise absent(variable.path)
    return value


def has_variable(variable: Variable, x: Any) -> bool:
    """Return whether a declared variable is present."""
    record = x if variable.record == "x" else getattr(x, variable.record)
    if variable.present is not None:
        return variable.present(record)
    if variable.fill is not None:
        return True
    value = record
    for name in variable.slot.split("."):
        value = getattr(value, name)
    return value is not None


def absent(path: str) -> EvalError:
    """Return the error of reading a variable that is absent and has no zero."""
    return EvalError("absent", f"`{path}` is absent")


class _Lazy:
    """A binding that has not been read yet."""

    __slots__ = ("value",)

    def __init__(self, value: Eval) -> None:
        self.value = value


def _no_bool(value: object) -> EvalError:
    return EvalError("no_such_overload", f"no such overload: {type_name(value)} where a bool is wanted")


def _pairs(over: Any, two: bool) -> Iterable[tuple[Any, Any]] | EvalError:
    """Return what a loop goes over, as (first variable, second variable)."""
    if isinstance(over, dict):
        return over.items() if two else ((key, None) for key in over)
    if isinstance(over, list | tuple):
        return enumerate(over) if two else ((item, None) for item in over)
    return EvalError("no_such_overload", f"no such overload: cannot loop over {type_name(over)}")


class _Planner:
    __slots__ = ("_watch",)

    def __init__(self, watch: Watch | None) -> None:
        self._watch = watch

    def of(self, node: ir.Node) -> Eval:
        """Return the closure of `node`; it returns errors, never raises them."""
        evaluate = self._plain(cast("ir.AnyNode", node))
        watch = self._watch
        if watch is None:
            return evaluate

        def watched(x: Exchange | None, env: Env) -> Any:
            value = evaluate(x, env)
            watch(node, value)
            return value

        return watched

    def _plain(self, node: ir.AnyNode) -> Eval:
        match node:
            case ir.Const():
                return self._const(node)
            case ir.Var():
                return self._var(node)
            case ir.Local():
                return self._local(node)
            case ir.Field():
                return self._field(node)
            case ir.At():
                return self._at(node)
            case ir.HasVar():
                return self._has_var(node)
            case ir.HasField():
                return self._has_field(node)
            case ir.Apply():
                return self._apply(node)
            case ir.Not():
                return self._not(node)
            case ir.And():
                return self._and(node)
            case ir.Or():
                return self._or(node)
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

    def _const(self, node: ir.Const) -> Eval:
        value = node.value
        return lambda x, env: value

    def _var(self, node: ir.Var) -> Eval:
        return _caught(lambda x, env: read_variable(node.variable, x))

    def _has_var(self, node: ir.HasVar) -> Eval:
        return _caught(lambda x, env: has_variable(node.variable, x))

    def _local(self, node: ir.Local) -> Eval:
        name = node.name

        def local(x: Exchange | None, env: Env) -> Any:
            if name not in env:
                return EvalError("no_such_variable", f"no value for `{name}`")
            value = env[name]
            if type(value) is _Lazy:
                value = env[name] = value.value(x, env)
            return value

        return local

    def _field(self, node: ir.Field) -> Eval:
        get = select.optional_field if node.optional else select.field
        return self._strict((node.operand,), lambda x, operand: get(operand, node.name))

    def _has_field(self, node: ir.HasField) -> Eval:
        has = has_test(node)
        return self._strict((node.operand,), lambda x, operand: has(operand, node.name))

    def _at(self, node: ir.At) -> Eval:
        get = select.optional_at if node.optional else select.at
        if node.operand.type == HEADERS:
            return self._strict(
                (node.operand, node.index),
                lambda x, operand, key: get(operand, select.text_of(key, "a header name").lower()),
            )
        return self._strict((node.operand, node.index), lambda x, operand, key: get(operand, key))

    def _apply(self, node: ir.Apply) -> Eval:
        return self._strict(node.args, applied(node))

    def _strict(self, nodes: tuple[ir.Node, ...], body: Callable[..., Any]) -> Eval:
        """Evaluate the nodes, then `body(x, values…)`; the first error ends it."""
        evals = [self.of(n) for n in nodes]

        def strict(x: Exchange | None, env: Env) -> Any:
            values = []
            for evaluate in evals:
                value = evaluate(x, env)
                if isinstance(value, EvalError):
                    return value
                values.append(value)
            try:
                return body(x, *values)
            except EvalError as error:
                return error

        return strict

    def _not(self, node: ir.Not) -> Eval:
        operand = self.of(node.operand)

        def negate(x: Exchange | None, env: Env) -> Any:
            value = operand(x, env)
            if isinstance(value, EvalError):
                return value
            return not value if isinstance(value, bool) else _no_bool(value)

        return negate

    def _and(self, node: ir.And) -> Eval:
        return _joined([self.of(n) for n in node.operands], False)

    def _or(self, node: ir.Or) -> Eval:
        return _joined([self.of(n) for n in node.operands], True)

    def _if(self, node: ir.If) -> Eval:
        test, yes, no = self.of(node.test), self.of(node.yes), self.of(node.no)

        def choose(x: Exchange | None, env: Env) -> Any:
            value = test(x, env)
            if isinstance(value, EvalError):
                return value
            if not isinstance(value, bool):
                return _no_bool(value)
            return yes(x, env) if value else no(x, env)

        return choose

    def _make_list(self, node: ir.MakeList) -> Eval:
        return self._strict(node.items, lambda x, *items: make_list(items, node.optional))

    def _make_map(self, node: ir.MakeMap) -> Eval:
        flat = tuple(part for key, value, _ in node.entries for part in (key, value))
        optional = tuple(entry[2] for entry in node.entries)
        return self._strict(
            flat, lambda x, *parts: make_map_of(zip(parts[::2], parts[1::2], optional, strict=True))
        )

    def _loop(self, node: ir.Loop) -> Eval:
        over = self.of(node.over)
        guard = None if node.guard is None else self.of(node.guard)
        body = self.of(node.body)
        key_name, value_name = node.key, node.value
        finish = _LOOPS[node.kind]

        def loop(x: Exchange | None, env: Env) -> Any:
            source = over(x, env)
            if isinstance(source, EvalError):
                return source
            pairs = _pairs(source, value_name is not None)
            if isinstance(pairs, EvalError):
                return pairs

            def turns() -> Iterable[tuple[Any, Any]]:
                """Give (first variable, value of the body) for the turns that the guard lets through."""
                for key, value in pairs:
                    env[key_name] = key
                    if value_name is not None:
                        env[value_name] = value
                    if guard is not None:
                        let_through = guard(x, env)
                        if let_through is False:
                            continue
                        if let_through is not True:
                            failed = isinstance(let_through, EvalError)
                            yield key, let_through if failed else _no_bool(let_through)
                            return
                    yield key, body(x, env)

            return finish(source, turns())

        return loop

    def _bind(self, node: ir.Bind) -> Eval:
        value, body, name = self.of(node.value), self.of(node.body), node.name

        def bind(x: Exchange | None, env: Env) -> Any:
            env[name] = _Lazy(value)
            return body(x, env)

        return bind

    def _opt_map(self, node: ir.OptMap) -> Eval:
        operand, body, name, flat = self.of(node.operand), self.of(node.body), node.name, node.flat

        def opt_map(x: Exchange | None, env: Env) -> Any:
            value = operand(x, env)
            if isinstance(value, EvalError):
                return value
            if type(value) is not Optional:
                return _no_optional(value)
            if not value.present:
                return NONE
            env[name] = value.value
            made = body(x, env)
            if isinstance(made, EvalError):
                return made
            if not flat:
                return Optional(True, made)
            return made if type(made) is Optional else _no_optional(made)

        return opt_map


def applied(node: ir.Apply) -> Callable[..., Any]:
    """Return what a call node runs, as a callable of (exchange, arguments…)."""
    overload = known_overload(node.overloads, node.args)
    if overload is None:
        return dispatcher(node.function, node.overloads)
    body = overload.body
    return body if overload.needs_exchange else lambda x, *args: body(*args)


def has_test(node: ir.HasField) -> Callable[[Any, str], bool]:
    """Return the test of presence that the field wants."""
    record = node.operand.type
    field = record.fields.get(node.name) if isinstance(record, Record) else None
    return select.has_set_field if field is not None and field.absent_when_zero else select.has_field


def make_list(items: Iterable[Any], optional: Iterable[bool]) -> list[Any]:
    """Return the list without the absent ones of the items marked optional."""
    made = []
    for item, maybe in zip(items, optional, strict=True):
        if not maybe:
            made.append(item)
        elif type(item) is not Optional:
            raise _no_optional(item)
        elif item.present:
            made.append(item.value)
    return made


def make_map_of(entries: Iterable[tuple[Any, Any, bool]]) -> dict[Any, Any]:
    """Return the map of (key, value, optional) without the absent ones of the entries marked optional."""
    pairs = []
    for key, value, maybe in entries:
        if not maybe:
            pairs.append((key, value))
        elif type(value) is not Optional:
            raise _no_optional(value)
        elif value.present:
            pairs.append((key, value.value))
    return make_map(pairs)


def merge(maps: Iterable[Any]) -> dict[Any, Any]:
    """Return one map of all entries; raises EvalError for a repeated key, or for what is no map."""
    pairs: list[tuple[Any, Any]] = []
    for made in maps:
        if not isinstance(made, dict):
            raise EvalError("no_such_overload", f"no such overload: {type_name(made)} where a map is wanted")
        pairs.extend(made.items())
    return make_map(pairs)


def _no_optional(value: object) -> EvalError:
    return EvalError("no_such_overload", f"no such overload: {type_name(value)} where an optional is wanted")


def _caught(read: Eval) -> Eval:
    def caught(x: Exchange | None, env: Env) -> Any:
        try:
            return read(x, env)
        except EvalError as error:
            return error

    return caught


def _joined(operands: list[Eval], decisive: bool) -> Eval:
    """`&&` (decisive is false) and `||` (decisive is true): a decisive operand wins over any error."""

    def join(x: Exchange | None, env: Env) -> Any:
        return _absorbed((operand(x, env) for operand in operands), decisive)

    return join


def _absorbed(values: Iterable[Any], decisive: bool) -> Any:
    failed: EvalError | None = None
    for value in values:
        if value is decisive:
            return decisive
        if not isinstance(value, bool):
            failed = failed or (value if isinstance(value, EvalError) else _no_bool(value))
    return not decisive if failed is None else failed


Turns = Iterable[tuple[Any, Any]]


def _all(source: Any, turns: Turns) -> Any:
    return _absorbed((value for _, value in turns), False)


def _exists(source: Any, turns: Turns) -> Any:
    return _absorbed((value for _, value in turns), True)


def _exists_one(source: Any, turns: Turns) -> Any:
    found = 0
    for _, value in turns:
        if not isinstance(value, bool):
            return value if isinstance(value, EvalError) else _no_bool(value)
        found += value
    return found == 1


def _collect(source: Any, turns: Turns) -> Any:
    made = []
    for _, value in turns:
        if isinstance(value, EvalError):
            return value
        made.append(value)
    return made


def _filter(source: Any, turns: Turns) -> Any:
    made = []
    for key, value in turns:
        if not isinstance(value, bool):
            return value if isinstance(value, EvalError) else _no_bool(value)
        if value:
            made.append(key)
    return made


def _to_map(source: Any, turns: Turns) -> Any:
    pairs = []
    for key, value in turns:
        if isinstance(value, EvalError):
            return value
        pairs.append((key, value))
    return make_map(pairs)


def _to_merged_map(source: Any, turns: Turns) -> Any:
    made = _collect(source, turns)
    if isinstance(made, EvalError):
        return made
    try:
        return merge(made)
    except EvalError as error:
        return error


def _sort_by(source: Any, turns: Turns) -> Any:
    keys = _collect(source, turns)
    if isinstance(keys, EvalError):
        return keys
    try:
        return sort_by(list(source), keys)
    except EvalError as error:
        return error


_LOOPS: Mapping[str, Callable[[Any, Turns], Any]] = {
    "all": _all,
    "exists": _exists,
    "exists_one": _exists_one,
    "map": _collect,
    "map_filter": _collect,
    "filter": _filter,
    "transform_list": _collect,
    "transform_map": _to_map,
    "transform_map_entry": _to_merged_map,
    "sort_by": _sort_by,
}
