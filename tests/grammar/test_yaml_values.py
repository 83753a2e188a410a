import pytest

from policyc.grammar.diagnostic import Report
from policyc.grammar.source import Source
from policyc.grammar.syntax import ListValue, MapValue, PlainValue, TextValue, Value
from policyc.grammar.yaml_values import read_values


def read(document: str) -> tuple[Value | None, list[str]]:
    report = Report()
    found = read_values(Source("x.yaml", document), report)
    return found.value, [d.code.id for d in report.sorted()]


def only(document: str) -> Value:
    value, said = read(f"k: {document}")
    assert said == []
    assert isinstance(value, MapValue)
    return value.entries[0].value


@pytest.mark.parametrize(
    "word", ["yes", "no", "on", "off", "Yes", "y", "12:30", "2024-01-01", "1_000", "0b1", "1e", "."]
)
def test_yaml_1_1_readings_are_texts(word: str) -> None:
    value = only(word)
    assert isinstance(value, TextValue)
    assert value.text.value == word


@pytest.mark.parametrize(
    ("word", "kind", "expected"),
    [
        ("true", "bool", True),
        ("False", "bool", False),
        ("null", "null", None),
        ("~", "null", None),
        ("", "null", None),
        ("12", "int", 12),
        ("-3", "int", -3),
        ("0o17", "int", 15),
        ("0x1F", "int", 31),
        ("017", "int", 17),
        ("1.5", "double", 1.5),
        (".5", "double", 0.5),
        ("1e3", "double", 1000.0),
        ("-.inf", "double", float("-inf")),
    ],
)
def test_the_core_schema_of_yaml_1_2(word: str, kind: str, expected: object) -> None:
    value = only(word)
    assert isinstance(value, PlainValue)
    assert (value.kind, value.value, value.raw) == (kind, expected, word)


def test_quotes_make_texts() -> None:
    for written in ("'true'", '"12"', "|-\n  null"):
        assert isinstance(only(written), TextValue)


@pytest.mark.parametrize(
    ("document", "codes"),
    [
        ("a: 1\na: 2", ["P0013"]),
        ("a: {b: 1, 'b': 2}", ["P0013"]),
        ("a:\n\t- b", ["P0011"]),
        ("a: b: c", ["P0010"]),
        ("a: [1", ["P0010"]),
        ("a: 'x", ["P0010"]),
        ("a: @x", ["P0010"]),
        ("a: !!str x", ["P0012"]),
        ("- !hasReqHeader('x')", ["P0012"]),
        ("- !hasReqHeader('x') && b", ["P0012"]),
        ("a: *b", ["P0014"]),
        ("a: &a [*a]", ["P0014"]),
        ("b: &a {}\na: {<<: *a}", ["P0015"]),
        ("a: 1\n---\nb: 2", ["P0016"]),
        ("? [a]\n: 1", ["P0017"]),
        ("{a: {}}: 1", ["P0017"]),
        ("[" * 100, ["P0803"]),
        ("- " * 100, ["P0803"]),
    ],
)
def test_what_is_refused_has_its_code(document: str, codes: list[str]) -> None:
    assert read(document)[1] == codes


def test_a_document_may_begin_and_end_with_marks() -> None:
    assert read("---\na: 1\n...\n")[1] == []
    assert read("a: 1\n---\n")[1] == []


def test_an_unquoted_expression_with_a_bang_is_read_on() -> None:
    value, said = read("- !hasReqHeader('x')\n- b")
    assert said == ["P0012"]
    assert isinstance(value, ListValue)
    assert isinstance(value.items[0], TextValue)
    assert value.items[0].text.value == "!hasReqHeader('x')"


def test_an_alias_points_at_the_anchor_and_keeps_its_own_place() -> None:
    document = "a: &x [p, {k: q}]\nb: *x"
    value, said = read(document)
    assert said == []
    assert isinstance(value, MapValue)
    copy = value.entries[1].value
    assert isinstance(copy, ListValue)
    first = copy.items[0]
    assert isinstance(first, TextValue)
    assert first.text.span.text == "p"
    assert first.text.alias is not None
    assert first.text.alias.text == "*x"


def test_aliases_expand_to_a_limit() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    assert read("\n".join(rows))[1] == ["P0806"]


def test_many_duplicates_are_told_a_few_times() -> None:
    assert read("a: 1\n" * 5000)[1].count("P0807") == 1


def test_the_spans_of_collections_cover_what_they_hold() -> None:
    value, _ = read("a:\n  - b: 1\n    c: [2, 3]\n\nd: 4\n")
    assert isinstance(value, MapValue)
    assert value.entries[0].value.span.text == "- b: 1\n    c: [2, 3]"
