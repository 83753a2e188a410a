import pytest
from tests.engine.cel.asking import cel, fault, found, lets, traffic, tree, type_of

from policyc.engine.cel.check import check
from policyc.engine.cel.scope import Scope
from policyc.engine.phases import Phase
from policyc.engine.types import BOOL
from policyc.grammar.diagnostic import Report


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


def test_a_function_of_another_phase_is_refused() -> None:
    only = fault("hasReqHeader('a')", traffic(Phase.TCP_CONNECT))
    assert (only.code.id, only.message) == ("P0452", "`hasReqHeader` cannot be called in on_tcp_connect")
    assert fault("getResHeader('a')").code.id == "P0452"
    assert not found("getResHeader('a')", traffic(Phase.HTTP_RESPONSE))


def test_deep_expressions_do_not_exhaust_the_stack() -> None:
    deep = "!" * 200 + "(true)"
    assert type_of(deep) == "bool"
    scope = Scope.traffic(lets=lets(**{f"a{i}": f"[a{i + 1}]" for i in range(400)}, a400="1"))
    assert {d.code.id for d in found("a0", scope)} == {"P0821"}


def test_a_long_chain_is_not_deep() -> None:
    assert type_of(" || ".join(["req.host == 'a'"] * 800)) == "bool"


def test_unknown_names_are_dyn_where_checking_is_off() -> None:
    loose = cel(is_loose=True)
    assert type_of("x + 1", loose) == "int"
    assert type_of("nonsense(x)", loose) == "dyn"
    assert type_of("1 + 'a'", loose) == "dyn"
    assert type_of("1.5.foo", loose) == "dyn"


def test_policies_have_no_optionals() -> None:
    for expression in ("req.headers.?a", "req.headers[?'a']", "[?1]", "optional.of(1)", "{?'a': 1}"):
        assert fault(expression).code.id == "P0208"


def test_the_number_of_a_template_can_be_given() -> None:
    report = Report()
    assert check(tree("nonsense"), traffic(), report, path="on_http_request[0]", ngrok=2224) is None
    (only,) = report
    assert (only.ngrok, only.path) == (2224, "on_http_request[0]")
