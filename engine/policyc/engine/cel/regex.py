"""Regular expressions of policies: RE2, so that matching takes linear time whatever the pattern says.

`compile_pattern` gives a predicate on text; compiled patterns are kept, a bounded number of them. RE2 is
asked through its inner `Match` on UTF-8 octets, which takes a fifth of the time of the module's own
`search`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from policyc.engine.cel.limits import PATTERN_LIMIT
from policyc.engine.remade import remade
from policyc.engine.values import EvalError

CACHED_PATTERNS = 512
MEMORY_LIMIT = 8 << 20  # what RE2 may spend on one pattern's automata

Predicate = Callable[[str], bool]


def problem(pattern: str) -> str | None:
    """Return what is wrong with a pattern, None if it compiles."""
    try:
        compiled(pattern)
    except EvalError as error:
        return error.message
    return None


@lru_cache(CACHED_PATTERNS)
def compiled(pattern: str, captures: bool = True) -> Any:
    """Return google-re2's compiled pattern, faster without captures; raises EvalError `invalid_pattern`."""
    import re2

    if len(pattern) > PATTERN_LIMIT:
        raise EvalError("invalid_pattern", f"a regular expression is longer than {PATTERN_LIMIT} characters")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MEMORY_LIMIT
    options.never_capture = not captures
    try:
        return re2.compile(pattern, options)
    except (re2.error, UnicodeError) as error:
        why = error.args[0] if error.args else "bad pattern"
        if isinstance(why, bytes):
            why = why.decode("utf-8", "replace")
        raise EvalError("invalid_pattern", f"invalid regular expression `{pattern[:64]}`: {why}") from None


class Pattern:
    """A valid pattern with captures. Calling it gives what RE2 makes of it, when that is first needed."""

    __slots__ = ("_made", "_text")

    def __init__(self, text: str) -> None:
        """Remember its text."""
        self._text = text
        self._made: Any = None

    def __call__(self) -> Any:
        """Return google-re2's compiled pattern."""
        if self._made is None:
            self._made = compiled(self._text)
        return self._made

    def __reduce__(self) -> tuple[type[Pattern], tuple[str]]:
        return Pattern, (self._text,)


@lru_cache(CACHED_PATTERNS)
def compile_pattern(pattern: str) -> Predicate:
    """Return the test whether the pattern is found in a text; raises EvalError `invalid_pattern`."""
    return _test(pattern, _matcher(pattern))


def valid_pattern(pattern: str) -> Predicate:
    """Return the test of a pattern that is known to be valid: RE2 compiles it when it is first asked."""
    return _test(pattern, None)


def _test(pattern: str, match: Callable[..., Any] | None) -> Predicate:
    def found(text: str) -> bool:
        nonlocal match
        if match is None:
            match = _matcher(pattern)
        octets = text.encode("utf-8", "surrogateescape")
        return match(octets, 0, len(octets))[0][0] >= 0  # type: ignore[no-any-return]

    return remade(found, valid_pattern, pattern)


def _matcher(pattern: str) -> Callable[..., Any]:
    regex = compiled(pattern, captures=False)
    import re2

    return partial(regex._regexp.Match, re2._re2.RE2.Anchor.UNANCHORED)


def matches(text: str, pattern: str) -> bool:
    """Return whether the pattern is found anywhere in `text`."""
    return compile_pattern(pattern)(text)
