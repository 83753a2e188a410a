from tests.engine.cel.asking import found, type_of

from policyc.engine.cel.scope import Scope, tree
from policyc.engine.function import Function, Overload
from policyc.engine.phases import Phase
from policyc.engine.types import BOOL, DYN, INT, STRING, Field, Record


def test_namespaces_list_what_is_right_below_them() -> None:
    assert tree()[""] == ("actions", "conn", "endpoint", "req", "res", "time", "vars")
    assert "path" in tree()["req.url"]
    assert tree()["conn.tls.client.validity"] == ("not_after", "not_before")
    assert "req.url.path" not in tree()


def test_a_path_is_a_variable_or_a_namespace() -> None:
    scope = Scope.traffic()
    assert scope.is_path("req.url")
    assert scope.is_path("req.ts")
    assert not scope.is_path("req.url.pat")
    assert scope.variable("req.ts") is None
    url = scope.variable("req.url")
    assert url is not None
    assert url.type == STRING


def test_variables_that_may_hold_two_types_are_dyn() -> None:
    scope = Scope.traffic(Phase.HTTP_REQUEST)
    scope.set_var("x", INT)
    scope.set_var("x", INT)
    assert scope.vars == {"x": INT}
    scope.set_var("x", STRING)
    scope.set_var("x", STRING)
    assert scope.vars == {"x": DYN}


def test_a_copy_grows_on_its_own() -> None:
    scope = Scope.traffic(Phase.HTTP_RESPONSE, acted={"basic_auth"})
    other = scope.with_vars({"a": BOOL})
    other.set_var("b", BOOL)
    other.ran("log")
    other.ran(None)
    assert (scope.vars, scope.acted) == ({}, {"basic_auth"})
    assert (set(other.vars or ()), other.acted) == ({"a", "b"}, {"basic_auth", "log"})


def test_nothing_is_known_of_what_ran_without_a_phase() -> None:
    scope = Scope.traffic()
    assert (scope.vars, scope.acted) == (None, None)
    assert scope.copy().vars is None


def test_the_results_of_actions_can_be_given() -> None:
    record = Record("made", (), {"n": Field(INT)})
    scope = Scope.traffic(results={"made": record})
    assert type_of("actions.ngrok.made.n", scope) == "int"
    assert found("actions.ngrok.other", scope)
    assert type_of("actions.ngrok.made.n", scope.copy()) == "int"


def test_functions_can_be_added_to_the_specification_environment() -> None:
    extra = Function("size", "", (Overload("size_int", (INT,), STRING, str),))
    scope = Scope.cel({}, functions=[extra])
    assert type_of("size(1)", scope) == "string"
    assert type_of("size('a')", scope) == "int"
    assert found("size(1)", Scope.cel({}))


def test_the_candidates_of_a_name_go_outwards() -> None:
    assert list(Scope.cel({}, "a.b").candidates("x.y")) == ["a.b.x.y", "a.x.y", "x.y"]
    assert list(Scope.cel({}).candidates("x")) == ["x"]
