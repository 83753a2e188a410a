"""Which types fit where, with type parameters: the algebra under the checker, after cel-go's.

A free type is one nobody has decided yet: the item type of `[]`, the `T` of an overload being tried.
`Unifier` remembers what has been decided; types stay values and are looked up with `resolve`.
"""

from __future__ import annotations

from collections.abc import Sequence

from policyc.engine.types import DYN, HEADERS, STRING, Record, Type, list_of, map_of, param

_HEADERS_AS_MAP = map_of(STRING, list_of(STRING))
_MAY_BE_NULL = frozenset({"optional_type", "duration", "timestamp", "null_type"})


def is_open(type: Type) -> bool:
    """Tell whether a type says nothing: dyn, or what has been reported already."""
    return type.name == "dyn" or type.name == "error"


def is_free(type: Type) -> bool:
    """Tell whether a type is a parameter."""
    return type.name == "param"


class Unifier:
    """What the free types of one expression have been decided to be."""

    __slots__ = ("_count", "_decided")

    def __init__(self) -> None:
        """Begin with nothing decided."""
        self._decided: dict[str, Type] = {}
        self._count = 0

    def free(self) -> Type:
        """Return a new free type."""
        self._count += 1
        return param(f"_{self._count}")

    def renamed(self, types: Sequence[Type]) -> tuple[Type, ...]:
        """Return the types of a declaration with new free types for its parameters."""
        names: dict[str, Type] = {}
        return tuple(self._rename(t, names) for t in types)

    def _rename(self, type: Type, names: dict[str, Type]) -> Type:
        if not type.params:
            return type
        if is_free(type):
            name = type.params[0].name
            if name not in names:
                names[name] = self.free()
            return names[name]
        return Type(type.name, tuple(self._rename(p, names) for p in type.params))

    def resolve(self, type: Type, *, final: bool = False) -> Type:
        """Return the type with all that is decided put in; `final` makes dyn of what is still free."""
        if not type.params:
            return type
        if is_free(type):
            known = self._decided.get(type.params[0].name)
            if known is None:
                return DYN if final else type
            return self.resolve(known, final=final)
        return Type(type.name, tuple(self.resolve(p, final=final) for p in type.params))

    def fit(self, have: Sequence[Type], want: Sequence[Type]) -> bool:
        """Tell whether values of types `have` can stand where `want` is wanted, and decide what follows.

        Where they cannot, nothing is decided.
        """
        before = dict(self._decided)
        if len(have) == len(want) and all(self._fits(h, w) for h, w in zip(have, want, strict=True)):
            return True
        self._decided = before
        return False

    def join(self, one: Type, other: Type) -> Type | None:
        """Return the type of a list that holds both, None if only dyn would do."""
        return self.general(one, other) if self.fit((one,), (other,)) else None

    def general(self, one: Type, other: Type) -> Type:
        """Return the less specific of two types that fit."""
        return one if self._is_as_general(one, other) else other

    def _fits(self, a: Type, b: Type) -> bool:
        if is_free(b):
            fits, was_decided = self._decide(a, b)
            if fits:
                return True
            if was_decided:
                return False
        if is_free(a):
            return self._decide(b, a)[0]
        if is_open(a) or is_open(b):
            return True
        if a.name == "null_type":
            return _accepts_null(b)
        if b.name == "null_type":
            return _accepts_null(a)
        if a.name == b.name:
            return a.name == "type" or (
                len(a.params) == len(b.params)
                and all(self._fits(p, q) for p, q in zip(a.params, b.params, strict=True))
            )
        if b.name == "map":
            seen = _as_map(a)
            return seen is not None and self._fits(seen, b)
        if a.name == "map":
            seen = _as_map(b)
            return seen is not None and self._fits(a, seen)
        return False

    def _decide(self, type: Type, free: Type) -> tuple[bool, bool]:
        """Try `type` for `free`: (whether it fits, whether `free` was decided before)."""
        if type == free:
            return True, True
        name = free.params[0].name
        known = self._decided.get(name)
        if known is not None:
            if type == known:
                return True, True
            if not self._fits(type, known):
                return False, True
            chosen = self.general(type, known)
            if not self._mentions(chosen, free):
                self._decided[name] = chosen
            return True, True
        if self._mentions(type, free):
            return False, False
        self._decided[name] = type
        return True, False

    def _mentions(self, type: Type, free: Type) -> bool:
        if type == free:
            return True
        if is_free(type):
            known = self._decided.get(type.params[0].name)
            return known is not None and self._mentions(known, free)
        return any(self._mentions(p, free) for p in type.params)

    def _is_as_general(self, a: Type, b: Type) -> bool:
        if is_open(a) or is_free(a):
            return True
        if is_open(b) or is_free(b):
            return False
        if b.name == "null_type":
            return True
        if a.name != b.name:
            return a.name == "map"  # what fits a map without being one: headers, a record
        return a.name == "type" or all(
            self._is_as_general(p, q) for p, q in zip(a.params, b.params, strict=False)
        )


def _accepts_null(type: Type) -> bool:
    return type.name in _MAY_BE_NULL or (isinstance(type, Record) and not type.is_text)


def _as_map(type: Type) -> Type | None:
    """Return the map type that headers and records can stand for."""
    if type == HEADERS:
        return _HEADERS_AS_MAP
    if isinstance(type, Record) and not type.is_text:
        return map_of(STRING, DYN)
    return None
