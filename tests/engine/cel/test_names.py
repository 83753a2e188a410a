import pytest
from tests.engine.cel.asking import cel, fault, found, lets, node, traffic, tree, type_of

from policyc.engine.cel import ir
from policyc.engine.cel.names import chain_of
from policyc.engine.cel.scope import Scope
from policyc.engine.phases import Binding, Phase, Protocol
from policyc.engine.types import BOOL, INT, STRING, list_of, map_of
from policyc.grammar.diagnostic import Severity


@pytest.mark.parametrize(
    ("expression", "phase", "where"),
    [
        ("req.method", Phase.TCP_CONNECT, "on_http_request, on_http_response and on_event_stream_message"),
        ("res.status_code", Phase.HTTP_REQUEST, "on_http_response and on_event_stream_message"),
        ("res", Phase.TCP_CONNECT, "on_http_response and on_event_stream_message"),
        ("has(res.headers)", Phase.HTTP_REQUEST, "on_http_response and on_event_stream_message"),
    ],
)
def test_a_variable_of_another_phase_is_refused(expression: str, phase: Phase, where: str) -> None:
    only = fault(expression, traffic(phase))
    assert only.code.id == "P0451"
    assert only.hint == f"it exists in {where}"


def test_without_a_phase_nothing_is_said_of_phases() -> None:
    assert not found("res.status_code == 200 && vars.x == 1", traffic(None))


def test_tls_variables_of_a_tcp_endpoint_are_warned_of_until_tls_is_terminated() -> None:
    scope = traffic(Phase.TCP_CONNECT, Protocol.TCP)
    only = fault("conn.tls.sni == 'a'", scope)
    assert (only.code.id, only.severity) == ("P0453", Severity.WARNING)
    scope.ran("terminate_tls")
    assert not found("conn.tls.sni == 'a'", scope)
    assert not found("conn.tls.sni == 'a'", traffic(Phase.TCP_CONNECT, Protocol.TLS))


def test_an_internal_http_endpoint_shows_the_tls_of_the_public_one() -> None:
    asked = "conn.tls.version == '1.3'"
    assert not found(asked, traffic(Phase.HTTP_REQUEST, Protocol.HTTP, Binding.INTERNAL))
    assert fault(asked, traffic(Phase.HTTP_REQUEST, Protocol.HTTP, Binding.PUBLIC)).code.id == "P0453"


def test_kubernetes_variables_are_warned_of_on_other_bindings() -> None:
    asked = "conn.k8s.pod.id == 'a'"
    assert fault(asked, traffic(Phase.TCP_CONNECT, Protocol.TCP, Binding.PUBLIC)).code.id == "P0453"
    assert not found(asked, traffic(Phase.TCP_CONNECT, Protocol.TCP, Binding.KUBERNETES))


def test_a_let_is_put_in_where_it_is_used() -> None:
    scope = traffic(office="['10.0.0.0/8']", is_api="req.url.path.startsWith('/api')")
    assert type_of("is_api && inCidrRanges(conn.client_ip, office)", scope) == "bool"


def test_a_let_that_is_a_path_can_be_selected_from() -> None:
    assert type_of("ip.geo.location.country_code", traffic(ip="conn.client_ip")) == "string"
    assert type_of("u.path", traffic(u="r.url", r="req")) == "string"


def test_a_loop_variable_does_not_capture_a_name_of_a_let() -> None:
    scope = traffic(mine="req.host")
    inner = node("['a'].exists(req, req == mine)", scope)
    assert isinstance(inner, ir.Loop)
    assert isinstance(inner.body, ir.Apply)
    assert isinstance(inner.body.args[0], ir.Local)
    assert isinstance(inner.body.args[1], ir.Var)


def test_a_loop_variable_hides_a_let() -> None:
    assert type_of("[1].map(x, x + 1)", traffic(x="'text'")) == "list(int)"


def test_a_fault_in_a_let_is_reported_at_the_use_with_the_let_as_label() -> None:
    scope = traffic(bad="req.path == '/'")
    only = fault("true && bad", scope)
    assert only.span.text == "bad"
    assert only.message == "in `bad`: unknown variable `req.path`"
    assert [(label.span.source.name, label.span.text) for label in only.labels] == [("let bad", "req.path")]


def test_a_fault_in_a_let_of_a_let_names_the_way() -> None:
    scope = traffic(outer="inner && true", inner="res.status_code == 200")
    only = fault("outer", scope)
    assert only.span.text == "outer"
    assert [label.span.source.name for label in only.labels] == ["let inner", "let outer"]


def test_the_use_of_a_let_of_the_wrong_type_is_reported_at_the_use() -> None:
    only = fault("who", traffic(who="req.host"), BOOL)
    assert only.span.text == "who"
    assert only.labels[0].span.source.name == "let who"


def test_lets_in_a_circle_end() -> None:
    assert fault("a", traffic(a="b", b="a")).code.id == "P0821"


def test_lets_that_multiply_are_refused() -> None:
    definitions = {f"a{i}": f"a{i + 1} + a{i + 1}" for i in range(40)}
    only = fault("a0", Scope.traffic(lets=lets(**definitions, a40="1")))
    assert only.code.id == "P0821"


def test_names_are_looked_for_in_the_container_from_the_inside() -> None:
    variables = {"a.b.x": INT, "a.x": STRING, "x": BOOL, "y.z": list_of(INT)}
    assert type_of("x", cel(variables, "a.b")) == "int"
    assert type_of("x", cel(variables, "a.c")) == "string"
    assert type_of(".x", cel(variables, "a.b")) == "bool"
    assert type_of("y.z[0]", cel(variables, "a.b")) == "int"


def test_the_longest_dotted_name_wins() -> None:
    variables = {"a": map_of(STRING, INT), "a.b": STRING}
    assert type_of("a.b", cel(variables)) == "string"
    assert type_of("a.c", cel(variables)) == "int"


def test_a_loop_variable_hides_a_dotted_name() -> None:
    assert type_of("[{'y': 0}].exists(x, x.y == 0)", cel({"x.y": STRING})) == "bool"


def test_a_namespace_as_a_value_leaves_out_what_could_fail() -> None:
    made = node("req.ts")
    assert isinstance(made, ir.MakeMap)
    assert made.entries == ()


def test_a_chain_is_a_name_and_its_selections() -> None:
    chain = chain_of(tree("a.b.c"))
    assert chain is not None
    assert [chain[0].name, *(step.field for step in chain[1:])] == ["a", "b", "c"]
    assert chain_of(tree("a[0].b")) is None
    assert chain_of(tree("a.?b")) is None


def test_lets_are_by_name() -> None:
    assert list(lets(a="1", b="2")) == ["a", "b"]
