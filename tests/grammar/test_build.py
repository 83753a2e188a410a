from policyc.grammar import syntax
from policyc.grammar.build import children_of, is_deeper
from policyc.grammar.diagnostic import Report
from policyc.grammar.parser import parse_expression
from policyc.grammar.source import Source, Text


def expr(written: str) -> syntax.Expr:
    report = Report()
    found = parse_expression(Text(written, Source("x", written).whole(), 0), report)
    assert found is not None, list(report)
    return found


def test_the_parts_of_every_kind_of_node_are_known() -> None:
    for written, parts in [
        ("a", []),
        ("1", []),
        ("a.b", ["a"]),
        ("a[b]", ["a", "b"]),
        ("f(a, b)", ["a", "b"]),
        ("a.f(b)", ["a", "b"]),
        ("!a", ["a"]),
        ("a + b", ["a", "b"]),
        ("a && b && c", ["a", "b", "c"]),
        ("a ? b : c", ["a", "b", "c"]),
        ("[a, ?b]", ["a", "b"]),
        ("{a: b, ?c: d}", ["a", "b", "c", "d"]),
    ]:
        assert [c.span.text for c in children_of(expr(written))] == parts


def test_depth_is_measured_by_levels() -> None:
    assert not is_deeper(expr("a + b + c"), 3)
    assert is_deeper(expr("a + b + c"), 2)
    assert not is_deeper(expr("a && b && c && d"), 2)


def test_a_minus_belongs_to_the_number_behind_it() -> None:
    for written, value in (("-1", -1), ("- 1.5", -1.5)):
        e = expr(written)
        assert isinstance(e, syntax.Literal)
        assert e.value == value
    assert isinstance(expr("-(1)"), syntax.Unary)
    twice = expr("--1")
    assert isinstance(twice, syntax.Unary)
    assert isinstance(twice.operand, syntax.Literal)


def test_parentheses_belong_to_what_they_hold() -> None:
    assert expr("(a)").span.text == "(a)"
    assert expr("((a)) + b").span.text == "((a)) + b"
