import pytest

from policyc.engine.function import Dialect
from policyc.engine.functions import functions
from policyc.engine.image.places import found_at, places, plain_function
from policyc.engine.types import STRING
from policyc.engine.variables import VARIABLES


def test_every_place_leads_back_to_its_object() -> None:
    functions(Dialect.TRAFFIC)
    known = places()
    assert len(known) > 1000
    for number, place in known.items():
        assert id(found_at(place)) == number


def test_variables_overloads_and_their_functions_have_places() -> None:
    overload = functions(Dialect.TRAFFIC)["startsWith"].overloads[0]
    variable = VARIABLES["req.url.path"]
    known = places()
    objects: list[object] = [overload, overload.body, variable, variable.fill, STRING, Dialect, places]
    for value in objects:
        assert found_at(known[id(value)]) is value


def test_plain_values_have_none() -> None:
    known = places()
    plain: list[object] = [None, True, 1, "text", b"octets", (), frozenset()]
    for value in plain:
        assert id(value) not in known


@pytest.mark.parametrize(
    "place",
    [
        ("os", "system"),
        ("policyc.runtime.cli", "main"),
        ("policyc.engineering", "x"),
        ("policyc.engine.types", "NO_SUCH_NAME"),
        ("policyc.engine.no_such_module", "x"),
        ("policyc.engine.variables", "VARIABLES", ("no.such.path",)),
        (1, "x"),
    ],
)
def test_nothing_is_found_at_other_places(place: tuple[str | int | tuple[str], ...]) -> None:
    with pytest.raises((LookupError, AttributeError, ImportError)):
        found_at(place)


def test_function_behind_decorators_is_found() -> None:
    assert plain_function(functions) is functions.__wrapped__
    assert plain_function(places) is places
    assert plain_function(3) is None
