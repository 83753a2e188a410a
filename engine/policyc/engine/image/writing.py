"""From a program to its image."""

from __future__ import annotations

import io
import marshal
import pickle
from collections.abc import Callable, Sequence
from types import BuiltinMethodType, CellType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any

from policyc.engine.cel.depth import room
from policyc.engine.generate.dispatch import Dispatch
from policyc.engine.generate.fallback import Slow
from policyc.engine.generate.generated import Generated
from policyc.engine.image import functions
from policyc.engine.image.later import Entries, Later
from policyc.engine.image.places import Place, place_of_code, places
from policyc.engine.image.reading import OTHERS
from policyc.grammar.source import Source

PROTOCOL = 5
_PLAIN = frozenset({bool, bytes, float, int, str, type(None)})


class Unsaved(Exception):  # noqa: N818 — no fault of the program: it runs as well without an image
    """Something in a program that no image can hold."""


def dump(program: object, sources: Sequence[Source]) -> bytes:
    """Return the image of what was made from `sources`.

    Raises Unsaved for an object that has no place, and of whose kind no rule says how it is made again.
    """
    table = _Table(sources)
    try:
        with room():
            body = table.dumps(program)
        return marshal.dumps((table.named, body))
    except (
        pickle.PicklingError,
        TypeError,
        AttributeError,
        ValueError,
        LookupError,
        RecursionError,
    ) as error:
        raise Unsaved(f"{type(error).__name__}: {error}") from None


class _Table:
    """What an image and the parts inside it name by number: sources below 0, the image itself 0, places."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.named: list[Place] = []
        self._places = places()
        self._numbers: dict[Place, int] = {}
        self._sources = {source.name: -1 - at for at, source in enumerate(sources)}

    def dumps(self, value: object) -> bytes:
        file = io.BytesIO()
        _Writer(file, self).dump(value)
        return file.getvalue()

    def number(self, value: Any) -> int | None:
        kind = type(value)
        if kind is Source:
            return self._sources[value.name]
        if value is _IMAGE:
            return 0
        place: Place | None = value.place if kind is _Placed else self._places.get(id(value))
        if place is None:
            return None
        number = self._numbers.get(place)
        if number is None:
            self.named.append(place)
            number = self._numbers[place] = len(self.named)
        return number


class _Placed:
    """Stands for what is at a place."""

    def __init__(self, place: Place) -> None:
        self.place = place


class _Image:
    """Stands for what reads the parts of the image that is being written."""


_IMAGE: Any = _Image()


class _Writer(pickle.Pickler):
    def __init__(self, file: io.BytesIO, table: _Table) -> None:
        super().__init__(file, PROTOCOL)
        self._table = table

    def persistent_id(self, value: Any) -> int | None:
        return self._table.number(value)

    def reducer_override(self, value: Any) -> Any:
        kind = type(value)
        reduce = _REDUCERS.get(kind)
        if reduce is not None:
            return reduce(value, self._table)
        if kind.__module__ == "re2":
            return _re2_pattern(value)
        if isinstance(value, type) and (value.__module__, value.__qualname__) not in OTHERS:
            raise pickle.PicklingError(f"no place for {value.__module__}.{value.__qualname__}")
        return NotImplemented


def _function(value: FunctionType, _: _Table) -> Any:
    remade = value.__dict__.get("remade")
    if remade is not None:
        return remade
    generated = value.__globals__.get("__generated__")
    if isinstance(generated, Generated):
        if generated.namespace.get(value.__name__) is not value:
            raise pickle.PicklingError(f"{value.__name__} is not at the top of generated code")
        return functions.function_of, (generated, value.__name__)
    place = place_of_code(value)
    if place is None:
        raise pickle.PicklingError(f"no place for {value.__module__}.{value.__qualname__}")
    cells = value.__closure__ or ()
    given = (_Placed(place), value.__module__, cells, value.__defaults__, value.__kwdefaults__)
    return functions.inner_function, given


def _generated(value: Generated, _: _Table) -> Any:
    code, what, early, late = functions.generated_parts(value)
    return functions.generated_again, (code, what, early), late, None, None, functions.capture_late


def _cell(value: CellType, _: _Table) -> Any:
    try:
        content = value.cell_contents
    except ValueError:  # it is empty
        return functions.new_cell, ()
    if type(content) in _PLAIN:  # it does not lead back to the cell
        return functions.new_cell, (content,)
    return functions.new_cell, (), (content,), None, None, functions.fill_cell


def _method(value: MethodType | BuiltinMethodType, _: _Table) -> Any:
    if isinstance(value.__self__, ModuleType):
        if (value.__self__.__name__, value.__name__) in OTHERS:
            return NotImplemented
        raise pickle.PicklingError(f"no place for {value.__self__.__name__}.{value.__name__}")
    return functions.bound, (value.__self__, value.__name__)


def _slow(value: Slow, table: _Table) -> Any:
    return Slow, (Later(_IMAGE, table.dumps(value.node)),)


def _dispatch(value: Dispatch, table: _Table) -> Any:
    rules: Entries[object] = Entries(
        _IMAGE, {number: table.dumps(rule) for number, rule in value.rules.items()}
    )
    return functions.blank, (Dispatch,), {**vars(value), "rules": rules}


def _re2_pattern(value: Any) -> Any:
    from policyc.engine.cel.regex import compiled

    return compiled, (value.pattern, not value.options.never_capture)


_REDUCERS: dict[type, Callable[[Any, _Table], Any]] = {
    FunctionType: _function,
    Generated: _generated,
    CellType: _cell,
    MethodType: _method,
    BuiltinMethodType: _method,
    MappingProxyType: lambda value, _: (functions.read_only, (dict(value),)),
    Slow: _slow,
    Dispatch: _dispatch,
}
