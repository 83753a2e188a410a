"""The parser loop, and parsing on after a mistake.

At an error the stacks of the machine say what is open. The innermost list of statements (of actions,
members, items) on the stack is taken up again behind the end of the broken statement: the statement is lost,
everything before and after it is kept, and each further mistake is found at its own place.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyc.grammar import limits
from policyc.grammar.build import Builder, TooMuch
from policyc.grammar.diagnostic import Label
from policyc.grammar.scan import Bracket, begins_item, placeholder_end, statement_end
from policyc.grammar.source import Span

if TYPE_CHECKING:
    from policyc.grammar.machine import Parser, Run, Unexpected
    from policyc.grammar.mistakes import Finding

_LISTS = ("action", "statement", "member", "item")
_LET_BEFORE = re.compile(r"^[ \t]*(let)\s+$", re.MULTILINE)
_ITEM_WORDS = ("endpoint", "let", "import", "rules", "test")
_WORD = re.compile(r"[a-z]+\b")
_STATEMENT_WORDS = ("when", "rule", "use")
_BRACKETS = {"LPAR": "(", "LSQB": "[", "LBRACE": "{"}


def run(parser: Parser, builder: Builder, text: str, start: str) -> object:
    """Return what `text` parses to; None where nothing can be made of it, which has been reported."""
    from policyc.grammar.machine import Run, TooTall, Unexpected

    # Each level of an expression holds at most four values on the stack, each block around it two.
    stack = 4 * (limits.EXPRESSION_DEPTH + builder.report.limits.document_brackets)
    going = Run(parser, builder, text, start, stack)
    attempt = _Attempt(going, builder, text, is_file=start == "file")
    while True:
        try:
            return going.go()
        except Unexpected as error:
            at = attempt.tell(error)
        except TooTall:
            at, span = attempt.last()
            message = "operators are nested too deep here"
            builder.report.add(limits.NESTED_TOO_DEEP, message, span, path=builder.path)
        except TooMuch as much:
            builder.report.add(much.code, much.message, much.span, path=builder.path)
            at, _ = attempt.last()
        if not attempt.is_file or not attempt.go_on(at):
            return None


class _Attempt:
    """The reading of one text: reports its errors and says where to go on."""

    def __init__(self, going: Run, builder: Builder, text: str, *, is_file: bool) -> None:
        self.going = going
        self.table = going.parser.states
        self.builder = builder
        self.text = text
        self.is_file = is_file
        self.count = 0
        self.furthest = -1
        self.has_ended = False
        self.resume: int | None = None  # where to go on, if the mistake itself says so

    def last(self) -> tuple[int, Span]:
        """Return the offset of the last token that fitted, and its place in the document."""
        token = self.going.previous
        assert token is not None, "nothing can be too much before there was something"
        return token.start_pos, self.builder.span(token.start_pos, token.end_pos)

    def _depth(self, lists: tuple[str, ...]) -> int:
        """Return how deep in the stack the innermost list of one of these kinds is open; 0 if none is."""
        states = self.going.states
        for depth in range(len(states) - 1, -1, -1):
            goto = self.table[states[depth]]
            if any(name in goto for name in lists):
                return depth
        return 0

    def go_on(self, at: int) -> bool:
        """Take the parser behind the statement broken at `at`; False if there is nothing more to read."""
        if self.has_ended:
            return False
        self.count += 1
        self.builder.broken.append(self.builder.span(at, at).start)
        depth = self._depth(_LISTS)
        goal = len(self.text)
        is_top = True
        if self.count >= limits.SYNTAX_ERRORS:
            span = self.builder.span(at, at)
            self.builder.report.add(limits.TOO_MANY_ERRORS, "the rest of the document is not judged", span)
        elif at < len(self.text):
            values = self.going.values[depth:]
            opened = [_BRACKETS[v.type] for v in values if getattr(v, "type", None) in _BRACKETS]
            in_file = "item" in self.table[self.going.states[depth]]
            word = _WORD.match(self.text, at)
            if self.resume is None and not in_file and word is not None and word.group() in _STATEMENT_WORDS:
                # A rule begins among the actions of another, whose brace is missing.
                depth, goal, is_top = self._depth(("statement",)), at, False
            elif self.resume is None:
                goal, is_top = statement_end(self.text, at, opened, is_top=in_file)
            else:
                goal, is_top, self.resume = self.resume, True, None
            if goal <= self.furthest:
                goal = self.furthest + 1
        if is_top:
            depth = self._depth(("item",))
        self.has_ended = goal >= len(self.text)
        self.furthest = goal
        del self.going.values[depth:]
        del self.going.states[depth + 1 :]
        self.going.at = min(goal, len(self.text))
        return True

    def tell(self, error: Unexpected) -> int:
        """Report one error and return its offset."""
        from policyc.grammar.mistakes import PLACEHOLDER, Trouble, diagnose

        text = self.text
        values = self.going.values
        start, end = error.start, error.end
        previous = self.going.previous
        before, before_at = ("", 0) if previous is None else (previous.text, previous.start_pos)
        first = 0
        if self.is_file:
            first = start
            for value in values[self._depth(_LISTS) :]:
                if hasattr(value, "start_pos") or hasattr(value, "span"):
                    first = value.start_pos if hasattr(value, "start_pos") else value.span.start
                    break
            self.builder.forget(first, end)
            start, end, before, before_at = self._cut_short(start, end, before, before_at, first)
        else:
            self.builder.forget()
        trouble = Trouble(
            text=text,
            start=start,
            end=end,
            word=text[start:end],
            before=before,
            before_at=before_at,
            opened=[
                Bracket(_BRACKETS[v.type], v.start_pos)
                for v in values
                if getattr(v, "type", None) in _BRACKETS
            ],
            statement=first,
            is_file=self.is_file,
            accepts=self.going.accepts(),
        )
        finding = diagnose(trouble)
        self._report(finding)
        if finding.code is PLACEHOLDER:
            inside = placeholder_end(text, finding.end)
            start = start if inside is None else inside + 1
        return int(start)

    def _cut_short(
        self, start: int, end: int, before: str, before_at: int, first: int
    ) -> tuple[int, int, str, int]:
        """Move the error to where a new item begins, if the statement before it lacks its end."""
        text = self.text
        if text[start:end] == "=":
            # `let b` after an unfinished expression: `let` was read as its operand.
            found = _LET_BEFORE.search(text, max(0, first - 80), before_at)
            if found is not None:
                at = self.resume = found.start(1)
                self.builder.cut(at)
                word = (text[:at].split() or [""])[-1]
                return at, at + 3, word, text.rindex(word, 0, at)
        for at in (start, before_at):
            if self.going.values and begins_item(text, at) and (at == start or before in _ITEM_WORDS):
                self.resume = at
                last = re.compile(r"\w*").match(text, at)
                word = (text[:at].split() or [""])[-1]
                return at, at + len(last.group() if last else ""), word, max(0, text.rfind(word, 0, at))
        return start, end, before, before_at

    def _report(self, finding: Finding) -> None:
        builder = self.builder
        labels = [] if builder.alias is None else [Label(builder.alias, "brought in here")]
        if finding.label is not None:
            start, end, remark = finding.label
            labels.append(Label(builder.span(start, end), remark))
        builder.report.add(
            finding.code,
            finding.message,
            builder.span(finding.start, finding.end),
            labels=labels,
            hint=finding.hint,
            path=builder.path,
        )
