"""Several mistakes of one file are told at once, each at its place, and what is right is kept."""

from policyc.grammar import syntax
from policyc.grammar.diagnostic import Report
from policyc.grammar.parser import parse_policy
from policyc.grammar.source import Source


def read(written: str) -> tuple[syntax.Document, list[tuple[str, int]]]:
    report = Report()
    document = parse_policy(Source("x.policy", written), report)
    return document, [(d.code.id, d.span.line) for d in report.sorted()]


def names(document: syntax.Document) -> list[str]:
    out = []
    for item in document.items:
        if isinstance(item, syntax.Let | syntax.Rules):
            out.append(item.name)
        elif isinstance(item, syntax.Phase):
            out.append(f"{item.key.value}:{len(item.rules)}")
        elif isinstance(item, syntax.Endpoint):
            out.append(f"{item.url.value if item.url else ''}:{len(item.phases)}")
    return out


def test_each_broken_rule_is_told_and_the_others_are_kept() -> None:
    document, said = read(
        "on_http_request {\n"
        "  when a = 1 { deny }\n"
        "  rule { deny }\n"
        "  when good { deny }\n"
        "  forward-internal https://x.internal\n"
        "  log { a = 1, b: 2 }\n"
        '  rule "kept" { log { a: 1 } }\n'
        "}\n"
        "on_http_response { when a && { deny } }\n"
        "let b = 1\n"
    )
    assert said == [("P0106", 2), ("P0119", 3), ("P0116", 5), ("P0117", 6), ("P0134", 9)]
    # The forward without its URL is an action by itself, and stays.
    assert names(document) == ["on_http_request:3", "on_http_response:0", "b"]


def test_an_unclosed_brace_costs_one_message() -> None:
    document, said = read("on_http_request {\n  when a {\n    deny\n\n  when b { deny }\n}\nlet x = 1\n")
    assert said == [("P0102", 5)]
    assert names(document)[-1] == "x"


def test_an_item_at_the_beginning_of_a_line_ends_what_is_open() -> None:
    document, said = read(
        'endpoint "a" {\n  on_http_request {\n    deny\n  }\n\nendpoint "b" {}\nlet c = 1\n'
    )
    assert said == [("P0102", 6)]
    assert names(document) == ["b:0", "c"]


def test_an_unfinished_expression_does_not_swallow_the_next_let() -> None:
    document, said = read("let a = 1 +\nlet b = 2\nlet c = 3\n")
    assert said == [("P0134", 1)]
    assert names(document) == ["b", "c"]


def test_an_unclosed_string_ends_with_its_line() -> None:
    document, said = read('let a = "abc\nlet b = 2\non_x { deny "y }\n')
    assert said[0] == ("P0101", 1)
    assert ("P0101", 3) in said
    assert "b" in names(document)


def test_a_broken_action_does_not_empty_its_rule() -> None:
    _, said = read("on_http_request { when a { deny : } }")
    assert [code for code, _ in said] == ["P0100"]


def test_after_many_mistakes_the_rest_is_not_judged() -> None:
    _, said = read("x\n" * 1000)
    assert len(said) == 51
