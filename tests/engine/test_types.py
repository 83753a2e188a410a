from policyc.engine.types import (
    COOKIE,
    DYN,
    INT,
    STRING,
    Field,
    Record,
    list_of,
    map_of,
    optional_of,
    param,
    type_of,
)


def test_types_are_written_as_cel_writes_them() -> None:
    assert str(map_of(STRING, list_of(INT))) == "map(string, list(int))"
    assert str(optional_of(param("T"))) == "optional_type(T)"
    assert str(type_of(DYN)) == "type(dyn)"
    assert str(COOKIE) == "cookie"


def test_types_are_equal_by_name_and_parameters() -> None:
    assert list_of(INT) == list_of(INT) != list_of(STRING)
    assert hash(list_of(INT)) == hash(list_of(INT))


def test_records_are_nominal() -> None:
    assert Record("a", (), {"x": Field(INT)}) == Record("a", (), {})
    assert Record("a") != Record("b")
