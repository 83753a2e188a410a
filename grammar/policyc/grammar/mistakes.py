"""Named syntax errors: what the author probably meant where the parser could not go on."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from policyc.grammar.codes import Code, declare
from policyc.grammar.scan import CLOSER, Bracket

UNEXPECTED = declare(
    "P0100",
    "unexpected",
    "something stands where it cannot",
    explanation="The parser can make nothing of this word or sign at this place; the hint lists what could stand there.",
    wrong="let x = 1 + * 2",
    right="let x = 1 * 2",
    ngrok=2200,
)


class Trouble(NamedTuple):
    """Where the parser stopped.

    `start` and `end` enclose the word it could not use, `word` is that word ("" at the end), `before` the word in
    front of it, `opened` the brackets that are open there, `statement` where the statement begins in which it stands.
    """

    text: str
    start: int
    end: int
    word: str
    before: str
    before_at: int
    opened: Sequence[Bracket]
    statement: int
    is_file: bool
    accepts: Collection[str]


class Finding(NamedTuple):
    """What to tell: a code, the place, the message, the hint, and a second place with a remark."""

    code: Code
    start: int
    end: int
    message: str
    hint: str | None = None
    label: tuple[int, int, str] | None = None


def diagnose(trouble: Trouble) -> Finding:
    """Return the most telling explanation of a syntax error."""
    for recognise in RECOGNISERS:
        finding = recognise(trouble)
        if finding is not None:
            return finding
    return _unexpected(trouble)


def _unexpected(t: Trouble) -> Finding:
    return Finding(UNEXPECTED, t.start, t.end, f"unexpected `{t.word}`" if t.word else "unexpected end")


RECOGNISERS: list[Callable[[Trouble], Finding | None]] = []
