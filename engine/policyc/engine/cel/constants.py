"""What can be said of an expression's constants before any traffic: patterns, times, ranges, numbers as text.

Policies only: in the specification's environment a constant that cannot be converted is an evaluation error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyc.engine.cel import errors, ir
from policyc.engine.types import STRING
from policyc.engine.values import EvalError

if TYPE_CHECKING:
    from policyc.engine.cel.errors import Faults
    from policyc.grammar.codes import Code

_CONVERSIONS = frozenset({"timestamp", "duration", "int", "uint", "double", "bool"})
_ORDERS = frozenset({"_<_", "_<=_", "_>_", "_>=_"})
_NUMBERS_AS_TEXT = frozenset({"latitude", "longitude", "radius"})


def look(call: ir.Apply, faults: Faults) -> None:
    """Report it if a constant argument of a call cannot mean what it says."""
    name, args = call.function, call.args
    if name == "matches" and len(args) == 2:
        _pattern(args[1], call, faults)
    elif name in _CONVERSIONS and len(args) == 1:
        _conversion(call, faults)
    elif name == "inCidrRange":
        _range(args[1], call, faults)
    elif name == "inCidrRanges" and isinstance(args[1], ir.MakeList):
        for item in args[1].items:
            _range(item, call, faults)
    elif name in _ORDERS:
        _order(call, faults)


def _text(node: ir.Node) -> str | None:
    return node.value if isinstance(node, ir.Const) and isinstance(node.value, str) else None


def _say(
    code: Code, message: str, node: ir.Node, call: ir.Apply, faults: Faults, hint: str | None = None
) -> None:
    """Report at the constant, or at the call where the constant is written elsewhere, in a let."""
    faults.add_at(code, message, node.span, call.span, hint)


def _pattern(node: ir.Node, call: ir.Apply, faults: Faults) -> None:
    pattern = _text(node)
    if pattern is None:
        return
    from policyc.engine.cel.regex import problem

    said = problem(pattern)
    if said is not None:
        _say(errors.BAD_PATTERN, said, node, call, faults)


def _conversion(node: ir.Apply, faults: Faults) -> None:
    text = _text(node.args[0])
    if text is None or len(node.overloads) != 1:
        return
    try:
        node.overloads[0].body(text)
    except EvalError as error:
        hint = None
        if node.function == "timestamp":
            hint = 'a timestamp looks like `"2030-01-31T00:00:00Z"`'
        elif node.function == "duration":
            hint = 'a duration looks like `"1h30m"`'
        _say(errors.BAD_CONSTANT, error.message, node.args[0], node, faults, hint)


def _range(node: ir.Node, call: ir.Apply, faults: Faults) -> None:
    text = _text(node)
    if text is None:
        return
    from ipaddress import ip_network

    try:
        ip_network(text, strict=False)
    except ValueError:
        _say(errors.BAD_CIDR, f"`{text}` is no CIDR range, so no address is in it", node, call, faults)


def _order(node: ir.Apply, faults: Faults) -> None:
    for arg in node.args:
        name = arg.variable.path.rpartition(".")[2] if isinstance(arg, ir.Var) and arg.type == STRING else ""
        if name in _NUMBERS_AS_TEXT and isinstance(arg, ir.Var):
            message = f"`{arg.variable.path}` is text and is compared as text"
            faults.add(errors.NUMBER_AS_TEXT, message, node.span, hint="convert it with `double(…)` first")
