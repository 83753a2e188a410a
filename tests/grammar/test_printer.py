"""Printing and parsing again gives the same tree, places aside."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policyc.grammar.diagnostic import Report
from policyc.grammar.documents import read_yaml
from policyc.grammar.frozen import Frozen
from policyc.grammar.parser import parse_expression, parse_policy
from policyc.grammar.printer import print_document, print_expression, quote
from policyc.grammar.source import Source, Span, Text

WORDS = st.sampled_from(["a", "req", "when", "x1"])
LITERALS = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(str),
    st.integers(0, 2**64 - 1).map(lambda i: f"{i}u"),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda f: repr(f) if "." in repr(f) else f"{f:e}"),
    st.text(st.characters(codec="utf-8"), max_size=8).map(quote),
    st.sampled_from(["true", "false", "null", "b'\\xff\"'", "r'\\d'", ".5", "0x1F"]),
)


def compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    two = st.tuples(inner, inner)
    ops = st.sampled_from(["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "in", "&&", "||"])
    return st.one_of(
        st.tuples(inner, ops, inner).map(lambda t: f"({t[0]}) {t[1]} ({t[2]})"),
        st.tuples(inner, ops, inner).map(lambda t: f"{t[0]} {t[1]} {t[2]}"),
        two.map(lambda t: f"({t[0]}) ? ({t[1]}) : {t[0]}"),
        two.map(lambda t: f"[?{t[0]}, {t[1]},]"),
        two.map(lambda t: f"{{{t[0]}: {t[1]}, ?'k': {t[0]}}}"),
        inner.map(lambda e: f"({e}).f({e}, x)"),
        inner.map(lambda e: f"({e}).?b[?{e}].`c-d`"),
        inner.map(lambda e: f"-({e})"),
        inner.map(lambda e: f"!{e}"),
        inner.map(lambda e: f"-{e}"),
    )


EXPRESSIONS = st.recursive(st.one_of(WORDS, LITERALS, st.just(".a.b")), compound, max_leaves=6)


def bare(node: Any) -> Any:
    """A tree without its places."""
    if isinstance(node, Text):
        return node.value
    if isinstance(node, Frozen):
        kept = {name: getattr(node, name) for name in node.__match_args__}
        return type(node).__name__, {k: bare(v) for k, v in kept.items() if not isinstance(v, Span | Source)}
    if isinstance(node, tuple):
        return tuple(bare(n) for n in node)
    return repr(node)  # tells 1 from 1.0 and 0.0 from -0.0


def parsed(written: str) -> Any:
    source = Source("x", written)
    report = Report()
    return parse_expression(Text(written, source.whole(), 0), report), report


@given(EXPRESSIONS)
@settings(max_examples=300, deadline=None)
def test_an_expression_is_the_same_after_printing(written: str) -> None:
    tree, _ = parsed(written)
    if tree is None:
        return
    again, report = parsed(print_expression(tree))
    assert again is not None, (written, print_expression(tree), list(report))
    assert bare(again) == bare(tree)


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("((a)) && (b && c) || d", "a && (b && c) || d"),
        ("(a + b) * c - (d - e)", "(a + b) * c - (d - e)"),
        ("(a ? b : c) ? d : (e ? f : g)", "(a ? b : c) ? d : e ? f : g"),
        ("-(1)", "-(1)"),
        ("-1 + - 1", "-1 + -1"),
        ("!(a in b)", "!(a in b)"),
        ("'a\"b'", '"a\\"b"'),
        ("(-1).f()", "(-1).f()"),
    ],
)
def test_parentheses_stand_where_they_are_needed(written: str, printed: str) -> None:
    tree, _ = parsed(written)
    assert print_expression(tree) == printed


POLICY = """
import "common.policy"
let office = ["203.0.113.0/24", "2001:db8::/32"]
rules guards { when a { deny } use others }
endpoint "https://a.example.com" -> "http://127.0.0.1:9000" {
  binding: "public" metadata: { "x-y": "1" }
  on_http_request {
    log {}
    rule "r" { rate-limit "per client" { capacity: 30, rate: 60s, bucket_key: [a, "${x}"], limit: 10MiB } }
    rule "named" when a || b {
      add-headers { headers: { (k): 1.5, in_: null, "in": b'x', l: ([1]), m: ({"a": 1}), n: ("s") } }
    }
    deny 401 forward-internal (vars.target) { on_error: "continue" }
  }
}
on_http_response {
  custom-response {
    status_code: 200, body: "a very long text that does not fit into the line any more, really and truly",
    headers: { "content-type": "text/plain" }
  }
}
test "later" { anything { goes } }
"""


def test_a_rule_that_lost_its_condition_is_not_printed() -> None:
    source = Source("x.yaml", "on_http_request:\n  - expressions: ['a +']\n    actions: [{type: deny}]")
    tree = read_yaml(source, Report())
    with pytest.raises(ValueError, match="broken condition"):
        print_document(tree)


def test_a_policy_is_the_same_after_printing() -> None:
    report = Report()
    tree = parse_policy(Source("x.policy", POLICY), report)
    printed = print_document(tree)
    again = parse_policy(Source("y.policy", printed), report)
    assert list(report) == []
    assert bare(again)[1]["items"] == bare(tree)[1]["items"]
    assert print_document(again) == printed
    assert max(len(line) for line in printed.splitlines()) < 140
