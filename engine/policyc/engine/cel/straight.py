r"""Regular expressions that leave no choice: `^/users/[0-9]+$` by Python's `re`, in a fifth of RE2's time.

`straight_form` says of a pattern that RE2 accepts whether it begins at the start of the text and each of its
repetitions ends where it must: what follows cannot begin with a character that is repeated. Then there is one
way to read a text, every character of it is looked at once, and an engine that tries has nothing to try: the
repetitions are possessive, so that it doesn't.

Why the answer is RE2's. 1. Every piece stands for a set of ASCII characters, spelled out here, so that no
engine's `\d` or `\s` counts. 2. A piece that names what it does not match (`[^/]`) may match more than
ASCII, and in RE2 no octet that is no UTF-8: such a pattern judges ASCII texts only. 3. Without `(?m)`, `^`
and `$` are the ends of the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from policyc.engine.cel.regex import CACHED_PATTERNS, Predicate, valid_pattern
from policyc.engine.remade import remade

_ASCII: Final = frozenset(map(chr, range(128)))
_DIGITS: Final = frozenset("0123456789")
_WORD: Final = _DIGITS | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
_SPACE: Final = frozenset("\t\n\f\r ")  # RE2 has no \v among these
_CLASSES: Final = {"d": _DIGITS, "w": _WORD, "s": _SPACE}
_CONTROLS: Final = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_SPECIAL: Final = frozenset("\\.+*?()|[]{}^$")
_MOST: Final = 1000  # repetitions that RE2 can count
_DEPTH: Final = 20  # groups in each other


class Straight(NamedTuple):
    """The pattern for `re`, to be tried at the start; `whole`: it is to match all of the text.

    With `only_ascii` only a text of ASCII may be judged.
    """

    pattern: str
    whole: bool
    only_ascii: bool


class _Piece(NamedTuple):
    """Characters of a set, `least` to `most` of them in a row; `most` is None for any number."""

    signs: frozenset[str]
    least: int
    most: int | None


@lru_cache(CACHED_PATTERNS)
def straight_form(pattern: str) -> Straight | None:
    r"""Return the pattern for `re`, None if it leaves choices or is not understood.

    >>> straight_form("^/v[0-9]+/x$")
    Straight(pattern='/v[0-9]++/x', whole=True, only_ascii=False)
    >>> straight_form("^[a-z]+z"), straight_form("[0-9]")
    (None, None)
    """
    reader = _Reader(pattern)
    try:
        pieces, whole = reader.read()
    except _NotStraightError:
        return None
    follows: frozenset[str] = frozenset()
    for piece in reversed(pieces):
        if piece.least != piece.most and piece.signs & follows:
            return None
        follows = piece.signs if piece.least else piece.signs | follows
    if not whole and pieces and pieces[-1].least != pieces[-1].most:
        # Nothing follows that could be wrong: the least will do.
        last = pieces[-1]
        pieces[-1] = last._replace(most=last.least)
    return Straight("".join(map(_spelled, pieces)), whole, reader.has_negated)


def straight_test(pattern: str, form: Straight) -> Predicate:
    """Return the test of a pattern by its form."""
    return _test(pattern, *form)


def _test(pattern: str, spelled: str, whole: bool, only_ascii: bool) -> Predicate:
    match: Callable[[str], object] | None = None
    by_engine = valid_pattern(pattern) if only_ascii else None

    def found(text: str) -> bool:
        nonlocal match
        if match is None:  # compiled when it is first asked
            compiled = re.compile(spelled)
            match = compiled.fullmatch if whole else compiled.match
        if by_engine is not None and not text.isascii():
            return by_engine(text)
        return match(text) is not None

    return remade(found, _test, pattern, spelled, whole, only_ascii)


def _spelled(piece: _Piece) -> str:
    signs, least, most = piece
    if len(signs) == 1:
        (sign,) = signs
        made = re.escape(sign)
    else:
        made = f"[{''.join(_ranges(sorted(map(ord, signs))))}]"
    if least == most:
        return "" if not least else made if least == 1 else f"{made}{{{least}}}"
    if most is None and least < 2:
        return f"{made}{'+' if least else '*'}+"
    return f"{made}{{{least},{'' if most is None else most}}}+"


def _ranges(codes: list[int]) -> Iterator[str]:
    first = last = codes[0]
    for code in [*codes[1:], -1]:
        if code == last + 1:
            last = code
            continue
        yield re.escape(chr(first)) if first == last else f"{re.escape(chr(first))}-{re.escape(chr(last))}"
        first = last = code


# --- reading ------------------------------------------------------------------------------------------------


class _NotStraightError(Exception):
    """The pattern leaves a choice, or is not understood here."""


class _Reader:
    """Reads pieces one behind the other; raises _NotStraightError as soon as it meets anything else."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self.has_negated = False

    def read(self) -> tuple[list[_Piece], bool]:
        """Return the pieces, and whether they are to match all of the text."""
        if not (self._take("^") or self._take(r"\A")):
            raise _NotStraightError
        pieces: list[_Piece] = []
        depth = 0
        while self._at < len(self._pattern):
            if self._take("$") or self._take(r"\z"):
                if self._at < len(self._pattern) or depth:
                    raise _NotStraightError
                return pieces, True
            if self._take("(?:") or (self._ahead("(") and not self._ahead("(?") and self._take("(")):
                depth += 1
                if depth > _DEPTH:
                    raise _NotStraightError
            elif depth and self._take(")"):
                depth -= 1
                if self._next() in ("?", "*", "+", "{"):
                    raise _NotStraightError
            else:
                signs = self._signs()
                pieces.append(_Piece(signs, *self._times()))
        if depth:
            raise _NotStraightError
        return pieces, False

    def _signs(self) -> frozenset[str]:
        sign = self._next()
        if sign == "[":
            return self._class()
        if sign == "\\":
            return self._escaped()
        if sign in _SPECIAL or not sign.isascii():
            raise _NotStraightError
        self._at += 1
        return frozenset(sign)

    def _escaped(self) -> frozenset[str]:
        sign = self._pattern[self._at + 1 : self._at + 2]
        self._at += 2
        if sign in _CLASSES:
            return _CLASSES[sign]
        if sign in ("D", "W", "S"):
            self.has_negated = True
            return _ASCII - _CLASSES[sign.lower()]
        if sign.isalnum() or sign == "_":
            sign = _CONTROLS.get(sign, "")
        if not sign or not sign.isascii():
            raise _NotStraightError
        return frozenset(sign)

    def _class(self) -> frozenset[str]:
        self._at += 1
        negated = self._take("^")
        found: set[str] = set()
        is_first = True
        while is_first or not self._take("]"):
            if self._next() in ("]", "[", "-", ""):  # what these mean there depends
                raise _NotStraightError
            is_first = False
            signs = self._in_class()
            if not self._ahead("-"):
                found |= signs
                continue
            self._at += 1
            if self._next() in ("]", "[", "-", ""):
                if not self._ahead("]"):
                    raise _NotStraightError
                found |= signs | {"-"}
                continue
            until = self._in_class()
            if len(signs) != 1 or len(until) != 1:
                raise _NotStraightError
            (first,), (last,) = signs, until
            if first > last:
                raise _NotStraightError
            found |= {chr(code) for code in range(ord(first), ord(last) + 1)}
        if negated:
            self.has_negated = True
            found = set(_ASCII) - found
        if not found:
            raise _NotStraightError
        return frozenset(found)

    def _in_class(self) -> frozenset[str]:
        sign = self._next()
        if sign == "\\":
            return self._escaped()
        if not sign.isascii():
            raise _NotStraightError
        self._at += 1
        return frozenset(sign)

    def _times(self) -> tuple[int, int | None]:
        """Read the repetition behind a piece."""
        if self._take("+"):
            times: tuple[int, int | None] = (1, None)
        elif self._take("*"):
            times = (0, None)
        elif self._take("?"):
            times = (0, 1)
        elif self._ahead("{"):
            times = self._counted()
        else:
            return 1, 1
        if self._next() in ("?", "*", "+", "{"):
            raise _NotStraightError
        return times

    def _counted(self) -> tuple[int, int | None]:
        found = re.compile(r"\{([0-9]{1,4})(?:(,)([0-9]{0,4}))?\}").match(self._pattern, self._at)
        if found is None:
            raise _NotStraightError
        self._at = found.end()
        least = int(found[1])
        if found[2] is None:
            most: int | None = least
        else:
            most = int(found[3]) if found[3] else None
        if max(least, most or 0) > _MOST or (most is not None and most < least):
            raise _NotStraightError
        return least, most

    def _next(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _ahead(self, what: str) -> bool:
        return self._pattern.startswith(what, self._at)

    def _take(self, what: str) -> bool:
        if not self._ahead(what):
            return False
        self._at += len(what)
        return True
