import pytest

from policyc.grammar.scan import begins_item, hash_sign, placeholder_end, statement_end, too_deep


def test_brackets_in_strings_and_comments_do_not_nest() -> None:
    assert too_deep("'((((' + \"[[[[\" // ((((\n + (a)", 1, is_file=False) is None
    assert too_deep("((a))", 1, is_file=False) == 1
    assert too_deep("# ((((\n(a)", 1, is_file=True) is None
    assert too_deep("r'\\' + ((a))", 1, is_file=False) == 8


def test_a_hash_sign_counts_outside_of_strings_only() -> None:
    assert hash_sign("a == '#'") is None
    assert hash_sign("a // #") is None
    assert hash_sign("a # b") == 2


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("a} x", 1),
        ("{'k': '}'}['k']} x", 15),
        ("'''}'''}", 7),
        ("r'\\'}", 4),
        ("'\\''}", 4),
        ("a // }\n}", 7),
        ("a", None),
        ("'}", None),
        ("{}", None),
    ],
)
def test_a_placeholder_ends_at_its_own_brace(text: str, end: int | None) -> None:
    assert placeholder_end(text, 0) == end


def test_a_broken_statement_ends_at_its_brace_or_before_the_next() -> None:
    text = "x { y: { z } } next"
    assert statement_end(text, 0, [], is_top=False).at == len("x { y: { z } }")
    assert statement_end("x } y", 0, [], is_top=False).at == 2
    assert statement_end("x } y", 0, [], is_top=True).at == 3
    assert statement_end("x\n  y", 0, [], is_top=False).at == 4
    assert statement_end("x (\n  y\n  when a", 2, ["("], is_top=False).at == 10
    assert statement_end("x { \nlet a = 1", 0, [], is_top=False) == (5, True)


def test_an_item_begins_at_the_beginning_of_a_line() -> None:
    text = 'let a = 1\n  let b = 2\nendpoint "x"\nendpoint.host'
    assert [begins_item(text, text.index(w)) for w in ("let a", "let b", 'endpoint "', "endpoint.")] == [
        True,
        False,
        True,
        False,
    ]
