"""The parser: a machine that runs the tables which Lark made of policy.lark.

Lark's own machine would do, and costs more: importing it takes as long as everything else that `check` of one
page does, and it counts lines and wraps children that nobody here wants. This one is the LALR(1) machine of
the textbooks with a contextual lexer. It accepts what Lark's accepts, token by token, and stops where Lark's
stops, with the same stacks (tests/grammar/test_machine.py holds that).

1. The lexer prefers what may stand here. All terminals are tried as one regular expression, in Lark's order.
   If the first that fits is allowed in the state, it is also the first of the allowed ones; only if it is not
   are those tried alone.
2. A word is a NAME unless the state allows the keyword that is spelt like it.
3. A reduction that only hands on its one child is not carried out: the machine goes straight to the state
   behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

END = "$END"


class Alternative(NamedTuple):
    """An alternative of a rule, as far as reducing it goes.

    `target` is the rule, `size` how many values it takes off the stack. `keep` are the positions of its
    children, None for all of them as they are; `spread` those that are lists of children themselves. `method`
    builds the value; without one it is the list of the children. `passes`: an only child is the value.
    """

    target: str
    size: int
    keep: tuple[int, ...] | None
    spread: tuple[int, ...]
    method: str | None
    passes: bool

    @property
    def changes_nothing(self) -> bool:
        """Whether the value is that of the one symbol that it consists of."""
        return self.passes and self.size == 1 and self.keep is None


class Tables(NamedTuple):
    """What the machine runs, all of it plain data.

    `states` says for each state what may follow: a terminal or a rule, and the next state, or a terminal
    before which alternative `n` is complete, as `~n`. `terminals` are (name, regular expression) in the order
    in which they are tried. `words` are the keywords by spelling, `word_type` is the terminal of all others.
    `starts` and `ends` are states by start symbol.
    """

    states: list[dict[str, int]]
    alternatives: list[tuple[Any, ...]]
    terminals: list[tuple[str, str]]
    ignored: list[str]
    words: dict[str, str]
    word_type: str
    starts: dict[str, int]
    ends: dict[str, int]


class Token:
    """A word or sign of the text: its terminal, and where it stands."""

    __slots__ = ("end_pos", "start_pos", "text", "type")

    def __init__(self, type: str, text: str, start_pos: int, end_pos: int) -> None:
        """`end_pos` is the offset behind the last character."""
        self.type = type
        self.text = text
        self.start_pos = start_pos
        self.end_pos = end_pos

    def __repr__(self) -> str:
        return f"Token({self.type}, {self.text!r}, {self.start_pos})"


class Unexpected(Exception):  # noqa: N818 — a turn of the parse, not an error of the program
    """The text cannot go on like this: a token that does not fit, a sign that begins none, or its end."""

    def __init__(self, start: int, end: int) -> None:
        """Say where what is unexpected stands."""
        super().__init__(start, end)
        self.start = start
        self.end = end


class TooTall(Exception):  # noqa: N818 — likewise
    """The stack has grown over its limit."""


class Parser:
    """The tables, made ready. It keeps nothing of a text."""

    def __init__(self, tables: Tables) -> None:
        """Take the tables as they are."""
        self.states = tables.states
        self.starts = tables.starts
        self.ends = tables.ends
        self.words = tables.words
        self.word_type = tables.word_type
        self.alternatives = [Alternative(*each) for each in tables.alternatives]
        ignored = frozenset(tables.ignored)
        self._terminals = [each for each in tables.terminals if each[0] not in ignored]
        self._keywords = frozenset(tables.words.values())
        # Possessive: what was skipped as a comment is never taken for a division instead.
        self._skipped = f"(?:{'|'.join(regexp for name, regexp in tables.terminals if name in ignored)})*+"
        self._narrow: dict[int, re.Pattern[str]] = {}
        self._settled: dict[tuple[int, str, str], int] = {}
        self.skip = re.compile(self._skipped).match
        self.match = self._pattern(name for name, _ in self._terminals if name not in self._keywords).match

    def _pattern(self, names: Iterable[str]) -> re.Pattern[str]:
        """Return what matches the first of some terminals that fits, and what is ignored before it."""
        wanted = frozenset(names)
        terminals = "|".join(f"(?P<{name}>{regexp})" for name, regexp in self._terminals if name in wanted)
        return re.compile(f"{self._skipped}(?:{terminals or '(?!)'})")

    def match_allowed(self, state: int, text: str, at: int) -> re.Match[str] | None:
        """Return the first terminal that fits of those that the state allows."""
        pattern = self._narrow.get(state)
        if pattern is None:
            allowed = set(self.states[state])
            if self.word_type in allowed:
                allowed -= self._keywords
            pattern = self._narrow[state] = self._pattern(allowed)
        return pattern.match(text, at)

    def settle(self, state: int, target: str, ahead: str) -> int:
        """Return the state behind a `target` found in `state`, past the reductions that change nothing."""
        key = (state, target, ahead)
        settled = self._settled.get(key)
        if settled is None:
            here = self.states[state]
            settled = here[target]
            action = self.states[settled].get(ahead, 0)
            while action < 0 and self.alternatives[~action].changes_nothing:
                settled = here[self.alternatives[~action].target]
                action = self.states[settled].get(ahead, 0)
            self._settled[key] = settled
        return settled


class Run:
    """A text on its way through the parser; its place and its stacks may be changed between calls of `go`."""

    def __init__(self, parser: Parser, builder: object, text: str, start: str, most: int) -> None:
        """Call the methods of `builder`; stop where the stack holds more than `most` values."""
        self.parser = parser
        self.at = 0
        self.states = [parser.starts[start]]
        self.values: list[Any] = []
        self.previous: Token | None = None  # the last one that fitted
        self._builder = builder
        self._text = text
        self._end = parser.ends[start]
        self._most = most

    def go(self) -> Any:
        """Return what the text is. Raises Unexpected and TooTall, and whatever the builder raises."""
        states, values, table = self.states, self.values, self.parser.states
        while (token := self._next()) is not None:
            type_ = token.type
            action = table[states[-1]][type_]
            while action < 0:
                self._reduce(~action, type_)
                try:
                    action = table[states[-1]][type_]
                except KeyError:
                    raise Unexpected(token.start_pos, token.end_pos) from None
            states.append(action)
            values.append(token)
            self.previous = token
            if len(values) > self._most:
                raise TooTall
        return self._finish()

    def accepts(self) -> frozenset[str]:
        """Return the terminals that fit here."""
        here = self.parser.states[self.states[-1]]
        return frozenset(name for name in here if name.isupper() and self._fits(name))

    def _next(self) -> Token | None:
        """Return the next token, one that the state allows; None at the end. Raises Unexpected."""
        parser, text, state = self.parser, self._text, self.states[-1]
        allowed = parser.states[state]
        found = parser.match(text, self.at)
        if found is not None:
            type_ = self._type_of(found, allowed)
            if type_ in allowed:
                return self._token(found, type_)
        start = parser.skip(text, self.at).end()  # type: ignore[union-attr]  # it matches nothing as well
        if start == len(text):
            return None
        narrow = parser.match_allowed(state, text, start)
        if narrow is not None:
            return self._token(narrow, self._type_of(narrow, allowed))
        raise Unexpected(start, start + 1 if found is None else found.end())

    def _type_of(self, found: re.Match[str], allowed: Mapping[str, int]) -> str:
        type_ = found.lastgroup
        assert type_ is not None, "every alternative is a group with a name"
        if type_ == self.parser.word_type:
            keyword = self.parser.words.get(found[type_])
            if keyword is not None and keyword in allowed:
                return keyword
        return type_

    def _token(self, found: re.Match[str], type_: str) -> Token:
        self.at = end = found.end()
        text: str = found[found.lastindex or 0]
        return Token(type_, text, end - len(text), end)

    def _reduce(self, number: int, ahead: str) -> None:
        """Put the value of a complete alternative in the place of its children."""
        target, size, keep, spread, method, passes = self.parser.alternatives[number]
        states, values = self.states, self.values
        children: list[Any] = []
        if size:
            children = values[-size:]
            del states[-size:]
            del values[-size:]
        if keep is not None:
            children = _kept(children, keep, spread)
        if passes and len(children) == 1:
            value = children[0]
        elif method is None:
            value = children
        else:
            value = getattr(self._builder, method)(children)
        states.append(self.parser.settle(states[-1], target, ahead))
        values.append(value)

    def _finish(self) -> Any:
        """Carry out what is complete now that the text is at its end."""
        states, table = self.states, self.parser.states
        while states[-1] != self._end:
            action = table[states[-1]].get(END)
            if action is None:
                raise Unexpected(len(self._text), len(self._text))
            self._reduce(~action, END)
        return self.values[-1]

    def _fits(self, terminal: str) -> bool:
        """Return whether a terminal could be read here; what is complete before it is tried on a copy."""
        table, states = self.parser.states, list(self.states)
        while (action := table[states[-1]].get(terminal)) is not None:
            if action >= 0:
                return True
            target, size, *_ = self.parser.alternatives[~action]
            if size:
                del states[-size:]
            states.append(table[states[-1]][target])
            if states[-1] == self._end:
                return terminal == END
        return False


def _kept(children: list[Any], keep: tuple[int, ...], spread: tuple[int, ...]) -> list[Any]:
    """Return the children that count.

    A list that comes first becomes the result itself: a long one, which comes here once for each of its
    items, is not copied as often.
    """
    kept: list[Any] = []
    for i in keep:
        if i not in spread:
            kept.append(children[i])
        elif kept:
            kept += children[i]
        else:
            kept = children[i]
    return kept
