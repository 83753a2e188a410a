"""What matching a pattern costs for each character: the price of RE2's automaton, or of string methods.

RE2 takes time that grows with the text, but not always the same time for a character. Mostly it walks an
automaton that it has built before: a few nanoseconds. A counted repetition of a class that the text in
front of it can also match (`a.{30}b`, `(x|y)*x(x|y){30}`) has so many states that it meets a new one at
nearly every character, and then the price is that of working out what thirty counters say: a hundred times
as much.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from policyc.engine.cel.patterns import PART, literal_form
from policyc.engine.cel.regex import CACHED_PATTERNS, matches
from policyc.engine.values import EvalError

CALL: Final = 75.0  # of RE2's test
CALL_OF_TEXTS: Final = 15.0  # of one made of string methods
WALK: Final = 0.3  # units for a character where the automaton is known
BUILD: Final = 30.0  # where it has to be built, and one more for each counter
COUNTED: Final = 12  # repetitions up to here give few states


class Price(NamedTuple):
    """The units of a call, and of each character of the text."""

    call: float
    character: float


@lru_cache(CACHED_PATTERNS)
def price_of(pattern: str) -> Price:
    """Return what matching a pattern costs at most."""
    found = literal_form(pattern)
    if found is not None:
        parts = sum(len(form.words) for form in found.forms if form.kind == PART)
        return Price(CALL_OF_TEXTS + parts, 0.05 + 0.3 * parts)
    counters = _counters(pattern)
    return Price(CALL, WALK if not counters else BUILD + counters)


class _Atom(NamedTuple):
    """A piece of a pattern: as written, and how often it may stand there at most (None: any number)."""

    text: str
    most: int | None


def _counters(pattern: str) -> int:
    """Return how many counters may run at a time, 0 if they need no states of their own."""
    atoms = list(_atoms(pattern))
    body = pattern.removeprefix("(?i)")
    if body.startswith(("^", "\\A")) and all(a.most is not None and a.text != "|" for a in atoms):
        return 0  # it begins at one place only, and ends after so many characters
    counters = 0
    for at, atom in enumerate(atoms):
        if atom.most is None or atom.most <= COUNTED or _is_letter(atom):
            continue
        if atom.text == ")":
            counters += atom.most
            continue
        before = _before(atoms, at)
        if before and _overlap(before[-1].text, atom.text):
            counters += -(-atom.most // _distance(before))
    return counters


def _before(atoms: list[_Atom], at: int) -> list[_Atom]:
    """Return what leads to the atom at a place: the beginnings of groups and other alternatives do not."""
    while at > 0:
        at -= 1
        if atoms[at].text == "|":
            depth = 0
            while at > 0 and (depth or atoms[at].text != "("):
                at -= 1
                depth += {")": 1, "(": -1 if depth else 0}.get(atoms[at].text, 0)
            if atoms[at].text != "(":
                return []
        elif atoms[at].text != "(":
            return atoms[: at + 1]
    return []


def _is_letter(atom: _Atom) -> bool:
    """Return whether it is one character: repeated, it needs as many states as a text of that length."""
    return len(atom.text) == 1 and atom.text not in ".()|"


def _overlap(before: str, repeated: str) -> bool:
    """Return whether a character can be both, what stands in front and a repetition; in doubt it can."""
    if before == ")":
        return True
    escaped = f"[{before}]" if len(before) == 1 and before != "." else before
    try:
        return any(matches(sign, f"^{escaped}$") and matches(sign, f"^{repeated}$") for sign in _SIGNS)
    except EvalError:
        return True


def _distance(before: list[_Atom]) -> int:
    """Return how far apart the places are, at least, at which the repetition can begin.

    They are as far apart as the text in front is long, as long as it does not repeat itself.
    """
    letters = ""
    for atom in reversed(before):
        if not _is_letter(atom) or atom.most != 1:
            break
        letters = atom.text + letters
    size = len(letters)
    return next((step for step in range(1, size) if letters.startswith(letters[step:])), max(size, 1))


_SIGNS: Final = [chr(number) for number in range(128)] + ["\xe9", "\u4e2d"]


def _atoms(pattern: str) -> Iterator[_Atom]:
    """Give the pieces of a pattern in order, brackets and `|` too; a group is repeated at its end."""
    at, size = 0, len(pattern)
    while at < size:
        begin = at
        if pattern[at] == "\\":
            at += 2
            if pattern[begin + 1 : at] in ("p", "P", "x"):
                braced = pattern[at : at + 1] == "{"
                at = (pattern.find("}", at) + 1 or size) if braced else at + 1
        elif pattern[at] == "[":
            at = _class_end(pattern, at)
        elif pattern.startswith("(?", at):
            at = next((i for i in range(at, size) if pattern[i] in ":)>"), size - 1) + 1
            if pattern[at - 1] == ")":
                continue  # flags for what follows
            yield _Atom("(", 1)
            continue
        else:
            at += 1
        text = pattern[begin:at]
        if text in ("^", "$", "?", "*", "+"):
            continue
        most: int | None = 1
        if pattern[at : at + 1] in ("*", "+"):
            most = None
        elif pattern[at : at + 1] == "{":
            end = pattern.find("}", at)
            low, comma, high = pattern[at + 1 : end].partition(",")
            if end > 0 and low.isdigit() and (high.isdigit() or not high):
                most = int(high or low) if high or not comma else None
                if most is None and int(low) > COUNTED:
                    most = int(low)
                at = end + 1
        yield _Atom(text, most)


def _class_end(pattern: str, at: int) -> int:
    at += 1
    if pattern[at : at + 1] == "^":
        at += 1
    first = True
    while at < len(pattern) and (first or pattern[at] != "]"):
        first = False
        if pattern.startswith("[:", at):
            at = pattern.find(":]", at) + 1 or len(pattern)
        elif pattern[at] == "\\":
            at += 1
        at += 1
    return at + 1
