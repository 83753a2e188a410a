"""One function per phase."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from tests.evaluation import exchange, node_of

from policyc.engine.cel import ir
from policyc.engine.generate import phase
from policyc.engine.generate.phase import PhaseCode, RuleCode, compile_phase
from policyc.engine.outcome import Close, Fail, Outcome, Respond
from policyc.engine.traffic import Exchange, Request
from policyc.engine.types import BOOL
from policyc.engine.values import EvalError

Step = Callable[..., Outcome | None]


def rule(*steps: Step, when: str | None = None, name: str = "", resumes: Sequence[int] = ()) -> RuleCode:
    node = None if when is None else node_of(when)
    condition = None if node is None else ir.And((node,), BOOL, node.span)
    return RuleCode(condition, steps, tuple(i in resumes for i in range(len(steps))), name)


def note(text: str) -> Step:
    """Return a step that leaves its text in `vars.seen` and goes on."""

    def step(x: Exchange) -> None:
        x.vars["seen"] = [*seen(x), text]

    return step


def seen(x: Exchange) -> list[str]:
    found = x.vars.get("seen", [])
    assert isinstance(found, list)
    return found


def end(x: Exchange) -> Outcome:
    return Close("end")


def test_phase_without_rules_goes_on() -> None:
    assert compile_phase([])(exchange()) is None


def test_rules_run_in_order_until_one_ends_the_phase() -> None:
    x = exchange()
    run = compile_phase([rule(note("a"), note("b")), rule(note("c"), end, note("d")), rule(note("e"))])
    assert run(x) == Close("end")
    assert seen(x) == ["a", "b", "c"]
    assert x.acted == ["rule 1", "rule 2"]


def test_condition_decides_and_the_name_is_noted() -> None:
    x = exchange("POST")
    run = compile_phase(
        [
            rule(note("a"), when="req.method == 'GET'", name="gets"),
            rule(note("b"), when="req.method == 'POST'", name="it's a post"),
        ]
    )
    assert run(x) is None
    assert x.acted == ["it's a post"]


def test_condition_that_fails_ends_the_phase_with_2254() -> None:
    x = exchange()
    outcome = compile_phase([rule(end, when="req.headers['x'][0] == 'a'", name="broken"), rule(end)])(x)
    assert isinstance(outcome, Fail)
    assert (outcome.code, outcome.status) == (2254, 500)
    assert outcome.detail == "broken: no such key: x"
    assert "x" not in outcome.message.split()
    assert x.acted == []


def test_condition_that_is_no_bool_ends_the_phase_with_2254() -> None:
    outcome = compile_phase([rule(end, when="vars.a")])(exchange(variables={"a": "text"}))
    assert isinstance(outcome, Fail)
    assert outcome.code == 2254


def test_step_that_raises_ends_the_phase_with_2300() -> None:
    def broken(x: Exchange) -> None:
        raise KeyError("secret")

    outcome = compile_phase([rule(note("a")), rule(broken, name="second")])(exchange())
    assert isinstance(outcome, Fail)
    assert outcome.code == 2300
    assert outcome.detail.startswith("second: KeyError: 'secret' at ")
    assert "secret" not in outcome.message


def test_evaluation_error_of_a_step_is_not_one_of_the_condition() -> None:
    def broken(x: Exchange) -> None:
        raise EvalError("overflow", "int overflow")

    outcome = compile_phase([rule(broken, when="req.method == 'GET'")])(exchange())
    assert isinstance(outcome, Fail)
    assert outcome.code == 2300


def test_defect_in_a_condition_fails_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(record: Request) -> str:
        raise EvalError("overflow", "a filler that fails")

    node = node_of("req.url.path == '/'")
    assert isinstance(node, ir.Apply)
    read = node.args[0]
    assert isinstance(read, ir.Var)
    from policyc.grammar.frozen import replace

    bad = ir.Var(replace(read.variable, fill=wrong), read.type, read.span)
    condition = ir.Apply(node.function, node.overloads, (bad, node.args[1]), node.type, node.span)
    outcome = compile_phase([RuleCode(condition, (end,), (False,), "r")])(exchange())
    assert isinstance(outcome, Fail)
    assert outcome.code == 2254


def test_constant_condition_is_no_test() -> None:
    assert "if (" not in PhaseCode([RuleCode(node_of("true"), (), ())]).source


def test_later_rules_see_what_earlier_ones_changed() -> None:
    def other(x: Exchange) -> None:
        x.req = exchange("POST").req

    x = exchange("GET")
    run = compile_phase(
        [
            rule(other, when="req.method == 'GET'"),
            rule(end, when="req.method == 'POST' && req.method != 'GET'"),
        ]
    )
    assert run(x) == Close("end")


class Resuming:
    """A step that keeps its tail and answers what it is told to."""

    def __init__(self, answer: Outcome | None) -> None:
        self.answer = answer
        self.tail: Any = None

    def __call__(self, x: Exchange, tail: Callable[[Exchange], Outcome | None]) -> Outcome | None:
        self.tail = tail
        return self.answer


def test_tail_runs_the_rest_of_the_rule_and_the_rules_after_it() -> None:
    forward = Resuming(Respond(200))
    run = compile_phase(
        [
            rule(note("a")),
            rule(note("b"), forward, note("c"), note("d"), resumes=[1], when="req.method == 'GET'"),
            rule(note("e")),
        ]
    )
    x = exchange()
    assert run(x) == Respond(200)
    assert seen(x) == ["a", "b"]
    assert forward.tail(x) is None
    assert seen(x) == ["a", "b", "c", "d", "e"]
    assert x.acted == ["rule 1", "rule 2", "rule 3"]


def test_step_that_resumes_may_go_on_at_once() -> None:
    x = exchange()
    run = compile_phase([rule(Resuming(None), note("a"), resumes=[0]), rule(note("b"), end)])
    assert run(x) == Close("end")
    assert seen(x) == ["a", "b"]


def test_rest_is_skipped_where_the_condition_is_false() -> None:
    x = exchange("POST")
    run = compile_phase(
        [rule(Resuming(None), note("a"), resumes=[0], when="req.method == 'GET'"), rule(note("b"))]
    )
    assert run(x) is None
    assert seen(x) == ["b"]


def test_rest_may_resume_again() -> None:
    first, second = Resuming(Respond(200)), Resuming(Respond(201))
    run = compile_phase([rule(first, note("a"), second, note("b"), resumes=[0, 2]), rule(note("c"))])
    x = exchange()
    assert run(x) == Respond(200)
    assert first.tail(x) == Respond(201)
    assert second.tail(x) is None
    assert seen(x) == ["a", "b", "c"]


def test_tail_may_end_the_phase() -> None:
    first = Resuming(Respond(200))
    x = exchange()
    compile_phase([rule(first, end, resumes=[0]), rule(note("never"))])(x)
    assert first.tail(x) == Close("end")
    assert seen(x) == []


def test_exception_in_a_tail_is_an_outcome_too() -> None:
    def broken(x: Exchange) -> None:
        raise RuntimeError("no")

    first = Resuming(Respond(200))
    x = exchange()
    compile_phase([rule(first, broken, resumes=[0], name="r")])(x)
    outcome = first.tail(x)
    assert isinstance(outcome, Fail)
    assert outcome.detail.startswith("r: RuntimeError")


def test_code_grows_with_the_rules_where_all_resume() -> None:
    def size(count: int) -> int:
        rules = [
            rule(Resuming(None), note("a"), resumes=[0], when="req.method == 'GET'") for _ in range(count)
        ]
        return len(PhaseCode(rules).source)

    assert size(200) < 21 * size(10)


def test_many_rules_that_resume_do_not_fill_the_stack() -> None:
    rules = [rule(Resuming(None), note("a"), resumes=[0]) for _ in range(2000)]
    x = exchange()
    assert compile_phase(rules)(x) is None
    assert len(seen(x)) == 2000


def test_phase_is_cut_into_parts() -> None:
    count = 2 * phase.PART + 1
    code = PhaseCode([rule(note(str(i))) for i in range(count)])
    assert code.source.count("def p") == 3
    x = exchange()
    assert code.load()(x) is None
    assert seen(x) == [str(i) for i in range(count)]


def test_lines_tell_their_rule() -> None:
    code = PhaseCode(
        [rule(end, when="req.method == 'GET'"), rule(Resuming(None), note("a"), when="vars.a", resumes=[0])]
    )
    lines = code.source.splitlines()
    at = next(i for i, line in enumerate(lines, 1) if "'GET'" in line)
    assert code.rule_at(at) == (0, True)
    acted = next(i for i, line in enumerate(lines, 1) if "'rule 2'" in line)
    assert code.rule_at(acted) == (1, False)
    assert code.rule_at(0) is None


def test_thousand_rules_compile_in_a_second() -> None:
    rules = [
        rule(end, when=f"req.url.path.startsWith('/api/{i}/') && req.headers['x-{i}'][0] == 'k'")
        for i in range(1000)
    ]
    before = time.perf_counter()
    run = compile_phase(rules)
    took = time.perf_counter() - before
    assert run(exchange(target="/api/999/", headers=[("x-999", "k")])) == Close("end")
    assert took < 3, "a second on a quiet machine"
