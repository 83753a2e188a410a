from types import FunctionType
from typing import Any, cast

import pytest

from policyc.engine.function import Dialect
from policyc.engine.functions import functions
from policyc.engine.generate.parts import Parts
from policyc.engine.image.places import found_at, place_of_code, places, plain_function
from policyc.engine.schema.fault import guarded
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


def test_code_inside_a_function_has_a_place() -> None:
    step: Any = guarded(lambda x: None)
    place = place_of_code(step)
    assert place is not None
    assert place[:2] == ("policyc.engine.schema.fault", "guarded")
    assert found_at(place) is step.__code__
    runs: Any = Parts().since(1)
    place = place_of_code(runs)
    assert place is not None
    assert found_at(place) is runs.__code__


def test_functions_that_are_not_inside_one_of_ours_have_no_place_of_code() -> None:
    def here() -> None:
        """Stand in a test."""

    assert place_of_code(cast("FunctionType", here)) is None
    assert place_of_code(cast("FunctionType", guarded)) is None


def test_other_code_in_that_place_is_not_found() -> None:
    step: Any = guarded(lambda x: None)
    module, name, (checksum, way) = cast("Any", place_of_code(step))
    for wrong in ((checksum + 1, way), (checksum, ()), (checksum, (*way, 0)), (checksum, (99,))):
        with pytest.raises((LookupError, AttributeError)):
            found_at((module, name, wrong))
    with pytest.raises(LookupError):
        found_at((module, "annotations", (checksum, way)))
