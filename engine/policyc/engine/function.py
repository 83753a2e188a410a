"""What a CEL function is: declared once, read by the checker, both evaluators and the docs.

A family module in `functions/` calls `function(...)` for each name it knows and gives typed overloads with
their bodies. An overload may also say how it looks as Python (`inline`), which the generator uses where the
argument types are known; the plain body stays the oracle.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from policyc.engine.types import Type
from policyc.grammar.frozen import Frozen

if TYPE_CHECKING:
    from policyc.engine.cel.extent import Amount, Extent
    from policyc.engine.phases import Phase


class Dialect(enum.Flag):
    """An environment that a declaration belongs to.

    TRAFFIC is for policies and has ngrok's readings (spec/variables.md §9, §10); CEL is the
    specification's, with its extension libraries, for the conformance tests.
    """

    TRAFFIC = enum.auto()
    CEL = enum.auto()
    BOTH = TRAFFIC | CEL


class Overload(Frozen):
    """One signature of a function and its body.

    `params` include the target of a method as the first one. `body` takes evaluated arguments (after the
    exchange if `needs_exchange`) and returns a value or raises EvalError; it may also rely on the argument
    types as declared. `inline` is a Python expression with `{0}`, `{1}` … for the arguments (each used at
    most once unless it is a name), equal to the body for arguments of the declared types, and which raises
    nothing that the body would not. `inlines` are such expressions for narrower argument types than
    `params` (`==` of two strings); `python` picks, and in them a type parameter stands for any type.
    `pure`: same arguments, same result, so constants fold. `replaced_by`: the spelling of today
    (`'x'.isJson()`) of a legacy form that shares its name with a current one.

    `cost` gives the units of a call, at most, from the extents of the arguments; None is a call whose cost
    hangs on no sizes. `costs` are such functions for narrower argument types, as `inlines` are. `size` gives
    the extent of the result, or is the path of the variable that the result is a part of; None is a result
    that has no size (cel/extent.py, cel/prices.py).
    """

    id: str
    params: tuple[Type, ...]
    result: Type
    body: Callable[..., Any]
    method: bool = False
    inline: str | None = None
    pure: bool = True
    needs_exchange: bool = False
    dialect: Dialect = Dialect.BOTH
    inlines: tuple[tuple[tuple[Type, ...], str], ...] = ()
    replaced_by: str | None = None
    cost: Callable[..., Amount] | None = None
    size: Callable[..., Extent] | str | None = None
    costs: tuple[tuple[tuple[Type, ...], Callable[..., Amount]], ...] = ()

    def cost_for(self, types: Sequence[Type]) -> Callable[..., Amount] | None:
        """Return the cost for arguments of these static types, None if it hangs on no sizes."""
        for wanted, cost in self.costs:
            if all(map(_covers, wanted, types)):
                return cost
        return self.cost

    def python(self, types: Sequence[Type]) -> str | None:
        """Return the Python template for arguments of these static types, None if only the body will do."""
        for wanted, template in self.inlines:
            if all(map(_covers, wanted, types)):
                return template
        return self.inline


def _covers(wanted: Type, have: Type) -> bool:
    return (
        wanted.name == "param"
        or wanted == have
        or (
            bool(wanted.params) and wanted.name == have.name and all(map(_covers, wanted.params, have.params))
        )
    )


class Function(Frozen):
    """A function by name: its overloads, what it does, examples (`expression` → `value` as CEL text).

    `phases`: where it may be called; None is everywhere. `replaced_by`: for legacy names that still work.
    """

    name: str
    doc: str
    overloads: tuple[Overload, ...]
    examples: tuple[tuple[str, str], ...] = ()
    phases: frozenset[Phase] | None = None
    replaced_by: str | None = None

    def in_dialect(self, dialect: Dialect) -> Sequence[Overload]:
        """Return the overloads that `dialect` has, in the order declared."""
        return [o for o in self.overloads if o.dialect & dialect]
