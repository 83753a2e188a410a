import pytest
from tests.engine.cel.asking import cel, fault, node, traffic, type_of

from policyc.engine.cel import ir
from policyc.engine.types import DYN, INT, STRING, map_of, optional_of


@pytest.mark.parametrize(
    ("expression", "type", "kind"),
    [
        ("[1].all(x, x > 0)", "bool", "all"),
        ("[1].exists(x, x > 0)", "bool", "exists"),
        ("[1].exists_one(x, x > 0)", "bool", "exists_one"),
        ("[1].existsOne(x, x > 0)", "bool", "exists_one"),
        ("[1].filter(x, x > 0)", "list(int)", "filter"),
        ("[1].map(x, string(x))", "list(string)", "map"),
        ("[1].map(x, x > 0, string(x))", "list(string)", "map_filter"),
        ("['b'].sortBy(x, x.size())", "list(string)", "sort_by"),
        ("req.headers.filter(name, name.startsWith('x-'))", "list(string)", "filter"),
        ("{1: 'a'}.map(k, k)", "list(int)", "map"),
    ],
)
def test_loops(expression: str, type: str, kind: str) -> None:
    made = node(expression)
    assert isinstance(made, ir.Loop)
    assert (str(made.type), made.kind) == (type, kind)


@pytest.mark.parametrize(
    ("expression", "type", "kind"),
    [
        ("['a'].all(i, v, i >= 0 && v != '')", "bool", "all"),
        ("['a'].transformList(i, v, i)", "list(int)", "transform_list"),
        ("{'a': 1}.transformMap(k, v, v > 0, string(v))", "map(string, string)", "transform_map"),
        ("{'a': 1}.transformMapEntry(k, v, {v: k})", "map(int, string)", "transform_map_entry"),
    ],
)
def test_two_variable_loops_of_the_specification(expression: str, type: str, kind: str) -> None:
    made = node(expression, cel())
    assert isinstance(made, ir.Loop)
    assert (str(made.type), made.kind) == (type, kind)
    assert made.value is not None
    assert fault(expression).code.id == "P0208"


def test_loop_variables_have_names_of_their_own() -> None:
    outer = node("[[1]].map(x, x.map(x, x + 1))")
    assert isinstance(outer, ir.Loop)
    inner = outer.body
    assert isinstance(inner, ir.Loop)
    assert outer.key != inner.key
    assert isinstance(inner.over, ir.Local)
    assert inner.over.name == outer.key


def test_a_loop_variable_never_takes_the_name_of_a_free_variable() -> None:
    made = node("[1].map(x, x + x_1)", cel({"x_1": INT}))
    assert isinstance(made, ir.Loop)
    assert made.key != "x_1"


@pytest.mark.parametrize(
    ("expression", "code", "message"),
    [
        ("[1].all(1, true)", "P0207", "`all` wants the name of a variable here"),
        ("[1].all(x.y, true)", "P0207", "`all` wants the name of a variable here"),
        ("[1].all(x)", "P0207", "`all` does not take 1 argument"),
        ("[1].map(x)", "P0207", "`map` does not take 1 argument"),
        ("1.all(x, true)", "P0204", "`all` goes over a list or a map, this is an int"),
        ("[1].all(x, x)", "P0204", "`all` wants a bool, this is an int"),
        ("[1].map(x, x, x)", "P0204", "`map` wants a bool, this is an int"),
        ("[[1]].sortBy(x, x)", "P0204", "a list(int) has no order, so nothing can be sorted by it"),
        ("has(1)", "P0207", "`has` takes a selection like `a.b`"),
        ("has(req.host, 1)", "P0207", "`has` takes one argument"),
    ],
)
def test_macros_in_a_wrong_shape(expression: str, code: str, message: str) -> None:
    only = fault(expression)
    assert (only.code.id, only.message) == (code, message)


def test_at_most_four_loops_stand_in_each_other_in_policies() -> None:
    five = "[1].all(a, [1].all(b, [1].all(c, [1].all(d, [1].all(e, true)))))"
    assert fault(five).code.id == "P0822"
    assert type_of(five, cel()) == "bool"
    assert type_of("[1].all(a, [1].all(b, [1].all(c, [1].all(d, true))))") == "bool"


def test_the_nesting_is_counted_by_place_not_by_number() -> None:
    assert type_of(" && ".join(["[1].all(a, true)"] * 10)) == "bool"


# --- has --------------------------------------------------------------------------------------------------


def test_has_of_a_variable_asks_the_variable() -> None:
    made = node("has(req.url.port)")
    assert isinstance(made, ir.HasVar)
    assert made.variable.path == "req.url.port"


def test_has_of_a_namespace_asks_whether_anything_below_is_there() -> None:
    made = node("has(conn.tls.client.validity)")
    assert isinstance(made, ir.Or)
    assert [o.variable.path for o in made.operands if isinstance(o, ir.HasVar)] == [
        "conn.tls.client.validity.not_after",
        "conn.tls.client.validity.not_before",
    ]


def test_has_of_a_key() -> None:
    for expression in ("has(req.headers.Accept)", "has(req.headers['Accept'])"):
        made = node(expression)
        assert isinstance(made, ir.HasField)
        assert made.name == "accept"


def test_has_of_an_item_of_a_list_asks_for_the_size() -> None:
    made = node("has(req.headers['a'][0])")
    assert isinstance(made, ir.Apply)
    assert made.function == "_<_"


def test_has_of_a_computed_key_is_in() -> None:
    made = node("has(req.headers[req.host])")
    assert isinstance(made, ir.Apply)
    assert made.function == "_in_"


def test_has_goes_through_lets_that_are_paths() -> None:
    made = node("has(ip.geo.city)", traffic(ip="mine", mine="conn"))
    assert isinstance(made, ir.HasVar)
    assert made.variable.path == "conn.geo.city"
    assert isinstance(node("has(ip.validity)", traffic(ip="conn.tls.client")), ir.Or)
    assert isinstance(node("has(cookie.value)", traffic(cookie="getReqCookie('a')")), ir.HasField)


def test_has_of_a_field_that_cannot_be_is_refused() -> None:
    assert fault("has(getReqCookie('a').nonsense)").code.id == "P0202"
    assert fault("has(req.path)").hint == "did you mean `req.url.path`?"
    assert fault("has(req.url.nonsense)").code.id == "P0202"
    assert fault("has(req.nonsense.a)").code.id == "P0202"
    assert fault("has(nonsense.a)").code.id == "P0201"
    assert fault("has(req.host.a)").code.id == "P0206"
    assert fault("has(getReqCookie('a')['nonsense'])").code.id == "P0202"
    assert fault("has({1: 2}['a'])").code.id == "P0204"


def test_has_of_an_index_is_no_selection_in_the_specification() -> None:
    assert fault("has({'a': 1}['a'])", cel()).code.id == "P0207"


def test_has_through_a_loop_variable() -> None:
    made = node("[{'a': 1}].all(req, has(req.a))")
    assert isinstance(made, ir.Loop)
    assert isinstance(made.body, ir.HasField)


# --- optionals, cel.*, math.* -----------------------------------------------------------------------------


def test_opt_map_gives_an_optional_of_the_body() -> None:
    scope = cel({"o": optional_of(INT)})
    assert type_of("o.optMap(x, string(x))", scope) == "optional_type(string)"
    assert type_of("o.optFlatMap(x, optional.of(string(x)))", scope) == "optional_type(string)"
    assert fault("1.optMap(x, x)", scope).code.id == "P0205"


def test_bind_has_the_type_of_its_body() -> None:
    made = node("cel.bind(a, [1], a.map(x, x + a[0]))", cel())
    assert isinstance(made, ir.Bind)
    assert str(made.type) == "list(int)"


def test_bind_is_a_let_in_policies() -> None:
    assert fault("cel.bind(a, 1, a)").hint == "a `let` names a part of an expression"


def test_a_block_becomes_bindings() -> None:
    made = node("cel.block([1, cel.index(0) + 1], cel.index(1) * 2)", cel())
    assert isinstance(made, ir.Bind)
    assert isinstance(made.body, ir.Bind)
    assert str(made.type) == "int"
    assert fault("cel.block([1], cel.index(1))", cel()).code.id == "P0207"


def test_block_variables_stand_for_names() -> None:
    assert type_of("[1].map(cel.iterVar(0, 0), cel.iterVar(0, 0) + 1)", cel()) == "list(int)"


def test_greatest_takes_any_number_of_numbers() -> None:
    scope = cel({"d": DYN})
    assert type_of("math.greatest(1, 2)", scope) == "int"
    assert isinstance(node("math.least([1, 2])", scope), ir.Apply)
    made = node("math.greatest(1, 2, 3)", scope)
    assert isinstance(made, ir.Apply)
    assert isinstance(made.args[0], ir.MakeList)
    assert fault("math.greatest('a', 'b')", scope).code.id == "P0207"
    assert fault("math.greatest()", scope).code.id == "P0207"


def test_a_variable_of_the_name_of_a_macro_namespace_is_a_variable() -> None:
    assert type_of("[{'a': 1}].map(math, math.a)", cel({"x": map_of(STRING, INT)})) == "list(int)"
    assert type_of("optional.size()", traffic(optional="'x'")) == "int"
