"""Regular expressions that are only texts: `^/api/`, `\\.(png|jpg)$`, `(?i)curl|bot` without an engine.

`literal_form` says of a pattern that RE2 accepts whether it means no more than "begins with", "ends with",
"is" or "holds" one of some texts. All else is left to `re` where a pattern leaves no choice (straight.py),
and to RE2 (regex.py).

Why the answer is RE2's. 1. All texts are ASCII: an ASCII octet in UTF-8 (and in what surrogateescape makes of
octets that are none) is always that character and never a part of another. 2. Without `(?m)`, `^` and `$`
are the ends of the text, also behind a last newline. 3. RE2 folds case by Unicode's simple folding, where `k`
and `s` have a third form each (the Kelvin sign, the long s): so case is ignored only in a text that is ASCII
itself, any other goes to RE2. 4. `.` is any character but a newline, and no octet that is no UTF-8: so `.*`
at an end of the pattern can be left out, but before `$` or behind `^` only in an ASCII text of one line.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import product
from typing import Final, NamedTuple

from policyc.engine.cel.regex import CACHED_PATTERNS, Predicate, compile_pattern
from policyc.engine.cel.straight import straight_form, straight_test

MOST_WORDS: Final = 64  # of a pattern; RE2 is the better one for more
MOST_PARTS: Final = 12  # words that are looked for anywhere, one after the other

EQUAL: Final = "equal"
PREFIX: Final = "prefix"
SUFFIX: Final = "suffix"
PART: Final = "part"


class Form(NamedTuple):
    """A test: whether the text is, begins with, ends with or holds one of the words, as `kind` says."""

    kind: str
    words: tuple[str, ...]


class Literals(NamedTuple):
    """What a pattern means: one of the forms holds.

    With `ignores_case` the words are in lower case and so must the text be made, and only an ASCII text may
    be judged; with `one_line` only one of ASCII without a newline.
    """

    forms: tuple[Form, ...]
    ignores_case: bool = False
    one_line: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether any text may be judged, as it is."""
        return not self.ignores_case and not self.one_line


@lru_cache(CACHED_PATTERNS)
def literal_form(pattern: str) -> Literals | None:
    """Return what a pattern that RE2 accepts means as plain texts, None if it is more than that."""
    ignores_case = pattern.startswith("(?i)")
    reader = _Reader(pattern[4:] if ignores_case else pattern)
    try:
        branches = reader.whole()
    except _NoTextError:
        return None
    words: dict[str, dict[str, None]] = {}
    for branch in branches:
        kind = _KINDS[branch.begins, branch.ends]
        for word in branch.words:
            words.setdefault(kind, {})[word.lower() if ignores_case else word] = None
    if sum(map(len, words.values())) > MOST_WORDS or len(words.get(PART, ())) > MOST_PARTS:
        return None
    forms = tuple(Form(kind, tuple(found)) for kind, found in words.items())
    return Literals(forms, ignores_case, any(branch.one_line for branch in branches))


@lru_cache(CACHED_PATTERNS)
def finder(pattern: str) -> Predicate:
    """Return the fastest test whether a pattern is found in a text; raises EvalError `invalid_pattern`.

    It is RE2's own where the pattern is more than texts and not straight; RE2 also answers where the text
    must not be judged.
    """
    by_engine = compile_pattern(pattern)
    found = literal_form(pattern)
    if found is not None:
        return _judge(found, by_engine)
    straight = straight_form(pattern)
    return by_engine if straight is None else straight_test(pattern, straight)


_KINDS: Final = {(True, True): EQUAL, (True, False): PREFIX, (False, True): SUFFIX, (False, False): PART}


# --- tests --------------------------------------------------------------------------------------------------


def _judge(literals: Literals, by_engine: Predicate) -> Predicate:
    tests = tuple(map(_test, literals.forms))
    test = tests[0] if len(tests) == 1 else _any(tests)
    if literals.is_plain:
        return test
    ignores_case, one_line = literals.ignores_case, literals.one_line
    if not one_line and len(tests) == 1:
        return _ignoring_case(test, by_engine)

    def found(text: str) -> bool:
        if not text.isascii() or (one_line and "\n" in text):
            return by_engine(text)
        return test(text.lower() if ignores_case else text)

    return found


def _ignoring_case(test: Predicate, by_engine: Predicate) -> Predicate:
    return lambda text: test(text.lower()) if text.isascii() else by_engine(text)


def _any(tests: tuple[Predicate, ...]) -> Predicate:
    def one(text: str) -> bool:
        for test in tests:  # noqa: SIM110  # a generator costs more than both
            if test(text):
                return True
        return False

    return one


def _test(form: Form) -> Predicate:
    words = form.words
    if form.kind == EQUAL:
        known = frozenset(words)
        return lambda text: text in known
    if form.kind == PREFIX:
        return lambda text: text.startswith(words)
    if form.kind == SUFFIX:
        return lambda text: text.endswith(words)
    if len(words) == 1:
        word = words[0]
        return lambda text: word in text
    if len(words) == 2:
        first, second = words
        return lambda text: first in text or second in text

    def holds(text: str) -> bool:
        for word in words:  # noqa: SIM110  # a generator costs more than both
            if word in text:
                return True
        return False

    return holds


# --- reading ------------------------------------------------------------------------------------------------

_MEANING: Final = frozenset("\\.+*?()|[]{}^$")
_CONTROLS: Final = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_CLASS_LIMIT: Final = 16  # characters in `[…]`
_DEPTH: Final = 20  # groups in each other
_IN_CLASS: Final = frozenset("[]-^\\")


class _NoTextError(Exception):
    """The pattern is more than texts."""


class _Branch(NamedTuple):
    """An alternative of the whole pattern: its texts, and whether they begin and end the subject."""

    words: tuple[str, ...]
    begins: bool
    ends: bool
    one_line: bool


class _Reader:
    """Reads the patterns that are texts; raises _NoTextError as soon as it meets anything else."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._depth = 0

    def whole(self) -> list[_Branch]:
        """Read the pattern: branches with their anchors."""
        branches = [self._branch()]
        while self._take("|"):
            branches.append(self._branch())
        if self._at < len(self._pattern):
            raise _NoTextError
        return branches

    def _branch(self) -> _Branch:
        begins = self._take("^") or self._take("\\A")
        any_first = self._take(".*")
        words = self._sequence()
        any_last = self._take(".*")
        ends = self._take("$") or self._take("\\z")
        if self._next() not in ("", "|"):
            raise _NoTextError
        one_line = (begins and any_first) or (ends and any_last)
        return _Branch(words, begins and not any_first, ends and not any_last, one_line)

    def _sequence(self) -> tuple[str, ...]:
        """Read texts one behind the other; return all that they can make together."""
        words: tuple[str, ...] = ("",)
        while True:
            if self._ahead(".*"):
                return words
            sign = self._next()
            if sign in ("", "|", ")", "$") or self._ahead("\\z"):
                return words
            made = self._maybe(self._piece(sign))
            words = _limited(a + b for a, b in product(words, made))

    def _piece(self, sign: str) -> tuple[str, ...]:
        if sign == "(":
            return self._group()
        if sign == "[":
            return self._class()
        return (self._character(_MEANING),)

    def _maybe(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """Read the `?` behind a piece, if there is one; no other repetition is a text."""
        if self._take("?"):
            words = (*words, "")
        if self._next() in ("?", "*", "+", "{"):
            raise _NoTextError
        return words

    def _group(self) -> tuple[str, ...]:
        if not self._take("(?:"):
            self._take("(")
            if self._next() == "?":
                raise _NoTextError
        self._depth += 1
        if self._depth > _DEPTH:
            raise _NoTextError
        words = list(self._sequence())
        while self._take("|"):
            words += self._sequence()
        if not self._take(")"):
            raise _NoTextError
        self._depth -= 1
        return _limited(words)

    def _class(self) -> tuple[str, ...]:
        self._take("[")
        if self._next() in ("^", "]"):
            raise _NoTextError
        found: dict[str, None] = {}
        while not self._take("]"):
            first = last = self._character(_IN_CLASS)
            if self._take("-"):
                last = self._character(_IN_CLASS)
            if not first <= last or len(found) + ord(last) - ord(first) >= _CLASS_LIMIT:
                raise _NoTextError
            found.update(dict.fromkeys(map(chr, range(ord(first), ord(last) + 1))))
        return tuple(found)

    def _character(self, special: frozenset[str]) -> str:
        """Read one character, escaped if it has to be."""
        sign = self._next()
        if sign == "\\":
            self._at += 1
            sign = self._next()
            if sign.isalnum() or sign == "_":
                sign = _CONTROLS.get(sign, "")
        elif sign in special:
            raise _NoTextError
        if not sign or not sign.isascii():
            raise _NoTextError
        self._at += 1
        return sign

    def _next(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _ahead(self, what: str) -> bool:
        """Whether this comes next, and is not repeated or turned into something else behind."""
        if not self._pattern.startswith(what, self._at):
            return False
        return what != ".*" or self._pattern[self._at + 2 : self._at + 3] not in ("?", "*", "+", "{")

    def _take(self, what: str) -> bool:
        if not self._ahead(what):
            return False
        self._at += len(what)
        return True


def _limited(words: Iterable[str]) -> tuple[str, ...]:
    kept: dict[str, None] = {}
    for word in words:
        kept[word] = None
        if len(kept) > MOST_WORDS:
            raise _NoTextError
    return tuple(kept)
