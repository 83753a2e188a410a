from tests.engine.cel.asking import cel, fault, found, node, traffic, type_of

from policyc.engine.cel import ir
from policyc.engine.types import INT, STRING, map_of
from policyc.grammar.diagnostic import Severity


def test_a_variable_that_nothing_set_is_warned_of_with_a_near_name() -> None:
    scope = traffic()
    scope.set_var("tenant", STRING)
    only = fault("vars.tenent", scope)
    assert (only.code.id, only.severity) == ("P0209", Severity.WARNING)
    assert only.hint == "did you mean `vars.tenant`?"
    assert fault("vars['tenent']", scope).code.id == "P0209"
    assert not found("vars.tenant", scope)


def test_asking_whether_a_variable_is_set_is_not_reading_it() -> None:
    assert not found("has(vars.x)")


def test_the_type_of_a_variable_is_what_it_was_set_to() -> None:
    scope = traffic()
    scope.set_var("n", INT)
    assert type_of("vars.n + 1", scope) == "int"
    assert fault("vars.n + 'a'", scope).code.id == "P0204"
    scope.set_var("n", STRING)
    assert type_of("vars.n", scope) == "dyn"


def test_a_result_of_an_action_that_did_not_run_is_warned_of() -> None:
    scope = traffic()
    only = fault("actions.ngrok.rate_limit.limited", scope)
    assert (only.code.id, only.severity) == ("P0210", Severity.WARNING)
    scope.ran("rate_limit")
    assert type_of("actions.ngrok.rate_limit.limited", scope) == "bool"
    assert type_of("actions.ngrok.rate_limit.error.code", scope) == "string"


def test_an_unknown_result_is_an_error() -> None:
    assert fault("actions.ngrok.rate_limits.limited").hint == "did you mean `rate_limit`?"
    assert fault("actions.rate_limit.limited").hint == "did you mean `actions.ngrok.rate_limit`?"


def test_literal_header_names_are_lowered_at_compile_time() -> None:
    at = node("req.headers['X-Tenant']")
    assert isinstance(at, ir.At)
    assert isinstance(at.index, ir.Const)
    assert at.index.value == "x-tenant"
    field = node("req.headers.Accept")
    assert isinstance(field, ir.Field)
    assert field.name == "accept"
    member = node("'X-Tenant' in req.headers")
    assert isinstance(member, ir.Apply)
    assert isinstance(member.args[0], ir.Const)
    assert member.args[0].value == "x-tenant"
    assert [o.id for o in member.overloads] == ["in_headers"]


def test_keys_of_other_maps_keep_their_case() -> None:
    at = node("req.url.query_params['X']")
    assert isinstance(at, ir.At)
    assert isinstance(at.index, ir.Const)
    assert at.index.value == "X"


def test_optionals_pass_through_selections() -> None:
    scope = cel({"m": map_of(STRING, map_of(STRING, INT))})
    assert type_of("m.?a", scope) == "optional_type(map(string, int))"
    assert type_of("m.?a.b", scope) == "optional_type(int)"
    assert type_of("m[?'a']['b']", scope) == "optional_type(int)"
    assert type_of("[?m.?a]", scope) == "list(map(string, int))"


def test_a_text_with_fields_inside_of_a_record_is_read_beside_it() -> None:
    scope = traffic()
    scope.ran("terminate_tls")
    made = node("actions.ngrok.terminate_tls.client.subject.common_name", scope)
    assert isinstance(made, ir.Field)
    assert made.name == "subject.common_name"
    assert type_of("actions.ngrok.terminate_tls.client.subject", scope) == "string"
    assert type_of("actions.ngrok.terminate_tls.client['subject']", scope) == "string"
