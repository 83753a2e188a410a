"""Rules that are dispatched. tests/property/test_rules_optimised.py holds that they do what the rules say."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from tests.evaluation import exchange, node_of

from policyc.engine.cel import ir
from policyc.engine.generate import dispatch
from policyc.engine.generate.phase import PhaseCode, RuleCode, compile_phase
from policyc.engine.outcome import Close, Fail, Forward, Outcome, Respond
from policyc.engine.request_url import rewrite
from policyc.engine.traffic import Exchange
from policyc.engine.types import BOOL

Step = Callable[..., Outcome | None]


def end(x: Exchange) -> Outcome:
    return Close("end")


def go_on(x: Exchange) -> None:
    return None


def rule(when: str, *steps: Step, name: str = "", resumes: Sequence[int] = ()) -> RuleCode:
    node = node_of(when)
    made = tuple(steps) or (end,)
    flags = tuple(at in resumes for at in range(len(made)))
    return RuleCode(ir.And((node,), BOOL, node.span), made, flags, name, ends=made[-1] is end)


def paths(count: int, *steps: Step) -> list[RuleCode]:
    return [rule(f"req.url.path == '/{i}'", *steps, name=f"path {i}") for i in range(count)]


def acted(rules: Sequence[RuleCode], x: Exchange) -> list[str]:
    compile_phase(rules)(x)
    return x.acted


def test_rules_are_found_and_not_in_the_function_of_the_phase() -> None:
    rules = paths(50)
    code = PhaseCode(rules)
    assert "'/7'" not in code.source
    x = exchange(target="/7")
    assert code.load()(x) == Close("end")
    assert x.acted == ["path 7"]
    assert code.load()(exchange(target="/77")) is None


def test_function_of_a_rule_is_made_when_it_is_first_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    make = dispatch.Dispatch._function

    def counted(self: dispatch.Dispatch, number: int) -> Callable[[Exchange], object]:
        made.append(number)
        return make(self, number)

    monkeypatch.setattr(dispatch.Dispatch, "_function", counted)
    run = compile_phase(paths(50))
    run(exchange(target="/none"))
    assert made == []
    run(exchange(target="/7"))
    run(exchange(target="/7"))
    assert made == [7]


def test_first_match_stays_first() -> None:
    rules = [
        *paths(10),
        rule("req.url.path.startsWith('/')", name="all"),
        *(rule(f"req.url.path.startsWith('/{i}')", name=f"prefix {i}") for i in range(10)),
    ]
    assert acted(rules, exchange(target="/3")) == ["path 3"]
    assert acted(rules, exchange(target="/3/x")) == ["all"]
    assert acted(rules[::-1], exchange(target="/3")) == ["prefix 3"]


def test_rules_that_go_on_keep_their_order() -> None:
    rules = [
        rule(f"req.url.path.startsWith('/{'a' * (9 - i)}')", go_on, name=f"{9 - i} letters") for i in range(9)
    ] + [rule("req.url.path.startsWith('/a')", name="end")]
    assert acted(rules, exchange(target="/aaa")) == ["3 letters", "2 letters", "1 letters", "end"]


def test_rules_behind_one_that_changes_the_path_are_looked_up_again() -> None:
    def to_9(x: Exchange) -> None:
        rewrite(x.req, "/9")

    def to_1(x: Exchange) -> None:
        rewrite(x.req, "/1")

    rules = [*paths(3, to_9), *paths(9, to_9), *paths(10, to_1)]
    x = exchange(target="/2")
    assert acted(rules, x) == ["path 2", "path 9"]
    assert x.req.target == "/1"


def test_failing_look_up_makes_candidates() -> None:
    rules = [rule(f"req.headers['x'][0] == '{i}'", name=f"header {i}") for i in range(20)]
    outcome = compile_phase(rules)(exchange())
    assert isinstance(outcome, Fail)
    assert (outcome.code, outcome.detail) == (2254, "header 0: no such key: x")
    assert acted(rules, exchange(headers=[("X", "7")])) == ["header 7"]


def test_candidate_whose_other_terms_are_false_does_not_fail() -> None:
    rules = [
        rule(f"req.headers['x'][0] == '{i}' && req.method == 'POST'", name=f"header {i}") for i in range(20)
    ]
    assert compile_phase(rules)(exchange()) is None
    assert isinstance(compile_phase(rules)(exchange("POST")), Fail)


def test_guarded_look_up_does_not_fail_and_makes_no_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = [rule(f"'x' in req.headers && req.headers['x'][0] == '{i}'") for i in range(20)]
    run = compile_phase(rules)
    monkeypatch.setattr(dispatch.Dispatch, "run", None)  # nothing may be tried
    assert run(exchange()) is None


def test_many_candidates_are_looked_up_by_their_other_atoms() -> None:
    rules = [
        rule(f"req.host == 'h{i % 5}' && req.url.path.startsWith('/{i // 5}/')", name=f"{i % 5} {i // 5}")
        for i in range(200)
    ]
    for host, path in ((0, 0), (4, 39), (2, 17)):
        x = exchange(target=f"/{path}/x")
        x.req.host = f"h{host}"
        assert acted(rules, x) == [f"{host} {path}"]


def test_levels_are_made_where_they_pay() -> None:
    same = [rule(f"req.host == 'h' && req.url.path.contains('{i}')") for i in range(100)]
    other = [rule(f"req.host == 'h{i % 3}' && req.method == 'M{i}'") for i in range(100)]
    for rules, expected in ((same, False), (other, False)):
        assert has_levels(rules) is expected
    both = [rule(f"req.host == 'h{i % 4}' && req.url.path in ['/{i // 4}', '/all']") for i in range(100)]
    assert has_levels(both) is True


def has_levels(rules: Sequence[RuleCode]) -> bool:
    """Return whether any bucket of the tables is a level."""
    made: list[dispatch.Level] = []
    init = dispatch.Level.__init__

    def counted(self: dispatch.Level, *args: object) -> None:
        made.append(self)
        init(self, *args)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dispatch.Level, "__init__", counted)
        PhaseCode(rules)
    return bool(made)


def test_rules_that_resume_are_dispatched_too() -> None:
    def forward(x: Exchange, tail: Callable[[Exchange], Outcome | None]) -> Outcome:
        return Forward("https://a.internal", lambda later, failure: tail(later))

    rules = [
        *(
            rule(f"req.url.path == '/{i}'", forward, go_on, name=f"forward {i}", resumes=[0])
            for i in range(20)
        ),
        *paths(20, go_on),
        rule("req.url.path.contains('/')", name="last"),
    ]
    x = exchange(target="/5")
    outcome = compile_phase(rules)(x)
    assert isinstance(outcome, Forward)
    assert x.acted == ["forward 5"]
    assert outcome.resume is not None
    assert outcome.resume(x, Fail(3004, "down")) == Close("end")
    assert x.acted == ["forward 5", "path 5", "last"]


def test_step_that_breaks_names_its_rule() -> None:
    def broken(x: Exchange) -> None:
        raise KeyError("secret")

    outcome = compile_phase(paths(20, broken))(exchange(target="/5"))
    assert isinstance(outcome, Fail)
    assert (outcome.code, outcome.detail.partition(" at ")[0]) == (2300, "path 5: KeyError: 'secret'")


def test_networks_and_ports_and_several_values_of_a_header_are_looked_up() -> None:
    x = exchange(headers=[("x", "a"), ("x", "7")])
    x.conn.client_ip = "10.7.0.1"
    for text, name in (
        ("inCidrRange(conn.client_ip, '10.{}.0.0/16')", "7"),
        ("conn.client_port == 400{}", "0"),
        ("'{}' in getReqHeader('x')", "7"),
        ("req.headers['x'].exists(v, v == '{}' || v == 'b')", "7"),
        ("req.host.endsWith('{}.example')", ""),
    ):
        rules = [rule(text.format(i), name=str(i)) for i in range(10)]
        assert acted(rules, x) == ([name] if name else [])
        x.acted.clear()


def test_not_optimised_means_tried() -> None:
    assert "'/7'" in PhaseCode(paths(50), optimised=False).source
    x = exchange(target="/7")
    assert compile_phase(paths(50), optimised=False)(x) == Close("end")
    assert x.acted == ["path 7"]


def test_answers_pass_through() -> None:
    rules = [rule(f"req.url.path == '/{i}'", lambda x: Respond(201)) for i in range(10)]
    assert compile_phase(rules)(exchange(target="/1")) == Respond(201)
