"""Parsing on after a mistake.

At an error Lark's own stacks say what is open. The innermost list of statements (of actions, members, items) on the
stack is taken up again behind the end of the broken statement: the statement is lost, everything before and after it is
kept, and each further mistake is found at its own place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policyc.grammar import limits
from policyc.grammar.build import Builder
from policyc.grammar.diagnostic import Label
from policyc.grammar.mistakes import Trouble, diagnose
from policyc.grammar.scan import Bracket, statement_end

if TYPE_CHECKING:
    from lark import Lark

_LISTS = ("action", "statement", "member", "item")
_BRACKETS = {"LPAR": "(", "LSQB": "[", "LBRACE": "{"}


def run(parser: Lark, builder: Builder, text: str, start: str) -> object:
    """Return what `text` parses to; None where nothing can be made of it, which has been reported."""
    from lark.exceptions import UnexpectedInput

    recovery = _Recovery(builder, text, is_file=start == "file")
    try:
        return parser.parse(text, start=start, on_error=recovery if recovery.is_file else None)
    except UnexpectedInput as error:
        if not recovery.is_file:
            recovery.tell(error, 0)
        return None


class _Recovery:
    """Reports each error of one text and says where to go on."""

    def __init__(self, builder: Builder, text: str, *, is_file: bool) -> None:
        self.builder = builder
        self.text = text
        self.is_file = is_file
        self.count = 0
        self.furthest = -1

    def __call__(self, error: Any) -> bool:
        """Take the parser behind the broken statement (called by Lark)."""
        parser = error.interactive_parser
        stack = parser.parser_state
        table = stack.parse_conf.parse_table.states
        depth = next(
            d for d in range(len(stack.state_stack) - 1, -1, -1) if any(n in table[stack.state_stack[d]] for n in _LISTS)
        )
        at = self.tell(error, depth)
        self.count += 1
        is_end = at >= len(self.text)
        if self.count >= limits.SYNTAX_ERRORS and not is_end:
            self.builder.report.add(
                limits.TOO_MANY_ERRORS, "the rest of the document is not judged", self.builder.span(at, at)
            )
            is_end = True
        if is_end:
            goal, depth = len(self.text), 0
        else:
            opened = [_BRACKETS[v.type] for v in stack.value_stack[depth:] if getattr(v, "type", None) in _BRACKETS]
            is_top = "item" in table[stack.state_stack[depth]]
            resume = statement_end(self.text, at, opened, is_top=is_top)
            goal = resume.at
            if resume.is_top:
                depth = 0
            if goal <= self.furthest:
                goal = self.furthest + 1
        if depth == 0:
            depth = next(
                d for d in range(len(stack.state_stack) - 1, -1, -1) if "item" in table[stack.state_stack[d]]
            )
        self.furthest = max(self.furthest, goal)
        del stack.value_stack[depth:]
        del stack.state_stack[depth + 1 :]
        parser.lexer_thread.state.line_ctr.char_pos = min(goal, len(self.text))
        return True

    def tell(self, error: Any, depth: int) -> int:
        """Report one error and return its offset."""
        from lark.exceptions import UnexpectedCharacters

        stack = error.interactive_parser.parser_state
        if isinstance(error, UnexpectedCharacters):
            start = error.pos_in_stream
            end = start + 1
        elif error.token.type == "$END":
            start = end = len(self.text)
        else:
            start, end = error.token.start_pos, error.token.end_pos
        values = stack.value_stack
        opened = [Bracket(_BRACKETS[v.type], v.start_pos) for v in values if getattr(v, "type", None) in _BRACKETS]
        before = _last_word(self.text, start, error)
        trouble = Trouble(
            self.text,
            start,
            end,
            self.text[start:end],
            before[0],
            before[1],
            opened,
            _first_offset(values[depth:], start, self.builder),
            self.is_file,
            self.is_file and bool(not any(b.char == "{" for b in opened)),
            error.interactive_parser.accepts,
        )
        finding = diagnose(trouble)
        builder = self.builder
        labels = []
        if builder.alias is not None:
            labels.append(Label(builder.alias, "brought in here"))
        if finding.label is not None:
            labels.append(Label(builder.span(finding.label[0], finding.label[1]), finding.label[2]))
        builder.report.add(
            finding.code,
            finding.message,
            builder.span(finding.start, finding.end),
            labels=labels,
            hint=finding.hint,
            path=builder.path,
        )
        return start


def _last_word(text: str, start: int, error: Any) -> tuple[str, int]:
    """Return the word in front of `start` and its offset."""
    last = error.interactive_parser.lexer_thread.state.last_token
    history = getattr(error, "token_history", None)
    for token in (last, *(history or ())):
        if token is not None and token.end_pos <= start:
            return str(token), token.start_pos
    return "", 0


def _first_offset(values: list[Any], start: int, builder: Builder) -> int:
    """Return where the first of the values on the stack begins, in the text that is parsed."""
    for value in values:
        if hasattr(value, "start_pos"):
            return int(value.start_pos)
        if hasattr(value, "span"):
            return int(value.span.start)
    return start


