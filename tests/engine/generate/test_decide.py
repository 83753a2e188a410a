"""The function that decides, as it is written."""

from __future__ import annotations

from operator import attrgetter

from tests.evaluation import node_of

from policyc.engine.additions import AddToRequest
from policyc.engine.cel import ir
from policyc.engine.decision import Decided, ForwardTo
from policyc.engine.generate.decide import _changes
from policyc.engine.generate.phase import PhaseCode, RuleCode, compile_phase
from policyc.engine.outcome import Close
from policyc.engine.traffic import Exchange, FieldBlock, Headers, KnownLines, Request
from policyc.engine.variables import VARIABLES, Variable
from policyc.grammar.source import Source, Span

ADD = AddToRequest(KnownLines([("x-a", "1")]), {})
SPLIT = AddToRequest(KnownLines([("x-a", "1\r\nx-b: 2")]), {})


def stop(x: Exchange) -> Close:
    return Close("stop")


def rule(text: str, *steps: object, ends: bool = False) -> RuleCode:
    resumes = tuple(isinstance(step, ForwardTo) for step in steps)
    condition: ir.Node | None = node_of(text) if text else None
    return RuleCode(condition, steps, resumes, text, ends)  # type: ignore[arg-type]


def source(*rules: RuleCode) -> str:
    made = PhaseCode(rules, decides=True).source
    return made[made.index("def d0") :] if "def d0" in made else ""


def test_rules_look_and_nothing_is_done() -> None:
    made = source(
        rule("req.method == 'PUT'", stop, ends=True),
        rule("req.method == 'GET'", ADD),
        rule("", ADD, ADD),
        rule("req.method == 'POST'", ADD, ForwardTo("http://a.internal"), ends=True),
    )
    lines = [line.strip() for line in made.splitlines()]
    assert [line for line in lines if line.startswith("m ")] == ["m = 0", "m += 1", "m += 2", "m += 4"]
    assert lines.count("return None") == 2
    assert "acted" not in made


def test_what_follows_a_forward_for_all_is_not_written() -> None:
    made = source(
        rule("req.method == 'PUT'", stop, ends=True),
        rule("", ForwardTo("http://a.internal"), ends=True),
        rule("req.method == 'GET'", stop, ends=True),
    )
    assert "'PUT'" in made
    assert "'GET'" not in made


def test_lines_that_are_not_well_formed_are_no_known_ones() -> None:
    assert source(rule("", SPLIT)) == ""
    assert source(rule("", ADD)) != ""


def test_reference_and_other_phases_do_not_decide() -> None:
    rules = [rule("req.method == 'PUT'", stop, ends=True)]
    assert isinstance(compile_phase(rules, decides=True), Decided)
    assert not isinstance(compile_phase(rules), Decided)
    assert not isinstance(compile_phase(rules, optimised=False, decides=True), Decided)


def test_what_differs_from_request_to_request_is_known_to_change() -> None:
    fields = FieldBlock(
        b"host: a\r\naccept: b\r\nuser-agent: c\r\ncookie: d=e\r\ncontent-type: text/x; f=g\r\n"
    )

    def request(method: str, target: str, length: int | None) -> Request:
        return Request(
            method, "http", "a", target, Headers.received(fields), version="HTTP/1.1", content_length=length
        )

    one, other = request("GET", "/", None), request("POST", "/b%41/../c?d=e", 5)
    for path, variable in VARIABLES.items():
        if variable.record != "req" or path.startswith("req.ts."):
            continue
        if _value(variable, one) != _value(variable, other):
            assert _changes(read(variable)), path
    for path in ("conn.bytes_in", "conn.bytes_out"):
        assert _changes(read(VARIABLES[path]))
    for path in ("conn.client_ip", "endpoint.url", "req.headers", "req.host", "req.cookies"):
        assert not _changes(read(VARIABLES[path]))


def read(variable: Variable) -> ir.Var:
    return ir.Var(variable, variable.type, Span(Source("p.policy", ""), 0, 0))


def _value(variable: Variable, request: Request) -> object:
    value = attrgetter(variable.slot)(request)
    return variable.fill(request) if value is None and variable.fill is not None else value
