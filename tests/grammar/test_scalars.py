"""Each character of a YAML scalar is found where it was written, for every style."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policyc.grammar.diagnostic import Report
from policyc.grammar.source import Source, Text
from policyc.grammar.syntax import MapValue, TextValue
from policyc.grammar.yaml_values import read_values


def scalar(document: str) -> Text:
    report = Report()
    read = read_values(Source("x.yaml", document), report)
    assert list(report) == []
    assert isinstance(read.value, MapValue)
    value = read.value.entries[0].value
    assert isinstance(value, TextValue)
    return value.text


def shown(document: str) -> list[tuple[str, str]]:
    """Each character of the value beside the character of the document at its place."""
    text = scalar(document)
    return [(c, document[text.origin(i)]) for i, c in enumerate(text.value)]


@pytest.mark.parametrize(
    "document",
    [
        "k: plain text",
        "k:   plain\n",
        "k: 'single quoted'",
        'k: "double quoted"',
        "k: |\n  literal\n    more\n  end\n",
        "k: |-\n  literal\n\n  end",
        "k: |+\n  literal\n\n\n",
        "k: &anchor plain",
        "k: &anchor # remark\n  'quoted'",
        "k: |2\n    two more\n  end\n",
        "é: ünïcode 😀 text",
        "k: | # remark\n  x\n",
    ],
)
def test_where_nothing_is_changed_each_character_is_its_own_origin(document: str) -> None:
    assert scalar(document).value
    for value, written in shown(document):
        assert value == written


@pytest.mark.parametrize(
    ("document", "value"),
    [
        ("k: a\n  b\n\n  c", "a b\nc"),
        ("k: 'a\n  b\n\n  c'", "a b\nc"),
        ('k: "a\n  b\n\n  c"', "a b\nc"),
        ("k: >\n  a\n  b\n\n  c\n", "a b\nc\n"),
        ("k: >-\n  a\n  b\n\n\n  c", "a b\n\nc"),
        ("k: >\n  a\n    more\n    yet\n  b\n", "a\n  more\n  yet\nb\n"),
        ("k: >-\n\n  a\n  b", "\na b"),
        ("k: a\r\n  b\r\n", "a b"),
        ("k: |\r\n  a\r\n  b\r\n", "a\nb\n"),
    ],
)
def test_folded_line_ends_stand_where_a_line_ends(document: str, value: str) -> None:
    text = scalar(document)
    assert text.value == value
    places = [text.origin(i) for i in range(len(value) + 1)]
    assert places == sorted(places)
    for c, written in shown(document):
        assert c == written or (c in " \n" and written in "\r\n")


def test_doubled_quotes_and_escapes_stand_where_they_begin() -> None:
    single = scalar("k: 'it''s ''x'''")
    assert single.value == "it's 'x'"
    assert [single.origin(i) for i in range(9)] == [4, 5, 6, 8, 9, 10, 12, 13, 15]
    double = 'k: "a\\n\\x41\\u00e9\\U0001F600\\"\\\n   b"'
    text = scalar(double)
    assert text.value == 'a\nAé😀"b'
    assert [double[text.origin(i)] for i in range(7)] == ["a", "\\", "\\", "\\", "\\", "\\", "b"]
    assert double[text.origin(7)] == '"'


def test_a_part_of_a_text_has_its_own_place() -> None:
    document = 'k: "a \\" ${b} c"'
    text = scalar(document)
    at = text.value.index("${b}")
    part = text.slice(at, at + 4)
    assert part.value == "${b}"
    assert part.span.text == "${b}"


@given(
    st.text(st.sampled_from("ab '\"\\\n:#-é"), max_size=20),
    st.sampled_from(["'", '"', "|", ">"]),
)
@settings(max_examples=300, deadline=None)
def test_every_place_lies_inside_of_the_scalar_and_in_order(value: str, style: str) -> None:
    import yaml

    try:
        document = yaml.dump({"k": value}, default_style=style, allow_unicode=True)
    except yaml.YAMLError:
        return
    report = Report()
    read = read_values(Source("x.yaml", document), report)
    assert isinstance(read.value, MapValue)
    found = read.value.entries[0].value
    assert isinstance(found, TextValue)
    text = found.text
    assert text.value == value
    places = [text.origin(i) for i in range(len(value) + 1)]
    assert places == sorted(places)
    assert all(text.span.start <= p <= len(document) for p in places)
    for i, c in enumerate(value):
        assert document[places[i]] in (c, "\\", " ", "\n"), (document, i)
