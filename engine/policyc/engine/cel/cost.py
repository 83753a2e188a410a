"""What an expression costs at most, for any request that keeps to the limits: units of about 10 ns.

The cost is that of the generated code with every operand evaluated and every loop run to its end. An
expression that fails is evaluated a second time by the plain evaluator, which takes several times as long:
that is the same bound, with a larger unit. What a variable costs to work out for the first time is the
gateway's price for a message, not the expression's. Source: cel-go's cost estimate, which Kubernetes bounds
in the same way; research/reliability.md §4.

Rules. 1. A declaration says what a call costs (`Overload.cost`) and how large its result is (`size`); nodes
are priced here. 2. What a loop does to the characters and values of its items adds up over all turns
(extent.py), so the bound is no product of worst cases that exclude each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, cast

from policyc.engine.cel import ir
from policyc.engine.cel.depth import room
from policyc.engine.cel.dispatch import known_overload, plain
from policyc.engine.cel.extent import (
    ANYTHING,
    NOTHING,
    SCALAR,
    TRUTH,
    Amount,
    Extent,
    Share,
    Turn,
    gathered,
    joined,
    larger,
    listing,
    of_constant,
    of_type,
    outside,
    turn,
)
from policyc.engine.cel.pattern_price import price_of
from policyc.engine.cel.prices import CALL, INLINE, TRY
from policyc.engine.cel.variable_extents import of_variable
from policyc.engine.function import Overload
from policyc.engine.message_limits import DEFAULTS, MessageLimits
from policyc.engine.types import DYN, HEADERS, STRING, Type, list_of

READ = 2.0  # of a variable or a field whose place is known
FILL = 12.0  # of a variable that is worked out at every read
LOOK = 4.0  # of a key or an index
LOOP = 12.0  # of beginning a loop
TURN = 2.5  # of each turn of one
_OPEN = ("dyn", "param", "error")
_ANY_LIST = list_of(DYN)


class Bill:
    """What an expression costs: `units`, and where they go. `extent` is that of its value."""

    __slots__ = ("_costs", "_turns", "extent", "node", "units")

    def __init__(
        self,
        node: ir.Node,
        units: float,
        extent: Extent,
        costs: Mapping[int, Amount],
        turns: Mapping[int, tuple[Amount, Amount]],
    ) -> None:
        """`costs` are those of each node evaluated once, `turns` those of loops, and of all their turns."""
        self.node = node
        self.units = units
        self.extent = extent
        self._costs = costs
        self._turns = turns

    def dearest(self) -> Dearest:
        """Return the smallest part of the expression that makes up at least half of the cost."""
        node = self.node
        turns: list[int] = []
        while True:
            step = self._half_of(node)
            if step is None:
                return Dearest(node, self._costs[id(node)].most, tuple(turns))
            node, count = step
            if count is not None:
                turns.append(count)

    def _half_of(self, node: ir.Node) -> tuple[ir.Node, int | None] | None:
        half = self._costs[id(node)].most / 2
        parts: list[tuple[float, ir.Node, int | None]] = []
        if isinstance(node, ir.Loop):
            count, inside = self._turns[id(node)]
            body = [node.body] if node.guard is None else [node.guard, node.body]
            dearest = max(body, key=lambda part: self._costs[id(part)].most)
            parts = [
                (self._costs[id(node.over)].most, node.over, None),
                (inside.most, dearest, int(count.most)),
            ]
        else:
            parts = [(self._costs[id(child)].most, child, None) for child in ir.children(node)]
        found = max(parts, key=lambda part: part[0], default=None)
        return None if found is None or found[0] < half or found[0] <= 0 else found[1:]


class Dearest(NamedTuple):
    """A part of an expression: what it costs when it is evaluated once, and how often the loops run it."""

    node: ir.Node
    units: float
    turns: tuple[int, ...]


def bill(
    node: ir.Node,
    limits: MessageLimits = DEFAULTS,
    variables: Mapping[str, Extent] | None = None,
) -> Bill:
    """Return what an expression costs; `variables` are the extents of all `vars.…`, None if nobody knows."""
    walk = _Walk(limits, variables)
    with room():
        cost, extent = walk.of(node)
    return Bill(node, cost.most, extent, walk.costs, walk.turns)


Costed = tuple[Amount, Extent]


class _Walk:
    """Prices nodes from the leaves up; `costs` and `turns` are by the identity of nodes."""

    def __init__(self, limits: MessageLimits, variables: Mapping[str, Extent] | None) -> None:
        self.costs: dict[int, Amount] = {}
        self.turns: dict[int, tuple[Amount, Amount]] = {}
        self._limits = limits
        self._variables = variables
        self._locals: dict[str, Extent] = {}
        # What `m[k]` is in a loop over the keys `k` of a variable `m`, by (path of m, k).
        self._entries: dict[tuple[str, str], Extent] = {}

    def of(self, node: ir.Node) -> Costed:
        """Return the cost of evaluating a node once, and the extent of its value."""
        cost, extent = self._of(cast("ir.AnyNode", node))
        self.costs[id(node)] = cost
        return cost, extent

    def all(self, nodes: Iterable[ir.Node]) -> tuple[Amount, list[Extent]]:
        """Return the cost of evaluating nodes, and the extents of their values."""
        total, extents = NOTHING, []
        for node in nodes:
            cost, extent = self.of(node)
            total = total + cost
            extents.append(extent)
        return total, extents

    def _of(self, node: ir.AnyNode) -> Costed:
        match node:
            case ir.Const():
                return NOTHING, of_constant(node.value)
            case ir.Var():
                extent = of_variable(node.variable, self._limits)
                return self._reading(node, extent), extent
            case ir.Local():
                return Amount(0.5), self._locals.get(node.name, ANYTHING)
            case ir.Field():
                return self._field(node)
            case ir.At():
                return self._at(node)
            case ir.HasVar():
                return Amount(FILL if node.variable.present else READ), TRUTH
            case ir.HasField():
                cost, _ = self.of(node.operand)
                return cost + LOOK, TRUTH
            case ir.Apply():
                return self._apply(node)
            case ir.Not():
                cost, _ = self.of(node.operand)
                return cost + 1, TRUTH
            case ir.And() | ir.Or():
                cost, _ = self.all(node.operands)
                return cost + len(node.operands), TRUTH
            case ir.If():
                return self._if(node)
            case ir.MakeList():
                cost, extents = self.all(node.items)
                return cost + (3 + len(extents)), gathered(extents)
            case ir.MakeMap():
                return self._make_map(node)
            case ir.Loop():
                return self._loop(node)
            case ir.Bind():
                value, extent = self.of(node.value)
                self._locals[node.name] = extent
                body, made = self.of(node.body)
                return value + body + 2, made
            case ir.OptMap():
                operand, extent = self.of(node.operand)
                self._locals[node.name] = of_type(_inside(node.operand.type), extent)
                body, made = self.of(node.body)
                return operand + body + CALL, made

    def _reading(self, node: ir.Var, extent: Extent) -> Amount:
        """What has no place of its own is worked out at each read, from texts as long as it can be itself."""
        variable = node.variable
        if variable.fill is None or variable.kept or variable.slot != "absent":
            return Amount(READ)
        return Amount(FILL) + extent.characters * 0.05

    def _field(self, node: ir.Field) -> Costed:
        cost, operand = self.of(node.operand)
        extent = of_type(node.type, operand)
        if isinstance(node.operand, ir.Var) and node.operand.variable.path == "vars":
            extent = self._variable(node.name)
        return cost + LOOK, extent

    def _at(self, node: ir.At) -> Costed:
        cost, (operand, index) = self.all((node.operand, node.index))
        extent = of_type(node.type, operand)
        if isinstance(node.operand, ir.Var):
            path = node.operand.variable.path
            if isinstance(node.index, ir.Local):
                extent = self._entries.get((path, node.index.name), extent)
            elif path == "vars" and isinstance(node.index, ir.Const):
                extent = self._variable(str(node.index.value))
        return cost + LOOK + index.characters * 0.1, extent

    def _variable(self, name: str) -> Extent:
        """What nothing has set cannot be read; without knowledge of what was, it can be anything."""
        return ANYTHING if self._variables is None else self._variables.get(name, SCALAR)

    def _if(self, node: ir.If) -> Costed:
        test, _ = self.of(node.test)
        yes, when = self.of(node.yes)
        no, otherwise = self.of(node.no)
        return test + 1 + larger(yes, no), joined(when, otherwise)

    def _make_map(self, node: ir.MakeMap) -> Costed:
        cost, extents = self.all(ir.children(node))
        made = gathered(extents)._replace(length=Amount(len(node.entries)))
        return cost + 5 * (1 + len(node.entries)), made

    # --- calls ----------------------------------------------------------------------------------------------

    def _apply(self, node: ir.Apply) -> Costed:
        cost, extents = self.all(node.args)
        if node.function == "matches" and isinstance(node.args[1], ir.Const):
            return cost + _of_pattern(node.args[1].value, extents[0]), TRUTH
        known = known_overload(node.overloads, node.args)
        if known is not None:
            return cost + _price(known, extents, [plain(arg.type) for arg in node.args]), self._result(
                known, extents, node.type
            )
        calls, results = NOTHING, []
        for overload in node.overloads:
            if len(overload.params) != len(extents):
                continue
            args = [
                of_type(wanted, extent) if arg.type.name in _OPEN and wanted.name not in _OPEN else extent
                for wanted, extent, arg in zip(overload.params, extents, node.args, strict=True)
            ]
            # Lists and maps are tested item by item, unless any item fits.
            tests = sum(
                (arg.values for arg, wanted in zip(args, overload.params, strict=True) if _is_deep(wanted)),
                NOTHING,
            )
            cost = cost + TRY + tests * 6
            calls = larger(calls, _price(overload, args, overload.params))
            results.append(self._result(overload, args, node.type))
        made = results[0] if results else ANYTHING
        for result in results[1:]:
            made = joined(made, result)
        return cost + calls, made

    def _result(self, overload: Overload, extents: list[Extent], type: Type) -> Extent:
        if overload.size is None:
            return of_type(overload.result)
        if isinstance(overload.size, str):
            from policyc.engine.variables import VARIABLES

            return of_type(overload.result, of_variable(VARIABLES[overload.size], self._limits))
        return overload.size(*extents)

    # --- loops ----------------------------------------------------------------------------------------------

    def _loop(self, node: ir.Loop) -> Costed:
        source, over = self.of(node.over)
        if node.over.type.name in _OPEN:
            over = of_type(_ANY_LIST, over)
        turns = self._enter(node, over)
        totals = {share: total for each in turns for share, total in each.totals.items()}
        guard = NOTHING if node.guard is None else self.of(node.guard)[0]
        body, made = self.of(node.body)
        count = over.length
        inside = (guard + body + TURN).summed(count, totals)
        self.turns[id(node)] = (count, inside)
        cost = source + LOOP + inside
        match node.kind:
            case "all" | "exists" | "exists_one":
                return cost, TRUTH
            case "filter":
                return cost, over._replace(length=count)
            case "sort_by":
                keys = made.characters.summed(count, totals)
                return cost + count * (6 + 1.5 * int(count.most).bit_length()) + keys * 0.05, over
        extra = 2.0 if node.kind in ("map", "map_filter", "transform_list") else 20.0
        return cost + count * extra, _collected(made, turns, totals, count)

    def _enter(self, node: ir.Loop, over: Extent) -> list[Turn]:
        """Bind the variables of a loop for its turns."""
        type = node.over.type
        if type.name == "list":
            first = turn(over, type.params[0], node.key)
            if node.value is None:
                self._locals[node.key] = first.extent
                return [first]
            self._locals[node.key] = Extent(0, max(0, int(over.length.most) - 1))
            self._locals[node.value] = first.extent
            return [first]
        keys, values = _parts(type)
        first, second = turn(over, keys, node.key), turn(over, values, f"{node.key}'s entry")
        self._locals[node.key] = first.extent
        if node.value is not None:
            self._locals[node.value] = second.extent
        if isinstance(node.over, ir.Var):
            self._entries[node.over.variable.path, node.key] = second.extent
        return [first, second]


def _collected(made: Extent, turns: list[Turn], totals: Mapping[Share, Amount], count: Amount) -> Extent:
    """Return the extent of a list of what the turns of a loop made."""
    whole = made
    for each in turns:
        whole = outside(whole, each)
    return listing(
        count,
        made.characters.summed(count, totals),
        widest=made.widest,
        values=(made.values + 1).summed(count, totals),
        longest=max(made.longest, whole.length.most) if made.values.most else 0.0,
        low=made.low,
        high=made.high,
    )


def _parts(type: Type) -> tuple[Type, Type]:
    """Return the types of keys and values of what a loop goes over, which is no list."""
    if type == HEADERS:
        return STRING, Type("list", (STRING,))
    if type.name == "map":
        return type.params[0], type.params[1]
    return DYN, DYN


def _inside(type: Type) -> Type:
    return type.params[0] if type.params else DYN


def _is_deep(wanted: Type) -> bool:
    return any(param.name not in _OPEN for param in wanted.params)


def _price(overload: Overload, extents: list[Extent], types: Sequence[Type]) -> Amount:
    cost = overload.cost_for(types)
    if cost is not None:
        return cost(*extents)
    return Amount(INLINE if overload.python(types) is not None else CALL)


def _of_pattern(pattern: object, subject: Extent) -> Amount:
    price = price_of(str(pattern))
    return Amount(price.call) + subject.characters * price.character
