"""`matches` with a constant pattern: string methods where it is only texts, else RE2 without detours.

a.matches('^/api/')             a.startsWith('/api/')
a.matches('^(GET|POST)$')       a in {'GET', 'POST'}
a.matches('(?i)curl|bot')       a call that looks for both in the lower-case text
a.matches('[0-9]+')             RE2's test, found once and not at each evaluation

What a pattern means as texts is proved in cel/patterns.py.
"""

from __future__ import annotations

from typing import Final

from policyc.engine.cel import ir
from policyc.engine.cel.dispatch import known_overload
from policyc.engine.cel.patterns import EQUAL, PART, PREFIX, SUFFIX, Form, Literals, finder, literal_form
from policyc.engine.cel.regex import Predicate
from policyc.engine.function import Dialect, Overload
from policyc.engine.functions import functions
from policyc.engine.optimise import forms
from policyc.engine.optimise.rewrite import rewrite
from policyc.engine.types import BOOL, DYN, STRING
from policyc.engine.values import EvalError
from policyc.grammar.source import Span

FINDS: Final = Overload(
    "finds", (STRING, DYN), BOOL, lambda text, find: find(text), inline="{1}({0})"
)  # fmt: skip
AS_TEXT: Final = "matches as text"
BY_ENGINE: Final = "matches by RE2"
_METHODS: Final = {PREFIX: "startsWith", SUFFIX: "endsWith", PART: "contains"}


class Pattern(ir.Const):
    """The test of a pattern, as an argument of `finds`; `pattern` is how it was written."""

    __slots__ = ("pattern",)

    def __init__(self, find: Predicate, pattern: str, span: Span) -> None:
        """Hold the test."""
        super().__init__(find, DYN, span)
        self.pattern = pattern


def match_texts(node: ir.Node) -> ir.Node:
    """Return the expression with its constant patterns made simple."""
    return rewrite(node, _visit)


def _visit(node: ir.Node) -> ir.Node:
    if not isinstance(node, ir.Apply) or node.function != "matches" or len(node.args) != 2:
        return node
    subject, pattern = node.args
    if not isinstance(pattern, ir.Const) or not isinstance(pattern.value, str):
        return node
    if known_overload(node.overloads, node.args) is None:
        return node
    try:
        find = finder(pattern.value)
    except EvalError:
        return node  # it fails when it is reached
    found = literal_form(pattern.value)
    if found is not None and found.is_plain:
        made = _as_methods(found, subject, node.span)
        if made is not None:
            return made
    name = BY_ENGINE if found is None else AS_TEXT
    return ir.Apply(name, (FINDS,), (subject, Pattern(find, pattern.value, pattern.span)), BOOL, node.span)


def _as_methods(literals: Literals, subject: ir.Node, span: Span) -> ir.Node | None:
    """Return tests of Python's own, None where the subject would have to be worked out more than once."""
    tests = [test for form in literals.forms for test in _tests(form, subject, span)]
    if len(tests) == 1:
        return tests[0]
    return ir.Or(tuple(tests), BOOL, span) if isinstance(subject, ir.Var | ir.Local) else None


def _tests(form: Form, subject: ir.Node, span: Span) -> list[ir.Node]:
    if form.kind == EQUAL and len(form.words) > 1:
        return [forms.one_of(subject, form.words, STRING, span)]
    if form.kind in (PREFIX, SUFFIX) and len(form.words) > 1:
        return [forms.affixed(subject, form.words, _METHODS[form.kind], span)]
    function = _METHODS.get(form.kind, "_==_")
    overloads = functions(Dialect.BOTH)[function].overloads
    return [
        ir.Apply(function, overloads, (subject, ir.Const(word, STRING, span)), BOOL, span)
        for word in form.words
    ]
