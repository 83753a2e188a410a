import pytest
from tests.engine.cel.asking import cel, fault, found, lets, node, traffic, tree, type_of

from policyc.engine.cel import ir
from policyc.engine.cel.check import chain_of, check
from policyc.engine.cel.scope import Scope
from policyc.engine.phases import Binding, Phase, Protocol
from policyc.engine.types import BOOL, DYN, INT, STRING, list_of, map_of
from policyc.grammar.diagnostic import Report, Severity


@pytest.mark.parametrize(
    ("expression", "type"),
    [
        ("1 + 2", "int"),
        ("1u", "uint"),
        ("1.5 * 2.0", "double"),
        ("b'x'", "bytes"),
        ("null", "null_type"),
        ("req.url", "string"),
        ("req.url.path", "string"),
        ("req.url.port", "int"),
        ("req.url.query_params['q']", "list(string)"),
        ("req.headers['x']", "list(string)"),
        ("req.headers.accept[0]", "string"),
        ("req.cookies['a'][0].max_age", "duration"),
        ("conn.client_ip", "string"),
        ("conn.client_ip.as.number", "int"),
        ("conn.ts.start", "timestamp"),
        ("conn.tls.client.extensions[0].critical", "bool"),
        ("getReqCookie('x').value", "string"),
        ("[1, 2]", "list(int)"),
        ("[1, 'a']", "list(dyn)"),
        ("[]", "list(dyn)"),
        ("[[], [1]]", "list(list(int))"),
        ("{'a': 1}", "map(string, int)"),
        ("{'a': 1}['a']", "int"),
        ("{'a': 1}.a", "int"),
        ("true ? 1 : 2", "int"),
        ("true ? [] : [1]", "list(int)"),
        ("true ? dyn(1) : 'a'", "dyn"),
        ("type(1)", "type(int)"),
        ("type(req.url) == string", "bool"),
        ("type(conn.ts.start) == google.protobuf.Timestamp", "bool"),
        ("timestamp(time.now) - conn.ts.start", "duration"),
        ("req.host.split('.')", "list(string)"),
        ("'a' in req.headers", "bool"),
        ("'a' in req.headers['b']", "bool"),
        ("req.headers.size()", "int"),
        ("conn.geo", "map(string, dyn)"),
        ("-req.url.port", "int"),
        ("!(req.host == 'a')", "bool"),
        ("dyn(1) == 'a'", "bool"),
        ("true ? req.headers : {'A': ['b']}", "map(string, list(string))"),
        ("true ? {'A': ['b']} : req.headers", "map(string, list(string))"),
        ("[null, conn.ts.start]", "list(timestamp)"),
        ("[[null], [conn.ts.start]]", "list(list(timestamp))"),
        ("[[conn.ts.start], [null]]", "list(list(timestamp))"),
        ("1 < 1.5", "bool"),
    ],
)
def test_types(expression: str, type: str) -> None:
    assert type_of(expression) == type


@pytest.mark.parametrize(
    ("expression", "code", "message"),
    [
        ("nonsense", "P0201", "unknown variable `nonsense`"),
        ("nonsense.a.b", "P0201", "unknown variable `nonsense`"),
        ("req.nonsense", "P0202", "unknown variable `req.nonsense`"),
        ("req.url.nonsense", "P0202", "unknown variable `req.url.nonsense`"),
        ("req.cookies['a'][0].nonsense", "P0202", "`cookie` has no field `nonsense`"),
        ("nonsense(1)", "P0203", "unknown function `nonsense`"),
        ("req.host.nonsense(1)", "P0203", "unknown function `nonsense` on a string"),
        ("rand.nonsense()", "P0203", "unknown function `rand.nonsense`"),
        ("req.url.port == '80'", "P0204", "an int cannot be compared with a string"),
        ("req.url.port < '80'", "P0204", "`<` cannot be applied to int and string"),
        ("1 in 2", "P0204", "`in` cannot look for an int in an int"),
        ("-'a'", "P0204", "`-` cannot be applied to a string"),
        ("req.host.startsWith(1)", "P0204", "there is no `string.startsWith(int)`"),
        ("hasReqHeader(req.headers)", "P0204", "there is no `hasReqHeader(map(string, list(string)))`"),
        ("!req.host", "P0204", "`!` wants a bool, this is a string"),
        ("true && 1", "P0204", "`&&` wants a bool, this is an int"),
        ("1 ? 2 : 3", "P0204", "the condition of `?:` wants a bool, this is an int"),
        ("true ? 1 : 'a'", "P0204", "the branches of `?:` have different types: int and string"),
        ("[1]['a']", "P0204", "the index of a list(int) is an int, not a string"),
        ("{'a': 1}[1]", "P0204", "the key of a map(string, int) is a string, not an int"),
        ("req.headers[1]", "P0204", "the key of a map(string, list(string)) is a string, not an int"),
        (
            "{1.5: 1}",
            "P0204",
            "a double cannot be a key; a key is a string, a number without fraction or a bool",
        ),
        ("req.host.a", "P0206", "a string has no field `a`"),
        ("req.headers['a'].b", "P0206", "a list(string) has no field `b`"),
        ("1[0]", "P0206", "an int has no items"),
        ("{a: 1}", "P0201", "unknown variable `a` as key of a map"),
    ],
)
def test_mistakes_are_named(expression: str, code: str, message: str) -> None:
    only = fault(expression)
    assert (only.code.id, only.message) == (code, message)


def test_a_mistake_is_said_once_however_far_it_reaches() -> None:
    assert len(found("size(nonsense.split('a')[0]) + 1 == 2 && !nonsense.b")) == 2


def test_every_mistake_of_an_expression_is_reported() -> None:
    messages = [d.message for d in found("req.path == '/' && req.Method == 'GET' && foo(1)")]
    assert messages == [
        "unknown variable `req.path`",
        "unknown variable `req.Method`",
        "unknown function `foo`",
    ]


def test_a_mistake_points_at_the_exact_characters() -> None:
    assert fault("req.method == 'GET' && req.path == '/'").span.text == "req.path"
    assert fault("req.url.path.includes('a')").span.text == "includes"
    assert fault("true && req.host").span.text == "req.host"


def test_a_condition_has_to_be_a_bool() -> None:
    only = fault("req.method", want=BOOL)
    assert (only.code.id, only.message) == ("P0205", "a condition has to be a bool, this is a string")
    assert not found("vars.x", traffic(None), BOOL)


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


def test_a_function_of_another_phase_is_refused() -> None:
    only = fault("hasReqHeader('a')", traffic(Phase.TCP_CONNECT))
    assert (only.code.id, only.message) == ("P0452", "`hasReqHeader` cannot be called in on_tcp_connect")
    assert fault("getResHeader('a')").code.id == "P0452"
    assert not found("getResHeader('a')", traffic(Phase.HTTP_RESPONSE))


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


# --- vars and results -------------------------------------------------------------------------------------


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


# --- headers ----------------------------------------------------------------------------------------------


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


# --- lets -------------------------------------------------------------------------------------------------


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


def test_deep_expressions_do_not_exhaust_the_stack() -> None:
    deep = "!" * 200 + "(true)"
    assert type_of(deep) == "bool"
    scope = Scope.traffic(lets=lets(**{f"a{i}": f"[a{i + 1}]" for i in range(400)}, a400="1"))
    assert {d.code.id for d in found("a0", scope)} == {"P0821"}


def test_a_long_chain_is_not_deep() -> None:
    assert type_of(" || ".join(["req.host == 'a'"] * 800)) == "bool"


# --- the specification's environment ----------------------------------------------------------------------


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


def test_unknown_names_are_dyn_where_checking_is_off() -> None:
    loose = cel(is_loose=True)
    assert type_of("x + 1", loose) == "int"
    assert type_of("nonsense(x)", loose) == "dyn"
    assert type_of("1 + 'a'", loose) == "dyn"
    assert type_of("1.5.foo", loose) == "dyn"


def test_optionals_pass_through_selections() -> None:
    scope = cel({"m": map_of(STRING, map_of(STRING, INT))})
    assert type_of("m.?a", scope) == "optional_type(map(string, int))"
    assert type_of("m.?a.b", scope) == "optional_type(int)"
    assert type_of("m[?'a']['b']", scope) == "optional_type(int)"
    assert type_of("[?m.?a]", scope) == "list(map(string, int))"


def test_a_dyn_argument_keeps_every_overload_that_could_fit() -> None:
    made = node("x + 1", cel({"x": DYN}))
    assert isinstance(made, ir.Apply)
    assert [o.id for o in made.overloads] == ["add_int64"]
    made = node("x + x", cel({"x": DYN}))
    assert isinstance(made, ir.Apply)
    assert len(made.overloads) > 5


def test_policies_have_no_optionals() -> None:
    for expression in ("req.headers.?a", "req.headers[?'a']", "[?1]", "optional.of(1)", "{?'a': 1}"):
        assert fault(expression).code.id == "P0208"


# --- the rest ---------------------------------------------------------------------------------------------


def test_the_number_of_a_template_can_be_given() -> None:
    report = Report()
    assert check(tree("nonsense"), traffic(), report, path="on_http_request[0]", ngrok=2224) is None
    (only,) = report
    assert (only.ngrok, only.path) == (2224, "on_http_request[0]")


def test_a_namespace_as_a_value_leaves_out_what_could_fail() -> None:
    made = node("req.ts")
    assert isinstance(made, ir.MakeMap)
    assert made.entries == ()


def test_a_text_with_fields_inside_of_a_record_is_read_beside_it() -> None:
    scope = traffic()
    scope.ran("terminate_tls")
    made = node("actions.ngrok.terminate_tls.client.subject.common_name", scope)
    assert isinstance(made, ir.Field)
    assert made.name == "subject.common_name"
    assert type_of("actions.ngrok.terminate_tls.client.subject", scope) == "string"
    assert type_of("actions.ngrok.terminate_tls.client['subject']", scope) == "string"


def test_a_chain_is_a_name_and_its_selections() -> None:
    chain = chain_of(tree("a.b.c"))
    assert chain is not None
    assert [chain[0].name, *(step.field for step in chain[1:])] == ["a", "b", "c"]
    assert chain_of(tree("a[0].b")) is None
    assert chain_of(tree("a.?b")) is None


def test_lets_are_by_name() -> None:
    assert list(lets(a="1", b="2")) == ["a", "b"]
