from policyc.engine.cel.unify import Unifier
from policyc.engine.types import (
    BOOL,
    COOKIE,
    DYN,
    HEADERS,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    Field,
    Record,
    list_of,
    map_of,
    optional_of,
    param,
    type_of,
)


def test_a_parameter_is_decided_once_for_a_signature() -> None:
    types = Unifier()
    item, many, result = types.renamed((param("T"), list_of(param("T")), param("T")))
    assert types.fit((INT, list_of(INT)), (item, many))
    assert types.resolve(result) == INT
    assert not types.fit((STRING,), (item,))


def test_what_does_not_fit_decides_nothing() -> None:
    types = Unifier()
    one, two = types.renamed((param("A"), list_of(param("A"))))
    assert not types.fit((INT, list_of(STRING)), (one, two))
    assert types.fit((STRING, list_of(STRING)), (one, two))


def test_dyn_makes_a_parameter_dyn() -> None:
    types = Unifier()
    one, two = types.renamed((param("A"), param("A")))
    assert types.fit((INT, DYN), (one, two))
    assert types.resolve(one) == DYN


def test_an_empty_list_takes_the_type_of_the_other() -> None:
    types = Unifier()
    empty = list_of(types.free())
    assert types.join(empty, list_of(INT)) is not None
    assert types.resolve(empty) == list_of(INT)


def test_what_nothing_decided_is_dyn_in_the_end() -> None:
    types = Unifier()
    free = types.free()
    assert types.resolve(list_of(free)) == list_of(free)
    assert types.resolve(list_of(free), final=True) == list_of(DYN)


def test_a_type_never_contains_itself() -> None:
    types = Unifier()
    free = types.free()
    assert not types.fit((list_of(free),), (free,))


def test_null_stands_for_times_records_and_optionals_only() -> None:
    types = Unifier()
    for nullable in (TIMESTAMP, COOKIE, optional_of(INT), NULL):
        assert types.fit((NULL,), (nullable,))
    for other in (INT, STRING, BOOL, list_of(INT), map_of(STRING, INT), HEADERS):
        assert not types.fit((NULL,), (other,))
    assert types.join(optional_of(INT), NULL) == optional_of(INT)


def test_headers_and_records_are_maps_where_one_is_wanted() -> None:
    types = Unifier()
    assert types.fit((HEADERS,), (map_of(STRING, list_of(STRING)),))
    assert types.fit((map_of(STRING, list_of(STRING)),), (HEADERS,))
    assert not types.fit((HEADERS,), (map_of(STRING, STRING),))
    assert types.fit((COOKIE,), (map_of(STRING, DYN),))
    assert not types.fit((Record("text", (), {"a": Field(INT)}, is_text=True),), (map_of(STRING, DYN),))


def test_types_of_types_are_alike() -> None:
    assert Unifier().fit((type_of(INT),), (type_of(STRING),))


def test_items_without_a_common_type_have_none() -> None:
    types = Unifier()
    assert types.join(INT, STRING) is None
    assert types.join(list_of(INT), list_of(DYN)) == list_of(DYN)
    assert types.join(list_of(DYN), list_of(INT)) == list_of(DYN)
