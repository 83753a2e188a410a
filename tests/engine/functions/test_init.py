import pytest
from tests.engine.functions.evaluation import CEL, TRAFFIC, evaluate

from policyc.engine.cel.coerce import equal, type_name
from policyc.engine.function import Dialect, Function
from policyc.engine.functions import functions

EXAMPLES = [
    pytest.param(dialect, expression, value, id=f"{dialect.name}: {expression}")
    for dialect in (TRAFFIC, CEL)
    for function in functions(dialect).values()
    for expression, value in function.examples
]


@pytest.mark.parametrize(("dialect", "expression", "value"), EXAMPLES)
def test_examples_in_the_declarations_are_true(dialect: Dialect, expression: str, value: str) -> None:
    got, wanted = evaluate(expression, dialect), evaluate(value, dialect)
    assert equal(got, wanted), f"{got!r}, not {wanted!r}"
    assert type_name(got) == type_name(wanted)


@pytest.mark.parametrize("dialect", [TRAFFIC, CEL])
def test_every_function_is_documented_and_its_overloads_differ(dialect: Dialect) -> None:
    for name, function in functions(dialect).items():
        assert function.name == name
        assert function.doc.endswith("."), name
        assert len({o.id for o in function.overloads}) == len(function.overloads), name
        signatures = [(o.params, o.method) for o in function.overloads]
        assert len(set(signatures)) == len(signatures), f"{name} has two bodies for the same arguments"


def test_pure_functions_have_examples() -> None:
    lacking = [
        f.name
        for d in (TRAFFIC, CEL)
        for f in functions(d).values()
        if not f.examples and all(o.pure for o in f.overloads)
    ]
    assert lacking == []


def test_what_depends_on_the_exchange_is_not_folded() -> None:
    for function in functions(TRAFFIC).values():
        for overload in function.overloads:
            assert not (overload.needs_exchange and overload.pure), overload.id


def test_mapping_is_made_once_and_cannot_be_changed() -> None:
    assert functions(TRAFFIC) is functions(TRAFFIC)
    with pytest.raises(TypeError):
        functions(TRAFFIC)["x"] = Function("x", "", ())  # type: ignore[index]


def test_environments_have_what_belongs_to_them() -> None:
    traffic, cel = functions(TRAFFIC), functions(CEL)
    assert {"getReqHeader", "inCidrRange", "hash.md5", "rand.int"} <= set(traffic) - set(cel)
    assert {"optional.of", "cidr", "isIP"} <= set(cel) - set(traffic)


def test_a_replacement_is_a_function_of_today() -> None:
    for function in functions(TRAFFIC).values():
        if function.replaced_by is not None:
            assert functions(TRAFFIC)[function.replaced_by].replaced_by is None
