"""Rules as the lines of a function."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.evaluation import exchange, node_of

from policyc.engine.generate.rule import RuleCode
from policyc.engine.generate.unit import Unit
from policyc.engine.generate.writer import Writer
from policyc.engine.outcome import Close, Fail, Outcome
from policyc.engine.traffic import Exchange, Request


def go_on(x: Exchange) -> None:
    """Do nothing."""


def end(x: Exchange) -> Outcome:
    return Close("end")


def after(x: Exchange) -> Outcome | None:
    return Close("after")


def rule(when: str | None, *steps: Callable[..., Outcome | None], ends: bool = False) -> RuleCode:
    condition = None if when is None else node_of(when)
    return RuleCode(condition, steps, (False,) * len(steps), ends=ends)


class Written:
    """A function with these rules, as source and to be called."""

    def __init__(self, *rules: RuleCode, acted: object = None) -> None:
        unit = Unit({number: f"rule {number + 1}" for number in range(len(rules))})
        name = None if acted is None else unit.module.capture(acted)
        writer = Writer(unit, "p0", after, [each.condition for each in rules], acted=name)
        for number, each in enumerate(rules):
            writer.add_rule(number, each)
        writer.write()
        self.source = unit.module.source
        self.lines = [line.strip() for line in self.source.splitlines()]
        self.origins = unit.origins
        self.run: Callable[[Exchange], object] = unit.load("test")["p0"]


def test_a_condition_that_cannot_fail_is_tested_as_it_is() -> None:
    written = Written(rule("req.method == 'GET'", end))
    assert not any(line.startswith("elif") for line in written.lines)
    assert written.run(exchange("GET")) == Close("end")
    assert written.run(exchange("PUT")) is None


def test_a_condition_that_may_fail_has_a_way_out() -> None:
    written = Written(rule("req.headers['x'][0] == 'a'", end))
    assert "elif c is None:" in written.lines
    assert written.run(exchange(headers=[("x", "a")])) == Close("end")
    failed = written.run(exchange())
    assert isinstance(failed, Fail)
    assert failed.code == 2254


@pytest.mark.parametrize("when", [None, "true"])
def test_a_rule_without_a_condition_is_not_tested(when: str | None) -> None:
    written = Written(rule(when, end))
    assert not any(line.startswith("if ") and "r :=" not in line for line in written.lines)


def test_the_name_is_noted_before_the_steps() -> None:
    def names(x: Exchange) -> Outcome:
        return Close(",".join(x.acted))

    assert Written(rule(None), rule(None, names)).run(exchange()) == Close("rule 1,rule 2")


def test_records_are_read_again_when_a_rule_has_acted() -> None:
    def rewrite(x: Exchange) -> None:
        old = x.req
        assert isinstance(old, Request)
        x.req = Request("PUT", old.scheme, old.host, "/", old.headers)

    written = Written(rule("req.method == 'GET'", rewrite), rule("req.method == 'PUT'", end))
    again = [at for at, line in enumerate(written.lines) if line.startswith("req = x.req; ")]
    assert again
    assert again[0] < written.lines.index("x.acted.append('rule 2')")
    assert written.run(exchange("GET")) == Close("end")


def test_a_step_that_answers_ends_the_function() -> None:
    written = Written(rule(None, end, lambda x: pytest.fail("behind the end")))
    assert written.run(exchange()) == Close("end")


def test_a_rule_that_goes_on_says_so_where_it_is_asked_to() -> None:
    acted = object()
    written = Written(rule("req.method == 'GET'", go_on), acted=acted)
    assert written.run(exchange("GET")) is acted
    assert written.run(exchange("PUT")) is None


def test_a_step_that_resumes_is_called_with_what_follows() -> None:
    kept: list[Callable[[Exchange], Outcome | None]] = []

    def resumes(x: Exchange, tail: Callable[[Exchange], Outcome | None]) -> Outcome:
        kept.append(tail)
        return Close("forwarded")

    def count(x: Exchange) -> None:
        x.vars["rest"] = True

    written = Written(RuleCode(None, (resumes, count), (True, False)))
    x = exchange()
    assert written.run(x) == Close("forwarded")
    assert "rest" not in x.vars
    assert kept[0](x) == Close("after")
    assert x.vars["rest"] is True


def test_the_last_step_of_a_rule_that_ends_needs_no_tail() -> None:
    def resumes(x: Exchange, tail: object) -> Outcome:
        return Close("no tail" if tail is None else "tail")

    assert Written(RuleCode(None, (resumes,), (True,), ends=True)).run(exchange()) == Close("no tail")


def test_an_exception_is_told_of_the_rule_whose_line_raised_it() -> None:
    def breaks(x: Exchange) -> None:
        raise ValueError("odd")

    failed = Written(rule(None, go_on), rule("req.method == 'GET'", breaks)).run(exchange("GET"))
    assert isinstance(failed, Fail)
    assert (failed.code, (failed.detail or "").split(" at ")[0]) == (2300, "rule 2: ValueError: odd")


def test_what_is_found_is_run_and_what_is_not_is_passed() -> None:
    unit = Unit({0: "a", 1: "b"})
    writer = Writer(unit, "p0", after)
    found = unit.module.capture({"GET": (0, 1)})
    writer.add_stretch(0, f"{found}.get(x.req.method)", lambda x, c: Close(str(c)), ends=True)
    writer.write()
    run = unit.load("test")["p0"]
    assert run(exchange("GET")) == Close("(0, 1)")
    assert run(exchange("PUT")) is None
