"""From an image to the program."""

from __future__ import annotations

import io
import marshal
import pickle
from collections.abc import Sequence
from typing import Any

from policyc.engine.cel.depth import room
from policyc.engine.image.places import Place, found_at
from policyc.grammar.source import Source

# All else that an image names has a place in policyc.
OTHERS = frozenset(
    {
        ("_hashlib", "compare_digest"),
        ("_operator", "_compare_digest"),
        ("builtins", "complex"),
        ("builtins", "range"),
        ("builtins", "slice"),
        ("collections", "Counter"),
        ("collections", "OrderedDict"),
        ("collections", "deque"),
        ("functools", "partial"),
    }
)
_NOTHING_YET = object()


class Unreadable(Exception):  # noqa: N818 — whoever kept the image makes the program anew
    """Octets that are no image, or one of another version."""


def load(image: bytes, sources: Sequence[Source]) -> Any:
    """Return what was dumped; `sources` are those it was dumped with. Raises Unreadable.

    The octets must be those that `dump` gave: see the rules of an image.
    """
    try:
        named, body = marshal.loads(image)  # noqa: S302 — see the rules of an image
        with room():
            return _Image(named, sources).loads(body)
    except (
        pickle.UnpicklingError,
        ArithmeticError,
        AttributeError,
        EOFError,
        ImportError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from None


class _Image:
    """What the parts of an image name by number: itself, places; from the end, sources (see writing.py)."""

    def __init__(self, named: Sequence[Place], sources: Sequence[Source]) -> None:
        self.named = named
        self.numbered = [self.loads, *[_NOTHING_YET] * len(named), *reversed(sources)]

    def loads(self, octets: bytes) -> Any:
        return _Reader(octets, self).load()


class _Reader(pickle.Unpickler):
    def __init__(self, octets: bytes, image: _Image) -> None:
        super().__init__(io.BytesIO(octets))
        self._image = image
        self._numbered = image.numbered

    def persistent_load(self, number: int) -> Any:
        value = self._numbered[number]
        if value is _NOTHING_YET:
            value = self._numbered[number] = found_at(self._image.named[number - 1])
        return value

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in OTHERS:
            raise pickle.UnpicklingError(f"an image names no {module}.{name}")
        return super().find_class(module, name)
