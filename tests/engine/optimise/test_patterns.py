from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evaluation import exchange, node_of

from policyc.engine.cel import ir
from policyc.engine.cel.fold import fold
from policyc.engine.cel.plan import plan
from policyc.engine.cel.regex import compile_pattern
from policyc.engine.cel.show import show
from policyc.engine.generate.expression import compile_value
from policyc.engine.optimise.passes import optimise
from policyc.engine.optimise.patterns import match_texts
from policyc.engine.values import EvalError


def made(expression: str) -> str:
    return show(match_texts(fold(node_of(expression))))


@pytest.mark.parametrize(
    ("expression", "simple"),
    [
        ("req.host.matches('^a$')", "req.host == 'a'"),
        ("req.host.matches('^/api/')", "req.host.startsWith('/api/')"),
        ("req.host.matches('[.]png$')", "req.host.endsWith('.png')"),
        ("matches(req.host, 'bot')", "req.host.contains('bot')"),
        ("req.method.matches('^(GET|POST)$')", "req.method in {'GET', 'POST'}"),
        ("req.host.matches('^/(a|b)')", "req.host.startsWith(('/a', '/b'))"),
        ("req.host.matches('[.](png|jpg)$')", "req.host.endsWith(('.png', '.jpg'))"),
        ("req.host.matches('a|^b')", "req.host.contains('a') || req.host.startsWith('b')"),
        ("req.host.matches('(?i)Bot')", "req.host matches '(?i)Bot' as text"),
        ("req.host.matches('^/a/.*$')", "req.host matches '^/a/.*$' as text"),
        ("req.host.lower().matches('a|b')", "req.host.lower() matches 'a|b' as text"),
        ("req.host.matches('[0-9]+')", "req.host matches '[0-9]+' by RE2"),
        ("!(req.host.matches('x+'))", "!(req.host matches 'x+' by RE2)"),
    ],
)
def test_constant_patterns_become_simple(expression: str, simple: str) -> None:
    assert made(expression) == simple


@pytest.mark.parametrize(
    "expression", ["req.host.matches(req.method)", "vars.x.matches('a')", "req.host.startsWith('a')"]
)
def test_what_is_no_constant_pattern_of_a_text_stays(expression: str) -> None:
    node = fold(node_of(expression))
    assert match_texts(node) is node


def test_a_pattern_that_fails_fails_when_it_is_reached() -> None:
    from policyc.engine.cel.scope import Scope
    from policyc.engine.types import STRING

    node = node_of("text.matches('(a')", Scope.cel({"text": STRING}))
    assert match_texts(node) is node


def test_re2_is_asked_by_its_own_test() -> None:
    node = match_texts(node_of("req.host.matches('[0-9]+')"))
    assert isinstance(node, ir.Apply)
    assert isinstance(node.args[1], ir.Const)
    assert node.args[1].value is compile_pattern("[0-9]+")


PATTERNS = [
    "^/a", "a$", "^a$", "a|b", "^(a|b|)$", "(?i)ak|S", "^a.*$", "^.*s", "[ab]/?", "[0-9]+", "(?i)^K$", ".*",
    "", "a|^b|c$",
]  # fmt: skip
SUBJECTS = ["req.host", "vars.text", "req.host.lower()", "req.headers['x'][0]", "dyn(req.host)"]


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("subject", SUBJECTS)
@settings(max_examples=20)
@given(text=st.text(alphabet="abkKsS\u212a\u017f/\n1\udcff\u00e9", max_size=6))
def test_both_evaluators_say_what_re2_says(pattern: str, subject: str, text: str) -> None:
    plain_node = fold(node_of(f"{subject}.matches('{pattern}')"))
    simple = optimise(plain_node)
    x = exchange(headers=[("x", "")], variables={"text": text})
    x.req.host = text
    x.req.headers.as_map()["x"] = [text]
    expected = plan(plain_node)(x, {})
    assert plan(simple)(x, {}) is expected
    assert compile_value(simple)(x) is expected


def test_a_missing_subject_stays_an_error() -> None:
    node = optimise(fold(node_of("req.headers['none'][0].matches('.*')")))
    with pytest.raises(EvalError):
        compile_value(node)(exchange())
