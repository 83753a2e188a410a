"""Random policies over random requests: optimised and dispatched, as written, and rule by rule by the oracle.

The oracle is the plain evaluator: it knows no passes, no locals that outlive a rule, and no tables. All three
must answer the same, with the same rules acted and the same traffic left behind.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.evaluation import exchange, node_of

from policyc.engine.additions import AddToRequest
from policyc.engine.assemble import joined
from policyc.engine.cel import ir
from policyc.engine.cel.plan import plan
from policyc.engine.decision import Decided, ForwardTo
from policyc.engine.generate import index
from policyc.engine.generate.phase import RuleCode, compile_phase
from policyc.engine.optimise import runs
from policyc.engine.outcome import Close, Fail, Forward, Outcome
from policyc.engine.request_url import rewrite
from policyc.engine.traffic import Exchange, KnownLines
from policyc.engine.types import BOOL
from policyc.engine.values import EvalError

EXAMPLES = int(os.environ.get("POLICYC_EXAMPLES", "2000")) // 4

PATHS = ["/", "/a", "/a/", "/a/b", "/ab", "/b/c", "/b", "/a/b/c.php", "/x.php"]
HOSTS = ["a.example", "b.example", "x.a.example", "example", ""]
NETWORKS = ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "192.0.2.0/24", "2001:db8::/32", "0.0.0.0/0", "nonsense"]
CLIENTS = ["10.1.2.3", "10.1.9.9", "10.9.9.9", "192.0.2.7", "2001:db8::7", "203.0.113.9", "no address"]
VALUES = ["a", "b", "c"]


def quoted(words: Sequence[str]) -> list[str]:
    return [f"'{word}'" for word in words]


def lists(words: Sequence[str]) -> list[str]:
    """Return lists of neighbouring words."""
    texts = quoted(words)
    return [f"[{', '.join(texts[at : at + size])}]" for at in range(len(texts)) for size in (1, 2, 3)]


def terms() -> Iterator[str]:
    """Give terms that tables can tell, and some that they cannot, may fail, or are shared."""
    for path in quoted(PATHS):
        yield from (f"req.url.path == {path}", f"req.url.path.startsWith({path})") * 2
        yield f"req.url.path.endsWith({path}.substring(1))"
    yield from (f"req.url.path in {paths}" for paths in lists(PATHS))
    yield from (f"req.url.path.endsWith({suffix})" for suffix in quoted([".php", "b", ""]))
    yield from (f"req.method == {method}" for method in quoted(["GET", "POST"] * 3))
    yield from (f"req.host == {host}" for host in quoted(HOSTS))
    yield from (f"req.host.endsWith({host})" for host in quoted([".example", ".a.example"]))
    yield from (f"inCidrRange(conn.client_ip, {network})" for network in quoted(NETWORKS))
    yield from (f"inCidrRanges(conn.client_ip, {networks})" for networks in lists(NETWORKS))
    for value in quoted(VALUES):
        yield from [f"req.headers['x-a'][0] == {value}"] * 3
        yield f"getReqHeader('X-A')[0] == {value}"
        yield f"{value} in getReqHeader('x-a')"
        yield f"{value} in req.headers['x-b']"
        yield f"req.headers['x-b'].exists(h, h == {value} || h == 'z')"
        yield f"req.url.query_params['q'][0] == {value}"
        yield f"vars.v == {value}"
    yield from (f"conn.client_port == {port}" for port in (80, 443))
    yield from ["'x-a' in req.headers", "hasReqHeader('x-b')", "size(getReqHeader('x-a')) > 0"] * 3
    yield "size(req.headers['x-b']) > 0"
    yield "int(req.headers['x-a'][0]) > 3"
    yield "req.url.path.contains('b')"
    yield from ["req.url.path.lowerAscii().startsWith('/a')"] * 3
    yield "rand.double() < 0.6"
    yield from ("true", "false")


TERMS = list(terms())


def atoms() -> st.SearchStrategy[str]:
    """Give a term."""
    return st.sampled_from(TERMS)


@st.composite
def conditions(draw: st.DrawFn) -> str:
    """Give a condition: a conjunction, mostly, of atoms and of disjunctions of them."""
    terms = []
    for _ in range(draw(st.integers(1, 3))):
        shape = draw(st.integers(0, 9))
        term = draw(atoms())
        if shape == 0:
            term = f"!({term})"
        elif shape <= 2:
            term = f"({term} || {draw(atoms())})"
        elif shape == 3:
            term = f"({term} ? {draw(atoms())} : {draw(atoms())})"
        terms.append(term)
    return " && ".join(terms)


class Action(NamedTuple):
    """A step by name; what it does stands in `STEPS`."""

    name: str


def go_on(x: Exchange) -> None:
    x.vars["count"] = int(str(x.vars.get("count", 0))) + 1


def rewrite_path(x: Exchange) -> None:
    rewrite(x.req, {"/a": "/a/b", "/a/b": "/b/c"}.get(x.req.target, "/a"))


def add_header(x: Exchange) -> None:
    x.req.headers.add("x-a", "b")


def remove_header(x: Exchange) -> None:
    x.req.headers.remove("x-a")


def set_variable(x: Exchange) -> None:
    x.vars["v"] = "b"


def stop(x: Exchange) -> Outcome:
    return Close("stop")


def forward(x: Exchange, tail: Callable[[Exchange], Outcome | None]) -> Outcome:
    return Forward("https://a.internal", lambda later, failure: tail(later))


STEPS: dict[str, Callable[..., Outcome | None]] = {
    "go on": go_on,
    "rewrite": rewrite_path,
    "add": add_header,
    "remove": remove_header,
    "set": set_variable,
    "stop": stop,
    "forward": forward,
    "add known": AddToRequest(KnownLines([("x-a", "b"), ("x-c", "d")]), {"headers_added": {"x-a": "b"}}),
    "forward at last": ForwardTo("https://b.internal"),
}
GOING_ON = ["go on", "rewrite", "add", "remove", "set", "forward", "add known"]
ENDING = ["stop", "forward at last"]


class Rule(NamedTuple):
    """A rule by its conditions, and the names of its steps; the last one of a rule that ends is of ENDING."""

    conditions: tuple[str, ...]
    steps: tuple[str, ...]


@st.composite
def rules(draw: st.DrawFn) -> list[Rule]:
    """Give rules of which many are about the same thing, so that they are dispatched."""
    pool = draw(st.lists(conditions(), min_size=1, max_size=4))
    single = atoms() if draw(st.booleans()) else conditions()
    # Of rules that are known beforehand there are decisions.
    going_on = draw(st.sampled_from([GOING_ON, ["add known"]]))
    made = []
    for _ in range(draw(st.integers(1, 16))):
        given_ = draw(st.integers(0, 9))
        if given_ == 0:
            found: tuple[str, ...] = ()
        elif given_ <= 2:
            found = (draw(st.sampled_from(pool)), draw(single))
        else:
            found = (draw(single),)
        steps = tuple(draw(st.lists(st.sampled_from(going_on), max_size=2)))
        if draw(st.integers(0, 3)) == 0:
            steps = (*steps, draw(st.sampled_from(ENDING)))
        made.append(Rule(found, steps))
    return made


@st.composite
def traffic(draw: st.DrawFn) -> Callable[[], Exchange]:
    """Give a maker of exchanges, all alike."""
    target = draw(st.sampled_from(PATHS)) + draw(st.sampled_from(["", "?q=a", "?q=b&q=a", "?p=1"]))
    lines = draw(
        st.lists(st.tuples(st.sampled_from(["x-a", "X-B"]), st.sampled_from([*VALUES, "7"])), max_size=3)
    )
    client, port = draw(st.sampled_from(CLIENTS)), draw(st.sampled_from([80, 443, 0]))
    method, host = draw(st.sampled_from(["GET", "POST"])), draw(st.sampled_from(HOSTS))

    def make() -> Exchange:
        x = exchange(method, target, lines)
        x.conn.client_ip, x.conn.client_port = client, port
        x.req.host = host
        return x

    return make


typed = lru_cache(10_000)(node_of)


def code_of(rule: Rule, number: int) -> RuleCode:
    nodes = [typed(text) for text in rule.conditions]
    condition = joined(nodes)
    if isinstance(condition, ir.Node) and not isinstance(condition, ir.And):
        condition = ir.And((condition,), BOOL, condition.span)
    steps = tuple(STEPS[name] for name in rule.steps)
    resumes = tuple(name.startswith("forward") for name in rule.steps)
    ends = bool(rule.steps) and rule.steps[-1] in ENDING
    return RuleCode(condition, steps, resumes, f"r{number}", ends)


def oracle(codes: Sequence[RuleCode], x: Exchange, rule: int = 0, step: int = 0) -> Outcome | None:
    """Run the rules from a step of a rule on, each condition by the plain evaluator."""
    for number in range(rule, len(codes)):
        code = codes[number]
        begin = step if number == rule else 0
        if begin == 0:
            try:
                verdict = True if code.condition is None else plan(code.condition)(x, {})
            except EvalError as error:
                return Fail(2254, "", detail=f"{code.name}: {error.message}")
            if verdict is False:
                continue
            x.acted.append(code.name)
        for at in range(begin, len(code.steps)):
            if code.resumes[at]:
                tail = _tail(codes, number, at + 1)
                outcome = code.steps[at](x, tail)
            else:
                outcome = code.steps[at](x)
            if outcome is not None:
                return outcome
    return None


def _tail(codes: Sequence[RuleCode], rule: int, step: int) -> Callable[[Exchange], Outcome | None]:
    # A rest of no steps begins behind the rule: its condition is not asked again.
    if step >= len(codes[rule].steps):
        return lambda x: oracle(codes, x, rule + 1)
    return lambda x: oracle(codes, x, rule, step)


def seen(run: Callable[[Exchange], Outcome | None], x: Exchange, depth: int = 0) -> list[Any]:
    """Return everything that can be seen of a run, forwards resumed one after the other."""
    outcome = run(x)
    told: list[Any] = []
    if isinstance(outcome, Fail):
        told = [outcome.code, outcome.detail]
    elif isinstance(outcome, Forward):
        resume = outcome.resume
        failure = Fail(3004, "down")
        told = [outcome.url]
        if resume is not None and depth < 4:
            told += seen(lambda y: resume(y, failure), x, depth + 1)
    elif outcome is not None:
        told = [outcome]
    return [type(outcome), *told, list(x.acted), dict(x.vars), x.req.target, list(x.req.headers.lines)]


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(drawn=rules(), makes=st.lists(traffic(), min_size=1, max_size=4), is_eager=st.booleans())
def test_optimised_rules_do_what_the_rules_say(
    drawn: list[Rule], makes: list[Callable[[], Exchange]], is_eager: bool
) -> None:
    codes = [code_of(rule, number) for number, rule in enumerate(drawn)]
    with pytest.MonkeyPatch.context() as patch:
        if is_eager:  # to dispatch whatever can be
            patch.setattr(index, "NESTED", 1)
            patch.setattr(index, "is_worth", lambda atoms: True)
            patch.setattr(runs, "is_worth", lambda atoms: True)
        optimised = compile_phase(codes, decides=True)
    plain = compile_phase(codes, optimised=False)
    for make in makes:
        want = seen(lambda x: oracle(codes, x), make())
        assert seen(plain, make()) == want
        assert seen(optimised, make()) == want
        if isinstance(optimised, Decided):
            x = make()
            decision = optimised.decide(x)
            assert not x.acted
            assert x.req.headers.lines == make().req.headers.lines
            assert optimised.clear is None or not optimised.clear(x) or optimised.rest(x) is decision
            assert decision is None or seen(decision.apply, x) == want
