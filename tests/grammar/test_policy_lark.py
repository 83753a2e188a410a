from importlib.resources import files

import pytest
from lark import Lark

from policyc.grammar.build import Builder
from policyc.grammar.tables import START

GRAMMAR = files("policyc.grammar").joinpath("policy.lark").read_text("utf-8")


@pytest.fixture(scope="module")
def strict() -> Lark:
    pytest.importorskip("interegular")
    return Lark(
        GRAMMAR, parser="lalr", lexer="contextual", start=list(START), strict=True, maybe_placeholders=False
    )


def test_the_grammar_has_no_conflicts_and_no_colliding_terminals(strict: Lark) -> None:
    assert strict.options.strict


def test_every_alternative_is_built_by_a_method(strict: Lark) -> None:
    names = {r.alias or r.origin.name for r in strict.rules if not (r.options.expand1 and not r.alias)}
    names = {n for n in names if not n.startswith("_")}
    assert names, "the grammar has rules"
    assert sorted(n for n in names if not callable(getattr(Builder, n, None))) == []


def test_the_builder_has_no_method_without_an_alternative(strict: Lark) -> None:
    used = {r.alias or r.origin.name for r in strict.rules}
    own = {"begin", "finish", "forget", "cut", "span", "value"}
    public = {n for n, f in vars(Builder).items() if callable(f) and not n.startswith("_")}
    assert sorted(public - used - own) == []
