import marshal
from typing import Any

from policyc.grammar.machine import Tables
from policyc.grammar.tables import build_tables

SMALL = r"""
file: "(" pair* ")"
?pair: NAME "=" expression | expression -> lone
?expression: NAME | LET
LET: "let"
NAME: /[a-z]+/
SPACE: / +/
%ignore SPACE
"""


def alternatives(tables: Tables) -> dict[tuple[str, int], tuple[Any, ...]]:
    return {(str(target), size): tuple(rest) for target, size, *rest in tables.alternatives}


def test_tables_are_plain_data() -> None:
    tables = build_tables(SMALL)
    assert Tables(*marshal.loads(marshal.dumps(tuple(tables)))) == tables


def test_what_is_only_punctuation_is_left_out_and_repetitions_are_spread() -> None:
    known = alternatives(build_tables(SMALL))
    assert known[("file", 3)] == ((1,), (1,), "file", False)
    assert known[("file", 2)] == ((), (), "file", False)


def test_an_alternative_with_a_name_of_its_own_is_always_built() -> None:
    known = alternatives(build_tables(SMALL))
    assert known[("pair", 1)] == (None, (), "lone", False)
    assert known[("pair", 3)] == ((0, 2), (), "pair", True)
    assert known[("expression", 1)] == (None, (), "expression", True)


def test_words_are_the_keywords_that_are_spelt_like_names() -> None:
    tables = build_tables(SMALL)
    assert tables.words == {"let": "LET"}
    assert tables.word_type == "NAME"
    assert tables.ignored == ["SPACE"]
