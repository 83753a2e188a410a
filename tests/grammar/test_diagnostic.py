from __future__ import annotations

from policyc.grammar.codes import Code
from policyc.grammar.diagnostic import Diagnostic, Report, Severity
from policyc.grammar.source import Source

CODE = Code("P9701", "name", "title", "Explanation.", "wrong", "right", ngrok=2203)
WARNING = Code("P9700", "other", "title", "Explanation.", "wrong", "right", severity="warning")
ONE = Source("one.policy", "abcdef")
TWO = Source("two.policy", "abcdef")


def test_severity_and_number_are_those_of_the_code_unless_given() -> None:
    report = Report()
    report.add(CODE, "a", ONE.span(0, 1))
    report.add(CODE, "b", ONE.span(0, 1), severity=Severity.HINT, ngrok=2204)
    first, second = report
    assert (first.severity, first.ngrok) == (Severity.ERROR, 2203)
    assert (second.severity, second.ngrok) == (Severity.HINT, 2204)


def test_same_finding_at_the_same_place_is_kept_once() -> None:
    report = Report()
    for _ in range(2):
        report.add(CODE, "a", ONE.span(0, 1))
    report.add(CODE, "a", ONE.span(1, 2))
    report.add(CODE, "a", TWO.span(0, 1))
    report.extend(list(report))
    assert len(report) == 3


def test_findings_are_sorted_by_source_as_met_then_by_place_and_code() -> None:
    report = Report()
    report.add(CODE, "a", TWO.span(3, 4))
    report.add(CODE, "b", ONE.span(2, 3))
    report.add(WARNING, "c", ONE.span(2, 3))
    report.add(CODE, "d", TWO.span(0, 1))
    assert [found.message for found in report.sorted()] == ["d", "a", "c", "b"]


def test_only_errors_refuse() -> None:
    report = Report()
    report.add(WARNING, "a", ONE.span(0, 1))
    assert not report.has_errors
    report.append(Diagnostic(CODE, Severity.ERROR, "b", ONE.span(0, 1)))
    assert report.has_errors
