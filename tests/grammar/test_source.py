from __future__ import annotations

import pytest

from policyc.grammar.source import Source, Text

SOURCE = Source("a.policy", "ab\r\nc\n\né")


@pytest.mark.parametrize(
    ("offset", "place"),
    [(0, (1, 1)), (1, (1, 2)), (3, (1, 4)), (4, (2, 1)), (6, (3, 1)), (7, (4, 1)), (8, (4, 2))],
)
def test_position_counts_lines_and_characters_from_one(offset: int, place: tuple[int, int]) -> None:
    assert SOURCE.position(offset) == place


def test_line_is_without_its_end_and_empty_where_there_is_none() -> None:
    assert [SOURCE.line(n) for n in range(6)] == ["", "ab", "c", "", "é", ""]


def test_span_knows_its_text_and_both_ends() -> None:
    span = SOURCE.span(1, 5)
    assert span.text == "b\r\nc"
    assert (span.line, span.column, span.end_line, span.end_column) == (1, 2, 2, 2)
    assert repr(span) == "a.policy:1:2-2:2"


def test_span_to_another_covers_both() -> None:
    assert SOURCE.span(0, 1).to(SOURCE.span(4, 5)) == SOURCE.span(0, 5)
    assert SOURCE.whole() == SOURCE.span(0, 8)


def test_part_of_a_plain_text_is_where_it_stands() -> None:
    text = Text("b\r\nc", SOURCE.span(1, 5), 1)
    assert text.part(0, 1) == SOURCE.span(1, 2)
    assert text.slice(3, 4).part(0, 1) == SOURCE.span(4, 5)


def test_part_of_an_escaped_text_covers_the_escape() -> None:
    source = Source("b.policy", '"a\\nb"')  # a, an escape of two characters, b
    text = Text("a\nb", source.whole(), 1, (1, 2, 4, 5))
    assert text.part(1, 2).start == 2
    assert text.part(2, 3).text == "b"
    assert text.slice(1, 3).origin(1) == 4


def test_empty_part_is_a_place() -> None:
    text = Text("ab", SOURCE.span(0, 2), 0)
    assert text.part(1, 1) == SOURCE.span(1, 1)
    assert text.part(2, 2) == SOURCE.span(2, 2)
