from __future__ import annotations

from collections.abc import Callable

from policyc.grammar.codes import Code
from policyc.grammar.diagnostic import Diagnostic, Severity
from policyc.grammar.source import Source
from policyc.runtime.cli.formats import Occasion
from policyc.runtime.cli.formats.human import render

FILES = ("a dir/shop, one.policy", "/etc/other.yaml")


def test_findings_look_as_their_readers_see_them(
    golden: Callable[[str, str], None], findings: list[Diagnostic]
) -> None:
    golden("cli/human.txt", render(findings, Occasion(FILES)))


def test_colored_findings_differ_only_in_their_colors(
    golden: Callable[[str, str], None], findings: list[Diagnostic]
) -> None:
    colored = render(findings, Occasion(FILES, color=True))
    golden("cli/human-color.txt", colored)
    assert "\x1b[1;31merror[P9801]\x1b[0m" in colored


def test_control_characters_of_the_user_never_reach_the_terminal(findings: list[Diagnostic]) -> None:
    assert "\x1b" not in render(findings, Occasion(FILES))


def test_nothing_found_is_one_line() -> None:
    assert render([], Occasion(("shop.policy",))) == "shop.policy: nothing to report\n"


def test_span_that_ends_with_its_line_end_marks_that_line_only() -> None:
    source = Source("a.policy", "deny 401\nx\n")
    code = Code("P9804", "n", "t", "e", "w", "r")
    text = render([Diagnostic(code, Severity.ERROR, "m", source.span(0, 9))], Occasion(("a.policy",)))
    assert "1 | deny 401\n  | ^^^^^^^^\n" in text
    assert "2 |" not in text
