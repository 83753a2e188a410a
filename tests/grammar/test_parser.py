import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from policyc.grammar import syntax
from policyc.grammar.diagnostic import Report
from policyc.grammar.parser import parse_expression, parse_policy, parse_template
from policyc.grammar.source import Source, Text

SHARED = Path(__file__).parents[2].parent / "shared"


def text_of(written: str) -> Text:
    source = Source("x", written)
    return Text(written, source.whole(), 0)


def expr(written: str) -> syntax.Expr:
    report = Report()
    found = parse_expression(text_of(written), report)
    assert found is not None, list(report)
    assert not report.has_errors
    return found


def problems(written: str) -> list[str]:
    report = Report()
    assert parse_expression(text_of(written), report) is None
    return [d.code.id for d in report.sorted()]


def policy(written: str) -> tuple[syntax.Document, list[str]]:
    report = Report()
    document = parse_policy(Source("x.policy", written), report)
    return document, [d.code.id for d in report.sorted()]


# --- expressions -------------------------------------------------------------------------------------------


def test_precedence_is_that_of_cel() -> None:
    e = expr("!a.b || 1 + 2 * -x in [y] && c ? d : e")
    assert isinstance(e, syntax.Conditional)
    assert isinstance(e.test, syntax.Logic)
    assert e.test.op == "||"
    left, right = e.test.operands
    assert isinstance(left, syntax.Unary)
    assert isinstance(right, syntax.Logic)
    relation = right.operands[0]
    assert isinstance(relation, syntax.Binary)
    assert relation.op == "in"
    assert isinstance(relation.left, syntax.Binary)
    assert relation.left.op == "+"


def test_chains_are_flat_and_groups_are_not() -> None:
    e = expr("a && b && c && d")
    assert isinstance(e, syntax.Logic)
    assert len(e.operands) == 4
    grouped = expr("(a && b) && c")
    assert isinstance(grouped, syntax.Logic)
    assert len(grouped.operands) == 2


def test_spans_cover_exactly_what_was_written() -> None:
    e = expr("  a.b(c)[0] + (d)  ")
    assert isinstance(e, syntax.Binary)
    assert e.span.text == "a.b(c)[0] + (d)"
    assert e.left.span.text == "a.b(c)[0]"
    assert e.right.span.text == "(d)"
    assert e.op_span.text == "+"
    assert isinstance(e.left, syntax.Index)
    assert isinstance(e.left.operand, syntax.Call)
    assert e.left.operand.function_span.text == "b"


@pytest.mark.parametrize(
    ("written", "kind", "value"),
    [
        ("1", "int", 1),
        ("0x1F", "int", 31),
        ("-9223372036854775808", "int", -(2**63)),
        ("9223372036854775807", "int", 2**63 - 1),
        ("5u", "uint", 5),
        ("0xFFu", "uint", 255),
        ("1.5", "double", 1.5),
        (".5e3", "double", 500.0),
        ("-1e-3", "double", -0.001),
        ("true", "bool", True),
        ("null", "null", None),
        ('"a\\n\\x41\\u00e9\\U0001F600\\101"', "string", "a\nAé😀A"),
        ("'a\\'b'", "string", "a'b"),
        ("r'\\d'", "string", "\\d"),
        ('"""a"b\n"c"""', "string", 'a"b\n"c'),
        ("R'''a\n''b'''", "string", "a\n''b"),
        ("b'\\xff\\000é'", "bytes", b"\xff\x00\xc3\xa9"),
        ('bR"\\x"', "bytes", b"\\x"),
    ],
)
def test_literals_have_their_values(written: str, kind: str, value: object) -> None:
    e = expr(written)
    assert isinstance(e, syntax.Literal)
    assert (e.kind, e.value) == (kind, value)
    assert type(e.value) is type(value)


def test_optional_syntax_and_odd_names() -> None:
    assert expr("a.?b").optional  # type: ignore[union-attr]
    assert expr("a[?b]").optional  # type: ignore[union-attr]
    listed = expr("[?a, b,]")
    assert isinstance(listed, syntax.ListLiteral)
    assert listed.optional == (True, False)
    mapped = expr('{?"a": b, c: d,}')
    assert isinstance(mapped, syntax.MapLiteral)
    assert [e[2] for e in mapped.entries] == [True, False]
    field = expr("a.`b-c/d`")
    assert isinstance(field, syntax.Select)
    assert field.field == "b-c/d"
    rooted = expr(".a.b")
    assert isinstance(rooted, syntax.Select)
    assert rooted.operand == syntax.Name("a", rooted.operand.span, rooted=True)
    assert isinstance(expr(".f(1)"), syntax.Call)


def test_reserved_words_name_fields_but_no_variables() -> None:
    assert isinstance(expr("a.package"), syntax.Select)
    for word in ("package", "for", "in", "let", "while"):
        assert problems(f"{word} + 1")[0] == "P0120"
    assert problems("a.in") == ["P0120"]


def test_words_of_the_policy_language_are_variables_in_expressions() -> None:
    for word in ("when", "rule", "rules", "endpoint", "test", "use"):
        assert isinstance(expr(f"{word}.host == 1"), syntax.Binary)


def test_comments_are_those_of_cel() -> None:
    assert isinstance(expr("a // the first\n + b // the second"), syntax.Binary)
    assert problems("a # no") == ["P0132"]
    assert isinstance(expr("a == '#'"), syntax.Binary)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("", "P0130"),
        ("  ", "P0130"),
        ("9223372036854775808", "P0122"),
        ("18446744073709551616u", "P0122"),
        ("1e999", "P0122"),
        ("60s", "P0123"),
        ('{"a": 1 "b": 2}', "P0124"),
        ('"\\d"', "P0121"),
        ('"\\400"', "P0121"),
        ('"\\ud800"', "P0121"),
        ("b'\\u0041'", "P0121"),
        ("f(a,)", "P0109"),
        ("Type{a: 1}", "P0112"),
        ("a.b.Type{}", "P0112"),
        ("x not in y", "P0104"),
        ("[x for x in y]", "P0110"),
        ("${vars.a}", "P0111"),
        ("(" * 33 + "a" + ")" * 33, "P0803"),
        ("a" + ".a" * 300, "P0803"),
        ("!" * 300 + "a", "P0803"),
        ("a" * 20000, "P0802"),
        ("!" * 16000 + "a", "P0803"),
        ("a?b:" * 4000 + "c", "P0803"),
    ],
)
def test_what_is_no_expression_has_its_code(written: str, code: str) -> None:
    assert problems(written) == [code]


def test_brackets_nest_to_the_limit() -> None:
    assert expr("(" * 32 + "a" + ")" * 32) is not None
    assert expr(" || ".join(["a"] * 1000)) is not None


def test_a_placeholder_in_a_string_of_an_expression_gets_a_hint() -> None:
    report = Report()
    assert parse_expression(text_of('a == "${b}"'), report) is not None
    assert [(d.code.id, d.severity) for d in report] == [("P0125", "hint")]


def test_places_go_through_the_map_of_the_text() -> None:
    source = Source("x.yaml", 'a: "x \\"y\\" + ?"')
    value = 'x "y" + ?'
    origins = (4, 5, 6, 8, 9, 11, 12, 13, 14, 15)
    report = Report()
    text = Text(value, source.span(3, 16), 4, origins, alias=source.span(0, 1))
    assert parse_expression(text, report, "here") is None
    [found] = report
    assert (found.span.start, found.span.end) == (14, 15) or found.span.start == 6
    assert found.path == "here"
    assert found.labels[0].span == source.span(0, 1)


def test_every_expression_of_the_conformance_suite_parses() -> None:
    if not SHARED.is_dir():
        pytest.skip("the shared material is not beside this checkout")
    tests = json.loads((SHARED / "conformance/cel/parse.json").read_text())["tests"]
    in_scope = [t for t in tests if not t.get("needs_proto")]
    assert len(in_scope) > 150
    for test in in_scope:
        report = Report()
        assert parse_expression(text_of(test["expr"]), report) is not None, (test["expr"], list(report))


# --- templates ---------------------------------------------------------------------------------------------


def template(written: str) -> tuple[syntax.Template | None, list[str]]:
    report = Report()
    found = parse_template(text_of(written), report)
    return found, [d.code.id for d in report.sorted()]


@pytest.mark.parametrize(
    ("written", "shape"),
    [
        ("plain $1 $uri", ["plain $1 $uri"]),
        ("", [""]),
        ("${a}", ["<a>"]),
        ("x${a}y${b}", ["x", "<a>", "y", "<b>"]),
        ("$${a}", ["${a}"]),
        ("a$${b}${c}$${", ["a${b}", "<c>", "${"]),
        ('${ {"k": "}"}["k"] }', ['<{"k": "}"}["k"]>']),
        ("${a == '}' ? {} : {}}!", ["<a == '}' ? {} : {}>", "!"]),
        ("${a}${b}", ["<a>", "<b>"]),
        ("$ {a}", ["$ {a}"]),
    ],
)
def test_a_template_is_split_where_its_placeholders_are(written: str, shape: list[str]) -> None:
    found, said = template(written)
    assert found is not None
    assert [p if isinstance(p, str) else f"<{p.span.text}>" for p in found.parts] == shape
    assert said == []


def test_a_lone_placeholder_is_known() -> None:
    found, _ = template("${a}")
    assert found is not None
    assert isinstance(found.lone, syntax.Name)
    mixed, _ = template("${a}b")
    assert mixed is not None
    assert mixed.lone is None


@pytest.mark.parametrize(
    ("written", "codes"),
    [
        ("a ${b", ["P0131"]),
        ("${'}", ["P0131"]),
        ("${}", ["P0130"]),
        ("${ } ${b +}", ["P0130", "P0134"]),
    ],
)
def test_broken_placeholders_are_told(written: str, codes: list[str]) -> None:
    found, said = template(written)
    assert found is None
    assert said == codes


# --- files -------------------------------------------------------------------------------------------------

SHOP = """\
# shop.policy
let office = ["203.0.113.0/24", "2001:db8::/32"]   // a constant
import "common.policy"

rules guards { when a { deny } }

endpoint "https://shop.example.com" -> "http://127.0.0.1:9000" {
  binding: "public"  pooling_enabled: true,
  on_tcp_connect {
    rule "office only" when !inCidrRanges(conn.client_ip, office) { deny }
  }
  on_http_request {
    use guards
    when is_api && !hasReqHeader("Authorization") { deny 401 }
    rule "all" {
      rate-limit "per client" { algorithm: "sliding_window", capacity: 30 rate: 60s bucket_key: [a] }
      add-headers { headers: { "x-client": "${conn.client_ip}", y: a - b, (k): 10MiB } }
    }
    log {}
    forward-internal (vars.target) { on_error: "continue" }
    when endpoint.host == "x" { redirect { to: {a: ?? } } }
  }
}

test "later" { request { anything -> [1, "x"] } expect deny 401 }
"""


def test_a_whole_file_becomes_its_items() -> None:
    written = SHOP.replace("{ redirect { to: {a: ?? } } }", '{ redirect { when: r"^/(.*)$", to: "/b" } }')
    document, said = policy(written)
    assert said == []
    assert [type(i).__name__ for i in document.items] == ["Let", "Import", "Rules", "Endpoint", "Test"]
    endpoint = document.items[3]
    assert isinstance(endpoint, syntax.Endpoint)
    assert endpoint.url is not None
    assert endpoint.url.value == "https://shop.example.com"
    assert endpoint.upstream is not None
    assert endpoint.upstream.value == "http://127.0.0.1:9000"
    assert [(s.key.value, type(s.value).__name__) for s in endpoint.settings] == [
        ("binding", "TextValue"),
        ("pooling_enabled", "PlainValue"),
    ]
    assert [p.key.value for p in endpoint.phases] == ["on_tcp_connect", "on_http_request"]
    rules = endpoint.phases[1].rules
    assert [type(r).__name__ for r in rules] == ["Use", "Rule", "Rule", "Rule", "Rule"]


def test_neighbouring_bare_actions_are_one_rule() -> None:
    document, said = policy("on_http_request { log {} deny 401 when a { deny } deny }")
    assert said == []
    [phase] = document.items
    assert isinstance(phase, syntax.Phase)
    assert [len(r.actions) for r in phase.rules if isinstance(r, syntax.Rule)] == [2, 1, 1]


def test_value_position_makes_values_of_literals() -> None:
    document, said = policy(
        'on_http_request { x "p" { a: 60s b: 1m30s, c: 10MiB d: [1, "t", {k: null}] '
        'e: a.b, f: {"q": -1.5} g: (1)} }'
    )
    assert said == []
    [phase] = document.items
    assert isinstance(phase, syntax.Phase)
    [rule] = phase.rules
    assert isinstance(rule, syntax.Rule)
    [action] = rule.actions
    assert isinstance(action.primary, syntax.TextValue)
    assert isinstance(action.config, syntax.MapValue)
    values = {e.key.value: e.value for e in action.config.entries}
    a, b, c, d, e, f, g = (values[k] for k in "abcdefg")
    assert isinstance(a, syntax.PlainValue)
    assert (a.kind, a.value, a.raw) == ("duration", 60 * 10**9, "60s")
    assert isinstance(b, syntax.PlainValue)
    assert b.value == 90 * 10**9
    assert isinstance(c, syntax.PlainValue)
    assert (c.kind, c.value) == ("size", 10 * 2**20)
    assert isinstance(d, syntax.ListValue)
    assert [type(i).__name__ for i in d.items] == ["PlainValue", "TextValue", "MapValue"]
    assert isinstance(e, syntax.ExprValue)
    assert isinstance(f, syntax.MapValue)
    assert isinstance(g, syntax.ExprValue)


def test_paths_are_given_to_rules_conditions_and_actions() -> None:
    document, _ = policy("on_http_request { deny when a { log {} deny } }")
    [phase] = document.items
    assert isinstance(phase, syntax.Phase)
    rule = phase.rules[1]
    assert isinstance(rule, syntax.Rule)
    assert rule.path == "on_http_request[1]"
    assert rule.conditions[0].path == "on_http_request[1].expressions[0]"
    assert rule.actions[1].path == "on_http_request[1].actions[1]"


def test_a_computed_key_wants_parentheses() -> None:
    assert policy("on_http_request { log { metadata: { a.b: 1 } } }")[1] == ["P0126"]
    assert policy("on_http_request { log { metadata: { (a.b): 1, if: 2 in_: 3 when: 4 } } }")[1] == []


def test_a_rule_without_actions_is_an_error() -> None:
    assert policy("on_http_request { when a { } }")[1] == ["P0380"]


def test_an_empty_file_is_a_warning() -> None:
    for written in ("", " \n", "# nothing\n"):
        assert policy(written)[1] == ["P0001"]


def test_limits_are_diagnostics() -> None:
    many = "when a { deny } " * 1001
    assert policy(f"on_http_request {{ {many} }}")[1] == ["P0804"]
    assert policy("on_http_request { when a { " + "log {} " * 65 + "} }")[1] == ["P0805"]
    assert policy("let a = " + "(" * 100_000)[1] == ["P0803"]
    assert policy("let a = " + "!" * 100_000)[1] == ["P0803"]
    assert policy("let a = " + "1+" * 40_000 + "1")[1] == ["P0802"]
    assert "P0807" in policy("x\n" * 5000)[1]


@given(st.text(max_size=60))
@settings(max_examples=300, deadline=None)
@example("\\")
@example("let a = '")
@example("on_x { a {")
@example("endpoint")
def test_no_text_makes_the_parser_raise(written: str) -> None:
    report = Report()
    parse_policy(Source("x.policy", written), report)
    parse_expression(text_of(written), report)
    parse_template(text_of("${" + written), report)
    report.sorted()


WORDS = st.sampled_from(
    [
        *(
            "on_http_request",
            "when",
            "rule",
            "use",
            "let",
            "endpoint",
            "import",
            "rules",
            "test",
            "deny",
            "log",
        ),
        *("a", "b", "add-headers", '"s"', "'s'", "1", "60s", "10MiB", "in", "true", "not", "and", "x.y"),
        *"(){}[],:?.=!-+#;$|&",
        *("&&", "||", "==", "->", "--", "//", "\n", '"', "'", "`"),
    ]
)


@given(st.lists(WORDS, max_size=40))
@settings(max_examples=500, deadline=None)
def test_no_run_of_words_makes_the_parser_raise(words: list[str]) -> None:
    report = Report()
    written = " ".join(words)
    source = Source("x.policy", written)
    document = parse_policy(source, report)
    for d in report:
        assert 0 <= d.span.start <= d.span.end <= len(written)
    if not report.has_errors:
        assert all(0 <= i.span.start < i.span.end <= len(written) for i in document.items)
