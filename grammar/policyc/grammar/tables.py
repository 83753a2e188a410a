"""policy.lark as tables for the machine. Lark reads the grammar and finds the states; here they become data.

Only this module imports Lark, and only where no saved tables are found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policyc.grammar.machine import Tables

if TYPE_CHECKING:
    from lark import Lark
    from lark.grammar import Rule
    from lark.lexer import TerminalDef

START = ("file", "expression")
WORD = "NAME"


def build_tables(grammar: str) -> Tables:
    """Return the tables of a grammar. Raises what Lark raises if it is wrong."""
    from lark import Lark

    return tables_of(
        Lark(grammar, parser="lalr", lexer="contextual", start=list(START), maybe_placeholders=False)
    )


def tables_of(lark: Lark) -> Tables:
    """Return the tables that a LALR parser of Lark holds.

    Its texts are tokens of Lark, which know their places in the grammar: here they become plain ones.
    """
    from lark.parsers.lalr_analysis import Shift

    frontend: Any = lark.parser
    table = frontend.parser._parse_table
    terminals: list[TerminalDef] = frontend.lexer.root_lexer.terminals  # in the order in which they are tried
    number = {rule: n for n, rule in enumerate(lark.rules)}
    states = [
        {str(s): arg if action is Shift else ~number[arg] for s, (action, arg) in table.states[state].items()}
        for state in range(len(table.states))
    ]
    return Tables(
        states,
        [_alternative(rule) for rule in lark.rules],
        [(str(terminal.name), terminal.pattern.to_regexp()) for terminal in terminals],
        list(map(str, lark.ignore_tokens)),
        _words(terminals),
        WORD,
        {str(name): state for name, state in table.start_states.items()},
        {str(name): state for name, state in table.end_states.items()},
    )


def _alternative(rule: Rule) -> tuple[Any, ...]:
    """Return what reducing a rule does, by the conventions of Lark's tree builder."""
    symbols = rule.expansion
    spread = tuple(i for i, s in enumerate(symbols) if not s.is_term and s.name.startswith("_"))
    keep_all = rule.options.keep_all_tokens
    keep = tuple(i for i, s in enumerate(symbols) if keep_all or not getattr(s, "filter_out", False))
    name = rule.alias or rule.origin.name
    return (
        str(rule.origin.name),
        len(symbols),
        keep if spread or len(keep) < len(symbols) else None,
        spread,
        None if name.startswith("_") else str(name),
        bool(rule.options.expand1 and not rule.alias),
    )


def _words(terminals: list[TerminalDef]) -> dict[str, str]:
    """Return the terminals that are spelt like a WORD, by their spelling."""
    import re

    word = next(terminal for terminal in terminals if terminal.name == WORD)
    spelt = re.compile(word.pattern.to_regexp()).fullmatch
    return {
        str(terminal.pattern.value): str(terminal.name)
        for terminal in terminals
        if terminal.pattern.type == "str" and spelt(terminal.pattern.value)
    }
