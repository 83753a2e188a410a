from __future__ import annotations

from tests.engine.policies import found, only, work

from policyc.engine.draft import DraftRule, Kind, deliver
from policyc.engine.phases import Binding, Phase, Protocol
from policyc.grammar.diagnostic import Report


def rules_of(text: str) -> list[DraftRule]:
    return work(text).policies[0].in_order()[0].rules


def test_a_rule_knows_whether_it_applies_to_everything() -> None:
    texts = ["deny", "when true && 1 < 2 { deny }", "when false { deny }", "when req.method == 'A' { deny }"]
    rules = [rules_of(f"on_http_request {{ {text} }}")[0] for text in texts]
    assert [rule.constant for rule in rules] == [True, True, False, None]
    assert [rule.is_unconditional for rule in rules] == [True, True, False, False]


def test_a_condition_with_a_mistake_is_not_taken_for_true() -> None:
    rule = rules_of("on_http_request { when nope { deny } }")[0]
    assert rule.constant is None
    assert not rule.is_unconditional


def test_what_is_not_known_of_an_endpoint_excludes_no_phase() -> None:
    assert Kind().has(Phase.TCP_CONNECT)
    assert not Kind(Protocol.HTTPS, Binding.INTERNAL).has(Phase.TCP_CONNECT)


def test_a_finding_in_reused_rules_is_reported_at_the_use_with_the_text_as_label() -> None:
    text = "rules r { bogus }\non_http_request { use r }\non_http_response { use r }"
    first, second = found(text)
    assert (first.span.text, first.span.line) == ("use r", 2)
    assert (second.span.text, second.span.line) == ("use r", 3)
    assert [label.span.text for label in first.labels] == ["bogus"]


def test_a_finding_through_two_uses_shows_the_way() -> None:
    diagnostic = only(found("rules a { use b }\nrules b { bogus }\non_http_request { use a }"))
    assert diagnostic.span.text == "use a"
    assert [label.span.text for label in diagnostic.labels] == ["bogus", "use b"]


def test_a_finding_in_a_rule_of_its_own_stays_where_it_is() -> None:
    rule = rules_of("on_http_request { deny }")[0]
    inner, outer = Report(), Report()
    from policyc.engine.checks.actions import UNKNOWN_ACTION

    inner.add(UNKNOWN_ACTION, "x", rule.span)
    deliver(inner, rule, outer)
    assert list(outer) == list(inner)
