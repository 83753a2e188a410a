"""Python source under construction: functions, the objects they refer to, and the names of both.

Rules. 1. User text never becomes code: a name is generated, a constant is the `repr` of a plain value,
anything else is captured under a generated name. 2. A piece of code handed around is a primary expression
(a name, a call, something in brackets), so that it can stand anywhere.

Names: `k…` captured objects, `f…` functions, `p…` parts of a phase, `v…` cells, `l…` locals of the
expression, `t…` temporaries. `x` is the exchange, `env` the values of free locals.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping
from types import CodeType
from typing import Any

from policyc.engine.generate.generated import Generated

_serial = itertools.count(1)


def literal(value: object) -> str | None:
    """Return the value as source, None if it must be captured."""
    kind = type(value)
    if value is None or kind is bool or kind is str or kind is bytes:
        return repr(value)
    if kind is int or (kind is float and math.isfinite(value)):  # type: ignore[arg-type]
        return f"({value!r})"
    return None


class Module:
    """Functions that are compiled together."""

    __slots__ = ("_captured", "_functions", "_names", "_source", "lines")

    def __init__(self) -> None:
        """Start empty."""
        self.lines: list[str] = []
        self._source: str | None = None
        self._captured: dict[str, object] = {}
        self._names: dict[int, str] = {}
        self._functions = 0

    def capture(self, value: object) -> str:
        """Return the name under which generated code finds the object; the same for the same object."""
        name = self._names.get(id(value))
        if name is None:
            name = f"k{len(self._captured)}"
            self._names[id(value)] = name
            self._captured[name] = value
        return name

    def constant(self, value: object) -> str:
        """Return a constant as source: a literal, or the name of the captured value."""
        return literal(value) or self.capture(value)

    def new_name(self) -> str:
        """Return a name for a function."""
        self._functions += 1
        return f"f{self._functions}"

    def write(self, name: str, params: list[str], body: Body, statements: list[str]) -> int:
        """Add a function and return the line of its first statement, from 1."""
        self.lines.append(f"def {name}({', '.join(params)}):")
        for record in body.records:
            self.lines.append(f"    {record} = x.{record}")
        if emptied := body.emptied():
            self.lines.append(f"    {emptied}")
        first = len(self.lines) + 1
        self.lines.extend(f"    {line}" for line in statements)
        return first

    @property
    def source(self) -> str:
        """The source so far."""
        return self._source or "\n".join(self.lines) + "\n"

    def load(self, what: str) -> Mapping[str, Any]:
        """Compile and run the definitions; returns the namespace. `what` names it in tracebacks.

        After that, nothing more can be written.
        """
        self._source = source = self.source
        self.lines = []  # no more is written
        what = f"{what}-{next(_serial)}"
        code: CodeType = compile(source, f"policyc.generated.{what}", "exec", dont_inherit=True)
        return Generated(code, what, self._captured, source).namespace


class Cell:
    """A local that a value is kept in once it has been worked out, whoever does that first.

    `empty` is what it holds before (no value of its own kind), `is_touched` whether anything that may have
    run by now fills it, `is_asked` whether any code asks it first: only then it must begin empty.
    """

    __slots__ = ("empty", "is_asked", "is_touched", "name")

    def __init__(self, name: str, empty: str) -> None:
        """Name the local."""
        self.name = name
        self.empty = empty
        self.is_touched = False
        self.is_asked = False


class Body:
    """A function under construction: which names it has, and what it keeps in locals.

    `cells` are the locals of variables (by path) and of shared expressions (by what `shared` says of the
    node). `held` are the cells that have certainly been filled where the code being written runs. While
    `still` is not 0, code is not written in the order in which it will run, and so nothing is certain.
    """

    __slots__ = ("_counter", "_own", "cells", "free", "held", "module", "reads", "records", "shared", "still")

    def __init__(
        self, module: Module, reads: Counter[str] | None = None, shared: frozenset[int] = frozenset()
    ) -> None:
        """`reads` tells how often the function reads each variable, `shared` the ids of shared nodes."""
        self.module = module
        self.reads: Counter[str] = reads if reads is not None else Counter()
        self.shared = shared
        self.records: dict[str, None] = {}
        self.cells: dict[object, Cell] = {}
        self.held: dict[object, str] = {}
        self.free: dict[str | None, str] = {}
        self.still = 0
        self._own: dict[str, str] = {}
        self._counter = 0

    def temp(self) -> str:
        """Return a fresh name."""
        self._counter += 1
        return f"t{self._counter}"

    def cell(self, key: object, empty: str = "None") -> Cell:
        """Return the cell of a variable or a shared node; `held` tells whether it is certainly filled."""
        cell = self.cells.get(key)
        if cell is None:
            cell = self.cells[key] = Cell(f"v{len(self.cells)}", empty)
        return cell

    def fill(self, key: object, cell: Cell) -> str | None:
        """Note that the code being written fills a cell; returns the test to ask first, None for none.

        Nothing need be asked where nothing before can have filled it.
        """
        asked = cell.is_touched
        cell.is_touched = True
        cell.is_asked |= asked
        if not self.still:
            self.held[key] = cell.name
        return f"{cell.name} is not {cell.empty}" if asked else None

    def emptied(self) -> str:
        """Return the statement that empties the cells which are asked; an empty text if there are none."""
        by_empty: dict[str, list[str]] = {}
        for cell in self.cells.values():
            if cell.is_asked:
                by_empty.setdefault(cell.empty, []).append(cell.name)
        return "; ".join(f"{' = '.join(names)} = {empty}" for empty, names in by_empty.items())

    def record(self, name: str) -> str:
        """Return the name of a record of the exchange."""
        if name == "x":
            return "x"
        self.records[name] = None
        return name

    def bind(self, name: str) -> str:
        """Return a name for a local that this function makes."""
        self._counter += 1
        bound = self._own[name] = f"l{self._counter}"
        return bound

    def local(self, name: str) -> str:
        """Return the name of a local that this function made or is given."""
        bound = self._own.get(name)
        if bound is None:
            bound = self.free.get(name)
        if bound is None:
            self._counter += 1
            bound = self.free[name] = f"l{self._counter}"
        return bound

    @property
    def own(self) -> frozenset[str]:
        """The locals that this function made."""
        return frozenset(self._own)

    def env(self) -> str:
        """Return the name of the mapping of free locals."""
        self.free[None] = "env"
        return "env"

    def arguments(self, inner: Body) -> list[str]:
        """Return what to pass for the free names of an inner function, in their order."""
        return [self.env() if name is None else self.local(name) for name in inner.free]
