from tests.engine.cel.asking import cel, node, traffic, type_of

from policyc.engine.cel import ir
from policyc.engine.cel.overloads import resolve, slip
from policyc.engine.cel.unify import Unifier
from policyc.engine.types import DYN, INT, STRING, list_of
from policyc.grammar.source import Source


def test_a_dyn_argument_keeps_every_overload_that_could_fit() -> None:
    made = node("x + 1", cel({"x": DYN}))
    assert isinstance(made, ir.Apply)
    assert [o.id for o in made.overloads] == ["add_int64"]
    made = node("x + x", cel({"x": DYN}))
    assert isinstance(made, ir.Apply)
    assert len(made.overloads) > 5


def test_headers_are_headers_before_they_are_a_map() -> None:
    made = node("'a' in req.headers")
    assert isinstance(made, ir.Apply)
    assert [o.id for o in made.overloads] == ["in_headers"]


def test_an_overload_that_surely_fits_is_the_only_one() -> None:
    made = node("size([1])")
    assert isinstance(made, ir.Apply)
    assert len(made.overloads) == 1


def test_the_result_of_several_overloads_is_dyn_where_they_differ() -> None:
    assert type_of("x + x", cel({"x": DYN})) == "dyn"
    assert type_of("size(x)", cel({"x": DYN})) == "int"


def test_a_slip_is_explained_by_the_simplest_change() -> None:
    types = Unifier()
    function = traffic().function("_==_")
    assert function is not None
    span = Source("test", "").whole()
    text, number, many = (ir.Const(v, t, span) for v, t in (("8", STRING), (8, INT), ([], list_of(STRING))))
    assert resolve(types, function, (text, number), False) == ((), None)
    assert slip(types, function, (text, number), False) == "unquote 0"
    assert slip(types, function, (text, many), False) == "item 1"
    assert slip(types, function, (ir.Const("x", STRING, span), number), False) == "quote 1"
    assert slip(types, function, (number, many), False) is None


def test_a_method_called_as_a_function_is_told_apart() -> None:
    types = Unifier()
    function = traffic().function("lower")
    assert function is not None
    text = ir.Const("x", STRING, Source("test", "").whole())
    assert slip(types, function, (text,), False) == "as method"
